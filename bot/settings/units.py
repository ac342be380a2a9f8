"""Durations, sizes and clock times as people write them. Pure; every refusal is a ValueError."""

from __future__ import annotations

import math
import re

DURATION = 'a duration such as "30s", "5m" or "1h30m", or a whole number of seconds'
SIZE = 'a size such as "8MB" or "512KB", or a whole number of bytes'
TIME = 'a wall time "HH:MM" from "00:00" to "23:59"'

_SPAN = re.compile(
    r"(?:(\d{1,6})d)?\s?(?:(\d{1,7})h)?\s?(?:(\d{1,8})m)?\s?(?:(\d{1,9}(?:\.\d{1,6})?)s)?", re.ASCII
)
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s?(B|KB|MB|GB|KiB|MiB|GiB)", re.ASCII)
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::00)?", re.ASCII)
_LONGEST_S = 366 * 86400.0


def seconds(value: object) -> float:
    """Seconds of "1h30m", "45s", "2d" or a plain number; 0 to one year.

    Raises ValueError saying what is allowed.
    """
    number = math.nan
    if isinstance(value, str):
        number = _spelled(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value) if abs(value) < _LONGEST_S * 2 else math.inf
    if math.isnan(number):
        raise ValueError(f"must be {DURATION}")
    if not 0 <= number <= _LONGEST_S:
        raise ValueError("must be between 0s and 366d")
    return number


def _spelled(text: str) -> float:
    found = _SPAN.fullmatch(text.strip())
    if not found or not any(found.groups()):
        unit = f', perhaps "{text.strip()}s"' if re.fullmatch(r"\s*\d{1,9}\s*", text) else ""
        raise ValueError(f"must be {DURATION}{unit}")
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest


def size_bytes(value: object) -> int:
    """Bytes of "8MB" (10^6), "8MiB" (2^20) or a plain number. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"must be {SIZE}")
    return int(float(found[1]) * _BYTES[found[2]])


def wall_time(value: object) -> str:
    """Give "HH:MM" of a wall time, which may also be a TOML time (21:00:00). Raises ValueError."""
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"must be {TIME}")
    return f"{found[1]}:{found[2]}"


def window_s(start: str, end: str) -> float:
    """Length in seconds of a window of wall times, across midnight when `start` > `end`."""
    first, last = (int(t[:2]) * 60 + int(t[3:]) for t in (start, end))
    return float((last - first) % 1440 * 60)


def spoken_s(seconds_: float) -> str:
    """Seconds as people write them: 90 -> "1m30s", 0.5 -> "0.5s"."""
    whole, rest = divmod(round(seconds_, 3), 60)
    hours, minutes = divmod(int(whole), 60)
    parts = [f"{hours}h" * (hours > 0), f"{minutes}m" * (minutes > 0), f"{rest:g}s" * (rest > 0)]
    return "".join(parts) or "0s"
