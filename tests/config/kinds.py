"""Feed kinds of our own for tests of the configuration, and a folder to write files into."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from bot.config import Config, ConfigErrors, read
from bot.mistakes import Mistake

TODAY = date(2026, 11, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A nested table, as the html kind has them."""

    css: str
    attribute: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A kind without any key that must be there."""

    max_pages: int = 1
    language: str = ""
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rich:
    """A kind with nested tables, lists, unions and checks of its own."""

    item: str
    fields: dict[str, Selector | str] = field(default_factory=dict)
    steps: tuple[Selector, ...] = ()
    max_pages: int = 1
    next: str = ""
    colour: str = "auto"

    def __post_init__(self) -> None:
        if self.colour not in ("auto", "never"):
            raise ValueError('colour must be "auto" or "never"')
        if self.max_pages > 1 and not self.next:
            raise ValueError("max_pages: needs a selector in next")


KINDS: dict[str, type] = {"plain": Plain, "rich": Rich}

HEAD = """
[nightjar]
contact = "watch@example.org"
"""

TARGET = """
[[target]]
name = "{name}"
kind = "plain"
url = "https://{name}.example.org/list"
legal_basis = "Art. 341 Criminal Law, case 2026-17"
authorised_by = "Forest police, Kunming"
review_after = 2027-06-30
"""


def target(name: str = "market", extra: str = "", **changed: str) -> str:
    """A right `[[target]]`, with lines added; `changed` replaces whole lines, "" removes them."""
    lines = []
    for line in TARGET.format(name=name).splitlines():
        key = line.partition(" ")[0]
        if key not in changed:
            lines.append(line)
        elif changed[key]:
            lines.append(f"{key} = {changed[key]}")
    return "\n".join(lines) + "\n" + textwrap.dedent(extra) + "\n"


def write(folder: Path, main: str, **more: str) -> Path:
    """config.toml, and each of `more` as targets.d/NAME.toml."""
    path = folder / "config.toml"
    path.write_text(main, encoding="utf-8")
    for name, text in more.items():
        (folder / "targets.d").mkdir(exist_ok=True)
        (folder / "targets.d" / f"{name}.toml").write_text(text, encoding="utf-8")
    return path


def load(path: Path, environment: Mapping[str, str] | None = None, today: date = TODAY) -> Config:
    """`bot.config.read` with the kinds of this file."""
    return read(
        path,
        feeds=KINDS.__getitem__,
        feed_kinds=tuple(KINDS),
        today=today,
        environment=environment or {},
    )


def mistakes(path: Path, environment: Mapping[str, str] | None = None) -> tuple[Mistake, ...]:
    """All mistakes of a configuration; () when it has none."""
    try:
        return load(path, environment).mistakes
    except ConfigErrors as errors:
        return errors.mistakes


def only(path: Path, environment: Mapping[str, str] | None = None) -> Mistake:
    """The one mistake of a configuration."""
    found = mistakes(path, environment)
    assert len(found) == 1, [str(mistake) for mistake in found]
    return found[0]
