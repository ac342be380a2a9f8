"""Signed texts as plain files, in other people's formats: pure, no I/O, no clock.

C2SP signed-note, tlog-checkpoint and tlog-proof (c2sp.org); what minisign, signify and
`ssh-keygen -Y` read stands in `storage/signatures.py` and is offered here too. One Ed25519
key (RFC 8032) makes them all, so that `openssl pkeyutl -verify -rawin` can check every one.
Whatever is malformed, altered or by another key raises `NotNote`, nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.codec import stamp
from storage.errors import NotNote
from storage.signatures import (
    Signing,
    allowed_signers,
    fingerprint,
    from_pem,
    minisig,
    minisign_public,
    pem,
    signify,
    signify_public,
    sshsig,
    verified,
)

__all__ = [
    "Checkpoint", "Growth", "NotNote", "Proof", "Signing",
    "allowed_signers", "checkpoint_text", "consistency_text", "fingerprint", "from_pem",
    "key_hash", "log_name", "minisig", "minisign_public", "number", "open_note", "pem",
    "proof_text", "read_checkpoint", "read_consistency", "read_proof", "sign_note", "signify",
    "signify_public", "split_note", "sshsig", "time_of", "unbase64", "verified",
]  # fmt: skip

PROOF = "c2sp.org/tlog-proof@v1"
CONSISTENCY = "nightjar-consistency"
_DASH = "\u2014 "
_ED25519 = b"\x01"
_MOST_CHARACTERS = 1 << 20
_MOST_SIGNATURES = 64
_MOST_STEPS = 64
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_ORIGIN = re.compile(r"nightjar-([0-9a-f]{32})", re.ASCII)
_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def log_name(origin: str) -> str:
    """The log's origin line and the daemon key's name."""
    return f"nightjar-{origin}"


# --- signed notes -----------------------------------------------------------------------


def sign_note(text: str, signer: Signing) -> str:
    """The note: text, empty line, signature line. Raises NotNote when the text cannot be one."""
    signed = _bytes_of(_text_of(text, "text"))
    if not _NAME.fullmatch(signer.name):
        raise NotNote(f"a key cannot be named {signer.name!r}")
    mark = base64.b64encode(key_hash(signer.name, signer.public) + signer.sign(signed)).decode()
    return f"{text}\n{_DASH}{signer.name} {mark}\n"


def open_note(note: str | bytes, name: str, public: bytes) -> str:
    """The text, when the named key signed it. Signatures by other keys are passed over.

    Raises NotNote when the note is malformed, that key did not sign it, or its signature is wrong.
    """
    text, signatures = split_note(note)
    mark, found = key_hash(name, public), False
    for signer, raw in signatures:
        if signer != name or raw[:4] != mark:
            continue
        if not verified(public, raw[4:], _bytes_of(text)):
            raise NotNote(f"the signature of {name} does not hold")
        found = True
    if not found:
        raise NotNote(f"not signed by the expected key {name} (fingerprint {fingerprint(public)[:16]})")
    return text


def split_note(note: str | bytes) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """(text, signatures as (key name, key hash || signature)), nothing verified. Raises NotNote."""
    whole = _text_of(note, "note")
    cut = whole.rfind("\n\n")
    if cut < 1:
        raise NotNote("a note has no text before an empty line")
    text, lines = whole[: cut + 1], whole[cut + 2 : -1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise NotNote(f"a note has {len(lines)} signatures; the bound is {_MOST_SIGNATURES}")
    return text, tuple(_signature(line) for line in lines)


def key_hash(name: str, public: bytes) -> bytes:
    """The four bytes that lead a signature: SHA-256(name || 0x0A || 0x01 || public key)[:4]."""
    return hashlib.sha256(_bytes_of(name) + b"\n" + _ED25519 + public).digest()[:4]


def _signature(line: str) -> tuple[str, bytes]:
    name, space, mark = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _NAME.fullmatch(name):
        raise NotNote("a signature line is not `\u2014 name base64`")
    raw = unbase64(mark)
    if len(raw) < 5:
        raise NotNote("a signature is too short")
    return name, raw


def _text_of(note: str | bytes, what: str) -> str:
    """`note` as a text of a note must be: bounded UTF-8, no control characters, a newline at its end."""
    if len(note) > _MOST_CHARACTERS:
        raise NotNote(f"a {what} has {len(note)} characters; the bound is {_MOST_CHARACTERS}")
    try:
        text = note.decode() if isinstance(note, bytes) else note
    except UnicodeDecodeError as error:
        raise NotNote(f"a {what} is not UTF-8") from error
    _bytes_of(text)
    if _CONTROL.search(text):
        raise NotNote(f"a {what} has control characters")
    if not text.endswith("\n"):
        raise NotNote(f"a {what} does not end in a newline")
    return text


def _bytes_of(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotNote("a note has characters that UTF-8 cannot carry") from error


def unbase64(text: str, size_bytes: int = 0) -> bytes:
    """The bytes of the one base64 form (RFC 4648, 4). Raises NotNote; also when not `size_bytes` long."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotNote("what should be base64 is not") from error
    if base64.b64encode(raw).decode() != text:
        raise NotNote("base64 is not in its one form")
    if size_bytes and len(raw) != size_bytes:
        raise NotNote(f"base64 holds {len(raw)} bytes, not {size_bytes}")
    return raw


# --- checkpoints ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The log at one size. origin: 32 hex digits. root: 32 bytes (RFC 6962). at: aware UTC."""

    origin: str
    size: int
    root: bytes
    at: datetime


def checkpoint_text(origin: str, size: int, root: bytes, at: datetime) -> str:
    """The text of a C2SP checkpoint with its time as the one extension line."""
    return f"{log_name(origin)}\n{size}\n{base64.b64encode(root).decode()}\ntime {stamp(at)}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in the text of an opened note. Raises NotNote when it is not exactly one of ours."""
    lines = _text_of(text, "checkpoint")[:-1].split("\n")
    if len(lines) != 4:
        raise NotNote(f"a checkpoint has {len(lines)} lines, not 4")
    origin = _ORIGIN.fullmatch(lines[0])
    if origin is None:
        raise NotNote("a checkpoint's first line is not `nightjar-` and 32 hex digits")
    return Checkpoint(
        origin=origin[1], size=number(lines[1]), root=unbase64(lines[2], 32), at=_time(lines[3])
    )


def number(text: str) -> int:
    """A decimal without leading zeroes. Raises NotNote."""
    if not _NUMBER.fullmatch(text):
        raise NotNote("what should be a number is not")
    return int(text)


def time_of(text: str) -> datetime:
    """The instant that `stamp` wrote. Raises NotNote for every other form."""
    try:
        at = datetime.fromisoformat(text)
        if stamp(at) == text:
            return at
    except (ValueError, OverflowError) as error:
        raise NotNote("what should be a time is not") from error
    raise NotNote("a time is not in its one form: RFC 3339, UTC, six decimals, Z")


def _time(line: str) -> datetime:
    word, _, rest = line.partition(" ")
    if word != "time":
        raise NotNote("a checkpoint's fourth line is not `time` and an instant")
    return time_of(rest)


# --- proofs -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That an entry is in the log: its index, the path to the root, and the checkpoint's note (unopened)."""

    index: int
    path: tuple[bytes, ...]
    note: str


def proof_text(index: int, path: Sequence[bytes], note: str) -> str:
    """A C2SP tlog-proof."""
    return _lines(PROOF, f"index {index}", *(_base64(step) for step in path)) + "\n" + note


def read_proof(text: str | bytes) -> Proof:
    """The reverse of `proof_text`; the note inside still has to be opened. Raises NotNote."""
    head, gap, note = _text_of(text, "proof").partition("\n\n")
    first, *rest = head.split("\n")
    if first != PROOF or not gap or not rest:
        raise NotNote(f"a proof does not begin with {PROOF}, an index and an empty line")
    word, _, index = rest[0].partition(" ")
    if word != "index":
        raise NotNote("a proof's second line is not `index` and a number")
    return Proof(index=number(index), path=_steps(rest[1:]), note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """That the log of `second` entries goes on from that of `first` (RFC 6962, 2.1.2)."""

    first: int
    second: int
    path: tuple[bytes, ...]


def consistency_text(first: int, second: int, path: Sequence[bytes]) -> str:
    """A consistency proof as a file: both sizes, then one base64 hash a line."""
    return _lines(f"{CONSISTENCY} {first} {second}", *(_base64(step) for step in path))


def read_consistency(text: str | bytes) -> Growth:
    """The reverse of `consistency_text`. Raises NotNote."""
    first, *rest = _text_of(text, "consistency proof")[:-1].split("\n")
    words = first.split(" ")
    if len(words) != 3 or words[0] != CONSISTENCY:
        raise NotNote(f"a consistency proof does not begin with {CONSISTENCY} and two sizes")
    return Growth(first=number(words[1]), second=number(words[2]), path=_steps(rest))


def _steps(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > 2 * _MOST_STEPS:
        raise NotNote(f"a proof has {len(lines)} steps: no log is that long")
    return tuple(unbase64(line, 32) for line in lines)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
