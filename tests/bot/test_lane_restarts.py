"""A lane that begins anew counts the calls that were made, not the alerts that they showed."""

from __future__ import annotations

from pathlib import Path

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
