"""The server's own log: one JSON object a line, in simulated time; what the judge believes.

`world` names seed and size; `publish`, `edit`, `delete`, `restore`, `trouble` and `clear`
are written when they happen; `served` for every request, with the SHA-256 of the body
before compression, the posts whose full wording it carried, and the fault it met.
`told` and `refused` are the chat's lines. Fields that are empty are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One request as the server saw it. at: the instant whose state was shown.

    sent: whether the answer left whole. picture: "key#n" when it was one.
    """

    at: datetime
    site: int
    path: str
    status: int
    kind: str
    sha256: str = ""
    whole: tuple[str, ...] = ()
    post: str = ""
    picture: str = ""
    fault: str = ""
    sent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event the chat took in. key: its Idempotency-Key; first: not had before."""

    at: datetime
    key: str
    first: bool
    event: dict[str, object]


class TruthLog:
    """Appends lines; `flush` makes them visible to readers. One writer."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8")

    def write(self, what: str, at: datetime, **facts: object) -> None:
        """One line. Falsy facts are left out."""
        line = {"what": what, "at": at.isoformat(), **{k: v for k, v in facts.items() if v}}
        self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")

    def flush(self) -> None:
        """Hand everything to the system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close; twice is harmless."""
        if not self._file.closed:
            self._file.close()


def lines(path: Path) -> Iterator[dict[str, object]]:
    """The lines of a log; a torn last line is left out."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def read_served(path: Path) -> list[Served]:
    """All requests of a log, in order."""
    return [_served(line) for line in lines(path) if line["what"] == "served"]


def read_told(path: Path) -> list[Told]:
    """All events the chat took in, in order; repeats too."""
    return [
        Told(
            at=_moment(line["at"]),
            key=str(line.get("key", "")),
            first=bool(line.get("first", False)),
            event=dict(_mapping(line.get("event"))),
        )
        for line in lines(path)
        if line["what"] == "told"
    ]


def _served(line: dict[str, object]) -> Served:
    whole = line.get("whole", [])
    return Served(
        at=_moment(line["at"]),
        site=int(str(line.get("site", 0))),
        path=str(line.get("path", "")),
        status=int(str(line.get("status", 0))),
        kind=str(line.get("kind", "")),
        sha256=str(line.get("sha256", "")),
        whole=tuple(whole) if isinstance(whole, list) else (),
        post=str(line.get("post", "")),
        picture=str(line.get("picture", "")),
        fault=str(line.get("fault", "")),
        sent=bool(line.get("sent", False)),
    )


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
