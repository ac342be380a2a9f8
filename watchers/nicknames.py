"""Tonight's words for goods: learnt from posts that were told, and asked of those that would not be.

Kept in memory: a few thousand words; `lore` gathers them anew after a start. `nightjar lexicon suggest` finds
them by the morning with all that statistics can say; this finds the second post of a night, quietly.
"""

from __future__ import annotations

from collections import OrderedDict

from storage.model import Tier

MOST = 5_000
"""Words kept of either side; the one met longest ago goes."""
_PER_SELLER = 2
"""Posts that nothing else tells, by sellers told under a word, from which on it is an ordinary one."""
_LOUD = (Tier.URGENT, Tier.HIGH)


class Nicknames:
    """Words before worked pieces: by whom they were used in loud posts, and in how many quiet ones."""

    def __init__(self) -> None:
        self._loud: OrderedDict[str, set[str]] = OrderedDict()
        self._quiet: OrderedDict[str, int] = OrderedDict()

    def note(self, names: tuple[str, ...], tier: Tier, seller: str) -> None:
        """A post with these words was judged. tier: without what this says of it."""
        for name in names:
            if tier in _LOUD:
                self._loud.setdefault(name, set()).add(seller)
                self._loud.move_to_end(name)
            elif tier is Tier.NONE:
                self._quiet[name] = self._quiet.pop(name, 0) + 1
        for kept in (self._loud, self._quiet):
            while len(kept) > MOST:
                kept.popitem(last=False)

    def told(self, names: tuple[str, ...], seller: str) -> str:
        """The first of these words under which another seller was told and few sell openly; "" for none."""
        return next((name for name in names if self._is_of_goods(name, seller)), "")

    def _is_of_goods(self, name: str, seller: str) -> bool:
        sellers = self._loud.get(name, set()) - {seller}
        return len(sellers) > 0 and self._quiet.get(name, 0) < _PER_SELLER * len(sellers)
