"""Alerts on a telephone by ntfy, and in rooms of Slack and Discord: words alone, and nothing to be tapped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.channel import Card, Channel, load
from bot.channels import ntfy, room
from bot.compose import card
from bot.words import units
from storage.errors import ConfigError, NotSent, Uncertain, Unsendable
from storage.model import Tier
from tests.bot.test_channels import Hook, setting
from tests.fakes import words

SECRET = "tk_0123456789abcdef"


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Hook, str]]:
    receiver, app = Hook(), web.Application()
    app.router.add_post("/{topic:.*}", receiver)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield receiver, f"http://127.0.0.1:{runner.addresses[0][1]}/topic"
    await runner.cleanup()


def phone(url: str, folder: Path, token: str = "") -> Channel:
    return ntfy.open_channel(ntfy.Settings(url=url, token_env="X" if token else ""), setting(folder, token))


def place(url: str, folder: Path, server: str) -> Channel:
    return room.open_channel(room.Settings(server=server, url_env="X"), setting(folder, url))


def hostile(text: str) -> Card:
    delivery = words.delivery()
    evidence = delivery.alert.evidence
    assert evidence is not None
    post = replace(evidence.post, title=text, text=text)
    return card(replace(delivery.alert, evidence=replace(evidence, post=post)))


@pytest.mark.parametrize(("tier", "priority"), [(Tier.URGENT, "5"), (Tier.HIGH, "4"), (Tier.NORMAL, "3")])
async def test_a_telephone_rings_by_the_tier_and_shows_the_first_line(
    hook: tuple[Hook, str], tmp_path: Path, tier: Tier, priority: str
) -> None:
    receiver, url = hook
    channel, delivery = phone(url, tmp_path, SECRET), words.delivery()
    delivery = replace(delivery, alert=replace(delivery.alert, tier=tier))
    shown = card(delivery.alert)
    assert await channel.send(delivery, shown) == delivery.alert.alert_id
    await channel.close()
    headers, body = receiver.seen[0]
    assert headers["Priority"] == priority
    assert headers["Authorization"] == f"Bearer {SECRET}"
    title = str(make_header(decode_header(headers["Title"])))
    assert units(title) == units(" ".join(shown.headline.split()))
    assert title.split(maxsplit=1)[0] == shown.headline.split()[0]
    assert b"\n" in body
    assert len(body) <= 4_096


@pytest.mark.parametrize("kind", ["ntfy", "slack", "discord"])
async def test_each_refusal_is_classed_and_no_address_is_told(
    hook: tuple[Hook, str], tmp_path: Path, kind: str
) -> None:
    receiver, url = hook
    channel = phone(url, tmp_path) if kind == "ntfy" else place(url, tmp_path, kind)
    delivery = words.delivery()
    for answer, error, pause in (
        ((429, {"Retry-After": "0.5"}), NotSent, 0.5),
        ((503, {}), NotSent, None),
        ((404, {}), NotSent, None),
        ((500, {}), Uncertain, None),
        ((400, {}), Unsendable, None),
    ):
        receiver.answers = [answer]
        with pytest.raises(error) as caught:
            await channel.send(delivery, card(delivery.alert))
        assert caught.value.retry_after_s == pause
        assert "127.0.0.1" not in str(caught.value)
    await channel.send(delivery, card(delivery.alert))
    await channel.close()
    down = phone("http://127.0.0.1:1/t", tmp_path)
    with pytest.raises(NotSent, match="not reachable"):
        await down.send(delivery, card(delivery.alert))
    await down.close()


async def test_a_room_of_slack_gets_a_block_of_code_without_commands(
    hook: tuple[Hook, str], tmp_path: Path
) -> None:
    receiver, url = hook
    channel = place(url, tmp_path, "slack")
    await channel.send(words.delivery(), hostile("``` <!channel> @all <https://bad.example|x> & `ivory`"))
    await channel.close()
    text = json.loads(receiver.seen[0][1])["text"]
    assert text.startswith("```\n")
    assert text.endswith("\n```")
    inner = text[4:-4]
    assert "`" not in inner
    assert "<" not in inner
    assert "https://" not in inner
    assert "@all" not in inner


@pytest.mark.parametrize(("tier", "flags"), [(Tier.URGENT, 4), (Tier.NORMAL, 4 | 4096)])
async def test_a_room_of_discord_calls_nobody_by_name(
    hook: tuple[Hook, str], tmp_path: Path, tier: Tier, flags: int
) -> None:
    receiver, url = hook
    channel, delivery = place(url, tmp_path, "discord"), words.delivery()
    await channel.send(
        replace(delivery, alert=replace(delivery.alert, tier=tier)), hostile("@everyone ```x" + "象" * 4_000)
    )
    await channel.close()
    told = json.loads(receiver.seen[0][1])
    assert told["allowed_mentions"] == {"parse": []}
    assert told["flags"] == flags
    assert len(told["content"]) <= 2_000
    assert "@everyone" not in told["content"]
    assert "`" not in told["content"][4:-4]


@given(st.text(max_size=300))
def test_no_text_of_a_seller_ends_a_block_or_breaks_a_header(text: str) -> None:
    shown = hostile(text)
    for server in ("slack", "discord"):
        sent: list[bytes] = []

        class Kept:
            async def post(self, body: bytes, _headers: object) -> int:
                sent.append(body)  # noqa: B023 -- called at once
                return 200

        asyncio.run(room.Room(Kept(), server).send(words.delivery(), shown))  # type: ignore[arg-type]
        told = json.loads(sent[0])
        assert "`" not in (told.get("text") or told["content"])[4:-4]
    header = ntfy._header(shown.headline)
    assert header.isascii()
    assert header.isprintable()


@pytest.mark.parametrize(
    "build",
    [
        lambda: ntfy.Settings(url="https://ntfy.sh"),
        lambda: ntfy.Settings(url="https://ntfy.sh/"),
        lambda: ntfy.Settings(url="ntfy.sh/topic"),
        lambda: ntfy.Settings(url="https://ntfy.sh/topic", timeout_s=0),
        lambda: room.Settings(url_env="X", server="teams"),
        room.Settings,
        lambda: room.Settings(url_env="X", timeout_s=60),
    ],
)
def test_wrong_settings_are_refused(build: object) -> None:
    with pytest.raises(ValueError, match="must"):
        build()  # type: ignore[operator]


def test_what_is_no_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="url_env") as caught:
        place("hooks.slack.com/T000/secret", tmp_path, "slack")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["ntfy", "room"])
def test_neither_recognises_the_same_alert_again(kind: str) -> None:
    """So a lost answer is made up for by a card that says so."""
    assert not load(kind).REPEATABLE
