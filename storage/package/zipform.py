"""The one form of a zipped package: files stored, sorted by name, nothing else in the archive.

Compression, dates, comments, extra fields and gaps are places where a zip can be changed, or
grow without bound, and still yield the same files. This form has none of them, so that every
byte of the archive follows from names and contents: `read` rebuilds all bytes that are not
content and compares. APPNOTE.TXT 6.3.3, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16; Zip64
records appear exactly when a number does not fit. Any stock `unzip` reads it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LOCAL, _CENTRAL, _END = 0x04034B50, 0x02014B50, 0x06054B50
_END64, _LOCATOR64 = 0x06064B50, 0x07064B50
_DOS_DATE = 0x21  # 1980-01-01: a zip has no earlier date and no zone; times stand in the files
_MODE = 0o100444 << 16
_UNIX = 3 << 8
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_CHUNK = 1 << 20
_MOST_NAME, _MOST_FILES, _MOST_DIRECTORY = 512, 5_000_000, 1 << 30


class NotZip(ValueError):
    """The archive is not in the form of an export; the message says where it leaves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One stored file. start: where its content begins in the archive."""

    name: str
    size_bytes: int
    crc32: int
    start: int


def write(out: BinaryIO, files: Iterable[tuple[str, Path]]) -> None:
    """Write the archive. out: new, seekable. Raises OSError."""
    members = []
    for name, path in sorted(files):
        size, crc = path.stat().st_size, 0
        header_at = out.tell()
        out.write(_local(name, size, 0))
        start = out.tell()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                crc = zlib.crc32(chunk, crc)
                out.write(chunk)
        if out.tell() - start != size:
            raise OSError(f"{path}: changed while it was read")
        end = out.tell()
        out.seek(header_at)
        out.write(_local(name, size, crc))
        out.seek(end)
        members.append(Member(name=name, size_bytes=size, crc32=crc, start=start))
    out.write(_directory(members, out.tell()))


def read(archive: BinaryIO, size_bytes: int) -> tuple[Member, ...]:
    """The members, every byte outside of their contents checked. Raises NotZip, OSError.

    Contents are not read: compare their CRC-32 with `Member.crc32` while hashing.
    """
    directory_at, length, count = _end(archive, size_bytes)
    if size_bytes - directory_at - length not in {22, 22 + 20 + 56} or count > length // 46:
        raise NotZip("the archive is cut, or its directory lies elsewhere")
    if count > _MOST_FILES or length > _MOST_DIRECTORY:
        raise NotZip(f"too many files for a package: {count:,}, listed in {length:,} bytes")
    archive.seek(directory_at)
    members = _members(archive.read(size_bytes - directory_at), count)
    at = 0
    for member in members:
        header = _local(member.name, member.size_bytes, member.crc32)
        archive.seek(at)
        if member.start != at + len(header) or archive.read(len(header)) != header:
            raise NotZip(f"the header of {member.name!r} is not the one of an export")
        at = member.start + member.size_bytes
    if at != directory_at:
        raise NotZip("there are bytes between the last file and the directory")
    archive.seek(directory_at)
    if archive.read() != _directory(members, directory_at):
        raise NotZip("the directory is not the one of an export")
    if [m.name for m in members] != sorted({m.name for m in members}):
        raise NotZip("names are twice in the archive, or not in order")
    return members


def _local(name: str, size: int, crc: int) -> bytes:
    raw, extra = name.encode(), b""
    if size >= _FULL32:
        extra = struct.pack("<HHQQ", 1, 16, size, size)
    shown = min(size, _FULL32)
    version = 45 if extra else 20
    return (
        struct.pack(
            "<IHHHHHIIIHH", _LOCAL, version, 0, 0, 0, _DOS_DATE, crc, shown, shown, len(raw), len(extra)
        )
        + raw
        + extra
    )


def _central(member: Member) -> bytes:
    raw = member.name.encode()
    at = member.start - len(_local(member.name, member.size_bytes, 0))
    wide = [v for v in (member.size_bytes, member.size_bytes, at) if v >= _FULL32]
    extra = struct.pack("<HH", 1, 8 * len(wide)) + struct.pack(f"<{len(wide)}Q", *wide) if wide else b""
    version = 45 if extra else 20
    size = min(member.size_bytes, _FULL32)
    sizes = struct.pack("<III", member.crc32, size, size)
    places = struct.pack("<HHHHHII", len(raw), len(extra), 0, 0, 0, _MODE, min(at, _FULL32))
    head = struct.pack("<IHHHHHH", _CENTRAL, _UNIX | version, version, 0, 0, 0, _DOS_DATE)
    return head + sizes + places + raw + extra


def _directory(members: Sequence[Member], at: int) -> bytes:
    body = b"".join(_central(member) for member in members)
    count, length, wide = len(members), len(body), b""
    if count >= _FULL16 or length >= _FULL32 or at >= _FULL32:
        record = struct.pack("<IQHHIIQQQQ", _END64, 44, _UNIX | 45, 45, 0, 0, count, count, length, at)
        wide = record + struct.pack("<IIQI", _LOCATOR64, 0, at + length, 1)
    few = min(count, _FULL16)
    end = struct.pack("<IHHHHIIH", _END, 0, 0, few, few, min(length, _FULL32), min(at, _FULL32), 0)
    return body + wide + end


def _end(archive: BinaryIO, size_bytes: int) -> tuple[int, int, int]:
    """(start of the directory, its length, number of members) by the records at the end."""
    if size_bytes < 22:
        raise NotZip("too short for a zip archive")
    archive.seek(size_bytes - 22)
    magic, _, _, _, count, length, at, _ = struct.unpack("<IHHHHIIH", archive.read(22))
    if magic != _END:
        raise NotZip("no end record: this is no zip archive of an export, or it is cut")
    if size_bytes >= 22 + 20 + 56 and (count == _FULL16 or _FULL32 in {length, at}):
        archive.seek(size_bytes - 22 - 20 - 56)
        magic64, *_, count, length, at = struct.unpack("<IQHHIIQQQQ", archive.read(56))
        if magic64 != _END64:
            raise NotZip("no Zip64 record where one must be")
    return at, length, count


def _members(directory: bytes, count: int) -> tuple[Member, ...]:
    members, at = [], 0
    for _ in range(count):
        fixed = directory[at : at + 46]
        if len(fixed) < 46 or fixed[:4] != struct.pack("<I", _CENTRAL):
            raise NotZip("the directory is cut or damaged")
        crc, _, size, length, extra, _, _, _, _, offset = struct.unpack("<IIIHHHHHII", fixed[16:])
        raw = directory[at + 46 : at + 46 + length]
        wide = directory[at + 46 + length : at + 46 + length + extra]
        size, offset = _wide(wide, size, offset)
        name = _name(raw)
        start = offset + len(_local(name, size, crc))
        members.append(Member(name=name, size_bytes=size, crc32=crc, start=start))
        at += 46 + length + extra
    return tuple(members)


def _wide(extra: bytes, size: int, offset: int) -> tuple[int, int]:
    """Size and offset with the 64-bit values of the Zip64 field put in."""
    values = (
        list(struct.unpack(f"<{(len(extra) - 4) // 8}Q", extra[4:])) if len(extra) in {12, 20, 28} else []
    )
    if size == _FULL32:
        if len(values) < 2:
            raise NotZip("a Zip64 field is missing")
        size, values = values[0], values[2:]
    if offset == _FULL32:
        if not values:
            raise NotZip("a Zip64 field is missing")
        offset = values[0]
    return size, offset


def _name(raw: bytes) -> str:
    if not raw or len(raw) > _MOST_NAME or not raw.isascii():
        raise NotZip("a name in the archive is empty, too long or not plain ASCII")
    return raw.decode()
