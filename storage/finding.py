"""Finding evidence by words in any script, contacts, target, time and loudness."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from storage import search
from storage.codec import clean, load, micros, moment
from storage.database import Row
from storage.model import Observation, Post, Tier

if TYPE_CHECKING:
    from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One hit of `find`. tier, score: of its verdict, NONE and 0 while there is none.

    A look that found its post gone is not judged: it has the loudest verdict of that post.
    contacts: found by judging in any look at the post.
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
    return tuple(_found(row) for row in await store.vault.database.rows(sql, (*values, limit)))


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
