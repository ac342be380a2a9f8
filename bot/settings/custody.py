"""`[retention]` and `[[officer]]`: how long what is kept is kept, and who sees contacts."""

from __future__ import annotations

from dataclasses import dataclass

from bot.settings.documents import Document, Path_
from bot.settings.gather import array, single
from bot.settings.keys import OfficerKeys, RetentionKeys
from bot.settings.shapes import Fault, read_table
from bot.settings.sift import Sift
from storage.retention import Rules

ROLES = ("viewer", "officer", "investigator", "supervisor", "admin")
"""Each may do what those before it may."""
SEES_CONTACTS = frozenset({"investigator", "supervisor", "admin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """Somebody who may be named with `--officer`. telegram: user id, 0 when he is not in the chat."""

    name: str
    role: str
    telegram: int = 0
    language: str = ""
    zone: str = ""

    @property
    def sees_contacts(self) -> bool:
        """Whether contacts may be shown to him unstarred."""
        return self.role in SEES_CONTACTS


def read_retention(document: Document, sift: Sift) -> Rules:
    """The periods; without a sound table nothing is ever erased."""
    reading = read_table(single(document, "retention", sift), RetentionKeys)
    sift.add_all(document, ("retention",), reading.faults)
    keys = reading.value
    if not isinstance(keys, RetentionKeys):
        return Rules()
    return Rules(unmatched_days=keys.unmatched_days, matched_days=keys.matched_days, hold_days=keys.hold_days)


def read_officers(document: Document, sift: Sift) -> tuple[Officer, ...]:
    """Every sound table; a name or a telegram number that stands there twice is told."""
    found: dict[str, Officer] = {}
    numbers: set[int] = set()
    for index, table in array(document, "officer", sift):
        at: Path_ = ("officer", index)
        reading = read_table(table, OfficerKeys)
        sift.add_all(document, at, reading.faults)
        keys = reading.value
        if not isinstance(keys, OfficerKeys):
            continue
        if keys.name in found:
            sift.add(document, at, Fault(path=("name",), why="stands there twice"))
        if keys.telegram in numbers:
            sift.add(
                document, at, Fault(path=("telegram",), why="stands there twice: who pressed must be sure")
            )
        elif keys.telegram:
            numbers.add(keys.telegram)
        one = Officer(
            name=keys.name,
            role=keys.role,
            telegram=keys.telegram or 0,
            language=keys.language or "",
            zone=keys.zone or "",
        )
        found.setdefault(keys.name, one)
    return tuple(found.values())
