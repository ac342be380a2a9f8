"""How long what is kept may be kept: which posts are due to be erased, by class and age.

    unmatched   no verdict spoke: kept `unmatched_days` after it was last seen, listed or sealed
    matched     a verdict spoke, it belongs to an item, or a verdict that spoke names a picture of
                it: `matched_days`; an item goes as a whole, and what is named never before
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
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from storage import casebook, listed
from storage.casebook import Book
from storage.codec import micros
from storage.database import Database
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
    post's key. held: an open or held case has it. named_by: posts whose loud verdicts name a
    picture of this one.
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
    named_by: frozenset[str] = frozenset()

    @property
    def kind(self) -> Class:
        """Its class."""
        return Class.HOLD if self.held or self.closed_us else self.kind_without_case

    @property
    def kind_without_case(self) -> Class:
        """What its class would be, were there no case."""
        return Class.MATCHED if self.loud or self.item or self.named_by else Class.UNMATCHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Posts that are erased together: one post, or all of an item. last_seq: their newest look."""

    kind: Class
    keys: tuple[str, ...]
    looks: int
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is due. kept: posts that stay, by class; blocked: old enough but for a hold or an open case.

    fresh_from: no verdict on a look before this leaf is younger than the plan.
    """

    due: tuple[Group, ...]
    kept: Mapping[Class, int] = field(default_factory=dict)
    blocked: int = 0
    fresh_from: int = 0

    def counts(self) -> dict[Class, tuple[int, int]]:
        """(posts, looks) that are due, by class."""
        found = dict.fromkeys(Class, (0, 0))
        for group in self.due:
            posts, looks = found[group.kind]
            found[group.kind] = (posts + len(group.keys), looks + group.looks)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePiece:
    """One piece of evidence that is due, with its post."""

    evidence_id: str
    kind: Class
    target: str
    post_id: str


async def due_pieces(database: Database, plan: Plan) -> tuple[DuePiece, ...]:
    """Each piece of evidence that a plan would erase, oldest first."""
    kinds = {key: group.kind for group in plan.due for key in group.keys}
    sql = (
        "SELECT evidence_id, post_key, target, post_id FROM observation "
        "WHERE post_key IN (SELECT value FROM json_each(?)) ORDER BY seq"
    )
    return tuple(
        DuePiece(evidence_id=str(evidence_id), kind=kinds[key], target=str(target), post_id=str(post_id))
        for evidence_id, key, target, post_id in await database.rows(sql, (json.dumps(list(kinds)),))
    )


def decide(posts: Iterable[Post], rules: Rules, now: datetime) -> Plan:
    """What is due at `now`. Pure. A group is due when all of its posts are, and all that name one of them."""
    groups: dict[str, list[Post]] = {}
    for post in posts:
        groups.setdefault(f"item {post.item}" if post.item else f"post {post.key}", []).append(post)
    kinds = {name: max((p.kind for p in group), key=list(Class).index) for name, group in groups.items()}
    naming = _naming(groups)
    due = {
        name
        for name, members in groups.items()
        if all(_old(p, kinds[name], rules, now) and not p.busy for p in members)
    }
    while stays := {name for name in due if naming[name] - due}:
        due -= stays
    kept = dict.fromkeys(Class, 0)
    blocked = 0
    for name in groups.keys() - due:
        kept[kinds[name]] += len(groups[name])
        if any(post.held for post in groups[name]):
            blocked += sum(_old_without(post, rules, now) for post in groups[name])
    together = _together([name for name in groups if name in due], naming)
    return Plan(
        due=tuple(
            _group(
                max((kinds[n] for n in names), key=list(Class).index), [p for n in names for p in groups[n]]
            )
            for names in together
        ),
        kept=kept,
        blocked=blocked,
    )


def _naming(groups: Mapping[str, Sequence[Post]]) -> dict[str, set[str]]:
    """By group, the groups whose verdicts name one of its posts."""
    group_of = {post.key: name for name, members in groups.items() for post in members}
    return {
        name: {group_of[key] for post in members for key in post.named_by if key in group_of}
        for name, members in groups.items()
    }


def _together(due: Sequence[str], naming: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups that are due, put together where one names the other: they go in one transaction."""
    near: dict[str, set[str]] = {name: set() for name in due}
    for name in due:
        for other in naming[name]:
            near[name].add(other)
            near[other].add(name)
    found: list[list[str]] = []
    done: set[str] = set()
    for name in due:
        if name not in done:
            reached, todo = [], [name]
            while todo:
                one = todo.pop()
                if one not in done:
                    done.add(one)
                    reached.append(one)
                    todo += sorted(near[one])
            found.append(reached)
    return found


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
    days = rules.days(post.kind_without_case)
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


_NAMED = """
SELECT x.post_key, o.post_key FROM verdict v JOIN observation o ON o.seq = v.seq JOIN json_each(v.matches) m
JOIN observation x ON x.evidence_id = json_extract(m.value, '$.known')
WHERE v.tier <> 'none' AND v.matches <> '[]' AND x.post_key <> o.post_key
"""
# Rows of the vigil and of looks whose post has nothing else (any more): they go when they are old.
_ORPHANS = """
SELECT post_key, last_seen_at FROM watched w
WHERE NOT EXISTS (SELECT 1 FROM observation o WHERE o.post_key = w.post_key)
UNION ALL SELECT s.post_key, (SELECT json_extract(l.entry, '$.at') FROM leaf l WHERE l."index" = (
    SELECT max(y.leaf) FROM sighting y WHERE y.post_key = s.post_key))
FROM (SELECT DISTINCT post_key FROM sighting WHERE post_key <> '') s
WHERE NOT EXISTS (SELECT 1 FROM observation o WHERE o.post_key = s.post_key) AND (
    SELECT json_valid(z.line) AND json_extract(z.line, '$.post_id') IS NOT NULL
    FROM sighting z WHERE z.post_key = s.post_key LIMIT 1)
"""
_FRESH_FROM = (
    "SELECT coalesce((SELECT min(seq) FROM observation WHERE judged = 0), "
    "(SELECT max(seq) + 1 FROM observation), 0)"
)
_BENT = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


async def plan(database: Path, rules: Rules, now: datetime) -> Plan:
    """What is due in this store at `now`. Raises DatabaseTrouble."""
    return await in_thread(_plan, database, rules, now)


def _plan(database: Path, rules: Rules, now: datetime) -> Plan:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            connection.create_function("key_of", 2, key_of, deterministic=True)
            fresh_from = connection.execute(_FRESH_FROM).fetchone()[0]
            posts = _with_listed(connection, _posts(connection), rules, now)
            return replace(decide(posts, rules, now), fresh_from=fresh_from)
    except sqlite3.Error as error:
        raise DatabaseTrouble(f"{database}: {error}") from error
    except _BENT as error:
        raise DatabaseTrouble(f"{database}: a row cannot be read, nothing is due: {error!r}") from error


def _with_listed(
    connection: sqlite3.Connection, posts: Sequence[Post], rules: Rules, now: datetime
) -> list[Post]:
    """The posts; what would be due is seen as late as a listing showed it."""
    days = [period for kind in Class if (period := rules.days(kind)) is not None]
    old = {post.key for post in posts if _old(post, post.kind, rules, now)}
    if not old or not days:
        return list(posts)
    seen = listed.last_listed(connection, old, now - timedelta(days=min(days)))
    return [replace(p, last_us=max(p.last_us, seen[p.key])) if p.key in seen else p for p in posts]


def _posts(connection: sqlite3.Connection) -> list[Post]:
    held, closed = _by_log(connection)
    named: dict[str, set[str]] = {}
    for key, by in connection.execute(_NAMED):
        named.setdefault(key, set()).add(by)
    posts = [_post(row, held, closed) for row in connection.execute(_POSTS)]
    posts = [replace(p, named_by=frozenset(named[p.key])) if p.key in named else p for p in posts]
    return posts + _orphans(connection)


def _orphans(connection: sqlite3.Connection) -> list[Post]:
    last: dict[str, int] = {}
    for key, at in connection.execute(_ORPHANS):
        seen_us = at if isinstance(at, int) else micros(datetime.fromisoformat(at))
        last[key] = max(last.get(key, 0), seen_us)
    return [
        Post(
            key=key,
            item="",
            last_us=seen_us,
            last_seq=-1,
            looks=0,
            loud=False,
            busy=False,
            held=False,
            closed_us=0,
        )
        for key, seen_us in last.items()
    ]


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
