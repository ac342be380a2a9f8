"""Events from commands that run beside the watch: left as files, logged by the watch.

Only one process writes the log. A command that must leave a trace there (an export, a
view) or orders something (about a case) puts a small file into `<folder>/events`; the
watch takes it in within seconds, or at its next start. A crash between logging and
removing logs it twice, under one event id. What cannot be done stays there as `.refused`,
with the reason in its first line, and holds nothing else up. What cannot be read or removed
stays as it is, and with it every later order about a case: they build on each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from storage import cases, keys, ledger, orders, records
from storage.codec import Plain, canonical, clean, stamp
from storage.errors import CaseRefused, DiskTrouble, StoreError
from storage.model import new_id
from storage.threads import in_thread
from storage.vault import Vault
from storage.writer import Batch

FOLDER = "events"
REFUSED = ".refused"
TAKE_EVERY_S = 10.0
MOST_BYTES = 16_000_000
"""Of one event. The ids of a quarter of a million posts have room in it."""
_MOST_WHY = 300
_MOST_KEPT_BYTES = 100_000
"""Of a refused event so much is kept beside the reason."""


async def leave(vault: Vault, kind: str, facts: Mapping[str, str]) -> str:
    """Leave an event for the watch; its id. Raises DiskTrouble, CaseRefused when it is too large."""
    now = vault.clock.now()
    name = new_id(now)
    event: dict[str, Plain] = {"event_id": name, "kind": kind, "happened_at": stamp(now)}
    data = canonical({**event, "facts": dict(facts)})
    if len(data) > MOST_BYTES:
        raise CaseRefused(f"{len(data):,} bytes are too much to be left for the watch at once: name less")
    await in_thread(keys.write, vault.folder / FOLDER / f"{name}.json", data)
    return name


async def log(vault: Vault, kind: str, facts: Mapping[str, str]) -> int:
    """An event as a leaf of the log; its index. Private kinds name their facts by hash only."""
    if kind not in records.PRIVATE:
        return await ledger.log_event(vault, kind, facts)
    at, salt = vault.clock.now(), os.urandom(16).hex()

    async def job(batch: Batch) -> int:
        return records.append(batch, kind, facts, at, salt=salt)

    return await vault.submit(job)


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
            text = path.with_suffix(REFUSED).read_text(encoding="utf-8", errors="replace")
            return Left.REFUSED, text.partition("\n")[0]
        return (Left.WAITING if path.exists() else Left.TAKEN), ""
    except OSError as error:
        raise DiskTrouble(f"{path}: {error}") from error


def peek(folder: Path, kind: str) -> tuple[dict[str, str], ...]:
    """Events of a kind that wait here, oldest first, for a look only. What cannot be read is left out."""
    found = []
    for path in sorted((folder / FOLDER).glob("[!.]*.json")):
        with contextlib.suppress(CaseRefused, DiskTrouble):
            found.append(_read(path))
    return tuple(event for event in found if event["kind"] == kind)


def _waiting(folder: Path) -> list[Path]:
    """Events to be taken in, oldest first. Raises DiskTrouble when they could not be removed afterwards."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == ".json" and path.name[0] != ".")
        if found and not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            raise DiskTrouble(f"{folder}: this account may take nothing out of it")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error.strerror}") from error
    return found


def _read(path: Path) -> dict[str, str]:
    """A left event, flat. Raises CaseRefused when it is none, DiskTrouble."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CaseRefused(f"it has more than {MOST_BYTES:,} bytes")
        event = json.loads(path.read_bytes())
        facts = {clean(name): clean(str(value)) for name, value in event["facts"].items()}
        own = {name: clean(str(event[name])) for name in ("kind", "happened_at", "event_id")}
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CaseRefused("it is no event") from None
    certified = (own["kind"], facts.get("act")) == ("key", "certified")
    if own["kind"] not in records.PRIVATE and not certified:
        raise CaseRefused("it is of no kind that a command leaves")
    return facts | own


def _refuse(path: Path, why: str) -> None:
    try:
        with path.open("rb") as file:
            kept = file.read(_MOST_KEPT_BYTES)
        keys.write(path.with_suffix(REFUSED), f"{why}\n".encode() + kept)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error


async def _nothing(batch: Batch) -> None:
    """A job that the writer takes whenever it takes any."""


class Glances:
    """Takes in left events, one taker at a time; also whenever the watch writes anyway."""

    def __init__(self) -> None:
        self._last_s = float("-inf")
        self._taking = asyncio.Lock()
        self._logged: set[str] = set()
        """Names of files whose events are in the log, and which could not be removed yet."""
        self.heard: set[str] = set()
        """Kinds of the events that were taken in; whoever acts on one takes it out."""
        self.refused: list[str] = []
        """What was refused, in words; whoever tells it takes it out."""

    async def take(self, vault: Vault) -> int:
        """Take in what was left, oldest first; how many events. Raises DiskTrouble, DatabaseTrouble.

        Raises DiskTrouble too when something stays that cannot be read, after the rest was taken.
        """
        async with self._taking:
            taken, stays = 0, None
            for path in await in_thread(_waiting, vault.folder / FOLDER):
                try:
                    event = await in_thread(_read, path)
                except DiskTrouble as trouble:
                    stays = stays or trouble
                except CaseRefused as refused:
                    await self._refuse(path, "event", str(refused))
                else:
                    if stays is None or event["kind"] not in cases.KINDS:
                        taken += await self._take(vault, path, event)
            if stays is not None:
                raise stays
            return taken

    async def _take(self, vault: Vault, path: Path, event: dict[str, str]) -> bool:
        kind = event["kind"]
        if path.name not in self._logged:
            why = await _done(vault, event)
            if why:
                await self._refuse(path, kind, why)
                return False
            self._logged.add(path.name)
        await in_thread(_remove, path)
        self._logged.discard(path.name)
        self.heard.add(kind)
        return True

    async def _refuse(self, path: Path, kind: str, why: str) -> None:
        short = " ".join(why.split())[:_MOST_WHY]
        await in_thread(_refuse, path, short)
        name = path.with_suffix(REFUSED).name
        self.refused.append(f"what a command left for the watch ({kind}) was not done: {short}; see {name}")

    async def glance(self, vault: Vault) -> None:
        """Take in what was left, at most every 10 s; what is in trouble stays for later."""
        now_s = vault.clock.monotonic()
        if vault.writer is None or now_s - self._last_s < TAKE_EVERY_S:
            return
        self._last_s = now_s
        with contextlib.suppress(StoreError):
            await self.take(vault)


async def _done(vault: Vault, event: dict[str, str]) -> str:
    """Do what an event says; why it cannot be done, or "". Raises DiskTrouble, DatabaseTrouble."""
    facts = {name: value for name, value in event.items() if name != "kind"}
    try:
        if event["kind"] in cases.KINDS:
            when = {name: event[name] for name in ("event_id", "happened_at")}
            await cases.apply(vault, cases.order_of(facts), event=when)
        elif orders.is_order(event):
            when = {name: event[name] for name in ("event_id", "happened_at")}
            await orders.carry_out(vault, orders.order_of(facts), event=when)
        else:
            await log(vault, event["kind"], facts)
    except DiskTrouble:
        raise
    except CaseRefused as refused:
        return str(refused)
    except StoreError as trouble:
        await vault.submit(_nothing)  # raises when it is not this event that is at fault
        return str(trouble)
    return ""
