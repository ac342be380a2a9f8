"""All that is known about one piece of evidence, its files hashed again.

Facts and inference stay apart: what was received is `evidence`, `lifetime`, `sightings`;
what was concluded is `verdict`, `matches`, `item`; who was told is `told`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from storage import doubted, ledger, observations, sightings
from storage.codec import load, load_tuple, moment
from storage.errors import DamagedBlob
from storage.model import (
    AlertKind,
    Edit,
    Evidence,
    Item,
    Lifetime,
    Observation,
    PictureMatch,
    Sighting,
    Tier,
    Verdict,
)
from storage.tables import key_of

if TYPE_CHECKING:
    from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One observation in the chain of a post."""

    evidence_id: str
    observation: Observation
    captured_at: datetime
    leaf_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One delivery about this evidence or its item. state: waiting, sending, delivered, dead, withdrawn."""

    alert_id: str
    kind: AlertKind
    tier: Tier
    channel: str
    state: str
    attempts: int
    created_at: datetime
    delivered_at: datetime | None
    receipt: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the evidence. trouble: "" when its bytes hash to its name."""

    role: str
    sha256: str
    size_bytes: int
    path: str
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierVerdict:
    """The last verdict on a post before a look that found it gone. evidence_id: of the look it is of."""

    evidence_id: str
    verdict: Verdict
    judged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Casefile:
    """All that is known about one piece of evidence. manifest: its canonical JSON text."""

    evidence: Evidence
    manifest: str
    leaf_hash: str
    entry: str
    files: tuple[File, ...]
    chain: tuple[Look, ...]
    lifetime: Lifetime | None
    sightings: tuple[Sighting, ...]
    verdict: Verdict | None
    matches: tuple[PictureMatch, ...]
    judged_at: datetime | None
    item: Item | None
    members: tuple[str, ...]
    told: tuple[Told, ...]
    contacts: tuple[str, ...] = ()
    """Found by judging in any look at the post: what a text of any of them must not show."""
    edit: Edit | None = None
    """Of a changed post; None when the look before is not kept."""
    earlier_verdict: EarlierVerdict | None = None
    """Only of a look that found its post gone, which is not judged itself."""
    doubted: tuple[doubted.Doubted, ...] = ()
    """Looks that said "gone" before the end that is told, and why they do not count."""


async def show(store: Store, evidence_id: str, *, check: bool = True) -> Casefile:
    """Everything about one piece of evidence; its files are hashed again.

    evidence_id: whole, or a beginning that fits only one. check: False when the caller hashes
    the files itself. Raises DatabaseTrouble when there is no such evidence.
    """
    evidence = await store.evidence(await observations.full_id(store.vault.database, evidence_id))
    post_key = key_of(evidence.target, evidence.post.post_id)
    manifest, files = await _files(store, evidence, check=check)
    leaf, entry = await ledger.entry(store.vault.database, evidence.leaf_index)
    verdict, matches, judged_at = await _verdict(store, evidence.leaf_index)
    item, members = await _item(store, post_key)
    life = await _lifetime(store, post_key)
    looks = await sightings.of_post(store.vault, evidence.target, evidence.post.post_id)
    return Casefile(
        evidence=evidence,
        manifest=manifest,
        leaf_hash=leaf,
        entry=entry,
        files=files,
        chain=await _chain(store, post_key),
        lifetime=life,
        sightings=looks,
        doubted=await doubted.of_post(store.vault, life, looks),
        verdict=verdict,
        matches=matches,
        judged_at=judged_at,
        item=item,
        members=members,
        told=await _told(store, evidence.leaf_index, item),
        contacts=await _contacts(store, post_key),
        edit=(await observations.edits_of(store.vault.database, (evidence,))).get(evidence.evidence_id),
        earlier_verdict=None if verdict is not None else await _earlier_verdict(store, evidence, post_key),
    )


async def _files(store: Store, evidence: Evidence, *, check: bool) -> tuple[str, tuple[File, ...]]:
    try:
        manifest = (await store.blobs.get(evidence.manifest_sha256)).decode()
    except DamagedBlob as damage:
        return "", (_file(store, "manifest", evidence.manifest_sha256, 0, str(damage)),)
    listed = [(f["role"], f["sha256"], f["size_bytes"]) for f in json.loads(manifest)["files"]]
    whole = [("manifest", str(evidence.manifest_sha256), len(manifest.encode())), *listed]
    if not check:
        return manifest, tuple(_file(store, *named, "") for named in whole)
    return manifest, tuple([await _checked(store, *named) for named in whole])


async def _checked(store: Store, role: str, sha256: str, size_bytes: int) -> File:
    try:
        await store.blobs.get(sha256)
    except DamagedBlob as damage:
        return _file(store, role, sha256, size_bytes, str(damage))
    return _file(store, role, sha256, size_bytes, "")


def _file(store: Store, role: str, sha256: str, size_bytes: int, trouble: str) -> File:
    path = str(store.blobs.path(sha256))
    return File(role=role, sha256=sha256, size_bytes=size_bytes, path=path, trouble=trouble)


async def chain(store: Store, evidence_id: str) -> tuple[Look, ...]:
    """Every look at the post of this evidence, oldest first. Raises DatabaseTrouble."""
    evidence = await store.evidence(await observations.full_id(store.vault.database, evidence_id))
    return await _chain(store, key_of(evidence.target, evidence.post.post_id))


async def _chain(store: Store, post_key: str) -> tuple[Look, ...]:
    sql = "SELECT evidence_id, observation, captured_at, seq FROM observation WHERE post_key = ? ORDER BY seq"
    return tuple(
        Look(
            evidence_id=evidence_id,
            observation=Observation(observation),
            captured_at=moment(captured_at),
            leaf_index=seq,
        )
        for evidence_id, observation, captured_at, seq in await store.vault.database.rows(sql, (post_key,))
    )


async def _lifetime(store: Store, post_key: str) -> Lifetime | None:
    """Of the last vanishing; while the post is up, when it was last seen."""
    sql = (
        "SELECT o.observation, o.lifetime, coalesce(w.last_seen_at, o.captured_at) FROM observation o "
        "LEFT JOIN watched w ON w.post_key = o.post_key WHERE o.post_key = ? ORDER BY o.seq DESC LIMIT 1"
    )
    observation, lifetime, last_seen_at = (await store.vault.database.rows(sql, (post_key,)))[0]
    if observation == Observation.MISSING.value and lifetime is not None:
        return load(Lifetime, lifetime)
    return Lifetime(last_seen_at=moment(last_seen_at))


async def _verdict(
    store: Store, seq: int
) -> tuple[Verdict | None, tuple[PictureMatch, ...], datetime | None]:
    sql = "SELECT verdict, matches, judged_at FROM verdict WHERE seq = ?"
    rows = await store.vault.database.rows(sql, (seq,))
    if not rows:
        return None, (), None
    verdict, matches, judged_at = rows[0]
    return load(Verdict, verdict), load_tuple(PictureMatch, matches), moment(judged_at)


async def _earlier_verdict(store: Store, evidence: Evidence, post_key: str) -> EarlierVerdict | None:
    if evidence.observation is not Observation.MISSING:
        return None
    sql = (
        "SELECT o.evidence_id, v.verdict, v.judged_at FROM observation o JOIN verdict v ON v.seq = o.seq "
        "WHERE o.post_key = ? AND o.seq < ? ORDER BY o.seq DESC LIMIT 1"
    )
    for evidence_id, verdict, judged_at in await store.vault.database.rows(
        sql, (post_key, evidence.leaf_index)
    ):
        return EarlierVerdict(
            evidence_id=evidence_id, verdict=load(Verdict, verdict), judged_at=moment(judged_at)
        )
    return None


async def _contacts(store: Store, post_key: str) -> tuple[str, ...]:
    sql = (
        "SELECT json_extract(v.verdict, '$.contacts') FROM observation o JOIN verdict v ON v.seq = o.seq "
        "WHERE o.post_key = ? ORDER BY o.seq"
    )
    rows = await store.vault.database.rows(sql, (post_key,))
    return tuple(dict.fromkeys(contact for row in rows for contact in json.loads(row[0])))


async def _item(store: Store, post_key: str) -> tuple[Item | None, tuple[str, ...]]:
    """The item of a post, and the latest evidence of each of its posts, oldest member first."""
    sql = (
        "SELECT i.item_id, i.tier, i.first_evidence, i.members FROM item i "
        "JOIN member m ON m.item_id = i.item_id WHERE m.post_key = ?"
    )
    rows = await store.vault.database.rows(sql, (post_key,))
    if not rows:
        return None, ()
    item = observations.item_of(rows[0])
    sql = (
        "SELECT (SELECT o.evidence_id FROM observation o WHERE o.post_key = m.post_key "
        "ORDER BY o.seq DESC LIMIT 1) FROM member m WHERE m.item_id = ? ORDER BY m.joined_at, m.post_key"
    )
    members = await store.vault.database.rows(sql, (item.item_id,))
    return item, tuple(row[0] for row in members)


async def _told(store: Store, seq: int, item: Item | None) -> tuple[Told, ...]:
    sql = (
        "SELECT a.alert_id, a.kind, a.tier, d.channel, d.state, d.attempts, a.created_at, d.delivered_at, "
        "d.receipt, d.why FROM alert a JOIN delivery d ON d.alert_id = a.alert_id "
        "WHERE (a.item_id = ? AND a.item_id <> '') OR a.seq = ? ORDER BY d.id"
    )
    rows = await store.vault.database.rows(sql, ("" if item is None else item.item_id, seq))
    return tuple(
        Told(
            alert_id=alert_id,
            kind=AlertKind(kind),
            tier=Tier(tier),
            channel=channel,
            state=state,
            attempts=attempts,
            created_at=moment(created_at),
            delivered_at=None if delivered_at is None else moment(delivered_at),
            receipt=receipt,
            why=why,
        )
        for alert_id, kind, tier, channel, state, attempts, created_at, delivered_at, receipt, why in rows
    )
