"""QR codes in pictures are read, turned and small ones too, and give contacts."""

from __future__ import annotations

import random

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from bench._photos import file_of, photo
from storage.clock import SystemClock
from storage.model import Picture, Sha256, Tier, Verdict, sha256_of
from watchers.detect.picture import with_codes
from watchers.pictures import PictureWorkers

LINK = "https://u.wechat.com/kA9xQ2mvR7"


def coded(share: float, seed: int, text: str = LINK) -> Image.Image:
    """A picture with a code of that share of its shorter side, a little turned."""
    chosen, image = random.Random(seed), photo(seed, width=900)
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    side = int(min(image.size) * share)
    drawn = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(code, scale=6))).resize((side, side))
    drawn = drawn.rotate(chosen.uniform(-15, 15), expand=True, fillcolor=255).convert("RGB")
    at = chosen.randint(0, image.width - drawn.width), chosen.randint(0, image.height - drawn.height)
    image.paste(drawn, at)
    return image


@pytest.mark.parametrize("share", [0.14, 0.2, 0.35])
async def test_a_code_in_a_picture_is_read(share: float) -> None:
    pool = PictureWorkers(1, SystemClock())
    try:
        for seed in range(3):
            data = file_of(coded(share, seed), 60)
            assert (await pool.describe(data, sha256=sha256_of(data))).codes == (LINK,)
        data = file_of(photo(9, width=640))
        assert (await pool.describe(data, sha256=sha256_of(data))).codes == ()
    finally:
        await pool.close()


def test_a_code_gives_its_contact_and_leaves_the_score() -> None:
    bare = Verdict(score=40, tier=Tier.NORMAL, reasons=(), contacts=("phone:+84901234567",))
    shown = Picture(sha256=Sha256("0" * 64), codes=(LINK + "?scene=1", "call +84 912 345 678", "hello"))
    verdict = with_codes(bare, [shown, shown])
    assert verdict.score == 40
    assert verdict.contacts[:2] == ("phone:+84901234567", "phone:+84912345678")
    assert verdict.contacts[2] == "code:u.wechat.com/kA9xQ2mvR7"
    assert [reason.span for reason in verdict.reasons] == list(shown.codes)


def test_pictures_without_codes_leave_the_verdict_as_it_is() -> None:
    bare = Verdict(score=0, tier=Tier.NONE, reasons=())
    assert with_codes(bare, [Picture(sha256=Sha256("0" * 64))]) is bare


@pytest.mark.parametrize(
    "text", ["http://[", "\x00", "https://u.wechat.com", "weixin://", "https://evil.example/x"]
)
def test_a_code_that_leads_nowhere_known_gives_no_address(text: str) -> None:
    bare = Verdict(score=0, tier=Tier.NONE, reasons=())
    assert with_codes(bare, [Picture(sha256=Sha256("0" * 64), codes=(text,))]).contacts == ()
