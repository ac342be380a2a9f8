"""When a post was last shown by a listing: it counts as seen, though nobody asked for its page.

`watched.last_seen_at` is not moved by listings, since a stale one may show what is gone, and
that time begins the interval of a deletion. What the listings showed stands in the lines of
polls (`sightings`); they are read backwards, no further than the shortest period of keeping.
Only first pages are told there. Part of `retention`, in its thread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from datetime import datetime

from storage.codec import micros, stamp
from storage.sightings import listing_key
from storage.tree import leaf_hash


def last_listed(connection: sqlite3.Connection, keys: Collection[str], since: datetime) -> dict[str, int]:
    """When the posts of these keys were listed last, in microseconds; those not since then are left out.

    Raises ValueError, KeyError, TypeError, IndexError when a line was bent.
    """
    found: dict[str, int] = {}
    for target, wanted in _hashes(connection, keys).items():
        for at, hashes in _shown(connection, target, stamp(since)):
            when = micros(datetime.fromisoformat(at))
            for key in {wanted[one] for one in hashes if one in wanted}:
                found[key] = max(found.get(key, 0), when)
    return found


def _hashes(connection: sqlite3.Connection, keys: Collection[str]) -> dict[str, dict[str, str]]:
    """By target, the keys of posts by the hash of each line that tells how a listing showed them."""
    sql = (
        "SELECT post_key, line FROM sighting WHERE post_key IN (SELECT value FROM json_each(?)) "
        "AND line NOT LIKE '#%'"
    )
    found: dict[str, dict[str, str]] = {}
    for key, line in connection.execute(sql, (json.dumps(list(keys)),)):
        told = json.loads(line)
        if "salt" in told:
            found.setdefault(told["target"], {})[leaf_hash(line.encode()).hex()] = key
    return found


def _shown(connection: sqlite3.Connection, target: str, since: str) -> Iterator[tuple[str, list[str]]]:
    """(last poll, hashes of posts), newest first. Later lines of a run name only the root of its first."""
    later: dict[str, str] = {}
    sql = "SELECT line FROM sighting WHERE post_key = ? ORDER BY id DESC"
    for (line,) in connection.execute(sql, (listing_key(target),)):
        told = json.loads(line)
        root, at = told["posts_root"], told["polled_at"][-1]
        if at < since and not later:
            return
        if "posts" in told:
            last = max(at, later.pop(root, ""))
            if last >= since:
                yield last, told["posts"]
        elif at >= since:
            later[root] = max(at, later.get(root, ""))
