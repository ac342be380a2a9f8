"""When an advert turns out loud, what its account and its pictures showed quietly before is told too."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from storage.clock import Clock
from storage.errors import DiskTrouble
from storage.model import Alert, Evidence, EvidenceId, Judgement, Tier
from storage.store import Store
from tests.detect.test_furniture import market, shown, told
from tests.detect.test_history import LOUD, posted
from tests.fakes.words import verdict
from tests.storage.kit import HandClock, report_on
from watchers.hindsight import DELAY_S, LOOKED_BACK, MOST, MOST_TIMES, Hindsight
from watchers.judging import Bench
from watchers.linking import Linker

Place = tuple[Store, HandClock, Bench]
BICYCLE = "Dutch city bicycle with basket, seven gears, 90 euro"


async def looked_back(place: Place) -> None:
    """As the daemon does it some time after."""
    store, clock, bench = place
    clock.tick(DELAY_S)
    await Linker(store, clock).catch_up()
    await bench._hindsight.look_back()


async def alerts(store: Store) -> list[tuple[str, str, str]]:
    """(post, kind, tier) in the order of telling."""
    sql = (
        "SELECT json_extract(o.post, '$.post_id'), a.kind, a.tier FROM alert a "
        "JOIN observation o ON o.seq = a.seq ORDER BY a.created_at, a.rowid"
    )
    return [(str(post), str(kind), str(tier)) for post, kind, tier in await store.vault.database.rows(sql)]


def test_a_silent_post_is_told_once_its_account_has_said_too_much(tmp_path: Path) -> None:
    async def night() -> list[tuple[str, str, str]]:
        async with market(tmp_path) as place:
            for number, text, who in (("1", "...", "mei"), ("2", "...", "li"), ("3", BICYCLE, "mei")):
                assert await posted(place, number, text, who) is None
            await posted(place, "4", LOUD, "mei")
            assert [one[0] for one in await alerts(place[0])] == ["4"]
            await looked_back(place)
            return await alerts(place[0])

    told_of = asyncio.run(night())
    assert [(post, kind) for post, kind, _ in told_of] == [("4", "new"), ("1", "new")]
    assert told_of[1][2] == Tier.NORMAL.value
    report = asyncio.run(report_on(tmp_path))
    assert (report.faults, report.verdicts) == (0, 5)


@pytest.mark.parametrize("stopped", [timedelta(seconds=1), timedelta(hours=3)])
def test_a_stop_before_its_turn_costs_nothing(tmp_path: Path, stopped: timedelta) -> None:
    async def night() -> list[tuple[str, str, str]]:
        async with market(tmp_path) as place:
            await posted(place, "1", "...", "mei")
            await posted(place, "2", LOUD, "mei")
            at = place[1].now()
        async with market(tmp_path) as place:
            place[1].tick((at + stopped - place[1].now()).total_seconds())
            await place[2].fill_index()
            await looked_back(place)
            return await alerts(place[0])

    assert [post for post, _, _ in asyncio.run(night())] == ["2", "1"]


class Refusing:
    """A writer whose disk refuses the next jobs and takes those after."""

    def __init__(self, writer: Any, refuses: int) -> None:
        self._writer, self.refuses = writer, refuses

    async def submit(self, job: Any) -> Any:
        self.refuses -= 1
        if self.refuses >= 0:
            raise DiskTrouble("full")
        return await self._writer.submit(job)


def test_what_is_found_while_the_disk_refuses_is_told_when_it_takes_again(tmp_path: Path) -> None:
    async def night() -> list[tuple[str, str, str]]:
        async with market(tmp_path) as place:
            store, clock, bench = place
            await posted(place, "1", "...", "mei")
            await posted(place, "2", LOUD, "mei")
            clock.tick(DELAY_S)
            await Linker(store, clock).catch_up()
            store.vault.writer, whole = cast("Any", Refusing(store.vault.writer, 3)), store.vault.writer
            await bench._hindsight.look_back()
            store.vault.writer = whole
            return await alerts(store)

    assert [post for post, _, _ in asyncio.run(night())] == ["2", "1"]


def test_the_reason_says_that_the_advert_came_after(tmp_path: Path) -> None:
    async def night() -> Alert | None:
        async with market(tmp_path) as place:
            await posted(place, "1", "...", "mei")
            await posted(place, "2", LOUD, "mei")
            first, *_ = await place[0].vault.database.rows("SELECT evidence_id FROM observation ORDER BY seq")
            return await place[2].judge_again(await place[0].evidence(str(first[0])))

    alert = asyncio.run(night())
    assert alert is not None
    assert alert.verdict is not None
    assert "1 advert by this account judged high since" in [one.what for one in alert.verdict.reasons]


@pytest.mark.parametrize("words", ["old cup", "..."])
def test_a_quiet_post_with_the_picture_of_a_later_advert_joins_its_item(tmp_path: Path, words: str) -> None:
    async def night() -> tuple[list[tuple[str, str, str]], int]:
        async with market(tmp_path) as (store, clock, bench):
            for number, title, seller in (("1", words, "li"), ("2", "rhino horn cup, antique ivory", "mei")):
                url = f"https://example.org/up/{number}.jpg"
                await told(bench, await shown(store, clock, number, title, url, seller=seller))
            await looked_back((store, clock, bench))
            items = await store.vault.database.rows("SELECT count(DISTINCT item_id) FROM member")
            return await alerts(store), int(items[0][0])

    told_of, items = asyncio.run(night())
    assert [(post, kind) for post, kind, _ in told_of] == [("2", "new"), ("1", "repost")]
    assert items == 1


def test_ordinary_goods_of_the_account_stay_quiet_and_a_contact_of_many_says_nothing(tmp_path: Path) -> None:
    hotline = " 客服 400-812-3123"

    async def night() -> list[tuple[str, str, str]]:
        async with market(tmp_path) as place:
            for number in range(12):
                assert await posted(place, str(number), BICYCLE + hotline, f"shop{number}") is None
            await posted(place, "12", LOUD + hotline, "mei")
            await looked_back(place)
            return await alerts(place[0])

    assert [post for post, _, _ in asyncio.run(night())] == ["12"]


class Again:
    """Takes down what is judged again."""

    def __init__(self, *alike: str) -> None:
        self.alike, self.judged = alike, list[str]()
        self.some = asyncio.Event()

    async def ask(self, _: object) -> tuple[str, ...]:
        return self.alike

    async def judge(self, evidence: Evidence) -> None:
        self.judged.append(evidence.evidence_id)
        self.some.set()


def loud(evidence: Evidence, clock: Clock, tier: Tier = Tier.HIGH) -> Judgement:
    return Judgement(evidence=evidence, verdict=verdict(tier), pictures=(), judged_at=clock.now())


def test_a_post_is_judged_again_a_few_times_only_and_what_was_erased_not_at_all(tmp_path: Path) -> None:
    async def night() -> tuple[list[str], str]:
        async with market(tmp_path) as (store, clock, _):
            quiet = await shown(store, clock, "1", "old cup", "https://example.org/1.jpg")
            again = Again(quiet.evidence_id, "0" * 32)
            behind = Hindsight(store, clock, alike=again.ask, again=again.judge)
            for number in range(MOST_TIMES + 2):
                url = f"https://example.org/{number}.jpg"
                behind.offer(loud(await shown(store, clock, f"l{number}", "ivory", url), clock))
                await behind.look_back()
            await behind.look_back()  # with nothing in the line
            return again.judged, quiet.evidence_id

    judged, quiet = asyncio.run(night())
    assert judged == [quiet] * MOST_TIMES


def test_what_was_seen_long_before_is_not_looked_at(tmp_path: Path) -> None:
    async def night() -> list[str]:
        async with market(tmp_path) as (store, clock, _):
            quiet = await shown(store, clock, "1", "old cup", "https://example.org/1.jpg")
            again = Again(quiet.evidence_id)
            behind = Hindsight(store, clock, alike=again.ask, again=again.judge)
            clock.tick(LOOKED_BACK.total_seconds())
            behind.offer(loud(await shown(store, clock, "2", "ivory", "https://example.org/2.jpg"), clock))
            await behind.look_back()
            return again.judged

    assert asyncio.run(night()) == []


def test_quiet_verdicts_are_no_ground_and_the_line_is_bounded(tmp_path: Path) -> None:
    async def night() -> tuple[int, int]:
        async with market(tmp_path) as (store, clock, _):
            again = Again()
            behind = Hindsight(store, clock, alike=again.ask, again=again.judge)
            one = await shown(store, clock, "1", "old cup", "https://example.org/1.jpg")
            for tier in (Tier.NONE, Tier.NORMAL):
                behind.offer(loud(one, clock, tier))
            before = len(behind._line)
            for number in range(MOST + 1):
                behind.offer(loud(replace(one, evidence_id=EvidenceId(f"{number:032x}")), clock))
            assert len(behind._line) == MOST
            return before, behind.left_out

    assert asyncio.run(night()) == (0, 1)


def test_it_waits_until_what_was_shown_before_is_kept(tmp_path: Path) -> None:
    async def night() -> tuple[list[str], float]:
        async with market(tmp_path) as (store, clock, _):
            quiet = await shown(store, clock, "1", "old cup", "https://example.org/1.jpg")
            again = Again(quiet.evidence_id)
            behind = Hindsight(store, clock, alike=again.ask, again=again.judge)
            running = asyncio.create_task(behind.run())
            evidence = await shown(store, clock, "2", "ivory", "https://example.org/2.jpg")
            began = clock.now()
            behind.offer(loud(evidence, clock))
            await again.some.wait()
            running.cancel()
            return again.judged, (clock.now() - began).total_seconds()

    judged, waited_s = asyncio.run(night())
    assert len(judged) == 1
    assert waited_s >= DELAY_S
