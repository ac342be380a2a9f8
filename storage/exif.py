"""EXIF and XMP as they stand in a picture's bytes: bounded, pure, never raises.

A dump for readers of the manifest; the picture itself is the evidence. The format is TIFF 6.0
with the tag numbers of CIPA DC-008 (Exif 2.32). Nothing is interpreted beyond value types.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from storage.media import chunks, jpeg_segments, sniffed

Tag = tuple[str, str, str]
"""(directory, tag as "0x010f Make", value as text)."""
MOST_TAGS = 200
_MOST_VALUE = 200
_MOST_XMP = 8_192
_EXIF_MARK = b"Exif\0\0"
_FORMATS = {1: "B", 2: "", 3: "H", 4: "I", 5: "II", 6: "b", 7: "", 8: "h", 9: "i", 10: "ii", 13: "I"}
_DIRECTORIES = {0x8769: "exif", 0x8825: "gps", 0xA005: "interop"}
_NAMES = {
    "image": {
        0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0112: "Orientation",
        0x0131: "Software", 0x0132: "DateTime", 0x013B: "Artist", 0x8298: "Copyright",
        0x9C9B: "XPTitle", 0x9C9C: "XPComment", 0x9C9D: "XPAuthor",
    },
    "exif": {
        0x829A: "ExposureTime", 0x829D: "FNumber", 0x8827: "ISOSpeed", 0x9003: "DateTimeOriginal",
        0x9004: "DateTimeDigitized", 0x9010: "OffsetTime", 0x9011: "OffsetTimeOriginal",
        0x9209: "Flash", 0x920A: "FocalLength", 0x927C: "MakerNote", 0x9286: "UserComment",
        0x9291: "SubSecTimeOriginal", 0xA002: "PixelXDimension", 0xA003: "PixelYDimension",
        0xA420: "ImageUniqueID", 0xA430: "CameraOwnerName", 0xA431: "BodySerialNumber",
        0xA433: "LensMake", 0xA434: "LensModel", 0xA435: "LensSerialNumber",
    },
    "gps": {
        0x0001: "GPSLatitudeRef", 0x0002: "GPSLatitude", 0x0003: "GPSLongitudeRef", 0x0004: "GPSLongitude",
        0x0005: "GPSAltitudeRef", 0x0006: "GPSAltitude", 0x0007: "GPSTimeStamp", 0x0012: "GPSMapDatum",
        0x001D: "GPSDateStamp",
    },
}  # fmt: skip


def exif_of(picture: bytes) -> tuple[Tag, ...]:
    """The EXIF tags of a JPEG, PNG or WebP, at most 200; empty when there are none."""
    block = _block(picture)
    if len(block) < 8 or block[:2] not in (b"II", b"MM"):
        return ()
    order = "<" if block[:2] == b"II" else ">"
    start = int.from_bytes(block[4:8], "little" if order == "<" else "big")
    found: list[Tag] = []
    waiting, been = [("image", start)], set[int]()
    while waiting and len(found) < MOST_TAGS:
        name, at = waiting.pop(0)
        if at in been:  # a directory that points at itself
            continue
        been.add(at)
        for tag, value in _directory(block, order, at):
            inner = _DIRECTORIES.get(tag)
            if inner and value.isdigit():
                waiting.append((inner, int(value)))
            elif len(found) < MOST_TAGS:
                found.append((name, f"0x{tag:04x} {_NAMES.get(name, {}).get(tag, '')}".rstrip(), value))
    return tuple(found)


def xmp_of(picture: bytes) -> str:
    """The XMP packet as text, its first 8,192 characters, or ""."""
    for content in _contents(picture):
        at = content.find(b"<x:xmpmeta")
        if at >= 0:
            return content[at : at + 4 * _MOST_XMP].decode("utf-8", "replace")[:_MOST_XMP]
    return ""


def _contents(picture: bytes) -> Iterator[bytes]:
    """The parts of a file in which EXIF or XMP may stand."""
    match sniffed(picture):
        case "image/jpeg":
            yield from (content for marker, content in jpeg_segments(picture) if marker == 0xE1)
        case "image/png":
            yield from (content for name, content in chunks(picture) if name in (b"eXIf", b"iTXt"))
        case "image/webp":
            yield from (content for name, content in chunks(picture) if name in (b"EXIF", b"XMP "))


def _block(picture: bytes) -> bytes:
    for content in _contents(picture):
        block = content.removeprefix(_EXIF_MARK)
        if block[:4] in (b"II*\0", b"MM\0*"):
            return block
    return b""


def _directory(block: bytes, order: str, at: int) -> Iterator[tuple[int, str]]:
    """(tag, value) of one directory, as far as it is whole."""
    try:
        (count,) = struct.unpack_from(order + "H", block, at)
        for entry in range(at + 2, at + 2 + 12 * min(count, MOST_TAGS), 12):
            tag, kind, number = struct.unpack_from(order + "HHI", block, entry)
            yield tag, _value(block, order, entry + 8, kind, number)
    except struct.error:
        return


def _value(block: bytes, order: str, at: int, kind: int, number: int) -> str:
    form = _FORMATS.get(kind)
    if form is None:
        return f"a value of unknown type {kind}"
    width = struct.calcsize("=" + form) if form else 1
    size = width * number
    if size > 4:
        (at,) = struct.unpack_from(order + "I", block, at)
    if at + size > len(block):
        return f"cut off: {size} bytes at {at}"
    if size > _MOST_VALUE:
        return f"{size} bytes, not shown"
    return _shown(order, block[at : at + size], kind, form)


def _shown(order: str, data: bytes, kind: int, form: str) -> str:
    if kind == 2:
        return data.split(b"\0")[0].decode("utf-8", "replace")
    if not form:
        return data.hex()
    parts = struct.unpack(f"{order}{len(data) // struct.calcsize('=' + form[0])}{form[0]}", data)
    if len(form) == 2:
        return " ".join(f"{a}/{b}" for a, b in zip(parts[::2], parts[1::2], strict=True))
    return " ".join(map(str, parts))
