"""What was read in pictures, kept apart from evidence: derived, and made anew by another recipe.

How the reading goes on is told beside the store, in `<data>/reading.json`: `status` must be able to say
that it is off, or how far behind.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from storage.codec import clean, dump, micros
from storage.database import Database
from storage.looks import Look, of_rows
from storage.observations import COLUMNS
from storage.vault import Vault
from storage.writer import Batch

FILE = "reading.json"
MOST_LINES, MOST_CHARS = 60, 200
"""Of one picture, and of one line: a page of small print is no product picture."""
# A picture may be erased while it is being read: nothing of it is kept then.
_KEEP = (
    "INSERT INTO reading (sha256, recipe, words, why, read_at) SELECT ?1, ?2, ?3, ?4, ?5 "
    "WHERE EXISTS (SELECT 1 FROM evidence_picture WHERE sha256 = ?1) ON CONFLICT (sha256) DO UPDATE SET "
    "recipe = excluded.recipe, words = excluded.words, why = excluded.why, read_at = excluded.read_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How reading pictures stands. why_off: why it is off, or "". oldest_s: age of the oldest that waits.

    waiting: posts. read: pictures, since the start; left_out: posts that no time was left for.
    hinted: pictures that a classifier was asked about; hints_off: why none is, "" too where none is named.
    """

    at: str
    why_off: str = ""
    waiting: int = 0
    oldest_s: float = 0.0
    read: int = 0
    left_out: int = 0
    hinted: int = 0
    hints_off: str = ""


async def keep(vault: Vault, sha256: str, recipe: str, words: Sequence[str], why: str = "") -> None:
    """Keep what was read in a picture, or why nothing could be."""
    lines = tuple(clean(line)[:MOST_CHARS] for line in words[:MOST_LINES])
    values = (sha256, recipe, dump(lines), clean(why), micros(vault.clock.now()))

    async def job(batch: Batch) -> None:
        batch.many(_KEEP, values)

    await vault.submit(job)


async def read_before(database: Database, recipe: str, pictures: Collection[str]) -> set[str]:
    """Those of these pictures that were read by this recipe."""
    sql = "SELECT sha256 FROM reading WHERE recipe = ? AND sha256 IN (SELECT value FROM json_each(?))"
    return {row[0] for row in await database.rows(sql, (recipe, json.dumps(sorted(pictures))))}


async def unread(database: Database, recipe: str, since: datetime, limit: int) -> tuple[Look, ...]:
    """Judged looks captured since then with a picture that waits to be read, the newest first."""
    sql = (
        f"SELECT {COLUMNS}, o.post_key, v.verdict, v.matches FROM observation o "  # noqa: S608 -- our columns
        "JOIN verdict v ON v.seq = o.seq WHERE o.captured_at >= ? AND EXISTS (SELECT 1 FROM "
        "evidence_picture e JOIN picture p ON p.sha256 = e.sha256 LEFT JOIN reading r "
        "ON r.sha256 = e.sha256 AND r.recipe = ? "
        "WHERE e.seq = o.seq AND p.undecodable = '' AND r.sha256 IS NULL) ORDER BY o.seq DESC LIMIT ?"
    )
    return await of_rows(database, await database.rows(sql, (micros(since), recipe, limit)))


def last_standing(folder: Path) -> Standing | None:
    """What `<folder>/reading.json` says, or None. For threads."""
    try:
        return Standing(**json.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def keep_standing(folder: Path, standing: Standing) -> None:
    """Replace `<folder>/reading.json`. Raises OSError. For threads."""
    temporary = folder / f".{FILE}"
    temporary.write_text(json.dumps(asdict(standing), sort_keys=True) + "\n")
    temporary.replace(folder / FILE)
