"""A part of a known picture that is posted while the bank is not whole is found when it is."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from structlog.testing import capture_logs

from bench._looks import answer, look, watched
from bench._photos import file_of, photo
from storage import late
from storage.errors import DatabaseTrouble
from storage.model import Evidence, PictureCapture, PictureRef
from storage.patience import DiskWatch
from storage.store import Store
from tests.detect.test_furniture import Silent
from tests.detect.test_hindsight import alerts
from tests.storage.kit import HandClock, opened
from watchers import latecomers
from watchers.judging import Bench, Policy
from watchers.lexicon import Lexicon
from watchers.pictures import PictureWorkers

LOUD = "rhino horn cup, antique ivory"
Place = tuple[Store, HandClock, Bench]
KNOWN = file_of(photo(1, width=720))


def pasted(number: int) -> bytes:
    """The known photograph at half size beside others: no hash of the whole knows it."""
    collage = Image.new("RGB", (800, 600))
    collage.paste(Image.open(io.BytesIO(KNOWN)).convert("RGB").resize((400, 300)), (400, 0))
    for place, stranger in enumerate((701, 702, 703)):
        other = photo(stranger + 10 * number, width=400).resize((400, 300))
        collage.paste(other, ((0, 0), (0, 300), (400, 300))[place])
    return file_of(collage, 80)


@asynccontextmanager
async def watch(folder: Path) -> AsyncIterator[Place]:
    """With the real workers and the real bank, which nobody fills yet."""
    clock = HandClock()
    policy = Policy(lexicon=Lexicon.load(), targets={}, route=lambda *_: ("chat",))
    workers = PictureWorkers(1, clock)
    async with opened(folder, clock) as store:
        bench = Bench(store, workers, clock, Silent(), policy, spoke=lambda: None, disk=DiskWatch(clock))
        await bench.fill_index()
        try:
            yield store, clock, bench
        finally:
            await bench.close()
            await workers.close()


async def judged(place: Place, number: str, words: str, picture: bytes, *, seller: str = "") -> Evidence:
    store, clock, bench = place
    at = clock.tick()
    snapshot = look(number, at, pictures=0)
    ref = PictureRef(url=f"https://example.org/up/{number}.jpg")
    post = replace(snapshot.post, title="", text=words, seller=seller, price="", pictures=(ref,))
    shown = PictureCapture(ref=ref, response=answer(ref.url, picture, at))
    evidence = await store.seal(replace(snapshot, post=post, pictures=(shown,)), watched=watched(number, at))
    await bench._judge(evidence)
    return evidence


async def gathered(bench: Bench) -> None:
    """The bank takes in what it was given, and whoever came too soon is judged again."""
    filling = asyncio.create_task(bench._second.run())
    try:
        while len(bench._latecomers):
            await bench._latecomers.next()
    finally:
        filling.cancel()


async def kinds(place: Place) -> list[tuple[str, str]]:
    return [(post, kind) for post, kind, _ in await alerts(place[0])]


async def items(store: Store) -> int:
    return int((await store.vault.database.rows("SELECT count(*) FROM item"))[0][0])


def test_what_is_posted_right_after_a_start_joins_its_item_once_the_bank_is_gathered(tmp_path: Path) -> None:
    async def night() -> tuple[list[tuple[str, str]], int, int, int]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
        async with watch(tmp_path) as place:
            place[1].tick(60)
            await judged(place, "2", LOUD, pasted(2))
            before = await items(place[0])
            await gathered(place[2])
            return await kinds(place), before, await items(place[0]), place[2]._latecomers.judged

    told, before, after, again = asyncio.run(night())
    assert told == [("1", "new"), ("2", "new"), ("2", "repost")]
    assert (before, after, again) == (2, 1, 1)


def test_a_silent_post_with_a_part_of_a_known_picture_is_told_once_the_bank_is_gathered(
    tmp_path: Path,
) -> None:
    async def night() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
        async with watch(tmp_path) as place:
            place[1].tick(60)
            await judged(place, "2", "...", pasted(2))
            quiet = await kinds(place)
            await gathered(place[2])
            return quiet, await kinds(place)

    quiet, told = asyncio.run(night())
    assert quiet == [("1", "new")]
    assert told == [("1", "new"), ("2", "repost")]


def test_a_bank_that_was_lost_finds_what_was_posted_meanwhile(tmp_path: Path) -> None:
    async def night() -> list[tuple[str, str]]:
        async with watch(tmp_path) as place:
            bench = place[2]
            await judged(place, "1", LOUD, KNOWN)
            filling = asyncio.create_task(bench._second.run())
            await bench._second.settle()
            os.kill(bench._bank._worker.pid, signal.SIGKILL)
            await judged(place, "2", "...", pasted(2))
            assert [post for post, _ in await kinds(place)] == ["1"]
            filling.cancel()
            await gathered(bench)
            return await kinds(place)

    assert asyncio.run(night()) == [("1", "new"), ("2", "repost")]


def test_nothing_is_said_again_of_a_post_about_which_nothing_new_was_found(tmp_path: Path) -> None:
    async def night() -> tuple[list[tuple[str, str]], int]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
        async with watch(tmp_path) as place:
            place[1].tick(60)
            await judged(place, "2", LOUD, file_of(photo(77, width=720)), seller="mei")
            place[1].tick(3_600)
            await gathered(place[2])
            verdicts = await place[0].vault.database.rows("SELECT count(*) FROM verdict_before")
            return await kinds(place), int(verdicts[0][0])

    assert asyncio.run(night()) == ([("1", "new"), ("2", "new")], 0)


def test_of_very_many_the_oldest_are_left_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "MOST", 1)

    async def night() -> tuple[list[str], int]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
            for number in "23":
                await judged(place, number, "...", pasted(int(number)))
            await gathered(place[2])
            return [post for post, _ in await kinds(place)], place[2]._latecomers.left_out

    assert asyncio.run(night()) == (["1", "3"], 1)


def test_a_trouble_of_the_database_over_a_post_is_said(tmp_path: Path) -> None:
    async def again(_evidence: Evidence, _news: latecomers.News) -> None:
        raise DatabaseTrouble("disk I/O error")

    async def night() -> list[str]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
            await judged(place, "2", LOUD, pasted(2))
            place[2]._latecomers._again = again
            with capture_logs() as logs:
                await gathered(place[2])
            return [str(entry["why"]) for entry in logs if entry["event"] == "not judged again"]

    assert asyncio.run(night()) == ["disk I/O error"]


# --- over a kill ----------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


async def waiting(place: Place) -> list[int]:
    """How often each post that waits on record was begun to be judged again."""
    return [one.times for one in await late.waiting(place[0].vault.database)]


def test_who_waits_when_the_process_is_killed_is_judged_again_after_the_next_start(tmp_path: Path) -> None:
    """Failed before: the line was kept in memory alone."""

    async def night() -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[int]]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
        async with watch(tmp_path) as place:  # killed before the bank is gathered
            place[1].tick(60)
            await judged(place, "2", "...", pasted(2))
        async with watch(tmp_path) as place:  # and killed at once
            quiet = await kinds(place)
        async with watch(tmp_path) as place:
            place[1].tick(120)
            await gathered(place[2])
            return quiet, await kinds(place), await waiting(place)

    quiet, told, left = asyncio.run(night())
    assert quiet == [("1", "new")]
    assert told == [("1", "new"), ("2", "repost")]
    assert left == []


def test_a_kill_while_it_is_judged_again_forgets_nobody(tmp_path: Path) -> None:
    async def ends(_evidence: Evidence, _news: latecomers.News) -> None:
        raise Killed

    async def night() -> tuple[list[int], list[tuple[str, str]]]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
            await judged(place, "2", "...", pasted(2))
            place[2]._latecomers._again = ends
            with pytest.raises(Killed):
                await gathered(place[2])
            begun = await waiting(place)
        async with watch(tmp_path) as place:
            place[1].tick(60)
            await gathered(place[2])
            return begun, await kinds(place)

    assert asyncio.run(night()) == ([1], [("1", "new"), ("2", "repost")])


def test_a_post_that_ends_the_process_each_time_is_left_as_it_is(tmp_path: Path) -> None:
    async def ends(_evidence: Evidence, _news: latecomers.News) -> None:
        raise Killed

    async def night() -> tuple[int, list[int]]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
            await judged(place, "2", "...", pasted(2))
        ended = 0
        for _ in range(latecomers.MOST_TIMES + 2):
            async with watch(tmp_path) as place:
                place[2]._latecomers._again = ends
                try:
                    await gathered(place[2])
                except Killed:
                    ended += 1
                left = await waiting(place)
        return ended, left

    assert asyncio.run(night()) == (latecomers.MOST_TIMES, [])


def test_who_was_judged_by_all_there_is_waits_at_no_later_start(tmp_path: Path) -> None:
    async def night() -> tuple[int, int]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
            await judged(place, "2", "...", pasted(2))
            await judged(place, "3", LOUD, file_of(photo(77, width=720)), seller="mei")
            await gathered(place[2])
            first = place[2]._latecomers.judged
        async with watch(tmp_path) as place:
            return first, len(place[2]._latecomers)

    first, later = asyncio.run(night())
    assert first >= 1
    assert later == 0


def test_a_quiet_post_that_hindsight_judged_too_soon_waits_over_a_kill_too(tmp_path: Path) -> None:
    async def night() -> list[tuple[str, str]]:
        async with watch(tmp_path) as place:
            await judged(place, "1", LOUD, KNOWN)
            filling = asyncio.create_task(place[2]._second.run())
            await place[2]._second.settle()
            filling.cancel()
        async with watch(tmp_path) as place:
            store, clock, bench = place
            clock.tick(60)
            quiet = await judged(place, "2", "...", pasted(2))
            await late.done(store.vault, quiet.evidence_id)  # as if it had been judged by a whole bank
            await bench.judge_again(await store.evidence(quiet.evidence_id))
        async with watch(tmp_path) as place:
            place[1].tick(120)
            await gathered(place[2])
            return await kinds(place)

    assert asyncio.run(night()) == [("1", "new"), ("2", "repost")]


@pytest.mark.parametrize("posts", [3, 10_000])
def test_posts_that_nobody_judged_yet_go_first_for_two_minutes_at_most(tmp_path: Path, posts: int) -> None:
    """With three before it, it waits for those; behind a line without end for two minutes."""

    async def night() -> tuple[float, int, list[tuple[str, str]]]:
        async with watch(tmp_path) as place:
            _, clock, bench = place
            await judged(place, "1", LOUD, KNOWN)
            await judged(place, "2", "...", pasted(2))
            left, begin = posts, clock.monotonic()

            def busy() -> bool:
                nonlocal left
                left -= left > 0
                return left > 0

            bench._latecomers._busy = busy
            await gathered(bench)
            return clock.monotonic() - begin, left, await kinds(place)

    took_s, left, told = asyncio.run(night())
    assert told == [("1", "new"), ("2", "repost")]
    if posts == 3:
        assert left == 0
        assert took_s < latecomers.FIRST_S
    else:
        assert left > 0
        assert latecomers.FIRST_S - 1 <= took_s <= latecomers.FIRST_S + 1
