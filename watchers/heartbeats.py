"""Polls that showed what the last one showed, gathered into one line per target and few minutes.

A post that is listed again with the same digest needs no evidence of its own; that it was
still there at 02:14 is worth keeping all the same. What a listing shows for the first time
is written at the next chance; runs of equal polls at most every five minutes, so a crash
costs at most that much of them, and never a look of the vigil. The vigil writes them down.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from storage.model import Listed, Polls, Response

GATHER = timedelta(minutes=5)
MOST_WAITING = 20_000
"""Ended runs that wait for a disk that refuses; beyond, the oldest are dropped."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Run:
    """Equal polls of one target so far. told: the posts stand in a line that was handed over."""

    pairs: Pairs
    posts: tuple[Listed, ...]
    told: bool = False
    polled_at: list[datetime] = field(default_factory=list)
    not_modified: int = 0
    mark: bytes = b""
    """Stands for the body that came; b"": none has come yet, or `various`."""
    body_sha256: str = ""
    various: bool = False

    def polls(self, target: str) -> Polls:
        return Polls(
            target=target,
            polled_at=tuple(self.polled_at),
            not_modified=self.not_modified,
            body_sha256=self.body_sha256,
            posts=self.posts,
            told=self.told,
        )

    def go_on(self) -> None:
        """Begin anew with the same posts, after what came so far was handed over."""
        self.told = True
        self.posts = tuple(replace(listed, told=True) for listed in self.posts)
        self.polled_at, self.not_modified = [], 0
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
    """The current run of every target."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._ended: deque[Polls] = deque(maxlen=MOST_WAITING)

    def note(self, target: str, page: Response, mark: bytes, posts: Pairs) -> None:
        """A listing was asked and showed these. mark: `sameness.tag` of its body, b"" for a 304."""
        run = self._runs.get(target)
        if run is None or run.pairs != posts:
            before = run.posts if run is not None else ()
            if run is not None and run.polled_at:
                self._ended.append(run.polls(target))
            run = self._runs[target] = _Run(posts, _listed(posts, before))
        run.polled_at.append(page.started_at)
        if mark:
            run.came(mark, page.body)
        else:
            run.not_modified += 1

    def due(self, now: datetime) -> tuple[Polls, ...]:
        """What is to be written now; it is handed over once."""
        found = list(self._ended)
        self._ended.clear()
        for target, run in self._runs.items():
            if run.polled_at and (not run.told or now - run.polled_at[0] >= GATHER):
                found.append(run.polls(target))
                run.go_on()
        return tuple(found)


def _listed(pairs: Pairs, before: tuple[Listed, ...]) -> tuple[Listed, ...]:
    """The posts of a new run: as they stood in the run before, or with a salt of their own."""
    known = {(one.post_id, one.digest): one for one in before}
    found = []
    for pair in pairs:
        old = known.get(pair)
        fresh = Listed(post_id=pair[0], digest=pair[1], salt=secrets.token_hex(16))
        found.append(fresh if old is None else old if old.told else replace(old, told=True))
    return tuple(found)
