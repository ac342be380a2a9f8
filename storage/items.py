"""Verdicts, the items they make, and the alerts they raise: one transaction for all.

An item is the thing for sale over re-posts and accounts. The first loud verdict makes it
and speaks (NEW); a louder one speaks again; everything else revises its card: another
post joining (REPOST), an edit (CHANGED), a vanishing (DELETED), a return (REAPPEARED).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from storage import late, ledger, outbox, search, verdicts, vigils
from storage.codec import Plain, dump, load, load_tuple
from storage.errors import DatabaseTrouble
from storage.membership import KnownItem, Looked, item_for, item_of_post, link, withdraw
from storage.model import (
    Alert,
    AlertKind,
    Evidence,
    Judgement,
    Lifetime,
    Observation,
    Picture,
    Tier,
    sha256_of,
)
from storage.outbox import AlertFacts
from storage.similar import Seen
from storage.tables import VerdictRow, key_of, pdqs_of, to_hex, to_signed
from storage.vault import Vault
from storage.writer import Batch

_PAGE = 2_000
_PICTURE = (
    "INSERT INTO picture (sha256, width, height, format, phash, dhash, undecodable, note, pdqs, quality, "
    "recipe, codes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET "
    "width = excluded.width, height = excluded.height, format = excluded.format, phash = excluded.phash, "
    "dhash = excluded.dhash, undecodable = excluded.undecodable, note = excluded.note, "
    "pdqs = excluded.pdqs, quality = excluded.quality, recipe = excluded.recipe, codes = excluded.codes"
)
_KIND_OF_LOOK = {
    Observation.MISSING: AlertKind.DELETED,
    Observation.REAPPEARED: AlertKind.REAPPEARED,
    Observation.CHANGED: AlertKind.CHANGED,
}


async def record(
    vault: Vault,
    judgement: Judgement,
    *,
    announce: tuple[str, ...],
    jurisdiction: str,
    tags: tuple[str, ...],
    too_soon: bool,
) -> Alert | None:
    """See `Store.record`."""
    text = verdicts.record(judgement)

    async def job(batch: Batch) -> str:
        look = await look_of(batch, judgement.evidence)
        if look.judged:
            return await _alert_of(batch, look.seq)
        keep_verdict(batch, look, judgement, text)
        if too_soon:
            late.add(batch, look.seq)
        item = await item_for(batch, look, judgement)
        if item is None:
            return ""
        if item.same_post and not await _have_it(batch, item.card, announce):
            item = replace(item, same_post=False)  # it is news to those whom the other target does not tell
        facts = _speak(look, judgement, item, jurisdiction, tags)
        if facts is None:
            await link(batch, item, judgement.judged_at)
            if item.same_post and item.card:
                await _follow(batch, look, item.card, judgement.judged_at, announce=announce)
            return ""
        alert_id = outbox.put(batch, facts, announce)
        await after_speaking(batch, look, item, facts, alert_id=alert_id, announce=announce)
        return alert_id

    alert_id = await vault.submit(job)
    return (await outbox.load_alerts(vault.database, [alert_id]))[alert_id] if alert_id else None


async def _have_it(batch: Batch, card: str, announce: Sequence[str]) -> bool:
    """Whether all these channels have the card, or will."""
    sql = (
        "SELECT DISTINCT channel FROM delivery WHERE channel IN (SELECT value FROM json_each(?)) "
        "AND card = ? AND state <> 'withdrawn'"
    )
    rows = await batch.rows(sql, (json.dumps(announce), card))
    return len(rows) == len(set(announce))


async def look_of(batch: Batch, evidence: Evidence) -> Looked:
    """The row of a look. Raises DatabaseTrouble when it was erased."""
    sql = "SELECT seq, post_key, observation, judged FROM observation WHERE evidence_id = ?"
    rows = await batch.rows(sql, (evidence.evidence_id,))
    if not rows:
        raise DatabaseTrouble(f"no evidence {evidence.evidence_id!r} in this store")
    seq, post_key, observation, judged = rows[0]
    return Looked(seq=seq, post_key=post_key, observation=Observation(observation), judged=bool(judged))


async def _alert_of(batch: Batch, seq: int) -> str:
    """The alert that judging this look raised the first time, or ""."""
    sql = "SELECT alert_id FROM alert WHERE seq = ? AND kind IN ('new', 'repost', 'changed')"
    rows = await batch.rows(sql, (seq,))
    return str(rows[0][0]) if rows else ""


def keep_verdict(batch: Batch, look: Looked, judgement: Judgement, text: bytes) -> None:
    """The verdict's row and its leaf: the log holds the hash of `text`, the row the text."""
    facts: dict[str, Plain] = {
        "evidence_id": judgement.evidence.evidence_id,
        "record_sha256": sha256_of(text),
    }
    leaf = ledger.append(batch, verdicts.KIND, facts, judgement.judged_at)
    batch.urgent |= judgement.verdict.tier is Tier.URGENT
    batch.many("UPDATE observation SET judged = 1 WHERE seq = ?", (look.seq,))
    batch.add(
        VerdictRow(
            seq=look.seq,
            score=judgement.verdict.score,
            tier=judgement.verdict.tier.value,
            verdict=dump(judgement.verdict),
            matches=dump(judgement.matches),
            judged_at=judgement.judged_at,
            leaf=leaf,
            record=text.decode(),
        )
    )
    for picture in judgement.pictures:
        batch.many(_PICTURE, _picture_values(picture))
    if judgement.verdict.contacts:
        batch.many(search.INSERT, (2 * look.seq + 1, "", search.contacts(judgement.verdict.contacts)))


def _picture_values(picture: Picture) -> tuple[object, ...]:
    return (
        picture.sha256,
        picture.width,
        picture.height,
        picture.format,
        to_signed(picture.phash) if picture.phash else None,
        to_signed(picture.dhash) if picture.dhash else None,
        picture.undecodable,
        picture.note,
        bytes.fromhex("".join(picture.pdqs)) or None,
        picture.quality,
        picture.recipe,
        dump(picture.codes) if picture.codes else None,
    )


# --- what is said ---------------------------------------------------------------


def _speak(
    look: Looked, judgement: Judgement, item: KnownItem, jurisdiction: str, tags: tuple[str, ...]
) -> AlertFacts | None:
    """What this verdict makes people hear, or None. Revisions carry the item's loudest tier."""
    tier = judgement.verdict.tier
    if tier.rank < item.tier.rank:
        kind, revises = AlertKind.NEW, ""
    elif look.observation is Observation.CHANGED and not item.joined and item.card:
        kind, revises = AlertKind.CHANGED, item.card
    elif item.joined and tier is not Tier.NONE and not item.same_post:
        kind, revises = AlertKind.REPOST, item.card
    else:
        return None
    return AlertFacts(
        kind=kind,
        tier=tier if kind is AlertKind.NEW else item.tier,
        created_at=judgement.judged_at,
        item_id=item.item_id,
        seq=look.seq,
        revises=revises,
        jurisdiction=jurisdiction,
        tags=tags,
    )


async def after_speaking(
    batch: Batch, look: Looked, item: KnownItem, facts: AlertFacts, *, alert_id: str, announce: Sequence[str]
) -> None:
    """The item's card and the vigil follow; a vanishing that came before the verdict is told now."""
    card = item.card
    if not facts.revises:
        card = alert_id
        sql = "UPDATE item SET tier = ?, card = ? WHERE item_id = ?"
        batch.many(sql, (facts.tier.value, alert_id, item.item_id))
    elif item.instead:
        await withdraw(batch, item, facts.created_at)
    await link(batch, item, facts.created_at, revised=facts.revises)
    await _follow(batch, look, card, facts.created_at, announce=announce)


async def _follow(batch: Batch, look: Looked, card: str, at: datetime, *, announce: Sequence[str]) -> None:
    """Watch the post on for its card, and tell there that it vanished before it was judged."""
    vigils.mark_matched(batch, look.post_key, at)
    sql = "SELECT seq, observation, lifetime FROM observation WHERE post_key = ? ORDER BY seq DESC LIMIT 1"
    seq, observation, lifetime = (await batch.rows(sql, (look.post_key,)))[0]
    if seq > look.seq and observation == Observation.MISSING.value:
        latest = Looked(seq=seq, post_key=look.post_key, observation=Observation.MISSING, judged=True)
        told = None if lifetime is None else load(Lifetime, lifetime)
        await _revise(batch, latest, card, at, announce=announce, lifetime=told)


async def revise(batch: Batch, kept: Evidence, *, announce: Sequence[str], lifetime: Lifetime | None) -> None:
    """Tell that a post vanished or came back, when its item has a card; part of sealing."""
    post_key = key_of(kept.target, kept.post.post_id)
    item = await item_of_post(batch, post_key)
    if item is not None and item.card:
        look = Looked(seq=kept.leaf_index, post_key=post_key, observation=kept.observation, judged=True)
        await _revise(batch, look, item.card, kept.sealed_at, announce=announce, lifetime=lifetime)


async def _revise(
    batch: Batch,
    look: Looked,
    card: str,
    at: datetime,
    *,
    announce: Sequence[str],
    lifetime: Lifetime | None,
) -> None:
    kind = _KIND_OF_LOOK[look.observation]
    sql = "SELECT item_id, tier, jurisdiction, tags FROM alert WHERE alert_id = ?"
    item_id, tier, jurisdiction, tags = (await batch.rows(sql, (card,)))[0]
    told = await batch.rows("SELECT 1 FROM alert WHERE seq = ? AND kind = ?", (look.seq, kind.value))
    if told:
        return
    facts = AlertFacts(
        kind=kind,
        tier=Tier(tier),
        created_at=at,
        item_id=item_id,
        seq=look.seq,
        revises=card,
        lifetime=lifetime,
        jurisdiction=jurisdiction,
        tags=load_tuple(str, tags),
    )
    outbox.put(batch, facts, announce)


async def pictures(vault: Vault) -> AsyncIterator[list[Seen]]:
    """See `Store.pictures`."""
    sql = (
        "SELECT e.id, e.sha256, p.phash, p.pdqs, o.evidence_id, coalesce(v.tier, 'none') "
        "FROM evidence_picture e JOIN picture p ON p.sha256 = e.sha256 JOIN observation o ON o.seq = e.seq "
        "LEFT JOIN verdict v ON v.seq = e.seq WHERE e.id > ? "
        "AND (p.phash IS NOT NULL OR p.pdqs IS NOT NULL) ORDER BY e.id LIMIT ?"
    )
    after = -1
    while rows := await vault.database.rows(sql, (after, _PAGE)):
        after = rows[-1][0]
        yield [
            Seen(
                sha256=sha256,
                phash="" if phash is None else to_hex(phash),
                pdqs=pdqs_of(pdqs),
                known=known,
                tier=Tier(tier),
            )
            for _, sha256, phash, pdqs, known, tier in rows
        ]
