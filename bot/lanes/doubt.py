"""What became of a message whose answer was lost: looked for by its own buttons, between known ids.

Ids of a chat rise. The newest known when the message was sent bounds it from below, a silent message
sent now from above. Each id between is given the very buttons of the lost message: "not modified" says
that it has them, so it arrived; another message of ours that was touched gets its own back. Before a
look its id is written down: after a kill in the middle, "not modified" would prove nothing of that
message, and its words are compared instead; so are all words where the server is known not to tell the
same buttons from others (`storage.live`). None found: it was surely not sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from bot.channel import Button, Card, ChatChannel, Keyboard, Probe
from bot.lanes.bracket import bracket
from bot.lanes.budget import Purse, Use
from bot.lanes.tools import Tools
from storage import lanes
from storage.errors import NotSent, Uncertain, Unsendable
from storage.lane_words import Intent, LaneState, intent_of
from storage.model import Delivery

log = structlog.get_logger(__name__)

AGAIN_S = 1.0


def intent_for(chat: str, after: int, card: Card, *, repeat: bool) -> Intent:
    """What is about to be sent, as it is written down before. repeat: an earlier try may have arrived."""
    return Intent(
        chat=chat,
        after=after,
        form="photo" if card.sheet else "text",
        keyboard=tuple(tuple((one.label, one.data) for one in row) for row in card.keyboard),
        text_sha256=_sha(card.text),
        repeat=repeat,
    )


def _sha(text: str) -> str:
    return hashlib.sha256(text.strip().encode("utf-8", "replace")).hexdigest()


class Doubt:
    """Settles the lost answers of one chat, one at a time."""

    def __init__(
        self,
        name: str,
        channel: ChatChannel,
        tools: Tools,
        *,
        found: Callable[[Delivery, str], Awaitable[None]],
        trouble: Callable[[NotSent], Awaitable[float]],
        purse: Callable[[], Purse],
    ) -> None:
        """found: it arrived, with its receipt. trouble: a call failed; the pause to make."""
        self._name, self._channel, self._tools = name, channel, tools
        self._found, self._trouble, self._purse = found, trouble, purse
        self._since: dict[int, float] = {}
        self._looked: set[int] = set()

    def begin(self, delivery_id: int) -> None:
        """The answer to this one was lost just now."""
        self._since[delivery_id] = self._tools.clock.monotonic()

    async def settle(self, delivery: Delivery) -> float:
        """Find out, as far as the budget lets us now; the pause to make, 0 when something was learnt."""
        number, now = delivery.delivery_id, self._tools.clock.monotonic()
        left = self._since.setdefault(number, now) + self._channel.grace_s - now
        if left > 0:
            return left
        if not await lanes.is_sending(self._tools.store.vault, number):  # an update told meanwhile
            self._forget(number)
            return 0.0
        intent = intent_of(delivery.intent)
        if intent is None or intent.chat != self._channel.chat:
            await self._again(delivery, "it cannot be looked for: sent before the chat moved", repeat=True)
            return 0.0
        try:
            return await self._look(delivery, intent)
        except NotSent as error:
            return await self._trouble(error)
        except (Uncertain, Unsendable) as error:  # each call here may be made again
            return await self._trouble(NotSent(f"no answer to a look: {error}"))

    async def _look(self, delivery: Delivery, intent: Intent) -> float:
        number, vault = delivery.delivery_id, self._tools.store.vault
        bound = intent.bound
        if not bound:
            if pause := self._afford():
                return pause
            bound = await self._channel.bound("checking whether an alert arrived")
            await lanes.bounded(vault, number, replace(intent, bound=bound))
        known = await lanes.known(vault, intent.chat, intent.after)
        between = bracket(intent.after, bound, known)
        state = await lanes.state(vault, self._name)
        # A look that was cut off comes first: the next one takes its place in what is written down.
        first = [place for place in between.ids if place == state.touched]
        for place in (*first, *between.ids):
            if place in self._looked:
                continue
            if not self._channel.looks_are_free and (pause := self._afford()):
                return pause
            if await self._is_here(place, intent, state):
                await self._channel.unsay(bound)
                self._forget(number)
                log.info("a lost answer was found: it had arrived", channel=self._name, message=place)
                await self._found(delivery, f"{intent.form}:{place}")
                return 0.0
            self._looked.add(place)
        await lanes.seen(vault, self._name, bound)
        await lanes.touch(vault, self._name, 0)
        await self._channel.unsay(bound)
        why = "the answer was lost and the message is not there"
        await self._again(delivery, why, repeat=intent.repeat or not between.whole)
        return 0.0

    async def _is_here(self, place: int, intent: Intent, state: LaneState) -> bool:
        """Whether a message is the one that is looked for."""
        if place == state.touched or self._channel.by_words:
            said = await self._channel.words(place)
            if said is not None and _sha(said) == intent.text_sha256:
                return True
            if said is not None and place == state.touched:
                await self._restore(place)
            return False
        await lanes.touch(self._tools.store.vault, self._name, place)
        look = await self._channel.probe(place, _buttons(intent.keyboard))
        if look.probe is Probe.UNKNOWN:
            return _sha(await self._channel.words(place) or "") == intent.text_sha256
        if look.probe is Probe.TOUCHED and _sha(look.says) == intent.text_sha256:
            return True  # this server does not tell the same buttons from others, but what it edited
        if look.probe is Probe.TOUCHED:
            await self._restore(place)
        return look.probe is Probe.HERE

    async def _restore(self, place: int) -> None:
        """Messages that show alerts are known and never touched; what is, had no buttons of ours."""
        await self._channel.probe(place, ())

    async def _again(self, delivery: Delivery, why: str, *, repeat: bool) -> None:
        now = self._tools.clock.now()
        await lanes.again(self._tools.store.vault, delivery.delivery_id, now, why, uncertain=repeat)
        self._forget(delivery.delivery_id)
        log.info("a delivery is made again", channel=self._name, why=why, possible_repeat=repeat)

    def _forget(self, number: int) -> None:
        self._since.pop(number, None)
        self._looked.clear()

    def _afford(self) -> float:
        """Take a place in the budget, or the seconds until there is one."""
        purse, now = self._purse(), self._tools.clock.monotonic()
        pause = self._tools.purses.wait_s(purse, Use.URGENT, now)
        if pause <= 0:
            self._tools.purses.spend(purse, Use.URGENT, now)
        return max(0.0, pause)


def _buttons(keyboard: tuple[tuple[tuple[str, str], ...], ...]) -> Keyboard:
    return tuple(tuple(Button(label=label, data=data) for label, data in row) for row in keyboard)
