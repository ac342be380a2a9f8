"""The ntfy channel: alerts as push notices on a telephone, by ntfy.sh or a server of your own.

One POST to the topic (https://docs.ntfy.sh/publish/): the first line is the title, an urgent alert has the
highest priority, which rings through "do not disturb" where the telephone lets it. Words only: no pictures,
no buttons, nothing in them can be tapped. The server does not know the same alert again, so one whose answer
was lost comes again and says so.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from bot.channel import Card, Channel, Setting
from bot.posting import Posting
from bot.words import disarmed
from storage.model import Delivery, Tier

WANTS_SHEET = False
REPEATABLE = False

_PRIORITY = {Tier.URGENT: "5", Tier.HIGH: "4", Tier.NORMAL: "3"}
_TAGS = {Tier.URGENT: "rotating_light", Tier.HIGH: "warning", Tier.NORMAL: "owl"}
_LONGEST_BYTES = 4_000
"""The server makes a file of what is longer than 4,096 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of an ntfy channel.

    url: of the topic, as "https://ntfy.sh/some-name-that-nobody-guesses": whoever knows it reads along, where
    the server asks for no token. token_file / token_env: an access token, in a file not readable by others
    or an environment variable. timeout_s: seconds for one attempt.
    """

    url: str
    token_file: str = ""
    token_env: str = ""
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        scheme, _, rest = self.url.partition("://")
        if scheme not in ("http", "https") or not rest.strip("/").partition("/")[2]:
            raise ValueError("url must be http:// or https://, a server and a topic")
        if not 0 < self.timeout_s <= 25:
            raise ValueError("timeout_s must be above 0 and at most 25")


class Ntfy:
    """Posts words to a topic."""

    def __init__(self, posting: Posting, token: str) -> None:
        self._posting, self._token = posting, token

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Post one notice; the receipt is the alert's id. See `Channel.send` for the errors."""
        tier = delivery.alert.tier
        words = disarmed(card).text
        title, _, rest = words.partition("\n")
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Title": _header(title),
            "Priority": _PRIORITY.get(tier, "3"),
            "Tags": _TAGS.get(tier, "owl"),
            "Markdown": "no",
        }
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = (rest.strip() or title).encode("utf-8", "replace")[:_LONGEST_BYTES]
        await self._posting.post(body.decode("utf-8", "ignore").encode(), headers)
        return delivery.alert.alert_id

    async def close(self) -> None:
        """Close the connections."""
        await self._posting.close()


def _header(text: str) -> str:
    """Words in a header, as RFC 2047 writes them; the server reads that."""
    plain = " ".join(text.split())
    if plain.isascii() and plain.isprintable():
        return plain
    return f"=?utf-8?B?{base64.b64encode(plain.encode('utf-8', 'replace')).decode()}?="


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open with the token read from its file or the environment, if one is named."""
    if not isinstance(settings, Settings):
        raise TypeError("ntfy settings expected")
    named = settings.token_file or settings.token_env
    token = setting.secret(settings.token_file, settings.token_env) if named else ""
    posting = Posting(settings.url, setting.clock, called="ntfy", timeout_s=settings.timeout_s)
    return Ntfy(posting, token)
