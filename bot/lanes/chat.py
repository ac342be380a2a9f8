"""One chat's lane: what is told next, within the chat's budget, one call at a time.

Urgent alerts go first, then edits that are due (they show many alerts at once), then the rest. The
intent is durable before a call and the receipt after it; an answer that is lost leaves the delivery
`sending`, and nothing else is sent here until `settle` knows what became of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.answers import LONGEST_PAUSE_S
from bot.channel import ChatChannel
from bot.lanes import coalesce
from bot.lanes.budget import Use
from bot.lanes.telling import Teller
from bot.lanes.tools import Tools
from storage import incidents, lane_view, lanes, moves, outbox
from storage.errors import DiskTrouble
from storage.lane_view import LaneView
from storage.lane_words import Incident, LaneState, Place, Revision, Waiting
from storage.model import Tier
from storage.patience import PAUSE_S

IDLE_S = 30.0
EDIT_EVERY_S = 15.0
"""A message is edited at most this often; what happened meanwhile is in its next edit."""
QUIET_S = 120.0
"""An incident that nothing joined for so long takes nothing more: the next alert gets a sound again."""
INCIDENT_MOST = 400
STORM_FROM = 14
"""Messages that wait: more than a minute's worth."""
STORM_OVER_S = 600.0
PATIENCE_S = {0: 0.0, 1: 30.0, 2: 150.0}
"""Seconds that an alert or an edit may wait, by rank; of both, what is nearest to its end goes first."""
REVISED_S = {0: 0.0, 1: 30.0, 2: 60.0}
"""The same of what a post did since it was told: that it vanished is worth an officer's look at once."""
TOGETHER_S = 0.25
"""While something waits for the budget, what comes is looked at so often."""
TIGHT_S = 2.0
"""Urgent ones that have to wait for longer than this come together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An edit. until: when it should be made at the latest; allowed_at: not before."""

    until: datetime
    allowed_at: datetime
    edit: Revision | Incident


class ChatLane:
    """Runs one chat channel. `run` ends by cancellation or a StoreError other than DiskTrouble."""

    def __init__(self, name: str, channel: ChatChannel, tools: Tools) -> None:
        self.name, self._channel, self._tools = name, channel, tools
        self._store, self._clock = tools.store, tools.clock
        self._configured = channel.chat
        self._teller = Teller(name, channel, tools)
        self._poke = asyncio.Event()
        self._turn = asyncio.Lock()
        self._backlog = False

    def poke(self) -> None:
        """Something was added to the outbox."""
        self._poke.set()

    async def run(self) -> None:
        """Tell what waits, for ever."""
        while True:
            self._poke.clear()
            pause = await self.turn()
            if pause > 0:
                await self._rest(pause)

    async def turn(self) -> float:
        """Do the next thing there is; seconds until the one after it, 0 for at once."""
        async with self._turn, self._tools.alone(self._channel.chat):
            try:
                if not self._teller.begun:
                    await self._begin()
                await self._teller.rest()
                held = self._teller.purse.held_until - self._clock.monotonic()
                return held if held > 0 else await self._next()
            except DiskTrouble as refused:
                self._tools.disk.note(refused)
                return PAUSE_S

    async def arrived(self, alert_id: str, chat: str, message_id: int) -> None:
        """An update proved that a message of this chat shows an alert: a press, or its forward."""
        if chat == self._channel.chat:
            place = Place(channel=self.name, receipt=f"photo:{message_id}", message_id=message_id)
            await lanes.adopt(self._store.vault, place, alert_id, self._clock.now())
            self.poke()

    async def _begin(self) -> None:
        vault = self._store.vault
        state = await moves.enter(vault, self.name, self._configured)
        if state.chat:
            self._teller.follow(state.chat)
        now, mono = self._clock.now(), self._clock.monotonic()
        if state.rests_until is not None and state.rests_until > now:
            left_s = (state.rests_until - now).total_seconds()
            # By the wall clock, which may have been set back: no server asks for longer.
            self._teller.purse.hold(mono, min(left_s, LONGEST_PAUSE_S))
            if not state.last_id:  # once it may be asked for its ids
                return
        if not state.last_id:
            await self._teller.first_bound()
        for at in await lanes.recent(vault, self.name, now - timedelta(seconds=60)):
            self._teller.purse.spend(Use.SEND, mono - (now - at).total_seconds())
        self._teller.begun = True

    async def _rest(self, pause: float) -> None:
        """Until the pause is over, or sooner when something came; in a storm that is looked at together."""
        try:
            async with asyncio.timeout(min(pause, IDLE_S)):
                await self._poke.wait()
                if self._backlog:
                    await self._clock.sleep(TOGETHER_S)
        except TimeoutError:
            return

    # --- choosing ---------------------------------------------------------------------

    async def _next(self) -> float:
        vault, now = self._store.vault, self._clock.now()
        seen = await self._look(now)
        if lost := [number for number in seen.sending if number not in self._teller.ahead]:
            found = await outbox.chosen(vault, lost[:1])
            return await self._teller.doubt.settle(found[0]) if found else 0.0
        calls = self._channel.calls
        pause = await self._tools.unwritten(self.name)
        if pause or self._channel.calls != calls:  # what was seen may be told by now, or not be the loudest
            return pause
        waiting = self._waiting(seen, now)
        await self._storm(waiting, seen.state, now)
        if await self._gather(waiting, seen.incidents, now):
            now = self._clock.now()  # the new message is due since a moment ago
            seen = await self._look(now)
            waiting = self._waiting(seen, now)
        urgent = [one for one in waiting if one.rank == 0]
        if urgent and self._wait_s(Use.URGENT) <= 0:
            return await self._teller.send(urgent[0], Use.URGENT, seen.state)
        edits = self._edits(seen.revisions, seen.incidents, now)
        quiet = [one for one in waiting if one.rank > 0]
        due = next((one for one in edits if one.allowed_at <= now), None)
        may_send, may_edit = quiet and self._wait_s(Use.SEND) <= 0, due and self._wait_s(Use.EDIT) <= 0
        if due and may_edit and not (may_send and _until(quiet[0]) < due.until):
            return await self._teller.edit(due.edit)
        if may_send:
            return await self._teller.send(quiet[0], Use.SEND, seen.state)
        pauses = self._pauses(urgent, [one.allowed_at for one in edits], quiet, now)
        if seen.next_at is not None and seen.next_at > now:
            pauses.append((seen.next_at - now).total_seconds())
        return max(0.02, min(pauses))

    async def _look(self, now: datetime) -> LaneView:
        """How it stands. Marks that were put off are written before it, or still count as told after it."""
        if self._teller.ahead and not self._tools.disk.trouble and not self._tools.disk.put_off:
            self._teller.ahead.clear()
        return await lane_view.view(self._store.vault, self.name, now)

    def _waiting(self, seen: LaneView, now: datetime) -> tuple[Waiting, ...]:
        return tuple(one for one in seen.waiting if self._teller.ahead.get(one.delivery_id, now) <= now)

    def _pauses(
        self, urgent: list[Waiting], edits: list[datetime], quiet: list[Waiting], now: datetime
    ) -> list[float]:
        pauses, self._backlog = [IDLE_S], bool(edits or quiet)
        if urgent:
            pauses.append(self._wait_s(Use.URGENT))
        if edits:
            pauses.append(max(self._wait_s(Use.EDIT), (min(edits) - now).total_seconds()))
        if quiet:
            pauses.append(self._wait_s(Use.SEND))
        return pauses

    def _wait_s(self, use: Use) -> float:
        return self._tools.purses.wait_s(self._teller.purse, use, self._clock.monotonic())

    def _edits(
        self, revisions: tuple[Revision, ...], open_ones: tuple[Incident, ...], now: datetime
    ) -> list[Due]:
        """Edits, the one that is nearest to its end first; what people did comes before all."""
        found: list[Due] = []
        shown = {one.alert_id for one in open_ones if one.waiting}
        for one in revisions:
            if one.inside not in shown:
                until = one.since if one.duty else _until(one)
                allowed_at = now if one.duty else _rested(one.edited_at, now)
                found.append(Due(until=until, allowed_at=allowed_at, edit=one))
        for incident in open_ones:
            if incident.receipt and incident.state == "delivered" and incident.waiting:
                at = _rested(incident.edited_at, now)
                found.append(Due(until=_until(incident), allowed_at=at, edit=incident))
        return sorted(found, key=lambda one: one.until)

    async def _gather(self, waiting: tuple[Waiting, ...], found: tuple[Incident, ...], now: datetime) -> bool:
        """Put together what is told together; whether anything was."""
        vault, open_ones = self._store.vault, {}
        for one in found:
            quiet_s = (now - (one.joined_at or one.opened_at)).total_seconds()
            if one.key and (quiet_s > QUIET_S or one.count >= INCIDENT_MOST):
                await incidents.close(vault, one.alert_id, now)
            elif one.key:
                open_ones[one.key] = one.alert_id
        most = 1 if self._wait_s(Use.URGENT) > TIGHT_S else coalesce.URGENT_MOST
        together = [one for one in waiting if one.delivery_id not in self._teller.apart]
        gathered = coalesce.gather(together, open_ones, self._clusters(), urgent_most=most)
        for group in gathered:
            if group.incident:
                await incidents.join(vault, group.incident, group.members)
            else:
                await incidents.open_incident(
                    vault, self.name, group.key, group.rank, group.members, loud=group.loud
                )
        return bool(gathered)

    def _clusters(self) -> Counter[str]:
        """How many messages each cluster got within the minute."""
        since = self._clock.monotonic() - coalesce.WITHIN_S
        while self._teller.lately and self._teller.lately[0][0] < since:
            self._teller.lately.popleft()
        return Counter(cluster for _, cluster in self._teller.lately)

    async def _storm(self, waiting: tuple[Waiting, ...], state: LaneState, now: datetime) -> None:
        """Tell once that more waits than a minute takes; it is over when nothing waited for a while."""
        quiet = sum(one.rank > 0 for one in waiting)
        if quiet and quiet < STORM_FROM:
            return
        if quiet and state.storm_at is None:
            await lanes.storm(self._store.vault, self.name, now)
            text = f"storm: {quiet} alerts wait here; they are gathered by seller, urgent ones are unaffected"
            await self._store.notify(text, announce=(self.name,), tier=Tier.HIGH)
        elif not waiting and state.storm_at and (now - state.storm_at).total_seconds() > STORM_OVER_S:
            await lanes.storm(self._store.vault, self.name, None)


def _until(one: Waiting | Revision | Incident) -> datetime:
    """When it should be told at the latest."""
    since = one.created_at if isinstance(one, Waiting) else one.since
    known = REVISED_S if isinstance(one, Revision) else PATIENCE_S
    patience = timedelta(seconds=known.get(one.rank, 60.0))
    return (since or datetime.min.replace(tzinfo=UTC)) + patience


def _rested(edited_at: datetime | None, now: datetime) -> datetime:
    """From when a message may be edited again."""
    return now if edited_at is None else edited_at + timedelta(seconds=EDIT_EVERY_S)
