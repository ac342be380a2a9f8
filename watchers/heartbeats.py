"""Polls that showed what the last one showed, gathered into one line per target and few minutes.

A post that is listed again with the same digest needs no evidence of its own; that it was
still there at 02:14 is worth keeping all the same. What a listing shows for the first time
is written at the next chance; runs of equal polls at most every five minutes, so a crash
costs at most that much of them, and never a look of the vigil. The vigil writes them down.
"""

from __future__ import annotations

import hashlib
import heapq
import secrets
from array import array
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice

from storage.model import Listed, Polls, Response

GATHER = timedelta(minutes=5)
AT_ONCE = 250
"""Lines handed over at once: ten thousand, as after a start, hold the loop for half a second."""
MOST_WAITING = 20_000
"""Ended runs that wait for a disk that refuses; beyond, the oldest are dropped."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(slots=True, eq=False)
class _Run:
    """Equal polls of one target so far. told: the posts stand in a line that was handed over.

    polled: Unix seconds of each poll, as numbers: there are ten for each of ten thousand targets.
    body_sha256: of the bodies read, "" when they differ (`various`) or there were none.
    """

    pairs: Pairs
    posts: tuple[Listed, ...]
    told: bool = False
    polled: array[float] = field(default_factory=lambda: array("d"))
    not_modified: int = 0
    mark: bytes = b""
    """Stands for the body that came; b"": none has come yet, or `various`."""
    body_sha256: str = ""
    various: bool = False

    def polls(self, target: str) -> Polls:
        return Polls(
            target=target,
            polled_at=tuple(datetime.fromtimestamp(at, UTC) for at in self.polled),
            not_modified=self.not_modified,
            body_sha256=self.body_sha256,
            posts=self.posts,
            told=self.told,
        )

    def go_on(self) -> None:
        """Begin anew with the same posts, after what came so far was handed over."""
        if not self.told:
            self.posts = tuple(replace(listed, told=True) for listed in self.posts)
        self.told = True
        del self.polled[:]
        self.not_modified = 0
        self.mark, self.body_sha256, self.various = b"", "", False

    def came(self, mark: bytes, body: bytes) -> None:
        """A body came. Its digest is worth its price only while all are the same."""
        if self.various or mark == self.mark:
            return
        if self.mark:
            self.mark, self.body_sha256, self.various = b"", "", True
        else:
            self.mark, self.body_sha256 = mark, hashlib.sha256(body).hexdigest()


class Heartbeats:
    """The current run of every target. What is due is found without a look at the others."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._ended: deque[Polls] = deque(maxlen=MOST_WAITING)
        self._untold: dict[str, None] = {}
        """Targets that show something for the first time: their lines are due at the next chance."""
        self._gathering: list[tuple[float, int, str, _Run]] = []
        """Heap of the others by their first poll; entries of runs that have ended are passed over."""
        self._count = count()

    def note(self, target: str, page: Response, mark: bytes, posts: Pairs) -> None:
        """A listing was asked and showed these. mark: `sameness.tag` of its body, b"" for a 304."""
        run = self._runs.get(target)
        if run is None or run.pairs != posts:
            before = run.posts if run is not None else ()
            if run is not None and run.polled:
                self._ended.append(run.polls(target))
            run = self._runs[target] = _Run(posts, _listed(posts, before))
        at_s = page.started_at.timestamp()
        if not run.polled:
            if run.told:
                heapq.heappush(self._gathering, (at_s, next(self._count), target, run))
            else:
                self._untold[target] = None
        run.polled.append(at_s)
        if mark:
            run.came(mark, page.body)
        else:
            run.not_modified += 1

    def due(self, now: datetime) -> tuple[Polls, ...]:
        """What is to be written now, at most `AT_ONCE` lines; each is handed over once."""
        found = [self._ended.popleft() for _ in range(min(len(self._ended), AT_ONCE))]
        for target in list(islice(self._untold, AT_ONCE - len(found))):
            del self._untold[target]
            found.append(self._hand_over(target, self._runs[target]))
        latest_s = (now - GATHER).timestamp()
        while len(found) < AT_ONCE and self._gathering and self._gathering[0][0] <= latest_s:
            _, _, target, run = heapq.heappop(self._gathering)
            if self._runs.get(target) is run:
                found.append(self._hand_over(target, run))
        return tuple(found)

    def _hand_over(self, target: str, run: _Run) -> Polls:
        polls = run.polls(target)
        run.go_on()
        return polls


def _listed(pairs: Pairs, before: tuple[Listed, ...]) -> tuple[Listed, ...]:
    """The posts of a new run: as they stood in the run before, or with a salt of their own."""
    known = {(one.post_id, one.digest): one for one in before}
    found = []
    for pair in pairs:
        old = known.get(pair)
        if old is None:
            old = Listed(post_id=pair[0], digest=pair[1], salt=secrets.token_hex(16))
        elif not old.told:
            old = replace(old, told=True)
        found.append(old)
    return tuple(found)
