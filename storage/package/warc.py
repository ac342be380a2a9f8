"""The web archive of a package: WARC/1.1 (ISO 28500:2017), for the tools of other people.

    warcinfo    who wrote this, and of which store
    request     the head as sent, secrets blanked
    response    status line, headers, framing and body as they came over the wire
    metadata    one per look: its manifest, byte for byte; the record's id is the evidence's id

An exchange that several looks share (the listing that showed them) is written once, before the
first of them. Digests are SHA-256 in hexadecimal digits, over the block and over the payload as
stored, so a metadata record's payload digest is the very hash that the log names. Record ids
come from the content and the gzip headers carry no time: the same package gives the same bytes.
warcio writes the records, but does not build them: its builder parses and re-writes HTTP heads,
and the bytes as they came would be lost.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from storage.codec import Plain, stamp
from storage.errors import DamagedBlob
from storage.model import sha256_of
from storage.package import layout
from storage.package.cdxj import PRINTABLE
from storage.package.exchanges import Exchange, Load, Message, exchanges_of

VERSION = "WARC/1.1"
_IDS = uuid.UUID("6c1f6f8a-6f0e-5d6b-9a53-0e0b1c6d7b11")
_ANSWER, _ASKED = "application/http; msgtype=response", "application/http; msgtype=request"
_LEVEL, _LEAST_BYTES, _SAMPLE_BYTES = 6, 2_048, 16_384
_BREAKS = re.compile(r"[\x00-\x1f\x7f]+")
_HARD = 0.95
"""A sample that packs to more than this share of itself is stored: pictures do not get smaller."""
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look to be written. manifest: its canonical bytes, as sealed."""

    evidence_id: str
    manifest: bytes


def write_warc(work: Path, package: layout.Package) -> None:
    """Write data/warc/nightjar.warc.gz. Raises OSError, DamagedBlob; see layout.py."""
    target = work / layout.WARC
    target.parent.mkdir(parents=True, exist_ok=True)

    def load(sha256: str) -> bytes | None:
        return package.original(work, sha256) if sha256 in package.originals else None

    with target.open("wb") as out:
        archive(
            out,
            (
                Look(evidence_id=str(f.evidence.evidence_id), manifest=f.manifest.encode())
                for f in package.files
            ),
            load,
            at=stamp(package.meta.exported_at),
            about={
                "software": package.meta.software,
                "format": "WARC file version 1.1",
                "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
                "isPartOf": f"nightjar-{package.origin}",
                "description": "Answers to public requests, as received",
            },
            name=target.name,
        )


def archive(
    out: BinaryIO, looks: Iterable[Look], load: Load, *, at: str, about: Mapping[str, str], name: str
) -> None:
    """Write a whole archive. at: RFC 3339, of the warcinfo record; about: its fields.

    Raises DamagedBlob when a manifest is not of its form, and what `load` and `out` raise.
    """
    book = _Book(writer=_Writer(out))
    book.info(at, about, name)
    for look in looks:
        book.look(look, load)


@dataclass(slots=True, kw_only=True)
class _Book:
    """An archive being written; what is in it already. Private to one call."""

    writer: _Writer
    info_id: str = ""
    written: dict[str, str] = field(default_factory=dict)
    """Key of an exchange -> id of the record that holds its answer."""

    def info(self, at: str, about: Mapping[str, str], name: str) -> None:
        block = "".join(f"{key}: {value}\r\n" for key, value in about.items()).encode()
        self.info_id = _id(f"warcinfo {at} {sha256_of(block)}")
        headers = [("WARC-Filename", name), ("WARC-Date", at), ("WARC-Record-ID", self.info_id)]
        self.writer.put("warcinfo", headers, "application/warc-fields", block)

    def look(self, look: Look, load: Load) -> None:
        name = sha256_of(look.manifest)
        manifest = _parsed(look.manifest, name)
        answers = [self._exchange(one) for one in exchanges_of(manifest, name, load)]
        try:
            uri = f"urn:uuid:{uuid.UUID(hex=look.evidence_id)}"
            sealed_at = str(manifest["times"]["sealed_at"])  # type: ignore[index, call-overload]
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedBlob(name, f"the manifest is not of its form: {error!r}") from error
        headers = [
            ("WARC-Record-ID", f"<{uri}>"),
            ("WARC-Target-URI", uri),
            ("WARC-Date", sealed_at),
            *[("WARC-Concurrent-To", answer) for answer in dict.fromkeys(filter(None, answers))],
            ("WARC-Warcinfo-ID", self.info_id),
        ]
        self.writer.put("metadata", headers, "application/json", look.manifest)

    def _exchange(self, exchange: Exchange) -> str:
        """Write an exchange unless it is there already; the id of its answer's record, "" without one."""
        answer = exchange.answer
        if answer is None:
            return ""
        body = sha256_of(answer.head + answer.payload)
        key = f"{exchange.url} {exchange.started_at} {exchange.first_byte_at} {answer.framing} {body}"
        if key not in self.written:
            self.written[key] = _id(f"response {key}")
            self._request(exchange, self.written[key])
            headers = [
                *self._common(exchange, self.written[key], exchange.first_byte_at),
                *_of_connection(exchange),
            ]
            if exchange.shortfall:
                headers.append(("WARC-Truncated", "unspecified"))
            self._message("response", headers, _ANSWER, answer)
        return self.written[key]

    def _request(self, exchange: Exchange, answer_id: str) -> None:
        if exchange.request is None:
            return
        headers = self._common(exchange, _id(f"request {answer_id}"), exchange.started_at)
        headers.append(("WARC-Concurrent-To", answer_id))
        self._message("request", headers, _ASKED, exchange.request)

    def _common(self, exchange: Exchange, record_id: str, at: str) -> Headers:
        return [
            ("WARC-Record-ID", record_id),
            ("WARC-Target-URI", quote(exchange.url, safe=PRINTABLE)),
            ("WARC-Date", at),
            ("WARC-Warcinfo-ID", self.info_id),
        ]

    def _message(self, kind: str, headers: Headers, media_type: str, message: Message) -> None:
        # A head that readers would end elsewhere is kept all the same, as bytes that nobody parses.
        kind = kind if message.readable else "resource"
        block = message.head + message.payload
        headers = [*headers, *_of_message(message)]
        self.writer.put(kind, headers, media_type, block, len(message.head) if message.readable else 0)


class _Writer(WARCWriter):  # type: ignore[misc]  # warcio has no types
    """warcio's writer with records as they are, digests of SHA-256, and a gzip member for each."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__(out, gzip=False, warc_version=VERSION)

    def put(self, kind: str, headers: Headers, media_type: str, block: bytes, payload_at: int = 0) -> None:
        """Write one record. payload_at: where in the block its payload begins."""
        told = [(name, _BREAKS.sub(" ", value)) for name, value in headers]
        head = StatusAndHeaders("", [("WARC-Type", kind), *told], protocol=VERSION)
        head.add_header("WARC-Block-Digest", _digest(block))
        if kind != "warcinfo":
            head.add_header("WARC-Payload-Digest", _digest(memoryview(block)[payload_at:]))
        record = ArcWarcRecord("warc", kind, head, BytesIO(block), None, media_type, len(block))
        member = _Member(self.out, block[:_SAMPLE_BYTES])
        self._write_warc_record(member, record)


class _Member:
    """A gzip member, written as it is packed. Its header has no time, so equal bytes stay equal."""

    def __init__(self, out: BinaryIO, sample: bytes) -> None:
        hard = len(sample) >= _LEAST_BYTES and len(zlib.compress(sample, 1)) > _HARD * len(sample)
        self._packer = zlib.compressobj(0 if hard else _LEVEL, zlib.DEFLATED, zlib.MAX_WBITS + 16)
        self._out = out

    def write(self, data: bytes) -> None:
        self._out.write(self._packer.compress(data))

    def flush(self) -> None:
        self._out.write(self._packer.flush())


def _of_connection(exchange: Exchange) -> Headers:
    """What the record says of the line it came over; the rest stands in the manifest."""
    version = exchange.tls_version
    found = {
        "WARC-IP-Address": exchange.peer.rpartition(":")[0].strip("[]"),
        "WARC-Protocol": f"tls/{version[4:]}" if version.startswith("TLSv") else "",
        "WARC-Cipher-Suite": exchange.cipher,
    }
    return [(name, value) for name, value in found.items() if value]


def _of_message(message: Message) -> Headers:
    """What is not exact about the bytes of a message."""
    found = [("Nightjar-Framing", message.framing)]
    if message.redacted:
        found.append(("Nightjar-Redacted", ", ".join(message.redacted)))
    if message.interim_bytes:
        found.append(("Nightjar-Interim-Bytes", str(message.interim_bytes)))
    return found


def _parsed(manifest: bytes, name: str) -> Mapping[str, Plain]:
    try:
        document = json.loads(manifest)
    except ValueError as error:
        raise DamagedBlob(name, f"the manifest is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise DamagedBlob(name, "the manifest is no JSON object")
    return document


def _digest(data: bytes | memoryview) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _id(of: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(_IDS, of)}>"
