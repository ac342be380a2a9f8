"""Sealing a snapshot: from what was fetched to what is kept, named and logged.

The order that loses nothing: blobs first (fsync, link, fsync), then ONE transaction with
observation, log leaf, vigil row and, for a vanished or reappeared post of an item, the
alert that revises its card. Only then the caller hears of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from storage import items, ledger, manifest, search, vigils
from storage.codec import clean, dump, load
from storage.database import Database
from storage.manifest import Circumstances, Sealed
from storage.model import (
    Evidence,
    EvidenceId,
    Lifetime,
    Observation,
    Picture,
    Post,
    Sha256,
    Snapshot,
    Watched,
    new_id,
)
from storage.observations import PICTURES_PER_EVIDENCE
from storage.tables import EvidencePictureRow, ObservationRow, key_of
from storage.threads import in_thread
from storage.vault import Vault
from storage.writer import Batch

KIND = "evidence"
_BLOB = "INSERT OR IGNORE INTO blob (sha256, size_bytes) VALUES (?, ?)"
_VANISHING = (Observation.MISSING, Observation.REAPPEARED)
_AT_ONCE_BYTES, _AT_ONCE_WORDS, _AT_ONCE_ANSWERS = 256 * 1024, 3_000, 12
"""A look with so many bytes, characters and answers at most is hashed and described on the loop: that
takes half a millisecond to three, while threads that compute in Python fight the loop for the
interpreter (measured in one run: sealing cost 15 % of the way from poll to evidence with threads, 3 %
without). A character costs most, 0.8 microseconds, for the search."""


async def seal(
    vault: Vault,
    snapshot: Snapshot,
    *,
    watched: Watched | None,
    announce: tuple[str, ...],
    lifetime: Lifetime | None,
) -> Evidence:
    """Make a snapshot durable; see `Store.seal`."""
    sealed_at = vault.clock.now()
    about = Circumstances(
        evidence_id=new_id(sealed_at),
        origin=vault.origin,
        salt=os.urandom(16).hex(),
        sealed_at=sealed_at,
        monotonic_s=vault.clock.monotonic(),
        previous_manifest=await _manifest_of(vault.database, snapshot.previous),
        lifetime=lifetime,
        clock=vault.timekeeping.facts(),
        collection=vault.collection,
        watched=watched,
    )
    ready = _prepare(snapshot, about) if _small(snapshot) else await in_thread(_prepare, snapshot, about)
    await vault.blobs.keep(ready.sealed.files)

    async def job(batch: Batch) -> Evidence:
        entry = {"evidence_id": about.evidence_id, "manifest_sha256": ready.sealed.manifest_sha256}
        seq = ledger.append(batch, KIND, dict(entry), sealed_at)
        kept = _add_rows(batch, seq, ready)
        if watched is not None:
            vigils.put(batch, replace(watched, evidence_id=EvidenceId(about.evidence_id)))
        if snapshot.observation in _VANISHING:
            await items.revise(batch, kept, announce=announce, lifetime=lifetime)
        return kept

    return await vault.submit(job)


async def _manifest_of(database: Database, evidence_id: str) -> str:
    if not evidence_id:
        return ""
    sql = "SELECT manifest_sha256 FROM observation WHERE evidence_id = ?"
    rows = await database.rows(sql, (clean(evidence_id),))
    return str(rows[0][0]) if rows else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """All of a sealed look that costs time. fields: the row without its place."""

    sealed: Sealed
    post: Post
    fields: Mapping[str, object]
    tokens: str


def _small(snapshot: Snapshot) -> bool:
    """Whether describing it takes so little that a thread would cost more."""
    pictures = [picture.response for picture in snapshot.pictures]
    answers = [answer for answer in (snapshot.page, snapshot.listing, *pictures) if answer is not None]
    return (
        len(answers) <= _AT_ONCE_ANSWERS
        and sum(len(answer.body) + len(answer.wire) for answer in answers) <= _AT_ONCE_BYTES
        and sum(map(len, searched(snapshot.post))) <= _AT_ONCE_WORDS
    )


def _prepare(snapshot: Snapshot, about: Circumstances) -> _Ready:
    """Hash everything, write the manifest, make the texts of the row and its search tokens."""
    sealed = manifest.build(snapshot, about)
    text = dump(snapshot.post)
    post = load(Post, text)
    fields = {
        "evidence_id": about.evidence_id,
        "post_key": key_of(snapshot.target, snapshot.post.post_id),
        "target": clean(snapshot.target),
        "post_id": clean(snapshot.post.post_id),
        "observation": snapshot.observation.value,
        "post": text,
        "manifest_sha256": sealed.manifest_sha256,
        "page_sha256": sealed.page_sha256,
        "listing_sha256": sealed.listing_sha256,
        "listed_at": snapshot.listed_at if manifest.shown_by_listing(snapshot) else snapshot.captured_at,
        "captured_at": snapshot.captured_at,
        "sealed_at": about.sealed_at,
        "previous": clean(snapshot.previous),
        "absences": dump(sealed.absences),
        "lifetime": None if about.lifetime is None else dump(about.lifetime),
        "judged": snapshot.observation is Observation.MISSING,
    }
    found = snapshot.observation is not Observation.MISSING
    return _Ready(
        sealed=sealed,
        post=post,
        fields=fields,
        tokens=search.joined(searched(post)) if found else "",
    )


def _add_rows(batch: Batch, seq: int, ready: _Ready) -> Evidence:
    """All rows of a sealed look but those of vigil and outbox; the evidence as they tell it."""
    row = ObservationRow(seq=seq, **ready.fields)
    batch.add(row)
    for sha256, data in ready.sealed.files.items():
        batch.many(_BLOB, (sha256, len(data)))
    pictures = tuple(replace(p, url=clean(p.url)) for p in ready.sealed.pictures)
    for position, picture in enumerate(pictures):
        batch.add(
            EvidencePictureRow(
                id=seq * PICTURES_PER_EVIDENCE + position,
                seq=seq,
                sha256=picture.sha256,
                url=picture.url,
                size_bytes=picture.size_bytes,
            )
        )
    if ready.tokens:
        batch.many(search.INSERT, (2 * seq, ready.tokens, ""))
    return _evidence(row, ready.post, pictures)


def searched(post: Post) -> Iterable[str]:
    """The texts of a post whose words are found."""
    yield from (post.title, post.text, post.seller, post.price, post.location, post.post_id)
    yield from (value for _, value in post.extra)


def _evidence(row: ObservationRow, post: Post, pictures: tuple[Picture, ...]) -> Evidence:
    return Evidence(
        evidence_id=EvidenceId(row.evidence_id),
        target=row.target,
        observation=Observation(row.observation),
        post=post,
        manifest_sha256=Sha256(row.manifest_sha256),
        leaf_index=row.seq,
        listed_at=row.listed_at,
        captured_at=row.captured_at,
        sealed_at=row.sealed_at,
        previous=row.previous,
        pictures=pictures,
        page_sha256=row.page_sha256,
        listing_sha256=row.listing_sha256,
        absences=tuple(json.loads(row.absences)),
    )
