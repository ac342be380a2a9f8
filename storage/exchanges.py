"""One request and its answer, as a manifest tells them: bytes by hash, facts as plain values.

Credentials of ours never enter a manifest: request headers that a target configures are blanked. A
Set-Cookie of the answer stays as it came, since it is part of the exact bytes, was given to
an anonymous visitor and is never sent back; where the request carried credentials it may
renew them, and is blanked too, at equal length (docs/decisions/0016).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from storage.codec import Plain, stamp
from storage.credentials import SENT_BY_US, may_open
from storage.exif import exif_of, xmp_of
from storage.media import size_of, sniffed
from storage.model import Connection, Hop, Response, Sha256, sha256_of

_INLINE_BYTES = 4_096
_HEADER = re.compile(rb"(?m)^([\w!#$%&'*+.^`|~-]+)(\s*:[ \t]*)([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)")
_PAGE = re.compile(rb"https?://[^?#@\s]*")
_GIVEN = re.compile(rb"(?im)^(set-cookie2?\s*:[ \t]*)([^\r\n]*)")
_SECOND_US = 1_000_000
_DATE_CHARS = 100


@dataclass
class Files:
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


def exchanges_of(role: str, answer: Response, files: Files) -> Iterable[dict[str, Plain]]:
    """Every redirect that was followed, as "<role>-hop-N", then the answer itself."""
    for number, hop in enumerate(answer.hops, 1):
        if hop.answer is not None:
            yield exchange(f"{role}-hop-{number}", hop.answer, files)
    yield exchange(role, answer, files)


def exchange(role: str, answer: Response, files: Files) -> dict[str, Plain]:
    """One answer with the request that it answers."""
    request, redacted = without_secrets(answer.wire_request)
    answer, given = _without_given(answer) if any(map(may_open, redacted)) else (answer, [])
    return {
        "role": role,
        "requested_url": answer.requested_url,
        "url": answer.url,
        "hops": [_hop(hop) for hop in answer.hops],
        "attempt": answer.attempt,
        "status": answer.status,
        "reason": answer.reason,
        "headers": [[name, value] for name, value in answer.headers],
        "body_sha256": files.keep(role, answer.body),
        "body_bytes": len(answer.body),
        "media": _media(answer),
        "framing": answer.framing,
        "wire": _wire(role, answer, files),
        "request_framing": answer.request_framing,
        "request_base64": base64.b64encode(request).decode(),
        "request_redacted": [*redacted],
        "response_redacted": [*given],
        "connection": _connection(answer.connection, files),
        "started_at": stamp(answer.started_at),
        "first_byte_at": stamp(answer.first_byte_at),
        "ended_at": stamp(answer.ended_at),
        "monotonic_us": _monotonic(answer),
        "elapsed_monotonic_us": round(answer.elapsed_s * _SECOND_US),
        "server_time": server_time(answer),
        "shortfall": answer.shortfall,
    }


def _hop(hop: Hop) -> Plain:
    return {"url": hop.url, "status": hop.status, "location": hop.location}


def _monotonic(answer: Response) -> Plain:
    if not answer.started_ns:
        return "absent: not taken"
    return {
        "started": answer.started_ns // 1_000,
        "first_byte": answer.first_byte_ns // 1_000,
        "ended": answer.ended_ns // 1_000,
    }


# --- bytes ---------------------------------------------------------------------------


def _wire(role: str, answer: Response, files: Files) -> dict[str, Plain]:
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


def _part(role: str, data: bytes, files: Files) -> Plain:
    if len(data) <= _INLINE_BYTES:
        return {"base64": base64.b64encode(data).decode()}
    return {"file": files.keep(role, data)}


# --- secrets ---------------------------------------------------------------------------


def without_secrets(request: bytes) -> tuple[bytes, list[str]]:
    """A request head with the headers that a target configures blanked, and their names.

    No list of names tells every credential: `X-Subscription-Key`, `X-Sid` and `PHPSESSID` are
    some. So only what the program itself sends is shown, and every other value is blanked, and a
    Referer with a query too.
    """
    names: list[str] = []

    def shown(header: re.Match[bytes]) -> bytes:
        name = header[1].decode("ascii").lower()
        if name in SENT_BY_US and (name != "referer" or _PAGE.fullmatch(header[3])):
            return header[0]
        names.append(name)
        return header[1] + header[2] + b"[redacted]"

    start, _, fields = request.partition(b"\n")
    blanked = _HEADER.sub(shown, fields)
    return (start + b"\n" + blanked, names) if names else (request, names)


def _without_given(answer: Response) -> tuple[Response, list[str]]:
    """The answer with cookies that it sets blanked, byte for byte; for requests with credentials."""
    names = [name.lower() for name, _ in answer.headers if name.lower() in ("set-cookie", "set-cookie2")]
    if not names:
        return answer, []
    headers = tuple(
        (name, "*" * len(value) if name.lower() in names else value) for name, value in answer.headers
    )
    end = _end_of_heads(answer.wire)
    head = _GIVEN.sub(lambda found: found[1] + b"*" * len(found[2]), answer.wire[:end])
    return replace(answer, headers=headers, wire=head + answer.wire[end:]), names


def _end_of_heads(wire: bytes) -> int:
    """Where the last header ends: informational (1xx) answers stand before it."""
    at = 0
    while True:
        end = wire.find(b"\r\n\r\n", at) + 4
        if end < 4:
            return len(wire)
        if wire[at + 9 : at + 10] != b"1":
            return end
        at = end


# --- what is known of the answer ---------------------------------------------------------


def _connection(connection: Connection, files: Files) -> dict[str, Plain]:
    chain = [files.keep(_certificate(n), der) for n, der in enumerate(connection.chain_der, 1)]
    return {
        "peer": connection.peer,
        "local": connection.local,
        "dns": list(connection.dns) or "absent: the name was an address, or was looked up elsewhere",
        "http_version": connection.http_version,
        "tls_version": connection.tls_version,
        "cipher": connection.cipher,
        "certificate_sha256": files.keep("certificate", connection.certificate_der),
        "chain_sha256": [*chain] or f"absent: {connection.chain_absent or 'not taken'}",
    }


def _certificate(number: int) -> str:
    return "certificate" if number == 1 else f"certificate-{number}"


def _media(answer: Response) -> Plain:
    """What the body is called and what it is; pictures with size, EXIF and XMP."""
    if not answer.body:
        return "absent: no body"
    kind = sniffed(answer.body)
    return {
        "declared": answer.header("Content-Type") or "absent: not declared",
        "sniffed": kind,
        "picture": _picture(answer.body) if kind.startswith("image/") else "absent: not a picture",
    }


def _picture(body: bytes) -> Plain:
    size, xmp = size_of(body), xmp_of(body)
    return {
        "width": size[0] if size else "absent: not in a header that is read here",
        "height": size[1] if size else "absent: not in a header that is read here",
        "exif": [list(tag) for tag in exif_of(body)] or "absent: none in the file",
        "xmp": xmp or "absent: none in the file",
    }


def server_time(answer: Response) -> dict[str, Plain]:
    """The server's own clock as its header tells it, and how far it is from ours.

    Date counts whole seconds and was written between our request and its first byte, so the
    skew (server minus ours, from the middle of both) is good to half of each.
    """
    raw = answer.header("Date")[:_DATE_CHARS]
    date = http_date(raw)
    span = answer.first_byte_at - answer.started_at
    skew: Plain = "absent: no readable Date"
    uncertainty: Plain = skew
    if date is not None:
        middle = timedelta(seconds=0.5) + date - answer.started_at - span / 2
        skew = middle // timedelta(microseconds=1)
        uncertainty = (_SECOND_US + max(0, span // timedelta(microseconds=1))) // 2
    modified = answer.header("Last-Modified")[:_DATE_CHARS]
    return {
        "date_raw": raw or "absent: no Date header",
        "date": _stamped(date),
        "age_raw": answer.header("Age")[:_DATE_CHARS] or "absent: no Age header",
        "last_modified_raw": modified or "absent: no Last-Modified header",
        "last_modified": _stamped(http_date(modified)),
        "computed_skew_us": skew,
        "skew_uncertainty_us": uncertainty,
    }


def _stamped(value: datetime | None) -> str:
    return "absent: not there or not readable" if value is None else stamp(value)


@lru_cache(maxsize=512)
def http_date(text: str) -> datetime | None:
    """The instant of an HTTP date (RFC 9110, 5.6.7), aware UTC, or None."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
