"""What the first bytes of a body say it is, whatever the server called it. Pure; never raises.

Signatures are those of the WHATWG MIME Sniffing standard for what such sites serve. Sizes
of pictures are read from their headers: nothing is decoded here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

LOOKED_AT = 1_445
"""Bytes, as the standard has it."""
_SIGNATURES = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBPVP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"\0\0\1\0", "image/x-icon"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"PK\3\4", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--", b"<div", b"<p>", b"<title")
_BINARY = bytes({*range(0x20)} - {0x09, 0x0A, 0x0C, 0x0D, 0x1B})
_MOST_SEGMENTS = 100


def sniffed(body: bytes) -> str:
    """The media type that the bytes themselves show; "application/octet-stream" when none."""
    for offset, magic, name in _SIGNATURES:
        if body.startswith(magic, offset):
            return name
    start = body[:LOOKED_AT]
    if start.translate(None, _BINARY) != start:
        return "application/octet-stream"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<svg"):
        return "image/svg+xml"
    if text.startswith(_HTML):
        return "text/html"
    if text.startswith(b"<?xml"):
        return "text/xml"
    return "application/json" if text[:1] in (b"{", b"[") else "text/plain"


def size_of(body: bytes) -> tuple[int, int] | None:  # noqa: PLR0911  a table in the form of a match
    """(width, height) in pixels as a picture's header says, or None."""
    try:
        match sniffed(body):
            case "image/png":
                return struct.unpack_from(">II", body, 16)
            case "image/gif":
                return struct.unpack_from("<HH", body, 6)
            case "image/jpeg":
                return _jpeg_size(body)
            case "image/webp":
                return _webp_size(body)
            case "image/bmp":
                width, height = struct.unpack_from("<ii", body, 18)
                return width, abs(height)
    except (struct.error, IndexError):
        return None
    return None


def jpeg_segments(body: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, content) of the segments before the picture data, at most 100."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 4 > len(body) or body[at] != 0xFF:
            return
        marker, length = body[at + 1], int.from_bytes(body[at + 2 : at + 4], "big")
        if marker in (0xD9, 0xDA) or length < 2:
            return
        yield marker, body[at + 4 : at + 2 + length]
        at += 2 + length


def _jpeg_size(body: bytes) -> tuple[int, int] | None:
    for marker, content in jpeg_segments(body):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, 1)
            return width, height
    return None


def _webp_size(body: bytes) -> tuple[int, int] | None:
    kind = body[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[24:27], "little"), 1 + int.from_bytes(body[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of a PNG's or WebP's chunks, at most 100, damaged ends left out."""
    png = body.startswith(b"\x89PNG")
    at = 8 if png else 12
    for _ in range(_MOST_SEGMENTS):
        if at + 8 > len(body):
            return
        if png:
            length, name = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        else:
            name, length = body[at : at + 4], int.from_bytes(body[at + 4 : at + 8], "little")
        if at + 8 + length > len(body):
            return
        yield name, body[at + 8 : at + 8 + length]
        at += 12 + length if png else 8 + length + length % 2
