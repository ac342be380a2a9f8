"""What a Bot API server answered, as python-telegram-bot must be given it. Pure.

The library goes by the HTTP status and raises errors of Python's own where an answer is not what it
expects. Servers and proxies before them are not all alike: a refusal may come with status 200, a 429
without its seconds, a photo may be refused by a proxy's page. Each becomes what
https://core.telegram.org/bots/api#making-requests says, so that every caller learns the same of it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

UNKNOWN_PAUSE_S = 5
"""Where a server asks to wait and does not say for how long."""
LONGEST_PAUSE_S = 3_600
MOST_SAID = 500
_DONE = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\s*,')
"""How an answer begins that is no refusal; it need not be read twice."""
_AFTER = re.compile(r"retry after (\d+)", re.IGNORECASE)
_OWN = frozenset({400, 401, 403, 404, 409, 429})
"""Refusals that the library tells apart."""
_LATER = frozenset({408, 425})
"""Whether such a request was carried out is not known."""
_SLOWER = frozenset({420, 429})
UNREADABLE = (
    *(TypeError, KeyError, ValueError, AttributeError, IndexError),
    *(ArithmeticError, OSError, RecursionError),
)
"""What the library raises over an answer whose fields are not what it expects: among them a time beyond all
years, by the machine's own errors, and a message that answers a message a thousand times over."""


def told(status: int, body: bytes, retry_after: str = "") -> tuple[int, bytes]:
    """The status and body to go on with. retry_after: the header of that name.

    Of a page that is no answer nothing is kept: it may be long, and repeat the address with the token.
    """
    if 200 <= status <= 299 and _DONE.match(body):
        return status, body
    found = _object(body)
    if 200 <= status <= 299:
        if found is None or found.get("ok") is not False:
            return status, body
        status = _code(found.get("error_code"))
    found = found or {}
    if status in _SLOWER:
        return 429, _waiting(found, retry_after)
    said = str(found.get("description") or f"{_phrase(status)} ({status})")[:MOST_SAID]
    code = 400 if _is_other_refusal(status) else status
    return code, _refusal(code, said, **_moved(found.get("parameters")))


def _moved(parameters: object) -> dict[str, int]:
    to = parameters.get("migrate_to_chat_id") if isinstance(parameters, dict) else None
    digits = str(to).removeprefix("-")
    whole = not isinstance(to, bool) and digits.isascii() and digits.isdecimal() and len(digits) < 19
    return {"migrate_to_chat_id": int(str(to))} if whole else {}


def _is_other_refusal(status: int) -> bool:
    """A refusal that the library would take for a trouble of the line, and callers for an open question."""
    return 400 <= status <= 499 and status not in _OWN | _LATER


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _code(given: object) -> int:
    return given if type(given) is int and 400 <= given <= 599 else 400


def _waiting(found: Mapping[str, Any], header: str) -> bytes:
    said = str(found.get("description") or "Too Many Requests")
    parameters = found.get("parameters")
    given = parameters.get("retry_after") if isinstance(parameters, dict) else None
    words = _AFTER.search(said)
    for one in (given, words and words[1], header):
        if (seconds := _seconds(one)) is not None:
            break
    else:
        seconds = UNKNOWN_PAUSE_S
    return _refusal(429, said, retry_after=seconds)


def _seconds(given: object) -> int | None:
    try:
        asked = float(str(given))
    except ValueError:
        return None
    return max(1, min(LONGEST_PAUSE_S, math.ceil(asked))) if math.isfinite(asked) else None


def _refusal(code: int, said: str, **parameters: int) -> bytes:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": said}
    return json.dumps(body | ({"parameters": parameters} if parameters else {})).encode()


def is_update_id(given: object) -> bool:
    """Whether it can be the number of an update."""
    return type(given) is int and 0 <= given < 1 << 53


# --- what the library insists on --------------------------------------------------------

_MOST_DEEP = 12
_BRIEF = frozenset({"message_id", "date", "chat", "text", "caption"})


def brief(found: dict[str, Any]) -> dict[str, Any]:
    """An answer whose message keeps only what a channel reads of it: number, chat and words.

    The rest is what was sent a moment ago; to make objects of it took longer than to write it.
    """
    result = found.get("result")
    if not isinstance(result, dict) or "message_id" not in result:
        return found
    return found | {"result": {key: value for key, value in result.items() if key in _BRIEF}}


def filled(found: Any, depth: int = 0) -> Any:
    """JSON of the server with the fields that the library needs to read a message, a press or a person.

    None of them is used for anything; without them a whole update would be lost.
    """
    if depth > _MOST_DEEP:
        return found
    if isinstance(found, list):
        return [filled(one, depth + 1) for one in found]
    if not isinstance(found, dict):
        return found
    more = {key: filled(value, depth + 1) for key, value in found.items()}
    for key, least in _LEAST.items():
        if isinstance(more.get(key), dict):
            more[key] = least(more[key]) | more[key]
    if "message_id" in more and ("chat" in more or "date" in more or depth <= 1):
        more = {"date": 1, "chat": {"id": 0, "type": "private"}} | more
    if "data" in more and "from" in more:
        more = {"chat_instance": ""} | more
    return more


def _person(_found: dict[str, Any]) -> dict[str, Any]:
    return {"is_bot": False, "first_name": ""}


def _ourselves(found: dict[str, Any]) -> dict[str, Any]:
    return {"is_bot": True, "first_name": ""} if "id" in found else {}


def _chat(found: dict[str, Any]) -> dict[str, Any]:
    number = found.get("id")
    return {"type": "private" if type(number) is int and number > 0 else "supergroup"}


_LEAST: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    **dict.fromkeys(("from", "via_bot", "user", "sender_user"), _person),
    **dict.fromkeys(("chat", "sender_chat"), _chat),
    "result": _ourselves,
}
"""By the key under which it stands, what something has at the least."""
