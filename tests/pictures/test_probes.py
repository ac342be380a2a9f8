"""A picture that was cut at its edges or turned a little is known by one of the guesses at what it was."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image, ImageEnhance, ImageOps

from bench._photos import photo
from nightmarket.model import PictureSpec
from nightmarket.pictures import paint
from storage.model import LIKELY_PDQ_BITS, SURE_DIFFERING_PERCENT, shows
from storage.turns import distance_bits, turned
from watchers.picture_hashes import hashes_of, pdq_of
from watchers.picture_overlay import agreed
from watchers.picture_probes import probes


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [photo(number, width=480).convert("L") for number in (3, 8, 11)]


def painted(layout: int, thing: int, *changes: str) -> Image.Image:
    spec = PictureSpec(layout=layout, thing=thing, changes=changes)
    return Image.open(io.BytesIO(paint(spec))).convert("L")


def least(asked: Image.Image, known: Image.Image) -> int:
    ways = turned(pdq_of(known)[0])
    return min(distance_bits(way, pdq) for pdq in probes(asked) for way in ways)


def cropped(image: Image.Image, share: float, chosen: random.Random) -> Image.Image:
    wide, high = round(image.width * (1 - share)), round(image.height * (1 - share))
    left, top = chosen.randint(0, image.width - wide), chosen.randint(0, image.height - high)
    return image.crop((left, top, left + wide, top + high))


def test_a_guess_that_nothing_was_cut_is_the_hash_itself(pictures: list[Image.Image]) -> None:
    for image in pictures:
        assert least(image, image) <= 16


@pytest.mark.parametrize("share", [0.03, 0.05, 0.08])
def test_a_crop_that_is_not_centred_is_found(pictures: list[Image.Image], share: float) -> None:
    chosen = random.Random(share)
    for image in pictures:
        cut = cropped(image, share, chosen)
        assert least(cut, image) <= LIKELY_PDQ_BITS
        assert least(ImageOps.mirror(cut), image) <= LIKELY_PDQ_BITS


def test_a_turn_by_a_few_degrees_is_found(pictures: list[Image.Image]) -> None:
    for image in pictures:
        for degrees in (-5, 3, 5):
            assert (
                least(image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=128), image)
                <= LIKELY_PDQ_BITS
            )


def test_other_pictures_are_not(pictures: list[Image.Image]) -> None:
    for image in pictures:
        assert all(least(image, other) > LIKELY_PDQ_BITS for other in pictures if other is not image)


def test_a_picture_too_dark_for_a_sure_hash_is_still_asked_about() -> None:
    image = photo(20).convert("L").reduce(2)
    dark = ImageEnhance.Brightness(image).enhance(0.6)
    assert hashes_of(image).pdqs
    assert not hashes_of(dark).pdqs
    assert least(dark, image) <= 16


def test_a_plain_picture_asks_nothing() -> None:
    assert probes(Image.new("L", (300, 300), 90)) == ()


def test_what_a_guess_proposes_is_looked_at() -> None:
    """A bright thing at one place: 38 bits apart by a guess, and not the same at all."""
    watch = painted(layout=59711967760, thing=627650949096)
    carving = painted(layout=0x5FBB095D4E, thing=0x660F7A327D)
    assert least(watch, carving) <= LIKELY_PDQ_BITS
    found = agreed(watch, carving)
    assert not shows(found.parts, round(100 * found.differing))


@pytest.mark.parametrize("changes", [("turn",), ("mirror", "crop", "blur"), ("turn", "resize", "jpeg40")])
def test_a_copy_that_was_cut_or_turned_agrees_all_over(changes: tuple[str, ...]) -> None:
    known = painted(layout=0xDDBD944258, thing=0xFFBEA6EB9)
    assert (
        100 * agreed(painted(0xDDBD944258, 0xFFBEA6EB9, *changes), known).differing <= SURE_DIFFERING_PERCENT
    )


def test_other_goods_on_the_same_table_do_not_agree() -> None:
    known = painted(layout=0xDDBD944258, thing=0xFFBEA6EB9)
    for thing in (0xED8799B89F, 0x257F6B9883, 0xD35E2364D0):
        assert 100 * agreed(painted(0xDDBD944258, thing), known).differing > SURE_DIFFERING_PERCENT + 1
