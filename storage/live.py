"""What the real messenger server answered to the questions that only it can answer; a file of its own.

`nightjar selftest --live` asks and writes, channels and desk read when they open. None: not known; then
the program does what is right for either answer, at the price of a few calls more.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from storage.errors import DiskTrouble

NAME = "telegram-live.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAnswers:
    """at: when it was asked last (aware UTC), "" never; bot: number of the bot that asked.

    same_is_told: an edit to the very buttons that stand there is refused as "not modified".
    failed_edits_count: an edit that is refused costs a place in the chat's minute.
    albums_count_each: an album costs one place for each of its pictures.
    channels_as_groups: a channel takes no more a minute than a group.
    code_is_quiet: addresses and names in `code` are not made links.
    photos_forwarded: a channel's photo comes to the linked group as a message.
    """

    at: str = ""
    bot: str = ""
    same_is_told: bool | None = None
    failed_edits_count: bool | None = None
    albums_count_each: bool | None = None
    channels_as_groups: bool | None = None
    code_is_quiet: bool | None = None
    photos_forwarded: bool | None = None


QUESTIONS = tuple(field.name for field in fields(LiveAnswers) if field.name not in ("at", "bot"))
UNKNOWN = LiveAnswers()


def read(folder: Path) -> LiveAnswers:
    """The answers kept in a data folder; `UNKNOWN` when there are none, or none that can be read."""
    try:
        kept = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return UNKNOWN
    if not isinstance(kept, dict):
        return UNKNOWN
    known = {name: kept[name] for name in QUESTIONS if isinstance(kept.get(name), bool)}
    words = {name: kept[name] for name in ("at", "bot") if isinstance(kept.get(name), str)}
    return LiveAnswers(**known, **words)


def keep(folder: Path, asked: LiveAnswers, now: datetime) -> LiveAnswers:
    """Write answers over earlier ones; what was not answered this time stays. Raises DiskTrouble."""
    before = read(folder)
    fresh = {name: getattr(asked, name) for name in QUESTIONS if getattr(asked, name) is not None}
    whole = replace(
        before if before.bot == asked.bot else UNKNOWN, **fresh, bot=asked.bot, at=now.isoformat()
    )
    path, new = folder / NAME, folder / f"{NAME}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(whole), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror or error}") from error
    return whole
