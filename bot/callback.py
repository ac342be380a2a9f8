"""What a button of a card carries: `a1:ALERT:ACTION:VERSION:TAG`, at most 64 bytes. Pure.

ALERT: 32 hex digits. ACTION: 1 to 11 of a-z, 0-9. VERSION: of the state that the card showed,
0 to 9999. TAG: the first 8 hex digits of HMAC-SHA256 over all before it, by the house's own key:
nobody can make up a button, and one of another installation is not taken for ours.
The bound of 64 bytes: https://core.telegram.org/bots/api#inlinekeyboardbutton
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

LONGEST_BYTES = 64
MOST_VERSION = 9_999
_FORM = re.compile(r"a1:([0-9a-f]{32}):([a-z0-9]{1,11}):(0|[1-9][0-9]{0,3}):([0-9a-f]{8})")
_TAG_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A press in words. version: the state of the alert that the presser saw."""

    alert_id: str
    action: str
    version: int = 0


def write(callback: Callback, key: bytes) -> str:
    """The data of a button. Raises ValueError for parts that have no place in it."""
    body = f"a1:{callback.alert_id}:{callback.action}:{callback.version}"
    data = f"{body}:{_tag(body, key)}"
    if _FORM.fullmatch(data) is None:
        raise ValueError(f"not an alert, action and version: {body!r}")
    return data


def read(data: str, key: bytes) -> Callback | None:
    """What a press says, or None when it is malformed, forged or of another house."""
    match = _FORM.fullmatch(data)
    if match is None:
        return None
    body = data[: -_TAG_DIGITS - 1]
    if not hmac.compare_digest(match[4], _tag(body, key)):
        return None
    return Callback(alert_id=match[1], action=match[2], version=int(match[3]))


def alert_in(data: str) -> str:
    """The alert that data of this form names, whoever made it; "" for other forms."""
    match = _FORM.fullmatch(data)
    return match[1] if match else ""


def _tag(body: str, key: bytes) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()[:_TAG_DIGITS]
