"""Pacing as a whole: real learning and real planning around a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.overdue import allowed_s
from storage.model import HostLimit, NightWindow, Pace, Progress, Target
from tests.watch.kit import target as made
from watchers import cadence
from watchers.learned import FILE
from watchers.pacing import Pacing
from watchers.turnover import Turnover, turnover

DUSK = datetime(2026, 3, 1, 21, tzinfo=UTC)


class HandClock:
    """Stands still until it is moved."""

    speed = 1.0

    def __init__(self, at: datetime = DUSK) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        del seconds
        await asyncio.sleep(0)


@dataclass
class Counts:
    """What was asked of hosts, as the fetching room would count it."""

    overall_per_s: float = 400.0
    by_host: dict[str, int] = field(default_factory=dict)
    spacing: dict[str, float] = field(default_factory=dict)

    def asked(self, host: str) -> int:
        return self.by_host.get(host, 0)

    def asked_in_all(self) -> int:
        return sum(self.by_host.values())

    def spacing_s(self, host: str) -> float:
        return self.spacing.get(host, 0.0)

    def count(self, host: str, number: int = 1) -> None:
        self.by_host[host] = self.asked(host) + number


class Standing:
    """A watch that only keeps what it is told."""

    def __init__(self, name: str) -> None:
        self.progress = Progress(target=name)

    def paced(self, pace: Pace) -> None:
        self.progress = replace(self.progress, pace=pace)


def feed(name: str, host: str = "a.example", interval_s: float = 30.0, per_s: float = 1.0) -> Target:
    limit = HostLimit(requests_per_s=per_s)
    return made(f"https://{host}/{name}", name=name, interval_s=interval_s, host_limit=limit)


class Stage:
    """Targets, their pacing, and polls that are made when they are due."""

    def __init__(self, folder: Path, *targets: Target, counts: Counts | None = None, **hosts: float) -> None:
        self.clock, self.counts = HandClock(), counts or Counts()
        limits = {name: HostLimit(requests_per_s=per_s) for name, per_s in hosts.items()}
        self.pacing = Pacing(self.clock, self.counts, file=folder / FILE, hosts=limits)
        self.targets = {t.name: t for t in targets}
        self.watches = {name: Standing(name) for name in self.targets}
        self.pacing.follow(lambda: self.watches, self._moved)
        self.pacing.set_targets(targets)
        self.due: dict[str, float] = {}
        self.posts: dict[str, list[tuple[float, float]]] = {name: [] for name in self.targets}
        self.listed: dict[str, list[str]] = {}
        self.met: dict[str, set[str]] = {name: set() for name in self.targets}
        self.polls: list[tuple[float, str]] = []

    @property
    def now_s(self) -> float:
        return self.clock.at.timestamp()

    def _moved(self, name: str, before_s: float, interval_s: float) -> None:
        due = datetime.fromtimestamp(self.due[name], UTC) if name in self.due else self.clock.at
        self.due[name] = cadence.moved(
            due, self.clock.at, before_s=before_s, interval_s=interval_s
        ).timestamp()

    def interval_s(self, name: str) -> float:
        return self.pacing.interval_s(name, self.targets[name].interval_s)

    def pace(self, name: str) -> Pace:
        pace = self.watches[name].progress.pace
        assert pace is not None
        return pace

    def live(self, name: str, random: Random, per_h: float, life_s: float, hours: float) -> None:
        """Posts of this rate and lifetime from now on."""
        at = self.now_s
        while (at := at + random.expovariate(per_h / 3_600)) < self.now_s + hours * 3_600:
            self.posts[name].append((at, at + random.expovariate(1 / life_s)))

    async def play(self, minutes: int) -> None:
        for name in self.targets:
            self.due.setdefault(name, self.now_s + cadence.phase(name, self.interval_s(name)))
        for _ in range(minutes):
            await self.pacing.step()
            end = self.clock.at + timedelta(minutes=1)
            while self.due and min(self.due.values()) < end.timestamp():
                name = min(self.due, key=self.due.__getitem__)
                self.clock.at = datetime.fromtimestamp(self.due[name], UTC)
                self.poll(name)
                self.due[name] = self.now_s + self.interval_s(name)
            self.clock.at = end

    def poll(self, name: str) -> None:
        now = self.now_s
        self.polls.append((now, name))
        self.counts.count(self.targets[name].url.split("/")[2])
        shown = [str(n) for n, (born, died) in enumerate(self.posts[name]) if born <= now < died][::-1]
        before, turned = self.listed.get(name), None
        fresh = set(shown) - self.met[name]
        if before is not None and before != shown:
            turned = turnover(before, shown, fresh, gap=cadence.rolled_over(before, shown))
        self.met[name] |= fresh
        self.listed[name] = shown
        self.pacing.polled(name, self.clock.at, turned)


def run(play: object) -> None:
    asyncio.run(play)  # type: ignore[arg-type]


def test_where_there_is_room_every_target_keeps_exactly_what_is_configured(tmp_path: Path) -> None:
    async def play() -> None:
        targets = [feed(f"t{n}", f"h{n % 3}.example", interval_s=30.1 + n) for n in range(9)]
        stage = Stage(tmp_path, *targets)
        await stage.play(10)
        for one in targets:
            assert stage.interval_s(one.name) == one.interval_s
            assert stage.pace(one.name).short == "own"
            assert stage.pace(one.name).interval_s == pytest.approx(one.interval_s, abs=1e-3)

    run(play())


def test_on_a_host_that_is_short_what_posts_and_vanishes_is_asked_more_often(tmp_path: Path) -> None:
    async def play() -> None:
        random = Random(3)
        stage = Stage(tmp_path, *(feed(f"t{n}", interval_s=10, per_s=0.3) for n in range(20)))
        for n in range(20):
            stage.live(f"t{n}", random, *((60.0, 60.0) if n < 4 else (1.0, 7_200.0)), hours=4)
        await stage.play(120)
        began, polls = stage.now_s, len(stage.polls)
        await stage.play(110)
        span_s = stage.now_s - began
        assert (len(stage.polls) - polls) / span_s <= 0.3 * 1.02
        minutes = Counter((at - began) // 60 for at, _ in stage.polls[polls:])
        assert max(minutes.values()) <= 0.3 * 60 * 1.4  # intervals change each minute and nothing bunches
        even_s = 20 / 0.3
        missed, evenly = 0, 0.0
        for name, posts in stage.posts.items():
            for n, (born, died) in enumerate(posts):
                if began <= born < stage.now_s - 200:
                    missed += str(n) not in stage.met[name]
                    evenly += max(0.0, 1 - (died - born) / even_s)
        assert evenly > 60
        assert missed < 0.7 * evenly
        assert stage.interval_s("t0") < 0.6 * stage.interval_s("t10")
        assert all(10 <= stage.interval_s(name) <= 100 * 1.01 for name in stage.targets)
        assert stage.pace("t0").short == "host"
        assert 0.4 < stage.pace("t0").met < 0.95
        assert stage.pace("t10").met > 0.9

    run(play())


def test_captures_of_a_host_are_taken_off_what_its_polls_may_use(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path, *(feed(f"t{n}", interval_s=10, per_s=1.0) for n in range(8)))
        await stage.play(3)
        assert all(stage.interval_s(name) == 10 for name in stage.targets)
        for _ in range(40):
            stage.counts.count("a.example", 24)  # 0.4 a second beside the polls
            await stage.play(1)
        spent = sum(1 / stage.interval_s(name) for name in stage.targets)
        assert 0.5 <= spent <= 0.62

    run(play())


def test_a_crawl_delay_and_the_word_of_the_admin_outrank_what_targets_say(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(
            tmp_path, *(feed(f"t{n}", f"h{n % 2}.example", 10, per_s=5.0) for n in range(8)),
            counts=Counts(spacing={"h0.example": 5.0}), **{"h1.example": 0.1},
        )  # fmt: skip
        await stage.play(2)
        for host, per_s in ((0, 0.2), (1, 0.1)):
            spent = sum(1 / stage.interval_s(f"t{n}") for n in range(8) if n % 2 == host)
            assert spent <= per_s
            assert spent > 0.9 * per_s

    run(play())


def test_a_burst_is_answered_before_the_next_poll_and_by_the_host_s_other_targets(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path, *(feed(f"t{n}", interval_s=10, per_s=0.2) for n in range(10)))
        await stage.play(30)
        before = {name: stage.interval_s(name) for name in stage.targets}
        spent = sum(1 / s for s in before.values())
        due = dict(stage.due)
        burst = tuple(f"x{n}" for n in range(3))
        stage.pacing.polled("t4", stage.clock.at, Turnover(born=burst, shown=3))
        assert stage.interval_s("t4") < 0.7 * before["t4"]
        assert sum(1 / stage.interval_s(name) for name in stage.targets) <= spent * 1.03
        assert stage.due["t4"] <= due["t4"]
        assert sum(stage.due[name] > due[name] for name in stage.targets) >= 5

    run(play())


def test_those_that_give_way_to_a_burst_are_not_overdue(tmp_path: Path) -> None:
    """Once their rows said for up to a minute what they had before, and the dead-man check believed it."""

    async def play() -> None:
        stage = Stage(tmp_path, *(feed(f"t{n}", interval_s=30, per_s=0.05) for n in range(6)))
        await stage.play(30)
        for _ in range(6):
            stage.pacing.polled("t4", stage.clock.at, Turnover(born=("x", "y", "z"), shown=3))
        assert any(stage.interval_s(name) > 1.5 * 120 for name in stage.targets)
        for name, watch in stage.watches.items():
            assert stage.pace(name).interval_s == pytest.approx(stage.interval_s(name), rel=0.02)
            allowed = allowed_s(stage.targets[name], watch.progress, night=True)
            assert allowed >= 1.45 * stage.interval_s(name)

    run(play())


def test_a_burst_on_a_night_that_is_short_is_answered_too(tmp_path: Path) -> None:
    async def play() -> None:
        targets = [feed(f"t{n}", f"h{n}.example", 10, per_s=5.0) for n in range(10)]
        stage = Stage(tmp_path, *targets, counts=Counts(overall_per_s=0.4))
        await stage.play(30)
        before = stage.interval_s("t4")
        assert stage.pace("t4").short in ("night", "floor")
        stage.pacing.polled("t4", stage.clock.at, Turnover(born=("x", "y", "z"), shown=3))
        assert 10 <= stage.interval_s("t4") < 0.7 * before
        await stage.play(5)
        assert len([at for at, _ in stage.polls if at > stage.now_s - 300]) <= 0.4 * 300 * 1.1

    run(play())


def test_gaps_bring_the_longest_interval_of_a_target_down_where_the_host_allows(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path, *(feed(f"t{n}", interval_s=10, per_s=0.2) for n in range(10)))
        await stage.play(30)
        before = stage.interval_s("t4")
        for _ in range(3):
            stage.pacing.polled("t4", stage.clock.at, Turnover(gap=True, shown=5))
            await stage.play(2)
        assert stage.interval_s("t4") < 0.5 * before
        assert sum(1 / stage.interval_s(name) for name in stage.targets) <= 0.2
        await stage.play(70)
        assert stage.interval_s("t4") > 0.7 * before

    run(play())


def test_what_was_learned_is_there_after_a_restart(tmp_path: Path) -> None:
    async def play() -> None:
        names = [f"t{n}" for n in range(10)]
        first = Stage(tmp_path, *(feed(name, interval_s=10, per_s=0.2) for name in names))
        first.live("t3", Random(1), 60.0, 90.0, hours=3)
        await first.play(150)
        await first.pacing.save()
        again = Stage(tmp_path, *(feed(name, interval_s=10, per_s=0.2) for name in names))
        again.clock.at = first.clock.at + timedelta(minutes=5)
        again.due = dict.fromkeys(names, again.now_s + 3_600.0)
        await again.pacing.step()
        assert again.interval_s("t3") < 0.7 * again.interval_s("t5")
        new = Stage(tmp_path / "elsewhere", *(feed(name, interval_s=10, per_s=0.2) for name in names))
        await new.pacing.step()
        assert new.interval_s("t3") == pytest.approx(new.interval_s("t5"), rel=0.02)

    run(play())


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 but no archive", b"\x00" * 5_000])
def test_a_damaged_file_is_told_and_the_watch_learns_anew(tmp_path: Path, damage: bytes) -> None:
    async def play() -> None:
        (tmp_path / FILE).write_bytes(damage)
        with capture_logs() as logged:
            stage = Stage(tmp_path, feed("a"))
            await stage.play(2)
        assert stage.interval_s("a") == 30
        assert any("learning anew" in line["event"] for line in logged) == bool(damage)
        await stage.pacing.save()
        assert (tmp_path / FILE).stat().st_size > 200

    run(play())


def test_a_disk_that_refuses_costs_nothing_but_what_was_learned(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path / "not there", feed("a"))
        await stage.play(2)
        await stage.pacing.save()
        assert stage.interval_s("a") == 30

    run(play())


def test_other_targets_do_not_lose_what_was_learned_when_one_is_added(tmp_path: Path) -> None:
    async def play() -> None:
        stage = Stage(tmp_path, *(feed(f"t{n}", interval_s=10, per_s=0.2) for n in range(10)))
        stage.live("t3", Random(1), 60.0, 90.0, hours=3)
        await stage.play(150)
        more = feed("late", interval_s=10, per_s=0.2)
        stage.targets["late"] = more
        stage.watches["late"] = Standing("late")
        stage.pacing.set_targets(stage.targets.values())
        await stage.pacing.step()
        assert stage.interval_s("t3") < 0.7 * stage.interval_s("t5")
        assert stage.interval_s("late") > 10
        assert stage.pace("late").short in ("host", "floor")

    run(play())


def test_by_day_only_those_that_are_hunted_by_day_share_the_budget(tmp_path: Path) -> None:
    async def play() -> None:
        window = NightWindow(start="21:00", end="06:00", zone="UTC")
        rest = [replace(feed(f"r{n}", interval_s=10, per_s=0.2), window=window) for n in range(9)]
        day = replace(feed("d", interval_s=10, per_s=0.2), window=window, day_interval_s=60.0)
        stage = Stage(tmp_path, *rest, day)
        await stage.pacing.step()
        assert stage.pacing.interval_s("d", 10.0) > 10.0
        stage.clock.at = DUSK + timedelta(hours=12)
        await stage.pacing.step()
        assert stage.pacing.interval_s("d", 60.0) == 60.0

    run(play())


sets = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([5.0, 10.0, 30.0, 60.0, 600.0]), st.floats(0.01, 5.0)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sets, st.floats(0.05, 400.0), st.lists(st.tuples(st.integers(0, 24), st.integers(0, 6)), max_size=8))
def test_whatever_happens_budgets_hold_and_nothing_is_asked_sooner_than_configured(
    tmp_path: Path, shapes: list[tuple[int, float, float]], overall: float, bursts: list[tuple[int, int]]
) -> None:
    async def play() -> None:
        targets = [feed(f"t{n}", f"h{host}.example", s, per_s) for n, (host, s, per_s) in enumerate(shapes)]
        stage = Stage(tmp_path / "none", *targets, counts=Counts(overall_per_s=overall))
        await stage.pacing.step()
        for which, number in bursts:
            name = f"t{which % len(targets)}"
            turned = Turnover(born=tuple(f"{n}" for n in range(number)), shown=number)
            stage.pacing.polled(name, stage.clock.at, turned)
        for number in range(4):
            mine = [n for n, (host, _, _) in enumerate(shapes) if host == number]
            if not mine:
                continue
            limit = min(shapes[n][2] for n in mine)
            spent = sum(1 / stage.interval_s(f"t{n}") for n in mine)
            wanted = sum(1 / shapes[n][1] for n in mine)
            assert spent <= max(limit, 1e-9) * 1.02
            if wanted <= limit and sum(1 / s for _, s, _ in shapes) <= overall:
                assert all(stage.interval_s(f"t{n}") == shapes[n][1] for n in mine)
        for n, (_, configured, _) in enumerate(shapes):
            assert stage.interval_s(f"t{n}") >= configured

    run(play())


names = st.sampled_from(["t0", "t1", "t2", "nobody"])
posts = st.lists(st.sampled_from("abcdef"), max_size=4, unique=True).map(tuple)
turns = st.none() | st.builds(
    Turnover, born=posts, back=posts, taken=posts, rolled=posts, shown=st.integers(0, 6), gap=st.booleans()
)
instants = st.integers(-100_000, 100_000).map(lambda s: DUSK + timedelta(seconds=s))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(names, instants, turns), max_size=40),
    st.lists(st.tuples(names, st.sampled_from("abcdef"), instants, instants), max_size=10),
)
def test_no_listing_and_no_clock_however_odd_upsets_it(
    tmp_path: Path,
    told: list[tuple[str, datetime, Turnover | None]],
    ended: list[tuple[str, str, datetime, datetime]],
) -> None:
    async def play() -> None:
        stage = Stage(tmp_path / "none", *(feed(f"t{n}", interval_s=10, per_s=0.1) for n in range(3)))
        await stage.pacing.step()
        for _ in range(2):
            for name, at, turned in told:
                stage.pacing.polled(name, at, turned)
            for name, post, seen, missing in ended:
                stage.pacing.vanished(name, post, seen, missing)
            stage.clock.at += timedelta(minutes=1)
            await stage.pacing.step()
        assert sum(1 / stage.interval_s(name) for name in stage.targets) <= 0.1 * 1.02
        assert all(0 <= stage.pace(name).met <= 1 and stage.pace(name).posts >= 0 for name in stage.targets)

    run(play())
