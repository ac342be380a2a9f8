"""A verdict in place of another: words read in the pictures of a post, or what came later, say more.

The verdict before stays, set aside, and the log names both. Where the new one is louder than the item
it speaks anew, as a louder look would; else it revises the item's card with what was found.
"""

from __future__ import annotations

from dataclasses import replace

from storage import items, membership, outbox, search, verdicts
from storage.codec import dump, load
from storage.model import Alert, AlertKind, Judgement, Tier, Verdict
from storage.outbox import AlertFacts
from storage.vault import Vault
from storage.writer import Batch

_SET_ASIDE = (
    "INSERT INTO verdict_before (leaf, seq, score, tier, verdict, matches, judged_at, record) "
    "SELECT leaf, seq, score, tier, verdict, matches, judged_at, record FROM verdict WHERE seq = ?"
)
_UNSEARCH = "INSERT INTO search(search, rowid, post, contacts) VALUES ('delete', ?, ?, ?)"


async def renew(
    vault: Vault,
    judgement: Judgement,
    *,
    announce: tuple[str, ...],
    jurisdiction: str,
    tags: tuple[str, ...],
    kind: AlertKind,
) -> Alert | None:
    """See `Store.renew`."""
    text = verdicts.record(judgement)

    async def job(batch: Batch) -> str:
        rows = await batch.rows(
            "SELECT v.seq, v.leaf, v.verdict FROM observation o JOIN verdict v ON v.seq = o.seq "
            "WHERE o.evidence_id = ?",
            (judgement.evidence.evidence_id,),
        )
        # Erased meanwhile, of before the log held verdicts, or the very same: nothing to renew.
        if not rows or rows[0][1] is None or rows[0][2] == dump(judgement.verdict):
            return ""
        before = load(Verdict, rows[0][2])
        if _says_less(judgement.verdict, before):
            return ""
        await _set_aside(batch, rows[0][0], before)
        look = await items.look_of(batch, judgement.evidence)
        items.keep_verdict(batch, look, judgement, text)
        item = await membership.item_for(batch, look, judgement)
        facts = await _words(batch, look.seq, judgement, item, kind) if item else None
        if item is None:
            return ""
        if facts is None:
            await membership.link(batch, item, judgement.judged_at)
            return ""
        facts = replace(facts, jurisdiction=jurisdiction, tags=tags)
        alert_id = outbox.put(batch, facts, announce)
        await items.after_speaking(batch, look, item, facts, alert_id=alert_id, announce=announce)
        return alert_id

    alert_id = await vault.submit(job)
    return (await outbox.load_alerts(vault.database, [alert_id]))[alert_id] if alert_id else None


def _says_less(verdict: Verdict, before: Verdict) -> bool:
    """Whether it is softer and tells nothing new: it was weighed before the one that stands was found."""
    return verdict.tier.rank > before.tier.rank and set(verdict.contacts) <= set(before.contacts)


async def _set_aside(batch: Batch, seq: int, before: Verdict) -> None:
    await batch.flush()
    await batch.run(_SET_ASIDE, (seq,))
    await batch.run("DELETE FROM verdict WHERE seq = ?", (seq,))
    if before.contacts:
        await batch.run(_UNSEARCH, (2 * seq + 1, "", search.contacts(before.contacts)))


async def _words(
    batch: Batch, seq: int, judgement: Judgement, item: membership.KnownItem, kind: AlertKind
) -> AlertFacts | None:
    """What people hear of it. A look speaks once as new, and once more of each kind."""
    tier = judgement.verdict.tier
    louder = tier.rank < item.tier.rank
    told = await batch.rows("SELECT kind FROM alert WHERE seq = ?", (seq,))
    kinds = {str(row[0]) for row in told}
    fresh = louder and AlertKind.NEW.value not in kinds
    if not fresh and (kind.value in kinds or tier is Tier.NONE or not (louder or item.card)):
        return None
    if not louder and await _was_looked_at_since(batch, seq):  # the card says more by now
        return None
    return AlertFacts(
        kind=AlertKind.NEW if fresh else kind,
        tier=tier if louder else item.tier,
        created_at=judgement.judged_at,
        item_id=item.item_id,
        seq=seq,
        revises="" if louder else item.card,
    )


async def _was_looked_at_since(batch: Batch, seq: int) -> bool:
    sql = (
        "SELECT 1 FROM observation o JOIN observation n ON n.post_key = o.post_key AND n.seq > o.seq "
        "WHERE o.seq = ? LIMIT 1"
    )
    return bool(await batch.rows(sql, (seq,)))
