"""A night's report on manners beside what the site itself saw, over stops, kills and a 429."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from bot.manners import EVERY_S, REST_S
from storage import manner_rows
from storage.manner_rows import Report, Span
from storage.store import Store
from tests.fakes.market import Market, picture
from tests.fakes.night import Night, play

EVENING = datetime(2026, 3, 1, 20, 55, tzinfo=UTC)


async def reported(night: Night) -> Report:
    """What the database says, read beside the daemon or without one."""
    span = Span(since=EVENING, until=night.clock.now() + timedelta(hours=1))
    reader = await Store.open_reader(night.folder / "data", night.clock)
    try:
        return await manner_rows.report(reader.vault.database, span, hosts=9, hours=99, pauses=99)
    finally:
        await reader.close()


def test_a_night_with_a_restart_is_reported_as_the_site_saw_it(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        for number in range(6):
            market.publish(f"XJ horn {number}", pictures=(picture(number), picture(number + 50)))
            await night.run_for(minutes=12)
        await night.stop()
        await night.start()
        await night.run_for(minutes=5)
        await night.stop()
        visits = [visit.at for visit in market.site.visits]
        report = await reported(night)
        assert report.total.asked == len(visits)
        assert report.total.answered == len(visits)
        began = {hour.hour: hour.asked for hour in report.hours}
        assert began == _by_hour(visits)
        (host,) = report.hosts
        assert host.broken == 0
        assert host.closest_us is not None
        assert host.closest_us >= 1e6 / 50
        assert host.spacing_least_us == 20_000
        assert 0 < host.most_at_once <= host.concurrency == 4

    play(tmp_path, EVENING, script)


def _by_hour(visits: list[float]) -> dict[datetime, int]:
    """Loop time is 0 at EVENING."""
    found: dict[datetime, int] = {}
    for at in visits:
        hour = (EVENING + timedelta(seconds=at)).replace(minute=0, second=0, microsecond=0)
        found[hour] = found.get(hour, 0) + 1
    return found


def test_a_429_is_kept_over_a_kill_and_told_with_the_first_request_after_it(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        answered: list[datetime] = []

        async def busy(_request: web.Request) -> web.Response:
            answered.append(night.clock.now())
            return web.Response(status=429, headers={"Retry-After": "900"})

        await night.run_for(minutes=10)
        market.site.script("/posts.json", busy)
        await night.run_for(minutes=2)
        await night.kill()
        market.open()
        await night.start()
        await night.run_for(minutes=20)
        first = min(v.at for v in market.site.visits if EVENING + timedelta(seconds=v.at) > answered[-1])
        await night.stop()
        (pause,) = (await reported(night)).pauses
        assert len(answered) == 1
        assert (pause.status, pause.asked_s, pause.kept_s, pause.broken) == (429, 900.0, 900.0, 0)
        assert abs(pause.asked_at - answered[0]) < timedelta(seconds=1)
        assert pause.next_at is not None
        assert abs(pause.next_at - (EVENING + timedelta(seconds=first))) < timedelta(seconds=1)
        assert pause.next_at >= pause.until

    play(tmp_path, EVENING, script)


def test_a_kill_loses_no_more_than_the_last_minute(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=31)
        killed = night.clock.now()
        await night.kill()
        visits = [EVENING + timedelta(seconds=visit.at) for visit in market.site.visits]
        safe = killed - timedelta(seconds=EVERY_S + REST_S + 1)
        report = await reported(night)
        await night.start()
        assert sum(at < safe for at in visits) <= report.total.asked <= len(visits)
        assert report.total.asked > 20

    play(tmp_path, EVENING, script)
