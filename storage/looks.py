"""Judged looks of a stretch of time, page by page: what re-judging and new words are worked out from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.codec import load, load_tuple, micros, moment
from storage.database import Database, Row
from storage.model import Evidence, PictureMatch, Verdict
from storage.observations import COLUMNS, evidence_of, pictures_of

_PAGE = 200
_WHERE = "FROM observation o JOIN verdict v ON v.seq = o.seq WHERE o.captured_at >= ? AND o.captured_at < ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look, the verdict on it, and what its pictures resembled then."""

    evidence: Evidence
    post_key: str
    verdict: Verdict
    matches: tuple[PictureMatch, ...]


async def count(database: Database, since: datetime, until: datetime) -> int:
    """How many looks were captured from `since` up to `until` (aware, the latter excluded) and judged."""
    rows = await database.rows(f"SELECT count(*) {_WHERE}", (micros(since), micros(until)))
    return int(rows[0][0])


async def judged(database: Database, since: datetime, until: datetime) -> AsyncIterator[tuple[Look, ...]]:
    """These looks in the order of sealing, at most 200 at a time."""
    after = -1
    sql = f"SELECT {COLUMNS}, o.post_key, v.verdict, v.matches {_WHERE} AND o.seq > ? ORDER BY o.seq LIMIT ?"
    while rows := await database.rows(sql, (micros(since), micros(until), after, _PAGE)):
        after = rows[-1][0]
        yield await of_rows(database, rows)


async def latest(database: Database) -> datetime | None:
    """When the look that was sealed last was captured; None before the first."""
    rows = await database.rows("SELECT captured_at FROM observation ORDER BY seq DESC LIMIT 1", ())
    return moment(rows[0][0]) if rows else None


async def look(database: Database, evidence_id: str) -> Look | None:
    """A judged look as its verdict stands now; None when it was erased, or is not judged."""
    sql = (
        f"SELECT {COLUMNS}, o.post_key, v.verdict, v.matches FROM observation o "  # noqa: S608 -- our columns
        "JOIN verdict v ON v.seq = o.seq WHERE o.evidence_id = ?"
    )
    found = await of_rows(database, await database.rows(sql, (evidence_id,)))
    return found[0] if found else None


async def of_rows(database: Database, rows: Sequence[Row]) -> tuple[Look, ...]:
    """The looks of rows of `COLUMNS`, post key, verdict and matches."""
    pictures = await pictures_of(database, [row[0] for row in rows])
    return tuple(
        Look(
            evidence=evidence_of(row, pictures[row[0]]),
            post_key=str(row[13]),
            verdict=load(Verdict, row[14]),
            matches=load_tuple(PictureMatch, row[15]),
        )
        for row in rows
    )
