"""The daemon's side of its cosigners: its log is shown in a folder, cosigned notes are picked up there.

How the folder travels to the other host and back is the admin's affair (rsync, a shared
disk, a stick); see docs/operations.md. Nothing here is waited for by anything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from storage import cosigners
from storage.clock import Clock
from storage.errors import StoreError
from storage.store import Store
from storage.witness import read_vkey

log = structlog.get_logger(__name__)

LOOK_S = 60.0
"""How often the folder is looked at."""


class Witnessing:
    """`run` for as long as the daemon lives; does nothing while no cosigner is configured."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        trusted: Callable[[], tuple[str, ...]],
        *,
        tell_admin: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store, self._clock, self._trusted, self._tell = store, clock, trusted, tell_admin

    async def run(self) -> None:
        """Show and pick up for ever. May be cancelled anywhere."""
        while True:
            if self._trusted():
                try:
                    await self.turn()
                except StoreError as trouble:  # whatever it is, it must not end the watch
                    log.warning("cosigners wait for the store", why=str(trouble))
            await self._clock.sleep(LOOK_S)

    async def turn(self) -> None:
        """Once: pick up first, so that what was signed is known when proofs are made. Raises DiskTrouble."""
        trusted = [read_vkey(text) for text in self._trusted()]
        for why in await cosigners.pick_up(self._store.vault, trusted):
            await self._tell(f"{why}; it was put aside in witness/cosigned")
        await cosigners.show(self._store.vault)
