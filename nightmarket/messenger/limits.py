"""How much a bot may say: 30 a second over all, 20 a minute in a group or channel, 1 a second in private.

Sending and editing draw from the same budget (levlam in tdlib/td#2592, #3034). Who is told to
wait and asks again before its time is told so again, and is counted as early.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from nightmarket.messenger.words import Refusal

MINUTE_S = 60.0


@dataclass(slots=True, kw_only=True)
class Limits:
    """What is enforced; `on` False lets everything pass. burst: of a private chat, in messages.

    dynamic: halve the group budget for a minute after each violation, as is reported of the real one.
    """

    on: bool = True
    overall_per_s: int = 30
    group_per_minute: int = 20
    private_per_s: float = 1.0
    burst: int = 3
    dynamic: bool = False
    violations: int = 0
    early: int = 0
    most_in_a_minute: int = 0
    _spent: dict[int, deque[float]] = field(default_factory=dict)
    _all: deque[float] = field(default_factory=deque)
    _held: dict[int, float] = field(default_factory=dict)
    _halved: dict[int, float] = field(default_factory=dict)

    def charge(self, chat_id: int, *, private: bool, now: float, amount: int = 1) -> None:
        """Count a send or edit, or refuse it. Raises Refusal 429 with retry_after."""
        self._early(chat_id, now)
        spent = self._spent.setdefault(chat_id, deque())
        _forget(spent, now - MINUTE_S)
        _forget(self._all, now - 1.0)
        if self.on:
            wait = self._wait(spent, chat_id, now, amount, private=private)
            if wait > 0:
                self.violations += 1
                if self.dynamic:
                    self._halved[chat_id] = now + MINUTE_S
                raise self.hold(chat_id, now, math.ceil(wait))
        spent.extend([now] * amount)
        self._all.extend([now] * amount)
        if not private:
            self.most_in_a_minute = max(self.most_in_a_minute, len(spent))

    def hold(self, chat_id: int, now: float, seconds: int) -> Refusal:
        """Close a chat for so long, and the answer that says so."""
        self._held[chat_id] = max(self._held.get(chat_id, 0.0), now + seconds)
        return Refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)

    def _early(self, chat_id: int, now: float) -> None:
        until = self._held.get(chat_id, now)
        if until - now > 0.001:
            self.early += 1
            raise Refusal(
                429,
                f"Too Many Requests: retry after {math.ceil(until - now)}",
                retry_after=math.ceil(until - now),
            )

    def _wait(self, spent: deque[float], chat_id: int, now: float, amount: int, *, private: bool) -> float:
        """Seconds until there is room, 0 when there is."""
        waits = [0.0]
        if len(self._all) + amount > self.overall_per_s and self._all:
            waits.append(1.0 - (now - self._all[0]))
        if private:
            window = self.burst / self.private_per_s
            recent = [at for at in spent if at > now - window]
            if len(recent) + amount > self.burst:
                waits.append(window - (now - recent[0]))
            return max(waits)
        room = self.group_per_minute // (2 if self._halved.get(chat_id, 0.0) > now else 1)
        if len(spent) + amount > room:
            first = spent[max(0, len(spent) + amount - room - 1)] if spent else now
            waits.append(MINUTE_S - (now - first))
        return max(waits)


def _forget(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()
