"""Who sees contacts, and what is erased: `--unmasked` and `nightjar retention`."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.chores import EVERY_S, SETTLE_S, Chores
from storage.erasure import ORDER
from storage.retention import KEPT_FOR_EVER, Rules
from storage.store import Store
from tests.cli.kept import START, Command, Kept, StillClock, night

OFFICERS = """
[retention]
unmatched_days = 30
matched_days = 365

[[officer]]
name = "badge 12"
role = "investigator"

[[officer]]
name = "guest"
role = "viewer"
"""
PHONE = "138-0013-8000"


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    made = night(tmp_path)
    made.config.write_text(made.config.read_text(encoding="utf-8") + OFFICERS, encoding="utf-8")
    return made


@pytest.fixture
def run(kept: Kept, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, kept.config)


def entries(kept: Kept, kind: str) -> list[dict[str, str]]:
    """The facts of every private entry of this kind, also of those that wait for the watch."""
    waiting = [json.loads(p.read_text()) for p in (kept.folder / "events").glob("*.json")]
    with closing(sqlite3.connect(kept.folder / "nightjar.db")) as connection:
        rows = connection.execute("SELECT record FROM record WHERE kind = ?", (kind,)).fetchall()
    logged = [json.loads(row[0])["facts"] for row in rows]
    return logged + [event["facts"] for event in waiting if event["kind"] == kind]


@pytest.mark.parametrize("json_", [(), ("--json",)])
def test_contacts_are_starred_for_everybody(run: Command, kept: Kept, json_: tuple[str, ...]) -> None:
    for words in (("show", kept.sale, *json_), ("find", "XJ", *json_)):
        told = run(*words)
        assert told.code == 0
        for contact in (PHONE, "13800138000", "wx_12345"):
            assert contact not in told.out, (words, contact)
    views = entries(kept, "view")
    assert [(v["what"], v["officer"], v["unmasked"]) for v in views] == [(f"show {kept.sale}", "", "no")]
    assert views[0]["account"]


def test_an_investigator_sees_them_and_the_look_is_logged(run: Command, kept: Kept) -> None:
    told = run("show", kept.sale, "--unmasked", "--officer", "badge 12", "--json")
    assert told.code == 0
    assert PHONE in told.facts["evidence"]["post"]["text"]
    assert "phone 13800138000" in told.facts["verdict"]["contacts"]
    run("find", "XJ", "--unmasked", "--officer", "badge 12")
    views = entries(kept, "view")
    assert [v["officer"] for v in views] == ["badge 12", "badge 12"]
    assert f"show {kept.sale}" in [v["what"] for v in views]


@pytest.mark.parametrize(
    ("officer", "why"), [((), "needs --officer"), (("guest",), "viewer does not"), (("nobody",), "is no")]
)
@pytest.mark.parametrize("command", ["show", "find", "export"])
def test_nobody_else_sees_them(  # noqa: PLR0917 -- fixtures and parameters
    run: Command, kept: Kept, tmp_path: Path, command: str, officer: tuple[str, ...], why: str
) -> None:
    named = ("--officer", officer[0]) if officer else ()
    more = ("--out", str(tmp_path / "case")) if command == "export" else ()
    ran = run(command, kept.sale, "--unmasked", *named, *more)
    assert ran.code == 1
    assert why in ran.err
    assert PHONE not in ran.out
    assert not (tmp_path / "case").exists()


def test_retention_says_what_is_due_and_changes_nothing(
    run: Command, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = later(monkeypatch, days=40)
    assert clock.now() > START
    facts = run("retention", "--json").facts
    assert facts["due"]["unmatched"] == {"posts": 1, "looks": 1}
    assert facts["days"] == {"unmatched": 30, "matched": 365, "hold": None}
    assert [(one["evidence_id"], one["kind"]) for one in facts["evidence"]] == [(kept.harmless, "unmatched")]
    told = run("retention", "--dry-run").out
    assert "nothing was changed" in told
    assert kept.harmless not in told
    assert "retention --list" in told
    listed = run("retention", "--list").out
    assert kept.harmless in listed
    assert kept.sale not in listed
    assert "for ever" in told
    assert len(run("find", "--json").facts["found"]) == 3


def test_retention_erases_and_the_store_stays_whole(
    run: Command, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, days=40)
    facts = run("retention", "--apply", "--officer", "badge 12", "--json").facts
    assert (facts["posts"], facts["observations"]) == (1, 1)
    assert Path(facts["certificates"][0]).read_text().startswith("nightjar deletion certificate v1\n")
    found = [one["evidence_id"] for one in run("find", "--json").facts["found"]]
    assert kept.harmless not in found
    assert len(found) == 2
    assert run("show", kept.harmless).code == 1
    verified = run("verify", "--json")
    assert verified.code == 0
    assert verified.facts["erased"] == 1
    assert run("retention", "--apply", "--json").facts["posts"] == 0


def test_a_wrong_period_is_told_and_nothing_is_erased(run: Command, kept: Kept) -> None:
    text = kept.config.read_text().replace("unmatched_days = 30", "unmatched_days = 0")
    kept.config.write_text(text)
    ran = run("retention", "--apply")
    assert ran.code == 2
    assert "unmatched_days" in ran.err


def later(monkeypatch: pytest.MonkeyPatch, *, days: int) -> StillClock:
    clock = StillClock()
    clock._now = START + timedelta(days=days)
    monkeypatch.setattr("bot.cli._clock", lambda: clock)
    return clock


class Told:
    """What the admin hears, and whether a target is being watched."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.night = True
        self.rules = Rules(unmatched_days=30)

    async def __call__(self, text: str) -> None:
        self.words.append(text)


class Steps(StillClock):
    """Stops the loop after so many sleeps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._now = START + timedelta(days=40)
        self.steps, self.during = steps, lambda _step: None

    async def sleep(self, seconds: float) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise asyncio.CancelledError
        self.during(self.steps)
        self._now += timedelta(seconds=seconds)


def chores_of(kept: Kept, clock: Steps, told: Told, *, start_late: float) -> list[int]:
    """Run the loop to its end; the number of observations before and after."""

    async def main() -> list[int]:
        store = await Store.open(kept.folder, clock)
        try:
            chores = Chores(store, clock, rules=lambda: told.rules, night=lambda: told.night, tell=told)
            clock._now += timedelta(seconds=start_late)
            counts = [await count(store)]
            try:
                await chores.run()
            except asyncio.CancelledError:
                counts.append(await count(store))
            return counts
        finally:
            await store.close()

    return asyncio.run(main())


async def count(store: Store) -> int:
    return int((await store.vault.database.rows("SELECT count(*) FROM observation"))[0][0])


def test_the_watch_erases_by_day_only_and_not_at_once(kept: Kept) -> None:
    told = Told()
    assert chores_of(kept, Steps(3), told, start_late=SETTLE_S + 60) == [3, 3], "a target is being watched"
    told.night = False
    assert chores_of(kept, Steps(3), told, start_late=0) == [3, 3], "it has just started"
    told.rules = KEPT_FOR_EVER
    assert chores_of(kept, Steps(3), told, start_late=SETTLE_S + 60) == [3, 3], "no period is set"
    told.rules = Rules(unmatched_days=30)
    assert chores_of(kept, Steps(3), told, start_late=SETTLE_S + 60) == [3, 2]
    assert told.words == []
    assert EVERY_S > SETTLE_S


def test_the_watch_erases_at_any_hour_when_it_is_ordered(kept: Kept) -> None:
    told, clock = Told(), Steps(2)
    (kept.folder / "events").mkdir(exist_ok=True)
    event = {"event_id": "a" * 32, "happened_at": "2026-11-24T22:00:00.000000Z", "kind": ORDER, "facts": {}}
    (kept.folder / "events" / f"{'a' * 32}.json").write_text(json.dumps(event))
    assert chores_of(kept, clock, told, start_late=0) == [3, 2]
    assert len(entries(kept, ORDER)) == 1


def test_a_store_in_trouble_is_told_and_the_loop_goes_on(kept: Kept) -> None:
    told = Told()
    told.night = False
    with closing(sqlite3.connect(kept.folder / "nightjar.db")) as connection:
        (name,) = connection.execute(
            "SELECT manifest_sha256 FROM observation WHERE evidence_id = ?", (kept.sale,)
        ).fetchone()
    (kept.folder / "blobs" / name[:2] / name).unlink()
    assert chores_of(kept, Steps(4), told, start_late=SETTLE_S + 60) == [3, 3]
    (words,) = told.words
    assert "was not erased" in words
