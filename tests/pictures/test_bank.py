"""The bank finds known pictures in what was made of them, and outlives its process."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageOps

from bench._photos import file_of, photo
from storage.clock import SystemClock
from storage.model import Likeness, PictureMatch, Tier, sha256_of
from watchers.bank import Bank, Known
from watchers.pictures import PictureWorkers

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = {f"gallery:{number}": file_of(photo(number, width=720)) for number in range(6)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank() -> AsyncIterator[Bank]:
    async def bytes_of(known: Known) -> bytes | None:
        return FILES.get(known.known)

    clock = SystemClock()
    workers = PictureWorkers(1, clock)
    bank = Bank(workers, clock, bytes_of)
    for name, data in FILES.items():
        assert await bank.add(Known(sha256=sha256_of(data), known=name, tier=Tier.HIGH))
    yield bank
    await bank.close()
    await workers.close()


async def asked(bank: Bank, image: Image.Image) -> tuple[PictureMatch, ...]:
    data = file_of(image, 75)
    return await bank.match(data, sha256_of(data))


def opened(number: int) -> Image.Image:
    return Image.open(io.BytesIO(FILES[f"gallery:{number}"])).convert("RGB")


def crop(image: Image.Image, share: float) -> Image.Image:
    """Off the grid: so much of either side is gone, unevenly."""
    wide, high = int(image.width * (1 - share)), int(image.height * (1 - share))
    left, top = int(image.width * share * 0.31), int(image.height * share * 0.77)
    return image.crop((left, top, left + wide, top + high))


async def test_a_crop_is_found_mirrored_or_not(bank: Bank) -> None:
    for number in (0, 3):
        (plain,) = await asked(bank, crop(opened(number), 0.2))
        assert (plain.known, plain.by, plain.turned) == (f"gallery:{number}", "orb", "")
        assert plain.likeness is Likeness.VERY_LIKELY
        (mirrored,) = await asked(bank, ImageOps.mirror(crop(opened(number), 0.1)))
        assert (mirrored.known, mirrored.turned) == (f"gallery:{number}", "mirrored")


async def test_each_picture_of_a_collage_is_found(bank: Bank) -> None:
    collage = Image.new("RGB", (800, 600))
    for place, number in enumerate((1, 2)):
        collage.paste(opened(number).resize((400, 300)), (400 * place, 300 * place))
    for place, stranger in enumerate((701, 702)):
        collage.paste(photo(stranger, width=400).resize((400, 300)), (400 * place, 300 * (1 - place)))
    assert {match.known for match in await asked(bank, collage)} == {"gallery:1", "gallery:2"}


async def test_stickers_do_not_hide_a_picture(bank: Bank) -> None:
    covered = opened(4)
    pen = ImageDraw.Draw(covered)
    for at in (80, 260, 420):
        pen.ellipse((at, at // 2, at + 110, at // 2 + 110), fill=(255, 220, 40))
    assert [match.known for match in await asked(bank, covered)] == ["gallery:4"]


async def test_strangers_and_empty_pictures_are_not_found(bank: Bank) -> None:
    for number in range(800, 805):
        assert await asked(bank, photo(number, width=480)) == ()
    assert await asked(bank, Image.new("RGB", (300, 300), "white")) == ()
    assert await bank.match(b"no picture", sha256_of(b"no picture")) == ()


async def test_the_same_bytes_are_taken_once_and_what_was_erased_is_found_no_more(bank: Bank) -> None:
    extra = file_of(photo(900, width=480))
    known = Known(sha256=sha256_of(extra), known="e" * 32, tier=Tier.URGENT)
    assert await bank.add(known, extra)
    assert not await bank.add(known, extra)
    assert [match.known for match in await asked(bank, photo(900, width=480))] == ["e" * 32]
    bank.forget("e" * 32)
    assert await asked(bank, photo(900, width=480)) == ()


async def test_a_lost_process_is_replaced_and_filled_again(bank: Bank) -> None:
    os.kill(bank._worker.pid, signal.SIGKILL)
    assert bank.is_whole
    assert await asked(bank, crop(opened(2), 0.1)) == ()  # this one question is lost
    assert not bank.is_whole
    found = await asked(bank, crop(opened(2), 0.1))  # and this one fills it first
    assert bank.is_whole
    assert bank.held == len(bank)
    assert [match.known for match in found] == ["gallery:2"]


async def test_a_process_that_is_lost_while_it_takes_a_picture_in_is_filled_again_all_the_same(
    bank: Bank,
) -> None:
    os.kill(bank._worker.pid, signal.SIGKILL)
    for number in (901, 902):  # whether the first is taken depends on when its end is seen
        extra = FILES[f"taken:{number}"] = file_of(photo(number, width=480))
        await bank.add(Known(sha256=sha256_of(extra), known=f"taken:{number}", tier=Tier.URGENT), extra)
    assert 0 < bank.held < len(bank)
    assert not bank.is_whole
    assert [match.known for match in await asked(bank, crop(opened(2), 0.1))] == ["gallery:2"]
    assert (bank.held, bank.is_whole) == (len(bank), True)
    assert [match.known for match in await asked(bank, photo(901, width=480))] == ["taken:901"]
    for number in (901, 902):
        bank.forget(f"taken:{number}")


async def test_a_picture_under_writing_is_found_and_counts_once(bank: Bank) -> None:
    def written_on(image: Image.Image, text: str) -> Image.Image:
        pen = ImageDraw.Draw(image, "RGBA")
        for row in range(0, image.height, image.height // 6):
            pen.text((row % 83, row), f"{text}   {text}", fill=(255, 255, 255, 150), font_size=34)
        return image

    found = await asked(bank, written_on(crop(opened(5), 0.1), "shop 77"))
    assert [match.known for match in found] == ["gallery:5"]
    before, data = bank.held, file_of(written_on(photo(910, width=480), "vx 8866"))
    assert await bank.add(Known(sha256=sha256_of(data), known="f" * 32, tier=Tier.HIGH), data)
    assert bank.held == before + 1
    assert [match.known for match in await asked(bank, photo(910, width=480))] == ["f" * 32]
    bank.forget("f" * 32)
    assert await asked(bank, photo(910, width=480)) == ()


async def test_a_picture_that_ends_the_process_twice_is_left_out_and_the_others_are_found() -> None:
    async def bytes_of(known: Known) -> bytes | None:
        return files.get(known.known)

    files = {name: FILES[name] for name in ("gallery:0", "gallery:1")}
    files["bad"] = file_of(photo(950, width=720).transpose(Image.Transpose.ROTATE_90))
    clock = SystemClock()
    workers = PictureWorkers(1, clock)
    bank = Bank(workers, clock, bytes_of, program="tests.pictures.naughty_bank")
    try:
        for name in ("gallery:0", "bad", "gallery:1"):
            await bank.add(Known(sha256=sha256_of(files[name]), known=name, tier=Tier.HIGH))
        for _ in range(4):
            found = await asked(bank, crop(opened(0), 0.1))
        assert [match.known for match in found] == ["gallery:0"]
        assert (bank.losses, bank.is_whole, len(bank)) == (2, True, 2)
        assert not await bank.add(Known(sha256=sha256_of(files["bad"]), known="again", tier=Tier.HIGH))
        assert bank.losses == 2
    finally:
        await bank.close()
        await workers.close()
