"""`nightjar case` on a real data folder, without a watch and beside one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.commands import case
from storage import checkpoints
from storage.recovery import DATABASE, LOCK, Lock
from storage.spool import FOLDER
from storage.store import Store
from tests.cli.kept import Command, Kept, StillClock, night


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return night(tmp_path)


@pytest.fixture
def run(kept: Kept, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, kept.config)


def new(run: Command, number: str = "2026-17") -> int:
    return run("case", "new", number, "--title", "Horn", "--legal-basis", "Art. 341", "--officer", "b12").code


def test_a_case_is_opened_filled_held_and_closed(run: Command, kept: Kept) -> None:
    assert new(run) == 0
    assert run("case", "add", "2026-17", kept.sale[:24], kept.harmless).code in (0, 1)
    assert run("case", "add", "2026-17", kept.sale, kept.harmless, "--officer", "b12").code == 0
    assert run("case", "hold", "2026-17", "--why", "trial").code == 0
    facts = run("case", "show", "2026-17", "--json").facts
    assert (facts["title"], facts["held"], facts["evidence"]) == ("Horn", True, [kept.sale, kept.harmless])
    assert run("case", "release", "2026-17", "--why", "over").code == 0
    assert run("case", "close", "2026-17").code == 0
    told = run("case", "show", "2026-17").out
    for word in ("Horn", "Art. 341", "b12", "release", "account "):
        assert word in told
    (listed,) = run("case", "list", "--json").facts["cases"]
    assert listed["number"] == "2026-17"
    assert "1 case" in run("case", "list").out
    assert run("verify").code == 0


def test_a_case_shows_what_was_handed_over_of_it_however_it_was_asked_for(
    run: Command, kept: Kept, tmp_path: Path
) -> None:
    for number in ("7", "8", "77"):
        new(run, number)
    run("case", "add", "7", kept.sale)
    run("case", "add", "8", kept.harmless)
    assert "nothing of it was exported" in run("case", "show", "7").out
    asked = {"both": ("7", "8"), "by id": (kept.sale,), "other": ("8",)}
    for name, words in asked.items():
        done = run("export", *words, "--out", str(tmp_path / name), "--officer", "b12", "--why", "prosecutor")
        assert done.code == 0, done.err
    shown = run("case", "show", "7", "--json").facts["exports"]
    handed = [("both", 1, "b12"), ("by id", 1, "b12")]
    assert [(one["name"], one["pieces"], one["officer"]) for one in shown] == handed
    assert [one["leaf"] for one in shown] == [None, None]  # no watch has taken them in yet
    run("case", "hold", "77", "--why", "x")  # which first takes in what was left
    shown = run("case", "show", "7", "--json").facts["exports"]
    assert [(one["name"], one["pieces"], one["officer"]) for one in shown] == handed
    assert all(one["leaf"] > 0 for one in shown)
    told = run("case", "show", "7").out
    assert "prosecutor" in told
    assert "other" not in told
    assert run("case", "show", "77", "--json").facts["exports"] == []


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("add", "no-such", "0123"), 1, "no evidence"),
        (("hold", "no-such", "--why", "x"), 1, "no such case"),
        (("show", "no-such"), 1, "no case"),
        (("hold", "x"), 1, "reason is missing"),
        (("close",), 2, "needs the number"),
        (("close", "x", "0123"), 2, "takes no evidence ids"),
        (("burn", "x"), 2, "invalid choice"),
    ],
)
def test_wrong_orders_are_refused_in_one_line(
    run: Command, kept: Kept, words: tuple[str, ...], code: int, why: str
) -> None:
    ran = run("case", *words)
    assert ran.code == code
    assert why in ran.err
    assert "Traceback" not in ran.err


def test_an_order_that_nobody_takes_in_is_said_loudly(
    run: Command, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case, "WAITED_S", 0.5)
    with held(kept.folder):
        ran = run("case", "new", "2026-17", "--title", "t", "--legal-basis", "l", "--json")
        assert ran.code == 1
        assert ran.facts["recorded"] is False
        ran = run("case", "new", "2026-18", "--title", "t", "--legal-basis", "l")
        assert ran.code == 1
        assert "NOT IN FORCE" in ran.out
        assert run("retention", "--apply").code == 1
    assert [path.suffix for path in (kept.folder / FOLDER).iterdir()] == [".json"] * 3


def test_a_store_that_no_watch_would_open_takes_no_orders(run: Command, kept: Kept) -> None:
    before = (kept.folder / DATABASE).read_bytes()
    assert new(run) == 0
    signed(kept.folder)
    for rest in kept.folder.glob(f"{DATABASE}-*"):
        rest.unlink()
    (kept.folder / DATABASE).write_bytes(before)
    for words in (("case", "close", "2026-17"), ("retention", "--apply")):
        ran = run(*words)
        assert ran.code == 1
        assert "put back" in ran.err
    assert not (kept.folder / FOLDER).exists()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Another process writes there, and it is no watch."""
    lock = Lock(folder / LOCK)
    try:
        yield
    finally:
        lock.release()


def signed(folder: Path) -> None:
    async def signing() -> None:
        store = await Store.open(folder, StillClock())
        await checkpoints.sign(store, "test")
        await store.close()

    asyncio.run(signing())


def test_beside_a_watch_the_watch_does_it(run: Command, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case, "WAITED_S", 120.0)  # a busy machine is no watch that does nothing
    ready, over = threading.Event(), threading.Event()

    async def watch() -> None:
        store = await Store.open(kept.folder, StillClock())
        ready.set()
        while not over.is_set():
            await store.take_left()
            await asyncio.sleep(0.05)
        await store.close()

    watching = threading.Thread(target=lambda: asyncio.run(watch()))
    watching.start()
    try:
        assert ready.wait(120)
        assert new(run) == 0
        assert run("case", "new", "2026-17", "--title", "t", "--legal-basis", "l").code == 1
        assert run("case", "add", "2026-17", kept.sale).code == 0
        assert run("case", "show", "2026-17", "--json").facts["evidence"] == [kept.sale]
    finally:
        over.set()
        watching.join(120)
