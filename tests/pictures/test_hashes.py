"""The hashes are those that others make too, and follow a picture when it is turned."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from storage.turns import distance_bits, turned
from tests.pictures.samples import photo
from watchers.picture_hashes import dhash, hashes_of, pdq_of, phash
from watchers.picture_trim import without_border


@pytest.mark.parametrize("seed", range(12))
def test_phash_and_dhash_are_those_of_imagehash(seed: int) -> None:
    grey = photo(seed, 300 + 17 * seed, 280).convert("L")
    assert phash(grey) == str(imagehash.phash(grey))
    assert dhash(grey) == str(imagehash.dhash(grey))


def test_phash_is_that_of_imagehash_where_coefficients_are_zero() -> None:
    for grey in (Image.linear_gradient("L"), Image.radial_gradient("L"), Image.new("L", (300, 300), 7)):
        assert phash(grey) == str(imagehash.phash(grey))


@pytest.mark.parametrize("seed", range(6))
def test_a_turned_picture_is_found_among_the_turns_of_its_hash(seed: int) -> None:
    grey = photo(seed, 341, 256).convert("L")
    ways = turned(pdq_of(grey)[0])
    lying = [
        *(grey, ImageOps.mirror(grey), ImageOps.flip(grey), grey.rotate(180)),
        *(grey.transpose(Image.Transpose.TRANSPOSE), grey.rotate(90, expand=True)),
        *(grey.rotate(270, expand=True), grey.transpose(Image.Transpose.TRANSVERSE)),
    ]
    for number, picture in enumerate(lying):
        distances = [distance_bits(pdq_of(picture)[0], way) for way in ways]
        assert min(distances) <= 40  # the median beside zero costs that at most
        mirrored = number in (1, 2, 4, 7)
        assert (np.argmin(distances) in (1, 2, 4, 7)) == mirrored


def test_a_plain_picture_has_no_hash_that_could_match() -> None:
    for tone in (0, 128, 255):
        hashes = hashes_of(Image.new("L", (300, 300), tone))
        assert (hashes.phash, hashes.dhash, hashes.pdqs) == ("", "", ())


def test_a_screenshot_is_cut_to_its_picture() -> None:
    shown = photo(3, 270, 200).convert("L")
    screen = Image.new("L", (300, 520), 250)
    screen.paste(30, (0, 0, 300, 24))
    screen.paste(shown, (15, 120))
    for row in range(340, 480, 22):  # lines of text
        for at in range(20, 240, 14):
            screen.paste(60, (at, row, at + 7, row + 8))
    inner = without_border(screen)
    assert inner is not None
    assert distance_bits(pdq_of(inner)[0], pdq_of(shown)[0]) <= 31


def test_a_picture_without_border_is_left_whole() -> None:
    assert without_border(photo(4, 341, 256).convert("L")) is None
