"""Keeping and reading how hosts were treated (`storage.manners`).

Counts are added to the row of their hour, so a writer hands over what is new and a kill
costs what it had not handed over yet. Rows are bounded: `forget` drops what is older than
`KEPT`, and the oldest hours when there are more rows than `MOST_ROWS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from storage.codec import clean, micros, moment
from storage.database import Database, Row
from storage.manners import LEASTS, MOSTS, SUMS, HostHour, Override, Pause, Taken
from storage.vault import Vault
from storage.writer import Batch

KEPT = timedelta(days=400)
MOST_ROWS = 2_000_000
"""About 400 MB. A hundred hosts around the clock stay for the 400 days, 5,000 hosts for 44 nights."""
REMEMBERED = timedelta(days=1)
"""A pause after which nobody asked the host again is looked after for so long after a restart."""
_MOST_OPEN = 20_000
_AT_ONCE = 5_000
_HOST_CHARS = 255
_HOUR_US = 3_600_000_000
_NUMBERS = (*SUMS, *MOSTS, *LEASTS)
_ADDED = ", ".join(
    (
        *(f"{name} = {name} + excluded.{name}" for name in SUMS),
        *(f"{name} = max({name}, excluded.{name})" for name in MOSTS),
        *(
            f"{name} = min(coalesce({name}, excluded.{name}), coalesce(excluded.{name}, {name}))"
            for name in LEASTS
        ),
    )
)
_ADD_HOUR = (
    f"INSERT INTO host_hour (hour, host, {', '.join(_NUMBERS)}) "  # noqa: S608  our own column names
    f"VALUES (?, ?{', ?' * len(_NUMBERS)}) ON CONFLICT (hour, host) DO UPDATE SET {_ADDED}"
)
_SAVE_PAUSE = (
    "INSERT INTO host_pause (asked_at, host, status, asked_s, kept_s, next_at, broken) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asked_at, host) DO UPDATE SET "
    "next_at = coalesce(next_at, excluded.next_at), broken = max(broken, excluded.broken)"
)
_ADD_OVERRIDE = (
    "INSERT INTO host_override (hour, host, target, why, authorised_by, legal_basis, asked) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hour, host, target, why, authorised_by, legal_basis) "
    "DO UPDATE SET asked = asked + excluded.asked"
)
_TOTAL = ", ".join(
    (
        *(f"sum({name})" for name in SUMS),
        *(f"max({name})" for name in MOSTS),
        *(f"min({name})" for name in LEASTS),
    )
)
_PAUSE_COLUMNS = "host, asked_at, status, asked_s, kept_s, next_at, broken"
_BROKEN = "too_soon + too_many + in_pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The hours that touch [since, until), of one host or (host "") of all. Counts are not kept finer."""

    since: datetime
    until: datetime
    host: str = ""

    @property
    def begin(self) -> datetime:
        """The begin of its first hour."""
        return moment(micros(self.since) // _HOUR_US * _HOUR_US)

    def where(self, column: str) -> tuple[str, tuple[object, ...]]:
        """The condition on a time column, and its values."""
        values = (micros(self.begin), micros(self.until))
        if not self.host:
            return f"{column} >= ? AND {column} < ?", values
        return f"{column} >= ? AND {column} < ? AND host = ?", (*values, self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is kept of one span. hosts: each with all its hours as one; the counts say how many there are.

    Lists are cut at the limit they were asked with, what broke a rule first. since: begin of
    the oldest hour that is kept at all, None for nothing.
    """

    hosts: tuple[HostHour, ...]
    host_count: int
    hours: tuple[HostHour, ...]
    hour_count: int
    pauses: tuple[Pause, ...]
    pause_count: int
    overrides: tuple[Override, ...]
    total: HostHour
    since: datetime | None

    @property
    def broken(self) -> int:
        """Requests that broke a limit or a pause; a pause knows of its own when hours were lost."""
        return max(self.total.broken, sum(pause.broken for pause in self.pauses))


async def add(vault: Vault, taken: Taken) -> None:
    """Add counts to their hours, and write pauses down; one transaction. Raises StoreError."""
    hours = [_hour_values(one) for one in taken.hours]
    pauses = [
        (micros(p.asked_at), _named(p.host), p.status, p.asked_s, p.kept_s, _micros(p.next_at), p.broken)
        for p in taken.pauses
    ]
    overrides = [
        (
            micros(o.hour),
            _named(o.host),
            *map(clean, (o.target, o.why, o.authorised_by, o.legal_basis)),
            o.asked,
        )
        for o in taken.overrides
    ]

    async def job(batch: Batch) -> None:
        for sql, rows in ((_ADD_HOUR, hours), (_SAVE_PAUSE, pauses), (_ADD_OVERRIDE, overrides)):
            for row in rows:
                batch.many(sql, row)

    if taken:
        await vault.submit(job)


def _hour_values(one: HostHour) -> tuple[object, ...]:
    return (micros(one.hour), _named(one.host), *(getattr(one, name) for name in _NUMBERS))


def _named(host: str) -> str:
    return clean(host)[:_HOST_CHARS]


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


async def open_pauses(database: Database, now: datetime) -> tuple[Pause, ...]:
    """Pauses that last, or after which the host was not asked yet; for a start, the newest ones."""
    sql = (
        f"SELECT {_PAUSE_COLUMNS} FROM host_pause WHERE next_at IS NULL AND asked_at > ? "  # noqa: S608
        "ORDER BY asked_at DESC LIMIT ?"
    )
    rows = await database.rows(sql, (micros(now - REMEMBERED), _MOST_OPEN))
    return tuple(_pause(row) for row in rows)


async def report(database: Database, span: Span, *, hosts: int, hours: int, pauses: int) -> Report:
    """What is kept of a span, at most so many of each. Raises StoreError."""
    where, values = span.where("hour")
    per_host = (
        f"SELECT min(hour), host, {_TOTAL} FROM host_hour WHERE {where} GROUP BY host "  # noqa: S608
        f"ORDER BY sum({_BROKEN}) DESC, sum(asked) DESC, host LIMIT ?"
    )
    per_hour = (
        f"SELECT hour, host, {', '.join(_NUMBERS)} FROM host_hour WHERE {where} "  # noqa: S608
        f"ORDER BY ({_BROKEN}) > 0 DESC, hour, host LIMIT ?"
    )
    counts = f"SELECT count(*), count(DISTINCT host), {_TOTAL} FROM host_hour WHERE {where}"  # noqa: S608
    ((hour_count, host_count, *numbers),) = await database.rows(counts, values)
    total = HostHour(hour=span.begin, host=span.host)
    oldest = (await database.rows("SELECT min(hour) FROM host_hour"))[0][0]
    paused, pause_count = await _pauses(database, span, pauses)
    return Report(
        hosts=tuple([_host_hour(row) for row in await database.rows(per_host, (*values, hosts))]),
        host_count=host_count,
        hours=tuple([_host_hour(row) for row in await database.rows(per_hour, (*values, hours))]),
        hour_count=hour_count,
        pauses=paused,
        pause_count=pause_count,
        overrides=await _overrides(database, span),
        total=replace(total, **dict(zip(_NUMBERS, numbers, strict=True))) if hour_count else total,
        since=None if oldest is None else moment(oldest),
    )


async def _pauses(database: Database, span: Span, limit: int) -> tuple[tuple[Pause, ...], int]:
    where, values = span.where("asked_at")
    sql = (
        f"SELECT {_PAUSE_COLUMNS} FROM host_pause WHERE {where} "  # noqa: S608
        "ORDER BY broken > 0 DESC, asked_at, host LIMIT ?"
    )
    rows = await database.rows(sql, (*values, limit))
    counted = await database.rows(f"SELECT count(*) FROM host_pause WHERE {where}", values)  # noqa: S608
    return tuple(_pause(row) for row in rows), counted[0][0]


async def _overrides(database: Database, span: Span) -> tuple[Override, ...]:
    """Who had robots.txt not obeyed, each with all its hours as one."""
    where, values = span.where("hour")
    sql = (
        "SELECT min(hour), host, target, why, authorised_by, legal_basis, sum(asked) "  # noqa: S608
        f"FROM host_override WHERE {where} GROUP BY host, target, why, authorised_by, legal_basis "
        "ORDER BY host, target, min(hour)"
    )
    return tuple(
        Override(
            hour=moment(row[0]),
            host=row[1],
            target=row[2],
            why=row[3],
            authorised_by=row[4],
            legal_basis=row[5],
            asked=row[6],
        )
        for row in await database.rows(sql, values)
    )


def _host_hour(row: Row) -> HostHour:
    hour, host, *numbers = row
    return HostHour(hour=moment(hour), host=host, **dict(zip(_NUMBERS, numbers, strict=True)))


def _pause(row: Row) -> Pause:
    host, asked_at, status, asked_s, kept_s, next_at, broken = row
    return Pause(
        host=host,
        asked_at=moment(asked_at),
        status=status,
        asked_s=asked_s,
        kept_s=kept_s,
        next_at=None if next_at is None else moment(next_at),
        broken=broken,
    )


async def forget(vault: Vault, now: datetime, *, most_rows: int = MOST_ROWS) -> int:
    """Drop what is past `KEPT`, and whole hours beyond `most_rows`; how many rows. Raises StoreError.

    In small transactions, so that what else is written does not wait for it.
    """
    oldest = micros(now - KEPT)
    for table, column in (("host_hour", "hour"), ("host_pause", "asked_at"), ("host_override", "hour")):
        sql = f"SELECT {column} FROM {table} ORDER BY {column} DESC LIMIT 1 OFFSET ?"  # noqa: S608
        beyond = await vault.database.rows(sql, (most_rows,))
        oldest = max(oldest, beyond[0][0] + 1 if beyond else oldest)
    dropped = 0
    for table, column in (("host_hour", "hour"), ("host_pause", "asked_at"), ("host_override", "hour")):
        dropped += await _drop(vault, table, column, oldest)
    return dropped


async def _drop(vault: Vault, table: str, column: str, before: int) -> int:
    sql = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {column} < ? LIMIT ?)"  # noqa: S608

    async def job(batch: Batch) -> int:
        return await batch.run(sql, (before, _AT_ONCE))

    dropped = 0
    while count := await vault.submit(job):
        dropped += count
    return dropped
