"""The webhook channel: POST of the alert event, signed and with an idempotency key.

Headers: `Idempotency-Key` (the alert id: the same alert again is the same alert),
`X-Nightjar-Timestamp` (Unix seconds) and `X-Nightjar-Signature: sha256=HEX`, where HEX is
HMAC-SHA256 over `TIMESTAMP.BODY` with the shared secret. A receiver answers 2xx to
accept, or 409 for a key that it has. Idempotency key: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp

from bot.channel import Card, Channel, Setting
from bot.compose import event
from storage.clock import Clock
from storage.errors import NotSent, Uncertain, Unsendable
from storage.model import Delivery

WANTS_SHEET = False
REPEATABLE = True

REFUSED_FOR_GOOD = frozenset({400, 413, 415, 422})
LONGEST_PAUSE_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of a webhook channel.

    url: where events are posted. secret_file / secret_env: where the shared secret is
    (a file not readable by others, or the name of an environment variable); without
    either, events are sent unsigned. timeout_s: seconds for one attempt.
    """

    url: str
    secret_file: str = ""
    secret_env: str = ""
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("url must start with http:// or https://")
        if not 0 < self.timeout_s <= 25:
            raise ValueError("timeout_s must be above 0 and at most 25")


class Webhook:
    """Posts events; the same delivery may be sent again at will."""

    def __init__(self, settings: Settings, secret: bytes, clock: Clock) -> None:
        self._settings, self._secret, self._clock = settings, secret, clock
        self._session: aiohttp.ClientSession | None = None

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Post one event. See `Channel.send` for the errors."""
        told = event(delivery.alert) | {"headline": card.headline}
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        headers = self._headers(delivery.alert.alert_id, body)
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        try:
            async with self._open().post(
                self._settings.url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return self._receipt(answer.status, answer.headers.get("Retry-After", ""), delivery)
        except aiohttp.ClientConnectorError as error:
            raise NotSent(f"webhook not reachable: {error.os_error.strerror or 'no connection'}") from error
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Uncertain(f"webhook gave no answer: {type(error).__name__}") from error

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        stamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": key,
            "X-Nightjar-Timestamp": stamp,
        }
        if self._secret:
            headers["X-Nightjar-Signature"] = signature(self._secret, stamp, body)
        return headers

    def _receipt(self, status: int, retry_after: str, delivery: Delivery) -> str:
        if 200 <= status < 300 or status == 409:
            return delivery.alert.alert_id
        if status in REFUSED_FOR_GOOD:
            raise Unsendable(f"webhook answered {status}")
        if status >= 500 and status != 503:
            raise Uncertain(f"webhook answered {status}")
        raise NotSent(f"webhook answered {status}", retry_after_s=self._pause(retry_after))

    def _pause(self, retry_after: str) -> float | None:
        """Seconds of a Retry-After in either form (RFC 9110, 10.2.3), capped; None without one."""
        if not retry_after:
            return None
        if retry_after.isascii() and retry_after.strip().isdigit():
            return min(float(retry_after), LONGEST_PAUSE_S)
        try:
            until = parsedate_to_datetime(retry_after)
            return min(max(0.0, (until - self._clock.now()).total_seconds()), LONGEST_PAUSE_S)
        except (ValueError, TypeError):
            return None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 over `stamp.body`."""
    return "sha256=" + hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open with the secret read from its file or the environment."""
    if not isinstance(settings, Settings):
        raise TypeError("webhook settings expected")
    named = settings.secret_file or settings.secret_env
    secret = setting.secret(settings.secret_file, settings.secret_env) if named else ""
    return Webhook(settings, secret.encode(), setting.clock)
