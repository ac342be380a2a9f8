"""Names of request headers: which the program sends itself, which speak of a log-in. Pure.

One place for both uses: `check` refuses to configure a header that speaks of a log-in, and a
manifest shows the values of the program's own headers only (docs/evidence.md, Redaction).
"""

from __future__ import annotations

import re

SENT_BY_US = frozenset(
    [
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "connection",
        "referer",
        "if-none-match",
        "if-modified-since",
    ]
)
"""Every other header of a request is a target's own."""
_LOG_IN = re.compile(
    r"(?i)auth(?!or(?!i))|cookie|token|secret|credential|passw|pwd|session|sess(?![a-z])|sessid|csrf|xsrf|jwt|bearer"
    r"|log-?in|signature|key(?![a-z])|(?:^|[-_.])(?:sig|sid|pass|pin)(?:$|[-_.])"
)
_HARMLESS = re.compile(
    r"(?i)accept-language|cache-control|pragma|dnt|origin|referer|x-requested-with|sec-(?:fetch|ch|gpc).*"
)


def speaks_of_log_in(name: str) -> bool:
    """True when the name of a header or parameter says that its value opens something."""
    return _LOG_IN.search(name) is not None


def may_open(name: str) -> bool:
    """True unless a header is known to open nothing: what its answer sets may then renew a log-in."""
    return _HARMLESS.fullmatch(name) is None
