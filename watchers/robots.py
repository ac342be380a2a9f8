"""robots.txt (RFC 9309): fetched once per site and some hours, obeyed unless overridden in writing.

4xx means no rules; 5xx and silence mean "not now" and are asked again after minutes, so a
site is never disabled for good; a copy in hand is used meanwhile (RFC 9309, 2.3.1). The
Crawl-delay is a floor on the spacing of the host's gate. Decisions are counted.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from protego import Protego

from storage.clock import Clock
from storage.errors import AskedToWait, HostDown, RobotsForbid, WatchError
from storage.model import Response
from watchers.cadence import phase

AGENT = "nightjar"
FRESH_S = 4 * 3600.0
FRESH_LEAST = 0.75
"""Of that, where a site's name says so: sites met within one second of a start are not asked again in one."""
RETRY_S = (60.0, 120.0, 300.0, 600.0)
"""Pauses between attempts while robots.txt cannot be had."""
LONGEST_DELAY_S = 120.0
"""A Crawl-delay beyond two minutes counts as two minutes: it would disable the watch unsaid."""
_ORIGINS = 20_000
DECISIONS = 12_288
"""Answers remembered over all sites, the longest unused forgotten first: more than all targets' listings,
which are asked for again and again. Kept by site, those of posts and pictures took a hundred megabytes."""

Ask = Callable[[str], Awaitable[Response]]
"""Fetches a robots.txt: follows redirects, raises FeedTrouble; a cut body comes with its shortfall."""


class Rules:
    """What one robots.txt says to us. `allows` is linear in the file."""

    def __init__(self, text: str) -> None:
        self._parsed = Protego.parse(_ours(text))
        self.mark = object()
        """Stands for these rules where they must not be kept alive."""
        self.delay_s = min(_delay(self._parsed), LONGEST_DELAY_S)

    def allows(self, url: str) -> bool:
        """Whether `url` (absolute) may be fetched."""
        return bool(self._parsed.can_fetch(url, AGENT))


def _delay(parsed: Protego) -> float:
    delay = float(parsed.crawl_delay(AGENT) or 0.0)
    rate = parsed.request_rate(AGENT)
    return max(delay, rate.seconds / rate.requests) if rate else delay


def _ours(text: str) -> str:
    """`text` with the groups of other agents folded into one.

    A file that lists thousands of agents over thousands of rules would cost their product.
    """
    lines = []
    for line in text.splitlines():
        name, colon, agent = line.partition("#")[0].partition(":")
        if colon and name.strip().lower() in ("user-agent", "useragent", "user agent"):
            wanted = agent.strip().lower()
            kept = wanted == "*" or AGENT in wanted
            lines.append(line if kept else "User-agent: other-than-us")
        else:
            lines.append(line)
    return "\n".join(lines)


EVERYTHING = Rules("")


@dataclass(slots=True, kw_only=True)
class Tally:
    """How often robots.txt was asked about a request to an origin, for the politeness report."""

    allowed: int = 0
    forbidden: int = 0
    overridden: int = 0
    unavailable: int = 0


@dataclass(slots=True)
class _Entry:
    """What is known of one origin. rules None: nothing could be had yet."""

    rules: Rules | None = None
    ask_after: float = 0.0
    failures: int = 0
    trouble: WatchError | None = None
    tally: Tally = field(default_factory=Tally)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Robots:
    """The rules of all sites met. One fetch per origin at a time; others wait for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origins: OrderedDict[str, _Entry] = OrderedDict()
        self._decided: OrderedDict[str, tuple[object, bool]] = OrderedDict()
        """What was said of an address lately, and by which rules."""

    async def check(self, origin: str, url: str, ask: Ask) -> float:
        """Pass when `url` may be fetched; returns the Crawl-delay of its origin in seconds.

        `ask` fetches the rules if they are due.
        Raises RobotsForbid when it may not, and HostDown or AskedToWait when the rules
        cannot be had for that reason.
        """
        entry = self._entry(origin)
        if self._clock.monotonic() >= entry.ask_after:
            async with entry.lock:
                if self._clock.monotonic() >= entry.ask_after:
                    await self._refresh(origin, entry, ask)
        return self._decide(url, entry)

    def known(self, origin: str, url: str) -> float | None:
        """As `check` when the rules are in hand and fresh, else None."""
        entry = self._origins.get(origin)
        if entry is None or self._clock.monotonic() >= entry.ask_after:
            return None
        return self._decide(url, entry)

    def _decide(self, url: str, entry: _Entry) -> float:
        if entry.rules is None:
            entry.tally.unavailable += 1
            raise self._unavailable(url, entry)
        if not self._allows(entry.rules, url):
            entry.tally.forbidden += 1
            raise RobotsForbid(
                url, "robots.txt of the site forbids this address to us", retry_after_s=FRESH_S
            )
        entry.tally.allowed += 1
        return entry.rules.delay_s

    def _allows(self, rules: Rules, url: str) -> bool:
        decided = self._decided.get(url)
        if decided is not None and decided[0] is rules.mark:
            self._decided.move_to_end(url)
            return decided[1]
        allowed = rules.allows(url)
        self._decided[url] = rules.mark, allowed
        if len(self._decided) > DECISIONS:
            self._decided.popitem(last=False)
        return allowed

    @property
    def remembered(self) -> int:
        """How many answers are remembered, over all sites."""
        return len(self._decided)

    def override(self, origin: str) -> None:
        """Count a request for which the admin wrote down why robots.txt is not obeyed."""
        entry = self._entry(origin)
        entry.tally.overridden += 1

    def tallies(self) -> dict[str, Tally]:
        """Decisions so far, by origin."""
        return {origin: entry.tally for origin, entry in self._origins.items()}

    def _entry(self, origin: str) -> _Entry:
        entry = self._origins.get(origin)
        if entry is None:
            entry = self._origins[origin] = _Entry()
            if len(self._origins) > _ORIGINS:
                self._origins.popitem(last=False)
        return entry

    def _unavailable(self, url: str, entry: _Entry) -> WatchError:
        wait = max(1.0, entry.ask_after - self._clock.monotonic())
        why = f"robots.txt of the site cannot be had ({entry.trouble or 'no answer'})"
        if isinstance(entry.trouble, HostDown):
            return HostDown(url, why, retry_after_s=wait)
        if isinstance(entry.trouble, AskedToWait):
            return AskedToWait(url, why, retry_after_s=wait)
        return RobotsForbid(url, why, retry_after_s=wait)

    async def _refresh(self, origin: str, entry: _Entry, ask: Ask) -> None:
        try:
            answer = await ask(f"{origin}/robots.txt")
            entry.rules = _read(answer)
        except WatchError as trouble:
            wait = RETRY_S[min(entry.failures, len(RETRY_S) - 1)]
            entry.failures += 1
            entry.trouble = trouble
            entry.ask_after = self._clock.monotonic() + wait
        else:
            entry.failures, entry.trouble = 0, None
            spread = FRESH_LEAST + (1.0 - FRESH_LEAST) * phase(origin, 1.0)
            entry.ask_after = self._clock.monotonic() + FRESH_S * spread


def _read(answer: Response) -> Rules:
    """The rules in an answer. Raises RobotsForbid for 5xx (RFC 9309, 2.3.1.4: assume "no")."""
    if answer.status >= 500:
        raise RobotsForbid(answer.url, f"answered {answer.status}")
    if answer.status != 200:
        return EVERYTHING
    if answer.shortfall and not answer.body:
        raise HostDown(answer.url, answer.shortfall)
    return Rules(answer.body.decode("utf-8-sig", "replace"))
