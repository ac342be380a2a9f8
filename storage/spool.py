"""Events from commands that run beside the watch: left as files, logged by the watch.

Only one process writes the log. A command that must leave a trace there (an export, a
view) puts a small file into `<folder>/events`; the watch takes it in within seconds, or
at its next start. A crash between logging and removing logs it twice, under one event id.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from storage import ledger
from storage.codec import Plain, canonical, stamp
from storage.errors import DiskTrouble
from storage.model import new_id
from storage.threads import in_thread
from storage.vault import Vault

FOLDER = "events"
TAKE_EVERY_S = 10.0
_MAX_BYTES = 1_000_000


async def leave(vault: Vault, kind: str, facts: Mapping[str, str]) -> None:
    """Leave an event for the watch. Raises DiskTrouble."""
    now = vault.clock.now()
    name = new_id(now)
    event: dict[str, Plain] = {"event_id": name, "kind": kind, "happened_at": stamp(now)}
    data = canonical({**event, "facts": dict(facts)})
    await in_thread(_write, vault.folder / FOLDER, name, data)


def _write(folder: Path, name: str, data: bytes) -> None:
    try:
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}"
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / f"{name}.json")
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error}") from error


async def take(vault: Vault) -> int:
    """Log what was left, oldest first; how many events. Unreadable files stay where they are."""
    taken = 0
    for path in _waiting(vault.folder / FOLDER):
        event = await in_thread(_read, path)
        if event is not None:
            await ledger.log_event(vault, event.pop("kind"), event)
            path.unlink(missing_ok=True)
            taken += 1
    return taken


def _waiting(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json")) if folder.is_dir() else []


def _read(path: Path) -> dict[str, str] | None:
    """A left event, flat; None when it is not one."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        event = json.loads(path.read_bytes())
        facts = {f"{name}": str(value) for name, value in event["facts"].items()}
        kind, when, event_id = str(event["kind"]), str(event["happened_at"]), str(event["event_id"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return {**facts, "kind": kind, "happened_at": when, "event_id": event_id}


class Glances:
    """Looks for left events now and then, whenever the watch writes anyway: an idle night has no ticks."""

    def __init__(self) -> None:
        self._last_s = float("-inf")

    async def glance(self, vault: Vault) -> None:
        """Take in what was left, at most every 10 s; on a full disk it stays for later."""
        now_s = vault.clock.monotonic()
        if vault.writer is None or now_s - self._last_s < TAKE_EVERY_S:
            return
        self._last_s = now_s
        with contextlib.suppress(DiskTrouble):
            await take(vault)
