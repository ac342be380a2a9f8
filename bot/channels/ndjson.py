"""The NDJSON channel: one alert a line, appended to a file and fsynced; schema `compose.SCHEMA`.

Each line is written once even over a kill: at opening the file's own lines are read
back, a torn last line is cut off, and a delivery whose line is there is not written again.
Format: https://github.com/ndjson/ndjson-spec
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path

from bot.channel import Card, Channel, Setting
from bot.compose import event
from storage.errors import NotSent
from storage.model import Delivery

WANTS_SHEET = False
REPEATABLE = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Keys of an ndjson channel.

    path: the file, relative to data_dir; "" means alerts.ndjson there.
    """

    path: str = ""


class Ndjson:
    """Appends lines to one file that this process alone writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = asyncio.Lock()
        self._written: set[str] | None = None

    async def send(self, delivery: Delivery, card: Card) -> str:
        """Append the alert unless its line is there. Raises NotSent when the disk refuses."""
        async with self._lock:
            try:
                return await asyncio.to_thread(self._append, delivery, card)
            except OSError as error:
                raise NotSent(f"{self._path.name}: {error.strerror or error}", retry_after_s=5.0) from error

    def _append(self, delivery: Delivery, card: Card) -> str:
        if self._written is None:
            self._written = _recover(self._path)
        alert = delivery.alert
        if alert.alert_id not in self._written:
            told = event(alert) | {"headline": card.headline}
            line = json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"
            _append_whole(self._path, line.encode("utf-8", "replace"))
            self._written.add(alert.alert_id)
        return alert.alert_id

    async def close(self) -> None:
        """Nothing stays open between lines."""


def _append_whole(path: Path, line: bytes) -> None:
    """Append `line` durably, or leave the file as it was and raise OSError."""
    with path.open("ab") as file:
        before = file.tell()
        try:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.truncate(path, before)
            raise


def _recover(path: Path) -> set[str]:
    """The alert ids already in the file; a line that a crash tore is cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ids: set[str] = set()
    whole = 0
    if not path.exists():
        return ids
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            ids.add(_id_in(line))
    if whole < path.stat().st_size:
        os.truncate(path, whole)
    return ids


def _id_in(line: bytes) -> str:
    try:
        return str(json.loads(line).get("alert_id", ""))
    except (ValueError, AttributeError):
        return ""


def open_channel(settings: object, setting: Setting) -> Channel:
    """Open the file in the data folder."""
    if not isinstance(settings, Settings):
        raise TypeError("ndjson settings expected")
    return Ndjson(setting.folder / (settings.path or "alerts.ndjson"))
