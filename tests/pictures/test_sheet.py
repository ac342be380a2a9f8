"""The contact sheet always fits a Telegram photo, whatever the pictures are."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image

from storage.clock import SystemClock
from storage.model import Picture, PictureMatch, Sha256, Tier, sha256_of
from tests.pictures.samples import encoded, jpeg
from watchers.pictures import PictureWorkers
from watchers.sheets import beside, chosen, known_ones, sheet_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


# One pool for the whole file: a worker imports for a second.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[PictureWorkers]:
    pool = PictureWorkers(1, SystemClock())
    yield pool
    await pool.close()


def opened(sheet: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(sheet))
    assert image.format == "JPEG"
    assert image.width + image.height <= 10_000
    assert max(image.size) / min(image.size) <= 20
    assert max(image.size) <= 1280
    assert len(sheet) <= 10_000_000
    return image


def is_red(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    return pixel[0] > 150 and pixel[1] < 110 and pixel[2] < 110


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 9, 14])
async def test_any_number_of_pictures_makes_one_sheet(workers: PictureWorkers, count: int) -> None:
    opened(await workers.sheet([jpeg(seed, width=320, height=240) for seed in range(count)]))


async def test_no_picture_makes_no_sheet(workers: PictureWorkers) -> None:
    assert await workers.sheet([]) == b""


@pytest.mark.parametrize("size", [(1, 4000), (6000, 2), (3000, 40), (1, 1), (200, 5000)])
async def test_absurd_shapes_still_fit(workers: PictureWorkers, size: tuple[int, int]) -> None:
    strip = encoded(Image.new("RGB", size, (90, 120, 60)), "PNG")
    opened(await workers.sheet([strip]))
    opened(await workers.sheet([strip, jpeg()]))


async def test_the_framed_tile_is_red_at_its_edge_and_only_that_one(workers: PictureWorkers) -> None:
    grey = encoded(Image.new("RGB", (400, 400), (128, 128, 128)))
    sheet = opened(await workers.sheet([grey] * 4, framed=[2])).convert("RGB")
    half = sheet.width // 2
    edges = [sheet.getpixel((x + 6, y + half // 2)) for y in (0, half) for x in (0, half)]
    assert [is_red(edge) for edge in edges] == [False, False, True, False]


async def test_what_cannot_be_decoded_keeps_its_place(workers: PictureWorkers) -> None:
    sheet = opened(await workers.sheet([jpeg(1), b"no picture", jpeg(2)], framed=[0]))
    assert sheet.size == (1280, 1280)


async def test_a_picture_that_is_alone_is_framed_in_its_own_shape(workers: PictureWorkers) -> None:
    grey = encoded(Image.new("RGB", (600, 300), (128, 128, 128)))
    for framed in ((0,), ()):
        sheet = opened(await workers.sheet([grey], framed=framed)).convert("RGB")
        assert sheet.size == (1280, 640)
        corners = [(3, 3), (1276, 3), (3, 636), (1276, 636)]
        assert [is_red(sheet.getpixel(at)) for at in corners] == [bool(framed)] * 4
        assert not is_red(sheet.getpixel((640, 320)))


def pictures(count: int) -> tuple[Picture, ...]:
    return tuple(Picture(sha256=Sha256(f"{number:064x}")) for number in range(count))


def match(picture: Picture, **more: object) -> PictureMatch:
    given = {"sha256": picture.sha256, "known": "gallery:tusk", "known_sha256": Sha256("f" * 64)}
    return PictureMatch(**(given | {"distance_bits": 2} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("known", [(), (0,), (8,), (9,), (12, 13), (2, 11), tuple(range(3, 14))])
async def test_known_pictures_are_shown_wherever_they_stand_in_the_order_of_the_page(
    known: tuple[int, ...],
) -> None:
    given = pictures(14)
    shown = [given.index(one) for one in chosen(given, frozenset(given[at].sha256 for at in known))]
    assert shown == sorted(shown)
    assert len(shown) == 9
    assert set(known[:9]) <= set(shown)
    others = [at for at in shown if at not in known]
    assert others == [at for at in range(14) if at not in known][: len(others)]


async def test_what_resembles_a_post_that_nobody_was_told_of_is_not_framed() -> None:
    one, other, third = pictures(3)
    known = known_ones(
        [match(one, known="0" * 32), match(other, known="1" * 32, known_tier=Tier.HIGH), match(third)]
    )
    assert known == {other.sha256, third.sha256}


async def test_every_known_picture_is_framed_also_behind_one_whose_bytes_are_gone(
    workers: PictureWorkers,
) -> None:
    kept = {sha256_of(data): data for data in (plain(seed) for seed in range(3))}
    gone = Picture(sha256=Sha256("0" * 64))
    bad = Picture(sha256=Sha256("1" * 64), undecodable="cut off")
    shown = (gone, bad, *(Picture(sha256=sha256) for sha256 in kept))

    async def read(sha256: Sha256) -> bytes:
        return kept.get(sha256, b"")

    matches = [match(shown[2]), match(shown[4])]
    sheet = opened(await sheet_of(shown, matches, read=read, workers=workers)).convert("RGB")
    half = sheet.width // 2
    edges = [sheet.getpixel((x + 6, y + half // 2)) for x, y in ((0, 0), (half, 0), (0, half))]
    assert [is_red(edge) for edge in edges] == [True, False, True]
    assert await sheet_of((gone, bad), (), read=read, workers=workers) == b""


async def test_the_known_picture_stands_behind_the_one_that_resembles_it_and_says_so(
    workers: PictureWorkers,
) -> None:
    """Before, the card showed the post's picture alone, and nobody could compare."""
    kept = {sha256_of(data): data for data in (plain(seed) for seed in range(2))}
    known = encoded(Image.new("RGB", (400, 400), (90, 160, 60)))
    one, other = (Picture(sha256=sha256) for sha256 in kept)

    async def read(sha256: Sha256) -> bytes:
        return kept[sha256]

    async def read_known(found: PictureMatch) -> bytes:
        return known if found.known == "gallery:tusk" else b""

    worse = match(other, known="gallery:gone", distance_bits=4)
    same_bytes = match(other, known_sha256=other.sha256, distance_bits=0)
    sheet = await sheet_of(
        (one, other), [match(other), worse, same_bytes], read=read, read_known=read_known, workers=workers
    )
    drawn = opened(sheet).convert("RGB")
    assert drawn.size == (1280, 1280)  # of three tiles; the fourth place is empty
    half = drawn.width // 2
    middle = [drawn.getpixel((x + half // 2, y + half // 2)) for y in (0, half) for x in (0, half)]
    assert is_near(middle[0], (60, 128, 128))
    assert is_near(middle[1], (100, 128, 128))
    assert is_near(middle[2], (90, 160, 60))
    assert is_red(drawn.getpixel((half + 6, half // 2)))
    assert is_near(drawn.getpixel((6, half + half // 2)), (40, 110, 230))
    assert not is_near(drawn.getpixel((6, half // 2)), (40, 110, 230))


async def test_known_pictures_take_no_more_than_three_of_the_nine_places() -> None:
    given = pictures(14)
    found = beside(given, [match(one) for one in given])
    assert [one.sha256 for one in found] == [one.sha256 for one in given[:3]]
    assert len(chosen(given, frozenset(), 6)) == 6


def is_near(pixel: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= 30 for a, b in zip(pixel, wanted, strict=True))


def plain(seed: int) -> bytes:
    return encoded(Image.new("RGB", (400, 400), (60 + 40 * seed, 128, 128)))
