"""The manifest of one sealed look: every byte by hash, every fact, no inference.

Pure: a snapshot in, canonical JSON and the files it names out. The format is specified
in docs/evidence.md; change that file, `VERSION` and this one together.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from storage.codec import Plain, canonical, stamp
from storage.model import (
    Connection,
    Hop,
    Lifetime,
    Picture,
    PictureCapture,
    Post,
    Response,
    Sha256,
    Snapshot,
    sha256_of,
)
from storage.version import VERSION as PROGRAM

FORMAT = "nightjar-evidence"
VERSION = 1
NOT_PROVEN = (
    (
        "That the site, or the named seller, published these bytes: TLS does not sign content. "
        "What is recorded is that this program received them over the named connection at the named times."
    ),
    (
        "That the post held nothing else: only what was asked for was received; what is known to be "
        "missing stands under absences."
    ),
    "That the clock of this machine was right: times are its own unless a timestamp says otherwise.",
    "Fields under post are a reading of the files; the files themselves are the evidence.",
)
_INLINE_BYTES = 4_096
MOST_PICTURES = 4_096
"""Pictures of one look that are listed as such; more are kept as files only."""
_SECRET = re.compile(rb"(?im)^(authorization|proxy-authorization|cookie)(\s*:\s*)[^\r\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What sealing knows beyond the snapshot. previous_manifest: hash of the one it follows, or ""."""

    evidence_id: str
    origin: str
    salt: str
    sealed_at: datetime
    monotonic_s: float
    previous_manifest: str = ""
    lifetime: Lifetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The manifest's bytes with all files to keep, the manifest among them."""

    manifest: bytes
    manifest_sha256: Sha256
    files: dict[Sha256, bytes]
    pictures: tuple[Picture, ...]
    page_sha256: str
    listing_sha256: str
    absences: tuple[str, ...]


@dataclass
class _Files:
    """Files gathered so far, with the roles they play in the manifest."""

    blobs: dict[Sha256, bytes] = field(default_factory=dict)
    roles: list[Plain] = field(default_factory=list)
    _names: dict[int, tuple[Sha256, bytes]] = field(default_factory=dict)

    def name(self, data: bytes) -> Sha256:
        """The hash of `data`, computed once per object: a body is named in several places."""
        known = self._names.get(id(data))
        if known is None:
            known = self._names[id(data)] = (sha256_of(data), data)  # holding it keeps the id its own
        return known[0]

    def keep(self, role: str, data: bytes) -> str:
        """Add a file under a role; its hash, or "" when it is empty."""
        if not data:
            return ""
        sha256 = self.name(data)
        self.blobs[sha256] = data
        entry: Plain = {"role": role, "sha256": sha256, "size_bytes": len(data)}
        if entry not in self.roles:
            self.roles.append(entry)
        return sha256


def build(snapshot: Snapshot, about: Circumstances) -> Sealed:
    """The manifest of a snapshot. CPU: hashes all bytes once, so call it in a thread."""
    files = _Files()
    exchanges = [_exchange(role, answer, files) for role, answer in _answers(snapshot)]
    pictures = _pictures(snapshot.pictures, files)
    absences = (*snapshot.absences, *_picture_absences(snapshot.pictures))
    document: dict[str, Plain] = {
        **_heading(snapshot, about),
        "post": post_facts(snapshot.post),
        "pictures": [[p.sha256, p.url, p.size_bytes] for p in pictures],
        "exchanges": list(exchanges),
        "files": files.roles,
        "absences": list(absences),
        "not_proven": list(NOT_PROVEN),
    }
    manifest = canonical(document)
    name = sha256_of(manifest)
    return Sealed(
        manifest=manifest,
        manifest_sha256=name,
        files={**files.blobs, name: manifest},
        pictures=pictures,
        page_sha256=_body_name(snapshot.page, files),
        listing_sha256=_body_name(snapshot.listing, files),
        absences=absences,
    )


def _heading(snapshot: Snapshot, about: Circumstances) -> dict[str, Plain]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "evidence_id": about.evidence_id,
        "origin": about.origin,
        "salt": about.salt,
        "software": dict(_software()),
        "target": {"name": snapshot.target, "config_sha256": snapshot.target_digest},
        "robots_override": snapshot.robots_override,
        "observation": snapshot.observation.value,
        "previous": {"evidence_id": snapshot.previous, "manifest_sha256": about.previous_manifest},
        "lifetime": lifetime_facts(about.lifetime),
        "times": {
            "listed_at": stamp(snapshot.listed_at),
            "captured_at": stamp(snapshot.captured_at),
            "sealed_at": stamp(about.sealed_at),
            "sealed_monotonic_us": _us(about.monotonic_s),
        },
    }


@functools.cache
def _software() -> dict[str, str]:
    return {"name": "nightjar-watch", "version": PROGRAM, "python": platform.python_version()}


def post_facts(post: Post) -> dict[str, Plain]:
    """A post as plain strings; times as RFC 3339, "" when not known."""
    return {
        "post_id": post.post_id,
        "url": post.url,
        "title": post.title,
        "text": post.text,
        "seller": post.seller,
        "seller_url": post.seller_url,
        "price": post.price,
        "location": post.location,
        "posted_raw": post.posted_raw,
        "posted_at": _stamp_or_empty(post.posted_at),
        "edited": "yes" if post.edited else "no",
        "pictures": [{"url": p.url, "role": p.role, "alt": p.alt, "key": p.key} for p in post.pictures],
        "extra": [[name, value] for name, value in post.extra],
    }


def lifetime_facts(lifetime: Lifetime | None) -> dict[str, Plain]:
    """A lifetime as plain strings and integers; {} when there is none."""
    if lifetime is None:
        return {}
    return {
        "last_seen_at": stamp(lifetime.last_seen_at),
        "first_missing_at": _stamp_or_empty(lifetime.first_missing_at),
        "confirmations": lifetime.confirmations,
        "missing_class": lifetime.missing_class,
        "control": lifetime.control,
    }


def _answers(snapshot: Snapshot) -> Iterable[tuple[str, Response]]:
    if snapshot.listing is not None:
        yield "listing", snapshot.listing
    if snapshot.page is not None:
        yield "page", snapshot.page
    for number, picture in enumerate(snapshot.pictures, 1):
        if picture.response is not None:
            yield f"picture-{number}", picture.response


def _exchange(role: str, answer: Response, files: _Files) -> dict[str, Plain]:
    request, redacted = _without_secrets(answer.wire_request)
    return {
        "role": role,
        "requested_url": answer.requested_url,
        "url": answer.url,
        "hops": [_hop(hop) for hop in answer.hops],
        "status": answer.status,
        "reason": answer.reason,
        "headers": [[name, value] for name, value in answer.headers],
        "body_sha256": files.keep(role, answer.body),
        "body_bytes": len(answer.body),
        "framing": answer.framing,
        "wire": _wire(role, answer, files),
        "request_base64": base64.b64encode(request).decode(),
        "request_redacted": [name.decode("ascii").lower() for name in redacted],
        "connection": _connection(answer.connection, files),
        "started_at": stamp(answer.started_at),
        "first_byte_at": stamp(answer.first_byte_at),
        "ended_at": stamp(answer.ended_at),
        "elapsed_monotonic_us": _us(answer.elapsed_s),
        "shortfall": answer.shortfall,
    }


def _hop(hop: Hop) -> Plain:
    return {"url": hop.url, "status": hop.status, "location": hop.location}


def _wire(role: str, answer: Response, files: _Files) -> dict[str, Plain]:
    """The exact bytes of the answer, as parts to be joined: inline base64, or files by hash.

    The body's own file is used where it stands in the wire as it is; what is short stays inline.
    """
    wire, body = answer.wire, answer.body
    if not wire:
        return {}
    if answer.framing == "head":
        head, tail = wire, body
    elif body and wire.endswith(body):
        head, tail = wire[: -len(body)], body
    else:
        head, tail = wire, b""
    parts = [_part(f"{role}-wire", head, files)]
    if tail:
        parts.append({"file": files.name(tail)})
    whole = hashlib.sha256(head)
    whole.update(tail)
    return {"sha256": whole.hexdigest(), "size_bytes": len(head) + len(tail), "parts": parts}


def _part(role: str, data: bytes, files: _Files) -> Plain:
    if len(data) <= _INLINE_BYTES:
        return {"base64": base64.b64encode(data).decode()}
    return {"file": files.keep(role, data)}


def _without_secrets(request: bytes) -> tuple[bytes, list[bytes]]:
    """A request head with credentials blanked, and the names of the headers that were."""
    names = [match[1] for match in _SECRET.finditer(request)]
    return _SECRET.sub(rb"\1\2[redacted]", request), names


def _connection(connection: Connection, files: _Files) -> dict[str, Plain]:
    return {
        "peer": connection.peer,
        "local": connection.local,
        "dns": list(connection.dns),
        "http_version": connection.http_version,
        "tls_version": connection.tls_version,
        "cipher": connection.cipher,
        "certificate_sha256": files.keep("certificate", connection.certificate_der),
    }


def _picture_absences(pictures: tuple[PictureCapture, ...]) -> Iterable[str]:
    for number, picture in enumerate(pictures, 1):
        if picture.response is None or picture.absent:
            yield f"picture-{number} {picture.ref.url}: {picture.absent or 'not fetched'}"


def _pictures(captures: tuple[PictureCapture, ...], files: _Files) -> tuple[Picture, ...]:
    """The pictures whose bytes came, in order."""
    found = tuple(
        Picture(sha256=files.name(c.response.body), url=c.ref.url, size_bytes=len(c.response.body))
        for c in captures
        if c.response is not None and c.response.body
    )
    return found[:MOST_PICTURES]


def _body_name(answer: Response | None, files: _Files) -> str:
    return files.name(answer.body) if answer is not None and answer.body else ""


def _stamp_or_empty(value: datetime | None) -> str:
    return "" if value is None else stamp(value)


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
