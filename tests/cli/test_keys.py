"""`nightjar keys` on a real data folder: certify, rotate, show, admit a roll-back."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from storage import checkpoints, keys, ledger, notes
from storage.store import Store
from storage.verify import verify
from tests.cli.kept import Command, Kept, StillClock, night


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return night(tmp_path)


@pytest.fixture
def run(kept: Kept, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, kept.config)


def folder_of(kept: Kept) -> Path:
    return kept.config.parent / "kept"


def signed(kept: Kept) -> None:
    """What the watch does: sign what there is."""

    async def signing() -> None:
        store = await Store.open(folder_of(kept), StillClock())
        await store.log_event("config", {"digest": "x"})
        await checkpoints.sign(store, "test")
        await store.close()

    asyncio.run(signing())


def entries(kept: Kept, kind: str) -> list[dict[str, str]]:
    """Facts of the log's entries of a kind, and that the whole store verifies."""

    async def reading() -> list[dict[str, str]]:
        store = await Store.open(folder_of(kept), StillClock())
        await store.take_left()
        size, _ = await store.root()
        texts = [(await ledger.entry(store.vault.database, n))[1] for n in range(size)]
        report = await verify(store)
        await store.close()
        assert report.whole, report.broken
        return [json.loads(t)["facts"] for t in texts if json.loads(t)["kind"] == kind]

    return asyncio.run(reading())


def test_an_admin_key_is_made_outside_the_data_folder_and_never_over_a_file(
    run: Command, kept: Kept, tmp_path: Path
) -> None:
    where = tmp_path / "stick" / "admin.key"
    where.parent.mkdir()
    made = run("keys", "new-admin", "--out", str(where), "--json").facts
    assert made["fingerprint"] == notes.fingerprint(keys.read_public(Path(made["public"])))
    assert where.stat().st_mode & 0o777 == 0o600
    again = run("keys", "new-admin", "--out", str(where))
    assert again.code == 1
    assert "never overwritten" in again.err
    inside = run("keys", "new-admin", "--out", str(folder_of(kept) / "admin.key"))
    assert (inside.code, "offline" in inside.err) == (2, True)
    assert run("keys", "new-admin").code == 2


def test_a_daemon_key_is_certified_and_the_log_says_so(run: Command, kept: Kept, tmp_path: Path) -> None:
    assert "uncertified" in run("keys", "show").out
    admin = run("keys", "new-admin", "--out", str(tmp_path / "admin.key"), "--json").facts["fingerprint"]
    done = run("keys", "certify", "--admin", str(tmp_path / "admin.key"), "--json")
    assert (done.code, done.facts["admin"]) == (0, admin)
    shown = run("keys", "show", "--json")
    assert (shown.code, shown.facts["keys"][0]["admin"]) == (0, admin)
    assert shown.facts["keys"][0]["certified"]
    (fact,) = entries(kept, "key")
    assert (fact["act"], fact["admin"], fact["key"]) == ("certified", admin, done.facts["fingerprint"])
    own = run("keys", "certify", "--admin", str(folder_of(kept) / "keys" / "daemon.key"))
    assert (own.code, "daemon's own key" in own.err) == (1, True)


def test_a_certificate_that_holds_is_replaced_only_when_it_is_said(
    run: Command, kept: Kept, tmp_path: Path
) -> None:
    first, second = (
        run("keys", "new-admin", "--out", str(tmp_path / name), "--json").facts["fingerprint"]
        for name in "ab"
    )
    assert run("keys", "certify", "--admin", str(tmp_path / "a")).code == 0
    before = run("keys", "show", "--json").facts["keys"][0]
    for name in "ab":
        again = run("keys", "certify", "--admin", str(tmp_path / name))
        assert (again.code, f"certified already, by {first}" in again.err) == (1, True), again.err
    assert run("keys", "show", "--json").facts["keys"][0] == before
    assert run("keys", "certify", "--admin", str(tmp_path / "b"), "--again").code == 0
    assert run("keys", "show", "--json").facts["keys"][0]["admin"] == second
    assert [fact["admin"] for fact in entries(kept, "key")] == [first, second]


@pytest.mark.parametrize(
    ("damage", "says"),
    [(None, "daemon.key is missing"), (b"no key", "daemon.key")],
)
def test_show_says_that_the_secret_half_is_not_there(
    run: Command, kept: Kept, damage: bytes | None, says: str
) -> None:
    signed(kept)
    assert run("keys", "show").code == 0
    secret = folder_of(kept) / "keys" / "daemon.key"
    secret.unlink()
    if damage is not None:
        secret.write_bytes(damage)
    shown = run("keys", "show")
    assert shown.code == 1
    assert says in shown.out
    assert says in run("keys", "show", "--json").facts["keys"][0]["secret"]


@pytest.mark.parametrize("damage", [b"", b"no key", None])
def test_a_damaged_admin_key_is_refused_in_one_line(
    run: Command, kept: Kept, tmp_path: Path, damage: bytes | None
) -> None:
    if damage is not None:
        (tmp_path / "admin.key").write_bytes(damage)
    done = run("keys", "certify", "--admin", str(tmp_path / "admin.key"))
    assert done.code == 1
    assert "admin.key" in done.err
    assert "Traceback" not in done.err


def test_a_rotated_key_is_vouched_for_by_the_old_one(run: Command, kept: Kept) -> None:
    signed(kept)
    old = run("keys", "show", "--json").facts["keys"][0]["fingerprint"]
    done = run("keys", "rotate", "--why", "yearly", "--json")
    assert (done.code, done.facts["old"], done.facts["vouched"]) == (0, old, True)
    ring = run("keys", "show", "--json").facts["keys"]
    assert [(k["number"], k["fingerprint"]) for k in ring] == [(0, done.facts["new"]), (1, old)]
    named, in_use = entries(kept, "key")
    assert (named["act"], named["old"], named["new"], named["why"]) == (
        "successor", old, done.facts["new"], "yearly",
    )  # fmt: skip
    assert in_use == {"act": "in use", "key": done.facts["new"]}
    assert run("keys", "rotate").code == 2


def test_a_lost_key_gets_a_successor_that_nobody_vouched_for(run: Command, kept: Kept) -> None:
    signed(kept)
    (folder_of(kept) / "keys" / "daemon.key").unlink()
    done = run("keys", "rotate", "--why", "disk broke", "--json")
    assert (done.code, done.facts["vouched"]) == (0, False)
    assert run("verify").code == 0


def test_a_roll_back_is_admitted_in_the_log_under_a_new_key(run: Command, kept: Kept, tmp_path: Path) -> None:
    database = folder_of(kept) / "nightjar.db"
    signed(kept)
    shutil.copy(database, tmp_path / "yesterday.db")
    signed(kept)
    anchor = (folder_of(kept) / "keys" / "anchor").read_text()
    shutil.copy(tmp_path / "yesterday.db", database)
    refused = run("keys", "rotate", "--why", "yearly")
    assert refused.code == 1
    assert "put back to an earlier state" in refused.err
    assert "rolled back" in run("keys", "show").out
    assert run("verify").code == 1
    done = run("keys", "rotate", "--accept-rollback", "disk broke", "--json")
    assert (done.code, done.facts["vouched"]) == (0, False)
    assert "entries, root " in done.facts["abandoned"]
    named = entries(kept, "key")[0]
    assert (named["abandoned"], named["why"]) == (done.facts["abandoned"], "disk broke")
    assert [p.read_text() for p in (folder_of(kept) / "keys" / "old").glob("anchor.*")] == [anchor]
    none = run("keys", "rotate", "--accept-rollback", "again")
    assert (none.code, "no roll-back to accept" in none.err) == (1, True)
