"""The newest signed state of the log outside of its database: read, and replaced, never lowered.

Whoever signs a state of the log - the watch, an export beside it, a rotation - holds the lock
here, compares the log with the anchor (`checkpoints.guard`), signs, and has the anchor durable
before the signature leaves his hands. So no state was ever signed that the anchor is not at or
after, and a crash leaves one that the log reaches: what is signed is committed already. The lock
is an flock on the folder of keys: no file that one account makes and another cannot open.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

from storage import keys, notes, turning
from storage.errors import DatabaseTrouble, DiskTrouble, KeyTrouble, NotNote
from storage.notes import Checkpoint
from storage.threads import in_thread

SIGNED_BEFORE = (
    "SELECT l.\"index\", l.kind FROM leaf l WHERE l.kind IN ('beacon', 'cosignature', 'export') "
    "OR l.entry GLOB '*\"checkpoints\":[1-9]*' OR (l.kind = 'verdict' AND EXISTS "
    "(SELECT 1 FROM verdict v WHERE v.leaf = l.\"index\" AND v.tier = 'urgent') "
    'AND EXISTS (SELECT 1 FROM leaf k WHERE k.kind = \'key\' AND k."index" < l."index")) '
    'ORDER BY l."index" LIMIT 1'
)
"""The first entry that no log has before it was signed: an answer to a checkpoint, a count of them, an
export, or a verdict that a watch with a key signs at once. With it, a store without anchor and
checkpoints was cut."""
_TRIES, _PAUSE_S = 600, 0.05
"""Signing takes milliseconds: who holds the lock for half a minute hangs."""


@contextlib.asynccontextmanager
async def held(folder: Path) -> AsyncIterator[None]:
    """The right to sign and to replace the anchor, among all processes.

    Within `Vault.finish` only: a wait that is cancelled would leave the lock taken. Raises
    DatabaseTrouble, DiskTrouble.
    """
    lock = await in_thread(_lock, folder / keys.FOLDER)
    try:
        yield
    finally:
        os.close(lock)


def _lock(place: Path) -> int:
    keys.make_folder(place)
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise DiskTrouble(f"{place}: {error.strerror}") from error
    try:
        for _ in range(_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            time.sleep(_PAUSE_S)
    except OSError as error:
        os.close(descriptor)
        raise DiskTrouble(f"{place}: cannot be locked: {error.strerror}") from error
    os.close(descriptor)
    raise DatabaseTrouble(f"{place}: another process has been signing for half a minute: it hangs")


def keep(folder: Path, note: str, *, over: bool = False) -> None:
    """Let this checkpoint be the anchor, unless one of as many entries or more is. For the holder.

    An odd one is replaced and kept aside. over: so is one that a roll-back which somebody
    admitted gave up. Raises NotNote, DiskTrouble.
    """
    point, odd = read(folder)
    coming = notes.read_checkpoint(notes.split_note(note)[0])
    if over or odd:
        turning.keep_aside(folder, keys.ANCHOR)
    elif point is not None and point.size >= coming.size:
        return
    keys.write(folder / keys.FOLDER / keys.ANCHOR, note.encode())


def read(folder: Path) -> tuple[Checkpoint | None, str]:
    """(the anchor, what is odd about it or ""). For threads.

    Whoever could forge it could also remove it, so a bad signature makes it odd and not void.
    """
    path = folder / keys.FOLDER / keys.ANCHOR
    try:
        raw = path.read_bytes()
        text, _ = notes.split_note(raw)
        point = notes.read_checkpoint(text)
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path}: {error.strerror}: a roll-back would not be noticed"
    except NotNote as error:
        return None, f"{path} is damaged ({error}): a roll-back would not be noticed"
    try:
        known = keys.known(folder)
    except KeyTrouble as error:
        return point, str(error)
    signed = _by_any(raw, notes.log_name(point.origin), known)
    return point, "" if signed else f"{path} is not signed by a key of this folder"


def _by_any(note: bytes, name: str, known: tuple[keys.PublicKey, ...]) -> bool:
    for key in known:
        with contextlib.suppress(NotNote):
            notes.open_note(note, name, key.public)
            return True
    return False
