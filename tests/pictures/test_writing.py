"""A copy under rows of writing is the picture it was made of, and nothing else is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nightmarket.model import PictureSpec
from nightmarket.pictures import paint
from storage.model import SURE_DIFFERING_PERCENT, SURE_POINTS
from watchers import picture_bank
from watchers.picture_bank import PictureBank, Shared
from watchers.picture_features import asked_features, known_features
from watchers.picture_writing import views, without_writing

WRITTEN_ON = [
    (0xC715F91D66, 0xC43F710CA, ("watermark",), 2),
    (0x598457CB9D, 0x466170B7E, ("turn", "watermark"), 3),
    (0x168D6BA182, 0x2881383D57, ("mirror", "border", "watermark"), 3),
    (0xAF1904B4AC, 0x9B4444F30, ("brightness", "crop", "watermark"), 0),
]
"""Altered copies of whole simulated nights that were not found."""


def grey(layout: int, thing: int, *changes: str, twist: int = 0) -> Image.Image:
    spec = PictureSpec(layout=layout, thing=thing, changes=changes, twist=twist)
    return Image.open(io.BytesIO(paint(spec))).convert("L")


def lettered(picture: Image.Image, tone: int, text: str = "沉香阁 SHOP 77") -> Image.Image:
    """Under rows of half transparent writing, at a slant."""
    layer = Image.new("L", picture.size, 0)
    pen = ImageDraw.Draw(layer)
    for row in range(-40, picture.height, picture.height // 6):
        pen.text((row % 61 - 30, row), f"{text}  {text}", fill=130, font_size=picture.height // 11)
    layer = layer.rotate(11, Image.Resampling.BICUBIC)
    return Image.composite(Image.new("L", picture.size, tone), picture, layer)


def shared(known: Image.Image, asked: Image.Image) -> list[Shared]:
    bank = PictureBank()
    for one in views(known):
        bank.add(known_features(one))
    return bank.ask_all([features for one in views(asked) for features in asked_features(one)])


def is_same(found: list[Shared]) -> bool:
    return any(
        one.points >= SURE_POINTS and round(100 * one.differing) <= SURE_DIFFERING_PERCENT for one in found
    )


@pytest.mark.parametrize(("layout", "thing", "changes", "twist"), WRITTEN_ON)
def test_a_copy_that_was_written_on_is_found(
    layout: int, thing: int, changes: tuple[str, ...], twist: int
) -> None:
    known, copy = grey(layout, thing), grey(layout, thing, *changes, twist=twist)
    assert is_same(shared(known, copy))
    assert is_same(shared(copy, known))


@pytest.mark.parametrize("tone", [10, 245])
def test_writing_may_be_dark_or_light_and_of_another_shop(tone: int) -> None:
    layout, thing = 0x598457CB9D, 0x466170B7E
    known = lettered(grey(layout, thing), tone)
    copy = lettered(grey(layout, thing, "mirror", "turn"), tone, "老王 古玩 微信")
    assert is_same(shared(known, copy))


@pytest.mark.parametrize("thing", [0xED8799B89F, 0x257F6B9883, 0xD35E2364D0])
@pytest.mark.parametrize("changes", [("watermark",), ("watermark", "turn")])
def test_other_goods_on_the_same_table_under_the_same_writing_are_not_joined(
    thing: int, changes: tuple[str, ...]
) -> None:
    for layout in (0xDDBD944258, 0x598457CB9D):
        known = grey(layout, 0xFFBEA6EB9, "watermark")
        assert not is_same(shared(known, grey(layout, thing, *changes)))


def test_pictures_of_the_same_weave_do_not_come_before_the_picture_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They had more votes, and of a night's sixty known pictures eight were looked at before it."""
    weave = [
        (0xEE1C5F5BA3, 0x7DC50C05B9),
        (0xDBC14D5367, 0x660F7A327D),
        (0x9D2483EF8D, 0x16F707C30E),
        (0xD51ED5D8A3, 0x58A237F0C2),
        (0xAE99CCE198, 0x5A4E45677),
        (0xBB51A83975, 0xD6475992E3),
    ]
    bank = PictureBank()
    numbers = [bank.add(known_features(grey(*one))) for one in [*weave, (0x7F87B50531, 0x97CF5471A8)]]
    copy = grey(0x7F87B50531, 0x97CF5471A8, "watermark", "turn", "crop", twist=54947)
    monkeypatch.setattr(picture_bank, "_VERIFIED", 1)
    bare = without_writing(copy)
    assert bare is not None
    assert [shared.picture for shared in bank.ask(*asked_features(bare))] == numbers[-1:]


def test_without_its_writing_a_picture_is_nearly_what_it_was() -> None:
    before = grey(0x598457CB9D, 0x466170B7E)
    after = lettered(before, 245)
    bare = without_writing(after)
    assert bare is not None
    far, near = (np.abs(np.asarray(one, float) - np.asarray(before, float)) for one in (after, bare))
    assert (near > 40).mean() < (far > 40).mean() / 20


def test_pictures_without_writing_are_looked_at_once_as_a_rule() -> None:
    counts = [len(views(grey(0x1000 + thing, 0x2000 + thing))) for thing in range(20)]
    assert sum(counts) <= 24
