"""`nightjar answer` decides as the buttons do, and `train` learns from what was decided either way."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from storage import answers, duties, orders, spool
from storage.answers import Said as Word
from storage.duty import Act, Actor, Duty, Order, Refusal, State
from storage.errors import CaseRefused
from storage.retention import Rules
from storage.seller_tables import AnswerRow
from storage.store import Store
from storage.writer import Batch
from tests.cli.judged import Said, fill, keep
from tests.cli.kept import CONFIG, Command, StillClock
from watchers.lexicon import Lexicon

FALSE = "rhino horn umbrella stand, size {}, price 9 usd, wechat shop{}x"
TRUE = "elephant ivory tusk, no questions asked, {} kg, wechat moonfox{}"
OFFICERS = """
[[officer]]
name = "Mei"
role = "officer"
telegram = 11

[[officer]]
name = "Look"
role = "viewer"
telegram = 12
"""
LI = Actor(id=5, name="Li", role="officer")
POSTS = tuple(Said((TRUE if n % 2 else FALSE).format(n, n), f"who{n}") for n in range(16))


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The posts, sealed and judged once for all tests, and the alerts they raised."""
    folder = tmp_path_factory.mktemp("night") / "kept"
    return folder, fill(folder, POSTS)


@pytest.fixture
def alerts(night: tuple[Path, list[str]], tmp_path: Path) -> list[str]:
    shutil.copytree(night[0], tmp_path / "kept")
    (tmp_path / "config.toml").write_text(CONFIG + OFFICERS, encoding="utf-8")
    assert all(night[1])
    return night[1]


@pytest.fixture
def run(alerts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, tmp_path / "config.toml")


def ask(folder: Path, asking: Callable[[Store], Awaitable[Any]]) -> Any:
    """What a store says after the last writer has closed it."""

    async def reading() -> Any:
        store = await Store.open_reader(folder, StillClock())
        try:
            return await asking(store)
        finally:
            await store.close()

    return asyncio.run(reading())


def _kept(folder: Path) -> list[tuple[str, str]]:
    async def asking(store: Store) -> list[tuple[str, str]]:
        return [(post.post_id, said.value) for post, said in await answers.answered(store.vault.database)]

    return list(ask(folder, asking))


def _steps(folder: Path) -> list[dict[str, str]]:
    """The log's records of what people did."""

    async def asking(store: Store) -> list[dict[str, str]]:
        sql = (
            'SELECT r.record FROM leaf l JOIN record r ON r.leaf = l."index" WHERE l.kind = ? ORDER BY r.leaf'
        )
        rows = await store.vault.database.rows(sql, (orders.KIND,))
        return [json.loads(row[0])["facts"] for row in rows]

    return list(ask(folder, asking))


def _order(alert: str, act: Act = Act.CONFIRM, reason: str = "") -> Order:
    actor = Actor(id=orders.AT_THE_MACHINE, name="Mei", role="officer")
    return Order(alert_id=alert, act=act, actor=actor, reason=reason)


def test_an_answer_is_the_decision_that_a_button_makes(
    run: Command, alerts: list[str], tmp_path: Path
) -> None:
    told = run("answer", alerts[1], "false", "--reason", "replica: resin", "--as", "Mei", "--json").facts
    assert (told["act"], told["actor"], told["role"], told["recorded"]) == (
        *("false positive", "Mei", "officer"),
        True,
    )

    async def by_button() -> None:
        store = await Store.open(tmp_path / "kept", StillClock())
        order = Order(alert_id=alerts[3], act=Act.FALSE, actor=LI, reason="replica")
        assert (await duties.act(store.vault, order, update_id=7)).refusal is None
        await store.close()

    asyncio.run(by_button())
    command, button = _steps(tmp_path / "kept")
    assert command.keys() == button.keys() - {"update_id"}
    same = ("act", "role", "before", "after", "outcome", "version")
    assert [command[name] for name in same] == [button[name] for name in same]
    assert (command["actor_id"], command["reason"]) == ("-1", "replica: resin")
    assert sorted(_kept(tmp_path / "kept")) == [("n1", "false"), ("n3", "false")]

    async def asking(store: Store) -> tuple[Duty | None, list[Any]]:
        state = await duties.state(store.vault.database, alerts[1])
        sql = "SELECT kind FROM alert WHERE revises = ?"
        return state, await store.vault.database.rows(sql, (alerts[1],))

    state, revisions = ask(tmp_path / "kept", asking)
    assert (state.state, state.actor) == (State.RESOLVED, "Mei")
    assert [row[0] for row in revisions] == ["duty"]  # the card in the chat says it too
    assert run("verify").code == 0


def test_another_look_at_an_alerted_post_names_its_alert(
    run: Command, alerts: list[str], tmp_path: Path
) -> None:
    async def looked_again() -> tuple[object, list[str]]:
        store = await Store.open(tmp_path / "kept", StillClock())
        told = await keep(store, 1, POSTS[1], Lexicon.load(), {})
        sql = "SELECT evidence_id FROM observation WHERE post_id = 'n1' ORDER BY seq"
        rows = await store.vault.database.rows(sql)
        await store.close()
        return told, [str(row[0]) for row in rows]

    told, (first, again) = asyncio.run(looked_again())
    assert told is None
    said = run("answer", again, "confirm", "--as", "Mei", "--json").facts
    assert (said["alert_id"], said["evidence_id"]) == (alerts[1], first)
    assert _kept(tmp_path / "kept") == [("n1", "confirmed")]
    nobody = run("answer", "0" * 32, "confirm", "--as", "Mei")
    assert nobody.code == 1
    assert "no alerted evidence of that id" in nobody.err


def test_what_was_decided_is_not_decided_again(run: Command, alerts: list[str], tmp_path: Path) -> None:
    assert run("answer", alerts[1][:30], "confirm", "--as", "Mei").code == 0
    again = run("answer", alerts[1], "false", "--reason", "word")
    assert again.code == 1
    assert "the alert is resolved, confirmed by Mei" in again.err
    assert _kept(tmp_path / "kept") == [("n1", "confirmed")]
    assert [step.get("refused", "") for step in _steps(tmp_path / "kept")] == ["", "the alert is resolved"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("false",), "a false alarm needs a reason: antique, replica, synthetic, word, other"),
        (("false", "--reason", "plant"), "a false alarm needs a reason"),
        (("confirm", "--as", "Look"), "Look is a viewer, and that role may not do it"),
        (("confirm", "--as", "x" * 501), "at most 500 characters"),
    ],
)
def test_what_a_button_would_not_do_is_refused(
    run: Command, alerts: list[str], tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    told = run("answer", alerts[1], *words)
    assert told.code == 1
    assert why in told.err
    assert _steps(tmp_path / "kept") == []


def test_a_duplicate_says_nothing_to_learn_from(run: Command, alerts: list[str], tmp_path: Path) -> None:
    assert run("answer", alerts[1], "duplicate").code == 0
    assert _kept(tmp_path / "kept") == []
    assert _steps(tmp_path / "kept")[0]["actor"].startswith("account ")


def test_the_evidence_of_an_alert_names_it_too(run: Command, alerts: list[str], tmp_path: Path) -> None:
    (first, *_) = run("find", "--post", "n3", "--json").facts["found"]
    assert run("answer", first["evidence_id"], "confirm", "--json").facts["alert_id"] == alerts[3]


@pytest.mark.parametrize("word", ["", "zz", "nothing", "0"])
def test_an_unknown_alert_is_one_line(run: Command, word: str) -> None:
    told = run("answer", word, "confirm")
    assert told.code == 1
    assert "alert" in told.err
    assert "Traceback" not in told.err


async def test_an_answer_left_by_a_command_is_taken_in_by_the_watch(
    alerts: list[str], tmp_path: Path
) -> None:
    store = await Store.open(tmp_path / "kept", StillClock())
    try:
        await spool.leave(store.vault, orders.KIND, orders.facts(_order(alerts[1])))
        assert await store.take_left() == 1
        assert store.heard(orders.KIND)
        assert list((await answers.by_post(store.vault.database)).values()) == [Word.CONFIRMED]
        await spool.leave(store.vault, orders.KIND, orders.facts(_order(alerts[1], Act.FALSE, "word")))
        await spool.leave(store.vault, orders.KIND, orders.facts(_order(alerts[3])) | {"actor": ""})
        assert await store.take_left() == 0
        assert any("the alert is resolved, confirmed by Mei" in why for why in store.refused())
        old = {"act": "answer", "alert": alerts[5], "evidence": "0" * 32, "officer": "Li", "reason": "resin"}
        await spool.leave(store.vault, orders.KIND, old | {"answer": "false"})
        await spool.leave(store.vault, orders.KIND, old | {"answer": "perhaps"})
        assert await store.take_left() == 1
        duty = await duties.state(store.vault.database, alerts[5])
        assert duty is not None
        assert (duty.actor, duty.outcome, duty.reason) == ("Li", "false positive", "other: resin")
    finally:
        await store.close()


async def test_an_event_that_is_taken_in_twice_acts_once(alerts: list[str], tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "kept", StillClock())
    try:
        event = {"event_id": "0190" + "a" * 28, "happened_at": "2026-11-24T21:00:00.000000Z"}
        first = await orders.carry_out(store.vault, _order(alerts[1]), event=event)
        before = await store.root()
        again = await orders.carry_out(store.vault, _order(alerts[1]), event=event)
        assert (first.repeated, again.repeated) == (False, True)
        assert await store.root() == before
        with pytest.raises(CaseRefused):
            await orders.carry_out(store.vault, _order(alerts[1]), event=event | {"event_id": "b" * 32})
    finally:
        await store.close()


async def test_an_alert_from_before_there_were_states_can_be_decided(
    alerts: list[str], tmp_path: Path
) -> None:
    store = await Store.open(tmp_path / "kept", StillClock())
    try:

        async def forget(batch: Batch) -> None:
            batch.many("DELETE FROM duty WHERE alert_id = ?", (alerts[1],))

        await store.vault.submit(forget)
        assert (await orders.carry_out(store.vault, _order(alerts[1]))).duty.state is State.RESOLVED
        done = await duties.act(store.vault, _order("f" * 32))
        assert done.refusal is Refusal.UNKNOWN
        assert list((await answers.by_post(store.vault.database)).values()) == [Word.CONFIRMED]
    finally:
        await store.close()


def old_answer(number: int, alert: str, evidence: str, said: str) -> AnswerRow:
    """As `nightjar answer` wrote it when it made no decision."""
    return AnswerRow(
        leaf=10_000 + number, alert_id=alert, evidence_id=evidence, answer=said, reason="resin", actor="Li",
        at=StillClock().now(),
    )  # fmt: skip


async def test_answers_of_earlier_versions_are_learnt_from_and_go_with_their_evidence(
    alerts: list[str], tmp_path: Path
) -> None:
    from storage.decided import decided
    from storage.erasure import apply

    clock = StillClock()
    store = await Store.open(tmp_path / "kept", clock)
    try:
        found = [await orders.find(store.vault.database, alerts[n]) for n in (1, 3)]

        async def write(batch: Batch) -> None:
            for number, said in enumerate(("confirmed", "false")):  # the last one stands
                batch.add(old_answer(number, *found[0], said))
            batch.add(old_answer(2, *found[1], "confirmed"))

        await store.vault.submit(write)
        assert sorted((await answers.by_post(store.vault.database)).values()) == ["confirmed", "false"]
        assert sorted(one.label for one in await decided(store)) == ["0", "1"]
        await clock.sleep(400 * 86_400.0)
        await apply(store, Rules(unmatched_days=30, matched_days=30))
        assert await store.vault.database.rows("SELECT * FROM answer") == []
        assert await answers.by_post(store.vault.database) == {}
    finally:
        await store.close()


def test_train_learns_from_answers_and_says_how_well(run: Command, alerts: list[str], tmp_path: Path) -> None:
    assert run("train").code == 2  # nothing was answered yet

    async def answering() -> int:
        store = await Store.open(tmp_path / "kept", StillClock())
        try:
            told = [(n, alert) for n, alert in enumerate(alerts) if alert]
            for number, alert in told:
                order = _order(alert) if number % 2 else _order(alert, Act.FALSE, "word")
                await orders.carry_out(store.vault, order)
            return len(told)
        finally:
            await store.close()

    count = asyncio.run(answering())
    facts = run("train", "--folds", "4", "--json").facts
    assert (facts["rows"], facts["positives"], facts["csv"]) == (count, 8, None)
    assert facts["lexicon"]["recall"] == 1.0  # it raised every alert that was answered
    assert facts["counts"] == (facts["model"]["f1"] > facts["lexicon"]["f1"])
    assert (tmp_path / "kept" / "model.txt").is_file()
    told = run("train", "--folds", "4")
    assert "precision" in told.out
    labels = tmp_path / "labels.csv"
    labels.write_text("text,label\nelephant tusk for sale,1\nold chair,0\n", encoding="utf-8")
    both = ("--csv", str(labels), "--text-columns", "text", "--label-column", "label", "--answers")
    assert run("train", *both, "--folds", "4", "--json").facts["rows"] == count + 2
    assert run("train", "--csv", str(labels)).code == 2
