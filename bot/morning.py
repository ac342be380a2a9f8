"""The signed root of the log, posted when the night's last watch window ends.

A message in the chat carries the chat's own date and lies with people who are not on this
machine: whoever keeps it can show later that the log of that night was changed, cut or made
anew. It corroborates and no more: administrators of a chat can delete messages.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from storage import checkpoints, notes
from storage.checkpoints import Signed
from storage.clock import Clock
from storage.codec import stamp
from storage.errors import StoreError
from storage.model import Tier
from storage.store import Store

log = structlog.get_logger(__name__)

LOOK_S = 600.0
"""At the longest: an edit of the configuration may have moved the end of the night."""


class Morning:
    """The loop of one daemon. channels: who is told, perhaps nobody; night: whether a window is open.

    change: the first instant after a given one at which a window opens or closes.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        channels: Callable[[], tuple[str, ...]],
        night: Callable[[], bool],
        change: Callable[[datetime], datetime],
        spoke: Callable[[], None],
    ) -> None:
        self._store, self._clock = store, clock
        self._channels, self._night, self._change, self._spoke = channels, night, change, spoke

    async def run(self) -> None:
        """Post at each end of the night, for ever. A store in trouble makes it late or skips it."""
        was_night = self._night()
        while True:
            now = self._clock.now()
            await self._clock.sleep(min(LOOK_S, max(1.0, (self._change(now) - now).total_seconds())))
            is_night = self._night()
            if was_night and not is_night:
                try:
                    await self.post()
                except StoreError as trouble:
                    log.warning("the morning's checkpoint was not posted", why=str(trouble))
            was_night = is_night

    async def post(self) -> None:
        """Sign what there is and tell its root. Raises StoreError."""
        channels = self._channels()
        if not channels:
            return
        point = await checkpoints.sign(self._store, "morning")
        await self._store.notify(words(point, self._store.vault.origin), announce=channels, tier=Tier.NORMAL)
        self._spoke()


def words(point: Signed, origin: str) -> str:
    """What is posted: everything that is signed, and the signature. Pure."""
    signature = point.note.rstrip("\n").rpartition(" ")[2]
    return (
        f"checkpoint of the night: log {notes.log_name(origin)}, {point.size} entries, root {point.root}, "
        f"signed {stamp(point.at)}, signature {signature}. Keep this message: it shows whether the log "
        "was changed later."
    )
