"""What people set for a while: turns on call, watched sellers, languages. Each act is in the log."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

from storage import records
from storage.codec import clean, micros, moment, stamp
from storage.database import Database
from storage.duties import KIND
from storage.duty import Actor
from storage.vault import Vault
from storage.writer import Batch

_TURN = (
    "INSERT OR IGNORE INTO turn (id, officer, starts_at, ends_at, author, created_at, update_id) "
    "VALUES ((SELECT coalesce(max(id), 0) + 1 FROM turn), ?, ?, ?, ?, ?, ?)"
)
_SELLER = (
    "INSERT INTO watched_seller (id, target, seller, author, since) "
    "VALUES ((SELECT coalesce(max(id), 0) + 1 FROM watched_seller), ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenTurn:
    """Hours that somebody took over in the chat."""

    officer: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSeller:
    """A seller whose alerts go first."""

    number: int
    target: str
    seller: str
    author: str
    since: datetime


async def take_turn(
    vault: Vault, officer: str, ends_at: datetime, actor: Actor, *, before: str, update_id: int | None = None
) -> None:
    """Put `officer` on call from now on. before: who was, for the log. The same update does it once."""
    now, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> None:
        if update_id is not None and await batch.rows("SELECT 1 FROM turn WHERE update_id = ?", (update_id,)):
            return
        facts = {"act": "on call", "before": before, "after": officer, "until": stamp(ends_at)}
        records.append(batch, KIND, signed(facts, actor), now, salt=salt)
        values = (clean(officer), micros(now), micros(ends_at), clean(actor.name), micros(now), update_id)
        batch.many(_TURN, values)

    await vault.submit(job)


async def turns(database: Database, now: datetime) -> tuple[TakenTurn, ...]:
    """Turns that are not over."""
    sql = "SELECT officer, starts_at, ends_at FROM turn WHERE ends_at > ? ORDER BY id"
    rows = await database.rows(sql, (micros(now),))
    return tuple(TakenTurn(officer=r[0], starts_at=moment(r[1]), ends_at=moment(r[2])) for r in rows)


async def watch_seller(vault: Vault, target: str, seller: str, actor: Actor) -> bool:
    """Have a seller's alerts go first; False when they do already."""
    now, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> bool:
        sql = "SELECT 1 FROM watched_seller WHERE target = ? AND seller = ? AND ended_at IS NULL"
        if await batch.rows(sql, (clean(target), clean(seller))):
            return False
        facts = {"act": "watch seller", "what": seller, "target": target, "after": "watched"}
        records.append(batch, KIND, signed(facts, actor), now, salt=salt)
        batch.many(_SELLER, (clean(target), clean(seller), clean(actor.name), micros(now)))
        return True

    return await vault.submit(job)


async def unwatch_seller(vault: Vault, number: int, actor: Actor) -> bool:
    """End the watch on a seller; False when there is none of that number."""
    now, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> bool:
        sql = "SELECT seller, target FROM watched_seller WHERE id = ? AND ended_at IS NULL"
        rows = await batch.rows(sql, (number,))
        if not rows:
            return False
        facts = {"act": "watch seller", "what": rows[0][0], "target": rows[0][1], "after": "no longer"}
        records.append(batch, KIND, signed(facts, actor), now, salt=salt)
        batch.many("UPDATE watched_seller SET ended_at = ? WHERE id = ?", (micros(now), number))
        return True

    return await vault.submit(job)


async def watched_sellers(database: Database) -> tuple[WatchedSeller, ...]:
    """Sellers whose alerts go first."""
    sql = "SELECT id, target, seller, author, since FROM watched_seller WHERE ended_at IS NULL ORDER BY id"
    return tuple(
        WatchedSeller(number=r[0], target=r[1], seller=r[2], author=r[3], since=moment(r[4]))
        for r in await database.rows(sql)
    )


async def set_language(vault: Vault, subject: int, language: str, actor: Actor) -> None:
    """The language of a chat or a person, by id."""
    now, salt = vault.clock.now(), os.urandom(16).hex()
    sql = (
        "INSERT INTO tongue (subject, language) VALUES (?, ?) "
        "ON CONFLICT (subject) DO UPDATE SET language = excluded.language"
    )

    async def job(batch: Batch) -> None:
        rows = await batch.rows("SELECT language FROM tongue WHERE subject = ?", (subject,))
        before = rows[0][0] if rows else "as configured"
        facts = {"act": "language", "chat": str(subject), "before": before, "after": language}
        records.append(batch, KIND, signed(facts, actor), now, salt=salt)
        batch.many(sql, (subject, language))

    await vault.submit(job)


async def languages(database: Database) -> dict[int, str]:
    """Languages that were set in the chat, by id of chat or person."""
    return {row[0]: row[1] for row in await database.rows("SELECT subject, language FROM tongue")}


def signed(facts: dict[str, str], actor: Actor) -> dict[str, str]:
    """Facts of an act with who did it."""
    facts = facts | {"actor": actor.name, "actor_id": str(actor.id), "role": actor.role}
    return {name: clean(value) for name, value in facts.items() if value}
