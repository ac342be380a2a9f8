"""Looks with answers as sites really send them, sealed in memory; and a reader of WARC of our own."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from bench import _looks
from storage.clock import ClockFacts
from storage.manifest import Circumstances, build
from storage.model import PictureCapture, PictureRef, Response, Snapshot, new_id
from storage.package.warc import Look, archive

AT = datetime(2026, 11, 27, 2, 14, 0, 123456, tzinfo=UTC)
ABOUT = {"software": "nightjar-watch test"}
PAGE = "<p>血料手串, XY jelly</p>".encode()
GZIPPED = gzip.compress(PAGE * 40, mtime=0)


def chunked(body: bytes, size: int = 7) -> bytes:
    """A body in chunks, with an extension and a trailer, as the standard allows."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%x;n=%d\r\n%s\r\n" % (len(part), n, part) for n, part in enumerate(parts))
    return framed + b"0\r\nX-Trailer: yes\r\n\r\n"


WIRES: dict[str, tuple[bytes, bytes]] = {
    "plain": (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE, PAGE),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(PAGE), PAGE),
    "gzip": (
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED) + GZIPPED,
        PAGE * 40,
    ),
    "gzip in chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(GZIPPED, 50),
        PAGE * 40,
    ),
    "no body": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b""),
    "odd case, no reason": (b"HTTP/1.1 200\r\nSeRvEr:x\r\nX-Empty:\r\ncontent-length:2\r\n\r\nhi", b"hi"),
    "latin-1 header": (b"HTTP/1.1 200 OK\r\nX-City: S\xe3o Paulo\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "utf-8 header": (b"HTTP/1.1 200 OK\r\nX-Shop: \xe8\xa1\x80\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "folded header": (b"HTTP/1.1 200 OK\r\nX-Long: a\r\n b\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", b"hi"),
    "cut": (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nonly this", b"only this"),
    "large": (b"HTTP/1.0 200 OK\r\n\r\n" + bytes(range(256)) * 400, bytes(range(256)) * 400),
}
"""Name -> (bytes on the wire, body as decoded)."""


def answer(url: str, wire: bytes, body: bytes, at: datetime = AT) -> Response:
    """An answer kept exactly."""
    return replace(_looks.answer(url, body, at), wire=wire, framing="exact")


def snapshot(page: Response | None, *pictures: Response, listing: Response | None = None) -> Snapshot:
    """A look at one post with this page, these pictures and this listing."""
    look = _looks.look("p1", AT, pictures=0)
    captures = tuple(PictureCapture(ref=PictureRef(url=one.url), response=one) for one in pictures)
    return replace(look, page=page, listing=listing, pictures=captures)


@dataclass
class Kept:
    """Sealed looks and their files."""

    looks: list[Look]
    blobs: dict[str, bytes]

    def manifest(self, number: int = 0) -> dict[str, Any]:
        return dict(json.loads(self.looks[number].manifest))

    def archive(self) -> bytes:
        out = BytesIO()
        archive(
            out,
            self.looks,
            self.blobs.get,
            at="2026-11-27T03:00:00.000000Z",
            about=ABOUT,
            name="nightjar.warc.gz",
        )
        return out.getvalue()


def seal(*snapshots: Snapshot) -> Kept:
    """The snapshots as the store seals them, ids and salts told by their order."""
    kept = Kept([], {})
    for number, one in enumerate(snapshots):
        at = AT + timedelta(seconds=number)
        about = Circumstances(
            evidence_id=new_id(at),
            origin="0" * 32,
            salt="1" * 32,
            sealed_at=at,
            monotonic_s=1.0,
            clock=ClockFacts(source="test", read_at=at),
        )
        sealed = build(one, about)
        kept.blobs.update(sealed.files)
        kept.looks.append(Look(evidence_id=about.evidence_id, manifest=sealed.manifest))
    return kept


@dataclass
class Record:
    """One record as this reader sees it. offset, size_bytes: of its gzip member."""

    offset: int
    size_bytes: int
    headers: list[tuple[str, str]]
    block: bytes

    def __getitem__(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


def records(data: bytes) -> list[Record]:
    """Every gzip member of a WARC as one record; AssertionError where a member is not exactly that."""
    found, at = [], 0
    while at < len(data):
        unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
        text = unpacker.decompress(data[at:])
        assert unpacker.eof, "the gzip member is cut"
        size = len(data) - at - len(unpacker.unused_data)
        head, _, rest = text.partition(b"\r\n\r\n")
        version, *lines = head.decode().split("\r\n")
        assert version == "WARC/1.1"
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        record = Record(at, size, headers, rest[:-4])
        assert rest[-4:] == b"\r\n\r\n"
        assert int(record["Content-Length"]) == len(record.block)
        found.append(record)
        at += size
    return found


def of_type(data: bytes, kind: str) -> list[Record]:
    """The records of one type."""
    return [record for record in records(data) if record["WARC-Type"] == kind]


def digest(data: bytes) -> str:
    """As WARC headers name it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
