"""Dated looks of the vigil: each is a canonical line, and a batch of them is one leaf.

The leaf names the root of a tree (RFC 6962) over the lines in order, so every look is
provable and the log does not grow with each of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from storage import ledger
from storage.codec import canonical, restore, stamp
from storage.model import Sighting
from storage.tables import SightingRow, key_of
from storage.tree import Frontier, leaf_hash
from storage.vault import Vault
from storage.writer import Batch

KIND = "sightings"


def line_of(sighting: Sighting) -> str:
    """The canonical line of a look; its UTF-8 bytes are what is hashed."""
    return canonical(
        {
            "target": sighting.target,
            "post_id": sighting.post_id,
            "looked_at": stamp(sighting.looked_at),
            "presence": sighting.presence.value,
            "status": sighting.status,
            "control": sighting.control,
            "why": sighting.why,
        }
    ).decode()


def root_of_lines(lines: Sequence[str]) -> str:
    """The tree root over lines, hex."""
    return Frontier().extend(leaf_hash(line.encode()) for line in lines).root().hex()


async def add(vault: Vault, sightings: Sequence[Sighting]) -> None:
    """Keep looks: one transaction, one leaf."""
    rows = [(key_of(s.target, s.post_id), line_of(s)) for s in sightings]
    facts: dict[str, str | int] = {"count": len(rows), "root": root_of_lines([line for _, line in rows])}
    at = vault.clock.now()

    async def job(batch: Batch) -> None:
        leaf = ledger.append(batch, KIND, dict(facts), at)
        for post_key, line in rows:
            batch.add(SightingRow(post_key=post_key, leaf=leaf, line=line))

    if rows:
        await vault.submit(job)


async def of_post(vault: Vault, target: str, post_id: str) -> tuple[Sighting, ...]:
    """All looks at a post, in order of keeping."""
    sql = "SELECT line FROM sighting WHERE post_key = ? ORDER BY id"
    rows = await vault.database.rows(sql, (key_of(target, post_id),))
    return tuple(_sighting(row[0]) for row in rows)


def _sighting(line: str) -> Sighting:
    sighting = restore(Sighting, json.loads(line))
    assert isinstance(sighting, Sighting)
    return sighting
