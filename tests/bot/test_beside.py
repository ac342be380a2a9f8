"""The known picture beside a post's own: shown where its case is dealt with, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench._looks import TARGET, look
from bot.beside import may_show
from bot.settings.channels import ChannelTable
from storage.model import PictureMatch, Sha256, Target, Tier
from tests.fakes.words import target
from tests.storage.kit import HandClock, opened

KENYA = target(TARGET, jurisdiction="KE")
LAOS = target("other", jurisdiction="LA")
LIMITED = (
    ChannelTable(name="nairobi", kind="console", settings=None, jurisdictions=("KE",)),
    ChannelTable(name="vientiane", kind="console", settings=None, jurisdictions=("LA",)),
)
OPEN = (ChannelTable(name="all", kind="console", settings=None),)


def match_of(known: str) -> PictureMatch:
    """A picture of a post that resembles the one of this evidence."""
    one, other = Sha256("a" * 64), Sha256("b" * 64)
    return PictureMatch(sha256=one, known=known, known_sha256=other, distance_bits=4, known_tier=Tier.HIGH)


@pytest.mark.parametrize(
    ("jurisdiction", "targets", "channels", "shown"),
    [
        ("KE", (KENYA, LAOS), LIMITED, True),
        ("LA", (KENYA, LAOS), LIMITED, False),
        ("", (KENYA, LAOS), LIMITED, False),
        ("KE", (LAOS,), LIMITED, False),
        ("LA", (KENYA, LAOS), OPEN, True),
        ("LA", (KENYA, LAOS), (), True),
        ("LA", (KENYA, LAOS), (*OPEN, LIMITED[0]), False),
    ],
)
async def test_a_picture_of_another_s_case_is_shown_only_where_all_cases_are_everybody_s(
    tmp_path: Path,
    jurisdiction: str,
    targets: tuple[Target, ...],
    channels: tuple[ChannelTable, ...],
    shown: bool,
) -> None:
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        evidence = await store.seal(look("1", clock.tick()))

        async def may(known: str, *, in_gallery: bool = False) -> bool:
            match = match_of(known)
            return await may_show(
                match, jurisdiction, store, targets=targets, channels=channels, in_gallery=in_gallery
            )

        assert await may(evidence.evidence_id) is shown
        assert await may("gallery:tusk", in_gallery=True)
        whole = not any(channel.jurisdictions for channel in channels)
        assert await may("0" * 32) is whole
        assert await may("gallery:a row of a shared list") is whole
