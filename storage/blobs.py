"""Content-addressed bytes: write once, the name is the SHA-256, hashed again on every read.

`<folder>/blobs/ab/<sha256>`, mode 0440. Order of writing: temporary file, fsync, rename
to the name, fsync of the directories. A crash leaves temporaries, never a torn blob under
a valid name. Writers that come together share one round (group commit), and the fsyncs
of a round run side by side, since a journal commits them together (measured: 844 blobs/s
one by one, 2,171 in rounds of 32 with 8 threads; beside a busy loop two threads do better).
Temporaries lie in sixteen folders, which ext4 puts into block groups of their own: making a
file in one group full of freshly deleted ones took 0.1 to 0.5 ms of CPU, spread over sixteen
0.03 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TypeVar

from storage.errors import DamagedBlob, DiskTrouble
from storage.lately import Lately
from storage.model import Sha256, sha256_of
from storage.threads import in_thread

T = TypeVar("T")
_HEX = frozenset("0123456789abcdef")
_SHA256_DIGITS = 64
_FSYNC_THREADS = 2
_ROUND_BYTES = 64 * 1024 * 1024
_KNOWN = 65_536
_TEMPORARIES = "0123456789abcdef"
_FOLDERS = frozenset(f"{number:02x}" for number in range(256))
"""Each is made when its first blob comes: 256 at once cost a new store more than all else."""
_NO_FOLDERS_BELOW = 2


@dataclass(frozen=True, slots=True)
class _Waiting:
    files: Mapping[Sha256, bytes]
    answer: asyncio.Future[None]


class Blobs:
    """The blob folder. `keep` is for the one writing process; reading is for anybody."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "blobs"
        self.temporary = folder / "tmp"
        self.damaged = folder / "damaged"
        self._known = Lately(_KNOWN)
        """Names that this process has kept, as far as they came lately."""
        self._waiting: list[_Waiting] = []
        self._round: asyncio.Task[None] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._mark, self._temporaries = uuid.uuid4().hex[:12], 0
        self._grown = False
        """Whether the outer folder holds names of new folders that were not synced yet."""
        self.written = 0
        self.written_bytes = 0
        """Blobs newly kept since the start, for the metrics; a round that failed counts for nothing."""

    def path(self, sha256: str) -> Path:
        """Where a blob lies. Raises ValueError when that is no SHA-256."""
        if len(sha256) != _SHA256_DIGITS or not _HEX.issuperset(sha256):
            raise ValueError(f"not a SHA-256: {sha256!r}")
        return self.folder / sha256[:2] / sha256

    def prepare(self) -> int:
        """Make the outer folders and sweep temporaries of an earlier life; how many there were.

        Raises DiskTrouble.
        """
        with _disk():
            for folder in (self.folder, self.temporary):
                folder.mkdir(parents=True, exist_ok=True)
            with os.scandir(self.folder) as entries:
                there = {entry.name for entry in entries}
            for name in there & _FOLDERS:
                _lift(self.folder / name)
            _fsync_folder(self.folder)
            for digit in _TEMPORARIES:
                (self.temporary / digit).mkdir(exist_ok=True)
            left = [path for path in self.temporary.rglob("*") if not path.is_dir()]
            for path in left:
                path.unlink(missing_ok=True)
            _fsync_folder(self.folder.parent)
        return len(left)

    async def get(self, sha256: str) -> bytes:
        """The bytes of a blob, hashed again. Raises DamagedBlob when missing or changed, DiskTrouble."""
        return await in_thread(self.load, sha256)

    def load(self, sha256: str) -> bytes:
        """As `get`, for threads and command lines."""
        try:
            with _disk():
                data = self.path(sha256).read_bytes()
        except FileNotFoundError:
            raise DamagedBlob(sha256, "the file is missing") from None
        if sha256_of(data) != sha256:
            raise DamagedBlob(sha256, "the bytes no longer hash to the name")
        return data

    def has(self, sha256: str) -> bool:
        """Whether a file of that name is there (not whether it is whole)."""
        try:
            return stat.S_ISREG(os.stat(str(self.path(sha256))).st_mode)  # noqa: PTH116  half a Path's time
        except (FileNotFoundError, NotADirectoryError):
            return False

    async def keep(self, files: Mapping[Sha256, bytes]) -> None:
        """Make these blobs durable; returns when they are. Kept ones cost a look at the disk.

        Raises DiskTrouble: then none of the new names exists half written. Cancelling the
        wait does not stop a round that has begun.
        """
        known = any(sha in self._known for sha in files)
        missing = await in_thread(self._lacking, files) if known else files
        if not missing:
            return
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_looked_at)
        self._waiting.append(_Waiting(missing, answer))
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._rounds(), name="blob-rounds")
        await asyncio.shield(answer)

    def older(self, names: Iterable[str], before_s: float) -> tuple[str, ...]:
        """Those that were last written before that Unix time. For threads. Raises DiskTrouble."""
        with _disk():
            return tuple(
                name for name in names if self.has(name) and self.path(name).stat().st_mtime < before_s
            )

    def remove(self, names: Iterable[str]) -> None:
        """Remove files for good, damaged ones of that name too. For threads, while nothing is being sealed.

        Raises DiskTrouble.
        """
        with _disk():
            folders = set()
            for name in names:
                self.path(name).unlink(missing_ok=True)
                for aside in self.damaged.glob(f"{name}.*"):
                    aside.unlink(missing_ok=True)
                self._known.discard(name)
                folders.add(self.path(name).parent)
            for folder in folders:
                if folder.is_dir():
                    _fsync_folder(folder)

    async def close(self) -> None:
        """Finish the rounds that wait. Twice is harmless."""
        if self._round is not None:
            await asyncio.shield(self._round)
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def _lacking(self, files: Mapping[Sha256, bytes]) -> Mapping[Sha256, bytes]:
        """Those that this process has not kept, or that are gone since. In a thread: it asks the disk."""
        known = self._known
        return {sha: data for sha, data in files.items() if sha not in known or not self.has(sha)}

    async def _rounds(self) -> None:
        while self._waiting:
            group = self._take()
            await self._try_round(group)

    async def _try_round(self, group: list[_Waiting]) -> None:
        """One round; when it fails, each writer alone, so that one cannot take the others down."""
        files = {sha: data for waiting in group for sha, data in waiting.files.items()}
        try:
            await in_thread(self._write_round, files)
        except Exception as error:  # noqa: BLE001 -- whatever it was, it belongs to its caller
            if len(group) > 1:
                for waiting in group:
                    await self._try_round([waiting])
            elif not group[0].answer.done():
                ours = isinstance(error, OSError | DiskTrouble)
                group[0].answer.set_exception(DiskTrouble(f"cannot keep bytes: {error}") if ours else error)
            return
        self._known.add(files)
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_result(None)

    def _take(self) -> list[_Waiting]:
        """The writers of the next round: all that wait, up to a bound on bytes."""
        size, count = 0, 0
        for waiting in self._waiting:
            size += sum(map(len, waiting.files.values()))
            if count and size > _ROUND_BYTES:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    def _write_round(self, files: Mapping[Sha256, bytes]) -> None:
        """In a thread: temporaries, their fsyncs, the names, then the folders with fsync.

        The fsyncs alone run side by side: every other call would only fight for the interpreter.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_FSYNC_THREADS, thread_name_prefix="fsync")
        wanted = [sha for sha in files if not self._whole(sha)]
        written: list[tuple[str, int]] = []
        try:
            try:
                for sha in wanted:
                    self._write_temporary(files[sha], written)
            finally:
                self._side_by_side(_fsync_and_close, [descriptor for _, descriptor in written])
            folders = {self.path(sha).parent for sha in files}
            for sha in wanted:
                self._name(written[0][0], str(self.path(sha)))
                del written[0]
        finally:
            for temporary, _ in written:
                Path(temporary).unlink(missing_ok=True)
        if self._grown:
            folders.add(self.folder)
        self._side_by_side(_fsync_folder, list(folders))
        self._grown = False
        self.written += len(wanted)
        self.written_bytes += sum(len(files[sha]) for sha in wanted)

    def _name(self, temporary: str, path: str) -> None:
        """Give a blob its name, in a new folder if it is the first there. Raises OSError."""
        try:
            os.rename(temporary, path)  # noqa: PTH104  strings: half a Path's time
        except FileNotFoundError:
            folder = os.path.dirname(path)  # noqa: PTH120
            if os.path.isdir(folder):  # noqa: PTH112
                raise
            os.mkdir(folder)  # noqa: PTH102
            self._grown = True  # a round that fails from here on leaves the syncing to the next
            os.rename(temporary, path)  # noqa: PTH104

    def _side_by_side(self, work: Callable[[T], None], things: Sequence[T]) -> None:
        """Do it to all, each thread its share: one hand-over per thread and not per file.

        Raises the first OSError, when all have been tried.
        """
        assert self._pool is not None
        shares = [things[first::_FSYNC_THREADS] for first in range(min(_FSYNC_THREADS, len(things)))]
        for failure in list(self._pool.map(_tried, shares, repeat(work))):
            if failure is not None:
                raise failure

    def _whole(self, sha256: str) -> bool:
        """Whether a good blob is there already; a damaged one is put aside, never overwritten."""
        if not self.has(sha256):
            return False
        try:
            self.load(sha256)
        except DamagedBlob:
            if self.has(sha256):
                self.damaged.mkdir(exist_ok=True)
                self.path(sha256).rename(self.damaged / f"{sha256}.{uuid.uuid4().hex}")
            return False
        return True

    def _write_temporary(self, data: bytes, written: list[tuple[str, int]]) -> None:
        """Write a temporary and add (its path, its open descriptor). Raises OSError."""
        self._temporaries += 1
        folder = _TEMPORARIES[self._temporaries % len(_TEMPORARIES)]
        path = f"{self.temporary}/{folder}/{self._mark}-{self._temporaries}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o440)
        written.append((path, descriptor))
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


def _tried(things: Iterable[T], work: Callable[[T], None]) -> OSError | None:
    """The first error; every one of the things had its turn."""
    failure: OSError | None = None
    for thing in things:
        try:
            work(thing)
        except OSError as error:
            failure = failure or error
    return failure


def _fsync_and_close(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lift(folder: Path) -> None:
    """Bring up the blobs of stores written when they lay one folder deeper (`ab/cd/<sha256>`)."""
    if folder.stat().st_nlink == _NO_FOLDERS_BELOW:  # btrfs always counts one: there it is looked at
        return
    with os.scandir(folder) as entries:
        deeper = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for below in deeper:
        for path in below.iterdir():
            path.rename(folder / path.name)
    if deeper:
        _fsync_folder(folder)
    for below in deeper:
        below.rmdir()


def names(folder: Path) -> Iterator[str]:
    """The name of every blob in order, strange ones too. For threads.

    Plain strings: path objects would cost more than the disk.
    """
    for first in _listed(str(folder)):
        yield from _listed(f"{folder}/{first}")


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """System errors leave as DiskTrouble; a missing file is told apart by the caller."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DiskTrouble(f"the blob folder would not take or give bytes: {error}") from error


def _looked_at(answer: asyncio.Future[None]) -> None:
    if not answer.cancelled():
        answer.exception()
