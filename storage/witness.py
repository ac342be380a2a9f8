"""A second host as cosigner: it signs only logs that went on from what it signed before.

C2SP tlog-cosignature, Ed25519 form (key type 0x04): a further signature line under a
checkpoint, over "cosignature/v1", the time and the checkpoint's text. It says: at that time
this was the largest consistent state I have seen of this log. Two histories shown to two
people then need the cosigner's help. Here: the forms, the decision, and the cosigner's own
state on disk; what the daemon does for its cosigners stands in `storage.cosigners`.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from storage import keys, notes
from storage.errors import DiskTrouble, KeyTrouble, NoCosignature, NotNote
from storage.keys import Signer
from storage.notes import Checkpoint
from storage.tree import check_consistency

_KIND = b"\x04"
_HEADER = "cosignature/v1"
_TIME_BYTES, _SIGNATURE_BYTES = 8, 64
LINE_BYTES = 4 + _TIME_BYTES + _SIGNATURE_BYTES
"""Of what a signature line holds in base64: mark, time, signature."""
_STATE, _SECRET = "state.json", "witness.key"


# --- forms --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Vkey:
    """A cosigner as others know it: its name and its raw Ed25519 key."""

    name: str
    public: bytes

    @property
    def mark(self) -> bytes:
        """The four bytes that lead its signatures: SHA-256(name || 0x0A || 0x04 || key)[:4]."""
        return hashlib.sha256(self.name.encode() + b"\n" + _KIND + self.public).digest()[:4]

    def __str__(self) -> str:
        """As a C2SP verifier key: name+hash+base64(type || key)."""
        return f"{self.name}+{self.mark.hex()}+{base64.b64encode(_KIND + self.public).decode()}"


def read_vkey(text: str) -> Vkey:
    """The reverse of `str(vkey)`. Raises NotNote when it is not the verifier key of a cosigner."""
    words = text.split("+", 2)
    if len(words) != 3 or not words[0] or any(c.isspace() for c in words[0]):
        raise NotNote("a verifier key is name+hash+base64")
    raw = notes.unbase64(words[2], 33)
    vkey = Vkey(name=words[0], public=raw[1:])
    if raw[:1] != _KIND:
        raise NotNote("a verifier key of a cosigner has the type 0x04")
    if vkey.mark.hex() != words[1]:
        raise NotNote("the hash of a verifier key does not fit its name and key")
    return vkey


def cosignature(note: str, signer: Signer, at: datetime) -> str:
    """The signature line of a cosigner for the checkpoint in `note`, as of `at` (whole seconds)."""
    text, _ = notes.split_note(note)
    seconds = int(at.timestamp())
    raw = seconds.to_bytes(_TIME_BYTES, "big") + signer.sign(_signed(text, seconds))
    mark = Vkey(name=signer.name, public=signer.public).mark
    return f"\u2014 {signer.name} {base64.b64encode(mark + raw).decode()}\n"


def cosigned_at(note: str | bytes, vkey: Vkey) -> datetime:
    """When this cosigner signed the note. Raises NotNote when it did not or its signature is wrong."""
    text, signatures = notes.split_note(note)
    for name, raw in signatures:
        if name != vkey.name or raw[:4] != vkey.mark:
            continue
        stamped = raw[4:]
        seconds = int.from_bytes(stamped[:_TIME_BYTES], "big")
        signature = stamped[_TIME_BYTES:]
        if len(signature) != _SIGNATURE_BYTES or not notes.verified(
            vkey.public, signature, _signed(text, seconds)
        ):
            raise NotNote(f"the cosignature of {name} does not hold")
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise NotNote(f"the cosignature of {name} names no time") from None
    raise NotNote(f"not cosigned by {vkey.name}")


def _signed(text: str, seconds: int) -> bytes:
    return f"{_HEADER}\ntime {seconds}\n{text}".encode()


# --- the decision ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a cosigner knows of the one log it watches. public: the log's key; size 0: nothing yet.

    origin: "" until the first checkpoint. root: hex.
    """

    public: bytes
    origin: str = ""
    size: int = 0
    root: str = ""
    cosigned_at: int = 0


def advanced(seen: Seen, note: str, proof: str | None) -> Seen:
    """What is known once this checkpoint is believed. Pure.

    proof: the consistency proof from `seen.size` as a file, or None when there is none.
    Raises NoCosignature when the log went back, forked, or cannot show that it goes on.
    """
    try:
        point = _opened(seen, note)
    except NotNote as error:
        raise NoCosignature(f"the checkpoint is refused: {error}") from error
    if point.size < seen.size:
        raise NoCosignature(
            f"the log went back: it shows {point.size} entries and had {seen.size} before. "
            "Keep this checkpoint and ask why"
        )
    root = point.root.hex()
    if point.size == seen.size and seen.size and root != seen.root:
        raise NoCosignature(f"the log forked: two roots for {seen.size} entries. Keep both checkpoints")
    if point.size > seen.size > 0:
        _check_growth(seen, point, proof)
    return replace(seen, origin=point.origin, size=point.size, root=root)


def _opened(seen: Seen, note: str) -> Checkpoint:
    name = note.partition("\n")[0]
    point = notes.read_checkpoint(notes.open_note(note, name, seen.public))
    if seen.origin and point.origin != seen.origin:
        raise NotNote(f"it is of another log than {notes.log_name(seen.origin)}")
    return point


def _check_growth(seen: Seen, point: Checkpoint, proof: str | None) -> None:
    if proof is None:
        raise NoCosignature(f"the log offers no proof from {seen.size} to {point.size} entries")
    try:
        growth = notes.read_consistency(proof)
    except NotNote as error:
        raise NoCosignature(f"the consistency proof cannot be read: {error}") from error
    if (growth.first, growth.second) != (seen.size, point.size) or not check_consistency(
        seen.size, point.size, bytes.fromhex(seen.root), point.root, growth.path
    ):
        raise NoCosignature(
            f"the log of {point.size} entries does not go on from the one of {seen.size} that was cosigned. "
            "Keep this checkpoint: it shows that the log was changed"
        )


# --- the cosigner's own folder ----------------------------------------------------------------


def make(folder: Path, name: str, public: bytes) -> Vkey:
    """A cosigner for the log of this key: its own key and an empty state. Blocks.

    Raises KeyTrouble when there is one, DiskTrouble.
    """
    if not name or any(c.isspace() or c == "+" for c in name):
        raise KeyTrouble(f"a cosigner cannot be named {name!r}: no spaces and no +")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = Ed25519PrivateKey.generate()
    keys.write_secret(folder / _SECRET, private)
    _write(folder, name, Seen(public=public))
    signer = Signer.of(private, name)
    return Vkey(name=name, public=signer.public)


def load(folder: Path) -> tuple[Signer, Seen]:
    """The cosigner of a folder. Blocks. Raises KeyTrouble when anything of it is missing or damaged."""
    path = folder / _STATE
    try:
        kept = json.loads(path.read_bytes())
        seen = Seen(
            public=bytes.fromhex(kept["log_key"]),
            origin=str(kept["origin"]),
            size=int(kept["size"]),
            root=str(kept["root"]),
            cosigned_at=int(kept["cosigned_at"]),
        )
        bytes.fromhex(seen.root)
        name = str(kept["name"])
    except FileNotFoundError as error:
        raise KeyTrouble(f"{path} is missing: make a cosigner with `nightjar witness init`") from error
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeyTrouble(f"{path} is damaged: put it back from a backup, never begin anew") from error
    return Signer.of(keys.read_secret(folder / _SECRET), name), seen


def cosign(folder: Path, note: str, proof: str | None, at: datetime) -> str:
    """The note with the cosigner's line added. Blocks; one at a time per folder.

    What was seen is durable before the line exists, so a crash never lets it sign two
    histories. Raises NoCosignature, KeyTrouble, DiskTrouble.
    """
    with _alone(folder):
        signer, seen = load(folder)
        now = replace(advanced(seen, note, proof), cosigned_at=int(at.timestamp()))
        _write(folder, signer.name, now)
        return note + cosignature(note, signer, at)


def trust(folder: Path, public: bytes) -> None:
    """Expect another key of the same log from now on; what was seen stays. Raises KeyTrouble, DiskTrouble."""
    with _alone(folder):
        signer, seen = load(folder)
        _write(folder, signer.name, replace(seen, public=public))


def _write(folder: Path, name: str, seen: Seen) -> None:
    state = {
        "name": name,
        "log_key": seen.public.hex(),
        "origin": seen.origin,
        "size": seen.size,
        "root": seen.root,
        "cosigned_at": seen.cosigned_at,
    }
    keys.write(folder / _STATE, (json.dumps(state, indent=1) + "\n").encode())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise KeyTrouble(f"{folder}: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
