"""The judged chat: a webhook receiver that checks signatures and has bad minutes.

It takes an event in (`told`), or refuses it and says so in the log. Faults: 429 with
Retry-After, 500 before and 500 after taking it in, and the outage of the specification
(the connection breaks). A sender that repeats an event with the same Idempotency-Key
tells nobody twice; the log marks it as a repeat.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from datetime import timedelta

from aiohttp import web

from nightmarket.clockwork import Hours
from nightmarket.faults import retry_after
from nightmarket.model import Trouble
from nightmarket.truth import TruthLog

SKEW_S = 600.0
BUSY, FAIL_BEFORE, FAIL_AFTER = 0.03, 0.02, 0.02


class Chat:
    """Receives POST /hook."""

    def __init__(
        self, secret: bytes, hours: Hours, log: TruthLog, troubles: tuple[Trouble, ...], seed: int
    ) -> None:
        self.hours = hours
        self._secret, self._log = secret, log
        self._outages = [t.span for t in troubles if t.kind == "chat-down"]
        self._chance = random.Random(f"{seed} chat")
        self._keys: set[str] = set()

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """One event. Answers 200 taken in, 401 wrong signature, 400 not an event, 429, 500."""
        now = self.hours.now()
        if any(span.holds(now) for span in self._outages):
            self._log.write("refused", now, why="outage")
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        body = await request.read()
        if not self._is_signed(request, body):
            self._log.write("refused", now, why="signature")
            return web.Response(status=401)
        drawn = self._chance.random()
        if drawn < BUSY:
            self._log.write("refused", now, why="429")
            pause = retry_after(now + timedelta(seconds=5), now, as_date=drawn < BUSY / 2)
            return web.Response(status=429, headers={"Retry-After": pause})
        if drawn < BUSY + FAIL_BEFORE:
            self._log.write("refused", now, why="500")
            return web.Response(status=500)
        return self._take(request, body, fail_after=drawn < BUSY + FAIL_BEFORE + FAIL_AFTER)

    def _take(self, request: web.Request, body: bytes, *, fail_after: bool) -> web.Response:
        key, now = request.headers.get("Idempotency-Key", ""), self.hours.now()
        try:
            event = json.loads(body)
        except ValueError:
            self._log.write("refused", now, why="not JSON")
            return web.Response(status=400)
        first = bool(key) and key not in self._keys
        self._keys.add(key)
        self._log.write("told", now, key=key, first=first, event=event, lost_answer=fail_after)
        self._log.flush()
        return web.Response(status=500 if fail_after else 200)

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        stamp = request.headers.get("X-Nightjar-Timestamp", "")
        given = request.headers.get("X-Nightjar-Signature", "")
        if not stamp.isdecimal() or abs(float(stamp) - self.hours.now().timestamp()) > SKEW_S:
            return False
        digest = hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(given, f"sha256={digest}")
