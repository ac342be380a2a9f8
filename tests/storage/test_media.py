"""What bytes show of themselves: types, sizes, EXIF and XMP; hostile ones show nothing and never raise."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from storage.exif import MOST_TAGS, exif_of, xmp_of
from storage.media import size_of, sniffed

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'


def made(form: str, **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (37, 23), (200, 30, 90)).save(out, form, **more)  # type: ignore[arg-type]
    return out.getvalue()


def tagged() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif[0x0110] = "EOS 5D"
    exif.get_ifd(0x8769).update({0x9003: "2026:11:24 02:14:00", 0x829A: (1, 60)})
    exif.get_ifd(0x8825).update({1: "N", 2: (21.0, 2.0, 30.5), 3: "E", 4: (105.0, 51.0, 0.25)})
    return exif


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
    ],
)
def test_a_picture_is_known_with_its_size_by_its_own_bytes(form: str, kind: str) -> None:
    body = made(form)
    assert (sniffed(body), size_of(body)) == (kind, (37, 23))


@pytest.mark.parametrize("lossless", [True, False])
def test_both_kinds_of_webp_tell_their_size(lossless: bool) -> None:
    assert size_of(made("WEBP", lossless=lossless)) == (37, 23)
    assert size_of(made("WEBP", lossless=lossless, exif=tagged())) == (37, 23)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xef\xbb\xbf  <!DOCTYPE html><p>", "text/html"),
        (b"<?xml version='1.0'?><rss/>", "text/xml"),
        (b"<svg xmlns=''>", "image/svg+xml"),
        (b' {"posts": []}', "application/json"),
        (b"hello", "text/plain"),
        (b"\x00\x01\x02", "application/octet-stream"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
    ],
)
def test_other_bodies_are_known_too(body: bytes, kind: str) -> None:
    assert sniffed(body) == kind


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_camera_time_and_place_are_read_from_exif(form: str) -> None:
    told = {(where, tag): value for where, tag, value in exif_of(made(form, exif=tagged()))}
    assert told["image", "0x010f Make"] == "Canon"
    assert told["exif", "0x9003 DateTimeOriginal"] == "2026:11:24 02:14:00"
    assert told["gps", "0x0001 GPSLatitudeRef"] == "N"
    degrees = [float(Fraction(part)) for part in told["gps", "0x0002 GPSLatitude"].split()]
    assert degrees == pytest.approx([21.0, 2.0, 30.5])


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_xmp_is_read_as_text(form: str) -> None:
    assert xmp_of(made(form, xmp=XMP)) == XMP.decode()
    assert xmp_of(made(form)) == ""


def test_a_picture_without_exif_has_none() -> None:
    assert exif_of(made("JPEG")) == ()


def block(entries: list[tuple[int, int, int, int]], count: int | None = None) -> bytes:
    """A JPEG whose EXIF has one directory of these (tag, type, count, value)."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries) if count is None else count) + rows
    content = b"Exif\0\0" + tiff
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def test_a_directory_that_points_at_itself_ends() -> None:
    assert exif_of(block([(0x8769, 4, 1, 8), (0x010F, 3, 1, 7)])) == (("image", "0x010f Make", "7"),)


def test_values_that_are_long_cut_off_or_of_no_type_are_told_as_such() -> None:
    told = exif_of(block([(1, 2, 5_000, 8), (2, 7, 0xFFFFFFFF, 8), (3, 99, 1, 0)]))
    assert [value for _, _, value in told] == [
        "cut off: 5000 bytes at 8",
        "cut off: 4294967295 bytes at 8",
        "a value of unknown type 99",
    ]


def test_a_directory_that_claims_thousands_of_tags_is_bounded() -> None:
    body = block([(number, 3, 1, number) for number in range(1_000)], count=65_535)
    assert len(exif_of(body)) == MOST_TAGS


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from(["", "JPEG", "PNG", "WEBP"]),
    st.integers(0, 400),
    st.binary(max_size=8),
)
@example(b"\xff\xd8\xff", "", 0, b"")
@example(b"BM", "", 0, b"")
def test_no_bytes_whatsoever_raise(tail: bytes, form: str, at: int, bent: bytes) -> None:
    body = made(form, exif=tagged()) if form else b""
    body = body[:at] + bent + body[at + len(bent) :] + tail
    for cut in (body, body[: len(body) // 2]):
        sniffed(cut), size_of(cut), xmp_of(cut)
        assert len(exif_of(cut)) <= MOST_TAGS
