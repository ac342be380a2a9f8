"""Cases as the log's records tell them: the rows of cases are only what these come to. Pure.

Whoever can write the database could lift a hold or close a case in its row and have the
evidence erased by the period. So verify compares the rows with the records, which the log
names by hash, and retention keeps whatever either of the two says is held.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from storage.codec import micros
from storage.errors import DatabaseTrouble
from storage.model import sha256_of
from storage.tree import leaf_hash

KINDS = frozenset({"case", "hold"})
"""Kinds of log entries that are acts on a case."""
ENTRIES = (
    'SELECT l."index", l.leaf_hash, l.entry, r.record FROM leaf l LEFT JOIN record r ON r.leaf = l."index" '
    'WHERE l.entry LIKE \'%"kind":"case"%\' OR l.entry LIKE \'%"kind":"hold"%\' ORDER BY l."index"'
)
"""By what was hashed: the column `kind` could be bent to hide one."""


@dataclass(slots=True, kw_only=True)
class Standing:
    """A case after the acts so far. Times in microseconds; evidence: when each id was added, in order."""

    title: str
    legal_basis: str
    officer: str
    opened_us: int
    closed_us: int | None = None
    held: bool = False
    hold_why: str = ""
    evidence: dict[str, int] = field(default_factory=dict)

    @property
    def keeps(self) -> bool:
        """Whether nothing of it may be erased."""
        return self.held or self.closed_us is None


Book = dict[str, Standing]
"""Cases by number."""


def act_on(book: Book, facts: Mapping[str, str], at_us: int) -> None:
    """Take in one act, as `cases.Order.facts` tells it. Raises ValueError, KeyError when it is none."""
    act, number = facts["act"], facts["case"]
    if act == "new":
        book[number] = Standing(
            title=facts.get("title", ""),
            legal_basis=facts.get("legal_basis", ""),
            officer=facts["officer"],
            opened_us=at_us,
        )
        return
    case = book[number]
    if act == "add":
        for evidence_id in facts["evidence"].split():
            case.evidence.setdefault(evidence_id, at_us)
    elif act in ("hold", "release"):
        case.held = act == "hold"
        case.hold_why = facts["why"] if case.held else ""
    elif act == "close":
        case.closed_us = at_us
    else:
        raise ValueError(f"{act!r} is no act on a case")


def entry_at_us(entry: Mapping[str, str]) -> int:
    """When an entry was logged. Raises ValueError, KeyError."""
    return micros(datetime.fromisoformat(entry["at"]))


def read(rows: Iterable[Sequence[object]]) -> Book:
    """The cases that the rows of `ENTRIES` tell of.

    Raises DatabaseTrouble when a record is missing or bent: then nobody can say what is held.
    """
    book: Book = {}
    for index, hashed, entry, record in map(tuple, rows):
        try:
            told = json.loads(str(entry))
            if told["kind"] not in KINDS or "facts_sha256" not in told:
                continue
            raw = str(record).encode()
            is_logged = leaf_hash(str(entry).encode()).hex() == hashed
            facts = json.loads(raw)["facts"] if is_logged and sha256_of(raw) == told["facts_sha256"] else {}
            act_on(book, facts, entry_at_us(told))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DatabaseTrouble(
                f"log entry {index} about a case cannot be read ({error}), so what is held is not known: "
                "run `nightjar verify`"
            ) from error
    return book


def kept(book: Book) -> frozenset[str]:
    """Ids of evidence that an open or held case has."""
    return frozenset(evidence_id for case in book.values() if case.keeps for evidence_id in case.evidence)


def closed(book: Book) -> dict[str, int]:
    """Evidence of closed cases: when the last of them was closed."""
    found: dict[str, int] = {}
    for case in book.values():
        for evidence_id in case.evidence if case.closed_us is not None else ():
            found[evidence_id] = max(found.get(evidence_id, 0), case.closed_us or 0)
    return found
