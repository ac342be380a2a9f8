"""Reading a package that may be hostile: a folder or a zip in the form of an export, nothing else.

Links, devices, names with dots or odd characters, and archives of any other form are refused
before a byte of content is read. Nothing is unpacked, nothing is written.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from storage.package import zipform

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)
_MOST_NAME, _MOST_FILES, _MOST_DEPTH = 512, 5_000_000, 8
_CHUNK = 1 << 20
_AGE = b"age-encryption.org/v1"
"""How a file begins that is encrypted to a recipient: https://age-encryption.org/v1."""
MOST_TEXT = 256 << 20
"""Files that have to be read as a whole (lists, JSON, notes) are at most so long."""


class Unfit(ValueError):
    """This is no package that can be looked at; the message says why."""


class Source(Protocol):
    """The files of a package by name, with their sizes."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Size in bytes by name."""
        ...

    @property
    def empty(self) -> Sequence[str]:
        """Folders with nothing in them, which say something by their names only."""
        ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content, piece by piece. Raises OSError, Unfit."""
        ...


def read(source: Source, name: str) -> bytes:
    """A file that is not large. Raises KeyError when it is not there, OSError, Unfit."""
    if source.sizes[name] > MOST_TEXT:
        raise Unfit(f"{name} has {source.sizes[name]:,} bytes: too large to be what its name says")
    return b"".join(source.chunks(name))


def sha256(source: Source, name: str) -> str:
    """The hash of a file's content, hex. Raises OSError, Unfit."""
    digest = hashlib.sha256()
    for chunk in source.chunks(name):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The package at `path`, or where that link leads to; within it there are none. Raises Unfit, OSError."""
    if not (path.is_dir() or path.is_file()):
        raise Unfit("there is no folder and no archive of that name")
    if path.is_dir():
        found = dict(_walk(path, "", _MOST_DEPTH))
        empty = sorted(name for name, size in found.items() if size < 0)
        yield _Folder(path, {name: size for name, size in found.items() if size >= 0}, empty)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as archive:
        if os.pread(descriptor, len(_AGE), 0) == _AGE:
            raise Unfit(
                f"it is encrypted: age -d -i KEYFILE -o package.zip {path.name}, then check package.zip"
            )
        try:
            members = zipform.read(archive, os.fstat(descriptor).st_size)
        except zipform.NotZip as error:
            raise Unfit(
                f"{error} (a folder zipped by another program: unpack it, check the folder)"
            ) from error
        for member in members:
            _fit(member.name)
        yield _Zip(descriptor, {member.name: member for member in members})


@dataclass(frozen=True, slots=True)
class _Folder:
    folder: Path
    sizes: Mapping[str, int]
    empty: Sequence[str]

    def chunks(self, name: str) -> Iterator[bytes]:
        descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unfit(f"{name} is no file any more")
            while chunk := file.read(_CHUNK):
                yield chunk


@dataclass(slots=True)
class _Zip:
    descriptor: int
    members: Mapping[str, zipform.Member]
    sizes: Mapping[str, int] = field(init=False)
    empty: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.sizes = {name: member.size_bytes for name, member in self.members.items()}

    def chunks(self, name: str) -> Iterator[bytes]:
        member, crc = self.members[name], 0
        at, end = member.start, member.start + member.size_bytes
        while at < end:
            chunk = os.pread(self.descriptor, min(_CHUNK, end - at), at)
            if not chunk:
                raise Unfit(f"{name}: the archive was cut while it was read")
            at, crc = at + len(chunk), zlib.crc32(chunk, crc)
            yield chunk
        if crc != member.crc32:
            raise Unfit(f"{name}: its bytes are not those whose CRC the archive gives")


def _walk(folder: Path, before: str, depth: int) -> Iterator[tuple[str, int]]:
    """(name, size) of every file below, of an empty folder (name, -1).

    Raises Unfit for anything that is neither file nor folder.
    """
    if depth == 0:
        raise Unfit(f"{before}: too deep for a package")
    count = -1
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            name = _fit(before + entry.name)
            if count > _MOST_FILES:
                raise Unfit(f"{before}: too many files for a package")
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/", depth - 1)
            elif entry.is_file(follow_symlinks=False):
                yield name, entry.stat(follow_symlinks=False).st_size
            else:
                raise Unfit(f"{name} is neither file nor folder (a link?)")
    if count < 0 and before:
        yield before.removesuffix("/"), -1


def _fit(name: str) -> str:
    if len(name) > _MOST_NAME or not _NAME.fullmatch(name):
        raise Unfit(f"a name that no export has: {name[:80]!a}")
    return name
