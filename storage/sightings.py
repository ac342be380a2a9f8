"""Dated looks that are no evidence of their own: each is a canonical line, a batch is one leaf.

A line is a look of the vigil, or the polls of a listing that showed the same posts with the
same digests. The leaf names the root of a tree (RFC 6962) over the lines in order, so every
look is provable and the log does not grow with each of them. What a listing showed of a post
is a line of that post, salted; lines of polls name the hashes of those alone. So one post can
be shown without the others, and erased without a trace of it in the lines that stay.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from storage import ledger
from storage.codec import Plain, canonical, clean, restore, stamp
from storage.erased import erasure_of
from storage.model import Listed, Polls, Sighting, sha256_of
from storage.tables import key_of
from storage.tree import Tree, leaf_hash
from storage.vault import Vault
from storage.writer import Batch

KIND = "sightings"
_KEEP = "INSERT INTO sighting (post_key, leaf, line) VALUES (?, ?, ?)"
_quoted = json.encoder.encode_basestring


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


def listed_line(target: str, listed: Listed) -> str:
    """The canonical line of a post as a listing showed it; a row of the post's own, so it can be erased."""
    # Written out, since a busy night writes a hundred a second: it is `canonical` of the four words.
    return clean(
        f'{{"digest":{_quoted(listed.digest)},"post_id":{_quoted(listed.post_id)},'
        f'"salt":{_quoted(listed.salt)},"target":{_quoted(target)}}}'
    )


def polls_line(polls: Polls) -> str:
    """The canonical line of polls; the hashes of its posts stand in the first line that has their root."""
    hashes = [leaf_hash(listed_line(polls.target, listed).encode()) for listed in polls.posts]
    document: dict[str, Plain] = {
        "target": polls.target,
        "polled_at": [stamp(at) for at in polls.polled_at],
        "not_modified": polls.not_modified,
        "body_sha256": polls.body_sha256,
        "posts_root": Tree.of(hashes).root.hex(),
        "posts_count": len(hashes),
    }
    if not polls.told:
        document["posts"] = [one.hex() for one in hashes]
    return canonical(document).decode()


def listing_key(target: str) -> str:
    """The row key of a target's polls; no post has it, for what those hash holds a NUL."""
    return sha256_of(f"listing of {clean(target)}".encode())[:32]


def key_of_line(line: str) -> str:
    """The row key that a line must stand under, "" when it is erased.

    Raises ValueError, KeyError, TypeError, AttributeError, RecursionError when it is no line.
    """
    if erasure_of(line) is not None:
        return ""
    told = json.loads(line)
    return key_of(told["target"], told["post_id"]) if "post_id" in told else listing_key(told["target"])


def root_of_lines(lines: Sequence[str]) -> str:
    """The tree root over lines, hex."""
    return Tree.of([leaf_hash(line.encode()) for line in lines]).root.hex()


async def add(vault: Vault, sightings: Sequence[Sighting], polls: Sequence[Polls] = ()) -> None:
    """Keep looks: one transaction, one leaf."""
    rows = [(key_of(s.target, s.post_id), line_of(s)) for s in sightings]
    for poll in polls:
        rows += [
            (key_of(poll.target, listed.post_id), listed_line(poll.target, listed))
            for listed in poll.posts
            if not listed.told
        ]
        rows.append((listing_key(poll.target), polls_line(poll)))
    facts: dict[str, str | int] = {"count": len(rows), "root": root_of_lines([line for _, line in rows])}
    at = vault.clock.now()

    async def job(batch: Batch) -> None:
        leaf = ledger.append(batch, KIND, dict(facts), at)
        for post_key, line in rows:
            batch.many(_KEEP, (post_key, leaf, line))

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
    found = (_sighting(row[0]) for row in rows)
    return tuple(look for look in found if look is not None)


def _sighting(line: str) -> Sighting | None:
    """The look of a line, or None for a post as a listing showed it."""
    told = json.loads(line)
    if "looked_at" not in told:
        return None
    sighting = restore(Sighting, told)
    assert isinstance(sighting, Sighting)
    return sighting
