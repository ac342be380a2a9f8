"""Who is busy with which post: a row is claimed before it is read, so that nobody changes it in between.

The watch of a target and the vigil share one set of (target, post id) pairs; each gives
back only what it claimed itself.
"""

from __future__ import annotations

from collections.abc import Iterable

Key = tuple[str, str]


class Claims:
    """The claims of one watch within the shared set `busy`. Who claims nothing keeps no set of its own."""

    __slots__ = ("_busy", "_held", "_mine", "_target")

    def __init__(self, busy: set[Key], target: str) -> None:
        self._busy, self._target = busy, target
        self._mine: set[Key] | None = None
        self._held: set[Key] | None = None

    def claim(self, ids: Iterable[str]) -> set[str]:
        """Those of the posts that nobody was busy with; from now on we are."""
        free = {i for i in ids if (self._target, i) not in self._busy}
        if free:
            keys = {(self._target, i) for i in free}
            self._mine = self._mine or set()
            self._mine |= keys
            self._busy |= keys
        return free

    def hold(self, post_id: str) -> None:
        """Keep a claim until `release`: its capture waits in a queue or is in a hand."""
        self._held = self._held or set()
        self._held.add((self._target, post_id))

    def give_back(self, ids: Iterable[str]) -> None:
        """Give up our claims on these posts, except the held ones."""
        self._drop({(self._target, i) for i in ids}.difference(self._held or ()))

    def cede(self, post_id: str) -> None:
        """Leave a claim to somebody else, who gives it back: the post stays claimed."""
        self._hold_no_more(post_id)
        if self._mine is not None:
            self._mine.discard((self._target, post_id))

    def release(self, post_id: str) -> None:
        """The capture is done: give up the held claim."""
        self._hold_no_more(post_id)
        self.give_back([post_id])

    def end(self) -> None:
        """Give up everything; for a watch that has ended."""
        self._held = None
        self._drop(set(self._mine or ()))

    def _hold_no_more(self, post_id: str) -> None:
        if self._held is not None:
            self._held.discard((self._target, post_id))
            self._held = self._held or None

    def _drop(self, keys: set[Key]) -> None:
        if self._mine is None:
            return
        keys &= self._mine
        self._mine -= keys
        self._busy -= keys
        self._mine = self._mine or None
