"""The daemon's signing key on disk, its certificate by the admin's offline key, and its successors.

    <data>/keys/daemon.key          PKCS#8 PEM, 0600, made at first start
    <data>/keys/daemon.pub.pem      the public half
    <data>/keys/certificate.note    the admin's statement about it (C2SP note), when there is one
    <data>/keys/admin.pub.pem       the key that made that statement
    <data>/keys/old/<n>/            public halves and certificates of earlier keys, 1 the oldest
    <data>/keys/next/               a successor that the log already names and that is not in use yet
    <data>/keys/anchor              the newest state of the log that was signed (storage/anchor.py)

Everything here blocks and belongs in threads. The secret never leaves its file but to sign.
How one key follows another is in storage/turning.py.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage import notes
from storage.codec import stamp
from storage.errors import DiskTrouble, KeyTrouble, NotNote

FOLDER = "keys"
SECRET, PUBLIC, CERTIFICATE, ADMIN = "daemon.key", "daemon.pub.pem", "certificate.note", "admin.pub.pem"
OLD, NEXT, ANCHOR = "old", "next", "anchor"
ADMIN_NAME = "nightjar-admin"
_TITLE = "nightjar key certificate v1"
_RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key that signs. name: of the key in notes. certificate: the admin's note about it, or ""."""

    name: str
    public: bytes
    certificate: str = ""
    _private: Ed25519PrivateKey = field(repr=False, compare=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the 32 raw public bytes, hex."""
        return notes.fingerprint(self.public)

    def sign(self, data: bytes) -> bytes:
        """The 64 raw bytes of the Ed25519 signature over `data`."""
        return self._private.sign(data)

    @classmethod
    def load(cls, folder: Path, origin: str) -> Signer:
        """The daemon key of a data folder. Raises KeyTrouble when it is missing or damaged."""
        keys = folder / FOLDER
        private = read_secret(keys / SECRET)
        signer = cls(
            name=notes.log_name(origin),
            public=private.public_key().public_bytes(*_RAW),
            certificate=_certificate(keys),
            _private=private,
        )
        if read_public(keys / PUBLIC) != signer.public:
            raise KeyTrouble(f"{keys / PUBLIC} is not the public half of {SECRET}")
        return signer

    @classmethod
    def make(cls, folder: Path, origin: str) -> Signer:
        """A new daemon key for a data folder that has none. Raises KeyTrouble when there is one."""
        keys = folder / FOLDER
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(*_RAW)
        make_folder(keys)
        # The public half first: a crash in between leaves no secret that nobody can name.
        write(keys / PUBLIC, notes.pem(public).encode())
        write_secret(keys / SECRET, private)
        return cls(name=notes.log_name(origin), public=public, _private=private)

    @classmethod
    def of(cls, private: Ed25519PrivateKey, name: str) -> Signer:
        """A signer of a key at hand: the admin's."""
        return cls(name=name, public=private.public_key().public_bytes(*_RAW), _private=private)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public half as it lies in a folder. number: the n of old/<n>, 0 for the key in use.

    certificate: the note, or "". admin: the raw key that made it, or b"".
    """

    number: int
    public: bytes
    certificate: str = ""
    admin: bytes = b""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the 32 raw public bytes, hex."""
        return notes.fingerprint(self.public)


def new_admin(path: Path) -> bytes:
    """Make the admin's offline key; its raw public half, which is also written to `<path>.pub.pem`.

    Raises KeyTrouble when a file is there already.
    """
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(*_RAW)
    write_secret(path, private)
    write(path.with_name(path.name + ".pub.pem"), notes.pem(public).encode())
    return public


def certify(folder: Path, origin: str, admin: Signer, at: datetime) -> str:
    """Write the admin's certificate for the daemon key; the note. Raises KeyTrouble, DiskTrouble."""
    keys = folder / FOLDER
    public = read_public(keys / PUBLIC)
    if public == admin.public:
        raise KeyTrouble("that is the daemon's own key; an admin key is another one, kept offline")
    note = notes.sign_note(certificate_text(origin, public, at), admin)
    write(keys / ADMIN, notes.pem(admin.public).encode())
    write(keys / CERTIFICATE, note.encode())
    return note


def admin_signer(path: Path) -> Signer:
    """The admin's key from its file. Raises KeyTrouble."""
    return Signer.of(read_secret(path), ADMIN_NAME)


def certificate_text(origin: str, public: bytes, at: datetime) -> str:
    """What an admin signs about a daemon key."""
    name, key = notes.log_name(origin), base64.b64encode(public).decode()
    return f"{_TITLE}\norigin {origin}\nname {name}\ned25519 {key}\nfrom {stamp(at)}\n"


def check_certificate(note: str, admin: bytes, origin: str, public: bytes) -> datetime:
    """Since when the admin vouches for this very key of this very log. Raises NotNote when they do not."""
    text = notes.open_note(note, ADMIN_NAME, admin)
    since = text.removesuffix("\n").rpartition("\nfrom ")[2]
    at = notes.time_of(since)
    if text != certificate_text(origin, public, at):
        raise NotNote("the certificate is about another key or another log")
    return at


def known(folder: Path) -> tuple[PublicKey, ...]:
    """Every public half of a data folder: the one in use first, then older ones, newest first.

    Raises KeyTrouble when a file that should be a key is none; a missing one is left out.
    """
    keys = folder / FOLDER
    current = [_public(keys, 0)] if (keys / PUBLIC).exists() else []
    old = [n for n in reversed(numbers(keys)) if (keys / OLD / str(n) / PUBLIC).exists()]
    return (*current, *(_public(keys / OLD / str(n), n) for n in old))


def ensure(folder: Path, origin: str, *, signed_before: bool = False) -> Signer:
    """The daemon key, made when this log has never had one.

    signed_before: the database holds checkpoints. Raises KeyTrouble when a key that was in use
    is gone: a new one is then for an admin to make (`nightjar keys rotate`), in the open.
    """
    keys = folder / FOLDER
    if (keys / SECRET).exists():
        return Signer.load(folder, origin)
    if signed_before or (keys / ANCHOR).exists() or (keys / OLD).exists():
        raise KeyTrouble(
            f"{keys / SECRET} is gone, though it has signed checkpoints; put it back from a backup, "
            "or stop the watch and make a successor: `nightjar keys rotate`"
        )
    try:
        return Signer.make(folder, origin)
    except KeyTrouble:  # another process made one in the same instant
        return Signer.load(folder, origin)


def read_public(path: Path) -> bytes:
    """The 32 raw bytes of a PEM file. Raises KeyTrouble."""
    try:
        return notes.from_pem(read_bytes(path))
    except NotNote as error:
        raise KeyTrouble(f"{path}: {error}") from error


def read_secret(path: Path) -> Ed25519PrivateKey:
    """An unencrypted PKCS#8 Ed25519 key. Raises KeyTrouble; the message never holds key bytes."""
    raw = read_bytes(path)
    try:
        private = serialization.load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyTrouble(f"{path} holds no key that can be read") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyTrouble(f"{path} is not an Ed25519 key")
    return private


def write_secret(path: Path, private: Ed25519PrivateKey) -> None:
    """Write a key that must not be there yet, mode 0600, durable. Raises KeyTrouble, DiskTrouble."""
    raw = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise KeyTrouble(f"{path} is there already; a key is never overwritten") from error
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            _hand_over(file.fileno(), path.parent)
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise DiskTrouble(f"{path}: {error.strerror}") from error


def write(path: Path, raw: bytes) -> None:
    """Replace a file as a whole, durable when this returns. Raises DiskTrouble."""
    make_folder(path.parent)
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:
            file.write(raw)
            file.flush()
            _hand_over(file.fileno(), path.parent)
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error


def _hand_over(descriptor: int, folder: Path) -> None:
    """What root writes here belongs to whom the folder belongs, or the daemon could not read it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _certificate(keys: Path) -> str:
    path = keys / CERTIFICATE
    try:
        return read_bytes(path).decode() if path.exists() else ""
    except UnicodeDecodeError as error:
        raise KeyTrouble(f"{path} is not text") from error


def _public(folder: Path, number: int) -> PublicKey:
    certificate = _certificate(folder)
    # An admin's key alone says nothing: it is written first and removed last.
    admin = (
        read_public(folder / ADMIN) if (folder / CERTIFICATE).exists() and (folder / ADMIN).exists() else b""
    )
    public = read_public(folder / PUBLIC)
    return PublicKey(number=number, public=public, certificate=certificate, admin=admin)


def numbers(keys: Path) -> list[int]:
    """The numbers of earlier keys in a folder of keys, in order."""
    names = [entry.name for entry in (keys / OLD).iterdir()] if (keys / OLD).is_dir() else []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, open to their owner only. Raises DiskTrouble."""
    try:
        if folder.is_dir():
            return
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _hand_over(descriptor, folder.parent)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error.strerror}") from error


def remove(*paths: Path) -> None:
    """Remove files, those that are there. Raises DiskTrouble."""
    try:
        for path in paths:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskTrouble(f"{error.filename}: {error.strerror}") from error


def read_bytes(path: Path) -> bytes:
    """A file whole. Raises KeyTrouble."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise KeyTrouble(f"{path} is missing") from error
    except OSError as error:
        raise KeyTrouble(f"{path}: {error.strerror}") from error
