"""Cases: what can be done, what is refused, and what the log says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench._looks import look
from storage import cases, spool
from storage.casefile import verify
from storage.cases import Act, Order
from storage.errors import CaseRefused, DatabaseTrouble
from storage.model import sha256_of
from storage.store import Store
from tests.storage.kit import HandClock

NEW = Order(act=Act.NEW, number="2026-17", officer="badge 12", title="Horn 角", legal_basis="Art. 341")


def order(act: Act, *evidence: str, why: str = "the court asked", number: str = "2026-17") -> Order:
    return Order(act=act, number=number, officer="badge 12", why=why, evidence=evidence)


async def test_a_case_goes_from_new_to_closed(store: Store, clock: HandClock) -> None:
    kept = [await store.seal(look(str(n), clock.tick(), pictures=0)) for n in range(3)]
    await cases.apply(store.vault, NEW)
    await cases.apply(store.vault, order(Act.ADD, kept[0].evidence_id, kept[2].evidence_id))
    await cases.apply(store.vault, order(Act.ADD, kept[0].evidence_id))
    await cases.apply(store.vault, order(Act.HOLD))
    found = await cases.one(store.vault.database, "2026-17")
    assert found.evidence == (kept[0].evidence_id, kept[2].evidence_id)
    assert (found.held, found.hold_why, found.closed_at) == (True, "the court asked", None)
    await cases.apply(store.vault, order(Act.RELEASE))
    await cases.apply(store.vault, order(Act.CLOSE))
    found = await cases.one(store.vault.database, "2026-17")
    assert not found.held
    assert found.closed_at == clock.now()
    acts = [record.facts["act"] for record in found.history]
    assert acts == ["new", "add", "add", "hold", "release", "close"]
    assert [c.number for c in await cases.listed(store.vault.database)] == ["2026-17"]
    assert (await verify(store)).whole


async def test_the_log_proves_an_act_and_tells_strangers_nothing(store: Store) -> None:
    index = await cases.apply(store.vault, NEW)
    (row,) = await store.vault.database.rows('SELECT kind, entry FROM leaf WHERE "index" = ?', (index,))
    assert row["kind"] == "case"
    assert "2026-17" not in row["entry"]
    assert "badge" not in row["entry"]
    (record,) = (await cases.one(store.vault.database, "2026-17")).history
    assert json.loads(row["entry"])["facts_sha256"] == sha256_of(record.record.encode())
    assert record.facts["legal_basis"] == "Art. 341"
    assert len(json.loads(record.record)["salt"]) == 32


async def test_a_bent_record_is_noticed(store: Store) -> None:
    await cases.apply(store.vault, NEW)

    async def bend(batch: object) -> None:
        await batch.run("UPDATE record SET record = replace(record, '341', '342')")  # type: ignore[attr-defined]

    await store.vault.submit(bend)
    with pytest.raises(DatabaseTrouble, match="not the one the log names"):
        await cases.one(store.vault.database, "2026-17")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (NEW, "there already"),
        (order(Act.CLOSE, number="none"), "no such case"),
        (order(Act.ADD, "0" * 32), "no evidence"),
        (order(Act.ADD), "no evidence was named"),
        (order(Act.HOLD, why=" "), "reason is missing"),
        (order(Act.RELEASE), "not on hold"),
        (Order(act=Act.NEW, number="2", officer="b", title="t"), "legal basis is missing"),
        (Order(act=Act.NEW, number="2", officer="", title="t", legal_basis="l"), "officer is missing"),
        (order(Act.CLOSE, number="a\nb"), "printable"),
        (order(Act.CLOSE, number=" a"), "printable"),
        (order(Act.CLOSE, number="a" * 65), "1 to 64"),
        (order(Act.CLOSE, why="x" * 2001), "at most"),
    ],
)
async def test_what_cannot_be_done_changes_nothing(store: Store, wrong: Order, why: str) -> None:
    await cases.apply(store.vault, NEW)
    before = await store.root()
    with pytest.raises(CaseRefused, match=why):
        await cases.apply(store.vault, wrong)
    assert await store.root() == before
    assert len((await cases.one(store.vault.database, "2026-17")).history) == 1


async def test_a_closed_case_takes_no_evidence_but_a_hold(store: Store, clock: HandClock) -> None:
    kept = await store.seal(look("1", clock.tick(), pictures=0))
    await cases.apply(store.vault, NEW)
    await cases.apply(store.vault, order(Act.CLOSE))
    with pytest.raises(CaseRefused, match="closed"):
        await cases.apply(store.vault, order(Act.ADD, kept.evidence_id))
    await cases.apply(store.vault, order(Act.HOLD))
    assert (await cases.one(store.vault.database, "2026-17")).held


async def test_an_order_left_beside_the_watch_is_done_by_it(store: Store, clock: HandClock) -> None:
    kept = await store.seal(look("1", clock.tick(), pictures=0))
    reader = await Store.open_reader(store.folder, clock)
    left = await spool.leave(reader.vault, NEW.kind, NEW.facts())
    clock.tick()
    ready = await cases.whole(reader, order(Act.ADD, kept.evidence_id[:20]))
    await spool.leave(reader.vault, ready.kind, ready.facts())
    await reader.close()
    assert spool.became(store.folder, left) == (spool.Left.WAITING, "")
    assert await store.take_left() == 2
    assert spool.became(store.folder, left) == (spool.Left.TAKEN, "")
    found = await cases.one(store.vault.database, "2026-17")
    assert found.evidence == (kept.evidence_id,)
    assert found.history[0].facts["event_id"] == left


async def test_an_order_that_is_refused_later_says_why_and_holds_nothing_up(
    store: Store, clock: HandClock
) -> None:
    reader = await Store.open_reader(store.folder, clock)
    wrong = order(Act.CLOSE)
    left = await spool.leave(reader.vault, wrong.kind, wrong.facts())
    odd = await spool.leave(reader.vault, "case", {"act": "burn", "case": "1"})
    clock.tick()
    await spool.leave(reader.vault, NEW.kind, NEW.facts())
    await reader.close()
    assert await store.take_left() == 1
    state, why = spool.became(store.folder, left)
    assert state is spool.Left.REFUSED
    assert "no such case" in why
    assert spool.became(store.folder, odd)[0] is spool.Left.REFUSED
    assert await store.take_left() == 0


async def test_words_of_an_export_are_cases_ids_and_times(store: Store, clock: HandClock) -> None:
    kept = [await store.seal(look(str(n), clock.tick(60), pictures=0)) for n in range(4)]
    ids = [k.evidence_id for k in kept]
    await cases.apply(store.vault, NEW)
    await cases.apply(store.vault, order(Act.ADD, ids[2]))
    chosen = await cases.select(store, ["2026-17", ids[0]])
    assert chosen.evidence_ids == (ids[0], ids[2])
    assert [c.number for c in chosen.cases] == ["2026-17"]
    assert len(chosen.cases[0].history) == 2
    assert (await cases.select(store, [], everything=True)).evidence_ids == tuple(ids)
    late = await cases.select(store, [], since=kept[2].captured_at)
    assert late.evidence_ids == tuple(ids[2:])
    for nothing in (["no such thing"], []):
        with pytest.raises(DatabaseTrouble):
            await cases.select(store, nothing)


async def test_a_case_without_a_store_is_a_clear_error(tmp_path: Path, clock: HandClock) -> None:
    with pytest.raises(DatabaseTrouble):
        await Store.open_reader(tmp_path / "none", clock)
