"""Reports of pages: answered within ten seconds; how they end is told once, over any kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightmarket.messenger import Message
from storage import tips
from storage.model import Evidence, Tier
from tests.desk.kit import CHEN, LI, WANG, Work, at_work, judge_tip, sealed_tip, user

URL = "https://market.example/9"


async def notices(work: Work) -> list[tuple[str, str]]:
    """(text, channel) of every notice that reports led to."""
    sql = (
        "SELECT a.notice, d.channel FROM alert a JOIN delivery d ON d.alert_id = a.alert_id "
        "WHERE a.kind = 'notice' AND a.notice LIKE '%reported at%' ORDER BY d.id"
    )
    return [(row[0], row[1]) for row in await work.store.vault.database.rows(sql)]


def answers(work: Work) -> list[Message]:
    return [m for m in work.own(LI).seen() if m.sender is not None and m.sender.is_bot]


def test_a_quick_page_is_answered_with_its_verdict_and_nothing_follows(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        before = work.clock.now()
        (told,) = await work.say(f"/report {URL}", LI)
        assert (work.clock.now() - before).total_seconds() <= 3
        assert told.text.startswith("Captured ")
        assert "It was judged: high, score 81; alert " in told.text
        await work.soon(120)
        assert await notices(work) == []
        assert work.captures == [(URL, "Li")]

    at_work(tmp_path, script)


@pytest.mark.parametrize("in_group", [False, True])
def test_a_slow_page_is_answered_in_time_and_told_when_it_is_judged(tmp_path: Path, in_group: bool) -> None:
    async def script(work: Work) -> None:
        work.slow_s = 25
        before = work.clock.now()
        chat = work.group if in_group else None
        assert await work.say(f"/report {URL}", LI, chat) == []
        while not (found := (work.group if in_group else work.own(LI)).seen()[1:]):
            await work.soon(0.2)
        assert (work.clock.now() - before).total_seconds() <= 10
        assert "It takes longer" in found[0].text
        await work.soon(20)
        ((words, channel),) = await notices(work)
        assert words.startswith(
            f"Li, of what you reported at {before:%m-%d %H:%MZ}: It is captured: evidence "
        )
        assert "It was judged: high, score 81; alert " in words
        assert channel == ("chat" if in_group else "direct:5001")
        assert work.spoken
        await work.soon(300)
        assert len(await notices(work)) == 1
        assert len(work.captures) == 1

    at_work(tmp_path, script)


@pytest.mark.parametrize(
    ("tier", "ending"),
    [(Tier.URGENT, "It was judged: urgent, score 81; alert "), (Tier.NONE, "Nothing suspicious")],
)
def test_a_verdict_that_comes_later_is_told_once(tmp_path: Path, tier: Tier, ending: str) -> None:
    kept: list[Evidence] = []

    async def seal_only(work: Work, url: str) -> Evidence:
        kept.append(await sealed_tip(work, url))
        return kept[0]

    async def script(work: Work) -> None:
        await work.say(f"/report {URL}", LI)
        await work.soon(10)
        (told,) = answers(work)
        assert "It is being judged: a message follows." in told.text
        await work.soon(600)
        assert await notices(work) == []
        await judge_tip(work, kept[0], tier)
        await work.soon(3)
        ((words, _),) = await notices(work)
        assert ending in words
        assert kept[0].evidence_id in words
        await work.soon(600)
        assert len(await notices(work)) == 1

    at_work(tmp_path, script, tipped=seal_only)


@pytest.mark.parametrize("slow_s", [0.1, 12.0])
@pytest.mark.parametrize("killed_after_s", [0.02, 0.05, 0.15, 0.4, 5, 8.55, 9.5, 13])
def test_a_kill_at_any_time_loses_no_report_and_tells_its_end_once(
    tmp_path: Path, slow_s: float, killed_after_s: float
) -> None:
    async def script(work: Work) -> None:
        work.slow_s = slow_s
        work.service.people.say(work.own(LI), user(LI), f"/report {URL}")
        await work.soon(killed_after_s)
        await work.stop()
        await work.soon(5)
        await work.start()
        await work.soon(60)
        told = [m.text for m in answers(work)]
        assert told
        ended = [text for text in told if "It was judged" in text]
        late = await notices(work)
        assert bool(ended) != bool(late)
        assert len(late) <= 1
        await work.stop()
        await work.start()
        await work.soon(60)
        assert [m.text for m in answers(work)] == told
        assert await notices(work) == late

    at_work(tmp_path, script)


@pytest.mark.parametrize("slow_s", [0.1, 20.0])
def test_a_page_that_cannot_be_had_is_told_in_the_answer_or_later(tmp_path: Path, slow_s: float) -> None:
    async def script(work: Work) -> None:
        work.slow_s = slow_s
        await work.say("/report https://refused.example/", LI)
        await work.soon(30)
        (told,) = answers(work)
        late = [words for words, _ in await notices(work)]
        said = late[0] if slow_s > 10 else told.text
        assert "It could not be captured: the site does not answer (no route)" in said
        assert len(late) == (slow_s > 10)
        assert work.captures == [("https://refused.example/", "Li")]

    at_work(tmp_path, script)


def test_a_fault_of_ours_costs_one_report_and_not_the_desk(tmp_path: Path) -> None:
    async def broken(_work: Work, _url: str) -> Evidence:
        raise ValueError("a bug")

    async def script(work: Work) -> None:
        (told,) = await work.say(f"/report {URL}", LI)
        assert "It could not be captured: ValueError" in told.text
        assert work.told == []

    at_work(tmp_path, script, tipped=broken)


def test_each_officer_is_told_of_his_own_report_in_the_language_of_the_chat(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        work.slow_s = 15
        for who in (LI, WANG, CHEN):
            await work.say(f"/report {URL}?{who.telegram}", who)
        await work.soon(60)
        sql = (
            "SELECT d.channel, a.notice FROM alert a JOIN delivery d ON d.alert_id = a.alert_id "
            "WHERE a.kind = 'notice' ORDER BY d.channel"
        )
        told = dict([tuple(row) for row in await work.store.vault.database.rows(sql)])
        assert set(told) == {"direct:5001", "direct:5002", "direct:5005"}
        assert "Wang，您于" in told["direct:5002"]
        assert "判断结果：高，81 分" in told["direct:5002"]
        assert await tips.untold(work.store.vault.database, work.clock.now()) == ()

    at_work(tmp_path, script)
