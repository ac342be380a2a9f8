"""Leading the daemon through a disk that refuses: noticing it, telling it once, and getting back.

While all is well a small file is written every few seconds, so that trouble shows on
`/readyz` within ten, even on an idle night. During trouble files and database are probed;
once both take again, what memory holds is sealed, what was put off is written, the gap goes
into the log, and the admin is told what it cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.vitals import Vitals
from storage import patience
from storage.clock import Clock
from storage.codec import stamp
from storage.errors import DiskTrouble
from storage.patience import PAUSE_S, DiskWatch, Reserve
from storage.store import Store
from storage.threads import in_thread

log = structlog.get_logger(__name__)

PROBE_S = 6.0
"""Real seconds between two probes of a disk that is well; `/readyz` must be red within ten."""
KIND = "gap"
"""Of the log entry that names a time in which not everything was preserved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What a trouble did to captures: so many came, were told from memory, were sealed after, were lost."""

    captured: int = 0
    told: int = 0
    kept: int = 0
    given_up: int = 0

    def plus(self, other: Losses) -> Losses:
        """Both together."""
        return Losses(
            captured=self.captured + other.captured,
            told=self.told + other.told,
            kept=self.kept + other.kept,
            given_up=self.given_up + other.given_up,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What the rescue asks of others.

    keep: seals what memory holds, oldest first; raises DiskTrouble. losses: what became of
    the captures, asked once at the end. tell: a word to the admin, whatever the disk does.
    """

    keep: Callable[[], Awaitable[None]]
    losses: Callable[[], Losses]
    tell: Callable[[str], Awaitable[None]]


class Rescue:
    """One per daemon. spare_bytes: free room below which no reserve is made."""

    def __init__(
        self,
        store: Store,
        disk: DiskWatch,
        clock: Clock,
        hands: Hands,
        vitals: Vitals,
        *,
        spare_bytes: Callable[[], int],
    ) -> None:
        self._store, self._disk, self._clock, self._hands = store, disk, clock, hands
        self._vitals, self._spare_bytes = vitals, spare_bytes
        self._reserve = Reserve(store.folder)
        self._since: datetime | None = None
        self._why = ""
        self._told: datetime | None = None
        """Since when the admin knows of a trouble; it may come and go until the reserve is back."""
        self._total = Losses()
        self._was_full = False
        disk.led = True

    async def run(self) -> None:
        """Probe and rescue, for ever."""
        await self._hoard()
        while True:
            await self._rest()
            if not self._disk.trouble:
                await self._look()
            if self._disk.trouble:
                await self._endure()

    async def _rest(self) -> None:
        """Until the next probe is due, or the disk refused something."""
        if self._disk.trouble or self._told is not None:  # what is over is told by the next look
            await self._clock.sleep(PAUSE_S)
            return
        try:
            async with asyncio.timeout(PROBE_S * self._clock.speed):
                await self._disk.alarm.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        try:
            await patience.touch(self._store.folder)
        except DiskTrouble as refused:
            self._disk.note(refused)
        else:
            await self._hoard()

    async def _hoard(self) -> None:
        """Make the reserve when there is room for it; only then a full disk is over, and told to be."""
        try:
            spare_bytes = self._spare_bytes()
        except DiskTrouble as refused:
            self._disk.note(refused)
            return
        had = self._reserve.is_there
        made = await in_thread(self._reserve.make, spare_bytes)
        if self._told is not None and (made or had or not self._was_full):
            await self._tell_end(self._told)

    async def _endure(self) -> None:
        """One turn of a trouble: make room, say it once, and see whether it is over."""
        if self._since is None:
            self._since, self._why = self._disk.since or self._clock.now(), self._disk.trouble
            self._vitals.disk_troubles_total.inc()
        freed = await self._make_room()
        if self._told is None:
            self._told, self._was_full = self._since, bool(freed)
            room = f"; a reserve of {freed // 1_000_000} MB was freed" if freed else ""
            await self._hands.tell(
                f"disk: {self._disk.trouble}{room}. Polling and alerts go on; what cannot be kept is marked"
                " NOT PRESERVED and held in memory. Make room or mend the disk"
            )
        try:
            await patience.probe(self._store.vault)
            await self._get_back()
        except DiskTrouble as refused:
            self._disk.note(refused)

    async def _make_room(self) -> int:
        """Free the reserve when the disk is full, not when it is read-only; bytes freed."""
        try:
            free = await in_thread(patience.free_bytes, self._store.folder)
        except DiskTrouble:
            return 0
        return await in_thread(self._reserve.free) if free < patience.RESERVE_BYTES else 0

    async def _get_back(self) -> None:
        """Seal, make up, log the gap, tell. Raises DiskTrouble: then the next turn goes on."""
        await self._hands.keep()
        late = await self._disk.make_up()
        since, now = self._since or self._clock.now(), self._clock.now()
        self._disk.over()
        await self._hands.keep()  # what was refused while the rest was made up for
        losses, forgotten = self._hands.losses(), self._disk.forgotten
        facts = gap_facts(since, now, self._why, losses, late=late, forgotten=forgotten)
        await self._disk.or_later(lambda: self._store.log_event(KIND, facts))
        log.info("the gap is in the log", **facts)
        self._since, self._disk.forgotten = None, 0
        self._total = self._total.plus(losses)

    async def _tell_end(self, since: datetime) -> None:
        self._told, total, self._total = None, self._total, Losses()
        await self._hands.tell(
            f"disk: all is well again. Since {stamp(since)}: {total.captured} captures were not preserved at"
            f" once, {total.kept} of them are now, {total.given_up} were given up, {total.told} alerts were"
            " told from memory. The gap is in the log"
        )


def gap_facts(
    since: datetime, until: datetime, reason: str, losses: Losses, *, late: int, forgotten: int
) -> Mapping[str, str]:
    """The facts of a gap as the log keeps them; counts as decimal digits. Pure."""
    return {
        "from": stamp(since),
        "until": stamp(until),
        "reason": reason,
        "captured_in_memory": str(losses.captured),
        "told_from_memory": str(losses.told),
        "sealed_afterwards": str(losses.kept),
        "given_up": str(losses.given_up),
        "writes_made_up_for": str(late),
        "writes_forgotten": str(forgotten),
    }
