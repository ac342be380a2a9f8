"""What the keys of one target say against one another: floors, bounds, nights without a poll."""

from __future__ import annotations

from collections.abc import Mapping

from bot.settings.keys import PaceKeys
from bot.settings.shapes import Fault, hints, salvage
from bot.settings.units import spoken_s, window_s

FLOOR_S = 5.0
"""Fastest interval without `allow_fast`."""
_FASTEST_S = 0.05


def bounds(table: Mapping[str, object]) -> tuple[Fault, ...]:
    """Where interval, day_interval, allow_fast and window of a target contradict one another.

    Takes the table as written, so that a mistake elsewhere in it does not hide these.
    """
    given = {k: v for k, v in table.items() if k in hints(PaceKeys)}
    # A malformed allow_fast is told already; the floor is then not held against the target.
    keys = salvage(given, PaceKeys, {"allow_fast": True} if "allow_fast" in given else {})
    if keys is None:
        return ()
    faults = [
        *_too_fast("interval", keys.interval, keys),
        *_too_fast("day_interval", keys.day_interval, keys),
    ]
    night_s = window_s(keys.window.start, keys.window.end)
    if night_s == 0:
        why = "start and end are the same: the night would have no minute"
        allowed = "different times; set day_interval as well to watch round the clock"
        faults.append(Fault(path=("window",), why=why, allowed=allowed))
    elif keys.interval > night_s:
        why = f"is longer than the window of {spoken_s(night_s)}: some nights would have no poll"
        faults.append(Fault(path=("interval",), why=why, allowed=f"at most {spoken_s(night_s)}"))
    return tuple(faults)


def _too_fast(key: str, value: float | None, keys: PaceKeys) -> list[Fault]:
    floor = _FASTEST_S if keys.allow_fast else FLOOR_S
    if value is None or value >= floor:
        return []
    hint = "" if keys.allow_fast else ", or less with allow_fast = true for a host of your own"
    return [Fault(path=(key,), why="is too fast", allowed=f"at least {spoken_s(floor)}{hint}")]
