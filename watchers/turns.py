"""Which due poll may begin: one line per host, and a bound over all of them.

A poll that is due joins the line of its host. The head of a line begins when the host's
gate (`throttle.py`) could let it start, so that what waits for a host waits here, in order
and without a task. Hosts that answer slowly share a part of the places: however many of
them there are, they leave room for the others.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from watchers.schedule import EARLY_S, Schedule

MOST_AT_ONCE = 256
"""Polls under way at the same time; as many requests as the throttle lets out over all hosts."""
MOST_SLOW = 128
"""Of these, polls of hosts whose last poll was slow."""
MOST_COLD = 1_024
"""Beside these, polls of hosts that were not asked yet: such a poll asks for robots.txt and then waits, as
long as the host's limit says, to ask for its listing. Counted with the others, the hosts of a start that
allow one request a second held all places, and polls of hosts that were met waited."""
SLOW_S = 5.0
"""A poll that took so long makes its host a slow one, until one takes less."""
PATIENCE_S = 10.0
"""A host that is paused for longer is asked at once: the gate says so, and the target's health with it."""
URGENT_TURNS_S = 1.5
"""While captures queue at a gate, polls for so many seconds of its turns wait there too: it gives them
every second turn after three seconds, which it could not give to polls that wait here."""
_ANY_S = 0.001


class GateView(Protocol):
    """What a host's gate tells of itself."""

    @property
    def spacing_s(self) -> float: ...
    @property
    def places(self) -> int: ...
    @property
    def urgent(self) -> int: ...
    def free_in_s(self) -> float: ...
    def paused_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to poll a target now. slow: it takes a place of the slow hosts; cold: of those not asked yet."""

    name: str
    host: str
    slow: bool
    cold: bool = False


@dataclass(slots=True)
class _Line:
    """The polls of one host: those that wait, and how many are under way."""

    waiting: deque[str] = field(default_factory=deque)
    under_way: int = 0
    slow: bool = False
    ready: bool = False


class Turns:
    """The lines of all hosts. `gate` gives the gate of a host, None before it was first asked."""

    def __init__(
        self,
        gate: Callable[[str], GateView | None],
        *,
        most: int = MOST_AT_ONCE,
        most_slow: int = MOST_SLOW,
        most_cold: int = MOST_COLD,
    ) -> None:
        self._gate = gate
        self._most, self._most_slow, self._most_cold = most, most_slow, most_cold
        self._lines: dict[str, _Line] = {}
        self._ready: deque[str] = deque()
        self._slow_ready: deque[str] = deque()
        self._cold_ready: deque[str] = deque()
        self._later = Schedule()
        self.waiting = 0
        """Due polls that have not begun."""
        self.under_way = 0
        self._slow_under_way = 0
        self._cold_under_way = 0

    def line_up(self, name: str, host: str) -> None:
        """The poll of target `name` is due."""
        line = self._lines.get(host)
        if line is None:
            line = self._lines[host] = _Line()
        line.waiting.append(name)
        self.waiting += 1
        if host not in self._later:
            self._make_ready(host, line)

    def leave(self, name: str, host: str) -> None:
        """Target `name` is not to be polled after all; harmless when it does not wait."""
        line = self._lines.get(host)
        if line is not None and name in line.waiting:
            line.waiting.remove(name)
            self.waiting -= 1
            self._forget(host, line)

    def next_s(self) -> float:
        """When a line that waits for its host's gate is to be looked at again."""
        return self._later.next_s()

    def begin(self, now_s: float) -> Iterator[Turn]:
        """The polls that may begin now; each is under way until `ended`."""
        for host, _ in self._later.due(now_s):
            self._make_ready(host, self._lines.get(host))
        if self._slow_under_way < self._most_slow:
            self._ready.extend(self._slow_ready)
            self._slow_ready.clear()
        if self._cold_under_way < self._most_cold:
            self._ready.extend(self._cold_ready)
            self._cold_ready.clear()
        while self._ready and self.under_way < self._most:
            host = self._ready.popleft()
            line, gate = self._lines[host], self._gate(host)
            if line.slow and self._slow_under_way >= self._most_slow:
                self._slow_ready.append(host)
                continue
            if gate is None and self._cold_under_way >= self._most_cold:
                self._cold_ready.append(host)
                continue
            line.ready = False
            turn = self._head(host, line, gate, now_s)
            if turn is not None:
                yield turn

    def ended(self, turn: Turn, took_s: float) -> None:
        """A poll that had begun is over, however it ended."""
        line = self._lines[turn.host]
        line.under_way -= 1
        self.under_way -= not turn.cold
        self._cold_under_way -= turn.cold
        self._slow_under_way -= turn.slow
        line.slow = took_s > SLOW_S
        if turn.host not in self._later:
            self._make_ready(turn.host, line)
        self._forget(turn.host, line)

    def _head(self, host: str, line: _Line, gate: GateView | None, now_s: float) -> Turn | None:
        """The first of a line, if it may begin; else the line comes back when it may."""
        if not line.waiting:
            self._forget(host, line)
            return None
        wait_s = self._wait_s(line, gate)
        if wait_s > EARLY_S:
            if wait_s < math.inf:  # otherwise the end of one that is under way brings it back
                self._later.put(host, now_s + wait_s)
            return None
        cold = gate is None
        turn = Turn(line.waiting.popleft(), host, line.slow and not cold, cold)
        line.under_way += 1
        self.waiting -= 1
        self.under_way += not cold
        self._cold_under_way += cold
        self._slow_under_way += turn.slow
        if line.waiting:  # the gate learns of this start only when its task runs
            self._later.put(host, now_s + max(_ANY_S, gate.spacing_s if gate else _ANY_S))
        return turn

    def _wait_s(self, line: _Line, gate: GateView | None) -> float:
        """Seconds until the head may begin; infinite while the end of another is to be waited for."""
        if gate is None:
            return math.inf if line.under_way else 0.0
        places = gate.places
        if gate.urgent:
            places += 1 + int(URGENT_TURNS_S / gate.spacing_s)
        if line.under_way >= places:
            return math.inf
        if gate.urgent or gate.paused_s() > PATIENCE_S:
            return 0.0
        return gate.free_in_s()

    def _make_ready(self, host: str, line: _Line | None) -> None:
        if line is not None and line.waiting and not line.ready:
            line.ready = True
            self._ready.append(host)

    def _forget(self, host: str, line: _Line) -> None:
        if not line.waiting and not line.under_way and not line.slow and not line.ready:
            self._lines.pop(host, None)
            self._later.drop(host)
