"""Exchanging the key files: a successor is made in `keys/next`, then put in use step by step.

Every step leaves files that can be read, and the whole may be begun again after a crash
anywhere: a start finishes what the log has announced (`storage/recovery.py`). For threads.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage import keys, notes
from storage.errors import DiskTrouble, KeyTrouble
from storage.keys import ADMIN, CERTIFICATE, FOLDER, NEXT, OLD, PUBLIC, SECRET, Signer


def make_next(folder: Path, origin: str) -> Signer:
    """A successor that is not in use yet; an earlier one that never came into use is thrown away."""
    place = folder / FOLDER / NEXT
    keys.remove(place / SECRET, place / PUBLIC)
    private = Ed25519PrivateKey.generate()
    keys.make_folder(place)
    keys.write_secret(place / SECRET, private)
    signer = Signer.of(private, notes.log_name(origin))
    keys.write(place / PUBLIC, notes.pem(signer.public).encode())
    return signer


def waiting(folder: Path) -> str:
    """Fingerprint of a successor whose secret is not in its place yet, or "". Raises KeyTrouble."""
    secret = folder / FOLDER / NEXT / SECRET
    return Signer.of(keys.read_secret(secret), "").fingerprint if secret.exists() else ""


def put_in_use(folder: Path, origin: str) -> Signer:
    """Put the key in use aside (public half, certificate; the secret is deleted), the next one in its place.

    After a crash in the middle it goes on where it was. Raises KeyTrouble, DiskTrouble.
    """
    place = folder / FOLDER
    coming = Signer.of(keys.read_secret(place / NEXT / SECRET), "")
    pem = notes.pem(coming.public).encode()
    if (place / PUBLIC).exists() and keys.read_bytes(place / PUBLIC) != pem:
        _put_aside(place)
        keys.remove(place / CERTIFICATE, place / ADMIN)
    try:
        keys.write(place / PUBLIC, pem)
        keys.remove(place / NEXT / PUBLIC)
        (place / NEXT / SECRET).replace(place / SECRET)
        with contextlib.suppress(OSError):  # something of somebody else is in it
            (place / NEXT).rmdir()
        keys.sync_folder(place)
    except OSError as error:
        raise DiskTrouble(f"{place}: {error.strerror}") from error
    return Signer.load(folder, origin)


def _put_aside(place: Path) -> None:
    """Copy what is public about the key in use; begun again, into the same folder.

    The certificate last, since it is nothing without the key that made it.
    """
    newest = place / OLD / str(max(keys.numbers(place), default=0) or 1)
    mine = not (newest / PUBLIC).exists() or _same(newest / PUBLIC, place / PUBLIC)
    aside = newest if mine else newest.with_name(str(int(newest.name) + 1))
    for name in (PUBLIC, ADMIN, CERTIFICATE):
        if (place / name).exists():
            keys.write(aside / name, keys.read_bytes(place / name))


def _same(one: Path, other: Path) -> bool:
    return keys.read_bytes(one) == keys.read_bytes(other)


def keep_aside(folder: Path, name: str) -> None:
    """Copy a file of the keys folder to `old`, under a name of its own. Raises DiskTrouble."""
    place = folder / FOLDER
    with contextlib.suppress(KeyTrouble):  # one that cannot be read cannot be kept
        raw = keys.read_bytes(place / name)
        count = len(list((place / OLD).glob(f"{name}.*"))) if (place / OLD).is_dir() else 0
        keys.write(place / OLD / f"{name}.{count + 1}", raw)
