"""How long what is kept may be kept: which posts are due to be erased, by class and age.

    unmatched   no verdict spoke: kept `unmatched_days` after it was last seen or sealed
    matched     a verdict spoke, or it belongs to an item: `matched_days`; an item goes as a whole
    hold        evidence of a case: never while one is open or held; afterwards `hold_days` after
                the last was closed

A period that is not set means: for ever. What is held is told by the rows of cases and by the
log's records of them (`casebook`): either keeps it, and where a record cannot be read nothing is
due at all. Erasing itself is `erasure`. Reads with a connection of its own, in a thread; nothing
here writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from storage import casebook
from storage.casebook import Book
from storage.codec import micros
from storage.errors import DatabaseTrouble
from storage.tables import key_of
from storage.threads import in_thread


class Class(StrEnum):
    """By which rule a post is kept."""

    UNMATCHED = "unmatched"
    MATCHED = "matched"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Days after which each class is erased; None: never."""

    unmatched_days: int | None = None
    matched_days: int | None = None
    hold_days: int | None = None

    def days(self, kind: Class) -> int | None:
        """The period of a class."""
        return {
            Class.UNMATCHED: self.unmatched_days,
            Class.MATCHED: self.matched_days,
            Class.HOLD: self.hold_days,
        }[kind]

    @property
    def idle(self) -> bool:
        """Whether nothing is ever erased by them."""
        return all(self.days(kind) is None for kind in Class)


KEPT_FOR_EVER = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What decides about one post. last_us: when last sealed or seen; closed_us: of its last case, or 0.

    busy: not judged yet, an alert of it is on its way, or a look of it stands under another
    post's key. held: an open or held case has it.
    """

    key: str
    item: str
    last_us: int
    last_seq: int
    looks: int
    loud: bool
    busy: bool
    held: bool
    closed_us: int

    @property
    def kind(self) -> Class:
        """Its class."""
        if self.held or self.closed_us:
            return Class.HOLD
        return Class.MATCHED if self.loud or self.item else Class.UNMATCHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Posts that are erased together: one post, or all of an item. last_seq: their newest look."""

    kind: Class
    keys: tuple[str, ...]
    looks: int
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is due. kept: posts that stay, by class; blocked: old enough but for a hold or an open case."""

    due: tuple[Group, ...]
    kept: Mapping[Class, int] = field(default_factory=dict)
    blocked: int = 0

    def counts(self) -> dict[Class, tuple[int, int]]:
        """(posts, looks) that are due, by class."""
        found = dict.fromkeys(Class, (0, 0))
        for group in self.due:
            posts, looks = found[group.kind]
            found[group.kind] = (posts + len(group.keys), looks + group.looks)
        return found


def decide(posts: Iterable[Post], rules: Rules, now: datetime) -> Plan:
    """What is due at `now`. Pure. A group is due when all of its posts are."""
    groups: dict[str, list[Post]] = {}
    for post in posts:
        groups.setdefault(f"item {post.item}" if post.item else f"post {post.key}", []).append(post)
    due: list[Group] = []
    kept = dict.fromkeys(Class, 0)
    blocked = 0
    for members in groups.values():
        kind = max((post.kind for post in members), key=list(Class).index)
        if all(_old(post, kind, rules, now) for post in members) and not any(p.busy for p in members):
            due.append(_group(kind, members))
            continue
        kept[kind] += len(members)
        if any(post.held for post in members):
            blocked += sum(_old_without(post, rules, now) for post in members)
    return Plan(due=tuple(due), kept=kept, blocked=blocked)


def _group(kind: Class, members: Sequence[Post]) -> Group:
    return Group(
        kind=kind,
        keys=tuple(post.key for post in members),
        looks=sum(post.looks for post in members),
        last_seq=max(post.last_seq for post in members),
    )


def _old(post: Post, kind: Class, rules: Rules, now: datetime) -> bool:
    days = rules.days(kind)
    since = max(post.last_us, post.closed_us) if kind is Class.HOLD else post.last_us
    return days is not None and not post.held and since < micros(now - timedelta(days=days))


def _old_without(post: Post, rules: Rules, now: datetime) -> bool:
    """Whether a post would be due, were there no case."""
    days = rules.days(Class.MATCHED if post.loud or post.item else Class.UNMATCHED)
    return days is not None and post.last_us < micros(now - timedelta(days=days))


_POSTS = """
SELECT o.post_key, coalesce(m.item_id, ''), max(max(o.sealed_at), coalesce(max(w.last_seen_at), 0)),
  max(o.seq), count(*), max(coalesce(v.tier, 'none') <> 'none'),
  max(NOT o.judged OR o.post_key <> key_of(o.target, o.post_id)) OR EXISTS (
    SELECT 1 FROM alert a JOIN delivery d ON d.alert_id = a.alert_id
    JOIN observation x ON x.seq = a.seq WHERE x.post_key = o.post_key AND d.state IN ('waiting', 'sending')),
  coalesce((SELECT max(c.held OR c.closed_at IS NULL) FROM case_evidence e JOIN case_file c
    ON c.number = e.number WHERE e.post_key = o.post_key), 0),
  coalesce((SELECT max(c.closed_at) FROM case_evidence e JOIN case_file c
    ON c.number = e.number WHERE e.post_key = o.post_key), 0)
FROM observation o LEFT JOIN member m ON m.post_key = o.post_key
LEFT JOIN watched w ON w.post_key = o.post_key LEFT JOIN verdict v ON v.seq = o.seq
GROUP BY o.post_key ORDER BY o.post_key
"""


async def plan(database: Path, rules: Rules, now: datetime) -> Plan:
    """What is due in this store at `now`. Raises DatabaseTrouble."""
    return await in_thread(lambda: decide(_posts(database), rules, now))


def _posts(database: Path) -> list[Post]:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            connection.create_function("key_of", 2, key_of, deterministic=True)
            held, closed = _by_log(connection)
            return [_post(row, held, closed) for row in connection.execute(_POSTS)]
    except sqlite3.Error as error:
        raise DatabaseTrouble(f"{database}: {error}") from error


def _book(connection: sqlite3.Connection) -> Book:
    return casebook.read(connection.execute(casebook.ENTRIES))


def _by_log(connection: sqlite3.Connection) -> tuple[frozenset[str], dict[str, int]]:
    """By the log: keys of posts that a case holds, and when the last case of others was closed."""
    book = _book(connection)
    kept, closed = casebook.kept(book), casebook.closed(book)
    sql = (
        "SELECT evidence_id, post_key, key_of(target, post_id) FROM observation "
        "WHERE evidence_id IN (SELECT value FROM json_each(?))"
    )
    held: set[str] = set()
    ended: dict[str, int] = {}
    for evidence_id, *keys in connection.execute(sql, (json.dumps([*kept, *closed]),)):
        held.update(keys if evidence_id in kept else ())
        for key in keys if evidence_id in closed else ():
            ended[key] = max(ended.get(key, 0), closed[evidence_id])
    return frozenset(held), ended


def _post(row: Sequence[object], by_log: frozenset[str], ended: Mapping[str, int]) -> Post:
    key, item, last_us, last_seq, looks, loud, busy, held, closed_us = row
    return Post(
        key=str(key),
        item=str(item),
        last_us=int(str(last_us)),
        last_seq=int(str(last_seq)),
        looks=int(str(looks)),
        loud=bool(loud),
        busy=bool(busy),
        held=bool(held) or str(key) in by_log,
        closed_us=max(int(str(closed_us)), ended.get(str(key), 0)),
    )
