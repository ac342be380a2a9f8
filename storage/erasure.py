"""Erasing what is due, so that the log stays whole and tells what was taken out of it.

Per batch of posts, while nothing is being sealed: ONE transaction takes the content out of the
rows, leaves a tombstone for every look and adds a log entry of kind `erasure` that names the
leaves; then the files that nothing else uses are removed; then a certificate is signed and put
into `<data>/certificates`. A crash in between is made good by the next run: files still to be
removed stand in table `erasing`, and certificates are made from the log entry alone. What
stays of a look: its leaf (a hash of a salted manifest), its id, and that it was erased.

Freed pages of the database are overwritten. Not reached: copies elsewhere (backups, exports,
alerts in a chat, lines of `alerts.ndjson`), records of what was asked for without a mask, and
what a file system keeps of removed files.
"""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from storage import certificates, ledger, search, settling, traces, uses
from storage.case_tables import TombstoneRow
from storage.codec import load
from storage.database import Row
from storage.erased import erased_line, ranges, root_of_hashes
from storage.errors import CaseRefused
from storage.evidence import searched
from storage.model import Observation, Post, Verdict
from storage.observations import PICTURES_PER_EVIDENCE
from storage.retention import Class, Plan, Rules, plan
from storage.sightings import key_of_line
from storage.threads import in_thread
from storage.tree import leaf_hash
from storage.writer import Batch, Job

if TYPE_CHECKING:
    from storage.store import Store

log = structlog.get_logger(__name__)

KIND = "erasure"
ORDER = "retention"
"""Of the event by which a command asks the running watch to erase what is due."""
_POSTS_AT_ONCE = 25
_CHANGED = """
WITH doomed (post_key) AS MATERIALIZED (SELECT value FROM json_each(?1))
SELECT 1 FROM case_evidence e JOIN case_file c ON c.number = e.number
WHERE (c.held OR c.closed_at IS NULL) AND e.post_key IN doomed
UNION ALL SELECT 1 FROM observation WHERE (seq > ?2 OR NOT judged) AND post_key IN doomed
UNION ALL SELECT 1 FROM member m JOIN member other ON other.item_id = m.item_id
WHERE m.post_key IN doomed AND other.post_key NOT IN doomed
UNION ALL SELECT 1 FROM observation o JOIN alert a ON a.seq = o.seq JOIN delivery d ON d.alert_id = a.alert_id
WHERE o.post_key IN doomed AND d.state IN ('waiting', 'sending')
UNION ALL SELECT 1 FROM verdict v JOIN observation o ON o.seq = v.seq JOIN json_each(v.matches) m
JOIN observation x ON x.evidence_id = json_extract(m.value, '$.known')
WHERE v.seq >= ?3 AND v.tier <> 'none' AND v.matches <> '[]'
AND x.post_key IN doomed AND o.post_key NOT IN doomed
LIMIT 1
"""
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What a run erased. skipped: posts that had changed meanwhile and wait for the next run."""

    posts: int = 0
    observations: int = 0
    files: int = 0
    bytes: int = 0
    skipped: int = 0
    certificates: tuple[str, ...] = ()

    def __add__(self, other: Erased) -> Erased:
        return Erased(
            posts=self.posts + other.posts,
            observations=self.observations + other.observations,
            files=self.files + other.files,
            bytes=self.bytes + other.bytes,
            skipped=self.skipped + other.skipped,
            certificates=self.certificates + other.certificates,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A look that is erased: its rows as they are, and the files its manifest names."""

    seq: int
    evidence_id: str
    post: Post
    missing: bool
    manifest: str
    contacts: tuple[str, ...] | None


@dataclass(slots=True, kw_only=True)
class _Doomed:
    """One batch. files: size by name of those that nothing else uses. fresh_from: see `Plan`."""

    kind: Class
    keys: tuple[str, ...]
    last_seq: int
    fresh_from: int
    looks: list[_Look] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)


async def apply(store: Store, rules: Rules, *, officer: str = "", told: Told | None = None) -> Erased:
    """Erase everything that is due now. Raises DiskTrouble, DatabaseTrouble, DamagedBlob, KeyTrouble.

    DamagedBlob: a manifest that stays cannot be read, so it is not known what it uses; then
    nothing is erased.
    """
    await _doom_unnamed(store, rules)
    async with store.vault.alone():
        await _remove_files(store)
    late = await in_thread(certificates.write_missing, store)
    todo = await plan(store.vault.database.path, rules, store.clock.now())
    batches = list(_batches(todo))
    done = Erased()
    named = [await uses.candidates(store, batch.keys) for batch in batches]
    owners = Counter(name for names in named for name in names)
    every_key = [key for batch in batches for key in batch.keys]
    used, scanned = await in_thread(uses.used_by_others, store, frozenset(owners), every_key, -1)
    for number, (batch, names) in enumerate(zip(batches, named, strict=True), 1):
        shared = {name for name in names if owners[name] > 1}  # a later batch may have to stay after all
        one = await _erase(store, batch, rules, used=used | shared, scanned=scanned, officer=officer)
        owners.subtract(names if one.posts else ())
        done += one
        if told is not None:
            told(number, len(batches))
    await settling.settle(store)
    return replace(done, certificates=(*late, *await in_thread(certificates.write_missing, store)))


async def finish(store: Store) -> int:
    """Remove the files that an interrupted run left, and write its certificates; how many files."""
    async with store.vault.alone():
        removed = await _remove_files(store)
    await in_thread(certificates.write_missing, store)
    return removed


def _batches(todo: Plan) -> Iterator[_Doomed]:
    made = functools.partial(_Doomed, fresh_from=todo.fresh_from)
    for kind in Class:
        keys: list[str] = []
        last = -1
        for group in (g for g in todo.due if g.kind is kind):
            keys += group.keys
            last = max(last, group.last_seq)
            if len(keys) >= _POSTS_AT_ONCE:
                yield made(kind=kind, keys=tuple(keys), last_seq=last)
                keys, last = [], -1
        if keys:
            yield made(kind=kind, keys=tuple(keys), last_seq=last)


# --- erasing ------------------------------------------------------------------------


async def _erase(
    store: Store, batch: _Doomed, rules: Rules, *, used: set[str], scanned: int, officer: str
) -> Erased:
    async with store.vault.alone():
        batch.looks = await _looks(store, batch)
        mine = await in_thread(uses.named_by, store, [look.manifest for look in batch.looks])
        later, _ = await in_thread(uses.used_by_others, store, mine, batch.keys, scanned)
        batch.files = await uses.sizes(store, mine - used - later)
        await store.take_left()  # a hold that a command ordered meanwhile goes before
        at = store.clock.now()
        try:
            await store.vault.submit(_job(batch, rules, at, officer))
        except CaseRefused:
            return Erased(skipped=len(batch.keys))
        await _remove_files(store)
    return Erased(
        posts=len(batch.keys),
        observations=len(batch.looks),
        files=len(batch.files),
        bytes=sum(batch.files.values()),
    )


async def _looks(store: Store, batch: _Doomed) -> list[_Look]:
    sql = (
        "SELECT o.seq, o.evidence_id, o.post, o.observation, o.manifest_sha256, v.verdict FROM observation o "
        "LEFT JOIN verdict v ON v.seq = o.seq "
        "WHERE o.post_key IN (SELECT value FROM json_each(?)) ORDER BY o.seq"
    )
    return [_look(row) for row in await store.vault.database.rows(sql, (json.dumps(batch.keys),))]


def _look(row: Row) -> _Look:
    seq, evidence_id, post, observation, manifest, verdict = row
    return _Look(
        seq=seq,
        evidence_id=evidence_id,
        post=load(Post, post),
        missing=observation == Observation.MISSING.value,
        manifest=manifest,
        contacts=None if verdict is None else load(Verdict, verdict).contacts,
    )


def _job(batch: _Doomed, rules: Rules, at: datetime, officer: str) -> Job[int]:
    salt = os.urandom(16).hex()

    async def job(transaction: Batch) -> int:
        await _refuse_changed(transaction, batch)
        await transaction.run("PRAGMA secure_delete = ON")
        index = transaction.frontier.size
        count, root = await _erase_sightings(transaction, batch, index)
        for look in batch.looks:
            row = TombstoneRow(seq=look.seq, evidence_id=look.evidence_id, erasure=index)
            transaction.add(row)
            await _erase_search(transaction, look)
        await _erase_rows(transaction, batch)
        settling.owe(transaction)
        facts = {
            "leaves": ranges(look.seq for look in batch.looks),
            "class": batch.kind.value,
            "rule": f"{rules.days(batch.kind)} days",
            "posts": str(len(batch.keys)),
            "observations": str(len(batch.looks)),
            "files": str(len(batch.files)),
            "bytes": str(sum(batch.files.values())),
            "sightings_count": str(count),
            "sightings_root": root,
            "ordered": "by hand" if officer else "by the period in force",
        }
        return ledger.append(transaction, KIND, {"facts": dict(facts), "salt": salt}, at)

    return job


async def _refuse_changed(transaction: Batch, batch: _Doomed) -> None:
    """What came meanwhile goes before: a hold, a look, a re-post, an alert on its way. Raises CaseRefused."""
    if await transaction.rows(_CHANGED, (json.dumps(batch.keys), batch.last_seq, batch.fresh_from)):
        raise CaseRefused("a post has changed, or a case has it now")


async def _erase_sightings(transaction: Batch, batch: _Doomed, index: int) -> tuple[int, str]:
    """Put hashes in the place of lines; their number, and the root over them.

    A line that stands under another post's key stays: it is none of theirs, and verify tells of it.
    """
    sql = "SELECT id, line FROM sighting WHERE post_key IN (SELECT value FROM json_each(?)) ORDER BY id"
    rows = await transaction.rows(sql, (json.dumps(batch.keys),))
    hashes = []
    for number, line in rows:
        if key_of_line(str(line)) not in batch.keys:
            continue
        hashed = leaf_hash(str(line).encode()).hex()
        hashes.append(hashed)
        transaction.many(
            "UPDATE sighting SET line = ?, post_key = '' WHERE id = ?", (erased_line(index, hashed), number)
        )
    return len(hashes), root_of_hashes(hashes)


async def _erase_search(transaction: Batch, look: _Look) -> None:
    """Take the tokens out of the text index; such an index wants to be told what stood there."""
    sql = "INSERT INTO search(search, rowid, post, contacts) VALUES ('delete', ?, ?, ?)"
    tokens = "" if look.missing else search.joined(searched(look.post))
    if tokens:
        await transaction.run(sql, (2 * look.seq, tokens, ""))
    if look.contacts:
        await transaction.run(sql, (2 * look.seq + 1, "", search.contacts(look.contacts)))


async def _erase_rows(transaction: Batch, batch: _Doomed) -> None:
    """Everything else that tells of these posts; what only they used goes to table `erasing`."""
    keys, seqs = json.dumps(batch.keys), [look.seq for look in batch.looks]
    in_keys = "IN (SELECT value FROM json_each(?))"
    sql = f"SELECT item_id FROM member WHERE post_key {in_keys}"  # noqa: S608 -- our names
    items = [row[0] for row in await transaction.rows(sql, (keys,))]
    sql = f"SELECT alert_id FROM alert WHERE seq {in_keys}"  # noqa: S608 -- our names
    alerts = await transaction.rows(sql, (json.dumps(seqs),))
    told = json.dumps([row[0] for row in alerts])
    await traces.erase(transaction, seqs)
    for table, column, values in (
        ("delivery", "alert_id", told),
        ("alert", "alert_id", told),
        ("item", "item_id", json.dumps(items)),
        ("item_known", "item_id", json.dumps(items)),
        ("member", "post_key", keys),
        ("watched", "post_key", keys),
        ("verdict", "seq", json.dumps(seqs)),
        ("verdict_before", "seq", json.dumps(seqs)),
        ("late", "seq", json.dumps(seqs)),
        ("observation", "seq", json.dumps(seqs)),
    ):
        await transaction.run(f"DELETE FROM {table} WHERE {column} {in_keys}", (values,))  # noqa: S608 -- our names
    for seq in seqs:
        first = seq * PICTURES_PER_EVIDENCE
        transaction.many(
            "DELETE FROM evidence_picture WHERE id >= ? AND id < ?", (first, first + PICTURES_PER_EVIDENCE)
        )
    await transaction.run(f"UPDATE case_evidence SET post_key = '' WHERE post_key {in_keys}", (keys,))  # noqa: S608
    files = json.dumps(sorted(batch.files))
    await transaction.run(f"DELETE FROM picture WHERE sha256 {in_keys}", (files,))  # noqa: S608
    await transaction.run(f"DELETE FROM reading WHERE sha256 {in_keys}", (files,))  # noqa: S608
    await transaction.run(f"DELETE FROM hint WHERE sha256 {in_keys}", (files,))  # noqa: S608
    await transaction.run(f"DELETE FROM blob WHERE sha256 {in_keys}", (files,))  # noqa: S608
    await transaction.run("INSERT OR IGNORE INTO erasing (sha256) SELECT value FROM json_each(?)", (files,))


async def _doom_unnamed(store: Store, rules: Rules) -> None:
    """Have files removed that no row names since a crash, once they are past the shortest period.

    They were never evidence: the log does not know them.
    """
    days = [period for kind in Class if (period := rules.days(kind)) is not None]
    if not days:
        return
    before = (store.clock.now() - timedelta(days=min(days))).timestamp()
    old = await in_thread(store.blobs.older, store.quarantine, before)

    async def job(transaction: Batch) -> None:
        for name in old:
            transaction.many("INSERT OR IGNORE INTO erasing (sha256) VALUES (?)", (name,))

    if old:
        log.info("files without a row are past their period", files=len(old))
        await store.vault.submit(job)


async def _remove_files(store: Store) -> int:
    """Remove files whose rows are gone; call it while nothing is being sealed."""
    sql = (
        "SELECT sha256, EXISTS (SELECT 1 FROM blob b WHERE b.sha256 = e.sha256) FROM erasing e "
        "WHERE sha256 NOT LIKE '% %'"  # marks of `settling`
    )
    rows = await store.vault.database.rows(sql)
    gone = [row[0] for row in rows if not row[1]]
    if gone:
        await in_thread(store.blobs.remove, gone)

    async def job(transaction: Batch) -> None:
        for row in rows:
            transaction.many("DELETE FROM erasing WHERE sha256 = ?", (row[0],))

    if rows:
        await store.vault.submit(job)
    return len(gone)
