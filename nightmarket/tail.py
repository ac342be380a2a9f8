"""Follows the night's files while they grow: what was published, caught and told so far.

For the live view only; the score is made from the whole files afterwards.
"""

from __future__ import annotations

import json
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from nightmarket.config import Places


class _Growing:
    """Whole lines of a file that is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def lines(self) -> list[dict[str, object]]:
        if self._file is None:
            if not self._path.exists():
                return []
            self._file = self._path.open("rb")
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [json.loads(line) for line in whole if line]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Tail:
    """What the live view shows."""

    def __init__(self, places: Places) -> None:
        self._truth = _Growing(places.truth)
        self._told = _Growing(places.data / "alerts.ndjson")
        self.published = self.deleted = self.requests = self.listings = self.faults = 0
        self.chat_new = self.chat_all = 0
        self.headlines: deque[tuple[str, str]] = deque(maxlen=6)
        self.troubles: dict[tuple[str, int], str] = {}
        self.kinds: dict[str, int] = {}
        self._after: datetime | None = None
        self.back_at: datetime | None = None

    def first_poll_after(self, moment: datetime) -> None:
        """From now on wait for the daemon's first poll of a listing after `moment`."""
        self._after, self.back_at = moment, None

    def read(self) -> None:
        """Take in what has been written since the last call."""
        for line in self._truth.lines():
            self._happened(line)
        for event in self._told.lines():
            kind = str(event.get("kind"))
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if kind != "notice":
                self.headlines.append((kind, str(event.get("headline", ""))))

    def _happened(self, line: dict[str, object]) -> None:
        match line["what"]:
            case "served":
                self._served(line)
            case "publish":
                self.published += 1
            case "restore":
                self.deleted -= 1
            case "delete":
                self.deleted += 1
            case "told":
                self.chat_all += 1
                event = line.get("event")
                self.chat_new += (
                    bool(line.get("first")) and isinstance(event, dict) and event.get("kind") == "new"
                )
            case "trouble" | "clear":
                self._trouble(line)

    def _served(self, line: dict[str, object]) -> None:
        self.requests += 1
        self.listings += line.get("kind") == "listing"
        self.faults += bool(line.get("fault"))
        if self._after is not None and self.back_at is None:
            at = datetime.fromisoformat(str(line["at"]))
            self.back_at = at if at > self._after and line.get("kind") == "listing" else None

    def _trouble(self, line: dict[str, object]) -> None:
        key = str(line["kind"]), int(str(line.get("site", 0)))
        if line["what"] == "trouble" and key[0] not in ("kill", "layout"):
            self.troubles[key] = str(line["at"])
        else:
            self.troubles.pop(key, None)
