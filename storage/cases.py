"""Cases: which evidence belongs together, by whose order, and what must not be erased.

A case has a number of the agency's own. Evidence is added by its id and brings every look
at the same post along. A hold forbids any erasure; an open case does so too. Every act is
a private entry in the log (kinds `case`, `hold`), so who did what, when and why is provable
without telling strangers of other cases. Acts are the same whether a command writes by
itself or leaves them for the running watch (`spool`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from storage import casebook, observations, records
from storage.case_tables import CaseEvidenceRow, CaseRow
from storage.codec import clean, micros, moment, stamp
from storage.database import Database
from storage.errors import CaseRefused, DatabaseTrouble
from storage.records import Record
from storage.vault import Vault
from storage.writer import Batch

if TYPE_CHECKING:
    from storage.store import Store

KINDS = casebook.KINDS
"""Kinds of log entries that are acts on a case."""
MOST_NUMBER = 64
_MOST_TEXT = 2_000
_COLUMNS = "number, title, legal_basis, officer, opened_at, closed_at, held, hold_why"


class Act(StrEnum):
    """What can be done with a case."""

    NEW = "new"
    ADD = "add"
    HOLD = "hold"
    RELEASE = "release"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One act on a case. evidence: whole ids, for ADD. officer: who acts."""

    act: Act
    number: str
    officer: str
    title: str = ""
    legal_basis: str = ""
    why: str = ""
    evidence: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of its log entry."""
        return "hold" if self.act in (Act.HOLD, Act.RELEASE) else "case"

    def facts(self) -> dict[str, str]:
        """What the log's record says; empty fields are left out."""
        named = {
            "act": self.act.value,
            "case": self.number,
            "officer": self.officer,
            "title": self.title,
            "legal_basis": self.legal_basis,
            "why": self.why,
            "evidence": " ".join(self.evidence),
        }
        return {name: clean(value) for name, value in named.items() if value}


def order_of(facts: Mapping[str, str]) -> Order:
    """The order that `Order.facts` wrote. Raises CaseRefused when it is none."""
    try:
        return Order(
            act=Act(facts["act"]),
            number=checked_number(facts["case"]),
            officer=facts["officer"],
            title=facts.get("title", ""),
            legal_basis=facts.get("legal_basis", ""),
            why=facts.get("why", ""),
            evidence=tuple(facts.get("evidence", "").split()),
        )
    except (KeyError, ValueError) as error:
        raise CaseRefused(f"this is no order about a case: {error}") from error


def checked_number(number: str) -> str:
    """A case number as it may be: 1 to 64 printable characters on one line. Raises CaseRefused."""
    if not number or number != number.strip() or not number.isprintable() or len(number) > MOST_NUMBER:
        raise CaseRefused(f"a case number has 1 to {MOST_NUMBER} printable characters")
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as it stands. evidence: ids in the order added. history: its private log entries."""

    number: str
    title: str
    legal_basis: str
    officer: str
    opened_at: datetime
    closed_at: datetime | None
    held: bool
    hold_why: str
    evidence: tuple[str, ...] = ()
    history: tuple[Record, ...] = ()


def document(case: Case) -> dict[str, object]:
    """The case for `case.json`: plain JSON, with every entry and record as its exact text.

    A reader hashes the record against `facts_sha256` of the entry, and the entry against the log.
    """
    return {
        "number": case.number,
        "title": case.title,
        "legal_basis": case.legal_basis,
        "officer": case.officer,
        "opened_at": stamp(case.opened_at),
        "closed_at": "" if case.closed_at is None else stamp(case.closed_at),
        "held": case.held,
        "hold_why": case.hold_why,
        "evidence": list(case.evidence),
        "history": [
            {"leaf": r.leaf, "kind": r.kind, "entry": r.entry, "record": r.record} for r in case.history
        ],
    }


# --- acting -------------------------------------------------------------------------


async def apply(vault: Vault, order: Order, *, event: Mapping[str, str] | None = None) -> int:
    """Do it, with its log entry in the same transaction; the entry's index.

    event: event_id and happened_at of an order that was left by a command. Raises
    CaseRefused when the case, the evidence or the text forbids it; then nothing changes.
    """
    check_texts(order)
    at, salt = vault.clock.now(), os.urandom(16).hex()
    facts = {**order.facts(), **(event or {})}

    async def job(batch: Batch) -> int:
        await _change(batch, order, at)
        return records.append(batch, order.kind, facts, at, salt=salt)

    return await vault.submit(job)


def check_texts(order: Order) -> None:
    """Refuse what can be refused without looking. Raises CaseRefused."""
    checked_number(order.number)
    texts = (order.officer, order.title, order.legal_basis, order.why)
    if any(len(text) > _MOST_TEXT for text in texts):
        raise CaseRefused(f"a text about a case has at most {_MOST_TEXT} characters")
    needed = {"officer": order.officer}
    if order.act is Act.NEW:
        needed |= {"title": order.title, "legal basis": order.legal_basis}
    if order.act in (Act.HOLD, Act.RELEASE):
        needed |= {"reason": order.why}
    for name, text in needed.items():
        if not text.strip():
            raise CaseRefused(f"case {order.number}: the {name} is missing")
    if order.act is Act.ADD and not order.evidence:
        raise CaseRefused(f"case {order.number}: no evidence was named")


async def _change(batch: Batch, order: Order, at: datetime) -> None:
    rows = await batch.rows("SELECT closed_at, held FROM case_file WHERE number = ?", (order.number,))
    if order.act is Act.NEW:
        if rows:
            raise CaseRefused(f"case {order.number}: is there already")
        batch.add(_row(order, at))
        return
    if not rows:
        raise CaseRefused(f"case {order.number}: there is no such case")
    is_closed, is_held = rows[0][0] is not None, bool(rows[0][1])
    if is_closed and order.act in (Act.ADD, Act.CLOSE):
        raise CaseRefused(f"case {order.number}: is closed")
    if order.act is Act.RELEASE and not is_held:
        raise CaseRefused(f"case {order.number}: is not on hold")
    await _ACTS[order.act](batch, order, at)


def _row(order: Order, at: datetime) -> CaseRow:
    return CaseRow(
        number=clean(order.number),
        title=clean(order.title),
        legal_basis=clean(order.legal_basis),
        officer=clean(order.officer),
        opened_at=at,
        closed_at=None,
        held=False,
        hold_why="",
    )


async def _add(batch: Batch, order: Order, at: datetime) -> None:
    """One query for all: the watch takes in thousands of ids while it seals."""
    sql = (
        "SELECT j.value, o.post_key, EXISTS (SELECT 1 FROM case_evidence e WHERE e.number = ?2 "
        "AND e.evidence_id = j.value) FROM json_each(?1) j "
        "LEFT JOIN observation o ON o.evidence_id = j.value ORDER BY j.key"
    )
    ids = json.dumps(list(dict.fromkeys(order.evidence)))
    for evidence_id, post_key, is_there in await batch.rows(sql, (ids, order.number)):
        if post_key is None:
            raise CaseRefused(f"case {order.number}: no evidence {evidence_id!r} in this store")
        if not is_there:
            row = CaseEvidenceRow(
                number=order.number, evidence_id=evidence_id, post_key=post_key, added_at=at
            )
            batch.add(row)


async def _hold(batch: Batch, order: Order, at: datetime) -> None:  # noqa: ARG001 -- one shape for all acts
    sql = "UPDATE case_file SET held = 1, hold_why = ? WHERE number = ?"
    batch.many(sql, (clean(order.why), order.number))


async def _release(batch: Batch, order: Order, at: datetime) -> None:  # noqa: ARG001
    batch.many("UPDATE case_file SET held = 0, hold_why = '' WHERE number = ?", (order.number,))


async def _close(batch: Batch, order: Order, at: datetime) -> None:
    batch.many("UPDATE case_file SET closed_at = ? WHERE number = ?", (micros(at), order.number))


_ACTS = {Act.ADD: _add, Act.HOLD: _hold, Act.RELEASE: _release, Act.CLOSE: _close}


# --- reading ------------------------------------------------------------------------


async def whole(store: Store, order: Order) -> Order:
    """The order with whole evidence ids for their beginnings. Raises DatabaseTrouble, CaseRefused."""
    check_texts(order)
    ids = [await observations.full_id(store.vault.database, name) for name in order.evidence]
    return replace(order, evidence=tuple(dict.fromkeys(ids)))


async def listed(database: Database) -> tuple[Case, ...]:
    """Every case with its evidence, the latest first; without histories."""
    sql = f"SELECT {_COLUMNS} FROM case_file ORDER BY opened_at DESC, number"  # noqa: S608 -- our columns
    return tuple([_case(row, await _members(database, row[0])) for row in await database.rows(sql)])


async def one(database: Database, number: str) -> Case:
    """A case with evidence and history. Raises DatabaseTrouble when there is none of that number."""
    found = await find(database, number)
    if found is None:
        raise DatabaseTrouble(f"there is no case {number!r}")
    return replace(found, history=await records.of_case(database, found.number))


async def find(database: Database, number: str) -> Case | None:
    """A case with its evidence, or None; without its history."""
    sql = f"SELECT {_COLUMNS} FROM case_file WHERE number = ?"  # noqa: S608 -- our columns
    rows = await database.rows(sql, (clean(number),))
    return _case(rows[0], await _members(database, number)) if rows else None


async def _members(database: Database, number: str) -> tuple[str, ...]:
    sql = "SELECT evidence_id FROM case_evidence WHERE number = ? ORDER BY id"
    return tuple(row[0] for row in await database.rows(sql, (clean(number),)))


def _case(row: Sequence[object], evidence: tuple[str, ...]) -> Case:
    number, title, legal_basis, officer, opened_at, closed_at, held, why = tuple(row)
    return Case(
        number=str(number),
        title=str(title),
        legal_basis=str(legal_basis),
        officer=str(officer),
        opened_at=moment(int(str(opened_at))),
        closed_at=None if closed_at is None else moment(int(str(closed_at))),
        held=bool(held),
        hold_why=str(why),
        evidence=evidence,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """An export that held evidence of a case. leaf: of its log entry, None while no watch has taken it in.

    pieces: how many of the case's.
    """

    leaf: int | None
    exported_at: str
    name: str
    officer: str
    why: str
    pieces: int
    recipients: str
    archive_sha256: str


async def exports(
    database: Database, case: Case, left: Sequence[Mapping[str, str]] = ()
) -> tuple[Handed, ...]:
    """What was handed over of a case, in order of the log, whoever asked by case or by evidence.

    left: facts of exports that wait for the log (`spool.peek`). Damaged records are left out:
    `verify` tells them.
    """
    told: list[tuple[int | None, Mapping[str, str]]] = []
    sql = "SELECT leaf, record FROM record WHERE kind = 'export' ORDER BY leaf"
    for leaf, text in await database.rows(sql):
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            told.append((int(leaf), {str(k): str(v) for k, v in json.loads(text)["facts"].items()}))
    told += [(None, facts) for facts in left]
    found = (_handed(case, leaf, facts) for leaf, facts in told)
    return tuple(one for one in found if one is not None)


def _handed(case: Case, leaf: int | None, facts: Mapping[str, str]) -> Handed | None:
    """The export as it concerns a case, or None."""
    pieces = len(set(case.evidence).intersection(facts.get("evidence", "").split()))
    if not pieces and case.number not in facts.get("case", "").split(", "):
        return None
    return Handed(
        leaf=leaf,
        exported_at=facts.get("exported_at", ""),
        name=facts.get("name", ""),
        officer=facts.get("officer", ""),
        why=facts.get("why", ""),
        pieces=pieces,
        recipients=facts.get("recipients", ""),
        archive_sha256=facts.get("archive_sha256", ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What an export is to hold. erased: ids of the cases' evidence that was lawfully erased."""

    evidence_ids: tuple[str, ...]
    cases: tuple[Case, ...] = ()
    erased: tuple[str, ...] = ()


async def select(
    store: Store, words: Sequence[str], *, since: datetime | None = None, everything: bool = False
) -> Selection:
    """The evidence that these words mean, each once, oldest first.

    words: case numbers, or evidence ids and beginnings of them; a case number goes first.
    since: what was captured at that moment or later, aware. everything: all there is.
    Raises DatabaseTrouble when a word means nothing, or nothing at all was found.
    """
    database = store.vault.database
    found: dict[str, None] = {}
    cases: list[Case] = []
    for word in words:
        if await find(database, word) is not None:
            cases.append(await one(database, word))
            found |= dict.fromkeys(cases[-1].evidence)
        else:
            found[await observations.full_id(database, word)] = None
    if everything or since is not None:
        found |= dict.fromkeys(await _since(database, since))
    gone = await _erased(database, tuple(found))
    kept = tuple(sorted(evidence_id for evidence_id in found if evidence_id not in gone))
    if not kept:
        raise DatabaseTrouble("nothing to export: no evidence was named or found")
    return Selection(evidence_ids=kept, cases=tuple(cases), erased=tuple(sorted(gone)))


async def _since(database: Database, since: datetime | None) -> list[str]:
    least = -(1 << 62) if since is None else micros(since)
    sql = "SELECT evidence_id FROM observation WHERE captured_at >= ? ORDER BY seq"
    return [row[0] for row in await database.rows(sql, (least,))]


async def _erased(database: Database, ids: Sequence[str]) -> frozenset[str]:
    sql = "SELECT evidence_id FROM tombstone WHERE evidence_id IN (SELECT value FROM json_each(?))"
    return frozenset(row[0] for row in await database.rows(sql, (json.dumps(list(ids)),)))
