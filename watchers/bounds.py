"""Every bound of a visit in one place, so that an officer can read what we would never do.

Not for politeness (`throttle.py`) nor for what may be dialled (`guard.py`).
Seconds are loop seconds: they shrink with the loop in the simulated night.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits of one request; the target sets total time and body size.

    connect_s: DNS, TCP and TLS together. head_s: until the answer's header is complete.
    pace_bytes within each pace_s: a body that comes slower is cut. kept_wire_bytes: exact
    bytes kept beside the decoded body, beyond which framing is "normalised".
    """

    connect_s: float = 10.0
    head_s: float = 15.0
    pace_s: float = 5.0
    pace_bytes: int = 1_024
    redirects: int = 5
    header_line_bytes: int = 16_384
    # Real Content-Security-Policy headers pass aiohttp's 8,190; 32 KB holds all seen.
    header_field_bytes: int = 32_768
    header_fields: int = 256
    head_bytes: int = 524_288
    kept_wire_bytes: int = 4_000_000
    robots_bytes: int = 524_288
    """RFC 9309, 2.5: at least 500 KiB must be parsed."""
    robots_s: float = 10.0
    url_chars: int = 8_192


BOUNDS = Bounds()
