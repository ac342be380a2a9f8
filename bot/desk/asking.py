"""A command as it came, and what answering it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.desk.asides import Asides
from bot.desk.hands import Hands
from bot.desk.people import People
from bot.desk.rota import Rota, Turn
from bot.desk.server import Server
from bot.desk.tongue import Tongue
from bot.settings.custody import Officer
from bot.settings.units import seconds
from storage import standing
from storage.store import Store

if TYPE_CHECKING:
    from bot.desk.tips import Tips

_COMMAND = re.compile(r"/([a-z]{1,32})(?:@(\w+))?(?:\s+(.*))?", re.DOTALL | re.IGNORECASE)
_LASTING = re.compile(r"(?:^|\s)((?:\d{1,3}d)?(?:\d{1,4}h)?(?:\d{1,5}m)?)(?=\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command. words: what stands behind its name. picture: file id of a picture that came along, or ""."""

    name: str
    words: str
    update_id: int
    chat_id: int
    message_id: int
    officer: Officer
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What answering needs. night_began: start of the night that is, or was last."""

    store: Store
    server: Server
    hands: Hands
    asides: Asides
    tips: Tips
    people: People
    rota: Rota | None
    say: Tongue
    night_began: datetime

    @property
    def now(self) -> datetime:
        """The time by the store's clock."""
        return self.store.clock.now()

    def unmasked(self, asked: Asked) -> bool:
        """Whether contacts are in full in the answer to this."""
        return self.people.sees_contacts(asked.officer, asked.chat_id)

    async def turns(self) -> tuple[Turn, ...]:
        """Turns that were taken in the chat."""
        return await turns_of(self.store)


async def turns_of(store: Store) -> tuple[Turn, ...]:
    """Turns that were taken in the chat and are not over."""
    kept = await standing.turns(store.vault.database, store.clock.now())
    return tuple(Turn(starts=t.starts_at, ends=t.ends_at, officer=t.officer) for t in kept)


def split_command(text: str, bot_name: str) -> tuple[str, str] | None:
    """(name, the rest) of a command for this bot, or None: no command, or another bot's."""
    found = _COMMAND.match(text.strip())
    if found is None or (found[2] and bot_name and found[2].casefold() != bot_name.casefold()):
        return None
    return found[1].lower(), (found[3] or "").strip()


def lasting(words: str) -> tuple[str, timedelta | None, str]:
    """(before, how long, behind) the first duration such as 12h or 1d12h in a text; None without one."""
    for found in _LASTING.finditer(words):
        if found[1]:
            before, behind = words[: found.start(1)], words[found.end(1) :]
            return before.strip(), timedelta(seconds=seconds(found[1])), behind.strip()
    return words.strip(), None, ""
