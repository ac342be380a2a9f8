"""What a night taught outlives a start: how usual silence is where, and what goods are called."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bench._looks import TARGET
from bench._photos import file_of, photo
from storage.model import Verdict
from tests.detect.test_latecomers import Place, judged, kinds, watch
from tests.detect.test_unspoken import MARKET
from watchers.detect.byname import WHAT
from watchers.lore import Lore


def shown(number: int) -> bytes:
    return file_of(photo(number, width=720))


def at_night(place: Place) -> None:
    place[2].policy = replace(place[2].policy, targets={TARGET: MARKET})


async def started(place: Place) -> int:
    """What the run of the bench does of it at its start."""
    return await place[2]._lore.recollect(place[0], place[2].policy.lexicon)


@pytest.mark.parametrize("again", [False, True])
def test_a_word_told_before_a_start_tells_the_next_seller_after_it(tmp_path: Path, again: bool) -> None:
    """Failed before: each start forgot the night."""

    async def night() -> list[tuple[str, str]]:
        async with watch(tmp_path) as place:
            await judged(place, "1", "象牙摆件,微信 abcdef123,一手;霜糖 手镯", shown(7), seller="mei")
        async with watch(tmp_path) as place:
            place[1].tick(60)
            if again:
                assert await started(place) == 1
            words = "霜糖 108佛珠,4877元,加v: bradyk431"
            await judged(place, "2", words, shown(8), seller="lao")
            rows = await place[0].vault.database.rows("SELECT verdict FROM verdict ORDER BY seq")
            assert (WHAT in rows[1][0]) is again
            return await kinds(place)

    assert asyncio.run(night()) == [("1", "new"), ("2", "new")][: 1 + again]


def test_a_board_of_pictures_is_known_for_one_after_a_start(tmp_path: Path) -> None:
    async def night() -> tuple[int, int]:
        async with watch(tmp_path) as place:
            at_night(place)
            for number in range(8):
                await judged(place, f"{number}", "...", shown(number))
            before = len(await kinds(place))
        async with watch(tmp_path) as place:
            at_night(place)
            place[1].tick(60)
            assert await started(place) == 8
            await judged(place, "9", "...", shown(9))
            return before, len(await kinds(place))

    before, after = asyncio.run(night())
    assert before <= 2
    assert after == before


def test_what_cannot_be_read_costs_what_was_learnt_and_no_verdict(tmp_path: Path) -> None:
    async def night() -> tuple[int, list[tuple[str, str]]]:
        async with watch(tmp_path) as place:
            await judged(place, "1", "象牙手镯,微信 abcdef123,一手", shown(7), seller="mei")
        async with watch(tmp_path) as place:
            place[1].tick(60)

            async def spoil(batch: object) -> None:
                await batch.run("UPDATE verdict SET verdict = '{'")  # type: ignore[attr-defined]

            await place[0].vault.submit(spoil)
            count = await started(place)
            await judged(place, "2", "象牙手镯,微信 abcdef123,一手", shown(8), seller="mei")
            return count, await kinds(place)

    count, told = asyncio.run(night())
    assert count == 0
    assert ("2", "new") in told or ("2", "repost") in told


def test_pages_cover_every_look_once_the_newest_first(tmp_path: Path) -> None:
    async def night() -> None:
        async with watch(tmp_path) as place:
            for number in range(7):
                await judged(place, f"{number}", f"a wooden chair {number}", shown(number))
            store, seen, before = place[0], [], None
            while True:
                page = await store.judged_lately(before, 3)
                seen += [look.post.post_id for look in page.looks]
                assert all(look.pictures[0].phash for look in page.looks)
                assert all(isinstance(look.verdict, Verdict) for look in page.looks)
                if (before := page.before) is None:
                    break
            assert seen == [f"{number}" for number in reversed(range(7))]

    asyncio.run(night())


def test_a_start_reminds_itself_of_a_bounded_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchers.lore.RECOLLECTED", 4)
    monkeypatch.setattr("watchers.lore._PAGE", 2)

    async def night() -> int:
        async with watch(tmp_path) as place:
            for number in range(7):
                await judged(place, f"{number}", f"a wooden chair {number}", shown(number))
            return await Lore().recollect(place[0], place[2].policy.lexicon)

    assert asyncio.run(night()) == 4
