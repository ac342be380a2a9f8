"""Finding evidence by words in any script, contacts, target, time and loudness."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from storage import search
from storage.codec import clean, load, micros, moment
from storage.database import Row
from storage.model import Lifetime, Observation, Post, Tier
from storage.tables import key_of

if TYPE_CHECKING:
    from storage.store import Store


class Standing(StrEnum):
    """How a post is now, as far as its watch knows."""

    UP = "up"
    GONE = "gone"
    """Its last kept look found it deleted, confirmed."""
    UNKNOWN = "unknown"
    """Nobody looks at it by itself (any more), or a look missed it and that is not confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """How the post of a hit is now. at: when it was first missed, if it is gone; else when last seen up.

    None when there is no record of that.
    """

    state: Standing = Standing.UNKNOWN
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One hit of `find`. tier, score: of its verdict, NONE and 0 while there is none.

    A look that found its post gone is not judged: it has the loudest verdict of that post.
    contacts: found by judging in any look at the post. now: of the post, whichever look this is.
    """

    evidence_id: str
    target: str
    post_id: str
    observation: Observation
    title: str
    seller: str
    url: str
    captured_at: datetime
    tier: Tier
    score: int
    item_id: str
    leaf_index: int
    contacts: tuple[str, ...] = ()
    now: Now = Now()


_LOUDNESS = " ".join(f"WHEN '{tier.value}' THEN {tier.rank}" for tier in Tier)
_VERDICT = (
    f"CASE o.observation WHEN '{Observation.MISSING.value}' THEN (SELECT x.seq FROM observation y "  # noqa: S608 -- our words
    "JOIN verdict x ON x.seq = y.seq WHERE y.post_key = o.post_key "
    f"ORDER BY CASE x.tier {_LOUDNESS} END, x.score DESC, x.seq DESC LIMIT 1) ELSE o.seq END"
)
"""The seq of the verdict a look is found with."""
# The words of a look that found nothing stand in the looks before it: they are searched for by the post.
_IN_LOOK = "o.seq IN (SELECT rowid / 2 FROM search WHERE search MATCH ?)"
_IN_POST = (
    "o.post_key IN (SELECT p.post_key FROM observation p "
    "WHERE p.seq IN (SELECT rowid / 2 FROM search WHERE search MATCH ?))"
)


NOW = (
    "SELECT k.value, o.observation, o.lifetime, o.captured_at, w.last_seen_at, "
    "w.next_look_at IS NOT NULL AND NOT w.closed AND w.missing_looks = 0 "
    "FROM json_each(?) k JOIN observation o ON o.seq = "
    "(SELECT l.seq FROM observation l WHERE l.post_key = k.value ORDER BY l.seq DESC LIMIT 1) "
    "LEFT JOIN watched w ON w.post_key = k.value"
)
"""Of posts in a JSON list of keys: the last look that was kept, and the row of the watch."""


async def find(
    store: Store,
    *,
    text: str = "",
    target: str = "",
    post_id: str = "",
    contact: str = "",
    item: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    tier: Tier | None = None,
    vanished: bool = False,
    limit: int = 50,
) -> tuple[Found, ...]:
    """Evidence that fits every condition given, newest first.

    text: words in any script, each part of the post or of the contacts found in it. contact:
    a phone number or account name; spaces, dashes and dots do not matter. tier: at least as
    loud as this. since, until: of capture, aware, the latter excluded. vanished: only the looks
    that found a post gone, with words and contacts of any look at it.
    """
    named = {"o.target": target, "m.item_id": item, "o.post_id": post_id}
    where = [
        *_worded(text, contact, _IN_POST if vanished else _IN_LOOK),
        *((f"{column} = ?", (clean(wanted),)) for column, wanted in named.items() if wanted),
        *_timed(since, until),
        *_loud(tier),
        *([("o.observation = ?", (Observation.MISSING.value,))] if vanished else []),
    ]
    values = [value for _, given in where for value in given]
    conditions = " AND ".join(condition for condition, _ in where) or "1"
    sql = (
        "SELECT o.evidence_id, o.target, o.post_id, o.observation, o.post, o.captured_at, "  # noqa: S608 -- our words
        "coalesce(v.tier, 'none'), coalesce(v.score, 0), coalesce(m.item_id, ''), o.seq, "
        "(SELECT group_concat(json_extract(w.verdict, '$.contacts'), char(10)) FROM observation c "
        "JOIN verdict w ON w.seq = c.seq WHERE c.post_key = o.post_key) "
        f"FROM observation o LEFT JOIN verdict v ON v.seq = {_VERDICT} "
        f"LEFT JOIN member m ON m.post_key = o.post_key WHERE {conditions} "
        "ORDER BY o.seq DESC LIMIT ?"
    )
    found = [_found(row) for row in await store.vault.database.rows(sql, (*values, limit))]
    keys = {one.evidence_id: key_of(one.target, one.post_id) for one in found}
    standing = await _now(store, set(keys.values()))
    return tuple(replace(one, now=standing.get(keys[one.evidence_id], Now())) for one in found)


async def _now(store: Store, post_keys: Iterable[str]) -> dict[str, Now]:
    """How these posts are now, by key: one query, by index for each."""
    rows = await store.vault.database.rows(NOW, (json.dumps(list(post_keys)),))
    return {row[0]: _standing(*row[1:]) for row in rows}


def _standing(
    observation: str, lifetime: str | None, captured_at: int, last_seen_at: int | None, looked_at: int | None
) -> Now:
    """From the last look that was kept of a post, and its row of the watch, None where it has none."""
    if observation == Observation.MISSING.value:
        missed = None if lifetime is None else load(Lifetime, lifetime).first_missing_at
        return Now(state=Standing.GONE, at=missed or moment(captured_at))
    seen = None if last_seen_at is None else moment(last_seen_at)
    return Now(state=Standing.UP if looked_at else Standing.UNKNOWN, at=seen)


Condition = tuple[str, tuple[object, ...]]


def _worded(text: str, contact: str, where: str) -> list[Condition]:
    wanted = search.phrases(text) + search.contact_phrases(contact)
    if not wanted and (text.strip() or contact.strip()):
        return [("0", ())]  # nothing in it that could be searched for
    return [(where, (w,)) for w in wanted]


def _timed(since: datetime | None, until: datetime | None) -> list[Condition]:
    bounds = (("o.captured_at >= ?", since), ("o.captured_at < ?", until))
    return [(condition, (micros(bound),)) for condition, bound in bounds if bound is not None]


def _loud(tier: Tier | None) -> list[Condition]:
    if tier is None or tier is Tier.NONE:
        return []
    loud = tuple(t.value for t in Tier if t.rank <= tier.rank)
    return [(f"v.tier IN ({', '.join('?' * len(loud))})", loud)]


def _found(row: Row) -> Found:
    evidence_id, target, post_id, observation, post, captured_at, tier, score, item_id, seq, contacts = row
    words = load(Post, post)
    each = (contact for line in (contacts or "").splitlines() for contact in json.loads(line))
    return Found(
        evidence_id=evidence_id,
        target=target,
        post_id=post_id,
        observation=Observation(observation),
        title=words.title or words.text[:80],
        seller=words.seller,
        url=words.url,
        captured_at=moment(captured_at),
        tier=Tier(tier),
        score=score,
        item_id=item_id,
        leaf_index=seq,
        contacts=tuple(dict.fromkeys(each)),
    )
