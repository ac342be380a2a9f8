"""Looks that found a post gone before the instant that is told as its end, and what spoke against them.

A look that says "gone" while the listing read last still shows the post may be a passing 404: it
never ends the interval (docs/decisions/0010). Such a look stands among the sightings all the same;
here the listing that still showed the post is found again in the lines of the polls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.model import Lifetime, Presence, Sighting
from storage.sightings import of_listing
from storage.tables import key_of
from storage.tree import leaf_hash
from storage.vault import Vault

_BACK = timedelta(hours=1)
"""How long before a look a listing is searched for: longer than one is taken for fresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """A look that does not count as the end.

    listed_at: when the listing that still showed the post was asked for, the last before the look;
    None when no such line is kept, as right after a start.
    """

    looked_at: datetime
    presence: Presence
    listed_at: datetime | None = None

    @property
    def against(self) -> str:
        """What spoke against it, in words."""
        if self.listed_at is None:
            return "no listing without the post had been read yet"
        return f"a listing polled at {self.listed_at:%H:%M:%S} still showed it"


def earlier(life: Lifetime | None, looks: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """The looks that said "gone" after the last sign of life and before the end that is told; pure."""
    if life is None or life.first_missing_at is None:
        return ()
    first, last = life.last_seen_at, life.first_missing_at
    return tuple(one for one in looks if one.presence.says_gone and first <= one.looked_at < last)


async def of_post(vault: Vault, life: Lifetime | None, looks: Sequence[Sighting]) -> tuple[Doubted, ...]:
    """These looks, each with the listing that spoke against it; nothing is read when there are none.

    looks: all of one post, in order of keeping.
    """
    found = earlier(life, looks)
    if not found:
        return ()
    target, post_id = found[0].target, found[0].post_id
    sql = "SELECT line FROM sighting WHERE post_key = ? AND line NOT LIKE '#%'"
    own = await vault.database.rows(sql, (key_of(target, post_id),))
    hashes = frozenset(leaf_hash(line.encode()).hex() for (line,) in own if "salt" in json.loads(line))
    lines = await of_listing(vault, target)
    shown = sorted(_shown(lines, hashes, min(one.looked_at for one in found) - _BACK))
    return tuple(
        Doubted(
            looked_at=one.looked_at,
            presence=one.presence,
            listed_at=max((at for at in shown if at <= one.looked_at), default=None),
        )
        for one in found
    )


def _shown(lines: Sequence[str], hashes: frozenset[str], since: datetime) -> Iterator[datetime]:
    """Polls since then of listings that showed a line of these hashes. lines: in order of keeping.

    Later lines of a run name only the root of its first.
    """
    roots: set[str] = set()
    for line in lines:
        told = json.loads(line)
        if not hashes.isdisjoint(told.get("posts", ())):
            roots.add(told["posts_root"])
        if told["posts_root"] in roots:
            polls = (datetime.fromisoformat(at) for at in told["polled_at"])
            yield from (at for at in polls if at >= since)
