"""The whole daemon tells of a target that its scheduler forgot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.fakes.market import Market
from tests.fakes.night import Night, play


def test_a_target_that_the_scheduler_forgot_is_told_and_the_daemon_is_not_fit_for_the_night(
    tmp_path: Path,
) -> None:
    async def script(night: Night, market: Market) -> None:
        market.publish("bicycle")
        await night.run_for(minutes=15)
        assert night.daemon is not None
        assert not night.daemon.troubles()
        night.daemon.roster._schedule.drop("market")
        await night.run_for(seconds=120)
        told = [a["notice"] for a in night.alerts() if a["kind"] == "notice"]
        assert told == ["target market is overdue: not polled for two intervals"]
        assert "target market is overdue" in night.daemon.troubles()
        night.daemon.roster._schedule.put("market", 0.0)
        night.daemon.roster._serve()
        await night.run_for(seconds=60)
        assert not night.daemon.troubles()

    play(tmp_path, datetime(2026, 3, 1, 20, 55, tzinfo=UTC), script)
