"""Events from commands that run beside the watch: left as files, logged by the watch.

Only one process writes the log. A command that must leave a trace there (an export, a
view) or orders something (about a case) puts a small file into `<folder>/events`; the
watch takes it in within seconds, or at its next start. A crash between logging and
removing logs it twice, under one event id. What cannot be done stays there as `.refused`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from storage import cases, ledger, records
from storage.codec import Plain, canonical, stamp
from storage.errors import CaseRefused, DiskTrouble
from storage.model import new_id
from storage.threads import in_thread
from storage.vault import Vault
from storage.writer import Batch

FOLDER = "events"
REFUSED = ".refused"
TAKE_EVERY_S = 10.0
_MAX_BYTES = 1_000_000


async def leave(vault: Vault, kind: str, facts: Mapping[str, str]) -> str:
    """Leave an event for the watch; its id. Raises DiskTrouble."""
    now = vault.clock.now()
    name = new_id(now)
    event: dict[str, Plain] = {"event_id": name, "kind": kind, "happened_at": stamp(now)}
    data = canonical({**event, "facts": dict(facts)})
    await in_thread(_write, vault.folder / FOLDER, name, data)
    return name


async def log(vault: Vault, kind: str, facts: Mapping[str, str]) -> int:
    """An event as a leaf of the log; its index. Private kinds name their facts by hash only."""
    if kind not in records.PRIVATE:
        return await ledger.log_event(vault, kind, facts)
    at, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> int:
        return records.append(batch, kind, facts, at, salt=salt)

    return await vault.submit(job)


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


async def take(vault: Vault, heard: set[str]) -> int:
    """Log what was left, oldest first; how many events. Their kinds are added to `heard`.

    Files that cannot be read stay where they are.
    """
    taken = 0
    for path in _waiting(vault.folder / FOLDER):
        event = await in_thread(_read, path)
        if event is not None:
            kind = event["kind"]
            if await _take(vault, path, event):
                taken += 1
                heard.add(kind)
    return taken


async def _take(vault: Vault, path: Path, event: dict[str, str]) -> bool:
    kind = event.pop("kind")
    try:
        if kind in cases.KINDS:
            when = {name: event[name] for name in ("event_id", "happened_at")}
            await cases.apply(vault, cases.order_of(event), event=when)
        else:
            await log(vault, kind, event)
    except CaseRefused as refused:
        await in_thread(_refuse, path, str(refused))
        return False
    await in_thread(path.unlink, True)
    return True


def _refuse(path: Path, why: str) -> None:
    path.with_suffix(REFUSED).write_text(why, encoding="utf-8")
    path.unlink(missing_ok=True)


class Left(Enum):
    """What became of an event that was left."""

    WAITING = "waits for the watch"
    TAKEN = "is in the log"
    REFUSED = "was refused"


def became(folder: Path, event_id: str) -> tuple[Left, str]:
    """What became of an event, and why when it was refused. Raises DiskTrouble."""
    path = folder / FOLDER / f"{event_id}.json"
    try:
        if path.with_suffix(REFUSED).exists():
            return Left.REFUSED, path.with_suffix(REFUSED).read_text(encoding="utf-8", errors="replace")
        return (Left.WAITING if path.exists() else Left.TAKEN), ""
    except OSError as error:
        raise DiskTrouble(f"{path}: {error}") from error


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
    """Takes in left events, one taker at a time; also whenever the watch writes anyway."""

    def __init__(self) -> None:
        self._last_s = float("-inf")
        self._taking = asyncio.Lock()
        self.heard: set[str] = set()
        """Kinds of the events that were taken in; whoever acts on one takes it out."""

    async def take(self, vault: Vault) -> int:
        """Take in what was left; how many events. Raises DiskTrouble, DatabaseTrouble."""
        async with self._taking:
            return await take(vault, self.heard)

    async def glance(self, vault: Vault) -> None:
        """Take in what was left, at most every 10 s; on a full disk it stays for later."""
        now_s = vault.clock.monotonic()
        if vault.writer is None or now_s - self._last_s < TAKE_EVERY_S:
            return
        self._last_s = now_s
        with contextlib.suppress(DiskTrouble):
            await self.take(vault)
