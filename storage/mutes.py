"""Making and ending mutes, and counting what they kept back. Each is an entry of kind `action`.

A mute ends by itself, 30 days on at the latest. One of more than a day holds nothing back before a
second person has agreed; nor does one by which somebody would mute the same alone for more than a day of
a week.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage import records
from storage.codec import clean, micros, moment, stamp
from storage.database import Database
from storage.duties import KIND
from storage.duty import Actor
from storage.errors import Worded
from storage.standing import signed
from storage.vault import Vault
from storage.writer import Batch

KINDS = ("seller", "target", "term")
LONGEST = timedelta(days=30)
ALONE = timedelta(hours=24)
"""Longer ones need two."""
WITHIN = timedelta(days=7)
"""All that one person muted the same for alone within this counts as one."""
_ALONE = (
    "SELECT coalesce(sum(ends_at - max(starts_at, ?)), 0) FROM mute WHERE author_id = ? AND second = '' "
    "AND starts_at IS NOT NULL AND kind = ? AND target = ? AND value = ? COLLATE NOCASE AND ends_at > ?"
)
_INSERT = (
    "INSERT INTO mute (id, kind, target, value, reason, author_id, author, created_at, starts_at, ends_at, "
    "second, lifted_by, update_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?)"
)
_COLUMNS = (
    "m.id, m.kind, m.target, m.value, m.reason, m.author_id, m.author, m.starts_at, m.ends_at, m.second"
)


class MuteRefused(Worded):
    """A mute cannot be made, agreed to or lifted so; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A mute. starts_at: None while a second person has not agreed. held: alerts it kept back."""

    number: int
    kind: str
    target: str
    value: str
    reason: str
    author_id: int
    author: str
    starts_at: datetime | None
    ends_at: datetime
    second: str = ""
    held: int = 0

    @property
    def words(self) -> str:
        """What is muted."""
        return (
            f"{self.kind} {self.value} ({self.target})"
            if self.kind == "seller"
            else f"{self.kind} {self.value}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A mute that is asked for. value: the seller, the term or the target; target: of a seller."""

    kind: str
    value: str
    reason: str
    lasts: timedelta
    target: str = ""


def check(wish: Wish) -> None:
    """Raise MuteRefused for what cannot be."""
    if wish.kind not in KINDS:
        raise MuteRefused("what is muted is one of {kinds}", kinds=", ".join(KINDS))
    if not wish.value.strip() or (wish.kind == "seller" and not wish.target):
        raise MuteRefused("what is to be muted?")
    if not wish.reason.strip():
        raise MuteRefused("a mute needs a reason")
    if not timedelta(minutes=1) <= wish.lasts <= LONGEST:
        raise MuteRefused("a mute lasts from a minute to 30 days")


async def make(vault: Vault, wish: Wish, actor: Actor, *, update_id: int | None = None) -> Mute:
    """Keep a mute; it holds from now, or from when a second person agrees. Raises MuteRefused."""
    check(wish)
    now, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> int:
        done = await batch.rows("SELECT id FROM mute WHERE update_id = ?", (update_id,))
        if done:
            return int(done[0][0])
        number = int((await batch.rows("SELECT coalesce(max(id), 0) + 1 FROM mute"))[0][0])
        target = wish.value if wish.kind == "target" else wish.target
        since = micros(now - WITHIN)
        same = (since, actor.id, wish.kind, clean(target), clean(wish.value), since)
        before = timedelta(microseconds=int((await batch.rows(_ALONE, same))[0][0]))
        starts = micros(now) if before + wish.lasts <= ALONE else None
        facts = {
            "act": "mute",
            "mute": str(number),
            "what": f"{wish.kind} {wish.value}",
            "target": target,
            "reason": wish.reason,
            "until": stamp(now + wish.lasts),
            "after": "waits for a second person" if starts is None else "muted",
        }
        records.append(batch, KIND, signed(facts, actor), now, salt=salt)
        values = (number, wish.kind, clean(target), clean(wish.value), clean(wish.reason), actor.id)
        ends = micros(now + wish.lasts)
        batch.many(_INSERT, (*values, clean(actor.name), micros(now), starts, ends, update_id))
        return number

    number = await vault.submit(job)
    return await one(vault.database, number)


async def agree(vault: Vault, number: int, actor: Actor) -> Mute:
    """A second person agrees to a long mute. Raises MuteRefused."""
    now, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> None:
        sql = "SELECT author_id, starts_at, ends_at FROM mute WHERE id = ? AND lifted_by = ''"
        rows = await batch.rows(sql, (number,))
        if not rows or rows[0][2] <= micros(now):
            raise MuteRefused("there is no mute {number}", number=number)
        if rows[0][1] is not None:
            raise MuteRefused("mute {number} holds already", number=number)
        if rows[0][0] == actor.id:
            raise MuteRefused("a second person must agree")
        facts = {"act": "agree to mute", "mute": str(number), "before": "waits", "after": "muted"}
        records.append(batch, KIND, signed(facts, actor), now, salt=salt)
        sql = "UPDATE mute SET starts_at = ?, second = ? WHERE id = ?"
        batch.many(sql, (micros(now), clean(actor.name), number))

    await vault.submit(job)
    return await one(vault.database, number)


async def lift(vault: Vault, number: int, actor: Actor) -> None:
    """End a mute now. Raises MuteRefused."""
    now, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> None:
        sql = "SELECT starts_at FROM mute WHERE id = ? AND lifted_by = '' AND ends_at > ?"
        rows = await batch.rows(sql, (number, micros(now)))
        if not rows:
            raise MuteRefused("there is no mute {number}", number=number)
        before = "waits" if rows[0][0] is None else "muted"
        facts = {"act": "lift mute", "mute": str(number), "before": before, "after": "lifted"}
        records.append(batch, KIND, signed(facts, actor), now, salt=salt)
        sql = "UPDATE mute SET ends_at = ?, lifted_by = ? WHERE id = ?"
        batch.many(sql, (micros(now), clean(actor.name), number))

    await vault.submit(job)


async def listed(database: Database, now: datetime) -> tuple[Mute, ...]:
    """Mutes that hold or wait, with how many alerts each kept back."""
    sql = (
        f"SELECT {_COLUMNS}, (SELECT count(*) FROM muted k WHERE k.mute = m.id) FROM mute m "  # noqa: S608 -- our columns
        "WHERE m.ends_at > ? ORDER BY m.id"
    )
    return tuple(_mute(row) for row in await database.rows(sql, (micros(now),)))


async def one(database: Database, number: int) -> Mute:
    """A mute by its number. Raises MuteRefused when there is none."""
    sql = f"SELECT {_COLUMNS}, (SELECT count(*) FROM muted k WHERE k.mute = m.id) FROM mute m WHERE m.id = ?"  # noqa: S608 -- our columns
    rows = await database.rows(sql, (number,))
    if not rows:
        raise MuteRefused("there is no mute {number}", number=number)
    return _mute(rows[0])


async def held_since(database: Database, since: datetime) -> int:
    """How many alerts mutes kept back since then."""
    rows = await database.rows("SELECT count(*) FROM muted WHERE at >= ?", (micros(since),))
    return int(rows[0][0])


def _mute(row: Sequence[object]) -> Mute:
    number, kind, target, value, reason, author_id, author, starts_at, ends_at, second, held = tuple(row)
    return Mute(
        number=int(str(number)),
        kind=str(kind),
        target=str(target),
        value=str(value),
        reason=str(reason),
        author_id=int(str(author_id)),
        author=str(author),
        starts_at=None if starts_at is None else moment(int(str(starts_at))),
        ends_at=moment(int(str(ends_at))),
        second=str(second),
        held=int(str(held)),
    )
