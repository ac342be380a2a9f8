"""The daily verify: when it runs, what it keeps, and that a fault reaches the admin."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench._looks import look
from bot import nightly
from bot.nightly import AT_LATEST, EVERY, SETTLE, Due, Nightly, due
from bot.vitals import Vitals
from storage.clock import SystemClock
from storage.verified import Verified, keep_result, last_result
from tests.storage.kit import HandClock, opened

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last_ago", "started_ago", "night", "says"),
    [
        (None, timedelta(minutes=1), False, Due.RECENT),
        (None, SETTLE, False, Due.NOW),
        (timedelta(hours=1), timedelta(hours=1), False, Due.RECENT),
        (EVERY, timedelta(days=3), False, Due.NOW),
        (EVERY, timedelta(days=3), True, Due.NIGHT),
        (AT_LATEST, timedelta(days=3), True, Due.OVERDUE),
        (timedelta(days=9), timedelta(minutes=5), False, Due.RECENT),
        (timedelta(days=9), SETTLE, False, Due.NOW),
    ],
)
def test_it_runs_by_day_once_and_never_right_after_a_start(
    last_ago: timedelta | None, started_ago: timedelta, night: bool, says: Due
) -> None:
    last = NOON - last_ago if last_ago is not None else None
    assert due(last, NOON - started_ago, NOON, night=night) is says


def test_a_result_is_kept_and_anything_else_in_its_place_is_none(tmp_path: Path) -> None:
    result = Verified(
        at=NOON.isoformat(), whole=False, faults=2, first="blob x: bent", tree_size=7, root="ab"
    )
    keep_result(tmp_path, result)
    assert last_result(tmp_path) == result
    for text in ("", "[]", '{"at": 1}', '{"strange": true}'):
        (tmp_path / "verify.json").write_text(text)
        assert last_result(tmp_path) is None


async def test_a_verify_that_cannot_begin_reaches_the_admin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, told = HandClock(), []

    async def tell(text: str) -> None:
        told.append(text)

    monkeypatch.setattr(nightly, "_ROOT", tmp_path / "not there")
    async with opened(tmp_path, clock):
        result = await Nightly(tmp_path, clock, Vitals("127.0.0.1", 0, tuple), tell).verify()
    assert not result.whole
    assert "did not begin" in told[0]


async def test_a_whole_store_is_silent_and_a_bent_one_reaches_the_admin(tmp_path: Path) -> None:
    clock, told = HandClock(), []

    async def tell(text: str) -> None:
        told.append(text)

    async with opened(tmp_path, clock) as store:
        evidence = await store.seal(look("1", clock.now()))
        vitals = Vitals("127.0.0.1", 0, tuple)
        nightly = Nightly(tmp_path, SystemClock(), vitals, tell)
        first = await nightly.verify()
        assert (first.whole, first.tree_size, told) == (True, 1, [])
        path = store.blobs.path(evidence.manifest_sha256)
        path.chmod(0o640)
        path.write_bytes(b"{}")
        second = await nightly.verify()
        assert not second.whole
        assert evidence.manifest_sha256 in second.first
        assert len(told) == 1
        assert "not whole" in told[0]
        assert vitals.verify_faults._value.get() == second.faults > 0
    assert last_result(tmp_path) == second


async def test_a_child_that_dies_is_no_pass(tmp_path: Path) -> None:
    told: list[str] = []

    async def tell(text: str) -> None:
        told.append(text)

    nightly = Nightly(tmp_path / "nothing", SystemClock(), Vitals("127.0.0.1", 0, tuple), tell)
    (tmp_path / "nothing").mkdir()
    result = await nightly.verify()
    assert not result.whole
    assert len(told) == 1


async def test_a_stop_takes_the_child_with_it(tmp_path: Path) -> None:
    async def tell(_text: str) -> None:
        raise AssertionError("nothing was found")

    clock = HandClock()
    async with opened(tmp_path, clock) as store:
        await store.seal(look("1", clock.now()))
        nightly = Nightly(tmp_path, SystemClock(), Vitals("127.0.0.1", 0, tuple), tell)
        task = asyncio.create_task(nightly.verify())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert last_result(tmp_path) is None
