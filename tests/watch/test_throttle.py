"""The limit on each host holds, whatever asks, and one host never waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.clock import SystemClock
from storage.errors import AskedToWait
from storage.model import HostLimit
from tests.fakes.virtual import VirtualClock, VirtualLoop
from watchers.gate import CATCH_UP_S, PATIENCE_S, STARVED_S
from watchers.throttle import LONGEST_PAUSE_S, OVERALL, Throttle

NEVER = float("inf")


def virtual(scene: Callable[[Throttle], Awaitable[None]], **more: object) -> None:
    """Run `scene` with a throttle on a loop that needs no real time."""
    loop = VirtualLoop()

    async def play() -> None:
        await scene(Throttle(VirtualClock(loop), **more))  # type: ignore[arg-type]

    try:
        loop.run_until_complete(asyncio.wait_for(play(), 100_000))
    finally:
        loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True)
class Ask:
    host: str
    target: str
    at: float
    takes: float
    urgent: bool
    gives_up: float | None


asks = st.builds(
    Ask,
    host=st.sampled_from(["a.example", "b.example", "c.example"]),
    target=st.sampled_from(["t1", "t2", "t3"]),
    at=st.floats(0, 30),
    takes=st.floats(0, 8),
    urgent=st.booleans(),
    gives_up=st.none() | st.floats(0, 5),
)
limits = st.builds(
    HostLimit, requests_per_s=st.sampled_from([0.2, 0.5, 1.0, 3.0, 20.0]), concurrency=st.integers(1, 4)
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(asks, max_size=60),
    st.fixed_dictionaries({"t1": limits, "t2": limits, "t3": limits}),
    st.sampled_from([OVERALL, HostLimit(requests_per_s=0.7, concurrency=2), HostLimit(requests_per_s=4)]),
)
def test_no_window_of_the_period_has_more_starts_than_allowed(
    asked: list[Ask], limit: dict[str, HostLimit], overall: HostLimit
) -> None:
    starts: dict[str, list[float]] = {}
    inside: dict[str, int] = {}
    most: dict[str, int] = {}

    async def one(ask: Ask, throttle: Throttle) -> None:
        await asyncio.sleep(ask.at)
        async with asyncio.timeout(ask.gives_up):
            turn = throttle.turn(ask.host, ask.target, limit[ask.target], urgent=ask.urgent, until=NEVER)
            async with turn:
                starts.setdefault(ask.host, []).append(now())
                inside[ask.host] = inside.get(ask.host, 0) + 1
                most[ask.host] = max(most.get(ask.host, 0), inside[ask.host])
                try:
                    await asyncio.sleep(ask.takes)
                finally:
                    inside[ask.host] -= 1

    async def scene(throttle: Throttle) -> None:
        for name, each in limit.items():  # all targets are known before the first request
            for host in ("a.example", "b.example", "c.example"):
                throttle.place(host).claim(name, each, None, asyncio.get_running_loop().time())
        done = await asyncio.gather(*(one(ask, throttle) for ask in asked), return_exceptions=True)
        assert all(d is None or isinstance(d, TimeoutError) for d in done), done
        for place in throttle.gates().values():
            assert (place.gate.busy, place.gate.waiting) == (0, 0)

    virtual(scene, overall=overall)
    every = sorted(instant for instants in starts.values() for instant in instants)
    burst = max(1, int(overall.requests_per_s * CATCH_UP_S))
    for count in range(burst, len(every)):
        least_s = (count + 1 - burst) / overall.requests_per_s
        assert all(b - a >= least_s - 1e-6 for a, b in zip(every, every[count:], strict=False))
    slowest = min(each.requests_per_s for each in limit.values())
    narrowest = min(each.concurrency for each in limit.values())
    for host, instants in starts.items():
        gaps = [b - a for a, b in pairwise(instants)]
        assert all(gap >= 1 / slowest - 1e-6 for gap in gaps), (host, gaps)
        assert most[host] <= narrowest


@dataclass(frozen=True)
class Visit:
    """connecting: from leave to go until the request goes out. pause: asked for by the answer."""

    at: float
    connecting: float
    takes: float
    pause: float | None
    urgent: bool


visits = st.builds(
    Visit,
    at=st.floats(0, 20),
    connecting=st.just(0.0) | st.floats(0, 3),
    takes=st.floats(0, 4),
    pause=st.none() | st.floats(0.1, 20),
    urgent=st.booleans(),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(visits, max_size=40), limits)
def test_requests_go_out_spaced_and_nobody_is_let_in_during_a_pause(
    asked: list[Visit], limit: HostLimit
) -> None:
    sent: list[float] = []
    entered: list[float] = []
    pauses: list[tuple[float, float]] = []

    async def one(visit: Visit, throttle: Throttle) -> None:
        await asyncio.sleep(visit.at)
        turn = throttle.turn("a.example", "t", limit, urgent=visit.urgent, until=NEVER, says_sent=True)
        async with turn:
            entered.append(now())
            await asyncio.sleep(visit.connecting)
            turn.sent()
            sent.append(now())
            await asyncio.sleep(visit.takes)
        if visit.pause is not None:  # as the fetcher does, once the answer is read
            throttle.pause("a.example", visit.pause)
            pauses.append((now(), now() + visit.pause))

    async def scene(throttle: Throttle) -> None:
        done = await asyncio.gather(*(one(visit, throttle) for visit in asked), return_exceptions=True)
        assert all(d is None or isinstance(d, AskedToWait) for d in done), done
        gate = throttle.place("a.example").gate
        assert (gate.busy, gate.waiting) == (0, 0)

    virtual(scene)
    assert all(b - a >= 1 / limit.requests_per_s - 1e-6 for a, b in pairwise(sent))
    assert not [at for at in entered for a, b in pauses if a < at < b - 1e-6]


async def run_in_order(
    throttle: Throttle, names: list[tuple[str, bool]], said: list[str], takes: float = 0.0
) -> None:
    async def one(name: str, urgent: bool) -> None:
        async with throttle.turn("a.example", "t", HostLimit(), urgent=urgent, until=NEVER):
            said.append(name)
            await asyncio.sleep(takes)

    async with asyncio.TaskGroup() as group:
        for name, urgent in names:
            group.create_task(one(name, urgent))
            await asyncio.sleep(0)


def test_callers_go_first_come_first_served() -> None:
    said: list[str] = []
    virtual(lambda throttle: run_in_order(throttle, [(f"{n}", False) for n in range(20)], said))
    assert said == [f"{n}" for n in range(20)]


def test_pictures_and_pages_go_before_listings() -> None:
    said: list[str] = []
    names = [("first", False), ("listing", False), ("page", True), ("picture", True)]
    virtual(lambda throttle: run_in_order(throttle, names, said))
    assert said == ["first", "page", "picture", "listing"]


def test_a_flood_of_pictures_does_not_starve_the_listing() -> None:
    said: list[str] = []
    names = [("listing", False), *((f"picture {n}", True) for n in range(200))]
    virtual(lambda throttle: run_in_order(throttle, [("first", False), *names], said))
    assert said.index("listing") <= STARVED_S + 2


def test_a_flood_of_listings_leaves_every_second_turn_to_captures() -> None:
    said: list[str] = []
    polls = [(f"listing {n}", False) for n in range(100)]
    captures = [(f"picture {n}", True) for n in range(20)]
    virtual(lambda throttle: run_in_order(throttle, [("first", False), *polls, *captures], said))
    assert said.index("picture 19") <= 2 * 20 + 1
    both = said[5:30]
    assert sum(name.startswith("listing") for name in both) in (12, 13)


def test_the_strictest_target_rules_a_host() -> None:
    async def scene(throttle: Throttle) -> None:
        throttle.turn("a.example", "slow", HostLimit(requests_per_s=0.1), urgent=False, until=NEVER)
        throttle.turn(
            "a.example", "fast", HostLimit(requests_per_s=5, concurrency=3), urgent=False, until=NEVER
        )
        assert throttle.place("a.example").gate.spacing_s == pytest.approx(10)

    virtual(scene)


def test_a_target_that_no_longer_asks_stops_counting() -> None:
    async def scene(throttle: Throttle) -> None:
        throttle.turn("a.example", "gone", HostLimit(requests_per_s=0.1), urgent=False, until=NEVER)
        await asyncio.sleep(3600)
        throttle.turn("a.example", "fast", HostLimit(requests_per_s=5), urgent=False, until=NEVER)
        assert throttle.place("a.example").gate.spacing_s == pytest.approx(0.2)

    virtual(scene)


def test_the_admins_word_on_a_host_outranks_the_targets() -> None:
    async def scene(throttle: Throttle) -> None:
        throttle.turn("a.example", "t", HostLimit(requests_per_s=0.1), urgent=False, until=NEVER)
        throttle.fixed = {"a.example": HostLimit(requests_per_s=4)}
        throttle.turn("a.example", "t", HostLimit(requests_per_s=0.1), urgent=False, until=NEVER)
        assert throttle.place("a.example").gate.spacing_s == pytest.approx(0.25)

    virtual(scene, fixed={"a.example": HostLimit(requests_per_s=2)})


def test_a_crawl_delay_is_a_floor_on_spacing() -> None:
    async def scene(throttle: Throttle) -> None:
        place = throttle.place("a.example")
        place.claim("t", HostLimit(requests_per_s=5), None, asyncio.get_running_loop().time())
        throttle.floor("a.example", "http://a.example", 7.0)
        throttle.floor("a.example", "https://a.example", 2.0)
        assert place.gate.spacing_s == pytest.approx(7)
        place.claim("t", HostLimit(requests_per_s=0.1), None, asyncio.get_running_loop().time())
        assert place.gate.spacing_s == pytest.approx(10)
        throttle.floor("a.example", "http://a.example", 0.0)
        place.claim("t", HostLimit(requests_per_s=5), None, asyncio.get_running_loop().time())
        assert place.gate.spacing_s == pytest.approx(2)

    virtual(scene)


def test_a_long_pause_is_told_at_once_to_those_who_wait_and_those_who_come() -> None:
    async def scene(throttle: Throttle) -> None:
        said: list[str] = []
        waiting = asyncio.create_task(run_in_order(throttle, [("a", False), ("b", False)], said))
        await asyncio.sleep(0.1)
        throttle.pause("a.example", 600)
        with pytest.raises(ExceptionGroup) as told:
            await waiting
        assert isinstance(told.value.exceptions[0], AskedToWait)
        assert told.value.exceptions[0].retry_after_s == pytest.approx(600, abs=1)
        with pytest.raises(AskedToWait):
            async with throttle.turn("a.example", "t", HostLimit(), urgent=True, until=NEVER):
                pass
        async with throttle.turn("b.example", "t", HostLimit(), urgent=True, until=NEVER):
            said.append("other host")
        await asyncio.sleep(601)
        async with throttle.turn("a.example", "t", HostLimit(), urgent=True, until=NEVER):
            said.append("again")
        assert said == ["a", "other host", "again"]

    virtual(scene)


def test_a_short_pause_is_waited_for() -> None:
    async def scene(throttle: Throttle) -> None:
        began = now()
        throttle.pause("a.example", PATIENCE_S / 2)
        async with throttle.turn("a.example", "t", HostLimit(), urgent=False, until=NEVER):
            assert now() - began >= PATIENCE_S / 2

    virtual(scene)


def test_a_pause_holds_whoever_was_granted_a_turn_in_the_same_breath() -> None:
    limit = HostLimit(requests_per_s=5)

    async def asked(throttle: Throttle, pause_s: float) -> float:
        """How long after the pause began the next one went."""

        async def first() -> float:
            async with throttle.turn("a.example", "t", limit, urgent=False, until=NEVER):
                await asyncio.sleep(1)  # longer than the spacing: the next is let in as this one leaves
            throttle.pause("a.example", pause_s)
            return now()

        async def second() -> float:
            await asyncio.sleep(0.5)
            async with throttle.turn("a.example", "t", limit, urgent=False, until=NEVER):
                return now()

        paused, went = await asyncio.gather(first(), second())
        return went - paused

    async def scene(throttle: Throttle) -> None:
        assert await asked(throttle, PATIENCE_S / 2) >= PATIENCE_S / 2
        with pytest.raises(AskedToWait):
            await asked(throttle, 600)
        assert throttle.place("a.example").gate.busy == 0

    virtual(scene)


def test_spacing_counts_from_when_the_request_goes_out() -> None:
    went: list[float] = []

    async def one(throttle: Throttle, connecting_s: float) -> None:
        turn = throttle.turn(
            "a.example",
            "t",
            HostLimit(requests_per_s=1, concurrency=2),
            urgent=False,
            until=NEVER,
            says_sent=True,
        )
        async with turn:
            await asyncio.sleep(connecting_s)
            turn.sent()
            went.append(now())
            await asyncio.sleep(5)
            turn.sent()  # again is harmless

    async def scene(throttle: Throttle) -> None:
        async with asyncio.TaskGroup() as group:
            for connecting_s in (3.0, 0.0, 0.5):
                group.create_task(one(throttle, connecting_s))
                await asyncio.sleep(0)

    virtual(scene)
    assert [b - a for a, b in pairwise(went)] == pytest.approx([1.0, 4.5])


def test_a_host_that_was_not_reached_counts_as_asked() -> None:
    async def scene(throttle: Throttle) -> None:
        with pytest.raises(OSError, match="refused"):
            async with throttle.turn(
                "a.example", "t", HostLimit(), urgent=False, until=NEVER, says_sent=True
            ):
                raise OSError("refused")
        began = now()
        async with throttle.turn("a.example", "t", HostLimit(), urgent=False, until=NEVER):
            assert now() - began == pytest.approx(1.0)

    virtual(scene)


def test_no_host_silences_us_for_longer_than_half_an_hour() -> None:
    async def scene(throttle: Throttle) -> None:
        assert throttle.pause("a.example", 1e9) == LONGEST_PAUSE_S
        await asyncio.sleep(LONGEST_PAUSE_S + 1)
        async with throttle.turn("a.example", "t", HostLimit(), urgent=False, until=NEVER):
            pass

    virtual(scene)


def test_a_caller_with_a_deadline_does_not_wait_beyond_it() -> None:
    async def scene(throttle: Throttle) -> None:
        async with throttle.turn("a.example", "t", HostLimit(), urgent=False, until=NEVER):
            began = now()
            with pytest.raises(AskedToWait, match="its turn"):
                async with throttle.turn("a.example", "t", HostLimit(), urgent=False, until=now() + 3):
                    pass
            assert now() - began == pytest.approx(3, abs=0.01)

    virtual(scene)


def test_a_cancelled_caller_frees_its_place() -> None:
    async def scene(throttle: Throttle) -> None:
        async with throttle.turn("a.example", "t", HostLimit(), urgent=False, until=NEVER):
            said: list[str] = []
            tasks = [asyncio.create_task(run_in_order(throttle, [(str(n), False)], said)) for n in range(3)]
            await asyncio.sleep(0.1)
            tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert said == ["0", "2"]
        assert throttle.place("a.example").gate.busy == 0

    virtual(scene)


def test_the_overall_limit_holds_over_hosts() -> None:
    starts: list[float] = []

    async def scene(throttle: Throttle) -> None:
        async def one(n: int) -> None:
            async with throttle.turn(f"h{n}.example", "t", HostLimit(), urgent=False, until=NEVER):
                starts.append(now())

        await asyncio.gather(*(one(n) for n in range(50)))

    virtual(scene, overall=HostLimit(requests_per_s=10, concurrency=4))
    assert all(b - a >= 0.1 - 1e-6 for a, b in pairwise(starts))


def test_the_overall_gate_makes_up_for_a_turn_of_the_loop_that_took_long() -> None:
    """Once it let in one request per turn of the loop: a loop with captures to do left polls waiting."""
    turns = 0

    async def scene(throttle: Throttle) -> None:
        async def one(n: int) -> None:
            async with throttle.turn(f"h{n}.example", "t", HostLimit(), urgent=False, until=NEVER):
                pass

        async def turning() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.03)  # every turn of the loop takes so long

        counter = asyncio.create_task(turning())
        await asyncio.gather(*(one(n) for n in range(400)))
        counter.cancel()

    virtual(scene, overall=HostLimit(requests_per_s=1_000, concurrency=400))
    assert turns <= 0.4 / 0.03 + 2


def test_ten_thousand_waiting_hosts_need_no_tasks_of_ours_and_idle_ones_are_forgotten() -> None:
    async def scene(throttle: Throttle) -> None:
        before = len(asyncio.all_tasks())
        for n in range(10_000):
            async with throttle.turn(f"h{n}.example", "t", HostLimit(), urgent=False, until=NEVER):
                pass
        assert len(asyncio.all_tasks()) == before
        assert len(throttle.gates()) == 10_000
        await asyncio.sleep(3600)
        throttle.turn("a.example", "t", HostLimit(), urgent=False, until=NEVER)
        assert len(throttle.gates()) == 1

    virtual(scene, overall=HostLimit(requests_per_s=1e6, concurrency=100))


async def test_asyncio_throttle_stands_behind_the_gate_in_real_time() -> None:
    throttle = Throttle(SystemClock())
    limit = HostLimit(requests_per_s=50)
    place = throttle.place("a.example")
    place.claim("t", limit, None, asyncio.get_running_loop().time())
    place.gate.restrict(HostLimit(requests_per_s=1e9), 0.0)  # the gate broken on purpose
    began = now()
    for _ in range(4):
        async with throttle.turn("a.example", "t", limit, urgent=False, until=NEVER):
            pass
    assert now() - began >= 3 / 50


async def test_the_gate_leaves_nothing_for_asyncio_throttle_to_hold_back() -> None:
    throttle = Throttle(SystemClock())
    limit = HostLimit(requests_per_s=100)
    place = throttle.place("a.example")
    place.claim("t", limit, None, asyncio.get_running_loop().time())
    place.throttler.retry_interval = 30.0  # held back even once, it would show
    began = now()
    for _ in range(20):
        async with throttle.turn("a.example", "t", limit, urgent=False, until=NEVER):
            pass
    assert now() - began < 20
