"""Encrypting a finished package to its recipients' age keys (age-encryption.org/v1, X25519).

The archive is hashed before it is encrypted, and both hashes are logged: the recipient
decrypts with any age program (`age -d -i KEY package.zip.age > package.zip`) and compares.
Nobody else can read it, this machine included. Streams; memory stays flat.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.errors import CaseRefused, DiskTrouble

_SHOWN = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Encrypted:
    """What was encrypted: SHA-256 of the archive before and after, for the log."""

    plain_sha256: str
    cipher_sha256: str
    size_bytes: int


def checked_recipients(recipients: Sequence[str]) -> None:
    """Refuse what is no X25519 recipient `age1...`. Raises CaseRefused naming it."""
    _recipients(recipients)


def encrypt(source: Path, out: Path, recipients: Sequence[str]) -> Encrypted:
    """Encrypt the file `source` into the new file `out`, durably. For threads.

    Raises CaseRefused (a recipient is none, or there is none), DiskTrouble. On trouble `out`
    does not exist afterwards.
    """
    import pyrage

    keys = _recipients(recipients)
    try:
        with source.open("rb") as reading:
            plain = hashlib.file_digest(reading, "sha256").hexdigest()
            reading.seek(0)
            with out.open("xb") as writing:
                try:
                    pyrage.encrypt_io(reading, writing, keys)
                    writing.flush()
                    os.fsync(writing.fileno())
                    os.fchmod(writing.fileno(), 0o440)
                except BaseException:
                    out.unlink(missing_ok=True)
                    raise
        with out.open("rb") as reading:
            cipher = hashlib.file_digest(reading, "sha256").hexdigest()
        return Encrypted(plain_sha256=plain, cipher_sha256=cipher, size_bytes=out.stat().st_size)
    except (OSError, pyrage.EncryptError) as error:
        raise DiskTrouble(f"{out}: {error}") from error


def _recipients(recipients: Sequence[str]) -> list[object]:
    import pyrage

    if not recipients:
        raise CaseRefused("no recipient was named")
    found: list[object] = []
    for text in recipients:
        try:
            found.append(pyrage.x25519.Recipient.from_str(text.strip()))
        except (pyrage.RecipientError, ValueError) as error:
            shown = repr(text[:_SHOWN]) if text.startswith("age1") else "what was given"  # perhaps a secret
            raise CaseRefused(f"{shown} is no age recipient (age1...)") from error
    return found
