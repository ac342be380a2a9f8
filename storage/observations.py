"""Reading back what was sealed: rows to `Evidence`. Not here: sealing, and checking (verify)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from storage import edits
from storage.codec import clean, load, load_tuple, moment
from storage.database import Database, Row
from storage.errors import DatabaseTrouble
from storage.manifest import MOST_PICTURES
from storage.model import (
    Edit,
    Evidence,
    EvidenceId,
    Hint,
    Item,
    ItemId,
    Observation,
    Picture,
    Post,
    Sha256,
    Tier,
    Verdict,
)
from storage.tables import pdqs_of, to_hex
from storage.threads import in_thread
from storage.vault import Vault

COLUMNS = (
    "o.seq, o.evidence_id, o.target, o.observation, o.post, o.manifest_sha256, o.page_sha256, "
    "o.listing_sha256, o.listed_at, o.captured_at, o.sealed_at, o.previous, o.absences"
)
"""What `evidence_of` reads, in its order; the table is called o."""
PICTURES_PER_EVIDENCE = MOST_PICTURES


def evidence_of(row: Row | Sequence[object], pictures: tuple[Picture, ...]) -> Evidence:
    """The evidence of a row that starts with `COLUMNS`."""
    seq, evidence_id, target, observation, post, manifest_sha256, page, listing, *rest = tuple(row)[:13]
    listed_at, captured_at, sealed_at, previous, absences = rest
    return Evidence(
        evidence_id=EvidenceId(str(evidence_id)),
        target=str(target),
        observation=Observation(str(observation)),
        post=load(Post, str(post)),
        manifest_sha256=Sha256(str(manifest_sha256)),
        leaf_index=int(str(seq)),
        listed_at=moment(int(str(listed_at))),
        captured_at=moment(int(str(captured_at))),
        sealed_at=moment(int(str(sealed_at))),
        previous=str(previous),
        pictures=pictures,
        page_sha256=str(page),
        listing_sha256=str(listing),
        absences=load_tuple(str, str(absences)),
    )


async def pictures_of(database: Database, seqs: Sequence[int]) -> dict[int, tuple[Picture, ...]]:
    """The pictures of these observations, with hashes once they were recorded."""
    sql = (
        "SELECT e.seq, e.sha256, e.url, e.size_bytes, p.width, p.height, p.format, p.phash, p.dhash, "
        "p.undecodable, p.note, p.pdqs, p.quality, p.recipe, p.codes, r.words, h.hints "
        "FROM json_each(?1) j JOIN evidence_picture e ON e.id >= j.value * ?2 AND e.id < (j.value + 1) * ?2 "
        "LEFT JOIN picture p ON p.sha256 = e.sha256 LEFT JOIN reading r ON r.sha256 = e.sha256 "
        "LEFT JOIN hint h ON h.sha256 = e.sha256 ORDER BY e.id"
    )
    found: dict[int, list[Picture]] = {seq: [] for seq in seqs}
    for row in await database.rows(sql, (json.dumps(list(found)), PICTURES_PER_EVIDENCE)):
        found[row[0]].append(_picture(row))
    return {seq: tuple(pictures) for seq, pictures in found.items()}


def _picture(row: Row) -> Picture:
    _, sha256, url, size_bytes, width, height, kind, phash, dhash, undecodable, note, *rest = row
    pdqs, quality, recipe, codes, words, hints = rest
    return Picture(
        sha256=Sha256(sha256),
        url=url,
        size_bytes=size_bytes,
        width=width or 0,
        height=height or 0,
        format=kind or "",
        phash="" if phash is None else to_hex(phash),
        dhash="" if dhash is None else to_hex(dhash),
        undecodable=undecodable or "",
        note=note or "",
        pdqs=pdqs_of(pdqs),
        quality=quality or 0,
        recipe=recipe or "",
        codes=load_tuple(str, codes) if codes else (),
        words=load_tuple(str, words) if words else (),
        hints=load_tuple(Hint, hints) if hints else (),
    )


async def one(vault: Vault, evidence_id: str) -> Evidence:
    """One piece of evidence. Raises DatabaseTrouble when there is none of that id."""
    sql = f"SELECT {COLUMNS} FROM observation o WHERE o.evidence_id = ?"  # noqa: S608 -- our own columns
    rows = await vault.database.rows(sql, (evidence_id,))
    if not rows:
        raise DatabaseTrouble(f"no evidence {evidence_id!r} in this store")
    return (await _with_pictures(vault.database, rows))[0]


async def post_keys(vault: Vault, ids: Collection[str]) -> dict[str, str]:
    """The key of the post of each piece of evidence; ids that are unknown or erased are left out."""
    if not ids:
        return {}
    wanted = "(SELECT value FROM json_each(?))"
    sql = f"SELECT evidence_id, post_key FROM observation WHERE evidence_id IN {wanted}"  # noqa: S608 -- ours
    return {row[0]: row[1] for row in await vault.database.rows(sql, (json.dumps(sorted(ids)),))}


@dataclass(frozen=True, slots=True)
class Place:
    """Which post evidence is of: its key, the target that found it, and what its site calls it."""

    post_key: str
    target: str
    post_id: str
    url: str


async def places(vault: Vault, ids: Collection[str]) -> dict[str, Place]:
    """The post of each piece of evidence; ids that are unknown or erased are left out."""
    if not ids:
        return {}
    sql = (
        "SELECT evidence_id, post_key, target, post_id, json_extract(post, '$.url') FROM observation "
        "WHERE evidence_id IN (SELECT value FROM json_each(?))"
    )
    rows = await vault.database.rows(sql, (json.dumps(sorted(ids)),))
    return {row[0]: Place(row[1], row[2], row[3], row[4] or "") for row in rows}


@dataclass(frozen=True, slots=True)
class Judged:
    """A look that was judged, and what was said of it."""

    target: str
    post: Post
    pictures: tuple[Picture, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class JudgedPage:
    """looks: the newest first. before: where the page behind begins, None at the end."""

    looks: tuple[Judged, ...]
    before: int | None


async def judged_lately(vault: Vault, before: int | None, limit: int) -> JudgedPage:
    """Looks that were judged, of the `limit` before a place of the log of looks; None: of the newest."""
    if before is None:
        before = 1 + int((await vault.database.rows("SELECT coalesce(max(seq), 0) FROM observation"))[0][0])
    first = max(0, before - limit)
    sql = (
        "SELECT o.seq, o.target, o.post, v.verdict FROM observation o JOIN verdict v ON v.seq = o.seq "
        "WHERE o.seq >= ? AND o.seq < ? ORDER BY o.seq DESC"
    )
    rows = await vault.database.rows(sql, (first, before))
    pictures = await pictures_of(vault.database, [row[0] for row in rows])
    looks = (Judged(row[1], load(Post, row[2]), pictures[row[0]], load(Verdict, row[3])) for row in rows)
    return JudgedPage(tuple(looks), first if first > 0 else None)


async def unjudged(vault: Vault, limit: int) -> tuple[Evidence, ...]:
    """Evidence without a verdict, oldest first."""
    sql = f"SELECT {COLUMNS} FROM observation o WHERE o.judged = 0 ORDER BY o.seq LIMIT ?"  # noqa: S608
    return await _with_pictures(vault.database, await vault.database.rows(sql, (limit,)))


async def _with_pictures(database: Database, rows: Sequence[Row]) -> tuple[Evidence, ...]:
    pictures = await pictures_of(database, [row[0] for row in rows])
    return tuple(evidence_of(row, pictures[row[0]]) for row in rows)


async def edits_of(database: Database, looks: Iterable[Evidence]) -> dict[str, Edit]:
    """What each of these looks changed, by its id: of changed posts whose look before is kept."""
    changed = [look for look in looks if look.observation is Observation.CHANGED and look.previous]
    if not changed:
        return {}
    sql = (
        f"SELECT {COLUMNS}, v.verdict FROM observation o LEFT JOIN verdict v ON v.seq = o.seq "  # noqa: S608 -- ours
        "WHERE o.evidence_id IN (SELECT value FROM json_each(?))"
    )
    rows = await database.rows(sql, (json.dumps([look.previous for look in changed]),))
    judged = {row[1]: () if row[13] is None else load(Verdict, row[13]).contacts for row in rows}
    before = {str(look.evidence_id): look for look in await _with_pictures(database, rows)}
    # Texts of 200,000 characters are compared: a fifth of a second that the loop must not wait.
    return await in_thread(_compared, changed, before, judged)


def _compared(
    changed: Iterable[Evidence], before: Mapping[str, Evidence], judged: Mapping[str, tuple[str, ...]]
) -> dict[str, Edit]:
    return {
        look.evidence_id: edits.edit(before[look.previous], look, judged[look.previous])
        for look in changed
        if look.previous in before
    }


async def full_id(database: Database, beginning: str) -> str:
    """The one evidence id that begins so, dots of a screen at its end aside.

    Raises DatabaseTrouble when none or several do.
    """
    sql = "SELECT evidence_id FROM observation WHERE evidence_id >= ? AND evidence_id < ? LIMIT 2"
    wanted = clean(beginning.strip().rstrip("….").lower())
    rows = await database.rows(sql, (wanted, wanted + "g"))
    if not rows or not wanted:
        raise DatabaseTrouble(f"no evidence {beginning!r} in this store")
    if len(rows) > 1:
        raise DatabaseTrouble(f"several pieces of evidence begin with {beginning!r}: give more of the id")
    return str(rows[0][0])


def item_of(row: Row | Sequence[object]) -> Item:
    """The item of (item_id, tier, first_evidence, members)."""
    item_id, tier, first_evidence, members = tuple(row)
    return Item(
        item_id=ItemId(str(item_id)),
        tier=Tier(str(tier)),
        first_evidence=EvidenceId(str(first_evidence)),
        members=int(str(members)),
    )
