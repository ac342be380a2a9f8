"""`nightjar lexicon check [FILE...]`: are the terms right, before the watch reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bot.commands.out import OK, PROBLEM, Out, some
from bot.mistakes import Mistake
from storage.errors import ConfigError


class Terms(Protocol):
    """What is told of a lexicon."""

    @property
    def version(self) -> str:
        """Name of this set of terms."""
        ...

    @property
    def terms(self) -> tuple[object, ...]:
        """Its terms."""
        ...


def run(out: Out, files: tuple[Path, ...], *, load: Callable[[tuple[Path, ...]], Terms]) -> int:
    """Load the shipped lexicon with `files`, each on its own and then together."""
    mistakes = []
    for file in files:
        try:
            load((file,))
        except ConfigError as error:
            mistakes.append(
                Mistake(why=error.why, file=error.file or str(file), table=error.table, key=error.key)
            )
    terms = load(files) if not mistakes else None
    out.facts(
        {
            "ok": not mistakes,
            "files": files,
            "mistakes": [mistake.facts() for mistake in mistakes],
            "version": terms.version if terms else None,
            "terms": len(terms.terms) if terms else None,
        }
    )
    for mistake in mistakes:
        out.say(mistake, style="red")
    if terms is not None:
        out.say(f"{some(len(terms.terms), 'term')}, version {terms.version}; no mistakes", style="bold")
    return PROBLEM if mistakes else OK
