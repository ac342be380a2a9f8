"""`nightjar witness` on a second host: from a folder or an address, with a refusal that says why."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot.witnessing import Witnessing
from storage import checkpoints, cosigners, witness
from storage.store import Store
from tests.cli.kept import CONFIG, START, Command, Kept, StillClock, night


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return night(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def daemon(kept: Kept, vkey: str = "") -> list[str]:
    """One turn of the daemon with news in its log; what it told the admin."""

    async def turn() -> list[str]:
        store = await Store.open(kept.folder, StillClock())
        told: list[str] = []

        async def tell(text: str) -> None:
            told.append(text)

        try:
            await store.log_event("view", {"of": "something"})
            await checkpoints.sign(store, "news")
            if vkey:
                await Witnessing(store, store.clock, lambda: (vkey,), tell_admin=tell).turn()
            return told
        finally:
            await store.close()

    return asyncio.run(turn())


def picked_up(kept: Kept, vkey: str) -> None:
    """The daemon takes in what was cosigned, without any other news."""

    async def turn() -> None:
        store = await Store.open(kept.folder, StillClock())
        try:
            assert await cosigners.pick_up(store.vault, [witness.read_vkey(vkey)]) == ()
        finally:
            await store.close()

    asyncio.run(turn())


def cosigned(kept: Kept) -> list[int]:
    async def sizes() -> list[int]:
        store = await Store.open_reader(kept.folder, StillClock())
        try:
            return [one.size for one in await cosigners.logged(store.vault.database)]
        finally:
            await store.close()

    return asyncio.run(sizes())


@pytest.fixture
def vkey(kept: Kept, run: Command, tmp_path: Path) -> str:
    daemon(kept)
    key = str(kept.folder / "keys" / "daemon.pub.pem")
    words = ("witness", "init", "--state", str(tmp_path / "w"), "--name", "w.example", "--log-key", key)
    return str(run(*words, "--json").facts["vkey"])


def test_a_log_is_cosigned_over_a_shared_folder(kept: Kept, run: Command, vkey: str, tmp_path: Path) -> None:
    state, shared = str(tmp_path / "w"), str(kept.folder / "witness")
    for _ in range(2):
        daemon(kept, vkey)
        ran = run("witness", "cosign", shared, "--state", state)
        assert ran.code == 0
        assert "cosigned the log of" in ran.out
    assert daemon(kept, vkey) == []
    assert len(cosigned(kept)) == 2
    shown = run("witness", "show", "--state", state, "--json").facts
    assert (shown["vkey"], shown["size"]) == (vkey, cosigned(kept)[-1])


def test_status_says_who_signed_which_state_and_when(
    kept: Kept, run: Command, vkey: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = Command(capsys, kept.config)
    kept.config.write_text(CONFIG.replace("\n[[channel]]", f'witnesses = ["{vkey}"]\n[[channel]]', 1))
    (one,) = status("status", "--json").facts["cosigners"]
    assert (one["cosigner"], one["at"], one["newest"], one["configured"]) == ("w.example", None, False, True)
    assert "it has not signed yet" in status("status").out
    daemon(kept, vkey)
    run("witness", "cosign", str(kept.folder / "witness"), "--state", str(tmp_path / "w"))
    picked_up(kept, vkey)
    (one,) = status("status", "--json").facts["cosigners"]
    assert (one["size"], one["newest"]) == (cosigned(kept)[-1], True)
    assert one["at"].startswith(str(START.year))
    assert "the newest state of the log" in status("status").out
    daemon(kept, vkey)
    assert status("status", "--json").facts["cosigners"][0]["newest"] is False
    assert "the log has gone on since" in status("status").out
    kept.config.write_text(CONFIG)
    assert "no longer configured" in status("status").out


def test_a_logged_cosignature_is_checked_by_the_words_of_the_manual_alone(
    kept: Kept, run: Command, vkey: str, tmp_path: Path
) -> None:
    daemon(kept, vkey)
    run("witness", "cosign", str(kept.folder / "witness"), "--state", str(tmp_path / "w"))
    picked_up(kept, vkey)
    with sqlite3.connect(next(kept.folder.glob("*.db"))) as database:
        (entry,) = database.execute("SELECT entry FROM leaf WHERE kind = 'cosignature'").fetchone()
        facts = json.loads(entry)["facts"]
        (note,) = database.execute(
            "SELECT note FROM checkpoint WHERE size = ?", (int(facts["size"]),)
        ).fetchone()
    assert set(facts) == {"size", "name", "key", "line", "time"}
    name, h, coded = facts["key"].split("+", 2)
    typed = base64.b64decode(coded)
    assert (name, typed[0], len(typed)) == (facts["name"], 4, 33)
    assert hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8] == h
    dash, named, signed = facts["line"].split(" ")
    raw = base64.b64decode(signed)
    assert (dash, named, raw[:4].hex(), len(raw)) == ("\u2014", name, h, 4 + 8 + 64)
    t = int.from_bytes(raw[4:12], "big")
    assert datetime.fromtimestamp(t, UTC).isoformat(timespec="microseconds")[:-6] + "Z" == facts["time"]
    text = note[: note.rindex("\n\n") + 1]
    over = f"cosignature/v1\ntime {t}\n{text}".encode()
    key = Ed25519PublicKey.from_public_bytes(typed[1:])
    key.verify(raw[12:], over)
    with pytest.raises(InvalidSignature):
        key.verify(raw[12:], over.replace(b"time", b"Time", 1))


def test_a_refusal_says_why_and_exits_1(kept: Kept, run: Command, vkey: str, tmp_path: Path) -> None:
    state, shared = str(tmp_path / "w"), kept.folder / "witness"
    daemon(kept, vkey)
    old = (shared / "checkpoint").read_bytes()
    assert run("witness", "cosign", str(shared), "--state", state).code == 0
    daemon(kept, vkey)
    assert run("witness", "cosign", str(shared), "--state", state).code == 0
    (shared / "checkpoint").write_bytes(old)
    ran = run("witness", "cosign", str(shared), "--state", state, "--json")
    assert ran.code == 1
    assert ran.facts["cosigned"] is False
    assert "went back" in ran.facts["why"]


def test_a_log_is_cosigned_from_an_address(kept: Kept, run: Command, vkey: str, tmp_path: Path) -> None:
    daemon(kept, vkey)
    out = tmp_path / "note"

    async def serve() -> int:
        app = web.Application()
        app.router.add_static("/log", kept.folder / "witness")
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/log/"
        words = ("witness", "cosign", url, "--state", str(tmp_path / "w"), "--out", str(out))
        code = (await asyncio.to_thread(run, *words)).code
        absent = await asyncio.to_thread(run, *words[:2], url + "none", *words[3:])
        await runner.cleanup()
        gone = await asyncio.to_thread(run, *words)
        assert (absent.code, gone.code) == (1, 1)
        assert "there is no checkpoint" in absent.err
        assert "ClientConnectorError" in gone.err
        return code

    assert asyncio.run(serve()) == 0
    witness.cosigned_at(out.read_bytes(), witness.read_vkey(vkey))


@pytest.mark.parametrize(
    "words",
    [
        ("init", "--state", "x"),
        ("init", "--state", "x", "--name", "w"),
        ("trust", "--state", "x"),
        ("cosign", "--state", "x"),
        ("show",),
    ],
)
def test_what_is_missing_is_named(run: Command, words: tuple[str, ...]) -> None:
    assert run("witness", *words).code == 2


@pytest.mark.parametrize("act", ["show", "cosign"])
def test_without_a_cosigner_the_next_step_is_named(run: Command, tmp_path: Path, act: str) -> None:
    ran = run("witness", act, str(tmp_path), "--state", str(tmp_path / "none"))
    assert ran.code == 1
    assert "nightjar witness init" in ran.err
    assert "Traceback" not in ran.err
