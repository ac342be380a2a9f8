"""Which pieces of evidence need the files that are not whole: part of `verify`, in its thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_TOLD = 3
_MOST_FILES = 1_000
"""As many as a report tells of."""


@dataclass(slots=True)
class Needs:
    """Of each damaged file the first few pieces of evidence whose manifests name it, and how many."""

    _named: dict[str, list[str]] = field(default_factory=dict)
    _count: dict[str, int] = field(default_factory=dict)

    def miss(self, name: str) -> None:
        """That file is not whole: who needs it is kept from now on."""
        if len(self._named) < _MOST_FILES:
            self._named.setdefault(name, [])

    def hear(self, evidence_id: str, names: Iterable[str]) -> None:
        """The files that a piece of evidence names."""
        for name in self._named.keys() & set(names):
            self._count[name] = self._count.get(name, 0) + 1
            if len(self._named[name]) < _TOLD:
                self._named[name].append(evidence_id)

    def of(self, name: str) -> str:
        """Who needs a file, in words that go behind a fault; "" when no readable manifest names it."""
        if not self._count.get(name):
            return ""
        more = self._count[name] - len(self._named[name])
        return f"; needed by evidence {', '.join(self._named[name])}" + (f" and {more} more" if more else "")
