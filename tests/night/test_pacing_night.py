"""Adaptive cadence in the whole daemon, on virtual time: short budgets, bursts, gaps, restarts, `status`."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web

from bot.commands import status
from bot.commands.out import Out
from storage.model import Target
from tests.fakes.jump import JumpLoop, run_jumping
from tests.fakes.market import Market
from tests.fakes.night import HEAD, Night, play
from tests.fakes.processes import awaited
from tests.fakes.site import FakeSite
from watchers.learned import FILE

DUSK = datetime(2026, 3, 1, 21, 10, tzinfo=UTC)
RULES = "[target.rules]\npage = false\n"


class Bazaar:
    """Many listings of one host; posts come and go at instants that are drawn beforehand."""

    def __init__(self, site: FakeSite, count: int) -> None:
        self.site = site
        self.posts: list[list[tuple[float, float]]] = [[] for _ in range(count)]
        self.polls: list[list[float]] = [[] for _ in range(count)]
        site.put("/robots.txt", b"User-agent: *\nAllow: /\n", headers={"Content-Type": "text/plain"})
        for number in range(count):
            site.script(f"/l/{number}", self._listing(number))

    def live(self, number: int, random: Random, *, per_h: float, life_s: float, hours: float) -> None:
        at = 0.0
        while (at := at + random.expovariate(per_h / 3_600)) < hours * 3_600:
            self.posts[number].append((at, at + random.expovariate(1 / life_s)))

    def _listing(self, number: int) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(_request: web.Request) -> web.StreamResponse:
            now = asyncio.get_running_loop().time()
            self.polls[number].append(now)
            items = [
                {"id": f"{number}-{n}", "url": self.site.url(f"/p/{number}/{n}"), "title": f"bicycle {n}"}
                for n, (born, died) in enumerate(self.posts[number])
                if born <= now < died
            ]
            return web.json_response({"posts": items[::-1]})

        return answer


def watch_many(
    folder: Path, count: int, per_s: float, script: Callable[[Night, Bazaar], Awaitable[None]]
) -> None:
    """Run `script` on a daemon that watches `count` listings, every ten seconds if the host allows."""

    async def main(loop: JumpLoop) -> None:
        with (
            awaited(loop),
        ):
            async with FakeSite() as site:
                bazaar = Bazaar(site, count)
                night = Night(loop, folder, DUSK, "UTC")
                stanzas = (
                    night.stanza(site.url(f"/l/{n}"), f"t{n:02}", "vigil_sample = 0.0\n" + RULES)
                    for n in range(count)
                )
                text = HEAD.replace("requests_per_s = 50", f"requests_per_s = {per_s}")
                night.config.write_text(text + "".join(stanzas).replace('"60s"', '"10s"'))
                await night.start()
                try:
                    await script(night, bazaar)
                finally:
                    await night.stop()

    run_jumping(main)


async def told(night: Night, width: int = 80) -> tuple[str, dict[str, Any]]:
    """What `nightjar status` prints on a terminal of this width, and its JSON."""
    assert night.daemon is not None
    targets: dict[str, Target] = {t.name: t for t in night.daemon.config.targets}
    shown, data = io.StringIO(), io.StringIO()
    out = Out(stream=shown)
    out.console.width = width
    for form in (out, Out(json=True, stream=data)):
        folder = night.daemon.config.data_dir
        await asyncio.to_thread(status.run, form, folder, night.clock, targets=targets)
    return shown.getvalue(), json.loads(data.getvalue())


@pytest.mark.slow
def test_an_overloaded_host_is_learned_and_catches_more_than_even_polling_would(tmp_path: Path) -> None:
    async def script(night: Night, bazaar: Bazaar) -> None:
        random = Random(7)
        for n in range(20):
            hot = n < 4
            bazaar.live(n, random, per_h=60.0 if hot else 1.0, life_s=60.0 if hot else 7_200.0, hours=2)
        await night.run_for(minutes=40)
        began = night.loop.time()
        await night.run_for(minutes=45)
        until = night.loop.time() - 200
        missed, evenly = 0, 0.0
        for n, posts in enumerate(bazaar.posts):
            ids = [f"{n}-{k}" for k in range(len(posts))]
            known = await night.store.known(f"t{n:02}", ids)
            for name, (born, died) in zip(ids, posts, strict=True):
                if began <= born < until:
                    missed += name not in known
                    evenly += max(0.0, 1 - (died - born) * 0.3 / 20)
        assert evenly > 50
        assert missed < 0.8 * evenly
        assert len([at for polls in bazaar.polls for at in polls if at >= began]) <= 0.3 * 45 * 60 + 1
        words, facts = await told(night)
        rows = {row["target"]: row for row in facts["targets"]}
        assert rows["t00"]["short_of"] == "its host may not be asked more often"
        assert rows["t00"]["allotted_interval_s"] < rows["t19"]["allotted_interval_s"]
        assert 0.5 < rows["t00"]["expected_share"] < 0.95 < max(r["expected_share"] for r in rows.values())
        assert facts["expected_tonight"]["missed"]["host"] > 10
        assert "by limits of hosts" in " ".join(words.split())
        assert max(len(line) for line in words.splitlines()) <= 80

    watch_many(tmp_path, 20, 0.3, script)


def test_a_small_watch_is_polled_as_it_always_was(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=20)
        gaps = [b - a for a, b in zip(market.polls[1:], market.polls[2:], strict=False)]
        assert len(gaps) >= 17
        assert all(abs(gap - 60.0) < 0.5 for gap in gaps)
        words, facts = await told(night)
        (row,) = facts["targets"]
        assert row["allotted_interval_s"] == 60.0
        assert row["expected_share"] > 0.8
        assert "stretched" not in words
        assert "tonight: " in words

    play(tmp_path, DUSK, script)


def test_a_listing_that_rolls_over_is_a_gap_for_the_admin_status_and_metrics(tmp_path: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        market.shown = 3
        for n in range(3):
            market.publish(f"bicycle {n}")
        await night.run_for(minutes=5)
        for n in range(4):
            market.publish(f"boat {n}")
        await night.run_for(minutes=3)
        words, facts = await told(night)
        (row,) = facts["targets"]
        assert (row["gaps"], row["gap_lately"], row["health"]) == (1, True, "ok")
        assert "gap at 21:1" in words
        notices = [a["notice"] for a in night.alerts() if a["kind"] == "notice"]
        assert ["gap: " in text for text in notices] == [True]
        assert night.daemon is not None
        registry = night.daemon.vitals.registry
        assert registry.get_sample_value("nightjar_gaps_total", {"of": "listings"}) == 1

    play(tmp_path, DUSK, script)


def test_a_restart_goes_on_with_what_was_learned_and_a_damaged_file_stops_nothing(tmp_path: Path) -> None:
    async def script(night: Night, bazaar: Bazaar) -> None:
        bazaar.live(0, Random(2), per_h=90.0, life_s=60.0, hours=3)
        await night.run_for(minutes=60)
        await night.stop()
        file = tmp_path / "data" / FILE
        assert 200 < file.stat().st_size < 100_000
        await night.start()
        await night.run_for(seconds=20)
        assert night.daemon is not None
        first, other = (night.daemon.pacing.interval_s(name, 10.0) for name in ("t00", "t05"))
        assert first < 0.7 * other
        await night.stop()
        file.write_bytes(file.read_bytes()[:100] + b"\xff" * 50)
        await night.start()
        await night.run_for(seconds=20)
        first, other = (night.daemon.pacing.interval_s(name, 10.0) for name in ("t00", "t05"))
        assert first == pytest.approx(other, rel=0.05)

    watch_many(tmp_path, 8, 0.15, script)
