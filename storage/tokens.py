"""The queue of time stamps: which checkpoint which authority is asked about, and what came.

One row of table `token` per checkpoint and authority: waiting -> whole, or refused. A token
that is whole is written together with a log entry of kind `beacon` that holds its SHA-256:
the entry shows later that the stored token is the one received, and what the log holds
after it was logged after the token's time. Not every checkpoint is stamped: a token over
one covers all earlier ones. The asking is done in `bot.timing`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from storage import keys, ledger
from storage.attested import Token, TokenState
from storage.codec import Plain, micros, moment, stamp
from storage.database import Database, Row
from storage.errors import DiskTrouble
from storage.timestamps import Stamp
from storage.vault import Vault
from storage.writer import Batch

BEACON, COSIGNATURE = "beacon", "cosignature"
"""Kinds of entries that answer a checkpoint: alone no news, or each answer would ask for the next."""
URGENT = "urgent"
ROOTS = "roots"
MOST_WAITING = 100
"""Waiting requests kept per authority; in a long outage the oldest make room, a later one covers them."""
_COLUMNS = "id, size, authority, asked_at, received_at, request, response, state, attempts, due_at, why"
_WANT = (
    "INSERT OR IGNORE INTO token (size, authority, state, attempts, due_at, why) "
    "VALUES (?, ?, 'waiting', 0, ?, '')"
)
_TRIM = (
    "DELETE FROM token WHERE authority = ? AND state = 'waiting' AND id NOT IN (SELECT id FROM token "
    "WHERE authority = ? AND state = 'waiting' ORDER BY size DESC LIMIT ?)"
)
_ASKING = (
    "UPDATE token SET request = ?, asked_at = coalesce(asked_at, ?), attempts = attempts + 1 "
    "WHERE id = ? AND state = 'waiting'"
)
_WAITING = "UPDATE token SET due_at = ?, why = ? WHERE id = ? AND state = 'waiting'"
_ENDED = (
    "UPDATE token SET state = ?, response = ?, received_at = ?, why = ? WHERE id = ? AND state = 'waiting'"
)
_NEWS = 'SELECT 1 FROM leaf WHERE "index" >= ? AND "index" < ? AND kind NOT IN (?, ?) LIMIT 1'


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityTokens:
    """How one authority's tokens stand. waiting_since: when the oldest waiting one was first asked for."""

    authority: str
    waiting: int
    whole: int
    refused: int
    waiting_since: datetime | None
    last_received_at: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An authority's requests that wait. since: when the oldest was first asked for; why: what came last."""

    count: int
    since: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest checkpoint beside the last one an authority was asked about. last_at: when."""

    size: int
    last_size: int
    last_at: datetime | None
    is_urgent: bool
    has_news: bool


def is_wanted(newest: Newest, every: timedelta, now: datetime) -> bool:
    """Whether the newest checkpoint is to be stamped now: at once when urgent, else every so often."""
    if newest.size <= newest.last_size or not newest.has_news:
        return False
    return newest.is_urgent or newest.last_at is None or now - newest.last_at >= every


async def has_work(database: Database, authority: str, now: datetime) -> bool:
    """Whether a request is due, or a checkpoint is newer than every one asked about: one cheap look."""
    sql = (
        "SELECT (SELECT max(size) FROM checkpoint) > coalesce((SELECT max(size) FROM token "
        "WHERE authority = ?), 0) OR EXISTS (SELECT 1 FROM token WHERE authority = ? "
        "AND state = 'waiting' AND due_at <= ?)"
    )
    return bool((await database.rows(sql, (authority, authority, micros(now))))[0][0])


async def want(vault: Vault, authority: str, every: timedelta) -> bool:
    """Queue a request about the newest checkpoint when one is due; whether it was."""
    now = vault.clock.now()
    newest = await _newest(vault.database, authority)
    if newest is None or not is_wanted(newest, every, now):
        return False
    size = newest.size

    async def job(batch: Batch) -> None:
        await batch.run(_WANT, (size, authority, micros(now)))
        await batch.run(_TRIM, (authority, authority, MOST_WAITING))

    await vault.submit(job)
    return True


async def _newest(database: Database, authority: str) -> Newest | None:
    found = await database.rows("SELECT max(size) FROM checkpoint")
    last = await database.rows(
        "SELECT size, coalesce(asked_at, due_at) FROM token WHERE authority = ? ORDER BY size DESC LIMIT 1",
        (authority,),
    )
    size, last_size = int(found[0][0] or 0), int(last[0][0]) if last else 0
    if size <= last_size:
        return None
    urgent = "SELECT 1 FROM checkpoint WHERE size > ? AND reason = ? LIMIT 1"
    return Newest(
        size=size,
        last_size=last_size,
        last_at=moment(last[0][1]) if last else None,
        is_urgent=bool(await database.rows(urgent, (last_size, URGENT))),
        has_news=await has_news(database, last_size, size),
    )


async def has_news(database: Database, start: int, end: int) -> bool:
    """Whether entries `start` to `end` - 1 hold more than answers of authorities and cosigners."""
    return bool(await database.rows(_NEWS, (start, end, BEACON, COSIGNATURE)))


async def waiting(database: Database, authority: str) -> Waiting:
    """What waits for one authority."""
    sql = (
        "SELECT coalesce(asked_at, due_at), why FROM token "
        "WHERE authority = ? AND state = 'waiting' ORDER BY size"
    )
    rows = await database.rows(sql, (authority,))
    since = moment(rows[0][0]) if rows else None
    return Waiting(count=len(rows), since=since, why=str(rows[-1][1]) if rows else "")


async def due(database: Database, authority: str, now: datetime) -> tuple[Token, bytes] | None:
    """The newest request that is due, with the checkpoint note it is about."""
    columns = ", ".join(f"t.{name}" for name in _COLUMNS.split(", "))
    sql = (
        f"SELECT {columns}, c.note FROM token t JOIN checkpoint c ON c.size = t.size "  # noqa: S608
        "WHERE t.authority = ? AND t.state = 'waiting' AND t.due_at <= ? ORDER BY t.size DESC LIMIT 1"
    )
    rows = await database.rows(sql, (authority, micros(now)))
    return (_token(rows[0]), str(rows[0]["note"]).encode()) if rows else None


async def mark_asking(vault: Vault, token: Token, request: bytes) -> None:
    """Write down what is about to be sent."""
    now = micros(vault.clock.now())

    async def job(batch: Batch) -> None:
        await batch.run(_ASKING, (request, now, token.id))

    await vault.submit(job)


async def mark_waiting(vault: Vault, token: Token, due_at: datetime, why: str) -> None:
    """Ask again at `due_at`."""

    async def job(batch: Batch) -> None:
        await batch.run(_WAITING, (micros(due_at), why, token.id))

    await vault.submit(job)


async def mark_refused(vault: Vault, token: Token, response: bytes, why: str) -> None:
    """Give it up; the answer is kept with the reason."""
    now = micros(vault.clock.now())

    async def job(batch: Batch) -> None:
        await batch.run(_ENDED, (TokenState.REFUSED, response, now, why, token.id))

    await vault.submit(job)


async def mark_whole(vault: Vault, token: Token, response: bytes, held: Stamp) -> None:
    """Keep the token and log its digest, in one transaction; again does nothing."""
    now, salt = vault.clock.now(), os.urandom(16).hex()
    facts = {
        "authority": token.authority,
        "size": str(token.size),
        "sha256": hashlib.sha256(response).hexdigest(),
        "serial": held.serial,
        "time": stamp(held.at),
    }

    async def job(batch: Batch) -> None:
        values = (TokenState.WHOLE, response, micros(now), "", token.id)
        if await batch.run(_ENDED, values):
            ((asked_us,),) = await batch.rows("SELECT asked_at FROM token WHERE id = ?", (token.id,))
            asked = {} if asked_us is None else {"asked_at": stamp(moment(asked_us))}
            counted = await ledger.signed(batch)
            told: dict[str, Plain] = {**facts, **asked}
            ledger.append(batch, BEACON, {"facts": told, "salt": salt, **counted}, now)

    await vault.submit(job)


# --- reading ----------------------------------------------------------------------------


async def all_of(database: Database) -> tuple[Token, ...]:
    """Every request, by size and authority."""
    return _tokens(await database.rows(f"SELECT {_COLUMNS} FROM token ORDER BY size, authority"))  # noqa: S608


async def standing(database: Database) -> tuple[AuthorityTokens, ...]:
    """How the tokens of each authority stand, by name."""
    sql = (
        "SELECT authority, sum(state = 'waiting'), sum(state = 'whole'), sum(state = 'refused'), "
        "min(CASE WHEN state = 'waiting' THEN coalesce(asked_at, due_at) END), "
        "max(CASE WHEN state = 'whole' THEN received_at END) FROM token GROUP BY authority ORDER BY authority"
    )
    why = (
        "SELECT why FROM token WHERE authority = ? AND state <> 'whole' AND why <> '' "
        "ORDER BY size DESC LIMIT 1"
    )
    found = []
    for authority, waiting, whole, refused, since, received_at in await database.rows(sql):
        reasons = await database.rows(why, (authority,)) if waiting or refused else []
        found.append(
            AuthorityTokens(
                authority=authority,
                waiting=waiting,
                whole=whole,
                refused=refused,
                waiting_since=None if since is None else moment(since),
                last_received_at=None if received_at is None else moment(received_at),
                why=str(reasons[0][0]) if reasons else "",
            )
        )
    return tuple(found)


async def strange(database: Database) -> tuple[str, ...]:
    """Stored tokens that are not what the log says was received, in words; empty is well."""
    logged, found = await _beacons(database)
    for token in await all_of(database):
        if token.state is TokenState.WHOLE:
            expected = logged.pop((token.size, token.authority), "")
            if hashlib.sha256(token.response).hexdigest() != expected:
                said = "is not the one in the log" if expected else "is not in the log"
                found.append(f"time stamp {token.size}-{token.authority} {said}")
    return (*found, *(f"time stamp {size}-{name} is gone" for size, name in logged))


async def _beacons(database: Database) -> tuple[dict[tuple[int, str], str], list[str]]:
    """SHA-256 of each logged token by size and authority; and what could not be read."""
    logged, found = {}, []
    for index, entry in await database.rows('SELECT "index", entry FROM leaf WHERE kind = ?', (BEACON,)):
        try:
            facts = json.loads(entry)["facts"]
            logged[int(facts["size"]), str(facts["authority"])] = str(facts["sha256"])
        except (ValueError, KeyError, TypeError):
            found.append(f"log entry {index} is no beacon though it is called one")
    return logged, found


def _tokens(rows: Iterable[Row]) -> tuple[Token, ...]:
    return tuple(_token(row) for row in rows)


def _token(row: Row) -> Token:
    asked_at, received_at, due_at = (row[name] for name in ("asked_at", "received_at", "due_at"))
    return Token(
        id=row["id"],
        size=row["size"],
        authority=row["authority"],
        state=TokenState(row["state"]),
        request=bytes(row["request"] or b""),
        response=bytes(row["response"] or b""),
        asked_at=None if asked_at is None else moment(asked_at),
        received_at=None if received_at is None else moment(received_at),
        due_at=moment(due_at),
        attempts=row["attempts"],
        why=row["why"],
    )


# --- the roots that tokens are checked under ----------------------------------------------


def keep_roots(folder: Path, authority: str, pem: bytes) -> None:
    """Keep the roots of an authority beside the keys; those kept before stay, for older tokens.

    Blocks. Raises DiskTrouble.
    """
    path = folder / keys.FOLDER / ROOTS / f"{authority}.pem"
    kept = _read(path)
    if pem not in kept:
        keys.write(path, kept + (b"" if kept.endswith(b"\n") or not kept else b"\n") + pem)


def kept_roots(folder: Path) -> dict[str, bytes]:
    """PEM by authority, as kept. Blocks. Raises DiskTrouble."""
    roots = folder / keys.FOLDER / ROOTS
    files = sorted(roots.glob("*.pem")) if roots.is_dir() else []
    return {file.stem: _read(file) for file in files}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error
