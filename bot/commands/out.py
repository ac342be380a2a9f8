"""Printing: for people through rich, for machines as one JSON object on the last line.

Sellers write what is shown here, so nothing reaches a terminal that could steer it:
control characters, escape sequences and marks that turn the direction of text.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime
from enum import Enum
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

OK, PROBLEM, WRONG_USE = 0, 1, 2
"""The exit codes."""
_PIPED_COLUMNS = 180
_TIGHT: Mapping[str, Any] = {"box": None, "pad_edge": False, "padding": (0, 2, 0, 0)}

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\u115f\u1160\u180e\u3164\uffa0\U000e0000-\U000e0fff]"  # letters of no width, which part a word unseen
)
_RAW_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def tame(text: object) -> str:
    """`text` without what could steer a terminal; each such character becomes a middle dot."""
    return _STEERING.sub("·", str(text))


def on_one_line(text: object, most: int = 200) -> str:
    """`text` tamed, on one line, cut at `most` characters."""
    flat = " ".join(tame(str(text)[: most * 4]).split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def some(count: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 mistake", "2 mistakes"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def moment(at: datetime | None) -> str:
    """A time for people: UTC to the second, or a dash."""
    return "-" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def plain(value: object) -> Any:
    """A frozen word as JSON can carry it: times as ISO 8601, enums as their values, bytes as a size."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return _scalar(value)


def _scalar(value: object) -> Any:
    match value:
        case Enum():
            return value.value
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return {"bytes": len(value)}
        case float() if not math.isfinite(value):
            return None
        case str() | int() | float() | bool() | None:
            return value
    return str(value)


def as_json(facts: object) -> str:
    """`facts` as one line of JSON that is safe on a terminal too."""
    text = json.dumps(plain(facts), ensure_ascii=False)
    return _RAW_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Out:
    """Where a command prints. `json`: nothing for people, one object by `facts`."""

    def __init__(self, *, json: bool = False, stream: TextIO | None = None) -> None:
        self.json = json
        self._stream = stream if stream is not None else sys.stdout
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """The rich console, made at first use: importing rich takes a while."""
        if self._console is None:
            from rich.console import Console

            class Quiet(Console):
                def on_broken_pipe(self) -> None:
                    """Leave it to the command line, which knows what to answer."""
                    raise BrokenPipeError

            wide = None if self._stream.isatty() else _PIPED_COLUMNS
            self._console = Quiet(file=self._stream, highlight=False, width=wide)
        return self._console

    @property
    def width(self) -> int:
        """Cells in a line: of the terminal, or many when piped."""
        return self.console.width

    def facts(self, facts: object) -> None:
        """The one JSON object of a command; only with `--json`."""
        if self.json:
            self._stream.write(as_json(facts) + "\n")
            self._stream.flush()

    def say(self, text: object = "", *, style: str = "", wrapped: bool = False) -> None:
        """A line or more for people; not with `--json`. wrapped: between words, where the width ends."""
        if not self.json:
            from rich.text import Text

            self.console.print(Text(tame(text), style=style), soft_wrap=not wrapped)

    def line(self, text: object, *, style: str = "") -> None:
        """One line for people, cut where the width ends; not with `--json`."""
        if not self.json:
            from rich.text import Text

            shown = Text(" ".join(tame(text).splitlines()), style=style)
            shown.truncate(self.width, overflow="ellipsis")
            self.console.print(shown, soft_wrap=True)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        styles: Iterable[str] = (),
        tight: bool = False,
    ) -> None:
        """A table for people, unless it is empty; cells are tamed and wrapped; not with `--json`.

        styles: one for each row, or none. tight: without frames, and only the first and the last
        column are wrapped; without it the first is not, since ids are copied whole.
        """
        lines = [] if self.json else list(rows)
        if not lines:
            return
        from rich.table import Table
        from rich.text import Text

        shape = Table(header_style="bold", **(_TIGHT if tight else {}))
        for number, column in enumerate(columns):
            whole = number == 0 if not tight else 0 < number < len(columns) - 1
            shape.add_column(column, overflow="fold", no_wrap=whole)
        for row, style in zip(lines, chain(styles, repeat("")), strict=False):
            shape.add_row(*(Text(tame(cell)) for cell in row), style=style)
        self.console.print(shape)

    def raw(self, text: str) -> None:
        """Text for a file, as it is: never wrapped or coloured; not with `--json`."""
        if not self.json:
            self._stream.write(text)
            self._stream.flush()

    def waiting(self, what: str) -> AbstractContextManager[object]:
        """A sign of life on standard error while the block runs; on a terminal only."""
        if self.json or not sys.stderr.isatty():
            return nullcontext()
        from rich.console import Console

        return Console(file=sys.stderr).status(what)

    def progress(self) -> Progress:
        """A progress bar on standard error, shown on a terminal only and never with `--json`."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(file=sys.stderr)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        return Progress(
            *columns, console=console, transient=True, disable=self.json or not console.is_terminal
        )
