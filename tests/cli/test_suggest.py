"""`nightjar lexicon suggest|accept|reject` over a store of judged posts."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.settings.observed import OBSERVED
from storage import orders
from storage.duty import Act, Actor, Order
from storage.errors import CaseRefused
from storage.store import Store
from tests.cli.judged import Said, fill, later
from tests.cli.kept import CONFIG, Command, StillClock
from watchers.lexicon import SHIPPED, Lexicon

NEW = "霜糖"
SALE = "犀角粉 微信 {}, 价格面议"
POSTS = (
    Said(SALE.format("moonfox77"), "jin1", picture=b"one"),
    Said(SALE.format("kitbay55"), "hai2", picture=b"two"),
    Said(f"{NEW} 一公斤起 先到先得", "jin1", picture=b"one", at=later(9)),
    Said(f"今晚 {NEW} 走量", "hai2", picture=b"two", at=later(10)),
    Said(f"{NEW} 都是好货", "kit3", picture=b"one", at=later(11)),
    *(Said(f"二手自行车 {n} 号, 先到先得, 微信 seller{n}x", f"who{n}", at=later(12 + n)) for n in range(30)),
)
SPAN = ("--since", "2026-11-24", "--until", "2026-11-25")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The posts, sealed and judged once for all tests; each has a copy."""
    folder = tmp_path_factory.mktemp("night") / "kept"
    fill(folder, POSTS)
    return folder


@pytest.fixture
def run(night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    shutil.copytree(night, tmp_path / "kept")
    return Command(capsys, config)


def _terms(ran: Any) -> list[str]:
    return [word["term"] for word in ran.facts["words"]]


def test_a_word_of_suspicious_posts_is_proposed_with_examples(run: Command) -> None:
    facts = run("lexicon", "suggest", *SPAN, "--json").facts
    first = facts["words"][0]
    assert first["term"] == NEW
    # kit3 shows the very picture that jin1 was told of: one seller by all that is known (decision 0030)
    assert (first["posts"], first["sellers"], first["background"]) == (3, 2, 0)
    assert all(NEW in example["text"] and example["evidence_id"] for example in first["examples"])
    assert facts["suspicious"] == 5
    assert facts["background"] == 30


def test_words_that_are_known_or_that_everybody_uses_are_not_proposed(run: Command) -> None:
    terms = _terms(run("lexicon", "suggest", *SPAN, "--json"))
    assert not {"犀角粉", "犀角", "面议", "微信", "自行车"} & set(terms)


def test_an_accepted_word_is_a_term_at_once_and_is_proposed_no_more(run: Command, tmp_path: Path) -> None:
    shipped = SHIPPED.read_bytes()
    taken = run("lexicon", "accept", NEW, "--product", "ivory", "--by", "Mei", "--json")
    assert taken.code == 0
    term = taken.facts["accepted"]
    assert (term["tier"], term["source"], term["lang"], term["cites"]) == (4, "observed", "zh", "I")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", term["date"])
    loaded = Lexicon.load((tmp_path / "kept" / OBSERVED,))
    assert loaded.mistakes == ()
    assert any(t.text == NEW for t in loaded.terms)
    tried = run("lexicon", "try", f"{NEW} 手镯", "--json").facts
    assert [(hit["term"], hit["source"]) for hit in tried["hits"]] == [(NEW, "observed")]
    assert NEW not in _terms(run("lexicon", "suggest", *SPAN, "--json"))
    assert run("lexicon", "check").code == 0
    assert SHIPPED.read_bytes() == shipped


def test_a_rejected_word_is_proposed_no_more_and_one_that_was_accepted_is_taken_back(run: Command) -> None:
    assert NEW in _terms(run("lexicon", "suggest", *SPAN, "--json"))
    assert run("lexicon", "reject", NEW, "--json").facts == {"rejected": NEW, "was_accepted": False}
    assert NEW not in _terms(run("lexicon", "suggest", *SPAN, "--json"))
    assert run("lexicon", "accept", NEW, "--product", "ivory").code == 0
    assert run("lexicon", "reject", NEW, "--json").facts["was_accepted"] is True
    assert run("lexicon", "try", NEW, "--json").facts["hits"] == []


def test_several_words_are_kept_side_by_side(run: Command, tmp_path: Path) -> None:
    for word in (NEW, "moon dust", "冰钻"):
        assert run("lexicon", "accept", word, "--product", "ivory").code == 0
    loaded = Lexicon.load((tmp_path / "kept" / OBSERVED,))
    terms = {term.text: term.lang for term in loaded.terms if term.source == "observed"}
    assert terms == {NEW: "zh", "moon dust": "en", "冰钻": "zh"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("accept", NEW), "--product"),
        (("accept", "犀角", "--product", "rhino horn"), "is a term already: tier 2"),
        (("accept", NEW, "--product", "ivory", "--cites", "IX"), "is not allowed"),
        (("accept", "a;b", "--product", "ivory"), "no semicolon"),
        (("accept", NEW, "--product", "ivory", "--lang", "Chinese!"), "language code"),
        (("suggest",), "--since"),
        (("suggest", "word", "--since", "1h"), "no words"),
        (("reject",), "takes a text"),
    ],
)
def test_wrong_use_changes_nothing(run: Command, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    ran = run("lexicon", *words)
    assert ran.code == 2
    assert told in ran.err
    assert not (tmp_path / "kept" / OBSERVED).exists()


def test_an_officers_answer_puts_a_post_on_the_other_side(run: Command, tmp_path: Path) -> None:
    """What a person called a false alarm is no sign of new words, however loud its picture."""

    async def answer() -> None:
        store = await Store.open(tmp_path / "kept", StillClock())
        try:
            rows = await store.vault.database.rows("SELECT alert_id FROM alert WHERE kind <> 'duty'")
            mei = Actor(id=orders.AT_THE_MACHINE, name="Mei")
            for (alert_id,) in rows:
                order = Order(alert_id=alert_id, act=Act.FALSE, actor=mei, reason="word")
                with suppress(CaseRefused):  # a repost shares the decision of its card
                    await orders.carry_out(store.vault, order)
        finally:
            await store.close()

    asyncio.run(answer())
    facts = run("lexicon", "suggest", *SPAN, "--json").facts
    assert (facts["suspicious"], facts["words"]) == (0, [])
