"""Steps of a check: the seal, the detached signatures, and whose key it is."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from storage import keys, notes
from storage.errors import NotNote
from storage.package import bagit, layout
from storage.package.bagit import SIGNED
from storage.package.source import read
from storage.package.verdict import Round
from storage.signatures import (
    allowed_signers,
    fingerprint,
    from_pem,
    minisign_public,
    pem,
    signify_public,
    verified,
)

_SIGNATURE_BYTES = 64
_HEAD = re.compile(
    r"nightjar-package 1\norigin ([0-9a-f]{32})\nexported-at ([0-9T:.Z-]{27})\n"
    r"checkpoint ([1-9][0-9]{0,14}) ([A-Za-z0-9+/]{43}=)\nkey ([0-9a-f]{64})\n",
    re.ASCII,
)


def public_key(run: Round, name: str) -> bytes:
    """The 32 raw bytes of a key in the package. Raises NotNote also for another PEM form of it."""
    text = read(run.source, name)
    public = from_pem(text)
    if pem(public).encode() != text:
        raise NotNote(f"{name} is not in the one form of a public key")
    return public


def seal(run: Round) -> None:
    """The seal holds, and so do the signatures in other programs' forms."""
    with run.step("seal") as said:
        text = read(run.source, layout.SEAL)
        head = _HEAD.match(text.decode("ascii"))
        if head is None:
            run.bad("seal.txt has not the form of version 1")
            return
        run.origin, run.size, run.root = head[1], int(head[3]), notes.unbase64(head[4], 32)
        notes.time_of(head[2])
        run.daemon = public_key(run, f"{layout.KEYS}/daemon.pub.pem")
        mark = fingerprint(run.daemon)
        run.wanted(head[5] == mark, "seal.txt names another key than data/keys/daemon.pub.pem")
        signature = read(run.source, layout.SEAL_SIGNATURE)
        run.wanted(
            verified(run.daemon, signature, text), "seal.sig is not a signature of seal.txt by that key"
        )
        _others(run)
        said.append(f"signed by the key with the fingerprint {mark}")


@dataclass(frozen=True, slots=True)
class _Given:
    """Signs with the signatures that a package gives, so that its files can be written once more."""

    name: str
    public: bytes
    known: tuple[bytes, ...]

    def sign(self, data: bytes) -> bytes:
        """The one of these signatures that holds over the data. Raises NotNote when none does."""
        for signature in self.known:
            if verified(self.public, signature, data):
                return signature
        raise NotNote("a detached signature does not hold")


def _others(run: Round) -> None:
    """The same key signed the tag manifest for openssl, minisign, ssh-keygen, signify; in one form.

    What other programs read beside a signature (key, key number, comments) nobody signed: so
    every file must be, byte for byte, what an export makes of its signature.
    """
    signed = read(run.source, layout.TAGMANIFEST)
    raw, minisig, ssh, signify = (read(run.source, name) for name in SIGNED)
    over_comment = base64.b64decode(minisig.split(b"\n")[3], validate=True)
    in_ssh = base64.b64decode(b"".join(ssh.split(b"\n")[1:-2]), validate=True)[-_SIGNATURE_BYTES:]
    signer = _Given(notes.log_name(run.origin), run.daemon, (raw, over_comment, in_ssh))
    run.wanted(verified(run.daemon, raw, signed), f"{SIGNED[0]} does not hold")
    made = bagit.signed(signed, signer)
    for name, text in zip(SIGNED, (raw, minisig, ssh, signify), strict=True):
        run.wanted(made[name] == text, f"{name} is not in its one form")
    keys_of = ("daemon.minisign.pub", minisign_public), ("daemon.signify.pub", signify_public)
    for name, written in (*keys_of, ("allowed_signers", allowed_signers)):
        path = f"{layout.KEYS}/{name}"
        run.wanted(read(run.source, path) == written(run.daemon).encode(), f"{path} is another key")


def key(run: Round) -> None:
    """The daemon's key is the one that the reader expects, by itself or by its admin's word."""
    with run.step("key") as said:
        trust = run.trust
        certificate = f"{layout.KEYS}/{keys.CERTIFICATE}"
        if certificate in run.source.sizes:
            admin = public_key(run, f"{layout.KEYS}/{keys.ADMIN}")
            note = read(run.source, certificate).decode()
            since = keys.check_certificate(note, admin, run.origin, run.daemon)
            given = fingerprint(admin)
            run.wanted(trust.admin in {"", given}, f"certified by another admin key: {given}")
            said.append(f"certified by the admin key with the fingerprint {given} since {since:%Y-%m-%d}")
        else:
            run.wanted(not trust.admin, "the daemon's key is not certified by an admin key")
            said.append("the daemon's key is not certified by an admin key")
        if run.daemon:
            named = trust.key in {"", fingerprint(run.daemon)}
            run.wanted(named, "the daemon's key is another than the one you named")
        if not trust.admin and not trust.key:
            run.remarks.append(
                "KEYS WERE NOT COMPARED: give --key or --admin with a fingerprint from elsewhere"
            )
