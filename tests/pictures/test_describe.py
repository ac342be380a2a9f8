"""What a picture worker says of honest, odd and hostile files."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from functools import cache

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image, ImageOps

from storage.clock import SystemClock
from storage.model import Picture, sha256_of
from storage.turns import distance_bits
from tests.pictures.samples import encoded, jpeg, lying_jpeg, photo, png_header
from watchers.pictures import PictureWorkers

pytestmark = pytest.mark.asyncio(loop_scope="module")


# One pool for the whole file: a worker imports for a second.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[PictureWorkers]:
    pool = PictureWorkers(1, SystemClock())
    yield pool
    await pool.close()


async def told(workers: PictureWorkers, data: bytes) -> Picture:
    return await workers.describe(data, sha256=sha256_of(data), url="https://example.org/a")


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


async def test_every_allowed_format_gets_size_name_and_hashes(workers: PictureWorkers) -> None:
    image = photo(1)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF"):
        picture = await told(workers, encoded(image, kind))
        assert (picture.width, picture.height, picture.format) == (800, 600, kind)
        assert len(picture.phash) == len(picture.dhash) == 16
        assert (picture.undecodable, picture.note) == ("", "")


async def test_the_same_picture_in_other_formats_is_the_same_within_three_bits(
    workers: PictureWorkers,
) -> None:
    image = photo(2)
    first = await told(workers, encoded(image, "PNG"))
    for kind in ("JPEG", "WEBP", "AVIF"):
        other = await told(workers, encoded(image, kind))
        assert distance(first.phash, other.phash) <= 3, kind


async def test_a_jpeg_decoded_small_keeps_its_hash(workers: PictureWorkers) -> None:
    large = photo(3, width=3200, height=2400)
    reduced, whole = await told(workers, encoded(large)), await told(workers, encoded(large, "PNG"))
    assert distance(reduced.phash, whole.phash) <= 4


async def test_it_knows_the_bytes_it_was_given(workers: PictureWorkers) -> None:
    data = jpeg()
    picture = await told(workers, data)
    assert (picture.sha256, picture.url, picture.size_bytes) == (
        sha256_of(data),
        "https://example.org/a",
        len(data),
    )


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("empty", b"", "empty"),
        ("eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not a picture we read"),
        ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "not a picture we read"),
        ("html", b"<!doctype html><p>404</p>", "not a picture we read"),
        ("tiff", encoded(photo(1, 64, 64), "TIFF"), "not a picture we read"),
        ("lying jpeg", lying_jpeg(15_000, 10_400), "too many pixels"),
        ("hugest jpeg", lying_jpeg(65_500, 65_500), "too many pixels"),
        ("huge png", png_header(40_000, 40_000), "too many pixels"),
        ("large png", png_header(8_000, 6_000), "too many pixels"),
        ("png without data", png_header(3_000, 2_000), "truncated"),
        ("jpeg head only", jpeg()[:300], ""),
    ],
)
async def test_what_cannot_be_decoded_says_why_and_has_no_hash(
    workers: PictureWorkers, name: str, data: bytes, why: str
) -> None:
    picture = await told(workers, data)
    assert picture.undecodable, name
    assert why in picture.undecodable
    assert (picture.phash, picture.dhash) == ("", "")
    assert picture.size_bytes == len(data)


async def test_a_file_cut_near_its_end_is_hashed_and_noted(workers: PictureWorkers) -> None:
    whole = jpeg(4)
    picture = await told(workers, whole[: int(len(whole) * 0.93)])
    assert picture.note == "truncated"
    assert distance(picture.phash, (await told(workers, whole)).phash) <= 12


async def test_a_file_cut_in_the_middle_gets_no_hash(workers: PictureWorkers) -> None:
    whole = jpeg(4)
    picture = await told(workers, whole[: len(whole) // 2])
    assert picture.undecodable.startswith("truncated")
    assert picture.phash == ""


async def test_an_animation_is_judged_by_its_first_frame(workers: PictureWorkers) -> None:
    frames = [photo(seed, 320, 240) for seed in (5, 6, 7)]
    for kind in ("GIF", "WEBP", "AVIF"):
        moving = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=90)
        picture, still = await told(workers, moving), await told(workers, encoded(frames[0], kind))
        assert picture.note == "animated: 3 frames seen", kind
        assert distance(picture.phash, still.phash) <= 4


async def test_what_comes_after_a_plain_first_frame_is_seen(workers: PictureWorkers) -> None:
    shown = [photo(seed, 320, 240) for seed in (5, 6)]
    blank = Image.new("RGB", (320, 240), "white")
    moving = encoded(blank, "GIF", save_all=True, append_images=shown, duration=90)
    picture = await told(workers, moving)
    assert picture.phash
    for frame in shown:
        still = await told(workers, encoded(frame, "GIF"))
        assert min(distance_bits(still.pdqs[0], pdq) for pdq in picture.pdqs) <= 16


async def test_the_hashes_say_how_they_were_made(workers: PictureWorkers) -> None:
    picture = await told(workers, jpeg(4))
    assert (picture.recipe, len(picture.pdqs[0])) == ("nj2", 64)
    assert picture.quality > 50


async def test_a_framed_picture_is_known_by_what_is_in_the_frame(workers: PictureWorkers) -> None:
    shown = photo(8)
    plain = await told(workers, encoded(shown, quality=90))
    for colour in ("white", "black", "#777777"):
        framed = ImageOps.expand(shown, (60, 150), fill=colour)
        picture = await told(workers, encoded(framed, quality=80))
        assert len(picture.pdqs) == 2
        assert min(distance_bits(picture.pdqs[1], pdq) for pdq in plain.pdqs) <= 31


async def test_a_picture_that_is_an_archive_too_is_a_picture(workers: PictureWorkers) -> None:
    both = io.BytesIO(jpeg())
    both.seek(0, io.SEEK_END)
    with zipfile.ZipFile(both, "a") as archive:
        archive.writestr("payload.txt", "x" * 1000)
    picture = await told(workers, both.getvalue())
    assert picture.format == "JPEG"
    assert picture.phash == (await told(workers, jpeg())).phash


async def test_plain_pictures_never_match_because_they_have_no_hash(workers: PictureWorkers) -> None:
    for colour in ("black", "white", (120, 130, 90)):
        picture = await told(workers, encoded(Image.new("RGB", (640, 480), colour)))
        assert (picture.phash, picture.dhash, picture.undecodable) == ("", "", "")
        assert "flat" in picture.note


async def test_a_turned_photograph_is_looked_at_upright(workers: PictureWorkers) -> None:
    upright = photo(8)
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = await told(workers, encoded(turned, exif=exif))
    assert distance(picture.phash, (await told(workers, encoded(upright))).phash) <= 4


async def test_what_is_transparent_counts_as_white(workers: PictureWorkers) -> None:
    solid = photo(9)
    mask = Image.new("L", solid.size, 255)
    mask.paste(0, (0, 0, 300, 300))
    clear = solid.copy()
    clear.putalpha(mask)
    white = solid.copy()
    white.paste((255, 255, 255), (0, 0, 300, 300))
    first, second = await told(workers, encoded(clear, "PNG")), await told(workers, encoded(white, "PNG"))
    assert first.phash == second.phash


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "RGBA"])
async def test_every_colour_mode_is_hashed(workers: PictureWorkers, mode: str) -> None:
    image = photo(10)
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    picture = await told(workers, encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert picture.phash, picture


@cache
def vast() -> Image.Image:
    """35 MB as a bitmap: beyond what is decoded beside other things. Copy it before changing it."""
    return photo(8, 3_400, 2_600)


def quickly(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The file of a large image, made with little effort: how well it is packed does not matter."""
    effort = {"compress_level": 1} if kind == "PNG" else {"speed": 10}
    return encoded(image, kind, **effort, **options)


async def test_large_pictures_are_hashed_like_their_small_copies(workers: PictureWorkers) -> None:
    whole = vast()
    clear = whole.convert("RGBA")
    grey = Image.fromarray(np.asarray(whole.convert("L")).astype(np.uint16) * 200)
    small = await told(workers, encoded(whole.resize((850, 650)), "PNG"))
    for image, kind in ((whole, "PNG"), (clear, "PNG"), (grey, "PNG"), (whole, "AVIF")):
        picture = await told(workers, quickly(image, kind))
        assert (picture.width, picture.undecodable) == (3_400, ""), (kind, image.mode)
        assert distance(picture.phash, small.phash) <= 4, (kind, image.mode)


async def test_a_large_turned_picture_is_looked_at_upright(workers: PictureWorkers) -> None:
    upright = vast()
    exif = Image.Exif()
    phash = (await told(workers, quickly(upright))).phash
    for orientation, lying in (
        (6, upright.transpose(Image.Transpose.ROTATE_90)),
        (5, upright.transpose(Image.Transpose.TRANSPOSE)),
        (7, upright.transpose(Image.Transpose.TRANSVERSE)),
    ):
        exif[0x0112] = orientation
        turned = await told(workers, quickly(lying, exif=exif.tobytes()))
        assert distance(turned.phash, phash) <= 4


async def test_a_picture_that_needs_too_much_memory_for_its_kind_says_so(workers: PictureWorkers) -> None:
    picture = await told(workers, encoded(Image.new("RGB", (6_000, 6_000)), "PNG"))
    assert picture.undecodable == "too many pixels for PNG: 6000x6000"


async def test_large_jobs_wait_for_each_other_and_small_ones_do_not() -> None:
    large = asyncio.Lock()
    pool = PictureWorkers(1, SystemClock(), large=large)
    data = quickly(vast())
    try:
        async with large:
            waiting = asyncio.create_task(told(pool, data))
            assert (await told(pool, jpeg())).phash
            assert (await told(pool, jpeg(2))).phash
            assert not waiting.done()
        assert (await waiting).phash
    finally:
        await pool.close()
