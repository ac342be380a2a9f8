"""What commands leave for the watch: taken in, put aside, or waiting; never lost, never in the way."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench._looks import judgement, look, watched
from storage import cases, erasure, spool, uses
from storage.cases import Act, Order
from storage.errors import CaseRefused, DatabaseTrouble, DiskTrouble
from storage.model import Evidence, Progress, Tier
from storage.retention import Rules
from storage.spool import Left, became
from storage.store import Store
from tests.storage.kit import NOBODY, HandClock, as_nobody, opened

VIEW = {"officer": "badge 12", "what": "show 1"}
NEW = Order(act=Act.NEW, number="C1", officer="badge 12", title="t", legal_basis="l")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")


@pytest.fixture
async def reader(store: Store, clock: HandClock) -> AsyncIterator[Store]:
    """The store as a command beside the watch sees it."""
    one = await Store.open_reader(store.folder, clock)
    yield one
    await one.close()


async def leave(reader: Store, clock: HandClock, *orders: Order) -> list[str]:
    left = []
    for order in orders:
        clock.tick()
        left.append(await spool.leave(reader.vault, order.kind, order.facts()))
    return left


async def kinds(store: Store) -> list[str]:
    return [row[0] for row in await store.vault.database.rows('SELECT kind FROM leaf ORDER BY "index"')]


def put(store: Store, name: str, data: bytes) -> Path:
    path = store.folder / spool.FOLDER / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def event(kind: str, **facts: str) -> bytes:
    return json.dumps({"event_id": "a", "happened_at": "b", "kind": kind, "facts": facts}).encode()


async def test_an_export_of_many_cases_is_logged_and_holds_nothing_up(
    store: Store, reader: Store, clock: HandClock
) -> None:
    numbers = ", ".join(f"Court District 7 file 2026-{n:05d}" for n in range(4))
    await reader.log_event("export", {"case": numbers, "officer": "badge 12"})
    await leave(reader, clock, NEW)
    assert await store.take_left() == 2
    assert await kinds(store) == ["export", "case"]
    (row,) = await store.vault.database.rows("SELECT subject, record FROM record WHERE kind = 'export'")
    assert row["subject"] == "", "it is of no one case"
    assert json.loads(row["record"])["facts"]["case"] == numbers
    assert store.refused() == ()


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000,
        b"no json",
        b'{"event_id": "a"}',
        b'{"event_id": "a", "happened_at": "b", "kind": "view", "facts": []}',
        event("erasure"),
        event("k" * 300),
        b" " * (spool.MOST_BYTES + 1),
    ],
    ids=["deep", "text", "short", "list", "own kind of the watch", "long kind", "large"],
)
async def test_what_is_no_event_is_put_aside_told_and_holds_nothing_up(
    store: Store, reader: Store, clock: HandClock, data: bytes
) -> None:
    path = put(store, "0", data)
    await leave(reader, clock, NEW)
    assert await store.take_left() == 1
    assert await kinds(store) == ["case"]
    assert not path.exists()
    state, why = became(store.folder, "0")
    assert state is Left.REFUSED
    assert why
    (told,) = store.refused()
    assert why in told
    assert store.refused() == (), "once"


@pytest.mark.parametrize("fact", ["\ud800", "\x00", "角" * 400], ids=["surrogate", "zero", "long"])
async def test_odd_facts_are_logged_all_the_same(store: Store, fact: str) -> None:
    put(store, "0", event("view", what=fact, case=fact))
    assert await store.take_left() == 1
    assert await kinds(store) == ["view"]


async def test_an_event_that_the_database_will_not_take_is_put_aside_with_its_text(
    store: Store, reader: Store, clock: HandClock
) -> None:
    await store.vault.submit(
        lambda batch: batch.run(
            "CREATE TRIGGER odd BEFORE INSERT ON record WHEN NEW.subject = 'odd' "
            "BEGIN SELECT raise(ABORT, 'not this one'); END"
        )
    )
    await reader.log_event("view", {"case": "odd", "officer": "badge 12"})
    await leave(reader, clock, NEW)
    clock.tick(60)
    await store.save_progress([Progress(target="market")])
    assert await kinds(store) == ["case"], "the watch that writes anyway takes in the rest"
    (told,) = store.refused()
    assert "not this one" in told
    (aside,) = (store.folder / spool.FOLDER).iterdir()
    assert aside.suffix == spool.REFUSED
    assert "badge 12" in aside.read_text(encoding="utf-8")


async def test_no_event_is_put_aside_for_the_troubles_of_the_database(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        reader = await Store.open_reader(store.folder, clock)
        (left,) = await leave(reader, clock, NEW)
        await reader.close()
    with pytest.raises(DatabaseTrouble, match="closed"):
        await store.take_left()
    assert became(store.folder, left) == (Left.WAITING, "")
    assert store.refused() == ()


async def test_a_large_order_is_taken_and_one_too_large_is_refused_at_once(
    store: Store, reader: Store
) -> None:
    many = Order(act=Act.ADD, number="C1", officer="o", evidence=tuple(f"{n:032x}" for n in range(31_000)))
    await spool.leave(reader.vault, "export", many.facts())
    assert await store.take_left() == 1
    with pytest.raises(CaseRefused, match="too much"):
        await spool.leave(reader.vault, "view", {"what": "x" * spool.MOST_BYTES})
    assert await store.take_left() == 0


# --- commands of root beside a watch that is not -----------------------------------------


@pytest.fixture
async def foreign(clock: HandClock) -> AsyncIterator[Store]:
    """A store that belongs to another account, as with a service's own user."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 -- one call, before anything runs
        async with opened(Path(folder) / "data", clock) as store:
            for path in (store.folder, *store.folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            yield store


@AS_ROOT
async def test_what_root_leaves_belongs_to_the_watch(foreign: Store, clock: HandClock) -> None:
    reader = await Store.open_reader(foreign.folder, clock)
    before = os.umask(0o077)
    try:
        await leave(reader, clock, NEW)
    finally:
        os.umask(before)
        await reader.close()
    with as_nobody():
        assert await foreign.take_left() == 1
    assert await kinds(foreign) == ["case"]
    assert list((foreign.folder / spool.FOLDER).iterdir()) == []


@AS_ROOT
async def test_what_cannot_be_removed_is_not_logged_at_every_look(foreign: Store) -> None:
    path = put(foreign, "0", event("view", **VIEW))
    with as_nobody():
        for _ in range(2):
            with pytest.raises(DiskTrouble, match="events"):
                await foreign.take_left()
    assert await kinds(foreign) == []
    path.parent.chmod(0o700)
    with as_nobody(), pytest.raises(DiskTrouble, match="Permission"):
        await foreign.take_left()
    os.chown(path.parent, NOBODY, NOBODY)
    with as_nobody():
        assert await foreign.take_left() == 1


@AS_ROOT
async def test_an_event_that_cannot_be_read_stays_and_later_orders_with_it(foreign: Store) -> None:
    path = put(foreign, "0", event("case", **NEW.facts()))
    path.chmod(0o600)
    hold = Order(act=Act.HOLD, number="C1", officer="o", why="trial")
    put(foreign, "1", event("hold", **hold.facts()))
    put(foreign, "2", event("view", **VIEW))
    os.chown(path.parent, NOBODY, NOBODY)
    with as_nobody(), pytest.raises(DiskTrouble, match=r"0\.json: Permission denied"):
        await foreign.take_left()
    assert await kinds(foreign) == ["view"]
    path.chmod(0o644)
    with as_nobody():
        assert await foreign.take_left() == 2
    assert (await cases.one(foreign.vault.database, "C1")).held


# --- holds and erasing --------------------------------------------------------------------


async def quiet(store: Store, clock: HandClock, count: int) -> list[Evidence]:
    """Posts that no verdict speaks of."""
    kept = []
    for number in range(count):
        at = clock.tick()
        one = await store.seal(look(str(number), at, pictures=0), watched=watched(str(number), at))
        await store.record(judgement(one, clock.tick(), Tier.NONE), announce=())
        kept.append(one)
    return kept


async def test_a_hold_that_is_ordered_while_erasing_runs_is_in_force_at_once(
    store: Store, reader: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await quiet(store, clock, 3)
    clock.tick(40 * 86_400)
    held = kept[1].evidence_id
    real = uses.candidates

    async def and_an_order(store: Store, keys: tuple[str, ...]) -> frozenset[str]:
        """Between the plan and the first batch."""
        add = Order(act=Act.ADD, number="C1", officer="o", evidence=(held,))
        hold = Order(act=Act.HOLD, number="C1", officer="o", why="trial")
        await leave(reader, clock, NEW, add, hold)
        return frozenset(await real(store, keys))

    monkeypatch.setattr(uses, "candidates", and_an_order)
    await erasure.apply(store, Rules(unmatched_days=30))
    assert (await store.evidence(held)).evidence_id == held
    assert (await cases.one(store.vault.database, "C1")).evidence == (held,)
    assert store.refused() == ()
