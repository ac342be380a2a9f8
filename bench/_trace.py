"""What a system-call trace says about the order in which a sealed look was made durable.

Reads the output of `strace -f -y -s N`. A call begins at its line, or at that of its
"<unfinished ...>"; it has ended at its line, or at that of its "resumed". So "A ended before
B began" is a comparison of line numbers, over all threads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CALLS = "openat,write,pwrite64,pwritev,fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat"
_LINE = re.compile(r"^(\d+)\s+(.*)$", re.DOTALL)
_WHOLE = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+)", re.DOTALL)
_BEGUN = re.compile(r"^(\w+)\((.*) <unfinished \.\.\.>$", re.DOTALL)
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)\)\s+= (-?\d+)", re.DOTALL)
_DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that succeeded. path: of the descriptor it was made on, or ""."""

    name: str
    arguments: str
    began: int
    ended: int

    @property
    def path(self) -> str:
        """The file behind the first argument, as strace -y tells it."""
        found = _DESCRIPTOR.match(self.arguments)
        return found[1] if found else ""

    @property
    def strings(self) -> list[str]:
        """The quoted arguments in order."""
        return _STRING.findall(self.arguments)


def read(lines: Iterable[str]) -> tuple[Call, ...]:
    """All calls that succeeded, in the order of their beginnings. Calls cut off by a kill are left out."""
    open_: dict[tuple[str, str], tuple[int, str]] = {}
    calls: list[Call] = []
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            continue
        thread, text = found[1], found[2].rstrip()
        if whole := _WHOLE.match(text):
            name, arguments, result = whole.groups()
            began = number
        elif begun := _BEGUN.match(text):
            open_[thread, begun[1]] = (number, begun[2])
            continue
        elif (resumed := _RESUMED.match(text)) and (thread, resumed[1]) in open_:
            began, arguments = open_.pop((thread, resumed[1]))
            name, arguments, result = resumed[1], arguments + resumed[2], resumed[3]
        else:
            continue
        if int(result) >= 0:
            calls.append(Call(name, arguments, began, number))
    return tuple(sorted(calls, key=lambda call: call.began))


class Order:
    """The calls of one run, and what was out of order in them."""

    def __init__(self, calls: tuple[Call, ...]) -> None:
        self.faults: list[str] = []
        self.checked = 0
        self._calls = calls
        self._links: dict[str, tuple[Call, str, str]] = {}
        for call in calls:
            if call.name in ("link", "linkat", "rename", "renameat", "renameat2"):
                source, name = call.strings[-2:]
                if len(name.rpartition("/")[2]) == _SHA256_DIGITS:
                    self._links.setdefault(name.rpartition("/")[2], (call, source, name))

    def check(self, evidence: Mapping[str, Iterable[str]]) -> list[str]:
        """Faults over all looks: evidence id -> names of the blobs it needs."""
        for evidence_id, blobs in evidence.items():
            self._look(evidence_id, blobs)
        return self.faults

    def _look(self, evidence_id: str, blobs: Iterable[str]) -> None:
        kept = max((self._blob(name) for name in blobs), default=-1)
        rows = self._first(("write", "pwrite64", "pwritev"), "-wal", kept, has=evidence_id)
        self._expect(
            rows, f"{evidence_id}: its rows were not written to the WAL after its files were durable"
        )
        synced = self._first(("fdatasync", "fsync"), "-wal", rows.ended if rows else kept)
        self._expect(synced, f"{evidence_id}: the WAL was not synced after its rows were written")
        told = self._told(evidence_id)
        self._expect(told, f"{evidence_id}: never acknowledged")
        if told and synced and told.began <= synced.ended:
            self.faults.append(f"{evidence_id}: acknowledged before the WAL was synced")
        self.checked += 1

    def _blob(self, name: str) -> int:
        """Where in the trace a blob was durable under its name."""
        if name not in self._links:
            self.faults.append(f"blob {name}: never linked or renamed to its name")
            return -1
        link, source, path = self._links[name]
        folder = path.rpartition("/")[0]
        written = [c for c in self._calls if c.name in ("write", "pwrite64") and c.path == source]
        synced = [c for c in self._calls if c.name in ("fsync", "fdatasync") and c.path == source]
        if not written or not synced or synced[-1].began <= written[-1].ended:
            self.faults.append(f"blob {name}: its bytes were not synced after they were written")
        elif link.began <= synced[-1].ended:
            self.faults.append(f"blob {name}: linked before its bytes were synced")
        entered = self._first(("fsync",), folder, link.ended)
        self._expect(entered, f"blob {name}: its folder was not synced after the link")
        made = [c for c in self._calls if c.name.startswith("mkdir") and c.strings[-1:] == [folder]]
        if made:
            above = self._first(("fsync",), folder.rpartition("/")[0], made[0].ended)
            self._expect(above, f"blob {name}: the folder above a new folder was not synced")
            if above and entered:
                return max(above.ended, entered.ended)
        return entered.ended if entered else -1

    def _first(self, names: tuple[str, ...], path_end: str, after: int, *, has: str = "") -> Call | None:
        """The first such call on such a file that began after that line."""
        fitting = (
            call
            for call in self._calls
            if call.began > after
            and call.name in names
            and call.path.endswith(path_end)
            and has in call.arguments
        )
        return next(fitting, None)

    def _told(self, evidence_id: str) -> Call | None:
        line = f"sealed {evidence_id}\\n"
        return next(
            (
                c
                for c in self._calls
                if c.name == "write" and c.arguments.startswith("1<") and line in c.arguments
            ),
            None,
        )

    def _expect(self, call: Call | None, fault: str) -> None:
        if call is None:
            self.faults.append(fault)
