"""Small steps on files that must be durable: write whole, fsync, hash. For threads."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from storage.errors import DiskTrouble


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Write and fsync a file; nothing is left of one that did not fit."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def fsync(path: Path) -> None:
    """Make a file or a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file, hex, in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def on_disk(place: Path) -> Iterator[None]:
    """System errors leave as DiskTrouble that names `place`."""
    try:
        yield
    except OSError as error:
        raise DiskTrouble(f"{place}: {error}") from error
