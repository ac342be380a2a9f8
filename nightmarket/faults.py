"""What goes wrong with one request: by the hour (troubles) and by chance (3 % and 1 %)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from math import ceil

from nightmarket.model import Site, Span, Trouble

ERROR_SHARE = 0.03
CUT_SHARE = 0.01
SLOW_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """kind: down, busy, captcha, login, blip, reset, 500, 502, cut. until: end of a trouble."""

    kind: str
    until: datetime | None = None


class Faults:
    """Decides the fault of each request of one site; the chances come from the seed."""

    def __init__(self, site: Site, troubles: tuple[Trouble, ...], seed: int) -> None:
        self._site = site
        self._spans: dict[str, list[Span]] = {}
        for trouble in troubles:
            if trouble.site == site.number:
                self._spans.setdefault(trouble.kind, []).append(trouble.span)
        self._chance = random.Random(f"{seed} faults {site.number}")

    def active(self, kind: str, now: datetime) -> Span | None:
        """The stretch of a trouble that holds now."""
        return next((span for span in self._spans.get(kind, ()) if span.holds(now)), None)

    def of(self, kind: str, now: datetime) -> Fault | None:
        """The fault that a request for a thing of this kind meets, or None."""
        for name in ("down", "busy", "captcha"):
            if (span := self.active(name, now)) and not (name == "captcha" and kind == "robots"):
                return Fault(kind=name, until=span.end)
        if kind in ("page", "single"):
            for name in ("login", "blip"):
                if span := self.active(name, now):
                    return Fault(kind=name, until=span.end)
        return self._by_chance()

    def _by_chance(self) -> Fault | None:
        drawn = self._chance.random()
        if drawn < ERROR_SHARE:
            return Fault(kind=("500", "500", "502", "reset")[int(drawn / ERROR_SHARE * 4)])
        return Fault(kind="cut") if drawn < ERROR_SHARE + CUT_SHARE else None

    @property
    def delay_s(self) -> float:
        """How long the site thinks before it answers."""
        return SLOW_S if "slow" in self._site.traits else 0.0


def retry_after(until: datetime, now: datetime, *, as_date: bool) -> str:
    """Retry-After in one of its two forms (RFC 9110, 10.2.3), not before `until`."""
    left = max(1, ceil((until - now).total_seconds()))
    if not as_date:
        return str(left)
    from datetime import UTC, timedelta

    return format_datetime((now + timedelta(seconds=left + 1)).astimezone(UTC), usegmt=True)
