"""The daemon's own counters, read from /metrics; they start over when it does."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field

_LINE = re.compile(r"(nightjar_\w+)(\{[^}]*\})? (\S+)\Z")
TIMEOUT_S = 2.0


@dataclass
class Counters:
    """Sums over all daemons of one night."""

    _now: dict[str, float] = field(default_factory=dict)
    _before: dict[str, float] = field(default_factory=dict)

    def read(self, port: int) -> bool:
        """Ask once; False when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_S) as answer:
                text = answer.read().decode()
        except (OSError, urllib.error.URLError):
            return False
        self._now = {}
        for line in text.splitlines():
            if found := _LINE.match(line):
                self._now[found[1] + (found[2] or "")] = float(found[3])
        return True

    def restarted(self) -> None:
        """The next daemon counts from nothing; keep what the last one had."""
        for name, value in self._now.items():
            self._before[name] = self._before.get(name, 0.0) + value
        self._now = {}

    def snapshot(self) -> dict[str, float]:
        """All sums so far."""
        names = {*self._before, *self._now}
        return {name: self._before.get(name, 0.0) + self._now.get(name, 0.0) for name in sorted(names)}

    @classmethod
    def restored(cls, sums: dict[str, float]) -> Counters:
        """Counters as `snapshot` gave them."""
        return cls(_before=dict(sums))

    def total(self, name: str, labels: str = "") -> float:
        """A counter's value over all its labels, or those whose text holds `labels`."""
        return sum(
            value
            for table in (self._before, self._now)
            for key, value in table.items()
            if key.partition("{")[0] == f"nightjar_{name}" and labels in key
        )

    def share_within(self, name: str, bound: str) -> float | None:
        """Share of a histogram's observations at most `bound` (its own bucket label)."""
        everything = self.total(f"{name}_count")
        return self.total(f"{name}_bucket", f'le="{bound}"') / everything if everything else None

    def quantile(self, name: str, percent: float) -> float | None:
        """Upper bound of the bucket that holds the percentile, None without observations."""
        everything = self.total(f"{name}_count")
        bounds = sorted(
            {
                float(m[1])
                for key in {*self._now, *self._before}
                if (m := re.search(r'le="([\d.]+)"', key)) and key.startswith(f"nightjar_{name}_bucket")
            }
        )
        for bound in bounds:
            labels = {f'le="{text}"' for text in (f"{bound}", f"{bound:g}")}
            if (
                everything
                and max(self.total(f"{name}_bucket", label) for label in labels) >= everything * percent / 100
            ):
                return bound
        return None
