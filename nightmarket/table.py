"""The night as it goes: a live table on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nightmarket.course import Course
from nightmarket.model import World
from nightmarket.shelf import shelves
from nightmarket.sites import NIGHT_ZONE

PLAIN_EVERY_S = 10.0
_STYLES = {
    "new": "bold red",
    "repost": "yellow",
    "changed": "cyan",
    "deleted": "magenta",
    "reappeared": "cyan",
}
_CONTROLS = dict.fromkeys(
    (*range(32), *range(127, 160), 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)


class Show:
    """Call it with the course; use it as a context manager. quiet: nothing at all."""

    def __init__(self, world: World, *, plain: bool, quiet: bool) -> None:
        self._world, self._quiet = world, quiet
        self._console = Console(file=sys.stderr, highlight=False)
        self._live = (
            None if plain or quiet else Live(console=self._console, refresh_per_second=4, transient=True)
        )
        self._said = 0.0
        self._polls: list[tuple[float, int]] = []
        self._shelves = shelves(world)
        self._names = {site.number: site.name for site in world.sites}

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the table away; twice is harmless."""
        if self._live is not None:
            self._live.stop()

    def __call__(self, course: Course) -> None:
        """Show how things stand."""
        if self._quiet or course.tail is None:
            return
        now = time.monotonic()
        self._polls = [*self._polls[-25:], (now, course.tail.listings)]
        if self._live is not None:
            self._live.update(self._picture(course))
        elif now - self._said >= PLAIN_EVERY_S:
            self._said = now
            print(self._line(course), file=sys.stderr, flush=True)

    # --- figures ------------------------------------------------------------------------

    def _rate(self) -> float:
        """Listing polls per real second, over the last five."""
        (first, few), (last, many) = self._polls[0], self._polls[-1]
        return (many - few) / (last - first) if last > first else 0.0

    def _on_show(self, course: Course) -> int:
        now = course.now()
        return sum(len(shelf.on_show(now)) for shelf in self._shelves.values())

    def _figures(self, course: Course) -> dict[str, str]:
        tail, counters = course.tail, course.counters
        assert tail is not None
        late = counters.quantile("poll_lateness_seconds", 99)
        return {
            "on show": f"{self._on_show(course)}",
            "appeared": f"{tail.published}",
            "vanished": f"{tail.deleted}",
            "captures": f"{counters.total('captures_total', 'seen'):.0f}",
            "edits kept": f"{counters.total('captures_total', 'changed'):.0f}",
            "vanishings proven": f"{counters.total('captures_total', 'missing'):.0f}",
            "pictures": f"{counters.total('pictures_total', 'kept'):.0f}",
            "alerts": f"{tail.kinds.get('new', 0)}, in the chat {tail.chat_new}",
            "polls/s": f"{self._rate():.0f}",
            "polls late, p99": f"≤ {late:g} s" if late is not None else "-",
            "requests": f"{tail.requests}, of which {tail.faults} met a fault",
            "waiting": f"{counters.total('queue_depth'):.0f}",
        }

    def _clock(self, course: Course) -> str:
        return course.now().astimezone(ZoneInfo(NIGHT_ZONE)).strftime("%H:%M:%S")

    # --- words --------------------------------------------------------------------------

    def _line(self, course: Course) -> str:
        told = self._figures(course)
        names = ("on show", "captures", "vanishings proven", "alerts", "polls/s", "polls late, p99")
        return f"{self._clock(course)}  " + "  ".join(f"{name} {told[name]}" for name in names)

    def _picture(self, course: Course) -> Panel:
        world = self._world
        grid = Table.grid(padding=(0, 2))
        for _ in range(4):
            grid.add_column()
        told = list(self._figures(course).items())
        half = (len(told) + 1) // 2
        for left, right in zip(told[:half], [*told[half:], ("", "")], strict=False):
            grid.add_row(Text(left[0], style="dim"), left[1], Text(right[0], style="dim"), right[1])
        passed = (course.now() - world.start) / (world.end - world.start)
        bar = ProgressBar(total=1.0, completed=min(max(passed, 0.0), 1.0), width=64)
        line = Table.grid()
        line.add_row(bar)
        pace = f"seed {world.seed} · {course.hours.speed:.0f} times real time"
        title = f"[bold]Nightjar[/] · {self._clock(course)} · {pace}"
        return Panel(Group(line, grid, self._troubles(course), self._alerts(course)), title=title, width=100)

    def _troubles(self, course: Course) -> Text:
        tail = course.tail
        names = [
            f"{self._names.get(site, 'the chat')} {kind}" for kind, site in (tail.troubles if tail else {})
        ]
        return Text(f"faults now: {', '.join(sorted(names)) or 'none'}"[:96], style="dim")

    def _alerts(self, course: Course) -> Table:
        table = Table.grid(padding=(0, 1))
        for kind, headline in reversed(course.tail.headlines if course.tail else ()):
            words = headline.translate(_CONTROLS)[:82]
            table.add_row(
                Text(kind, style=_STYLES.get(kind, "")), Text(words, no_wrap=True, overflow="ellipsis")
            )
        return table
