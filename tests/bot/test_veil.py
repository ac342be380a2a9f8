"""Pictures of carcasses come under a veil: by label, post, reasons and words in pictures; others do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.compose import card
from bot.veil import needs_veil
from storage.model import PictureMatch, PictureRef, Post, Reason, Sha256, Tier
from tests.bot.lanes_kit import Lanes, night
from tests.fakes import words

SAYS_SO = [
    *(
        "fresh carcass, whole",
        "two carcasses",
        "Carcase for sale",
        "dead body of a pangolin",
        "skinned, no head",
    ),
    *(
        "穿山甲尸体",
        "虎屍體一具",
        "现宰 宰杀好",
        "已剥皮",
        "туша тигра",
        "bangkai trenggiling",
        "xác tê tê",
        "ซากเสือ",
    ),
]
SAYS_NOT = [
    *("rhino horn XJ", "elephant skin beads", "carcassonne game", "deadline", "象牙手串", "skinny jeans"),
    *("a body of work", "tiger skin rug", "deadly sharp tusk", "guttering"),
]


@pytest.mark.parametrize("text", SAYS_SO)
def test_what_speaks_of_a_carcass_is_veiled_wherever_it_is_said(text: str) -> None:
    shown = PictureMatch(
        sha256=Sha256("a" * 64), known="gallery:x", known_sha256=Sha256("b" * 64), distance_bits=1, label=text
    )
    in_picture = Reason(kind="context", what="words in a picture", weight=0.0, span=text)
    pictured = Post(
        post_id="p", url="http://x.example/", pictures=(PictureRef(url="http://x.example/1", alt=text),)
    )
    for alert in (
        words.alert(matches=(shown,)),
        words.alert(verdict=words.verdict(reasons=(in_picture,))),
        words.alert(verdict=words.verdict(products=(text,))),
        words.alert(evidence=words.evidence(words.post(title=text))),
        words.alert(evidence=words.evidence(words.post(text=f"for sale. {text}"))),
        words.alert(evidence=words.evidence(pictured)),
    ):
        assert needs_veil(alert)
        assert card(alert, b"jpeg").veiled
        assert not card(alert).veiled  # there is nothing to veil


@pytest.mark.parametrize("text", SAYS_NOT)
def test_other_goods_are_shown_at_once(text: str) -> None:
    assert not needs_veil(words.alert(evidence=words.evidence(words.post(title=text, text=text))))


def test_the_sheet_of_a_carcass_is_sent_under_a_spoiler_and_stays_there(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        await work.alert(Tier.HIGH, title="ivory tusk")
        first = await work.alert(Tier.HIGH, title="穿山甲尸体")
        await work.clock.sleep(20)
        assert [one.spoiler for one in work.group.seen()] == [False, True]
        assert first.evidence is not None
        again = {"title": "穿山甲", "seller": "s2"}
        await work.look("p2", again, Tier.HIGH, previous=first.evidence)
        await work.clock.sleep(40)
        shown = work.group.seen()[1]
        assert "CHANGED" in shown.text
        assert shown.spoiler

    night(tmp_path, body)
