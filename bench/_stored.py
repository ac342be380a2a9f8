"""A database with very many stored posts, made in minutes: the true schema, indexes, log and tree.

Rows as the store writes them (`storage.tables`), two entries of the log for each post with their
true hashes and the true right edge of the tree. Made up: names (in order, which SQLite takes
faster; new ones fall between them), the little text. There are no files behind them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench._looks import verdict as made_verdict
from storage import checkpoints, recovery, search
from storage.clock import SystemClock
from storage.codec import canonical, dump, micros, stamp
from storage.model import Post, Tier
from storage.observations import PICTURES_PER_EVIDENCE
from storage.recovery import DATABASE
from storage.store import Store
from storage.tree import Frontier, leaf_hash

STEP = 50_000
BEGAN = datetime(2026, 1, 1, 21, tzinfo=UTC)
BETWEEN = timedelta(seconds=3)
_SORTED = "printf('%08x%024x', {place}, (:a + k) * 2654435761 % 1152921504606846976)"
_KEY = _SORTED.format(place="(:a + k) * :gap")
_EVIDENCE = (
    "printf('%012x7%019x', 1767301200000 + (:a + k) * 3000, (:a + k) * 2654435761 % 1152921504606846976)"
)
_MANIFEST = f"{_KEY} || printf('%032x', 1)"
_PICTURE = _SORTED.format(place="(:a + k) * :gap + :gap / 2") + " || printf('%032x', 2)"
_AT = ":began + (:a + k) * :between"
_ROWS = (
    (
        f"INSERT INTO observation SELECT :leaf + 2 * k, {_EVIDENCE}, {_KEY}, 'market' || ((:a + k) % 500), "
        "'old' || (:a + k), 'seen', replace(:post, '@', :a + k), "
        f"{_MANIFEST}, {_MANIFEST}, '', {_AT}, {_AT}, {_AT}, '', '[]', NULL, 1 FROM k"
    ),
    (
        f"INSERT INTO verdict SELECT :leaf + 2 * k, 5, 'none', :verdict, '[]', {_AT}, :leaf + 2 * k + 1, '' "
        "FROM k"
    ),
    (
        f"INSERT INTO blob SELECT CASE j WHEN 0 THEN {_MANIFEST} ELSE {_PICTURE} END, 9000 "
        "FROM k, (SELECT 0 AS j UNION ALL SELECT 1)"
    ),
    (
        f"INSERT INTO picture SELECT {_PICTURE}, 320, 320, 'JPEG', random(), random(), '', '', "
        "randomblob(32), 100, 'nj2', NULL FROM k"
    ),
    (
        f"INSERT INTO evidence_picture SELECT (:leaf + 2 * k) * {PICTURES_PER_EVIDENCE}, :leaf + 2 * k, "
        f"{_PICTURE}, 'https://example.org/' || (:a + k) || '.jpg', 9000 FROM k"
    ),
    (
        f"INSERT INTO watched SELECT {_KEY}, 'market' || ((:a + k) % 500), 'old' || (:a + k), "
        f"'https://example.org/' || (:a + k), {_MANIFEST}, {_EVIDENCE}, {_AT}, {_AT}, "
        "CASE (:a + k) % 100 WHEN 0 THEN :later + k END, 3, NULL, 0, '', (:a + k) % 100 = 0, "
        "(:a + k) % 100 != 0, '', 0 FROM k"
    ),
    f"INSERT INTO member SELECT {_KEY}, printf('%032x', :a + k), {_AT} FROM k WHERE (:a + k) % 100 = 0",
    (
        f"INSERT INTO item SELECT printf('%032x', :a + k), 'high', {_EVIDENCE}, 1, '', {_AT} FROM k "
        "WHERE (:a + k) % 100 = 0"
    ),
    (
        "INSERT INTO search(rowid, post, contacts) SELECT 2 * (:leaf + 2 * k), :tokens || "
        "printf(' u%x u%x', 48 + (:a + k) % 65000, (:a + k) / 65000), '' FROM k"
    ),
)


async def make(folder: Path, posts: int) -> float:
    """A data folder with so many stored posts; megabytes of its database."""
    store = await Store.open(folder, SystemClock())
    await store.close()
    path = folder / DATABASE
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        _hurry(connection)
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN "
            "('observation', 'verdict', 'evidence_picture', 'watched', 'member', 'leaf')"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        frontier = _fill(connection, posts)
        for _, sql in indexes:
            connection.execute(sql)
        peaks = "".join(peak.hex() for peak in frontier.peaks)
        head = (frontier.size, frontier.root().hex(), peaks)
        connection.execute("UPDATE head SET size = ?, root = ?, frontier = ?", head)
        connection.execute("PRAGMA journal_mode = WAL")
    with unsurveyed():
        store = await Store.open(folder, SystemClock())
        await checkpoints.sign(store, "made")
        await store.close()
    return path.stat().st_size / 1e6


@contextmanager
def unsurveyed() -> Iterator[None]:
    """No comparison of rows with files at the start: it would find millions of files missing."""
    kept = recovery.Keeper.start
    recovery.Keeper.start = _no_survey  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        recovery.Keeper.start = kept  # type: ignore[method-assign]


def _no_survey(_keeper: object, _vault: object) -> None:
    """Nothing is begun."""


def _hurry(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = FILE"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TEMP TABLE k (k INTEGER PRIMARY KEY)")


def _fill(connection: sqlite3.Connection, posts: int) -> Frontier:
    size, peaks = connection.execute("SELECT size, frontier FROM head").fetchone()
    cut = [bytes.fromhex(peaks[at : at + 64]) for at in range(0, len(peaks), 64)]
    frontier = Frontier(size=size, peaks=tuple(cut))
    facts = {
        "post": dump(Post(post_id="old@", url="https://example.org/@", title="血料手串 @")),
        "verdict": dump(made_verdict(Tier.NONE)),
        "tokens": search.tokens("血料手串"),
        "began": micros(BEGAN),
        "between": round(BETWEEN.total_seconds() * 1e6),
        "gap": 2**32 // (posts + 1),
        "later": micros(datetime(2099, 1, 1, tzinfo=UTC)),
    }
    for begin in range(0, posts, STEP):
        count = min(STEP, posts - begin)
        connection.execute("BEGIN")
        connection.execute("DELETE FROM k")
        connection.executemany("INSERT INTO k VALUES (?)", ((n,) for n in range(count)))
        for sql in _ROWS:
            connection.execute(sql, facts | {"a": begin, "leaf": frontier.size})
        frontier = _log(connection, frontier, count)
        connection.execute("COMMIT")
    return frontier


def _log(connection: sqlite3.Connection, frontier: Frontier, count: int) -> Frontier:
    """The two entries of each of these posts; the tree's right edge after them."""
    sql = "SELECT evidence_id, manifest_sha256 FROM observation WHERE seq >= ? ORDER BY seq"
    names = connection.execute(sql, (frontier.size,)).fetchall()
    hashes: list[bytes] = []
    rows = _entries(names, frontier.size, hashes)
    connection.executemany('INSERT INTO leaf ("index", kind, entry, leaf_hash) VALUES (?, ?, ?, ?)', rows)
    assert len(hashes) == 2 * count
    return frontier.extend(hashes)


def _entries(
    names: list[tuple[str, str]], begin: int, hashes: list[bytes]
) -> Iterator[tuple[int, str, str, str]]:
    at = stamp(BEGAN)
    sealed = canonical(
        {"v": 1, "kind": "evidence", "at": at, "evidence_id": "@E", "manifest_sha256": "@H"}
    ).decode()
    judged = canonical(
        {"v": 1, "kind": "verdict", "at": at, "evidence_id": "@E", "record_sha256": "@H"}
    ).decode()
    for place, (evidence_id, manifest) in enumerate(names):
        for kind, text in (("evidence", sealed), ("verdict", judged)):
            entry = text.replace("@E", evidence_id).replace("@H", manifest)
            hashes.append(leaf_hash(entry.encode()))
            yield begin + 2 * place + (kind == "verdict"), kind, entry, hashes[-1].hex()
