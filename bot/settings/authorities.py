"""`[[authority]]` tables: who stamps checkpoints with the time, and the roots to check that under."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.settings.documents import Document, Path_
from bot.settings.gather import Table, array
from bot.settings.keys import AuthorityKeys
from bot.settings.shapes import Fault, read_table
from bot.settings.sift import Sift

_MOST_PEM_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAuthority:
    """One authority as configured. roots: the bytes of its PEM file. every_s: between two stamps."""

    name: str
    url: str
    roots: bytes
    every_s: float = 300.0

    def fact(self) -> str:
        """One line for the log: who is trusted for the time, and under which roots."""
        return f"{self.name} {self.url} {hashlib.sha256(self.roots).hexdigest()}"


def read_authorities(document: Document, sift: Sift, folder: Path, today: date) -> tuple[TimeAuthority, ...]:
    """Every sound table; what is wrong goes to `sift`, unusable root files and doubles too."""
    found = []
    used: dict[str, dict[str, int]] = defaultdict(dict)
    for index, table in array(document, "authority", sift):
        at: Path_ = ("authority", index)
        reading = read_table(table, AuthorityKeys)
        sift.add_all(document, at, reading.faults)
        sift.add_all(document, at, _doubles(table, index, used))
        keys = reading.value
        if not isinstance(keys, AuthorityKeys):
            continue
        pem, why = _roots(folder, keys.roots, today)
        if why:
            sift.add(document, at, Fault(path=("roots",), why=why))
        found.append(TimeAuthority(name=keys.name, url=keys.url, roots=pem, every_s=keys.every))
    return tuple(found)


def _doubles(table: Table, index: int, used: dict[str, dict[str, int]]) -> list[Fault]:
    """Two tables of one name share files; two of one address are one witness, not two."""
    faults = []
    for key in ("name", "url"):
        if isinstance(value := table.get(key), str):
            before = used[key].setdefault(value, index)
            if before != index:
                faults.append(Fault(path=(key,), why=f"is used already by [[authority]] #{before + 1}"))
    return faults


def _roots(folder: Path, name: str, today: date) -> tuple[bytes, str]:
    """The bytes of a PEM file of roots, or why it cannot serve."""
    from storage.timestamps import roots_of  # heavy; most configurations that are glanced at have none

    try:
        with (folder / Path(name).expanduser()).open("rb") as file:
            pem = file.read(_MOST_PEM_BYTES + 1)
    except (OSError, RuntimeError) as error:  # RuntimeError: "~nobody"
        return b"", f"cannot be read: {getattr(error, 'strerror', '') or error}"
    if len(pem) > _MOST_PEM_BYTES:
        return b"", "is larger than any file of root certificates"
    try:
        certificates = roots_of(pem)
    except ValueError:
        return b"", "is no PEM file of certificates (-----BEGIN CERTIFICATE-----)"
    ends = max(one.not_valid_after_utc.date() for one in certificates)
    return pem, f"holds no certificate that is valid after {ends}" if ends < today else ""
