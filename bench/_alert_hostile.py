"""Ten thousand hostile texts: each becomes a card that arrives, whole and with nothing to tap in it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.figures import Figure
from bot.channel import Card, Manner, Setting
from bot.channels import telegram
from bot.compose import card
from bot.lanes.incident import incident_card, pager
from nightmarket.messenger import TOKEN, Service
from nightmarket.messenger.limits import Limits
from nightmarket.messenger.markup import words as as_html
from nightmarket.messenger.texts import CAPTION, units
from storage.clock import SystemClock
from storage.errors import DeliveryError
from storage.lane_words import Member
from storage.model import Alert, AlertId, Delivery, Tier
from tests.fakes import words
from tests.pictures.samples import jpeg

GROUP = -1_001
TEXT = 4_096
QUIET = frozenset({"bold", "italic", "code"})
PIECES = (
    "<b>", "</code>", "</b></i>", "&lt;a href='https://x.example'&gt;", "<script>alert(1)</script>",
    "[a](tg://user?id=1)", "*bold* _it_ `code` ```pre```", "@someadmin", "/start", "/mute agree 1", "#tag",
    "$USD", "https://evil.example/a?b=1", "t.me/joinchat/x", "mail@evil.example", "+8613800138000",
    "tg://resolve?domain=x", "\0", "\u202e", "\u2066", "\u200b", "\u200d", "\ufe0f",
    "\U0001f468\u200d\U0001f469",
    "e" + "\u0301" * 40, "\u0645\u0631\u062d\u0628\u0627", "\u05e9\u05dc\u05d5\u05dd", "犀牛角", "\U0001f98f",
    "\ud800", "\ue000", "\ufffe", "\r\n\r\n", "\t", "\x1b[31m", "\U000e0041", "{0}{why}%s",
    "'; DROP TABLE alert;--",
)  # fmt: skip
"""What the texts are drawn from: markup, links, names, commands, directions, joiners, halves, controls."""


def hostile(count: int, seed: int) -> tuple[Figure, ...]:
    """So many cards, every tenth an incident whose members are as hostile."""
    return asyncio.run(_played(count, seed))


def texts(seed: int) -> Iterator[str]:
    """Hostile texts without end; every fiftieth has 40,000 characters."""
    chance = random.Random(f"{seed} hostile")
    while True:
        long = chance.random() < 0.02
        pieces = chance.choices(PIECES, k=chance.randint(1, 12))
        glue = chance.choice(("", " ", "\n", "\u200b"))
        text = glue.join(pieces)
        yield (text * (40_000 // max(1, len(text)) + 1))[:40_000] if long else text


async def _played(count: int, seed: int) -> tuple[Figure, ...]:
    drawn, failed = texts(seed), 0
    async with Service(limits=Limits(on=False)) as service:
        chat = service.add_chat(GROUP)
        settings = telegram.Settings(chat_id=GROUP, base_url=service.base_url)
        place = Setting(name="c", folder=Path("/nonexistent"), clock=SystemClock(), secret=lambda *_: TOKEN)
        channel = telegram.open_channel(settings, place)
        try:
            for number in range(count):
                told = _alert(number, drawn)
                made = _incident(drawn) if number % 10 == 0 else _card(told, number)
                delivery = Delivery(delivery_id=number, alert=told, channel="c", attempts=0)
                try:
                    await channel.send(delivery, made)
                except DeliveryError:
                    failed += 1
        finally:
            await channel.close()
        seen = chat.seen()
    refused = sum(call.outcome != "ok" for call in service.calls)
    long = sum(units(one.text) > (CAPTION if one.has_caption else TEXT) for one in seen)
    loud = sum(any(e["type"] not in QUIET for e in one.entities) for one in seen)
    tapped = sum('class="tap"' in as_html(one.text, one.entities) for one in seen)
    return (
        Figure("hostile: cards that arrived", len(seen) - failed, count, "equal"),
        Figure("hostile: calls that the server refused", refused, 0, "at most"),
        Figure("hostile: words beyond the limit", long, 0, "at most"),
        Figure("hostile: entities other than bold, italic, code", loud, 0, "at most"),
        Figure("hostile: messages with anything to tap outside of code", tapped, 0, "at most"),
    )


def _alert(number: int, drawn: Iterator[str]) -> Alert:
    post = words.post(
        f"p{number}", title=next(drawn), text=next(drawn), seller=next(drawn), price=next(drawn),
        location=next(drawn),
    )  # fmt: skip
    told = words.alert(evidence=words.evidence(post))
    return replace(told, alert_id=AlertId(f"{number:032x}"))


def _card(alert: Alert, number: int) -> Card:
    language = ("en", "zh-Hans")[number % 2]
    picture = jpeg(1, width=120, height=90) if number % 3 == 0 else b""
    return card(alert, picture, manner=Manner(language=language, key=b"k" * 32))


def _incident(drawn: Iterator[str]) -> Card:
    members = tuple(
        Member(
            delivery_id=n, alert_id=f"{n:032x}", tier=Tier.HIGH, created_at=words.NIGHT, target="market",
            title=next(drawn), seller=next(drawn), price=next(drawn), product="ivory",
            evidence_id="e" * 32, status="up", shown=True,
        )
        for n in range(14)
    )  # fmt: skip
    made = incident_card(f"seller {next(drawn)} [market]", members)
    return replace(made, keyboard=pager("f" * 32, members, b"k" * 32))
