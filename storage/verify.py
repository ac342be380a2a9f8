"""Checking everything that is kept against itself: every byte, every link, the whole log.

Facts, verdicts, checkpoints and keys; vigils and outbox are work in progress, outside the
log. What this cannot see: a store replaced as a whole, with its keys, by another consistent
one; that takes a root or key known from outside (an alert, a certificate, a time stamp).
What is signed is checked in `verify_signed`. Memory stays flat.
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

from storage import (
    recovery,
    tokens,
    verdicts,
    verify_answers,
    verify_cases,
    verify_erased,
    verify_evidence,
    verify_signed,
)
from storage.attested import TimeState, judge
from storage.blobs import Blobs
from storage.casebook import Book
from storage.codec import canonical
from storage.erasure import KIND as ERASURE
from storage.errors import DamagedBlob, DatabaseTrouble, DiskTrouble
from storage.succession import state_of
from storage.threads import in_thread
from storage.tree import Frontier, leaf_hash
from storage.verify_needs import Needs
from storage.verify_signed import Statements

if TYPE_CHECKING:
    from storage.store import Store

Progressed = Callable[[int, int], None]
"""Called with (done, total), from a worker thread."""
_PAGE = 1_000
_THREADS = 2
_TOLD = 1_000
_SIZES = "SELECT size FROM checkpoint WHERE typeof(size) = 'integer' ORDER BY size"
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading a cell that was bent can raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as it was written.

    kind: blob, manifest, log, observation, sightings, verdict, record, case, erasure, checkpoint,
    key, time.
    """

    kind: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was checked and what was found. broken: at most 1,000, `faults` counts all.

    strange: files that no row names (a crash between file and row); they are no fault.
    erased: pieces of evidence with a tombstone. key: fingerprint of the key in use, or "";
    certified: since when an admin vouches for it, or "". time: what the time stamps prove.
    remarks: what is no fault by itself, and may be the trace of one.
    """

    blobs: int
    bytes: int
    evidence: int
    sightings: int
    verdicts: int
    checkpoints: int
    erased: int
    key: str
    certified: str
    time: str
    tree_size: int
    root: str
    faults: int
    broken: tuple[Fault, ...]
    strange: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is broken."""
        return self.faults == 0


@dataclass(kw_only=True)
class Round:
    """One run over one store."""

    connection: sqlite3.Connection
    blobs: Blobs
    tell: Progressed
    total: int = 0
    done: int = 0
    faults: int = 0
    broken: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    counted: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("blobs", "bytes", "evidence", "sightings", "verdicts", "checkpoints", "erased"), 0
        )
    )
    said: Statements = field(default_factory=Statements)
    book: Book = field(default_factory=dict)
    """The cases as the log tells them, up to the entry that is being looked at."""
    needs: Needs = field(default_factory=Needs)
    signed: tuple[int, ...] = ()
    """Sizes of the checkpoints that are there, ascending."""

    def fault(self, kind: str, what: str, why: str) -> None:
        self.faults += 1
        if len(self.broken) < _TOLD:
            self.broken.append(Fault(kind=kind, what=what, why=why))

    def lost(self, kind: str, what: str, name: str, why: str) -> None:
        """A fault of a file, unless it was erased after this run began."""
        if not self._gone_since(name):
            self.fault(kind, what, why)

    def _gone_since(self, name: str) -> bool:
        """Whether the row of a file has gone meanwhile."""
        sql = "SELECT 1 FROM blob WHERE sha256 = ?"
        try:
            path = self.rows("PRAGMA database_list")[0][2]
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as now:
                return bool(self.rows(sql, name)) and now.execute(sql, (name,)).fetchone() is None
        except UNREADABLE:  # a name that was bent
            return False

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
    report = await in_thread(_verify, store, tell)
    time, broken = await _check_time(store)
    return replace(
        report,
        time=time,
        faults=report.faults + len(broken),
        broken=(*report.broken, *(Fault(kind="time", what="time stamp", why=why) for why in broken)),
    )


async def _check_time(store: Store) -> tuple[str, tuple[str, ...]]:
    """(what the time stamps prove, which are not as received), by the library; packages ask openssl too."""
    database = store.vault.database
    try:
        strange = await tokens.strange(database)
        if strange:  # one that came in between two of its reads looks strange only once
            strange = tuple(set(strange) & set(await tokens.strange(database)))
        asked = await tokens.all_of(database)
        notes = {
            size: note.encode() for size, note in await database.rows("SELECT size, note FROM checkpoint")
        }
        roots = await in_thread(tokens.kept_roots, store.folder)
        verdict = await in_thread(judge, asked, notes, roots, program="")
    except (*UNREADABLE, DatabaseTrouble) as error:
        return "broken", (f"the rows of time stamps cannot be read: {error!r}",)
    broken = strange if verdict.state is not TimeState.BROKEN else (*strange, verdict.why)
    return str(verdict), broken


def _verify(store: Store, tell: Progressed) -> VerifyReport:
    path = store.vault.database.path
    outside = verify_signed.before(store.folder)
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
            connection.text_factory = _text
            connection.execute("BEGIN")  # one snapshot, or a live watch would look like damage
            report = _run(Round(connection=connection, blobs=store.blobs, tell=tell), outside)
            connection.execute("COMMIT")  # files named since then are not strange
            return replace(report, strange=_strange(connection, store.blobs))
    except sqlite3.DatabaseError as error:
        raise DatabaseTrouble(f"{path}: {error}") from error
    except OSError as error:
        raise DiskTrouble(f"{path}: {error}") from error


def _attempt(run: Round, kind: str, check: Callable[..., None], *about: object) -> None:
    """One check of many rows: a cell that is of no use to it is a fault, and the others go on."""
    try:
        check(run, *about)
    except UNREADABLE as error:
        run.fault(kind, "rows", f"cannot be read: {error!r}")


def _strange(connection: sqlite3.Connection, blobs: Blobs) -> tuple[str, ...]:
    try:
        return recovery.strange(connection, blobs)
    except UNREADABLE:  # the name of a row is none, which is told as a fault of it
        return ()


def _text(raw: bytes) -> str:
    """Text of a cell: bytes that are no UTF-8 are a fault where they stand, not the end of the run."""
    return raw.decode("utf-8", "surrogateescape")


def _run(run: Round, outside: verify_signed.Before) -> VerifyReport:
    run.total = sum(run.rows(f"SELECT count(*) FROM {name}")[0][0] for name in ("blob", "leaf"))  # noqa: S608
    for fault in run.rows("PRAGMA quick_check"):
        if fault[0] != "ok":
            run.fault("log", "database", str(fault[0]))
    _check_blobs(run)
    run.said.sizes = verify_signed.sizes(run, outside)
    run.signed = tuple(row[0] for row in run.rows(_SIZES))
    size, root = _check_log(run)
    _attempt(run, "observation", verify_evidence.check_strays)
    _attempt(run, "erasure", verify_erased.check, outside)
    _attempt(run, "case", verify_cases.check)
    _attempt(run, "verdict", verify_signed.check_strays, run.said)
    origin = str(next(iter(run.rows("SELECT origin FROM head")), [""])[0])
    _attempt(run, "checkpoint", verify_signed.check_signed, outside, run.said, origin)
    states = [state_of(key, origin) for key in outside.known if key.number == 0]
    return VerifyReport(
        **run.counted,
        key=states[0].fingerprint if states else "",
        certified=states[0].certified if states else "",
        time="",
        tree_size=size,
        root=root,
        faults=run.faults,
        broken=tuple(
            replace(fault, why=fault.why + run.needs.of(fault.what)) if fault.kind == "blob" else fault
            for fault in run.broken
        ),
        strange=(),
        remarks=tuple(run.remarks),
    )


# --- bytes ---------------------------------------------------------------------


def _check_blobs(run: Round) -> None:
    """Hash every named file, two at a time, a bounded number ahead."""
    waiting: deque[tuple[str, int, Future[int | str]]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as pool:
        for name, size in _blob_rows(run):
            waiting.append((name, size, pool.submit(_size_or_fault, run.blobs, name)))
            if len(waiting) >= 4 * _THREADS:
                _take_blob(run, *waiting.popleft())
        while waiting:
            _take_blob(run, *waiting.popleft())


def _blob_rows(run: Round) -> Iterator[tuple[str, int]]:
    """By row number: a name that was bent may be nothing that can be asked for."""
    after, sql = -1, "SELECT rowid, sha256, size_bytes FROM blob WHERE rowid > ? ORDER BY rowid LIMIT ?"
    while page := run.rows(sql, after, _PAGE):
        yield from ((name, size) for _, name, size in page)
        after = page[-1][0]


def _size_or_fault(blobs: Blobs, name: str) -> int | str:
    try:
        return len(blobs.load(name))
    except DamagedBlob as damage:
        return damage.why
    except (DiskTrouble, ValueError, TypeError, AttributeError) as trouble:
        return f"cannot be read: {trouble}"


def _take_blob(run: Round, name: str, size: int, result: Future[int | str]) -> None:
    found = result.result()
    if isinstance(found, str):
        run.needs.miss(str(name))
        run.lost("blob", str(name), name, found)
    else:
        run.counted["bytes"] += found
        if found != size:
            run.fault("blob", name, f"the row says {size} bytes, the file has {found}")
    run.counted["blobs"] += 1
    run.step()


# --- the log -------------------------------------------------------------------


def _check_log(run: Round) -> tuple[int, str]:
    frontier = Frontier()
    for index, kind, entry, named in _leaf_rows(run):
        if index != frontier.size:
            run.fault("log", f"entry {frontier.size}", f"missing: the next entry is {index}")
        hashed = leaf_hash(entry.encode("utf-8", "surrogatepass"))
        if hashed.hex() != named:
            run.fault("log", f"entry {index}", "the text no longer hashes to its leaf")
        _check_entry(run, index, kind, entry)
        frontier = frontier.append(bytes.fromhex(named) if _is_hash(named) else hashed)
        run.said.pass_by(frontier)
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


def _leaf_rows(run: Round) -> Iterator[tuple[int, str, str, str]]:
    after = -1
    sql = 'SELECT "index", kind, entry, leaf_hash FROM leaf WHERE "index" > ? ORDER BY "index" LIMIT ?'
    while page := run.rows(sql, after, _PAGE):
        for index, *cells in page:
            if not all(isinstance(cell, str) for cell in cells):
                run.fault("log", f"entry {index}", "a cell of its row is no text")
            kind, entry, named = map(str, cells)
            yield index, kind, entry, named
        after = page[-1][0]


def _check_entry(run: Round, index: int, kind: str, entry: str) -> None:
    try:
        facts = json.loads(entry)
        if canonical(facts).decode() != entry or facts["kind"] != kind:
            run.fault("log", f"entry {index}", "not in canonical form, or of another kind than its row says")
            return
        run.said.hear(kind, index, facts)
        verify_answers.check(run, index, kind, facts)
        if kind == "evidence":
            verify_evidence.check_evidence(run, index, facts)
        elif kind == "sightings":
            verify_evidence.check_sightings(run, index, facts)
        elif kind == verdicts.KIND:
            verify_signed.check_verdict(run, index, facts)
        elif "facts_sha256" in facts:
            verify_signed.check_record(run, index, facts)
        elif kind == ERASURE:
            verify_cases.check_erasure(run, index)
    except UNREADABLE as error:
        run.fault("log", f"entry {index}", f"cannot be read: {error!r}")
