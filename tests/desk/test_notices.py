"""Notices are said in the language of the chat, and each form is one that the source writes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bot.channel import Manner
from bot.compose import card
from bot.desk.notices import _texts, notice_word
from bot.desk.tongue import tongue
from storage.model import Alert, AlertId, AlertKind, Tier
from tests.fakes import words

ROOT = Path(__file__).resolve().parents[2]
ZH = tongue("zh-Hans")
DIGEST = (
    "night of 2026-03-01: 3 alerts (1 urgent, 2 high, 0 normal), 2 taken by nobody, 1 posts vanished, "
    "0 muted; delivered within 0.5 s (half), 2.0 s (99 %)"
)
DIGEST_ZH = (
    "2026-03-01 之夜：3 条警报（紧急 1，高 2，一般 0），2 条无人接手，消失 1 帖，静音 0 条；"
    "半数在 0.5 秒内送达，99 % 在 2.0 秒内"
)


def written() -> set[str]:
    """Every text of the program, its places empty; of a sum of texts, each."""
    found = set()
    for path in (ROOT / "bot").rglob("*.py"):
        if path.name == "notices.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(p.value if isinstance(p, ast.Constant) else "{}" for p in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_every_form_is_written_somewhere() -> None:
    known = written()
    joined = {f"{one}; {{}} ({{}})" for one in known}  # an outage, and whither its alerts go
    for form in _texts(tongue("en")):
        assert re.sub(r"\{\w+\}", "{}", form) in known | joined, form


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (
            "storm: 41 alerts wait here; they are gathered by seller, urgent ones are unaffected",
            "警报高峰：此处有 41 条等待发送；已按卖家合并，紧急警报不受影响",
        ),
        (
            "the bot is shut out of channel a since 21:00:00Z, 3 alerts wait; 2 alerts go to b (403: no)",
            "机器人自 21:00:00Z 起被挡在频道 a 之外，3 条警报等待；其中 2 条改送 b（403: no）",
        ),
        (
            "channel duty: the topic is gone (Bad Request: TOPIC_CLOSED): alerts go to the general one",
            "频道 duty：话题已不存在（Bad Request: TOPIC_CLOSED）：警报改发到常规话题",
        ),
        (
            "target market is called fair now: it begins anew, vigils of the old name ended",
            "目标 market 现名 fair：从头开始，原名下的帖子不再跟踪",
        ),
        (DIGEST, DIGEST_ZH),
        ("target a: something of its own", "target a: something of its own"),
    ],
)
def test_a_notice_is_said_in_chinese_and_what_is_not_known_as_it_is(notice: str, said: str) -> None:
    assert notice_word(notice, ZH) == said
    assert notice_word(notice, tongue("en")) == notice
    alert = Alert(
        alert_id=AlertId("a" * 32),
        kind=AlertKind.NOTICE,
        tier=Tier.HIGH,
        created_at=words.NIGHT,
        notice=notice,
    )
    assert card(alert, manner=Manner(language="zh-Hans")).text == f"NIGHTJAR {said}"
