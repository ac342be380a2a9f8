"""No bytes bring anything but the stated error out of the decoder (run in this very process)."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pictures.samples import encoded, jpeg, photo, png_header
from watchers.picture_decode import Undecodable, decode, prepare

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
FILES = {kind: encoded(photo(11, 300, 200), kind) for kind in KINDS}
HEADS = (b"", jpeg()[:200], png_header(64, 64), b"GIF89a", b"RIFF0000WEBP")


def outcome(data: bytes) -> str:
    """What came of decoding in this very process; any other error fails the test."""
    prepare()
    try:
        return decode(data, "L", 256).format
    except Undecodable as why:
        return str(why)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.binary(max_size=400),
    head=st.sampled_from(HEADS),
)
def test_no_bytes_raise_anything_but_undecodable(data: bytes, head: bytes) -> None:
    assert outcome(head + data)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    at=st.integers(0, 20_000),
    byte=st.integers(0, 255),
    kind=st.sampled_from(KINDS),
)
def test_no_flipped_byte_raises_anything_but_undecodable(at: int, byte: int, kind: str) -> None:
    data = bytearray(FILES[kind])
    data[at % len(data)] ^= byte
    assert outcome(bytes(data))
