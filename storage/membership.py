"""Which item a post belongs to: its own, that of a picture it shares, or a new one; and when two are one.

A post may be told for its words before its picture could be had, or before the known pictures were all
gathered after a start: it founds an item, and what it shows turns out to be of another. Then the item
that it founded becomes part of the other, as if that had been known at first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from storage import twins
from storage.codec import micros
from storage.database import Row
from storage.model import Judgement, Observation, PictureMatch, Tier, new_id
from storage.observations import PICTURES_PER_EVIDENCE
from storage.writer import Batch

_ITEM = (
    "INSERT INTO item (item_id, tier, first_evidence, members, card, created_at) VALUES (?, ?, ?, 0, '', ?)"
)
# A row may be there whose item is gone; a post is judged all the same.
_MEMBER = (
    "INSERT INTO member (post_key, item_id, joined_at) VALUES (?, ?, ?) ON CONFLICT (post_key) "
    "DO UPDATE SET item_id = excluded.item_id, joined_at = excluded.joined_at"
)
_SHOWS = "INSERT OR IGNORE INTO item_known (known_sha256, item_id) VALUES (?, ?)"
_OF_KNOWN = (
    "SELECT i.item_id, i.tier, i.card FROM item_known k JOIN item i ON i.item_id = k.item_id "
    "WHERE k.known_sha256 = ?"
)
_OF_PICTURE = (
    "SELECT i.item_id, i.tier, i.card FROM observation o JOIN member m ON m.post_key = o.post_key "
    "JOIN item i ON i.item_id = m.item_id WHERE (o.evidence_id = ?1 OR o.seq IN "
    "(SELECT seq FROM evidence_picture WHERE sha256 = ?2 ORDER BY id LIMIT 500)) AND i.item_id <> ?3 "
    "ORDER BY i.created_at, i.item_id LIMIT 1"
)
_OF_EVIDENCE = (
    "SELECT i.item_id, i.tier, i.card FROM observation o JOIN member m ON m.post_key = o.post_key "
    "JOIN item i ON i.item_id = m.item_id WHERE o.evidence_id = ?"
)
# By the id that says the look: `seq` alone has no index.
_OF_LOOK = "{0}.id >= {1}.seq * {2} AND {0}.id < ({1}.seq + 1) * {2}"
_FIRST_PICTURES = _OF_LOOK.format("e", "f", PICTURES_PER_EVIDENCE)
_ANY_PICTURE = f"SELECT 1 FROM evidence_picture y WHERE {_OF_LOOK.format('y', 'x', PICTURES_PER_EVIDENCE)}"  # noqa: S608 -- our words
_FOUNDED = (
    "SELECT i.members, e.sha256 FROM item i JOIN observation o ON o.evidence_id = i.first_evidence "  # noqa: S608 -- our words
    "LEFT JOIN observation f ON f.seq = (SELECT min(x.seq) FROM observation x "
    f"WHERE x.post_key = o.post_key AND x.seq >= o.seq AND EXISTS ({_ANY_PICTURE})) "
    f"LEFT JOIN evidence_picture e ON {_FIRST_PICTURES} WHERE i.item_id = ? AND o.post_key = ?"
)
"""How many posts it has, one row for each picture that its first look with any showed; none when another
began it."""
_MOVES = (
    "UPDATE item SET members = members + (SELECT members FROM item WHERE item_id = ?2) WHERE item_id = ?1",
    (
        "UPDATE item SET (first_evidence, created_at) = (SELECT first_evidence, created_at FROM item "
        "WHERE item_id IN (?1, ?2) ORDER BY created_at, item_id LIMIT 1) WHERE item_id = ?1"
    ),
    "UPDATE member SET item_id = ?1 WHERE item_id = ?2",
    "UPDATE item_known SET item_id = ?1 WHERE item_id = ?2",
    "UPDATE alert SET item_id = ?1 WHERE item_id = ?2",
)
# All or nothing: what may have arrived, is shown among others or was revised may be known to somebody, and
# whoever has no card of the other, or one that is done with, would hear of neither.
_NEEDS_NO_WORD = (
    f"SELECT 1 FROM delivery WHERE card = ?2 AND alert_id IN {twins.OF_CARD.format('?2')} "  # noqa: S608 -- our words
    "AND EXISTS (SELECT 1 FROM alert a JOIN observation o ON o.seq = a.seq "
    "WHERE a.alert_id = ?2 AND o.post_key = ?3) "
    "GROUP BY card HAVING min(alert_id = ?2 AND state = 'waiting' AND NOT uncertain AND inside IS NULL "
    "AND channel IN (SELECT channel FROM delivery WHERE alert_id = ?1 "
    "AND state IN ('waiting', 'sending', 'delivered')))"
)
# Kept as a row: a lane that has it in hand may tell it all the same, and says so there.
_WITHDRAW = (
    "UPDATE delivery SET state = 'withdrawn', why = ?3 WHERE card = ?1 AND alert_id = ?1 "
    "AND state = 'waiting' AND NOT uncertain AND inside IS NULL AND channel IN "
    "(SELECT channel FROM delivery WHERE alert_id = ?2)"
)
_NOBODYS = "DELETE FROM duty WHERE alert_id = ? AND state = 'new' AND version = 0 AND level = 0"
_TIERS = "SELECT alert_id, tier FROM alert WHERE alert_id IN (?, ?)"
_RESOLVED = "SELECT 1 FROM duty WHERE alert_id = ? AND state = 'resolved'"
_TOLD = "SELECT 1 FROM delivery WHERE alert_id = ? AND state <> 'withdrawn' LIMIT 1"
_CALM = "UPDATE escalation SET done_at = ?, outcome = '' WHERE alert_id = ? AND done_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownItem:
    """An item as this transaction sees it. joined: the post was not in it before.

    instead: an alert that waits and need not be told, once what comes next is said on the item's card.
    later: the later card of two items that this transaction found to be one, "" otherwise.
    same_post: the post was in it before, by another target's name.
    """

    item_id: str
    tier: Tier
    card: str
    joined: bool = False
    instead: str = ""
    later: str = ""
    same_post: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The observation a judgement is about."""

    seq: int
    post_key: str
    observation: Observation
    judged: bool


async def item_for(batch: Batch, look: Looked, judgement: Judgement) -> KnownItem | None:
    """The post's item; else the one it has elsewhere, or of a matching picture; else, when loud, a new one.

    An item that the post founded is given up for that of a matching picture.
    """
    own = await item_of_post(batch, look.post_key)
    if own is not None:
        return await _found_to_be(batch, look, judgement, own)
    return await _first_item(batch, look, judgement)


async def item_of_post(batch: Batch, post_key: str) -> KnownItem | None:
    """The item in which a post is."""
    sql = (
        "SELECT i.item_id, i.tier, i.card FROM member m JOIN item i ON i.item_id = m.item_id "
        "WHERE m.post_key = ?"
    )
    rows = await batch.rows(sql, (post_key,))
    return _known(rows[0], joined=False) if rows else None


async def _first_item(batch: Batch, look: Looked, judgement: Judgement) -> KnownItem | None:
    """Of a post that was in none; one that another target's name has in an item is no further post of it."""
    if judgement.elsewhere:
        rows = await batch.rows(_OF_EVIDENCE, (judgement.elsewhere,))
        if rows:
            batch.many(_MEMBER, (look.post_key, rows[0][0], micros(judgement.judged_at)))
            return replace(_known(rows[0], joined=True), same_post=True)
    item = await _item_of_pictures(batch, judgement.matches)
    if item is None and judgement.verdict.tier is not Tier.NONE:
        item = _new_item(batch, judgement)
    if item is not None:
        batch.many(_MEMBER, (look.post_key, item.item_id, micros(judgement.judged_at)))
        batch.many("UPDATE item SET members = members + 1 WHERE item_id = ?", (item.item_id,))
        _show(batch, item, judgement.matches)
    return item


def _show(batch: Batch, item: KnownItem, matches: Sequence[PictureMatch]) -> None:
    """Let posts that show the same gallery pictures join this item, unless they are those of another."""
    for match in _sure(matches):
        if match.known.startswith("gallery:"):
            batch.many(_SHOWS, (match.known_sha256, item.item_id))


async def _item_of_pictures(
    batch: Batch, matches: Sequence[PictureMatch], *, besides: str = ""
) -> KnownItem | None:
    """The oldest item with the nearest picture: by the evidence named or the first 500 with those bytes.

    Posts that show the same gallery picture are one item, though each altered it in its own way.
    besides: an item that is not looked for.
    """
    for match in sorted(_sure(matches), key=lambda m: m.surest_first):
        if match.known.startswith("gallery:"):
            rows = await batch.rows(_OF_KNOWN, (match.known_sha256,))
        else:
            rows = await batch.rows(_OF_PICTURE, (match.known, match.known_sha256, besides))
        if rows and rows[0][0] != besides:
            return _known(rows[0], joined=True)
    return None


# --- two that are one -----------------------------------------------------------


async def _found_to_be(batch: Batch, look: Looked, judgement: Judgement, own: KnownItem) -> KnownItem:
    """The item of a post that is in one: another, where what it shows is known by now to be of that."""
    matches = _sure(judgement.matches)
    founded = await batch.rows(_FOUNDED, (own.item_id, look.post_key)) if matches else []
    if not founded:
        return own
    # An edit may put other goods in place of the first: of these its item's other posts know nothing.
    shown = {sha256 for _, sha256 in founded if sha256}
    if shown and founded[0][0] > 1:
        matches = [match for match in matches if match.sha256 in shown]
    other = await _item_of_pictures(batch, matches, besides=own.item_id)
    item = own if other is None else await _moved(batch, own, other, look, judgement)
    _show(batch, item, matches)
    return item


async def _moved(
    batch: Batch, own: KnownItem, other: KnownItem, look: Looked, judgement: Judgement
) -> KnownItem:
    """Make `own` part of `other`, which has the louder tier of both from then on, and one card for both."""
    for sql in _MOVES:
        await batch.run(sql, (other.item_id, own.item_id))
    await batch.run("DELETE FROM item WHERE item_id = ?", (own.item_id,))
    louder = own.tier.rank < other.tier.rank
    free = not louder and await _needs_no_word(batch, own.card, other.card, look)
    instead = own.card if free else ""
    card = other.card if instead else await _card_of_both(batch, own.card, other.card, louder=louder)
    if not await batch.rows(_TOLD, (own.card,)):
        await batch.run(_CALM, (micros(judgement.judged_at), own.card))
    tier = own.tier if louder else other.tier
    later = max(own.card, other.card)
    both = replace(other, tier=tier, card=card, instead=instead, later=later)
    sql = "UPDATE item SET tier = ?, card = ? WHERE item_id = ?"
    await batch.run(sql, (both.tier.value, both.card, both.item_id))
    return both


async def _needs_no_word(batch: Batch, own: str, other: str, look: Looked) -> bool:
    """Whether nobody heard of the one, and all who would have a card of the other, as loud and not resolved.

    The item may be louder than its card: for one that was called a false alarm. And what is said in its place
    is said of the post that is looked at: a card of another post is told.
    """
    if not await batch.rows(_NEEDS_NO_WORD, (other, own, look.post_key)):
        return False
    tiers = {row[0]: Tier(row[1]) for row in await batch.rows(_TIERS, (own, other))}
    return tiers[other].rank <= tiers[own].rank and not await batch.rows(_RESOLVED, (other,))


async def withdraw(batch: Batch, item: KnownItem, at: datetime) -> None:
    """Nobody hears anew of a known thing: what was just put into the outbox revises the card they have."""
    why = f"its item was found to be that of alert {item.card}"
    await batch.run(_WITHDRAW, (item.instead, item.card, why))
    await batch.run(_CALM, (micros(at), item.instead))
    await batch.run(_NOBODYS, (item.instead,))


async def link(batch: Batch, item: KnownItem, at: datetime, *, revised: str = "") -> None:
    """Of two that were found to be one, one goes further, and the later card says which it belongs to.

    revised: the card that says something anyway, "" for none.
    """
    if not item.later:
        return
    await twins.settle(batch, item.item_id, at)
    shown = [one.alert_id for one in await twins.cards(batch, item.item_id, at) if one.shown]
    if item.later != revised and item.later in shown[1:]:
        await twins.show(batch, item.later, at)


async def _card_of_both(batch: Batch, own: str, other: str, *, louder: bool) -> str:
    """The louder or later of two, if anybody has it and is not done with it. Ids of alerts go by time.

    A seller has one advert called a false alarm, and shows a picture of the other in it: what becomes of that
    is not for a card at which nobody looks any more.
    """
    for sql, better in ((_TOLD, True), (_RESOLVED, False)):  # not told: a mute spoke of it
        of_own, of_other = [bool(await batch.rows(sql, (card,))) is better for card in (own, other)]
        if of_own is not of_other:
            return own if of_own else other
    return own if louder or own > other else other


def _sure(matches: Sequence[PictureMatch]) -> list[PictureMatch]:
    return [match for match in matches if match.is_sure]


def _known(row: Row, *, joined: bool) -> KnownItem:
    item_id, tier, card = row
    return KnownItem(item_id=item_id, tier=Tier(tier), card=card, joined=joined)


def _new_item(batch: Batch, judgement: Judgement) -> KnownItem:
    item_id = new_id(judgement.judged_at)
    first, at = judgement.evidence.evidence_id, micros(judgement.judged_at)
    batch.many(_ITEM, (item_id, Tier.NONE.value, first, at))
    return KnownItem(item_id=item_id, tier=Tier.NONE, card="", joined=True)
