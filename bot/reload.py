"""Live edits: notices that a file of the configuration changed, and reads it anew.

A bad edit is told and changes nothing: the caller goes on with what it has. Pure
comparing (`difference`) is apart from watching (`Reload`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bot.config import Config, ConfigErrors, Mistake, read
from bot.settings.gather import target_files
from bot.settings.observed import OBSERVED
from storage.clock import Clock
from storage.model import Target

EVERY_S = 2.0
SETTLE_S = 0.2
"""Editors write in steps; a file is read when it stood still for so long."""
_MOST_SETTLES = 25
_MOST_TOLD = 20
# A file changed twice within one tick of the file system's clock keeps its time and size,
# so that after each change its bytes are hashed for some polls, whatever its stamp says.
_WARY_POLLS = 3
_FEW_FILES = 64

AT_START_ONLY = (
    "data_dir",
    "contact",
    "allow",
    "hosts",
    "gallery",
    "metrics",
    "picture_workers",
    "read_pictures",
    "hint",
    "log_level",
)
"""What a running daemon does not take over; it holds from the next start."""


Prints = tuple[tuple[str, str], ...]
"""(file, SHA-256 of its bytes) of each file; the hash is "" for one that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What an edit changes, target by target (by name), and what waits for a restart."""

    added: tuple[Target, ...]
    removed: tuple[Target, ...]
    changed: tuple[Target, ...]
    unchanged: tuple[Target, ...]
    at_start_only: tuple[str, ...] = ()

    @property
    def renamed(self) -> tuple[tuple[str, str], ...]:
        """(name before, name now) of targets that left while one of the same address came."""
        now = {target.url: target.name for target in self.added}
        return tuple((t.name, now[t.url]) for t in self.removed if t.url in now)


def difference(old: Config, new: Config) -> Difference:
    """Compare two configurations. `changed` and `unchanged` hold the new targets."""
    before = {target.name: target for target in old.targets}
    after = {target.name for target in new.targets}
    return Difference(
        added=tuple(t for t in new.targets if t.name not in before),
        removed=tuple(t for t in old.targets if t.name not in after),
        changed=tuple(t for t in new.targets if t.name in before and before[t.name] != t),
        unchanged=tuple(t for t in new.targets if before.get(t.name) == t),
        at_start_only=tuple(k for k in AT_START_ONLY if getattr(old, k) != getattr(new, k)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An edit as read: the new configuration, or None with every mistake.

    words: the mistakes in words for the admin channel, or "". difference: against what
    was in force before; None for a bad edit.
    """

    config: Config | None
    mistakes: tuple[Mistake, ...] = ()
    words: str = ""
    difference: Difference | None = None


class Reload:
    """Reads the configuration, and again whenever a file of it changes or `poke` is called.

    feeds / feed_kinds / environment: as in `bot.config.read`. Not for two loops at once.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        environment: Mapping[str, str],
        feeds: Callable[[str], type],
        feed_kinds: tuple[str, ...],
        every_s: float = EVERY_S,
    ) -> None:
        self._path, self._clock, self._every_s = path.absolute(), clock, every_s
        self._environment, self._feeds, self._feed_kinds = environment, feeds, feed_kinds
        self._poked = asyncio.Event()
        self._config: Config | None = None
        self._prints = _Prints()
        self._seen: Prints = ()
        self._told: frozenset[Mistake] = frozenset()

    def poke(self) -> None:
        """Read again at once, though nothing changed; for SIGHUP, from the loop's thread."""
        self._poked.set()

    def read(self) -> Config:
        """The configuration now. Raises ConfigErrors. Later changes are counted from here."""
        before = self._prints.take(self._files())
        config = self._read()
        self._config = replace(config, stanzas=())  # enough to compare with
        self._seen = self._since(before)
        return config

    def look(self) -> Config:
        """The configuration as it stands in the files now, which changes nothing. Raises ConfigErrors."""
        return self._read()

    async def changes(self) -> AsyncIterator[Change]:
        """Every edit from now on. The same mistakes are told once, until something else comes.

        After `poke` a change is always given, so that who asked gets an answer. Reading
        runs in a thread: the loop is not held up. Cancel to end.
        """
        while True:
            poked = await self._wait()
            seen = await self._take()
            if seen == self._seen and not poked:
                continue
            self._seen = await self._settled(seen)
            change = await asyncio.to_thread(self._attempt)
            if change.config is not None:
                self._config = replace(change.config, stanzas=())
                self._seen = await asyncio.to_thread(self._since, self._seen)
            elif frozenset(change.mistakes) == self._told and not poked:
                continue
            self._told = frozenset(change.mistakes)
            yield change

    def _since(self, before: Prints) -> Prints:
        """The prints that were read: those taken before, so that an edit meanwhile is not missed."""
        known = dict(before)
        return tuple((name, known.get(name, now)) for name, now in self._prints.take(self._files()))

    async def _wait(self) -> bool:
        """Wait for the next poll; True when poked."""
        try:
            async with asyncio.timeout(self._every_s):
                await self._poked.wait()
        except TimeoutError:
            return False
        self._poked.clear()
        return True

    async def _take(self) -> Prints:
        """Prints of all files; a few are looked at in place, which is cheaper than a thread."""
        files = self._files()
        if len(files) <= _FEW_FILES:
            return self._prints.take(files)
        return await asyncio.to_thread(self._prints.take, files)

    async def _settled(self, seen: Prints) -> Prints:
        for _ in range(_MOST_SETTLES):
            await self._clock.sleep(SETTLE_S)
            now = await self._take()
            if now == seen:
                break
            seen = now
        return seen

    def _attempt(self) -> Change:
        try:
            config = self._read()
        except ConfigErrors as errors:
            return Change(config=None, mistakes=errors.mistakes, words=in_words(errors.mistakes))
        before = self._config if self._config is not None else config
        return Change(config=config, difference=difference(before, config))

    def _read(self) -> Config:
        return read(
            self._path,
            feeds=self._feeds,
            feed_kinds=self._feed_kinds,
            today=self._today(),
            environment=self._environment,
        )

    def _today(self) -> date:
        return self._clock.now().date()

    def _files(self) -> tuple[Path, ...]:
        try:
            more = target_files(self._path)
        except OSError:
            more = ()
        if self._config is None:
            return (self._path, *more)
        accepted = self._config.data_dir / OBSERVED  # watched before it is there
        return tuple(dict.fromkeys((self._path, *more, *self._config.lexicons, accepted)))


def in_words(mistakes: tuple[Mistake, ...]) -> str:
    """Mistakes for a chat: one a line, the first twenty."""
    lines = [str(mistake) for mistake in mistakes[:_MOST_TOLD]]
    if len(mistakes) > _MOST_TOLD:
        lines.append(f"and {len(mistakes) - _MOST_TOLD} more: run `nightjar check`")
    return "\n".join(lines)


class _Prints:
    """Fingerprints of files, hashing only what may have changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int], str, int]] = {}

    def take(self, files: tuple[Path, ...]) -> Prints:
        """The prints of files, in order."""
        self._known = {path: entry for path, entry in self._known.items() if path in files}
        return tuple((str(path), self._of(path)) for path in files)

    def _of(self, path: Path) -> str:
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            old = self._known.get(path)
            if old is not None and old[0] == stamp and old[2] <= 0:
                return old[1]
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            self._known.pop(path, None)
            return ""
        wary = old[2] - 1 if old is not None and old[0] == stamp else _WARY_POLLS
        self._known[path] = (stamp, digest, wary)
        return digest
