"""Single mutations of a live store: files, rows of the tables that verify answers for, the log itself."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from bench._specimen import Specimen, Ticking
from storage.errors import StoreError
from storage.store import Store
from storage.verify import verify

COVERED = {
    "observation": (
        "seq, evidence_id, target, post_id, observation, post, manifest_sha256, page_sha256, listing_sha256, "
        "listed_at, captured_at, sealed_at, previous, absences, post_key"
    ),
    "evidence_picture": "sha256, url, size_bytes, seq",
    "blob": "sha256, size_bytes",
    "sighting": "line, leaf, post_key",
    "leaf": "kind, entry, leaf_hash",
    "head": "origin, size, root, frontier",
    "verdict": "seq, score, tier, verdict, matches, judged_at, record, leaf",
    "checkpoint": "size, root, at, note, frontier",
    "token": "size, authority, request, response, state, asked_at, received_at",
    "record": "record, kind, subject",
    "case_file": "number, title, legal_basis, officer, opened_at, closed_at, held, hold_why",
    "case_evidence": "number, evidence_id, post_key, added_at",
    "tombstone": "seq, evidence_id, erasure",
}
"""Columns that are facts or proofs. The rest is work in progress (who was told, what is due)."""


_ANSWERED_FOR = {
    "checkpoint": 'WHERE size <= (SELECT max("index") FROM leaf WHERE entry LIKE \'%"checkpoints":%\')'
}
"""Rows whose loss is noticed. A checkpoint that no entry counts yet leaves nothing behind."""


async def noticed(base: Specimen, work: Path, seed: int) -> tuple[str, bool]:
    """Mutant number `seed` of a store: what was done, and whether verify (or opening it) noticed."""
    chosen = random.Random(seed)
    folder = work / f"store-{seed}"
    what = ""
    while not what:
        await asyncio.to_thread(_copy, base.data, folder)
        spoil = chosen.choices((_blob, _cell, _row, _entry, _sly, _certificate), (2, 5, 2, 2, 2, 1))[0]
        what = await asyncio.to_thread(spoil, folder, chosen)
    try:
        return what, not await whole(folder)
    finally:
        shutil.rmtree(folder)


async def whole(folder: Path) -> bool:
    """Whether a store can be opened and verify finds nothing."""
    try:
        store = await Store.open_reader(folder, Ticking())
        try:
            return (await verify(store)).whole
        finally:
            await store.close()
    except StoreError:
        return False


def _copy(data: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(data, folder, copy_function=shutil.copyfile)


def _blob(folder: Path, chosen: random.Random) -> str:
    """A file of the blob folder, flipped, cut, removed or exchanged."""
    files = sorted(p for p in (folder / "blobs").rglob("*") if p.is_file())
    one, two = chosen.sample(files, 2)
    data, how = one.read_bytes(), chosen.choice(("flipped", "cut", "removed", "exchanged"))
    if how == "flipped":
        at = chosen.randrange(len(data))
        one.write_bytes(data[:at] + bytes([data[at] ^ 1 << chosen.randrange(8)]) + data[at + 1 :])
    elif how == "cut":
        one.write_bytes(data[: chosen.randrange(len(data))])
    elif how == "removed":
        one.unlink()
    else:
        one.write_bytes(two.read_bytes())
        two.write_bytes(data)
    return f"blob {how}"


def _cell(folder: Path, chosen: random.Random) -> str:
    """One value of one row changed."""
    table = chosen.choice(tuple(COVERED))
    column = chosen.choice(COVERED[table].split(", "))
    with closing(sqlite3.connect(folder / "nightjar.db", isolation_level=None)) as database:
        rows = database.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid").fetchall()
        if not rows:
            return ""
        rowid, old = chosen.choice(rows)
        new = _other(old, [value for _, value in rows], chosen)
        if _means_the_same(old, new):
            return ""
        try:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, rowid))
        except sqlite3.IntegrityError:
            return ""
        return (
            "" if new == old else f"{table} row: {column} changed from {str(old)[:60]!r} to {str(new)[:60]!r}"
        )


def _means_the_same(old: object, new: object) -> bool:
    """Whether only the spelling differs: a space between the parts of a JSON text changes no fact."""
    if old == new or not isinstance(old, str) or not isinstance(new, str):
        return old == new
    try:
        return bool(json.loads(old) == json.loads(new))
    except ValueError:
        return False


def _other(old: object, values: list[object], chosen: random.Random) -> object:
    """Another value of the same kind: one of another row, or the old one with one thing changed."""
    others = [value for value in values if value != old and value is not None]
    if others and chosen.random() < 0.3:
        return chosen.choice(others)
    if isinstance(old, int):
        return old + chosen.choice((-1, 1, 1_000))
    if isinstance(old, bytes) and old:
        at = chosen.randrange(len(old))
        return old[:at] + bytes([old[at] ^ 1 << chosen.randrange(8)]) + old[at + 1 :]
    if isinstance(old, str):
        at = chosen.randrange(len(old) + 1)
        return old[:at] + chosen.choice("0z ") + old[at + 1 :]
    return "x"


_PLANTED = "100, tier, verdict, matches, judged_at, NULL, NULL FROM verdict LIMIT 1"
_UNJUDGED = "SELECT min(seq) FROM observation WHERE seq NOT IN (SELECT seq FROM verdict)"
SLY = (
    "UPDATE case_file SET held = 0, hold_why = '' WHERE held",
    "UPDATE case_file SET closed_at = 1",
    "DELETE FROM case_file",
    "DELETE FROM case_evidence",
    "INSERT INTO case_file VALUES ('another', 't', 'l', 'o', 0, NULL, 1, 'w')",
    "UPDATE record SET subject = 'another' WHERE subject <> ''",
    "UPDATE record SET record = ''",
    "UPDATE observation SET post_key = '0'",
    "UPDATE sighting SET post_key = '' WHERE line NOT LIKE '#%'",
    f"INSERT INTO verdict SELECT ({_UNJUDGED}), {_PLANTED}",
    "UPDATE token SET asked_at = asked_at - 60000000, received_at = received_at - 60000000",
    "UPDATE sighting SET line = CAST(x'ff' AS TEXT) WHERE line NOT LIKE '#%'",
    f"UPDATE verdict SET matches = '{'[' * 3_000}'",
    "UPDATE leaf SET entry = x'ff00'",
    "UPDATE leaf SET leaf_hash = x'ff00'",
)
"""Changes by somebody who knows what decides: holds lifted, looks hidden, verdicts planted, odd cells."""


def _sly(folder: Path, chosen: random.Random) -> str:
    """One of `SLY`."""
    sql = chosen.choice(SLY)
    with closing(sqlite3.connect(folder / "nightjar.db", isolation_level=None)) as database:
        try:
            changed = database.execute(sql).rowcount
        except sqlite3.IntegrityError:  # there is nothing that it could be done to
            return ""
        return f"sly change: {sql[:100]}" if changed else ""


def _certificate(folder: Path, chosen: random.Random) -> str:
    """A deletion certificate flipped, cut or moved to another entry."""
    files = sorted((folder / "certificates").glob("*.note"))
    if not files:
        return ""
    one = chosen.choice(files)
    data, how = one.read_bytes(), chosen.choice(("flipped", "cut", "moved"))
    if how == "flipped":
        at = chosen.randrange(len(data))
        one.write_bytes(data[:at] + bytes([data[at] ^ 1 << chosen.randrange(8)]) + data[at + 1 :])
    elif how == "cut":
        one.write_bytes(data[: chosen.randrange(len(data))])
    else:
        one.rename(one.with_name("0.note"))
    return f"certificate {how}"


def _row(folder: Path, chosen: random.Random) -> str:
    """A row removed, or doubled under the next number."""
    table = chosen.choice(tuple(t for t in COVERED if t != "head"))
    with closing(sqlite3.connect(folder / "nightjar.db", isolation_level=None)) as database:
        rows = [
            row[0] for row in database.execute(f"SELECT rowid FROM {table} {_ANSWERED_FOR.get(table, '')}")
        ]
        if not rows:
            return ""
        database.execute(f"DELETE FROM {table} WHERE rowid = ?", (chosen.choice(rows),))
    return f"{table} row: removed"


def _entry(folder: Path, chosen: random.Random) -> str:
    """Entries of the log exchanged, the last ones dropped, or one added; the hashes made to fit."""
    from storage.tree import Frontier, leaf_hash

    with closing(sqlite3.connect(folder / "nightjar.db", isolation_level=None)) as database:
        rows = database.execute('SELECT kind, entry FROM leaf ORDER BY "index"').fetchall()
        how = chosen.choice(("exchanged", "dropped", "added", "rewritten"))
        one, two = chosen.sample(range(len(rows)), 2)
        if how == "exchanged":
            rows[one], rows[two] = rows[two], rows[one]
        elif how == "dropped":
            del rows[one:]
        elif how == "added":
            rows.insert(one, ("gap", '{"at":"2026-01-01T00:00:00.000000Z","kind":"gap","v":1}'))
        else:
            rows[one] = rows[one][0], rows[one][1].replace("2026-", "2025-")
        database.execute("DELETE FROM leaf")
        hashes = [leaf_hash(entry.encode()) for _, entry in rows]
        values = [
            (n, kind, entry, h.hex()) for n, ((kind, entry), h) in enumerate(zip(rows, hashes, strict=True))
        ]
        database.executemany('INSERT INTO leaf ("index", kind, entry, leaf_hash) VALUES (?, ?, ?, ?)', values)
        frontier = Frontier().extend(hashes)
        peaks = "".join(peak.hex() for peak in frontier.peaks)
        new = frontier.size, frontier.root().hex(), peaks
        database.execute("UPDATE head SET size = ?, root = ?, frontier = ?", new)
    return f"log entries: {how}, and the head made to fit"
