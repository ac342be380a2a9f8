"""The exchanges of a manifest as messages of HTTP: what was sent, and what came, byte for byte.

Reads what `storage.manifest` wrote (docs/evidence.md, section 3). Where the exact bytes of an
answer are kept they are used as they are; otherwise a head is written from the parsed fields,
and the message says so. Pure but for the loader that it is given.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO

from warcio.statusandheaders import StatusAndHeadersParser, StatusAndHeadersParserException

from storage.codec import Plain, stamp
from storage.errors import DamagedBlob
from storage.model import sha256_of

Load = Callable[[str], bytes | None]
"""The bytes of a file by SHA-256; None when they were erased lawfully. May raise StoreError, OSError."""
EXACT, NORMALISED = "exact", "normalised"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_INTERIM = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d")
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_FRAMING = frozenset({"content-encoding", "transfer-encoding", "content-length"})
_ANSWER, _ASKED = StatusAndHeadersParser(["HTTP/1.0", "HTTP/1.1"]), StatusAndHeadersParser(["GET", "HEAD"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One HTTP message. interim_bytes: of 1xx answers that came before it on the wire, left out here.

    readable: readers of WARC will find the same end of the head; else it is kept as plain bytes.
    redacted: headers whose values were blanked.
    """

    head: bytes
    payload: bytes
    framing: str
    readable: bool
    interim_bytes: int = 0
    redacted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer. started_at, first_byte_at: RFC 3339.

    request None: its bytes are not kept. answer None: erased.
    """

    url: str
    started_at: str
    first_byte_at: str
    peer: str
    tls_version: str
    cipher: str
    shortfall: str
    request: Message | None
    answer: Message | None


def exchanges_of(manifest: Mapping[str, Plain], name: str, load: Load) -> Iterator[Exchange]:
    """Every exchange of a manifest in order; redirects are exchanges of their own, before what they led to.

    name: the manifest's SHA-256, for the error. Raises DamagedBlob when the manifest is not of
    its form or the bytes that it names do not fit, and what `load` raises.
    """
    try:
        for document in map(_object, _list(manifest["exchanges"])):
            yield _exchange(document, name, load)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedBlob(name, f"an exchange is not of its form: {error!r}") from error


def _exchange(document: Mapping[str, Plain], name: str, load: Load) -> Exchange:
    headers = tuple((str(key), str(value)) for key, value in map(_list, _list(document["headers"])))
    connection = _object(document["connection"])
    return Exchange(
        url=_address(document["url"]),
        started_at=_instant(document["started_at"]),
        first_byte_at=_instant(document["first_byte_at"]),
        peer=str(connection["peer"]),
        tls_version=str(connection["tls_version"]),
        cipher=str(connection["cipher"]),
        shortfall=str(document["shortfall"]),
        request=_request(document),
        answer=_answer(document, headers, name, load),
    )


def _instant(value: Plain) -> str:
    """A time as it stands, once it is known to be one."""
    return stamp(datetime.fromisoformat(str(value)))


def _address(value: Plain) -> str:
    url = str(value)
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"no address of the web: {url[:80]!r}")
    return url


def _object(value: Plain) -> Mapping[str, Plain]:
    if not isinstance(value, dict):
        raise TypeError(f"not an object but {type(value).__name__}")
    return value


def _list(value: Plain) -> list[Plain]:
    if not isinstance(value, list):
        raise TypeError(f"not a list but {type(value).__name__}")
    return value


def _request(document: Mapping[str, Plain]) -> Message | None:
    head = _bytes(str(document["request_base64"]))
    if not head:
        return None
    return Message(
        head=head,
        payload=b"",
        framing=str(document.get("request_framing", NORMALISED)),  # version 1 wrote it again
        readable=_reads(_ASKED, head),
        redacted=_names(document["request_redacted"]),
    )


def _names(value: Plain) -> tuple[str, ...]:
    return tuple(_BREAKS.sub(" ", str(name)) for name in _list(value))


def _answer(
    document: Mapping[str, Plain], headers: tuple[tuple[str, str], ...], name: str, load: Load
) -> Message | None:
    wire = _object(document["wire"])
    if not wire:
        return _normalised(document, headers, load)
    parts = [_part(_object(part), load) for part in _list(wire["parts"])]
    if None in parts:
        return None
    raw = b"".join(part for part in parts if part is not None)
    if sha256_of(raw) != wire["sha256"]:
        raise DamagedBlob(name, f"the parts of {document['role']} do not join to the wire's hash")
    return replace(_message(raw), redacted=_names(document.get("response_redacted", [])))


def _part(part: Mapping[str, Plain], load: Load) -> bytes | None:
    return load(str(part["file"])) if "file" in part else _bytes(str(part["base64"]))


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def _message(raw: bytes) -> Message:
    """The final answer among the bytes of the wire; 1xx answers before it are counted."""
    start = 0
    while found := _HEAD_END.search(raw, start):
        if not _INTERIM.match(raw, start):
            head = raw[start : found.end()]
            return Message(
                head=head,
                payload=raw[found.end() :],
                framing=EXACT,
                readable=_reads(_ANSWER, head),
                interim_bytes=start,
            )
        start = found.end()
    return Message(head=raw, payload=b"", framing=EXACT, readable=False)


def _normalised(
    document: Mapping[str, Plain], headers: tuple[tuple[str, str], ...], load: Load
) -> Message | None:
    """A head from the parsed fields and the body as it was decoded.

    Headers that speak of the framing on the wire no longer fit the body: they are renamed to
    x-orig-..., as web archives do, and the length is that of the body.
    """
    sha256 = str(document["body_sha256"])
    body = load(sha256) if sha256 else b""
    if body is None:
        return None
    lines = [f"HTTP/1.1 {document['status']} {_BREAKS.sub(' ', str(document['reason']))}".rstrip()]
    for key, value in headers:
        prefix = "x-orig-" if key.lower() in _FRAMING else ""
        lines.append(f"{prefix}{_BREAKS.sub(' ', key)}: {_BREAKS.sub(' ', value)}")
    lines.append(f"Content-Length: {len(body)}")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return Message(head=head, payload=body, framing=NORMALISED, readable=_reads(_ANSWER, head))


def _reads(parser: StatusAndHeadersParser, head: bytes) -> bool:
    """Whether a reader finds the end of this head where it is; sites send heads of any form."""
    stream = BytesIO(head + b"x")
    try:
        parser.parse(stream)
    except (StatusAndHeadersParserException, EOFError, ValueError):
        return False
    return stream.tell() == len(head)
