"""How usual posts without a word are, target by target: where hardly any are, such a one is worth a look.

What a target is used to is learnt as it is watched: a few numbers a target, kept in memory (`lore` gathers
them anew after a start). A target that is new is taken for one where people write, so that a board of
pictures alone tells of its first post or two, and then of none. All targets together are counted as well, so
that a thousand such boards do not each tell of their first.
"""

from __future__ import annotations

from dataclasses import dataclass

RARE = 0.05
"""The share of posts without a word up to which one of them is told."""
_SEEN_BEFORE = 30.0
"""Posts, none without a word, that a target is believed to have shown before it was watched."""
_REMEMBERED = 400.0
"""Posts after which what is known weighs half: a target's habits change."""


@dataclass(slots=True)
class _Count:
    posts: float = _SEEN_BEFORE
    silent: float = 0.0

    def note(self, *, silent: bool) -> None:
        self.posts += 1
        self.silent += silent
        if self.posts > _REMEMBERED:
            self.posts, self.silent = self.posts / 2, self.silent / 2

    def is_rare(self) -> bool:
        """Whether one more would still be one of few."""
        return (self.silent + 1) / (self.posts + 1) <= RARE


class Habits:
    """Counts of posts and of those without a word. For one event loop."""

    def __init__(self) -> None:
        self._of: dict[str, _Count] = {}
        self._all = _Count()

    def note(self, target: str, *, silent: bool) -> None:
        """A post of this target was judged for the first time."""
        self._of.setdefault(target, _Count()).note(silent=silent)
        self._all.note(silent=silent)

    def is_rare(self, target: str) -> bool:
        """Whether a post without a word is unusual on this target, and on all together."""
        return self._all.is_rare() and self._of.get(target, _Count()).is_rare()
