"""The room channel: alerts in a room of Slack, Mattermost, Rocket.Chat or Discord, by an incoming webhook.

https://api.slack.com/messaging/webhooks, which Mattermost and Rocket.Chat take too, and
https://discord.com/developers/docs/resources/webhook#execute-webhook. The words stand in a block of code,
where none of these servers makes links, names or commands of what a seller wrote. No pictures, no buttons.
The server does not know the same alert again, so one whose answer was lost comes again and says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from bot.channel import Card, Channel, Setting
from bot.posting import Posting
from bot.words import disarmed, units
from storage.errors import ConfigError
from storage.model import Delivery, Tier

WANTS_SHEET = False
REPEATABLE = False

_FENCE = "```"
_TICK = "\u02cb"
"""Stands for a backtick, which would end the block."""
_DISCORD_MOST = 1_900
_SUPPRESS_EMBEDS, _SILENT = 1 << 2, 1 << 12
"""Flags of a Discord message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of a room channel.

    server: "slack" (also Mattermost and Rocket.Chat) or "discord". url_file / url_env: where the address of
    the incoming webhook is (a file not readable by others, or the name of an environment variable): whoever
    has it speaks in the room. timeout_s: seconds for one attempt.
    """

    server: str = "slack"
    url_file: str = ""
    url_env: str = ""
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if self.server not in ("slack", "discord"):
            raise ValueError('server must be "slack" or "discord"')
        if not (self.url_file or self.url_env):
            raise ValueError("url_file or url_env must be given")
        if not 0 < self.timeout_s <= 25:
            raise ValueError("timeout_s must be above 0 and at most 25")


class Room:
    """Posts words into a room."""

    def __init__(self, posting: Posting, server: str) -> None:
        self._posting, self._server = posting, server

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Post one message; the receipt is the alert's id. See `Channel.send` for the errors."""
        words = disarmed(card).text.replace("`", _TICK)
        told = _discord(words, delivery) if self._server == "discord" else _slack(words)
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        await self._posting.post(body, {"Content-Type": "application/json; charset=utf-8"})
        return delivery.alert.alert_id

    async def close(self) -> None:
        """Close the connections."""
        await self._posting.close()


def _slack(words: str) -> dict[str, object]:
    """Slack reads commands such as <!channel> in code as well, unless their signs are written out."""
    safe = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = f"{_FENCE}\n{safe}\n{_FENCE}"
    return {"text": text, "unfurl_links": False, "unfurl_media": False}


def _discord(words: str, delivery: Delivery) -> dict[str, object]:
    while units(words) > _DISCORD_MOST:
        words = words[: len(words) - 50]
    quiet = delivery.alert.tier not in (Tier.URGENT, Tier.HIGH)
    flags = _SUPPRESS_EMBEDS | (_SILENT if quiet else 0)
    content = f"{_FENCE}\n{words}\n{_FENCE}"
    return {"content": content, "allowed_mentions": {"parse": []}, "flags": flags}


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open with the address read from its file or the environment. Raises ConfigError when it is none."""
    if not isinstance(settings, Settings):
        raise TypeError("room settings expected")
    url = setting.secret(settings.url_file, settings.url_env)
    if not url.startswith(("http://", "https://")):
        key = "url_file" if settings.url_file else "url_env"
        raise ConfigError("what stands there is no http:// or https:// address", key=key)
    posting = Posting(url, setting.clock, called=settings.server, timeout_s=settings.timeout_s)
    return Room(posting, settings.server)
