"""`nightjar labels`: what officers decided becomes a file that `train` reads."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest

from storage.answers import Said, answered
from storage.decided import label
from storage.duties import act
from storage.duty import Act, Actor, Order
from storage.model import Tier
from storage.store import Store
from tests.cli.kept import Command
from tests.storage.kit import HandClock
from tests.storage.test_duty import alerted
from watchers.labelled import read_labelled

CONFIG = '[nightjar]\ncontact = "watch@example.org"\ndata_dir = "kept"\n'
LI = Actor(id=5, name="Li", role="officer")


async def decide(folder: Path) -> None:
    store = await Store.open(folder, HandClock())
    for number, (what, reason) in enumerate(
        (
            (Act.CONFIRM, ""),
            (Act.FALSE, "word"),
            (Act.FALSE, "antique"),
            (Act.DUPLICATE, ""),
            (Act.ACKNOWLEDGE, ""),
        )
    ):
        alert = await alerted(store, number, Tier.HIGH, text=f"text {number}, tel 13800138000")
        await act(store.vault, Order(alert_id=alert.alert_id, act=what, actor=LI, reason=reason))
    await store.close()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    (tmp_path / "config.toml").write_text(CONFIG)
    return Command(capsys, tmp_path / "config.toml")


def test_decisions_become_labels_and_words_are_starred(tmp_path: Path, run: Command) -> None:
    asyncio.run(decide(tmp_path / "kept"))
    to = tmp_path / "decided.csv"
    facts = run("labels", "--out", str(to), "--json").facts
    assert (facts["offers"], facts["others"], facts["unlabelled"]) == (1, 1, 1)
    with to.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"], row["reason"]) for row in rows] == [("1", ""), ("0", "word"), ("", "antique")]
    assert "13800138000" not in to.read_text()
    read = read_labelled(to, ("title", "text"), "label")
    assert ([row.wanted for row in read.rows], read.unlabelled) == ([True, False], 1)
    assert run("labels", "--out", str(to)).code == 2  # it never writes over a file
    assert run("verify").code == 0


def test_what_was_decided_in_the_chat_is_learnt_from(tmp_path: Path, run: Command) -> None:
    async def said() -> list[tuple[str, Said]]:
        store = await Store.open(tmp_path / "kept", HandClock())
        found = await answered(store.vault.database)
        await store.close()
        return [(post.text.split(",")[0], what) for post, what in found]

    asyncio.run(decide(tmp_path / "kept"))
    assert asyncio.run(said()) == [("text 0", Said.CONFIRMED), ("text 1", Said.FALSE)]


def test_without_decisions_there_is_nothing_to_learn_from(tmp_path: Path, run: Command) -> None:
    async def empty() -> None:
        await (await Store.open(tmp_path / "kept", HandClock())).close()

    asyncio.run(empty())
    ran = run("labels", "--out", str(tmp_path / "x.csv"))
    assert ran.code == 1
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    ("outcome", "reason", "wanted"),
    [
        ("confirmed", "", "1"),
        ("false positive", "replica", "0"),
        ("false positive", "synthetic", "0"),
        ("false positive", "antique", ""),
        ("false positive", "other", ""),
        ("duplicate", "", ""),
    ],
)
def test_what_a_decision_says_of_a_text(outcome: str, reason: str, wanted: str) -> None:
    assert label(outcome, reason) == wanted
