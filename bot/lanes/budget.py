"""What a chat may be told, and when: pure accounts of sends and edits over the last minute.

A group or channel takes 20 a minute, sends and edits together (levlam in tdlib/td#2592, #3034), a
private chat one a second, all chats together 30 a second; we stay below each. Of a group's minute
four places are kept for urgent alerts and at most five go to edits. After a 429 a chat rests for as
long as it was asked to; when a second one comes within a minute, all chats do.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

MINUTE_S = 60.5
"""Half a second more than the server's minute: calls do not take equally long to arrive."""
GROUP_MOST, URGENT_KEPT, EDITS_MOST = 18, 4, 5
URGENT_TOP = 19
"""An urgent alert may take the place that is otherwise left for clocks that differ."""
QUIET_MOST = GROUP_MOST - URGENT_KEPT
FREE = 2
"""However many urgent alerts were told, so many places stay free for the next ones."""
BURST = 6
"""After so many in a minute, what is not urgent is spread over it: then a place is free again every few
seconds, however many urgent alerts come."""
PRIVATE_EVERY_S = 1.05
OVERALL_MOST, OVERALL_S = 25, 1.0
TWICE_WITHIN_S = 60.0


class Use(Enum):
    """What a place in the budget is for."""

    URGENT = "an urgent alert, or a look for one whose answer was lost"
    SEND = "another message"
    EDIT = "an edit"


@dataclass(slots=True)
class Purse:
    """The account of one chat. Times are monotonic seconds."""

    private: bool
    held_until: float = 0.0
    _spent: deque[tuple[float, Use]] = field(default_factory=deque)

    def wait_s(self, use: Use, now: float) -> float:
        """Seconds until this is within the budget, 0 when it is."""
        self._forget(now)
        return max(0.0, self.held_until - now, self._room_s(use, now))

    def _room_s(self, use: Use, now: float) -> float:
        if self.private:
            return self._spent[-1][0] + PRIVATE_EVERY_S - now if self._spent else 0.0
        times = [at for at, _ in self._spent]
        waits = [self._until(times, URGENT_TOP if use is Use.URGENT else GROUP_MOST - FREE, now)]
        if use is not Use.URGENT:
            quiet = [at for at, what in self._spent if what is not Use.URGENT]
            waits.append(self._until(quiet, QUIET_MOST, now))
            if len(quiet) >= BURST:
                waits.append(quiet[-1] + MINUTE_S / QUIET_MOST - now)
        if use is Use.EDIT:
            edits = [at for at, what in self._spent if what is Use.EDIT]
            waits.append(self._until(edits, EDITS_MOST, now))
        return max(waits)

    @staticmethod
    def _until(times: list[float], most: int, now: float) -> float:
        """Seconds until fewer than `most` of these lie within the minute."""
        return 0.0 if len(times) < most else times[len(times) - most] + MINUTE_S - now

    def spend(self, use: Use, now: float) -> None:
        """Count a call that is made now."""
        self._forget(now)
        self._spent.append((now, use))

    def hold(self, now: float, seconds: float) -> None:
        """Rest for so long."""
        self.held_until = max(self.held_until, now + seconds)

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0][0] <= now - MINUTE_S:
            self._spent.popleft()


class Purses:
    """The accounts of all chats of one bot, and the one over all."""

    def __init__(self) -> None:
        self._chats: dict[str, Purse] = {}
        self._all: deque[float] = deque()
        self._told: deque[float] = deque()
        self._held_until = 0.0

    def of(self, chat: str, *, private: bool) -> Purse:
        """The account of a chat; channels that speak in the same chat share it."""
        return self._chats.setdefault(chat, Purse(private=private))

    def wait_s(self, purse: Purse, use: Use, now: float) -> float:
        """Seconds until a call is within every budget."""
        while self._all and self._all[0] <= now - OVERALL_S:
            self._all.popleft()
        over = 0.0 if len(self._all) < OVERALL_MOST else self._all[0] + OVERALL_S - now
        return max(purse.wait_s(use, now), over, self._held_until - now, 0.0)

    def spend(self, purse: Purse, use: Use, now: float) -> None:
        """Count a call in both accounts."""
        purse.spend(use, now)
        self._all.append(now)

    def told_to_wait(self, purse: Purse, now: float, seconds: float) -> bool:
        """A 429 came: the chat rests, and all of them when it was the second within a minute."""
        purse.hold(now, seconds)
        while self._told and self._told[0] <= now - TWICE_WITHIN_S:
            self._told.popleft()
        self._told.append(now)
        if len(self._told) > 1:
            self._held_until = max(self._held_until, now + seconds)
        return len(self._told) > 1
