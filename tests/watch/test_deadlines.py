"""Many bounded waits on one timer: each ends at its time, and nobody else's cancellation is lost."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.site import FakeSite
from tests.fakes.virtual import VirtualLoop
from tests.watch.kit import fetching, target
from watchers.bounds import BOUNDS
from watchers.deadlines import TICK_S, Deadlines


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 50.0)), min_size=1, max_size=20),
)
def test_a_wait_ends_with_its_work_or_within_a_tick_of_its_deadline(pairs: list[tuple[float, float]]) -> None:
    async def wait(deadlines: Deadlines, work_s: float, bound_s: float) -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            with deadlines.until(began + bound_s):
                await asyncio.sleep(work_s)
        except TimeoutError:
            return "overdue", loop.time() - began
        return "done", loop.time() - began

    async def all_of_them() -> list[tuple[str, float]]:
        deadlines = Deadlines(asyncio.get_running_loop())
        return await asyncio.gather(*(wait(deadlines, *pair) for pair in pairs))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        ends = runner.run(all_of_them())
    for (work_s, bound_s), (how, took_s) in zip(pairs, ends, strict=True):
        if how == "done":
            assert took_s == pytest.approx(work_s, abs=1e-6)
            assert work_s <= bound_s + TICK_S + 1e-6
        else:
            assert bound_s <= took_s + 1e-6
            assert took_s <= bound_s + TICK_S + 1e-6
            assert work_s >= bound_s


def test_time_for_which_the_loop_was_busy_does_not_count() -> None:
    """A site's robots.txt "could not be had" in ten seconds, of which the loop was away for nine."""

    async def wait(rounds: int) -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        began = loop.time()
        with Deadlines(loop).until(began + 10.0):
            for _ in range(rounds):
                loop.call_later(0.5, loop.spend, 5.0)
                await asyncio.sleep(0.6)
        return loop.time() - began

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(wait(8)) > 40
        with pytest.raises(TimeoutError):
            runner.run(wait(40))


class AwayLoop(asyncio.SelectorEventLoop):
    """A loop on real time that can be away: `spend` is what others take of the processor meanwhile."""

    away_s = 0.0

    def time(self) -> float:
        return super().time() + self.away_s

    def spend(self, seconds: float) -> None:
        self.away_s += seconds


def test_a_connection_made_while_the_loop_was_away_is_a_connection() -> None:
    """At a load of eleven hosts gave "no connection within 10 s" that had answered at once."""

    async def ask() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, AwayLoop)
        asked, spent = asyncio.Event(), threading.Event()

        def lookup(_host: str, _port: int, _family: int) -> list[tuple[int, str]]:
            loop.call_soon_threadsafe(asked.set)
            spent.wait(10)
            return [(socket.AF_INET, "127.0.0.1")]

        async def be_away() -> None:
            await asked.wait()
            loop.spend(BOUNDS.connect_s + 1.0)
            await asyncio.sleep(0)
            spent.set()

        async with FakeSite() as site, fetching(lookup=lookup) as fetcher, asyncio.TaskGroup() as group:
            site.put("/", b"well")
            group.create_task(be_away())
            url = f"http://site.example:{site.port}/"
            page = await fetcher.get(url, target(url), purpose="page")
        return page.status

    with asyncio.Runner(loop_factory=AwayLoop) as runner:
        assert runner.run(ask()) == 200


def test_a_redirect_has_its_time_though_the_loop_was_away_before_it() -> None:
    """And got "no answer within 0.7 s": what the loop was away for during the first hop was taken from it."""

    async def ask() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, AwayLoop)
        async with FakeSite() as site, fetching() as fetcher:
            goal = target(site.url("/"))

            async def be_away(_request: web.Request) -> web.StreamResponse:
                loop.spend(goal.timeout_s + 1.0)
                return web.Response(status=302, headers={"Location": "/there"})

            async def think(_request: web.Request) -> web.StreamResponse:
                await asyncio.sleep(3 * TICK_S)
                return web.Response(text="well")

            site.script("/", be_away)
            site.script("/there", think)
            page = await fetcher.get(goal.url, goal, purpose="page")
        return page.status

    with asyncio.Runner(loop_factory=AwayLoop) as runner:
        assert runner.run(ask()) == 200


async def test_a_cancellation_from_outside_stays_one() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())

    async def wait() -> None:
        with deadlines.until(asyncio.get_running_loop().time() + 60):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_both_at_once_is_a_cancellation() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())

    async def wait() -> None:
        with deadlines.until(0.0) as bound:
            bound.ring()
            task.cancel()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_can_go_on_after_a_wait_was_overdue() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    for _ in range(2):
        with pytest.raises(TimeoutError), deadlines.until(0.0):
            await asyncio.Event().wait()
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


def test_a_deadline_needs_a_task() -> None:
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(RuntimeError):
            Deadlines(loop).until(1.0).__enter__()
    finally:
        loop.close()
