"""Fetching: one bounded, polite, guarded GET, with the facts a court may ask for.

On the path: `Target` -> here -> `Response`. What is asked is checked on every hop of a
redirect: address and port (`guard.py`), robots.txt (`robots.py`), the host's limit
(`throttle.py`). What comes back is bounded in time and bytes (`line.py`, `bounds.py`)
and kept byte for byte where that can be had (`wire.py`). No cookies, no proxies from
the environment, no hidden retries. It does not decide when to ask, nor what an answer
means, except for walls, which are reported as such (`walls.py`).
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from storage.clock import Clock
from storage.errors import AskedToWait, Blocked, FeedTrouble, HostDown, RobotsForbid, TooBig
from storage.model import Hop, HostLimit, Response, Target, Validators
from storage.version import VERSION
from watchers.address import Address, address_in, join, read_address
from watchers.answers import BUSY, REDIRECTS, location, retry_after_s
from watchers.bounds import BOUNDS
from watchers.dial import head_of
from watchers.gate import Gate
from watchers.guard import Guard
from watchers.hostbook import HostBook, HostFacts
from watchers.line import Dropped, Line
from watchers.manners import TLS_ERRORS, Manners
from watchers.request import Request, hop_of
from watchers.resolver import Lookup, system_lookup
from watchers.robots import Robots
from watchers.throttle import OVERALL, Throttle
from watchers.walls import wall

URGENT = frozenset({"page", "picture", "robots"})
"""Purposes that go ahead of listing polls at the same host: what may be deleted any second."""
_ACCEPT = {"picture": "image/*,*/*;q=0.5", "robots": "text/plain,*/*;q=0.5"}
_ACCEPT_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_OURS = frozenset(
    {"host", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding", "referer"}
)
_FIRST_STRIKE_S = 15.0
_LAST_STRIKE_S = 300.0
_NOT_MODIFIED = 304
_HEADS = 16_384
"""Heads of polls that are kept written: more than the listings of all targets."""


def agent(contact: str) -> str:
    """The User-Agent: who we are, and whom to write to. Raises ValueError on control characters."""
    if not contact.isprintable():
        raise ValueError("contact must be one printable line")
    return f"Nightjar/{VERSION} (+{contact})"


@dataclass(slots=True, kw_only=True)
class _Visit:
    """One `get` under way: what it may take, and where it has been."""

    url: str
    target: Target
    purpose: str
    validators: Validators | None
    body_bytes: int
    deadline: float
    left_s: float
    obey: bool
    hops: list[Hop] = field(default_factory=list)


class Fetcher:
    """Fetches for all targets. Made anywhere, used in one loop; `close` ends it.

    contact: a URL or mail address of the operator. allow: what the guard lets through
    besides public web addresses (`guard.read_allow`). hosts: the admin's own limits by
    host name, which outrank those of the targets. overall: for all hosts together.
    lookup, tls, random: for tests.
    Raises ValueError on a bad contact or allow entry.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        contact: str,
        allow: tuple[str, ...] = (),
        hosts: Mapping[str, HostLimit] | None = None,
        overall: HostLimit = OVERALL,
        lookup: Lookup = system_lookup,
        tls: ssl.SSLContext | None = None,
        random: Random | None = None,
    ) -> None:
        self._clock = clock
        self._agent = agent(contact)
        self._guard = Guard(allow)
        self._fixed = dict(hosts or {})
        self._overall = overall
        self._lookup, self._tls = lookup, tls
        self._random = random or Random()  # noqa: S311  spreads retries, keeps no secret
        self._book = HostBook()
        self._robots = Robots(clock)
        self._line: Line | None = None
        self._throttle: Throttle | None = None
        self.manners = Manners(clock, self._book, lambda: self._throttle, lambda: self._open()[1])
        self._loop: asyncio.AbstractEventLoop
        """The loop that `_open` found itself in."""
        self._closed = False
        self._heads: dict[tuple[str, str], tuple[Target, Validators | None, bytes]] = {}

    async def get(
        self,
        url: str,
        target: Target,
        *,
        purpose: str,
        validators: Validators | None = None,
        deadline_s: float | None = None,
        max_bytes: int | None = None,
    ) -> Response:
        """One GET with its redirects; any status but 429 and 503 comes back as a Response.

        purpose: listing, page, picture, control or trial. target.timeout_s bounds the
        time on the line over all hops; deadline_s bounds that and all waiting.
        A body that breaks off is returned with its shortfall. May be cancelled.
        Raises HostDown, AskedToWait, Blocked, Refused, RobotsForbid or TooBig.
        """
        self._open()
        now = self._loop.time()
        visit = _Visit(
            url=url,
            target=target,
            purpose=purpose,
            validators=validators,
            body_bytes=target.max_body_bytes if max_bytes is None else max_bytes,
            deadline=math.inf if deadline_s is None else now + deadline_s,
            left_s=target.timeout_s,
            obey=not target.robots_override,
        )
        return await self._follow(visit)

    async def close(self) -> None:
        """Close all connections. Twice is harmless; `get` afterwards raises RuntimeError."""
        self._closed = True
        if self._line is not None:
            await self._line.close()

    def hosts(self) -> tuple[HostFacts, ...]:
        """What was asked of each host so far, and what its gate is doing now."""
        return self.manners.hosts()

    @property
    def overall_per_s(self) -> float:
        """Requests/s to all hosts together, at most."""
        return self._overall.requests_per_s

    def asked(self, host: str) -> int:
        """Requests sent to `host` so far, all purposes and redirects."""
        return self._book.asked(host)

    def asked_in_all(self) -> int:
        """Requests sent to all hosts so far."""
        return self._book.asked_in_all()

    def spacing_s(self, host: str) -> float:
        """Seconds between two starts at `host` by its limit and Crawl-delay; 0 when not known."""
        place = self._throttle.gates().get(host) if self._throttle is not None else None
        return place.gate.spacing_s if place is not None else 0.0

    def gate(self, host: str) -> Gate | None:
        """The gate of a host; None before anything was asked of it."""
        place = self._throttle.gates().get(host) if self._throttle is not None else None
        return place.gate if place is not None else None

    # --- one visit ---------------------------------------------------------------------

    async def _follow(self, visit: _Visit) -> Response:
        """The answer at the end of the redirects, every check repeated on each hop."""
        # Addresses of listings are asked for again and again, those of pages and pictures once.
        address = (read_address if visit.purpose == "listing" else address_in)(visit.url)
        been: set[str] = set()
        while True:
            answer = await self._hop(visit, address)
            if answer.status not in REDIRECTS or not (where := location(answer)):
                return self._judge(visit, address, answer)
            been.add(address.text)
            visit.hops.append(hop_of(answer, where))
            address = join(address, where)
            if address.text in been:
                raise TooBig(visit.url, f"redirects in a circle, back to {address.text}")
            if len(visit.hops) > BOUNDS.redirects:
                raise TooBig(visit.url, f"more than {BOUNDS.redirects} redirects")

    async def _hop(self, visit: _Visit, address: Address) -> Response:
        self._guard.check(address)
        if visit.purpose != "robots" and not self._minded(visit, address):
            await self._mind_robots(visit, address)
        try:
            return await self._ask(visit, address)
        except Dropped as dropped:
            if not dropped.reused:
                raise self._trouble(address, HostDown(address.text, dropped.why)) from dropped
        # The host had closed a kept connection: ask once more, as a request of its own.
        try:
            return await self._ask(visit, address)
        except Dropped as dropped:
            raise self._trouble(address, HostDown(address.text, dropped.why)) from dropped

    def _minded(self, visit: _Visit, address: Address) -> bool:
        """As `_mind_robots` where the rules are in hand, as they are for nearly all; False: ask for them."""
        count = self._book.of(address.host)
        if not visit.obey:
            self._book.overridden(count, visit.target)
            return True
        try:
            delay_s = self._robots.known(address.origin, address.text)
        except RobotsForbid:
            count.robots_forbidden += 1
            raise
        if delay_s is None:
            return False
        count.robots_allowed += 1
        self._open()[1].floor(address.host, address.origin, delay_s)
        return True

    async def _mind_robots(self, visit: _Visit, address: Address) -> None:
        count, ask = self._book.of(address.host), self._robots_asker(visit)
        try:
            async with asyncio.timeout_at(None if math.isinf(visit.deadline) else visit.deadline):
                delay_s = await self._robots.check(address.origin, address.text, ask)
        except TimeoutError as error:
            raise HostDown(address.text, "the deadline passed while robots.txt was fetched") from error
        except RobotsForbid:
            count.robots_forbidden += 1
            raise
        count.robots_allowed += 1
        self._open()[1].floor(address.host, address.origin, delay_s)

    async def _ask(self, visit: _Visit, address: Address) -> Response:
        """One request in its turn at the host's gate."""
        line, throttle = self._open()
        loop = self._loop
        turn = throttle.turn(
            address.host,
            visit.target.name,
            visit.target.host_limit,
            urgent=visit.purpose in URGENT,
            until=visit.deadline,
            says_sent=True,
        )
        async with turn as place:
            count, began, away_s = self._book.of(address.host), loop.time(), line.away_s()

            def sent() -> None:
                if turn.sent():
                    self._book.started(count, *place.gate.terms)

            head = self._head(visit, address)
            request = Request(
                address=address,
                headers=self._headers(visit, address) if not head else {},
                head=head,
                until=min(began + visit.left_s, visit.deadline),
                body_bytes=visit.body_bytes,
                cut_off=visit.purpose == "robots",
                requested_url=visit.url,
                hops=tuple(visit.hops),
                sending=sent,
            )
            try:
                answer = await line.ask(request)
            except FeedTrouble as trouble:
                count.tls_failures += isinstance(trouble.__cause__, TLS_ERRORS)
                raise self._trouble(address, trouble) from trouble.__cause__
            finally:
                visit.left_s -= loop.time() - began - (line.away_s() - away_s)
                sent()  # one that never went out was an attempt at the host all the same
                self._book.ended(count)
        count.answered += 1
        count.body_bytes += len(answer.body)
        count.not_modified += answer.status == _NOT_MODIFIED
        return answer

    def _head(self, visit: _Visit, address: Address) -> bytes:
        """The head of a poll as it is sent, the same each time; b"" for what is asked once."""
        if visit.purpose != "listing" or not self._open()[0].exact:
            return b""
        place = (visit.target.name, address.text)
        known = self._heads.get(place)
        if known is not None and known[0] is visit.target and known[1] == visit.validators:
            return known[2]
        try:
            head = head_of(address, self._headers(visit, address))
        except ValueError:
            return b""  # told where it is sent
        if len(self._heads) >= _HEADS:
            self._heads.clear()
        self._heads[place] = (visit.target, visit.validators, head)
        return head

    def _headers(self, visit: _Visit, address: Address) -> dict[str, str]:
        headers = {
            "User-Agent": self._agent,
            "Accept": _ACCEPT.get(visit.purpose, _ACCEPT_PAGE),
            "Accept-Encoding": "gzip, deflate, br",
        }
        home = read_address(visit.target.url)
        downgraded = home.scheme == "https" and address.scheme == "http"
        if visit.purpose == "picture" and not downgraded:
            # Many picture hosts serve only readers of their own pages; this says truly whose.
            headers["Referer"] = home.origin + "/"
        if address.host == home.host and not downgraded:
            _add_own(headers, visit.target.headers)
            _add_validators(headers, visit.validators)
        return headers

    # --- what the answer asks of us -------------------------------------------------------

    def _judge(self, visit: _Visit, address: Address, answer: Response) -> Response:
        """The answer for the caller; pauses the host when it asks for that or bars the way."""
        gate = self._open()[1].place(address.host).gate
        barred = wall(answer) if visit.purpose not in ("picture", "robots") else None
        if answer.status in BUSY:
            raise self._asked_to_wait(address, answer, barred is not None)
        if barred is None:
            gate.strikes = 0
            return answer
        self._book.of(address.host).walls += 1
        wait = None
        if barred.whole_host:
            wait = self._open()[1].pause(address.host, self._strike_s(address.host))
        raise Blocked(address.text, barred.why, wall=barred.kind, retry_after_s=wait, response=answer)

    def _asked_to_wait(self, address: Address, answer: Response, barred: bool) -> FeedTrouble:
        now, at = self._clock.now(), self._loop.time()
        named = retry_after_s(answer, now)
        strike = self._strike_s(address.host)
        wait = self._open()[1].pause(address.host, max(1.0, named) if named is not None else strike)
        self._book.told(address.host, answer.status, asked_s=named, kept_s=wait, now=now, at=at)
        how = f"answered {answer.status}, to be left alone for {wait:.0f} s"
        if barred:
            self._book.of(address.host).walls += 1
            return Blocked(address.text, how, retry_after_s=wait, response=answer)
        return AskedToWait(address.text, how, retry_after_s=wait)

    def _strike_s(self, host: str) -> float:
        """Our own back-off of a host that says "too much" without a time: doubling, jittered."""
        gate = self._open()[1].place(host).gate
        gate.strikes += 1
        grown = min(_FIRST_STRIKE_S * 2.0 ** min(gate.strikes - 1, 10), _LAST_STRIKE_S)
        return grown * (1.0 - self._random.random() / 4)

    def _trouble(self, address: Address, trouble: FeedTrouble) -> FeedTrouble:
        self._book.of(address.host).troubles += 1
        return trouble

    # --- parts -----------------------------------------------------------------------------

    def _open(self) -> tuple[Line, Throttle]:
        """The line and the throttle, made on first use because both belong to the running loop."""
        if self._closed:
            raise RuntimeError("the fetcher is closed")
        if self._line is None or self._throttle is None:
            self._loop = asyncio.get_running_loop()  # asked of Python anew it is a system call
            self._line = Line(self._clock, self._guard, lookup=self._lookup, tls=self._tls)
            self._throttle = Throttle(self._clock, overall=self._overall, fixed=self._fixed)
            self._book.align(self._clock.now(), self._loop.time())
        return self._line, self._throttle

    def _robots_asker(self, visit: _Visit) -> Callable[[str], Awaitable[Response]]:
        """Fetches a robots.txt on behalf of `visit`: same limits, same guard, no walls."""

        def ask(url: str) -> Awaitable[Response]:
            errand = _Visit(
                url=url,
                target=visit.target,
                purpose="robots",
                validators=None,
                body_bytes=BOUNDS.robots_bytes,
                deadline=visit.deadline,
                left_s=BOUNDS.robots_s,
                obey=False,
            )
            return self._follow(errand)

        return ask


def _add_own(headers: dict[str, str], own: tuple[tuple[str, str], ...]) -> None:
    """The target's own headers, but for those that say who we are or frame the message."""
    for name, value in own:
        if name.lower() not in _OURS:
            headers["Accept" if name.lower() == "accept" else name] = value


def _add_validators(headers: dict[str, str], validators: Validators | None) -> None:
    if validators is None:
        return
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
