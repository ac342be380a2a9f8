"""The key that tags buttons: 32 random bytes in `keys/callback`, made at the first start.

Without the old key buttons of older cards are refused; nothing else hangs on it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from storage.errors import DiskTrouble
from storage.keys import FOLDER, make_folder, sync_folder

NAME, BYTES = "callback", 32


def callback_key(folder: Path) -> bytes:
    """The key of a data folder, readable by its owner alone. Raises DiskTrouble."""
    path = folder / FOLDER / NAME
    try:
        with suppress(FileNotFoundError):
            key = path.read_bytes()
            if len(key) == BYTES:
                return key
        make_folder(path.parent)
        key, fresh = os.urandom(BYTES), path.with_name(f"{NAME}.new")
        with suppress(FileNotFoundError):
            fresh.unlink()
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error
    return key
