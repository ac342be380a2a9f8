"""What nobody takes goes further: after 3, 6 and 12 minutes, by rows with a due time.

The rows are written with the alert and end with whoever takes it, so a restart goes on where the
last process stopped, and nothing goes further once it is taken. One loop, no timers: it sleeps
until the next row is due, at most `LOOK_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.desk import rota as rotas
from bot.desk.asking import turns_of
from bot.desk.people import People
from bot.desk.rota import Rota
from bot.desk.tongue import tongue
from bot.direct import direct
from bot.words import plain
from storage import duties, tonight
from storage.clock import Clock
from storage.duties import DueStep
from storage.duty import LEVELS_S
from storage.errors import DiskTrouble
from storage.model import Tier
from storage.store import Store

log = structlog.get_logger(__name__)

LOOK_S = 20.0
"""Shorter than the three minutes in which the earliest of what is written meanwhile is due."""
LATE_S = 5.0
PAUSE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Whom an alert goes to at a level. tell: channels of people; remind: those and the fallback."""

    tell: tuple[str, ...]
    remind: tuple[str, ...] = ()


def ahead(level: int, order: tuple[str, ...], people: People, fallback: str) -> Ahead:
    """Whom level 1 to 3 goes to. order: names from who is on call on, the first "" where nobody is. Pure.

    1: the next officer; the first, where none was told yet. 2: the one after him, and supervisors.
    3: everybody, and the fallback channel.
    """
    place = level - 1 if order[:1] == ("",) else level
    reached = [one for name in order if (one := people.named(name)) is not None and one.telegram]
    if not reached:
        reached = list(people.by_role("officer", "investigator"))
    seniors = list(people.by_role("supervisor", "admin"))
    if level == 1:
        chosen = reached[place : place + 1] or seniors[:1] or reached[:1]
    elif level == 2:
        chosen = reached[place : place + 1] + seniors
    else:
        chosen = reached + seniors + list(people.by_role("officer", "investigator"))
    tell = tuple(dict.fromkeys(direct(one.telegram) for one in chosen))
    return Ahead(tell=tell, remind=(fallback,) if level >= len(LEVELS_S) and fallback else ())


class Escalation:
    """The loop of one daemon. `run` ends by cancellation."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        people: Callable[[], People],
        rota: Callable[[], Rota | None],
        fallback: Callable[[], str],
        spoke: Callable[[], None],
    ) -> None:
        self._store, self._clock = store, clock
        self._people, self._rota, self._fallback, self._spoke = people, rota, fallback, spoke
        self._on_call: str | None = None
        self._news = asyncio.Event()

    @property
    def on_call(self) -> str:
        """Who was on call when the loop looked last; "" before that, for nobody, and without a rota."""
        return self._on_call or ""

    def came(self) -> None:
        """Somebody did something, perhaps took a turn: the next urgent alert is for him."""
        self._news.set()

    async def run(self) -> None:
        """Take further what is due, for ever. A store in trouble makes it late."""
        while True:
            self._news.clear()
            try:
                await self.once()
                pause = await self._pause()
            except DiskTrouble as trouble:
                log.warning("escalation waits for the disk", why=str(trouble))
                await self._clock.sleep(PAUSE_S)
            else:
                await self._rest(pause)

    async def _rest(self, pause_s: float) -> None:
        """Until the next look is due by the clock, which tests and demos lead, or somebody did something."""
        ways = [asyncio.ensure_future(one) for one in (self._clock.sleep(pause_s), self._news.wait())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in ways:
                one.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def once(self) -> int:
        """Take further what is due now; how many alerts went. Raises StoreError."""
        went = 0
        due = await duties.due(self._store.vault.database, self._clock.now())
        latest = {step.alert_id: step for step in due}  # after a stop: the furthest level alone
        for step in latest.values():
            went += await self._further(step)
        await self._hand_over()
        if went:
            self._spoke()
        return went

    async def _further(self, step: DueStep) -> bool:
        order = await self.order()
        whom = ahead(step.level, order, self._people(), self._fallback())
        words = await self._words(step)
        done = await duties.act(
            self._store.vault, duties.by_clock(step), tell=whom.tell, reminder=(words, whom.remind)
        )
        if done.refusal is not None:
            await duties.skip(self._store.vault, step, "not needed")
            return False
        late = (self._clock.now() - step.due_at).total_seconds()
        log.warning(
            "nobody took an urgent alert: it goes further",
            alert=step.alert_id,
            level=step.level,
            told=len(whom.tell),
            late_s=round(late, 1) if late > LATE_S else 0,
        )
        return True

    async def order(self) -> tuple[str, ...]:
        """Names from who is on call on, the first "" while nobody is; empty without a rota."""
        rota = self._rota()
        if rota is None:
            return ()
        now, turns = self._clock.now(), await turns_of(self._store)
        names = rotas.line(rota, now, turns)
        return names if rotas.on_call(rota, now, turns) else ("", *names)

    async def _words(self, step: DueStep) -> str:
        minutes = int(LEVELS_S[step.level - 1] // 60)
        lines = await tonight.headlines(self._store, [step.alert_id])
        about = f"{plain(lines[0].words, 80)} [{lines[0].target}]" if lines else step.alert_id
        return f"urgent alert {step.alert_id[:12]} is taken by nobody after {minutes} minutes: {about}"

    async def _pause(self) -> float:
        now, rota = self._clock.now(), self._rota()
        due = await duties.next_due(self._store.vault.database, now)
        turn = None if rota is None else rotas.until(rota, now, await turns_of(self._store))
        waits = [(at - now).total_seconds() for at in (due, turn) if at is not None]
        return max(0.05, min([*waits, LOOK_S]))

    # --- hand-over -------------------------------------------------------------------

    async def _hand_over(self) -> None:
        """Tell whoever comes on call what is open, at that instant, after hours without anybody too.

        Not after a start: who was on call before it is not known.
        """
        rota = self._rota()
        if rota is None:
            return
        now = self._clock.now()
        turns = await turns_of(self._store)
        name = rotas.on_call(rota, now, turns)
        before, self._on_call = self._on_call, name
        officer = self._people().named(name) if name else None
        if before is None or name == before or officer is None or not officer.telegram:
            return
        ends = rotas.until(rota, now, turns)
        say = tongue("en", self._people().zone_in(officer.telegram))
        words = await hand_over_words(self._store, name, before, now, say.minute(ends))
        await self._store.notify(words, announce=(direct(officer.telegram),))
        self._spoke()


async def hand_over_words(store: Store, name: str, before: str, now: datetime, ends: str) -> str:
    """What the next officer is told at the start of his turn. Raises StoreError.

    before: who was on call, "" for nobody. ends: by his clocks.
    """
    waiting = await duties.open_cards(store.vault.database, now - duties.LAPSED)
    lines = await tonight.headlines(store, [one.alert_id for one in waiting])
    urgent = sum(line.tier is Tier.URGENT for line in lines)
    taken = await tonight.taken(store.vault.database, now - duties.LAPSED)
    if not before:
        return (
            f"{name}, you are on call until {ends}: {len(waiting)} alerts are taken "
            f"by nobody ({urgent} urgent), {taken} are taken and not resolved"
        )
    return (
        f"{name}, you are on call until {ends}, after {before}: {len(waiting)} alerts are taken "
        f"by nobody ({urgent} urgent), {taken} are taken and not resolved"
    )
