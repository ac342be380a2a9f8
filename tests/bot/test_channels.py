"""Every channel keeps the same promises; each has its own ways beside them."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from bot import logs
from bot.channel import Card, Channel, Setting, kinds, load
from bot.channels import console, ndjson, telegram, webhook
from bot.compose import card
from bot.posting import LONGEST_PAUSE_S
from storage.clock import SystemClock
from storage.errors import ConfigError, NotSent, ShutOut, Uncertain, Unsendable
from storage.model import AlertKind, Tier
from tests.fakes import words
from tests.fakes.botapi import TOKEN, BotApi, Fault

JPEG = b"\xff\xd8\xff\xe0" + b"0" * 100


def setting(folder: Path, secret: str = "") -> Setting:
    return Setting(name="c", folder=folder, clock=SystemClock(), secret=lambda _file, _name: secret)


def shown(delivery: object) -> Card:
    return card(delivery.alert, JPEG)  # type: ignore[attr-defined]


def chat(api: BotApi, folder: Path, **more: object) -> Channel:
    given = {"chat_id": api.chat_id, "base_url": api.base_url, "timeout_s": 25.0} | more
    settings = telegram.Settings(**given)  # type: ignore[arg-type]
    return telegram.open_channel(settings, setting(folder, TOKEN))


@pytest.mark.parametrize("kind", kinds())
def test_every_channel_offers_what_the_protocol_asks(kind: str) -> None:
    module = load(kind)
    assert isinstance(module.WANTS_SHEET, bool)
    assert isinstance(module.REPEATABLE, bool)
    assert module.Settings.__dataclass_params__.frozen
    assert all(f"{name}" in module.Settings.__doc__ for name in module.Settings.__dataclass_fields__)


def test_an_unknown_channel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="console, ndjson, ntfy, room, telegram, webhook"):
        load("signal")


# --- console ---------------------------------------------------------------------------


async def test_the_console_paints_spans_and_prints_plainly_without_colour() -> None:
    delivery = words.delivery()
    plain, painted = io.StringIO(), io.StringIO()
    await console.Console(plain, colour=False).send(delivery, shown(delivery))
    await console.Console(painted, colour=True).send(delivery, shown(delivery))
    assert "\x1b" not in plain.getvalue()
    assert "\x1b[1;33mHIGH 81\x1b[0m" in painted.getvalue()
    assert plain.getvalue().splitlines()[0] == shown(delivery).headline


async def test_where_no_terminal_is_alerts_and_log_are_one_stream_of_json_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.set_up(SystemClock(), level="ERROR")
    structlog.get_logger("x").error("a line of the log", why="two\nlines")
    line = console.open_channel(console.Settings(), setting(tmp_path))
    delivery = words.delivery()
    assert await line.send(delivery, shown(delivery)) == delivery.alert.alert_id
    structlog.get_logger("x").error("another")
    first, told, last = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (first["event"], told["event"], last["event"]) == ("a line of the log", "alert", "another")
    assert told["card"] == shown(delivery).text
    assert told["tier"] == "high"
    assert set(told) >= set(last) - {"why"}


async def test_blocks_are_written_where_a_terminal_is_or_colour_is_asked_for_always(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    delivery = words.delivery()
    for stream, colour, painted in (
        (Terminal(), "auto", True),
        (Terminal(), "never", False),
        (io.StringIO(), "always", True),
    ):
        monkeypatch.setattr("sys.stderr", stream)
        line = console.open_channel(console.Settings(colour=colour), setting(tmp_path))
        await line.send(delivery, shown(delivery))
        assert "81" in stream.getvalue().splitlines()[0]
        assert ("\x1b" in stream.getvalue()) is painted


# --- ndjson ----------------------------------------------------------------------------


async def test_a_line_is_written_once_over_restarts(tmp_path: Path) -> None:
    first, second = words.delivery(1), words.delivery(2)
    for delivery in (first, first, second):
        line = ndjson.open_channel(ndjson.Settings(), setting(tmp_path))
        await line.send(delivery, shown(delivery))
        await line.close()
    lines = (tmp_path / "alerts.ndjson").read_text().splitlines()
    assert [json.loads(x)["alert_id"] for x in lines] == [first.alert.alert_id, second.alert.alert_id]


async def test_a_line_that_a_crash_tore_is_cut_off_and_written_again(tmp_path: Path) -> None:
    first, second = words.delivery(1), words.delivery(2)
    await ndjson.Ndjson(tmp_path / "a").send(first, shown(first))
    whole = (tmp_path / "a").read_bytes()
    await ndjson.Ndjson(tmp_path / "a").send(second, shown(second))
    for cut in (len(whole) + 1, len(whole) + 200):
        (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:cut])
        await ndjson.Ndjson(tmp_path / "a").send(second, shown(second))
        ids = [json.loads(x)["alert_id"] for x in (tmp_path / "a").read_text().splitlines()]
        assert ids == [first.alert.alert_id, second.alert.alert_id]


async def test_a_disk_that_refuses_is_surely_not_sent(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(NotSent):
        await ndjson.Ndjson(tmp_path / "a").send(words.delivery(), shown(words.delivery()))


# --- webhook ---------------------------------------------------------------------------


class Hook:
    """A receiver: answers from a list, keeps what came."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.seen: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.seen.append((dict(request.headers), await request.read()))
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        return web.Response(status=status, headers=headers)


@pytest.fixture
async def hook() -> object:
    receiver = Hook()
    app = web.Application()
    app.router.add_post("/hook", receiver)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"  # type: ignore[attr-defined]
    yield receiver
    await runner.cleanup()


def posting(url: str, folder: Path, secret: str = "s3cret-s3cret") -> Channel:
    return webhook.open_channel(webhook.Settings(url=url, secret_env="X"), setting(folder, secret))


async def test_a_webhook_event_is_signed_and_carries_its_key(hook: Hook, tmp_path: Path) -> None:
    channel, delivery = posting(hook.url, tmp_path), words.delivery()  # type: ignore[attr-defined]
    await channel.send(delivery, shown(delivery))
    await channel.close()
    headers, body = hook.seen[0]
    stamp = headers["X-Nightjar-Timestamp"]
    mac = hmac.new(b"s3cret-s3cret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Nightjar-Signature"] == f"sha256={mac}"
    assert headers["Idempotency-Key"] == json.loads(body)["alert_id"] == delivery.alert.alert_id


@pytest.mark.parametrize(
    ("answer", "error", "pause"),
    [
        ((429, {"Retry-After": "7"}), NotSent, 7.0),
        ((503, {"Retry-After": "7"}), NotSent, 7.0),
        ((429, {"Retry-After": "99999999"}), NotSent, LONGEST_PAUSE_S),
        ((429, {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}), NotSent, 0.0),
        ((429, {"Retry-After": "soon"}), NotSent, None),
        ((429, {"Retry-After": "²"}), NotSent, None),
        ((401, {}), NotSent, None),
        ((500, {}), Uncertain, None),
        ((422, {}), Unsendable, None),
        ((302, {"Location": "http://127.0.0.1/"}), NotSent, None),
    ],
)
async def test_each_refusal_of_a_webhook_is_classed(
    hook: Hook, tmp_path: Path, answer: tuple[int, dict[str, str]], error: type, pause: float | None
) -> None:
    channel, delivery = posting(hook.url, tmp_path), words.delivery()  # type: ignore[attr-defined]
    hook.answers = [answer]
    with pytest.raises(error) as caught:
        await channel.send(delivery, shown(delivery))
    assert caught.value.retry_after_s == pause
    await channel.send(delivery, shown(delivery))
    await channel.close()


async def test_a_webhook_that_is_down_was_surely_not_told(tmp_path: Path) -> None:
    channel = posting("http://127.0.0.1:1/hook", tmp_path)
    with pytest.raises(NotSent):
        await channel.send(words.delivery(), shown(words.delivery()))
    await channel.close()
    await channel.close()


# --- telegram --------------------------------------------------------------------------


async def test_a_card_is_one_photo_with_entities_and_is_revised_in_place(tmp_path: Path) -> None:
    async with BotApi() as api:
        channel, delivery = chat(api, tmp_path), words.delivery()
        receipt = await channel.send(delivery, shown(delivery))
        gone = words.told(words.delivery(2), kind=AlertKind.DELETED, revises=delivery.alert.alert_id)
        revised = words.delivery(2, alert=gone.alert, previous_receipt=receipt)
        assert await channel.send(revised, shown(revised)) == receipt
        assert await channel.send(revised, shown(revised)) == receipt  # "not modified" is no error
        await channel.close()
        (message,) = api.messages
        assert message.photo == JPEG
        assert "DELETED" in message.text
        assert {e["type"] for e in message.entities} >= {"bold", "code"}


async def test_without_pictures_a_text_goes_out_without_a_preview(tmp_path: Path) -> None:
    async with BotApi() as api:
        channel, delivery = chat(api, tmp_path), words.delivery()
        await channel.send(delivery, card(delivery.alert))
        await channel.close()
        assert not api.messages[0].preview
        assert not api.messages[0].photo


async def test_a_refused_photo_goes_out_as_text_and_is_offered_as_a_file(tmp_path: Path) -> None:
    async with BotApi() as api:
        channel, delivery = chat(api, tmp_path), words.delivery()
        await channel.send(delivery, card(delivery.alert, b"no jpeg"))
        await channel.close()
        assert api.calls == ["sendPhoto", "sendMessage", "sendDocument"]
        assert len(api.messages) == 1


async def test_a_card_that_was_removed_is_told_anew(tmp_path: Path) -> None:
    async with BotApi() as api:
        channel = chat(api, tmp_path)
        gone = words.told(words.delivery(2), kind=AlertKind.DELETED, revises="a" * 32)
        revised = words.delivery(2, alert=gone.alert, previous_receipt="photo:99")
        assert await channel.send(revised, shown(revised)) == "photo:1"
        await channel.close()


@pytest.mark.parametrize(
    ("fault", "error", "pause"),
    [
        (Fault("429", retry_after=30), NotSent, 30.0),
        (Fault("403"), NotSent, 60.0),
        (Fault("400", text="Bad Request: chat not found"), ShutOut, 60.0),
        (Fault("500-before"), Uncertain, None),
        (Fault("500-after"), Uncertain, None),
        (Fault("reset-before"), Uncertain, None),
        (Fault("reset-after"), Uncertain, None),
        (Fault("hang-after"), Uncertain, None),
    ],
    ids=lambda x: getattr(x, "kind", None),
)
async def test_each_fault_of_telegram_is_classed(
    tmp_path: Path, fault: Fault, error: type, pause: float | None
) -> None:
    async with BotApi() as api:
        # Only who never answers is waited for; a busy machine may take its time to answer.
        soon_s = 0.3 if fault.kind.startswith("hang") else 25.0
        channel, delivery = chat(api, tmp_path, timeout_s=soon_s), words.delivery()
        api.faults = [fault]
        with pytest.raises(error) as caught:
            await channel.send(delivery, shown(delivery))
        assert caught.value.retry_after_s == pause
        assert TOKEN not in str(caught.value) + repr(caught.value.__cause__)
        await channel.close()


async def test_what_is_refused_in_every_form_is_refused_for_good(tmp_path: Path) -> None:
    async with BotApi() as api:
        channel, delivery = chat(api, tmp_path), words.delivery()
        api.faults = [Fault("400", text="Bad Request: not this way") for _ in range(3)]
        with pytest.raises(Unsendable):
            await channel.send(delivery, shown(delivery))
        assert api.calls == ["sendPhoto", "sendMessage", "sendMessage"]
        await channel.close()


async def test_a_server_that_is_not_there_was_surely_not_told(tmp_path: Path) -> None:
    settings = telegram.Settings(chat_id=1, base_url="http://127.0.0.1:1/bot")
    channel = telegram.open_channel(settings, setting(tmp_path, TOKEN))
    with pytest.raises(NotSent):
        await channel.send(words.delivery(), shown(words.delivery()))
    await channel.close()


async def test_only_what_is_asked_for_makes_a_sound(tmp_path: Path) -> None:
    async with BotApi() as api:
        channel = chat(api, tmp_path, silent_below="high")
        for number, tier in enumerate((Tier.URGENT, Tier.HIGH, Tier.NORMAL)):
            delivery = words.told(words.delivery(number), tier=tier)
            await channel.send(delivery, shown(delivery))
        await channel.close()
        assert [m.silent for m in api.messages] == [False, False, True]


@pytest.mark.parametrize(
    "build",
    [
        lambda: telegram.Settings(chat_id=1, base_url="https://api.telegram.org"),
        lambda: telegram.Settings(chat_id=1, silent_below="loud"),
        lambda: telegram.Settings(chat_id=1, timeout_s=0),
        lambda: webhook.Settings(url="ftp://127.0.0.1/"),
        lambda: webhook.Settings(url="http://127.0.0.1/", timeout_s=99),
        lambda: console.Settings(colour="blue"),
    ],
)
def test_wrong_settings_are_refused(build: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        build()


def test_a_token_of_the_wrong_shape_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        telegram.open_channel(telegram.Settings(chat_id=1), setting(tmp_path, "hunter2"))
    assert "hunter2" not in str(caught.value)
