"""A crowd of targets that asks `bench._strict` through the real fetcher, for `bench limiter`.

Each shopper belongs to one host: a listing (now and then through a redirect from another
host), the page of a post, its pictures on hosts that many share (some through a redirect),
at times an address that robots.txt forbids. They never wait by themselves, so that nothing
but the fetcher keeps them within the limits; told to wait, they come back within a second.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from random import Random

from bench._daemon import ROOT
from bench._strict import Report, Rule
from storage.clock import SystemClock
from storage.errors import AskedToWait, FeedTrouble, RobotsForbid
from storage.model import Authority, HostLimit, Target, Validators
from watchers.fetch import Fetcher

SHOPPERS_PER_HOST = 8
PICTURE_HOSTS = 60
SEEN = Validators(etag='"v"')
ENDLESS = HostLimit(requests_per_s=1e6, concurrency=10_000)


def address_of(number: int) -> str:
    """The loopback address of a host."""
    return f"127.1.{number // 250}.{1 + number % 250}"


def rules_of(hosts: int) -> dict[str, Rule]:
    """Hosts of every kind: fast and slow, one or several at once, with and without Crawl-delay, busy ones."""
    random, rules = Random(4), {}
    for number in range(hosts):
        rule = Rule(
            requests_per_s=random.choice((4.0, 8.0, 16.0)),
            concurrency=random.choice((1, 1, 2, 4)),
            slow_s=random.choice((0.0, 0.0, 0.0, 0.1, 0.4)),
            crawl_delay_s=0.5 if number % 10 == 3 else 0.0,
        )
        if number % 20 == 7:  # one at a time, so that nothing can be under way when they say "busy"
            times = ((2, False), (3, True), (15, False), (15, True), (86_400, False), (86_400, True))
            busy_s, as_date = times[number // 20 % len(times)]
            rule = Rule(
                requests_per_s=8.0, concurrency=1, slow_s=0.3, busy_every=12, busy_s=busy_s, busy_date=as_date
            )
        rules[address_of(number)] = rule
    for number in range(hosts, hosts + PICTURE_HOSTS):
        rules[address_of(number)] = Rule(requests_per_s=32.0, concurrency=8, slow_s=random.choice((0.0, 0.2)))
    return rules


def target(url: str) -> Target:
    """A target that obeys robots.txt; its hosts' limits are the admin's."""
    own = Authority(legal_basis="own test", authorised_by="bench", review_after=date(2099, 1, 1))
    return Target(name=url, kind="html", url=url, authority=own, rules=None)


@dataclass(slots=True)
class Tally:
    """What the shoppers were told. capped_s: the longest pause that the fetcher keeps.

    away_s: how late the loop came to a timer at most.
    """

    answers: Counter[str] = field(default_factory=Counter)
    forbidden: int = 0
    told_to_wait: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    capped_s: float = 0.0
    paused_hosts: int = 0
    away_s: float = 0.0


class Crowd:
    """Shoppers until `requests` were sent."""

    def __init__(self, port: int, hosts: int, requests: int, rules: dict[str, Rule]) -> None:
        self.port, self.hosts, self.requests = port, hosts, requests
        limits = {
            address: HostLimit(requests_per_s=rule.requests_per_s, concurrency=rule.concurrency)
            for address, rule in rules.items()
        }
        self.tally = Tally()
        self._random = Random(5)
        self._fetcher = Fetcher(
            SystemClock(), contact="bench", allow=("127.0.0.0/8",), hosts=limits, overall=ENDLESS
        )
        self._over = asyncio.Event()

    async def shop(self) -> None:
        """Until enough was asked; then everybody finishes what is under way."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self.hosts * SHOPPERS_PER_HOST):
                    group.create_task(self._shopper(number))
                group.create_task(self._watch_the_count())
        finally:
            await self._fetcher.close()

    async def _watch_the_count(self) -> None:
        asked = before = 0
        loop, pause_s = asyncio.get_running_loop(), min(1.0, self.requests / 10_000)
        while asked < self.requests:
            due_s = loop.time() + pause_s
            await asyncio.sleep(pause_s)
            self.tally.away_s = max(self.tally.away_s, loop.time() - due_s)
            facts = self._fetcher.hosts()
            asked = sum(fact.asked for fact in facts)
            paused = [fact.paused_s for fact in facts if fact.paused_s]
            self.tally.capped_s = max(self.tally.capped_s, *paused, 0.0)
            self.tally.paused_hosts = len(paused)
            if asked - before >= 20_000:
                before = asked
                print(f"{asked:,} requests", file=sys.stderr)
        self._over.set()

    async def _shopper(self, number: int) -> None:
        home = number % self.hosts
        goal = target(self._url(home, f"l/{number}"))
        await asyncio.sleep(self._random.random())
        while not self._over.is_set():
            for url, purpose in self._round(home, number):
                if self._over.is_set():
                    return
                await self._get(url, goal, purpose)

    def _url(self, host: int, path: str) -> str:
        return f"http://{address_of(host)}:{self.port}/{path}"

    def _by_way_of(self, host: int, path: str) -> str:
        """An address on another host that redirects there.

        Mostly on a fast one: on any, everybody would soon stand in the queue of the slowest.
        """
        few = self._random.random() < 0.03
        other = self._random.randrange(self.hosts) if few else self._any_picture_host()
        return self._url(other, f"t/{address_of(host)}/{path}")

    def _any_picture_host(self) -> int:
        return self.hosts + self._random.randrange(PICTURE_HOSTS)

    def _round(self, home: int, number: int) -> list[tuple[str, str]]:
        random = self._random
        listing = f"l/{number}"
        direct = random.random() < 0.8
        asked = [(self._url(home, listing) if direct else self._by_way_of(home, listing), "listing")]
        if random.random() < 0.5:
            post = random.randrange(10**6)
            pictures = self._any_picture_host()
            asked.append((self._url(home, f"p/{post}"), "page"))
            asked.append((self._url(pictures, f"i/{post}"), "picture"))
            asked.append((self._by_way_of(pictures, f"i/{post}"), "picture"))
        if random.random() < 0.02:
            asked.append((self._url(home, "f/1"), "page"))
        return asked

    async def _get(self, url: str, goal: Target, purpose: str) -> None:
        seen = SEEN if purpose == "listing" else None
        try:
            answer = await self._fetcher.get(url, goal, purpose=purpose, validators=seen)
            self.tally.answers[str(answer.status)] += 1
        except RobotsForbid:
            self.tally.forbidden += 1
        except AskedToWait as told:
            self.tally.told_to_wait += 1
            self.tally.capped_s = max(self.tally.capped_s, told.retry_after_s or 0.0)
            await asyncio.sleep(min(1.0, told.retry_after_s or 1.0))
        except FeedTrouble as trouble:
            self.tally.troubles[f"{type(trouble).__name__}: {trouble.why}"] += 1
            await asyncio.sleep(0.1)


async def visit(port: int, hosts: int, requests: int, tolerance_s: float) -> tuple[Report, Tally]:
    """The servers' report and the shoppers' tally."""
    rules = rules_of(hosts)
    async with servers(port, rules, tolerance_s) as counting:
        crowd = Crowd(port, hosts, requests, rules)
        await crowd.shop()
        return await counting.report(), crowd.tally


class Servers:
    """The counting servers, running."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def say(self, words: str, within_s: float = 120.0) -> bytes:
        """One line in, one line out. Raises TimeoutError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(words.encode() + b"\n")
        await self._process.stdin.drain()
        return await asyncio.wait_for(self._process.stdout.readline(), within_s)

    async def report(self) -> Report:
        """What they saw; they end with it."""
        return Report(**json.loads(await self.say("report")))


@asynccontextmanager
async def servers(port: int, rules: dict[str, Rule], tolerance_s: float) -> AsyncIterator[Servers]:
    """Hosts of these rules, in a process of their own. Raises RuntimeError when they do not start."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench._strict",
        str(port),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        running = Servers(process)
        plan = {"rules": {a: asdict(rule) for a, rule in rules.items()}, "tolerance_s": tolerance_s}
        if (line := await running.say(json.dumps(plan), 30)) != b"ready\n":
            raise RuntimeError(f"the counting servers did not start: {line!r}")
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
