"""Checking everything that is kept against itself: every byte, every link, the whole log.

Facts only: verdicts, vigils and outbox are inference and work in progress, outside the log.
What this cannot see: a store replaced as a whole by another consistent one; that takes a
root known from outside (an alert, a note, a timestamp). Memory stays flat.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from storage import manifest, recovery
from storage.blobs import Blobs
from storage.codec import canonical, load, load_tuple, moment, stamp
from storage.errors import DamagedBlob, DatabaseTrouble, DiskTrouble
from storage.model import Lifetime, Post
from storage.observations import PICTURES_PER_EVIDENCE
from storage.sightings import root_of_lines
from storage.threads import in_thread
from storage.tree import Frontier, leaf_hash

if TYPE_CHECKING:
    from storage.store import Store

Progressed = Callable[[int, int], None]
"""Called with (done, total), from a worker thread."""
_PAGE = 1_000
_THREADS = 2
_TOLD = 1_000
_COLUMNS = (
    "seq, evidence_id, target, post_id, observation, post, manifest_sha256, page_sha256, listing_sha256, "
    "listed_at, captured_at, sealed_at, previous, absences, lifetime"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as it was written. kind: blob, manifest, log, observation, sightings."""

    kind: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was checked and what was found. broken: at most 1,000, `faults` counts all.

    strange: files that no row names (a crash between file and row); they are no fault.
    """

    blobs: int
    bytes: int
    evidence: int
    sightings: int
    tree_size: int
    root: str
    faults: int
    broken: tuple[Fault, ...]
    strange: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is broken."""
        return self.faults == 0


@dataclass(kw_only=True)
class _Round:
    """One run over one store."""

    connection: sqlite3.Connection
    blobs: Blobs
    tell: Progressed
    total: int = 0
    done: int = 0
    faults: int = 0
    broken: list[Fault] = field(default_factory=list)
    counted: dict[str, int] = field(
        default_factory=lambda: {"blobs": 0, "bytes": 0, "evidence": 0, "sightings": 0}
    )

    def fault(self, kind: str, what: str, why: str) -> None:
        self.faults += 1
        if len(self.broken) < _TOLD:
            self.broken.append(Fault(kind=kind, what=what, why=why))

    def step(self) -> None:
        self.done += 1
        self.tell(self.done, self.total)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, values).fetchall()


async def verify(store: Store, progress: Progressed | None = None) -> VerifyReport:
    """Check the whole store; may run beside a live watch.

    Everything committed before the call is checked. Raises DatabaseTrouble when the file is
    no database any more, DiskTrouble when it cannot be read.
    """
    tell = progress or (lambda _done, _total: None)
    return await in_thread(_verify, store, tell)


def _verify(store: Store, tell: Progressed) -> VerifyReport:
    path = store.vault.database.path
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")  # one snapshot, or a live watch would look like damage
            report = _run(_Round(connection=connection, blobs=store.blobs, tell=tell))
            connection.execute("COMMIT")  # files named since then are not strange
            return replace(report, strange=recovery.strange(connection, store.blobs))
    except sqlite3.DatabaseError as error:
        raise DatabaseTrouble(f"{path}: {error}") from error
    except OSError as error:
        raise DiskTrouble(f"{path}: {error}") from error


def _run(run: _Round) -> VerifyReport:
    run.total = sum(run.rows(f"SELECT count(*) FROM {name}")[0][0] for name in ("blob", "leaf"))  # noqa: S608
    for fault in run.rows("PRAGMA quick_check"):
        if fault[0] != "ok":
            run.fault("log", "database", str(fault[0]))
    _check_blobs(run)
    size, root = _check_log(run)
    _check_strays(run)
    return VerifyReport(
        **run.counted,
        tree_size=size,
        root=root,
        faults=run.faults,
        broken=tuple(run.broken),
        strange=(),
    )


# --- bytes ---------------------------------------------------------------------


def _check_blobs(run: _Round) -> None:
    """Hash every named file, two at a time, a bounded number ahead."""
    waiting: deque[tuple[str, int, Future[int | str]]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as pool:
        for name, size in _blob_rows(run):
            waiting.append((name, size, pool.submit(_size_or_fault, run.blobs, name)))
            if len(waiting) >= 4 * _THREADS:
                _take_blob(run, *waiting.popleft())
        while waiting:
            _take_blob(run, *waiting.popleft())


def _blob_rows(run: _Round) -> Iterator[tuple[str, int]]:
    after = ""
    while page := run.rows(
        "SELECT sha256, size_bytes FROM blob WHERE sha256 > ? ORDER BY sha256 LIMIT ?", after, _PAGE
    ):
        yield from page
        after = page[-1][0]


def _size_or_fault(blobs: Blobs, name: str) -> int | str:
    try:
        return len(blobs.load(name))
    except DamagedBlob as damage:
        return str(damage)
    except (DiskTrouble, ValueError) as trouble:
        return f"cannot be read: {trouble}"


def _take_blob(run: _Round, name: str, size: int, result: Future[int | str]) -> None:
    found = result.result()
    if isinstance(found, str):
        run.fault("blob", name, found)
    else:
        run.counted["bytes"] += found
        if found != size:
            run.fault("blob", name, f"the row says {size} bytes, the file has {found}")
    run.counted["blobs"] += 1
    run.step()


# --- the log -------------------------------------------------------------------


def _check_log(run: _Round) -> tuple[int, str]:
    frontier = Frontier()
    for index, kind, entry, named in _leaf_rows(run):
        if index != frontier.size:
            run.fault("log", f"entry {frontier.size}", f"missing: the next entry is {index}")
        hashed = leaf_hash(entry.encode("utf-8", "surrogatepass"))
        if hashed.hex() != named:
            run.fault("log", f"entry {index}", "the text no longer hashes to its leaf")
        _check_entry(run, index, kind, entry)
        frontier = frontier.append(bytes.fromhex(named) if _is_hash(named) else hashed)
        run.step()
    root = frontier.root().hex()
    heads = run.rows("SELECT size, root, frontier FROM head")
    peaks = "".join(peak.hex() for peak in frontier.peaks)
    if heads != [(frontier.size, root, peaks)]:
        run.fault("log", "head", f"recomputed size {frontier.size} and root {root}, the head says {heads}")
    return frontier.size, root


def _is_hash(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == len(Frontier().root())
    except ValueError:
        return False


def _leaf_rows(run: _Round) -> Iterator[tuple[int, str, str, str]]:
    after = -1
    sql = 'SELECT "index", kind, entry, leaf_hash FROM leaf WHERE "index" > ? ORDER BY "index" LIMIT ?'
    while page := run.rows(sql, after, _PAGE):
        yield from page
        after = page[-1][0]


def _check_entry(run: _Round, index: int, kind: str, entry: str) -> None:
    try:
        facts = json.loads(entry)
        if canonical(facts).decode() != entry or facts["kind"] != kind:
            run.fault("log", f"entry {index}", "not in canonical form, or of another kind than its row says")
        elif kind == "evidence":
            _check_evidence(run, index, facts)
        elif kind == "sightings":
            _check_sightings(run, index, facts)
    except (ValueError, TypeError, KeyError) as error:
        run.fault("log", f"entry {index}", f"cannot be read: {error!r}")


def _check_sightings(run: _Round, index: int, facts: dict[str, Any]) -> None:
    rows = run.rows("SELECT line FROM sighting WHERE leaf = ? ORDER BY id", index)
    lines = [row[0] for row in rows]
    run.counted["sightings"] += len(lines)
    if len(lines) != facts["count"] or root_of_lines(lines) != facts["root"]:
        run.fault("sightings", f"entry {index}", "the looks no longer lead to the root in the log")


def _check_evidence(run: _Round, index: int, facts: dict[str, Any]) -> None:
    rows = run.rows(f"SELECT {_COLUMNS} FROM observation WHERE seq = ?", index)  # noqa: S608 -- our columns
    run.counted["evidence"] += 1
    if not rows:
        run.fault("observation", str(facts["evidence_id"]), f"row {index} is missing")
        return
    row = dict(zip(_COLUMNS.split(", "), rows[0], strict=True))
    what = str(facts["evidence_id"])
    for name in ("evidence_id", "manifest_sha256"):
        if row[name] != facts[name]:
            run.fault("observation", what, f"{name} is not the one in the log")
    try:
        kept = json.loads(run.blobs.load(str(facts["manifest_sha256"])))
    except DamagedBlob as damage:
        run.fault("manifest", what, str(damage))
        return
    for name in _differences(run, row, kept):
        run.fault("observation", what, f"{name} is not what the manifest says")
    for file in kept["files"]:
        if not run.rows("SELECT 1 FROM blob WHERE sha256 = ?", file["sha256"]):
            run.fault("manifest", what, f"its file {file['sha256']} ({file['role']}) is in no row")


def _differences(run: _Round, row: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    """Names of fields in which an observation's rows differ from its manifest."""
    told = _as_manifest(run, row)
    return [name for name, value in told.items() if value != _from_manifest(kept, name)]


def _as_manifest(run: _Round, row: dict[str, Any]) -> dict[str, object]:
    lifetime = None if row["lifetime"] is None else load(Lifetime, row["lifetime"])
    first = row["seq"] * PICTURES_PER_EVIDENCE
    pictures = run.rows(
        "SELECT sha256, url, size_bytes FROM evidence_picture WHERE id >= ? AND id < ? ORDER BY id",
        first,
        first + PICTURES_PER_EVIDENCE,
    )
    previous = run.rows("SELECT manifest_sha256 FROM observation WHERE evidence_id = ?", row["previous"])
    return {
        "evidence_id": row["evidence_id"],
        "target": row["target"],
        "post_id": row["post_id"],
        "observation": row["observation"],
        "post": json.loads(canonical(manifest.post_facts(load(Post, row["post"])))),
        "lifetime": json.loads(canonical(manifest.lifetime_facts(lifetime))),
        "times": [stamp(moment(row[name])) for name in ("listed_at", "captured_at", "sealed_at")],
        "absences": list(load_tuple(str, row["absences"])),
        "previous": [row["previous"], previous[0][0] if previous else ""],
        "bodies": [row["listing_sha256"], row["page_sha256"]],
        "pictures": [list(picture) for picture in pictures],
    }


def _from_manifest(kept: dict[str, Any], name: str) -> object:
    bodies = {e["role"]: e["body_sha256"] for e in kept["exchanges"]}
    if name == "target":
        return kept["target"]["name"]
    if name == "post_id":
        return kept["post"]["post_id"]
    if name == "times":
        return [kept["times"][n] for n in ("listed_at", "captured_at", "sealed_at")]
    if name == "previous":
        return [kept["previous"]["evidence_id"], kept["previous"]["manifest_sha256"]]
    if name == "bodies":
        return [bodies.get("listing", ""), bodies.get("page", "")]
    return kept[name]


# --- rows that the log does not know --------------------------------------------


def _check_strays(run: _Round) -> None:
    """Rows that claim a place in the log and have none there."""
    for evidence_id, seq in run.rows(
        "SELECT evidence_id, seq FROM observation o WHERE NOT EXISTS "
        "(SELECT 1 FROM leaf WHERE \"index\" = o.seq AND kind = 'evidence') LIMIT 1000"
    ):
        run.fault("observation", evidence_id, f"the log has no entry {seq} for it")
    for (leaf,) in run.rows(
        "SELECT DISTINCT leaf FROM sighting s WHERE NOT EXISTS "
        "(SELECT 1 FROM leaf WHERE \"index\" = s.leaf AND kind = 'sightings') LIMIT 1000"
    ):
        run.fault("sightings", f"entry {leaf}", "the log has no such entry")
    for (number,) in run.rows(
        "SELECT e.id FROM evidence_picture e WHERE e.seq <> e.id / ? OR NOT EXISTS "
        "(SELECT 1 FROM observation o WHERE o.seq = e.seq) LIMIT 1000",
        PICTURES_PER_EVIDENCE,
    ):
        run.fault("observation", f"picture row {number}", "no observation has it")
