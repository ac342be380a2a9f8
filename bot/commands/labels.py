"""`nightjar labels --out FILE`: what officers decided in the chat, as a file that `train` learns from."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.out import OK, PROBLEM, Out
from bot.commands.reader import look
from bot.discretion import log_view
from storage.clock import Clock
from storage.decided import Decided
from storage.errors import ConfigError

if TYPE_CHECKING:
    from storage.store import Store


def run(out: Out, folder: Path, clock: Clock, to: Path, since: datetime | None) -> int:
    """Write the decisions, contacts starred; the look is logged. Exit code 1 when there are none."""
    found = look(folder, clock, _reading(since))
    counts = Counter(one.label for one in found)
    facts = {"offers": counts["1"], "others": counts["0"], "unlabelled": counts[""]}
    if found:
        _write(to, found)
    out.facts({"written": to if found else None, **facts})
    if not found:
        out.say("nobody has resolved an alert yet: there is nothing to learn from", style="yellow")
        return PROBLEM
    told = f"{counts['1']} offers, {counts['0']} that are none, {counts['']} that say neither"
    out.say(f"{told}, written to {to}", style="bold")
    out.say(f"then: nightjar train --csv {to} --text-columns title,text --label-column label")
    return OK


def _reading(since: datetime | None) -> Callable[[Store], Awaitable[tuple[Decided, ...]]]:
    async def reading(store: Store) -> tuple[Decided, ...]:
        from storage.decided import decided

        await log_view(store, "", "labels")
        return await decided(store, since)

    return reading


def _write(to: Path, found: Sequence[Decided]) -> None:
    """A new file; one that is there is not written over. Raises ConfigError."""
    names = [field.name for field in fields(Decided)]
    try:
        with to.open("x", encoding="utf-8", newline="", errors="replace") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            for one in found:
                facts = asdict(one) | {"decided_at": one.decided_at.isoformat()}
                writer.writerow([facts[name] for name in names])
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", file=str(to)) from error
