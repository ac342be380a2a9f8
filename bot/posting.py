"""One POST of an alert, and what its answer says of it: told, surely not, perhaps, or never.

For channels that hand an alert to another server in one request. The address may be a secret (whoever has
that of a Slack or Discord webhook speaks there): it stands in no error and in no line of the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import aiohttp

from storage.clock import Clock
from storage.errors import NotSent, Uncertain, Unsendable

REFUSED_FOR_GOOD = frozenset({400, 413, 415, 422})
LONGEST_PAUSE_S = 600.0


class Posting:
    """Posts to one address. called: what the other side is called in errors."""

    def __init__(self, url: str, clock: Clock, *, called: str, timeout_s: float) -> None:
        self._url, self._clock, self._called, self._timeout_s = url, clock, called, timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of an answer that takes it: 2xx or 409. Raises NotSent, Uncertain, Unsendable."""
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        try:
            async with self._open().post(
                self._url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return self._taken(answer.status, answer.headers.get("Retry-After", ""))
        except aiohttp.ClientConnectorError as error:
            why = error.os_error.strerror or "no connection"
            raise NotSent(f"{self._called} not reachable: {why}") from error
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Uncertain(f"{self._called} gave no answer: {type(error).__name__}") from error

    def _taken(self, status: int, retry_after: str) -> int:
        if 200 <= status < 300 or status == 409:
            return status
        why = f"{self._called} answered {status}"
        if status in REFUSED_FOR_GOOD:
            raise Unsendable(why)
        if status >= 500 and status != 503:
            raise Uncertain(why)
        raise NotSent(why, retry_after_s=self._pause(retry_after))

    def _pause(self, retry_after: str) -> float | None:
        """Seconds of a Retry-After in either form (RFC 9110, 10.2.3), capped; None without one."""
        if not retry_after:
            return None
        try:
            if retry_after.isascii() and retry_after.strip().replace(".", "", 1).isdigit():
                return min(float(retry_after), LONGEST_PAUSE_S)
            until = parsedate_to_datetime(retry_after)
            return min(max(0.0, (until - self._clock.now()).total_seconds()), LONGEST_PAUSE_S)
        except (ValueError, TypeError):
            return None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._session

    async def close(self) -> None:
        """Close the connections. Twice is harmless."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
