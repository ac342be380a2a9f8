"""A hold lifted behind the log's back erases nothing unseen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from storage import cases, checkpoints, erasure, retention
from storage.cases import Act, Order
from storage.errors import DatabaseTrouble
from storage.verify import verify
from tests.storage.kit import HandClock, change, opened, report_on
from tests.storage.test_retention import MONTH_S, RULES, unmatched

NEW = Order(act=Act.NEW, number="7", officer="badge 12", title="Horn 角", legal_basis="Art. 341")


async def _fill(folder: Path) -> None:
    """Two cases: 7 is on hold with posts a and b, 8 was closed and has b alone; c is in none."""
    clock = HandClock()
    async with opened(folder, clock) as store:
        kept = [await unmatched(store, clock, name) for name in "abc"]
        for number, chosen in (("7", kept[:2]), ("8", kept[1:2])):
            new = replace(NEW, number=number)
            await cases.apply(store.vault, new)
            for one in chosen:
                await cases.apply(store.vault, replace(new, act=Act.ADD, evidence=(one.evidence_id,)))
        await cases.apply(store.vault, replace(NEW, act=Act.HOLD, why="the court asked"))
        await cases.apply(store.vault, replace(NEW, number="8", act=Act.CLOSE))
        await store.log_event("view", {"officer": "badge 12", "case": "7"})
        await checkpoints.sign(store, "test")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases") / "data"
    asyncio.run(_fill(folder))
    return folder


async def found(folder: Path) -> set[str]:
    """Kinds of the faults."""
    return {fault.kind for fault in (await report_on(folder)).broken}


async def test_an_untouched_store_with_cases_is_whole(copy: Path) -> None:
    assert (await report_on(copy)).broken == ()


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("UPDATE case_file SET held = 0, hold_why = '' WHERE number = '7'", "case"),
        ("UPDATE case_file SET closed_at = 1 WHERE number = '7'", "case"),
        ("UPDATE case_file SET closed_at = closed_at - 1 WHERE number = '8'", "case"),
        ("UPDATE case_file SET title = 'x' WHERE number = '7'", "case"),
        ("UPDATE case_file SET legal_basis = 'none' WHERE number = '7'", "case"),
        ("UPDATE case_file SET officer = 'someone' WHERE number = '7'", "case"),
        ("UPDATE case_file SET opened_at = opened_at + 1 WHERE number = '7'", "case"),
        ("UPDATE case_file SET hold_why = 'nothing' WHERE number = '7'", "case"),
        ("UPDATE case_file SET number = '9' WHERE number = '7'", "case"),
        ("UPDATE case_file SET number = x'07' WHERE number = '7'", "case"),
        ("DELETE FROM case_file WHERE number = '7'", "case"),
        ("INSERT INTO case_file VALUES ('9', 't', 'l', 'o', 0, NULL, 1, 'x')", "case"),
        ("DELETE FROM case_evidence", "case"),
        ("DELETE FROM case_evidence WHERE id = (SELECT max(id) FROM case_evidence)", "case"),
        ("UPDATE case_evidence SET number = '8' WHERE id = 1", "case"),
        ("UPDATE case_evidence SET evidence_id = 'x' WHERE id = 1", "case"),
        ("UPDATE case_evidence SET added_at = added_at + 1", "case"),
        ("UPDATE case_evidence SET post_key = ''", "case"),
        ("UPDATE case_evidence SET id = 10 - id", "case"),
        ("UPDATE record SET subject = '8' WHERE subject = '7'", "record"),
        ("UPDATE record SET subject = '' WHERE kind = 'view'", "record"),
        ("UPDATE record SET record = '' WHERE kind = 'hold'", "record"),
        ("DELETE FROM record WHERE kind = 'hold'", "record"),
    ],
)  # fmt: skip
async def test_any_changed_row_of_a_case_is_found(copy: Path, sql: str, kind: str) -> None:
    change(copy, sql)
    assert kind in await found(copy)


LIFTED = (
    "UPDATE case_file SET held = 0, hold_why = '', closed_at = 1",
    "DELETE FROM case_file",
    "DELETE FROM case_evidence",
    "UPDATE case_evidence SET post_key = ''",
)


@pytest.mark.parametrize("sql", LIFTED)
async def test_a_hold_that_was_lifted_in_the_database_alone_still_holds(copy: Path, sql: str) -> None:
    clock = HandClock()
    clock.tick(5_000 * 86_400.0)
    change(copy, sql)
    async with opened(copy, clock) as store:
        plan = await retention.plan(store.vault.database.path, RULES, clock.now())
        assert sum(len(group.keys) for group in plan.due) == 1
        assert (await erasure.apply(store, RULES)).posts == 1, "the one that is in no case"


async def test_a_period_after_closing_runs_from_the_closing_in_the_log(copy: Path) -> None:
    clock = HandClock()
    async with opened(copy, clock) as store:
        await cases.apply(store.vault, replace(NEW, act=Act.RELEASE, why="over"))
        clock.tick(5_000 * 86_400.0)
        await cases.apply(store.vault, replace(NEW, act=Act.CLOSE))
    change(copy, "UPDATE case_file SET closed_at = 1")
    clock.tick(MONTH_S)
    async with opened(copy, clock) as store:
        assert (await erasure.apply(store, RULES)).posts == 1, "the one that is in no case"
        clock.tick(3_651 * 86_400.0)
        assert (await erasure.apply(store, RULES)).posts == 2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE record SET record = '' WHERE kind = 'hold'",
        "UPDATE record SET record = replace(record, 'hold', 'case') WHERE kind = 'hold'",
        "DELETE FROM record WHERE kind = 'hold'",
        "UPDATE leaf SET entry = replace(entry, 'hold', 'case') WHERE kind = 'hold'",
    ],
)
async def test_where_the_records_of_cases_are_bent_nothing_is_erased(copy: Path, sql: str) -> None:
    clock = HandClock()
    clock.tick(5_000 * 86_400.0)
    async with opened(copy, clock) as store:
        change(copy, sql)
        with pytest.raises(DatabaseTrouble, match="what is held is not known"):
            await erasure.apply(store, RULES)


async def test_a_bent_kind_hides_no_hold(copy: Path) -> None:
    clock = HandClock()
    clock.tick(5_000 * 86_400.0)
    change(copy, LIFTED[0])
    change(copy, "UPDATE leaf SET kind = 'gap' WHERE kind IN ('case', 'hold')")
    async with opened(copy, clock) as store:
        assert (await erasure.apply(store, RULES)).posts == 1


async def test_what_was_erased_against_a_hold_is_found_afterwards(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by an earlier version, which asked the rows alone."""
    clock = HandClock()
    clock.tick(5_000 * 86_400.0)
    monkeypatch.setattr(retention, "_book", lambda _connection: {})
    change(copy, LIFTED[0])
    async with opened(copy, clock) as store:
        assert (await erasure.apply(store, RULES)).posts == 3
        await checkpoints.sign(store, "test")
        told = [fault for fault in (await verify(store)).broken if fault.kind == "erasure"]
    assert ["was erased while a case held it" in fault.why for fault in told] == [True, True]


async def test_what_was_held_earlier_may_go_when_its_time_has_come(copy: Path) -> None:
    clock = HandClock()
    async with opened(copy, clock) as store:
        await cases.apply(store.vault, replace(NEW, act=Act.RELEASE, why="over"))
        await cases.apply(store.vault, replace(NEW, act=Act.CLOSE))
        clock.tick(5_000 * 86_400.0)
        assert (await erasure.apply(store, RULES)).posts == 3
        await cases.apply(store.vault, replace(NEW, act=Act.HOLD, why="again"))
        await checkpoints.sign(store, "test")
        assert (await verify(store)).broken == ()


@pytest.mark.parametrize(
    ("table", "where"),
    [("observation", "post_id = 'a'"), ("sighting", 'line LIKE \'%"post_id":"a"%\'')],
)
async def test_a_look_put_under_another_post_is_not_erased_with_that(
    copy: Path, table: str, where: str
) -> None:
    clock = HandClock()
    clock.tick(5_000 * 86_400.0)
    other = "(SELECT post_key FROM observation WHERE post_id = 'c')"
    change(copy, f"UPDATE {table} SET post_key = {other} WHERE {where}")
    async with opened(copy, clock) as store:
        await erasure.apply(store, RULES)
        assert len(await store.vault.database.rows(f"SELECT 1 FROM {table} WHERE {where}")) == 1
