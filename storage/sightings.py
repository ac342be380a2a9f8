"""Dated looks that are no evidence of their own: each is a canonical line, a batch is one leaf.

A line is a look of the vigil, or the polls of a listing that showed the same posts with the
same digests. The leaf names the root of a tree (RFC 6962) over the lines in order, so every
look is provable and the log does not grow with each of them. Within a line of polls the
posts have a root of their own: one of them can be shown without the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from storage import ledger
from storage.codec import Plain, canonical, clean, restore, stamp
from storage.model import Polls, Sighting, sha256_of
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
            "digest": sighting.digest,
        }
    ).decode()


def polls_line(polls: Polls) -> str:
    """The canonical line of polls; the pairs themselves stand in the first line that has their root."""
    document: dict[str, Plain] = {
        "target": polls.target,
        "polled_at": [stamp(at) for at in polls.polled_at],
        "not_modified": polls.not_modified,
        "body_sha256": polls.body_sha256,
        "posts_root": posts_root(polls.posts),
        "posts_count": len(polls.posts),
    }
    if not polls.told:
        document["posts"] = [[post_id, digest] for post_id, digest in polls.posts]
    return canonical(document).decode()


def posts_root(posts: Sequence[tuple[str, str]]) -> str:
    """The tree root over the canonical form of each [post id, digest], in page order, hex."""
    return root_of_lines([canonical([post_id, digest]).decode() for post_id, digest in posts])


def listing_key(target: str) -> str:
    """The row key of a target's polls; no post has it, for what those hash holds a NUL."""
    return sha256_of(f"listing of {clean(target)}".encode())[:32]


def root_of_lines(lines: Sequence[str]) -> str:
    """The tree root over lines, hex."""
    return Frontier().extend(leaf_hash(line.encode()) for line in lines).root().hex()


async def add(vault: Vault, sightings: Sequence[Sighting], polls: Sequence[Polls] = ()) -> None:
    """Keep looks: one transaction, one leaf."""
    rows = [(key_of(s.target, s.post_id), line_of(s)) for s in sightings]
    rows += [(listing_key(p.target), polls_line(p)) for p in polls]
    facts: dict[str, str | int] = {"count": len(rows), "root": root_of_lines([line for _, line in rows])}
    at = vault.clock.now()

    async def job(batch: Batch) -> None:
        leaf = ledger.append(batch, KIND, dict(facts), at)
        for post_key, line in rows:
            batch.add(SightingRow(post_key=post_key, leaf=leaf, line=line))

    if rows:
        await vault.submit(job)


async def of_listing(vault: Vault, target: str) -> tuple[str, ...]:
    """The lines of all polls of a target, in order of keeping."""
    sql = "SELECT line FROM sighting WHERE post_key = ? ORDER BY id"
    return tuple(row[0] for row in await vault.database.rows(sql, (listing_key(target),)))


async def of_post(vault: Vault, target: str, post_id: str) -> tuple[Sighting, ...]:
    """All looks at a post, in order of keeping."""
    sql = "SELECT line FROM sighting WHERE post_key = ? ORDER BY id"
    rows = await vault.database.rows(sql, (key_of(target, post_id),))
    return tuple(_sighting(row[0]) for row in rows)


def _sighting(line: str) -> Sighting:
    sighting = restore(Sighting, json.loads(line))
    assert isinstance(sighting, Sighting)
    return sighting
