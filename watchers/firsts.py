"""When first polls begin, so that no second has more requests than another. Pure.

The shares of `spread` are even, and for that reason every host has one of its targets polled
within the first moments of a start. Each of those polls is two requests, the site's robots.txt
and then the listing, as far apart as the host's limit wants it. With 500 hosts the first second
and a half would have twice the requests of any other, and the polls held up by them would
come on top of those that follow. So first polls are laid out beforehand: the same order,
one request after another at an even rate that has done with them all in their time. Where intervals
are so short that their hosts cannot be met in one, the start takes as long as meeting them does.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from watchers import cadence

OVER = 1.1
"""Spans after which a poll is no matter of a few requests that came before it: its host has no room."""

MET_PER_S = 200.0
"""Hosts that are met in a second at most: a connection, its robots.txt and a listing that is read whole cost
ten times what a later poll does. A thousand targets at one second on 500 hosts are all met within 2.5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """The first poll of a target. due_s, and span_s within which it is to be, count from the start.

    spacing_s: between two requests to its host. cold: its host's robots.txt is to be asked for first,
    unless another target's poll did so.
    """

    name: str
    host: str
    due_s: float
    span_s: float
    spacing_s: float
    cold: bool


def evened(firsts: Iterable[First]) -> dict[str, float]:
    """Seconds after the start at which each poll is to begin, by target: the listing never before it is due.

    What a host's limit lets through long after the span alone is due as it was, and waits at the host.
    """
    ordered = _stretched(sorted(firsts, key=lambda first: first.due_s))
    lines: dict[str, deque[First]] = {}
    for first in ordered:
        lines.setdefault(first.host, deque()).append(first)
    rate = _Rate(ordered, lines.values())
    # What goes out next at each host: when it may, whose turn it is among equals, and its line.
    waiting = [(_ready_s(line[0]), number, line) for number, line in enumerate(lines.values())]
    heapq.heapify(waiting)
    begun: list[tuple[float, int, deque[First]]] = []
    """Lines whose first poll has asked for robots.txt: the listing follows whatever else there is."""
    found: dict[str, float] = {}
    met, next_s = set[str](), 0.0
    while waiting or begun:
        listing = not waiting or bool(begun and begun[0][0] <= max(next_s, waiting[0][0]))
        ready_s, number, line = heapq.heappop(begun if listing else waiting)
        at_s, head = max(ready_s, next_s), line[0]
        next_s = at_s + 1.0 / rate.at(at_s)
        free_s = at_s + head.spacing_s
        if not listing:
            found[head.name] = min(at_s, head.span_s) if at_s < OVER * head.span_s else head.due_s
            if head.cold and head.host not in met:
                met.add(head.host)
                heapq.heappush(begun, (free_s, number, line))
                continue
        line.popleft()
        if line:
            heapq.heappush(waiting, (max(line[0].due_s, free_s), number, line))
    return found


def least_span_s(cold_hosts: int) -> float:
    """Seconds over which first polls are laid at least, when so many hosts are to be met."""
    return cold_hosts / MET_PER_S


def _stretched(firsts: list[First]) -> list[First]:
    """The same with spans in which all hosts can be met."""
    least_s = least_span_s(len({first.host for first in firsts if first.cold}))
    return [first if first.span_s >= least_s else replace(first, span_s=least_s) for first in firsts]


def _ready_s(first: First) -> float:
    """When the first request to a host may go out: its robots.txt ahead of a listing that is then in time."""
    return max(0.0, first.due_s - first.spacing_s) if first.cold else first.due_s


class _Rate:
    """Requests/s at which all first polls are made in their time: of each span as many as it takes."""

    def __init__(self, firsts: Iterable[First], lines: Iterable[deque[First]]) -> None:
        counts = Counter(first.span_s for first in firsts)
        counts.update(line[0].span_s for line in lines if line[0].cold)
        spans = sorted(counts)
        self._steps: deque[tuple[float, float]] = deque()
        """Until when, and how many a second."""
        for begin, until_s in enumerate(spans):
            per_s = sum(counts[span_s] / span_s for span_s in spans[begin:])
            # A few that are added to a running watch need not wait for one another.
            self._steps.append((until_s, max(per_s, cadence.FIRST_POLLS_PER_S)))

    def at(self, at_s: float) -> float:
        """The rate at an instant; they are asked for in order. Afterwards as in the last span."""
        while len(self._steps) > 1 and at_s >= self._steps[0][0]:
            self._steps.popleft()
        return self._steps[0][1]
