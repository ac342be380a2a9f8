"""Frauds with time stamps, times and signatures in a package, sealed again with the true daemon key.

As in `_mutations`: each changes the folder and says what it did, or gives "" when it does not
apply. New tokens come from the specimen's own authorities: their certificates are the true ones.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import threading
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from bench._mutations import Mutation, oxum, put, reseal, sly
from bench._specimen import FIRST, SECOND, Specimen
from storage import notes, timestamps
from storage.keys import Signer
from storage.package import bagit, layout
from storage.signatures import allowed_signers, sshsig
from tests.fakes import tsa

_TURN = threading.Lock()
"""The serial numbers of an authority are in a file."""


def stamped(folder: Path, specimen: Specimen, stem: str, request: bytes) -> None:
    """Put a new token by the true authority of that name, for this request."""
    authority = specimen.foreign_root.parents[1] / stem.partition("-")[2]
    with _TURN:
        response = tsa._reply(authority, "right", request, chained=False)
    put(folder / layout.TIME / f"{stem}.tsq", request)
    put(folder / layout.TIME / f"{stem}.tsr", response)


def stems(folder: Path) -> list[str]:
    """Of all tokens, those over the smallest checkpoint first."""
    found = (path.stem for path in (folder / layout.TIME).glob("*.tsr"))
    return sorted(found, key=lambda stem: (int(stem.partition("-")[0]), stem))


def later_token(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """Another token over the same checkpoint, got after the one that the log names."""
    stem = chosen.choice(stems(folder))
    note = (folder / layout.CHECKPOINTS / stem.partition("-")[0]).read_bytes()
    stamped(folder, specimen, stem, timestamps.request(note))
    return f"{stem} is a later token than the one received"


def earliest_left_out(folder: Path, _: Specimen, __: random.Random) -> str:
    """The earliest tokens left out, so that the evidence seems to be known for less long."""
    first = stems(folder)[0].partition("-")[0]
    _without(folder, [stem for stem in stems(folder) if stem.startswith(f"{first}-")])
    return f"the tokens over {first} left out"


def all_left_out(folder: Path, _: Specimen, __: random.Random) -> str:
    """No token, though the log says that they came."""
    _without(folder, stems(folder))
    return "all tokens left out"


def _without(folder: Path, gone: Iterable[str]) -> None:
    status = folder / layout.TIME / "status.json"
    told = json.loads(status.read_text())
    for stem in gone:
        for ending in ("tsq", "tsr"):
            (folder / layout.TIME / f"{stem}.{ending}").unlink()
        told["tokens"] = [t for t in told["tokens"] if f"{t['size']}-{t['authority']}" != stem]
    put(status, (json.dumps(told, indent=1) + "\n").encode())


def no_nonce(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """A request without a nonce: any token over these bytes would answer it."""
    stem = chosen.choice(stems(folder))
    note = (folder / layout.CHECKPOINTS / stem.partition("-")[0]).read_bytes()
    builder = TimestampRequestBuilder(data=note, hash_algorithm=HashAlgorithm.SHA256)
    request = bytes(builder.cert_request(cert_request=True).nonce(nonce=False).build().as_bytes())
    stamped(folder, specimen, stem, request)
    return f"{stem} has no nonce"


def two_names(folder: Path, _: Specimen, __: random.Random) -> str:
    """The tokens of one authority under the name of the other as well."""
    for stem in stems(folder):
        size, _dash, name = stem.partition("-")
        if name == SECOND and f"{size}-{FIRST}" in stems(folder):
            for ending in ("tsq", "tsr"):
                path = folder / layout.TIME / f"{stem}.{ending}"
                put(path.with_name(f"{size}-{FIRST}.{ending}"), path.read_bytes())
    return f"the tokens of {SECOND} bear the name {FIRST} too"


def odd_time(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """An earlier state that says something else than a time, stamped anew."""
    size = stems(folder)[-1].partition("-")[0]
    path = folder / layout.CHECKPOINTS / size
    lines = notes.split_note(path.read_text())[0].split("\n")
    lines[3] = chosen.choice(("time is an illusion", "time 2026-02-30T12:00:00.000000Z", "time 2026-01-01"))
    note = notes.sign_note("\n".join(lines), specimen.signer).encode()
    put(path, note)
    for stem in stems(folder):
        if stem.startswith(f"{size}-"):
            stamped(folder, specimen, stem, timestamps.request(note))
    return f"the state of {size} entries says {lines[3]}"


def odd_export(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """A seal of a day that no calendar has; sealed again here."""
    lines = (folder / layout.SEAL).read_text().split("\n")
    lines[2] = "exported-at " + chosen.choice(("2026-99-99T99:99:99.999999Z", "2026-11-31T00:00:00.000000Z"))
    put(folder / layout.SEAL, "\n".join(lines).encode())
    reseal(folder, specimen.signer)
    return f"sealed again: {lines[2]}"


def foreign_signers(folder: Path, _: Specimen, __: random.Random) -> str:
    """`ssh-keygen -Y verify` would be told of another key."""
    other = Signer.of(Ed25519PrivateKey.generate(), "other")
    put(folder / layout.KEYS / "allowed_signers", allowed_signers(other.public).encode())
    return "allowed_signers names another key"


class _Split:
    """Says one key and signs with another."""

    def __init__(self, true: Signer) -> None:
        self.name, self._true = true.name, true
        self.public = Signer.of(Ed25519PrivateKey.generate(), true.name).public

    def sign(self, data: bytes) -> bytes:
        return self._true.sign(data)


def foreign_sshsig(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """A detached signature that names another key or key number than it is by; sealed again here."""
    oxum(folder)
    reseal(folder, specimen.signer)
    kind = chosen.choice(("sshsig", "minisig", "signify"))
    path = folder / layout.SIGNATURES / f"tagmanifest.{kind}"
    if kind == "sshsig":
        text = sshsig((folder / layout.TAGMANIFEST).read_bytes(), _Split(specimen.signer))
    else:
        lines = path.read_text().split("\n")
        raw = bytearray(base64.b64decode(lines[1]))
        raw[5] ^= 1
        lines[1] = base64.b64encode(raw).decode()
        text = "\n".join(lines)
    put(path, text.encode())
    _seal_anew(folder, specimen)
    return f"sealed again: {path.name} names another key"


def _seal_anew(folder: Path, specimen: Specimen) -> None:
    """The seal over the signatures as they now are."""
    names = (layout.TAGMANIFEST, *bagit.SIGNED)
    hashes = {name: _sha256(folder / name) for name in names}
    head = (folder / layout.SEAL).read_text().splitlines(keepends=True)[:5]
    seal = "".join(head) + bagit.listing(hashes, hashes)
    put(folder / layout.SEAL, seal.encode())
    put(folder / layout.SEAL_SIGNATURE, specimen.signer.sign(seal.encode()))


def _sha256(path: Path) -> str:
    """SHA-256 of a file, hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


FRAUDS: tuple[Mutation, ...] = (
    *map(sly, (later_token, earliest_left_out, all_left_out, no_nonce, two_names, odd_time, foreign_signers)),
    odd_export,
    foreign_sshsig,
)
