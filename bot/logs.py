"""The log: structlog set-up, standard logging led through it, secrets kept out of it.

Lines go to standard error: readable on a terminal, JSON elsewhere (journald). Stamps come
from the `Clock`, so a simulated night logs its own time. What sellers write may stand in
a line; it is cut, and control and direction characters are spelled out, so that it can
neither forge a line nor steer a terminal.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from storage.clock import Clock

HIDDEN = "[hidden]"
LONGEST = 2_000
"""Characters of one value; more is cut. A traceback may have ten times as many."""

# Telegram's form: digits, colon, 35 characters. Not the "256:..." inside "sha256:...".
_TOKEN = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=bot))\d+(?::|%3[Aa])[\w-]{30,}")
_SECRET_KEY = re.compile(
    r"token|secret|password|passwd|authorization|cookie|api_?key|private_?key", re.IGNORECASE
)
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STEERING_BUT_NEWLINE = re.compile(_STEERING.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))
_CHATTY = ("httpx", "httpcore", "aiohttp", "telegram", "tortoise", "aiosqlite", "PIL", "asyncio")

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Never let this value stand in a log line from now on. Shorter than 6 characters is ignored."""
    if len(secret) >= 6:
        _hidden.add(secret)
        _hidden.add(json.dumps(secret, ensure_ascii=False)[1:-1])


def hiding(read: Callable[[str, str], str]) -> Callable[[str, str], str]:
    """A reader of secrets whose every value is hidden from the moment it is read."""

    def secret(file: str, name: str) -> str:
        value = read(file, name)
        hide(value)
        return value

    return secret


def redact(text: str) -> str:
    """`text` without bot tokens and without the values given to `hide`."""
    for secret in _hidden:
        text = text.replace(secret, HIDDEN)
    return _TOKEN.sub(HIDDEN, text)


def tame(text: str, longest: int = LONGEST, steering: re.Pattern[str] = _STEERING) -> str:
    """`text` redacted, cut, and with every steering character spelled out."""
    text = redact(text)
    if len(text) > longest:
        text = f"{text[:longest]}... (+{len(text) - longest:,} characters)"
    return steering.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def _tame_value(value: object) -> object:
    """Strings tamed at any depth; plain numbers as they are; anything else by its tamed `str`."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(k): _guarded(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_tame_value(part) for part in value]
    return tame(str(value))


def _guarded(key: str, value: object) -> object:
    return HIDDEN if _SECRET_KEY.search(key) else _tame_value(value)


def tame_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Structlog processor: nothing secret and nothing steering in any field, at any depth."""
    tamed: EventDict = {}
    for key, value in event.items():
        if key == "exception":
            tamed[key] = tame(str(value), 10 * LONGEST, _STEERING_BUT_NEWLINE)
        elif key.startswith("_"):  # structlog's own, removed before rendering
            tamed[key] = value
        else:
            tamed[key] = _guarded(key, value)
    return tamed


def _stamp(clock: Clock) -> Processor:
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["at"] = clock.now().isoformat(timespec="milliseconds")
        return event

    return stamp


def set_up(
    clock: Clock, *, stream: TextIO | None = None, as_json: bool | None = None, level: str = "INFO"
) -> None:
    """Configure structlog and standard logging for this process; a later call replaces it.

    stream: standard error. as_json: None asks whether `stream` is a terminal. level: a
    name of the standard library; raises ValueError when it is none.
    """
    stream = stream or sys.stderr
    as_json = not stream.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        _stamp(clock),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _lead_standard_logging(stream, shared, _renderer(as_json, stream), level)


def _renderer(as_json: bool, stream: TextIO) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), timestamp_key="at", exception_formatter=plain, pad_event_to=0
    )


def _lead_standard_logging(stream: TextIO, shared: list[Processor], renderer: Processor, level: str) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, tame_event, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
