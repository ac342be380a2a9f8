"""What stands in the log, and what never does."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import unicodedata
from datetime import UTC, datetime

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot import logs
from storage.clock import Clock, ScaledClock

TOKEN = "123456789:AAF-abcdefghijklmnopqrstuvwxyz_01234"


@pytest.fixture
def stream() -> io.StringIO:
    """A log as JSON."""
    stream = io.StringIO()
    logs.set_up(night(), stream=stream, as_json=True)
    return stream


def night() -> Clock:
    return ScaledClock(datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 1.0)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_structlog_and_standard_logging_end_in_the_same_lines(stream: io.StringIO) -> None:
    structlog.get_logger("watch").info("polled", target="market", posts=3)
    logging.getLogger("storage").warning("disk %s is %d %% full", "/data", 91)
    first, second = lines(stream)
    assert (first["event"], first["target"], first["posts"], first["level"]) == (
        "polled",
        "market",
        3,
        "info",
    )
    assert (second["event"], second["logger"], second["level"]) == (
        "disk /data is 91 % full",
        "storage",
        "warning",
    )


def test_stamps_come_from_the_clock_of_the_night(stream: io.StringIO) -> None:
    structlog.get_logger().info("dusk")
    assert str(lines(stream)[0]["at"]).startswith("2026-10-24T23:30:0")


@pytest.mark.parametrize(
    "text",
    [
        f"https://chat.example/bot{TOKEN}/sendPhoto",
        f"bot{TOKEN}/getMe",
        f"token is {TOKEN}.",
        TOKEN.replace(":", "%3A"),
        f"({TOKEN})",
    ],
)
def test_a_bot_token_never_stands_in_a_line(stream: io.StringIO, text: str) -> None:
    log = structlog.get_logger()
    log.info("in a field", url=text, deep={"a": [{"b": (text,)}]}, error=ValueError(text))
    log.info(text)
    logging.getLogger("http").warning("asked %s", text)
    try:
        int(text)
    except ValueError:
        log.exception("in a traceback")
    written = stream.getvalue()
    assert TOKEN[10:] not in written
    assert TOKEN[:9] not in written
    assert written.count(logs.HIDDEN) >= 6


def test_hashes_and_times_are_no_tokens() -> None:
    for text in ("sha256:" + "ab" * 32, "2026-10-24T23:30:00", "127.0.0.1:8443", "post 12: " + "x" * 60):
        assert logs.redact(text) == text


def test_fields_named_like_secrets_are_hidden_whatever_they_hold(stream: io.StringIO) -> None:
    structlog.get_logger().info("opened", hmac_secret="x", headers={"Cookie": "a=b", "Accept": "*/*"})
    (line,) = lines(stream)
    assert line["hmac_secret"] == logs.HIDDEN
    assert line["headers"] == {"Cookie": logs.HIDDEN, "Accept": "*/*"}


def test_a_secret_that_was_read_is_hidden_in_every_spelling(stream: io.StringIO) -> None:
    secret = 'pass"wörd\\1'
    logs.hide(secret)
    structlog.get_logger().info(f"got {secret}", body=json.dumps({"s": secret}, ensure_ascii=False))
    assert "wörd" not in stream.getvalue()


def test_a_secret_is_hidden_from_the_moment_it_is_read(stream: io.StringIO) -> None:
    secret = logs.hiding(lambda file, name: f"value-of-{file}{name}")("key.txt", "")
    structlog.get_logger().info("sent", body=f"signed with {secret}")
    assert secret == "value-of-key.txt"
    assert "value-of" not in stream.getvalue()


def test_the_chatty_libraries_speak_only_when_something_is_wrong(stream: io.StringIO) -> None:
    for name in ("httpx", "httpcore.connection", "aiohttp.access", "telegram.ext"):
        logging.getLogger(name).info("request sent")
        logging.getLogger(name).warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["trouble"] * 4


@given(st.text())
def test_no_text_forges_a_line_or_steers_a_terminal(text: str) -> None:
    tamed = logs.tame(text)
    assert {unicodedata.category(c) for c in tamed}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert len((tamed + ".").splitlines()) == 1
    assert "\x1b" not in tamed
    assert "\u202e" not in tamed
    tamed.encode()


def test_a_sellers_megabyte_is_cut(stream: io.StringIO) -> None:
    structlog.get_logger().info("read", title="象" * 1_000_000)
    assert len(stream.getvalue()) < 3_000
    assert "(+998,000 characters)" in stream.getvalue()


def test_context_of_a_task_stands_in_its_lines(stream: io.StringIO) -> None:
    async def watch(name: str) -> None:
        with structlog.contextvars.bound_contextvars(target=name):
            await asyncio.sleep(0)
            structlog.get_logger().info("looked")

    async def both() -> None:
        await asyncio.gather(watch("a"), watch("b"))

    asyncio.run(both())
    assert {line["target"] for line in lines(stream)} == {"a", "b"}


def test_on_a_terminal_lines_are_for_people() -> None:
    stream = io.StringIO()
    logs.set_up(night(), stream=stream, as_json=False, level="DEBUG")
    structlog.get_logger("watch").debug("polled", target="market", title="a\x1b[2Jb")
    assert "polled" in stream.getvalue()
    assert "target=market" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()
