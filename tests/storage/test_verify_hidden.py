"""What was hidden, blanked or planted beside a log that is whole is found."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bench._looks import judgement, look, watched
from bench._specimen import Authorities
from storage import certificates, checkpoints, cosigners, erasure, ledger, notes, tokens, witness
from storage.errors import StoreError
from storage.keys import Signer
from storage.model import Listed, Observation, Polls, Presence, Sighting, Tier
from storage.recovery import DATABASE
from storage.store import Store
from storage.verify import verify
from storage.writer import Batch
from tests.storage.kit import DUSK, HandClock, change, opened, report_on
from tests.storage.test_retention import MONTH_S, RULES, unmatched


async def _fill(folder: Path) -> None:
    """A post that came back, with looks and polls; one erased lawfully; a token; a cosignature."""
    clock = HandClock()
    async with opened(folder, clock) as store:
        await unmatched(store, clock, "old")
        clock.tick(MONTH_S)
        first = await store.seal(look("a", clock.tick()), watched=watched("a", clock.now()))
        await store.record(judgement(first, clock.tick(), Tier.HIGH), announce=("chat",))
        again = look("a", clock.tick(), pictures=0, observation=Observation.REAPPEARED)
        await store.seal(replace(again, previous=first.evidence_id))
        seen = Sighting(target="market", post_id="a", looked_at=clock.tick(), presence=Presence.ALIVE)
        listed = Listed(post_id="a", digest="d" * 64, salt="5" * 32)
        await store.add_sightings([seen], [Polls(target="market", polled_at=(DUSK,), posts=(listed,))])
        await store.log_event("view", {"officer": "b12"})
        await erasure.apply(store, RULES)
        await checkpoints.sign(store, "news")
        await store.log_event("config", {"digest": "x"})
        asked = await checkpoints.sign(store, "news")
        authorities = Authorities(folder.parent / "authorities")
        await authorities.make()
        await authorities.stamp(store)
        cosigner = folder.parent / "cosigner"
        vkey = witness.make(cosigner, "court", Signer.load(folder, store.vault.origin).public)
        put = folder / cosigners.FOLDER / "cosigned" / "1"
        put.parent.mkdir(parents=True)
        put.write_text(witness.cosign(cosigner, asked.note, None, clock.tick()))
        assert await cosigners.pick_up(store.vault, [vkey]) == ()
        await checkpoints.sign(store, "end")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hidden") / "data"
    asyncio.run(_fill(folder))
    return folder


async def found(folder: Path) -> set[str]:
    """Kinds of the faults."""
    return {fault.kind for fault in (await report_on(folder)).broken}


async def test_an_untouched_store_is_whole(copy: Path) -> None:
    report = await report_on(copy)
    assert report.broken == ()
    assert (report.erased, report.time) == (1, "whole")


ODD = (
    "x'ff00'",
    "1e300",
    "-1",
    "9223372036854775807",
    "''",
    "CAST(x'ff' AS TEXT)",
    f"'{'[' * 3_000}'",
    "NULL",
)
PLANTED = "100, tier, verdict, matches, judged_at, NULL, NULL FROM verdict"
HIDDEN = [
    ("UPDATE observation SET post_key = '0' WHERE observation = 'reappeared'", "observation"),
    ("UPDATE sighting SET post_key = '' WHERE line LIKE '%looked_at%'", "sightings"),
    ("UPDATE sighting SET post_key = '' WHERE line LIKE '%polled_at%'", "sightings"),
    ("UPDATE sighting SET post_key = '' WHERE line LIKE '%salt%'", "sightings"),
    ("UPDATE sighting SET post_key = '0' WHERE line LIKE '#%'", "sightings"),
    ("UPDATE record SET record = ''", "record"),
    ("UPDATE verdict SET leaf = NULL, record = NULL", "verdict"),
    (f"INSERT INTO verdict SELECT 0, {PLANTED} LIMIT 1", "verdict"),
    (f"INSERT INTO verdict SELECT (SELECT max(seq) FROM observation), {PLANTED} LIMIT 1", "verdict"),
    ("DELETE FROM checkpoint WHERE size = (SELECT min(size) FROM checkpoint)", "checkpoint"),
    ("UPDATE token SET received_at = received_at - 1", "time"),
    ("UPDATE token SET received_at = NULL", "time"),
    ("UPDATE token SET asked_at = asked_at - 1", "time"),
    ("UPDATE token SET asked_at = NULL", "time"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "kind"), HIDDEN)
async def test_what_was_hidden_blanked_or_planted_is_found(copy: Path, sql: str, kind: str) -> None:
    change(copy, sql)
    assert kind in await found(copy)


async def test_a_verdict_planted_on_evidence_older_than_the_first_verdict_is_found(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        for name in "ab":
            kept = await store.seal(look(name, clock.tick()), watched=watched(name, clock.now()))
        await store.record(judgement(kept, clock.tick(), Tier.URGENT), announce=())
        assert (await verify(store)).whole
        sql = "INSERT INTO verdict SELECT 0, " + PLANTED
        change(tmp_path / "data", sql)
        told = (await verify(store)).broken
    assert [(fault.kind, fault.why) for fault in told] == [("verdict", "the log has no entry for it")]


async def test_verdicts_of_the_first_version_are_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a store was left by a program that kept verdicts out of the log, and went on being used."""
    clock = HandClock()
    monkeypatch.setattr("storage.manifest.VERSION", 1)
    async with opened(tmp_path / "data", clock) as store:
        old = await store.seal(look("old", clock.tick()), watched=watched("old", clock.now()))
        monkeypatch.undo()
        new = await store.seal(look("new", clock.tick()), watched=watched("new", clock.now()))
        await store.record(judgement(new, clock.tick(), Tier.HIGH), announce=())
        sql = (
            "INSERT INTO verdict SELECT ?, score, tier, verdict, matches, judged_at, NULL, NULL FROM verdict"
        )
        change(tmp_path / "data", sql, old.leaf_index)
        assert (await verify(store)).broken == ()


# --- certificates ---------------------------------------------------------------------------------


def certificate(folder: Path) -> Path:
    (path,) = (folder / certificates.FOLDER).glob("*.note")
    path.chmod(0o640)
    return path


@pytest.mark.parametrize(
    "bend",
    [
        lambda text: text.replace("rule 30", "rule 31"),
        lambda text: text.replace("erased-at 20", "erased-at 19"),
        lambda text: text[:-9] + "\n",
        lambda _text: "",
        lambda _text: "\udcff",
    ],
)
async def test_a_changed_deletion_certificate_is_found(copy: Path, bend: Callable[[str], str]) -> None:
    path = certificate(copy)
    path.write_text(bend(path.read_text()), errors="surrogateescape")
    assert await found(copy) == {"erasure"}


async def test_a_certificate_of_an_erasure_that_never_was_is_found(copy: Path) -> None:
    path = certificate(copy)
    path.rename(path.with_name("0.note"))
    assert await found(copy) == {"erasure"}


async def test_a_certificate_signed_over_other_words_is_found(copy: Path) -> None:
    path = certificate(copy)
    reader = await Store.open_reader(copy, HandClock())
    await reader.close()
    text = notes.split_note(path.read_text())[0].replace("posts 1", "posts 0")
    path.write_text(notes.sign_note(text, Signer.load(copy, reader.vault.origin)))
    assert await found(copy) == {"erasure"}


async def test_a_certificate_that_a_crash_kept_from_being_written_is_no_fault(copy: Path) -> None:
    certificate(copy).unlink()
    (copy / certificates.FOLDER / "5.new").write_text("half")
    assert await found(copy) == set()


# --- cosignatures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forged",
    [
        {"line": "\u2014 court Zm9yZ2Vk"},
        {"time": "2026-01-01T00:00:00.000000Z"},
        {"name": "supreme-court"},
        {"key": "court+00000000+AAAA"},
        {"size": "1"},
        {"size": "many"},
    ],
)
async def test_a_forged_cosignature_in_the_log_is_found(copy: Path, forged: dict[str, str]) -> None:
    clock = HandClock()
    async with opened(copy, clock) as store:
        (one,) = await cosigners.logged(store.vault.database)
        facts = {"size": str(one.size), "name": one.name, "key": one.key, "time": one.at, "line": one.line}

        async def job(batch: Batch) -> None:
            ledger.append(batch, tokens.COSIGNATURE, {"facts": {**facts, **forged}}, clock.now())

        await store.vault.submit(job)
        await checkpoints.sign(store, "news")
        assert {fault.kind for fault in (await verify(store)).broken} & {"checkpoint", "log"}


# --- odd cells ------------------------------------------------------------------------------------


def _columns(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, column[1])
            for table in tables
            if table in VERIFIED
            for column in connection.execute(f"PRAGMA table_info({table})")
        ]


VERIFIED = {
    "observation", "evidence_picture", "blob", "sighting", "leaf", "head", "verdict", "checkpoint", "token",
    "record", "tombstone", "case_file", "case_evidence",
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
async def test_no_odd_cell_ends_the_run(filled: Path, tmp_path: Path, odd: str) -> None:
    """One cell after the other; all of them are put back before the next."""
    whole = (filled / DATABASE).read_bytes()
    shutil.copytree(filled, tmp_path / "copy")
    tried = 0
    for table, column in _columns(filled):
        for path in (tmp_path / "copy").glob(f"{DATABASE}*"):
            path.unlink()
        (tmp_path / "copy" / DATABASE).write_bytes(whole)
        sql = f'UPDATE {table} SET "{column}" = {odd} WHERE rowid = (SELECT max(rowid) FROM {table})'
        with closing(sqlite3.connect(tmp_path / "copy" / DATABASE)) as connection, connection:
            try:
                connection.execute(sql)
            except sqlite3.Error:  # a column that does not take it
                continue
        try:
            await report_on(tmp_path / "copy")
        except StoreError:  # such a store cannot even be opened
            assert table == "head", (table, column)
        tried += 1
    assert tried >= 20


async def test_one_bad_byte_in_one_look_hides_nothing_else(copy: Path) -> None:
    change(copy, "UPDATE sighting SET line = CAST(x'ff' AS TEXT) WHERE id = (SELECT max(id) FROM sighting)")
    change(copy, "UPDATE record SET record = record || ' '")
    assert await found(copy) == {"log", "record"}
