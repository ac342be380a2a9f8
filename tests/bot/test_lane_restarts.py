"""A lane that begins anew counts the calls that were made, not the alerts that they showed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.answers import LONGEST_PAUSE_S
from nightmarket.messenger import Fault
from storage import lanes
from storage.model import Tier
from tests.bot.lanes_kit import GROUP, Lanes, night


def test_an_urgent_alert_right_after_a_kill_does_not_wait_for_an_edit_that_showed_many(
    tmp_path: Path,
) -> None:
    """Failed before: each of the thirty alerts of the edit took a place of the minute, 47 seconds long."""

    async def body(work: Lanes) -> None:
        await work.start()
        for _ in range(5):
            await work.alert(Tier.HIGH, seller="the same")
        await work.clock.sleep(30)
        for _ in range(30):
            await work.alert(Tier.HIGH, seller="the same")
        await work.clock.sleep(20)
        edited = await work.rows("SELECT max(sending_at) FROM delivery")
        assert len(await work.rows(f"SELECT id FROM delivery WHERE sending_at = {edited[0][0]}")) >= 25
        await work.kill()
        await work.start()
        begun = work.clock.monotonic()
        alert = await work.alert(Tier.URGENT)
        await work.clock.sleep(5)
        shown = [one for one in work.service.shown if one.key == alert.alert_id]
        assert [one.chat_id for one in shown] == [GROUP]
        assert work.clock.monotonic() - begun < 6

    night(tmp_path, body)


def test_calls_are_counted_once_each(tmp_path: Path) -> None:
    async def body(work: Lanes) -> None:
        await work.start()
        for _ in range(4):
            await work.alert(Tier.HIGH)
            await work.clock.sleep(3)
        rows = await work.rows("SELECT id FROM delivery WHERE channel = 'c'")
        vault, now = work.store.vault, work.clock.now()
        before = await lanes.recent(vault, "c", now.replace(year=2000))
        await lanes.begin(vault, [row[0] for row in rows], now)
        assert (len(before), len(await lanes.recent(vault, "c", now.replace(year=2000)))) == (4, 1)

    night(tmp_path, body)


@pytest.mark.parametrize("what", ["a message", "an edit"])
def test_what_the_server_asked_for_holds_over_a_kill(tmp_path: Path, what: str) -> None:
    """Failed before: the lane that began anew asked at once, and was told to wait for longer."""

    async def body(work: Lanes) -> None:
        await work.start()
        first = await work.alert()
        await work.clock.sleep(20)
        work.service.faults.waiting = [Fault(kind="429", chat_id=GROUP, retry_after=30)]
        if what == "an edit":
            assert first.evidence is not None
            await work.gone("p1", first.evidence)
        else:
            await work.alert()
        began = work.clock.monotonic()
        await work.clock.sleep(2)
        assert work.service.calls[-1].outcome.startswith("429")
        await work.kill()
        await work.start()
        alert = await work.alert(Tier.URGENT)
        await work.clock.sleep(40)
        assert work.service.limits.early == 0
        (shown,) = [one for one in work.service.shown if one.key == alert.alert_id]
        assert 30 <= shown.at - began < 33

    night(tmp_path, body)


def test_what_an_outage_asked_for_is_no_wait_of_the_server_s(tmp_path: Path) -> None:
    """A server that was down is asked at once by a lane that begins anew."""

    async def body(work: Lanes) -> None:
        await work.start()
        await work.alert()
        await work.clock.sleep(5)
        work.service.faults.waiting = [Fault(kind="500-before", chat_id=GROUP)]
        await work.alert()
        await work.clock.sleep(2)
        await work.kill()
        await work.start()
        began = work.clock.monotonic()
        alert = await work.alert(Tier.URGENT)
        await work.clock.sleep(30)
        (shown,) = [one for one in work.service.shown if one.key == alert.alert_id]
        assert shown.at - began < 20

    night(tmp_path, body)


def test_a_clock_that_was_set_back_keeps_no_chat_silent_for_longer_than_a_server_may_ask(
    tmp_path: Path,
) -> None:
    """Failed before: a wait that was written five hours ahead held for five hours."""

    async def body(work: Lanes) -> None:
        await work.start()
        await work.alert()
        await work.clock.sleep(5)
        await work.kill()
        await lanes.rest(work.store.vault, "c", work.clock.now() + timedelta(hours=5))
        await work.start()
        began = work.clock.monotonic()
        alert = await work.alert(Tier.URGENT)
        await work.clock.sleep(2 * LONGEST_PAUSE_S)
        (shown,) = [one for one in work.service.shown if one.key == alert.alert_id]
        assert shown.at - began < LONGEST_PAUSE_S + 60

    night(tmp_path, body)
