"""Steps of a check: the seal, the detached signatures, and whose key it is."""

from __future__ import annotations

import base64
import hashlib
import re

from storage import keys, notes
from storage.errors import NotNote
from storage.package import layout
from storage.package.bagit import SIGNED
from storage.package.source import read
from storage.package.verdict import Round
from storage.signatures import fingerprint, from_pem, minisign_public, pem, signify_public, verified

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


def _others(run: Round) -> None:
    """The same key signed the tag manifest for openssl, minisign, ssh-keygen and signify."""
    signed = read(run.source, layout.TAGMANIFEST)
    raw, minisig, ssh, signify = (read(run.source, name) for name in SIGNED)
    run.wanted(verified(run.daemon, raw, signed), f"{SIGNED[0]} does not hold")
    for name, text in ((SIGNED[1], minisig), (SIGNED[3], signify)):
        payload = base64.b64decode(text.split(b"\n")[1], validate=True)
        run.wanted(
            payload[:2] == b"Ed" and verified(run.daemon, payload[10:], signed), f"{name} does not hold"
        )
    lines = minisig.decode("ascii").split("\n")
    comment = lines[2].removeprefix("trusted comment: ").encode()
    over = base64.b64decode(lines[1], validate=True)[10:] + comment
    both = base64.b64decode(lines[3], validate=True)
    run.wanted(verified(run.daemon, both, over), f"{SIGNED[1]}: its comment is not signed")
    blob = base64.b64decode(b"".join(ssh.split(b"\n")[1:-2]), validate=True)
    head = b"SSHSIG" + b"".join(len(t).to_bytes(4, "big") + t for t in (b"nightjar", b"", b"sha512"))
    wrapped = head + (64).to_bytes(4, "big") + hashlib.sha512(signed).digest()
    run.wanted(verified(run.daemon, blob[-64:], wrapped), f"{SIGNED[2]} does not hold")
    for name, made in (("minisign", minisign_public(run.daemon)), ("signify", signify_public(run.daemon))):
        path = f"{layout.KEYS}/daemon.{name}.pub"
        run.wanted(read(run.source, path) == made.encode(), f"{path} is another key")


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
                "KEYS WERE NOT COMPARED: give --admin or --key with a fingerprint from elsewhere"
            )
