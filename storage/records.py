"""Log entries whose facts are for few eyes: the entry holds a salted hash, the facts stand in a row.

An export shows the log to strangers, who must not read there of other cases, of officers'
names or of what was looked at. So the entry is

    {"at": ..., "facts_sha256": SHA-256 of the record, "kind": ..., "v": 1}

and the record, canonical JSON `{"facts": {...}, "salt": ...}`, is kept beside it. It goes
along with an export when it belongs to the exported case. Nothing erases it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage import ledger
from storage.case_tables import MOST_SUBJECT, RecordRow
from storage.codec import canonical, clean
from storage.database import Database
from storage.errors import DatabaseTrouble
from storage.model import sha256_of
from storage.writer import Batch

PRIVATE = frozenset({"case", "hold", "export", "view", "action", "retention"})
"""Kinds of entries that name their facts by hash only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A private entry as it is kept. entry: its exact text in the log."""

    leaf: int
    kind: str
    subject: str
    entry: str
    record: str

    @property
    def facts(self) -> dict[str, str]:
        """The facts."""
        return dict(json.loads(self.record)["facts"])

    @property
    def whole(self) -> bool:
        """Whether the entry names this very record."""
        named = json.loads(self.entry).get("facts_sha256")
        return bool(named == sha256_of(self.record.encode()))


def append(batch: Batch, kind: str, facts: Mapping[str, str], at: datetime, *, salt: str = "") -> int:
    """Add a private entry with its record in this transaction; its index.

    salt: 32 hex digits made by the caller, since a job may run twice; "" for a new one. What is
    too long for a case number (an export of several cases) is the subject of none.
    """
    record = canonical({"facts": dict(facts), "salt": salt or os.urandom(16).hex()})
    leaf = ledger.append(batch, kind, {"facts_sha256": sha256_of(record)}, at)
    subject = clean(facts.get("case", ""))
    subject = subject if len(subject) <= MOST_SUBJECT else ""
    batch.add(RecordRow(leaf=leaf, kind=kind, subject=subject, record=record.decode()))
    return leaf


async def of_case(database: Database, number: str) -> tuple[Record, ...]:
    """Every private entry about a case, in order of the log. Raises DatabaseTrouble when one is bent."""
    sql = (
        'SELECT r.leaf, r.kind, r.subject, l.entry, r.record FROM record r JOIN leaf l ON l."index" = r.leaf '
        "WHERE r.subject = ? ORDER BY r.leaf"
    )
    return tuple(_record(row) for row in await database.rows(sql, (number,)))


def _record(row: Sequence[object]) -> Record:
    leaf, kind, subject, entry, text = tuple(row)
    try:
        found = Record(
            leaf=int(str(leaf)), kind=str(kind), subject=str(subject), entry=str(entry), record=str(text)
        )
        is_whole = found.whole and isinstance(found.facts, dict)
    except (ValueError, TypeError, KeyError, AttributeError):
        is_whole = False
    if not is_whole:
        raise DatabaseTrouble(f"the record of log entry {leaf} is not the one the log names")
    return found
