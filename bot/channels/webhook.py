"""The webhook channel: POST of the alert event, signed and with an idempotency key.

Headers: `Idempotency-Key` (the alert id: the same alert again is the same alert),
`X-Nightjar-Timestamp` (Unix seconds) and `X-Nightjar-Signature: sha256=HEX`, where HEX is
HMAC-SHA256 over `TIMESTAMP.BODY` with the shared secret. A receiver answers 2xx to
accept, or 409 for a key that it has. Idempotency key: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

from bot.channel import Card, Channel, Setting
from bot.compose import event
from bot.posting import Posting
from storage.clock import Clock
from storage.model import Delivery

WANTS_SHEET = False
REPEATABLE = True


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

    def __init__(self, posting: Posting, secret: bytes, clock: Clock) -> None:
        self._posting, self._secret, self._clock = posting, secret, clock

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Post one event. See `Channel.send` for the errors."""
        told = event(delivery.alert) | {"headline": card.headline}
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        await self._posting.post(body, self._headers(delivery.alert.alert_id, body))
        return delivery.alert.alert_id

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

    async def close(self) -> None:
        """Close the connections."""
        await self._posting.close()


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """`sha256=` and the hexadecimal HMAC-SHA256 over `stamp.body`."""
    return "sha256=" + hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open with the secret read from its file or the environment."""
    if not isinstance(settings, Settings):
        raise TypeError("webhook settings expected")
    named = settings.secret_file or settings.secret_env
    secret = setting.secret(settings.secret_file, settings.secret_env) if named else ""
    posting = Posting(settings.url, setting.clock, called="webhook", timeout_s=settings.timeout_s)
    return Webhook(posting, secret.encode(), setting.clock)
