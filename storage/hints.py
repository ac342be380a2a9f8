"""What a classifier of the admin's own took pictures for, kept apart from evidence: derived, never a verdict.

The classifier is `storage.classifier`; who asks it is `watchers.hinting`, what an answer is worth
`watchers.detect.hint`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from storage.codec import clean, dump, micros
from storage.database import Database
from storage.looks import Look, of_rows
from storage.model import Hint
from storage.observations import COLUMNS
from storage.vault import Vault
from storage.writer import Batch

MOST_HINTS = 5
"""Of one picture."""
# A picture may be erased while it is being asked about: nothing of it is kept then.
_KEEP = (
    "INSERT INTO hint (sha256, recipe, hints, why, asked_at) SELECT ?1, ?2, ?3, ?4, ?5 "
    "WHERE EXISTS (SELECT 1 FROM evidence_picture WHERE sha256 = ?1) ON CONFLICT (sha256) DO UPDATE SET "
    "recipe = excluded.recipe, hints = excluded.hints, why = excluded.why, asked_at = excluded.asked_at"
)


async def keep(vault: Vault, sha256: str, recipe: str, hints: Sequence[Hint], why: str = "") -> None:
    """Keep what a picture was taken for, or why nothing could be said."""
    values = (sha256, recipe, dump(tuple(hints[:MOST_HINTS])), clean(why), micros(vault.clock.now()))

    async def job(batch: Batch) -> None:
        batch.many(_KEEP, values)

    await vault.submit(job)


async def asked_before(database: Database, recipe: str, pictures: Collection[str]) -> set[str]:
    """Those of these pictures that were asked about by this recipe."""
    sql = "SELECT sha256 FROM hint WHERE recipe = ? AND sha256 IN (SELECT value FROM json_each(?))"
    return {row[0] for row in await database.rows(sql, (recipe, json.dumps(sorted(pictures))))}


async def unasked(database: Database, recipe: str, since: datetime, limit: int) -> tuple[Look, ...]:
    """Judged looks captured since then with a picture that was not asked about yet, the newest first."""
    sql = (
        f"SELECT {COLUMNS}, o.post_key, v.verdict, v.matches FROM observation o "  # noqa: S608 -- our columns
        "JOIN verdict v ON v.seq = o.seq WHERE o.captured_at >= ? AND EXISTS (SELECT 1 FROM "
        "evidence_picture e JOIN picture p ON p.sha256 = e.sha256 LEFT JOIN hint h "
        "ON h.sha256 = e.sha256 AND h.recipe = ? "
        "WHERE e.seq = o.seq AND p.undecodable = '' AND h.sha256 IS NULL) ORDER BY o.seq DESC LIMIT ?"
    )
    return await of_rows(database, await database.rows(sql, (micros(since), recipe, limit)))
