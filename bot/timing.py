"""Asking authorities for time stamps (RFC 3161) over the log's checkpoints, beside everything else.

One lane per authority, so that a slow one holds up nobody: it queues a request about the
newest checkpoint when one is due (`storage.tokens`), sends it by HTTP (RFC 3161, 3.4) with
bounds on size and time, has the answer checked by two programs, and keeps it. An authority
that is down is asked again after growing pauses; polling, judging and telling never wait
for it. It is sent a SHA-256 and a random number, nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar

from bot.groups import ending_group
from bot.settings.authorities import TimeAuthority
from bot.settings.units import spoken_s
from bot.vitals import Vitals
from storage import timestamps, tokens
from storage.attested import Token
from storage.clock import Clock
from storage.errors import DiskTrouble, StoreError
from storage.store import Store
from storage.threads import in_thread
from storage.timestamps import MOST_RESPONSE_BYTES, QUERY_TYPE, Refusal
from storage.version import VERSION

log = structlog.get_logger(__name__)

ASK_S = 20.0
"""The longest time of one request."""
LOOK_S = 2.0
"""How often a lane looks for a checkpoint that is to be stamped."""
SAY_S = 30.0
"""How often it is looked at how long requests have waited."""
GAP_S = 1.0
"""Between two requests to one authority, when several wait after an outage."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 15.0, 600.0
MOST_REFUSALS = 5
"""Answers that prove nothing, before a request is given up; later checkpoints are asked about anew."""
OVERDUE_S = 1800.0
"""When a token has been waited for that long, the admin is told."""


class AskTrouble(Exception):
    """No time stamp came. Attribute: retry_after_s, as the authority asked, or None."""

    def __init__(self, why: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Lane:
    """What is remembered of one authority while the daemon runs."""

    authority: TimeAuthority
    refusals: int = 0
    said_at_s: float = 0.0
    is_told: bool = False


class Timing:
    """The lanes of all configured authorities. `run` for as long as the daemon lives."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        authorities: Callable[[], tuple[TimeAuthority, ...]],
        *,
        vitals: Vitals,
        tell_admin: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store, self._clock, self._authorities = store, clock, authorities
        self._vitals, self._tell = vitals, tell_admin
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """The configuration names other authorities now."""
        self._changed.set()

    async def run(self) -> None:
        """Ask for ever; lanes are opened anew when the configuration changed. May be cancelled anywhere."""
        while True:
            self._changed.clear()
            self._vitals.forget_stamps()
            authorities = self._authorities()
            if len(authorities) == 1:
                log.warning("one authority of time only: two are advised", authority=authorities[0].name)
            headers = {"User-Agent": f"nightjar/{VERSION}"}
            async with (
                ClientSession(
                    cookie_jar=DummyCookieJar(), headers=headers, timeout=ClientTimeout(total=None)
                ) as session,
                ending_group() as group,
            ):
                for authority in authorities:
                    group.create_task(self._lane(_Lane(authority), session))
                await self._changed.wait()

    async def _lane(self, lane: _Lane, session: ClientSession) -> None:
        folder, authority = self._store.folder, lane.authority
        kept = False
        while True:
            try:
                if not kept:
                    await in_thread(tokens.keep_roots, folder, authority.name, authority.roots)
                    kept = True
                is_asked = await self._step(lane, session)
                pause_s = GAP_S if is_asked else LOOK_S
                if is_asked or self._clock.monotonic() - lane.said_at_s >= SAY_S:
                    await self._say(lane)
            except StoreError as trouble:  # whatever it is, it must not end the watch
                log.warning("time stamps wait for the store", authority=authority.name, why=str(trouble))
                pause_s = FIRST_PAUSE_S
            await self._clock.sleep(pause_s)

    async def _step(self, lane: _Lane, session: ClientSession) -> bool:
        """Queue what is due and ask once; whether the authority was asked."""
        vault, authority = self._store.vault, lane.authority
        if not await tokens.has_work(vault.database, authority.name, self._clock.now()):
            return False
        await tokens.want(vault, authority.name, timedelta(seconds=authority.every_s))
        found = await tokens.due(vault.database, authority.name, self._clock.now())
        if found is None:
            return False
        token, note = found
        request = await in_thread(timestamps.request, note)
        await tokens.mark_asking(vault, token, request)
        try:
            response = await _ask(session, authority.url, request)
        except AskTrouble as trouble:
            await self._wait(lane, token, str(trouble), trouble.retry_after_s)
            return True
        try:
            # Not on the store's threads: a program that hangs must not hold up what is being sealed.
            held = await asyncio.to_thread(timestamps.check, note, request, response, authority.roots)
        except DiskTrouble as trouble:  # it is ours that is ill: no reason to ask at once again
            await self._wait(lane, token, str(trouble))
            return True
        if isinstance(held, Refusal):
            await self._refuse(lane, token, response, held.why)
            return True
        await tokens.mark_whole(vault, token, response, held)
        lane.refusals = 0
        self._vitals.stamped(authority.name, "whole")
        log.info("time stamp received", authority=authority.name, size=token.size, serial=held.serial)
        return True

    async def _wait(
        self,
        lane: _Lane,
        token: Token,
        why: str,
        retry_after_s: float | None = None,
        *,
        outcome: str = "trouble",
    ) -> None:
        """Try again later; the pause doubles with every attempt."""
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(token.attempts, 10), LONGEST_PAUSE_S)
        if retry_after_s is not None:
            pause_s = max(pause_s, min(retry_after_s, LONGEST_PAUSE_S))
        due_at = self._clock.now() + timedelta(seconds=pause_s)
        await tokens.mark_waiting(self._store.vault, token, due_at, why)
        self._vitals.stamped(lane.authority.name, outcome)
        log.warning("no time stamp", authority=lane.authority.name, size=token.size, why=why)

    async def _refuse(self, lane: _Lane, token: Token, response: bytes, why: str) -> None:
        """An answer that proves nothing: it may come from somebody in between, so it is asked for again."""
        lane.refusals += 1
        if lane.refusals < MOST_REFUSALS:
            await self._wait(lane, token, why, outcome="refused")
            return
        lane.refusals = 0
        await tokens.mark_refused(self._store.vault, token, response, why)
        self._vitals.stamped(lane.authority.name, "refused")
        name = lane.authority.name
        await self._tell(f"time stamps of {name} are refused: {why}. Look at its address and roots")

    async def _say(self, lane: _Lane) -> None:
        """Show how long the oldest request waits; tell the admin when that is long, and when it ends."""
        name, lane.said_at_s = lane.authority.name, self._clock.monotonic()
        found = await tokens.waiting(self._store.vault.database, name)
        waits_s = (self._clock.now() - found.since).total_seconds() if found.since else 0.0
        self._vitals.stamps_wait(name, found.count, waits_s)
        if waits_s > OVERDUE_S and not lane.is_told:
            lane.is_told = True
            why = f": {found.why}" if found.why else ""
            await self._tell(f"no time stamp of {name} for {spoken_s(round(waits_s))}{why}")
        elif not found.count and lane.is_told:
            lane.is_told = False
            await self._tell(f"{name} stamps the log with the time again")


async def _ask(session: ClientSession, url: str, request: bytes) -> bytes:
    """The body of the authority's answer. Raises AskTrouble."""
    try:
        async with (
            asyncio.timeout(ASK_S),
            session.post(
                url, data=request, headers={"Content-Type": QUERY_TYPE}, allow_redirects=False
            ) as response,
        ):
            if response.status != 200:
                raise AskTrouble(f"it answered {response.status}", retry_after_s=_retry_after_s(response))
            if response.content_type.startswith("text/"):
                raise AskTrouble(f"it answered with {response.content_type}")
            return await _body(response)
    except TimeoutError:
        raise AskTrouble(f"no answer within {ASK_S:g} s") from None
    except (ClientError, OSError, ValueError) as error:  # ValueError: answers that are no HTTP
        raise AskTrouble(f"it cannot be reached: {type(error).__name__}") from error


async def _body(response: ClientResponse) -> bytes:
    """Everything, unless that is more than any time stamp."""
    read = b""
    async for chunk in response.content.iter_chunked(MOST_RESPONSE_BYTES):
        read += chunk
        if len(read) > MOST_RESPONSE_BYTES:
            raise AskTrouble(f"it answered with more than {MOST_RESPONSE_BYTES} bytes")
    return read


def _retry_after_s(response: ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
