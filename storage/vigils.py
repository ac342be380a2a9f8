"""Rows of the vigil: which post was seen when, and when it is to be looked at again.

Rows are written by whoever looked; three facts are kept against a writer with an older
copy: `matched` once set stays, the evidence named is the last one sealed, and a post
that just matched keeps its next look. A copy whose evidence was erased meanwhile is dropped:
a look that was in flight must not bring the post back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from storage.codec import clean, micros, moment
from storage.model import Watched
from storage.tables import key_of
from storage.vault import Vault
from storage.writer import Batch

_FIELDS = tuple(f.name for f in fields(Watched))
_TIMES = ("first_seen_at", "last_seen_at", "next_look_at", "first_missing_at")
_FLAGS = ("matched", "closed", "incomplete")
_COLUMNS = ", ".join(_FIELDS)
_NEXT_LOOK = (
    "CASE WHEN excluded.next_look_at IS NULL AND watched.matched > excluded.matched AND NOT excluded.closed"
    " THEN watched.next_look_at ELSE excluded.next_look_at END"
)
_KEPT = {
    "matched": "max(watched.matched, excluded.matched)",
    "first_seen_at": "min(watched.first_seen_at, excluded.first_seen_at)",
    "next_look_at": _NEXT_LOOK,
}
_UNLESS_SEALED = {
    "evidence_id": "CASE WHEN watched.evidence_id = '' THEN excluded.evidence_id ELSE watched.evidence_id END"
}


def _upsert(kept: dict[str, str], condition: str) -> str:
    marks = ", ".join(f"?{place}" for place in range(1, len(_FIELDS) + 2))
    sets = ", ".join(f"{name} = {kept.get(name, f'excluded.{name}')}" for name in _FIELDS)
    return (
        f"INSERT INTO watched (post_key, {_COLUMNS}) SELECT {marks} WHERE {condition} "
        f"ON CONFLICT (post_key) DO UPDATE SET {sets}"
    )


_EVIDENCE = f"?{_FIELDS.index('evidence_id') + 2}"
_STILL_THERE = f"{_EVIDENCE} = '' OR EXISTS (SELECT 1 FROM observation WHERE evidence_id = {_EVIDENCE})"  # noqa: S608
_SAVE = _upsert({**_KEPT, **_UNLESS_SEALED}, _STILL_THERE)
_SEALED = _upsert(_KEPT, "true")
_SELECT = f"SELECT {_COLUMNS} FROM watched"  # noqa: S608 -- names of our own fields
_MATCHED = (
    "UPDATE watched SET matched = 1, next_look_at = CASE WHEN closed THEN next_look_at "
    "ELSE coalesce(next_look_at, ?) END WHERE post_key = ?"
)


def put(batch: Batch, watched: Watched) -> None:
    """Upsert the row of a post that is being sealed; it names the new evidence."""
    batch.many(_SEALED, _values(watched))


def mark_matched(batch: Batch, post_key: str, at: datetime) -> None:
    """The post raised an alert: it is watched from now on, whatever the sample said."""
    batch.many(_MATCHED, (micros(at), post_key))


def _values(watched: Watched) -> tuple[object, ...]:
    return (key_of(watched.target, watched.post_id), *(_plain(watched, name) for name in _FIELDS))


def _plain(watched: Watched, name: str) -> object:
    value = getattr(watched, name)
    if isinstance(value, datetime):
        return micros(value)
    return clean(value) if isinstance(value, str) else value


_AT = {name: place for place, name in enumerate(_FIELDS)}
_MOMENTS = tuple(_AT[name] for name in _TIMES)
_BITS = tuple(_AT[name] for name in _FLAGS)


def _watched(row: Sequence[Any]) -> Watched:
    """A row of `_COLUMNS` as the word; on the path of every poll, so without a dict by name."""
    values = list(row)
    for place in _MOMENTS:
        if values[place] is not None:
            values[place] = moment(values[place])
    for place in _BITS:
        values[place] = bool(values[place])
    return Watched(**dict(zip(_FIELDS, values, strict=True)))


async def known(vault: Vault, target: str, post_ids: Sequence[str]) -> dict[str, Watched]:
    """Rows of these posts, by the ids as given."""
    keys = {key_of(target, post_id): post_id for post_id in post_ids}
    where = "WHERE post_key IN (SELECT value FROM json_each(?))"
    rows = await vault.database.rows(f"SELECT post_key, {_COLUMNS} FROM watched {where}", (_keys(keys),))  # noqa: S608
    return {keys[row[0]]: _watched(tuple(row)[1:]) for row in rows}


def _keys(keys: Sequence[str] | dict[str, str]) -> str:
    return json.dumps(list(keys))


async def save(vault: Vault, rows: Sequence[Watched]) -> None:
    """Upsert, but for rows whose evidence is gone; one transaction with whatever else waits."""
    values = [_values(row) for row in rows]

    async def job(batch: Batch) -> None:
        for row in values:
            batch.many(_SAVE, row)

    if values:
        await vault.submit(job)


async def due(vault: Vault, now: datetime, limit: int) -> tuple[Watched, ...]:
    """Posts to be looked at, longest overdue first; closed ones only when they were hastened."""
    sql = f"{_SELECT} WHERE next_look_at <= ? ORDER BY next_look_at LIMIT ?"
    return tuple(_watched(tuple(row)) for row in await vault.database.rows(sql, (micros(now), limit)))


async def open_of(vault: Vault, target: str) -> tuple[Watched, ...]:
    """Posts of a target whose vigil goes on, oldest first."""
    sql = f"{_SELECT} WHERE target = ? AND closed = 0 ORDER BY first_seen_at"
    return tuple(_watched(tuple(row)) for row in await vault.database.rows(sql, (clean(target),)))


async def hasten(
    vault: Vault, target: str, post_ids: Sequence[str], now: datetime, *, only_watched: bool
) -> None:
    """Look at these posts at `now` or earlier. only_watched: those with an open vigil only."""
    sql = (
        "UPDATE watched SET next_look_at = min(coalesce(next_look_at, ?1), ?1) "
        "WHERE post_key IN (SELECT value FROM json_each(?2))"
    )
    if only_watched:
        sql += " AND closed = 0 AND next_look_at IS NOT NULL"
    keys = _keys([key_of(target, post_id) for post_id in post_ids])

    async def job(batch: Batch) -> None:
        await batch.run(sql, (micros(now), keys))

    if post_ids:
        await vault.submit(job)


async def next_at(vault: Vault) -> datetime | None:
    """When the earliest look is due, or None when nothing is watched."""
    rows = await vault.database.rows("SELECT min(next_look_at) FROM watched")
    return None if rows[0][0] is None else moment(rows[0][0])
