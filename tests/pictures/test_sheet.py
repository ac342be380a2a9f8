"""The contact sheet always fits a Telegram photo, whatever the pictures are."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image

from storage.clock import SystemClock
from tests.pictures.samples import encoded, jpeg
from watchers.pictures import PictureWorkers

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
    sheet = opened(await workers.sheet([grey] * 4, framed=2)).convert("RGB")
    half = sheet.width // 2
    edges = [sheet.getpixel((x + 6, y + half // 2)) for y in (0, half) for x in (0, half)]
    assert [is_red(edge) for edge in edges] == [False, False, True, False]


async def test_what_cannot_be_decoded_keeps_its_place(workers: PictureWorkers) -> None:
    sheet = opened(await workers.sheet([jpeg(1), b"no picture", jpeg(2)], framed=0))
    assert sheet.size == (1280, 1280)
