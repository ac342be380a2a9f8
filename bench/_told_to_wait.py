"""Hosts that say "busy" to a real daemon, and what its `status` says of them, for `bench limiter`."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bench._daemon import HEAD, always, program, stop
from bench._shoppers import servers
from bench._strict import LONGEST_PAUSE_S, Report, Rule
from bench.figures import Figure

BUSY_S = 20
"""Longer than what is waited out unsaid (`throttle.PATIENCE_S`), so that health must show it."""
DAY_S = 86_400
WITHIN_S = 90.0
HOSTS = {
    "seconds": ("127.2.0.1", Rule(requests_per_s=1, concurrency=1, busy_every=3, busy_s=BUSY_S)),
    "date": ("127.2.0.2", Rule(requests_per_s=1, concurrency=1, busy_every=3, busy_s=BUSY_S, busy_date=True)),
    "day": ("127.2.0.3", Rule(requests_per_s=1, concurrency=1, busy_every=3, busy_s=DAY_S)),
    "day-date": (
        "127.2.0.4",
        Rule(requests_per_s=1, concurrency=1, busy_every=3, busy_s=DAY_S, busy_date=True),
    ),
}
"""By the target's name. Of the first three requests (robots.txt, two listings) the third is told to wait."""


@dataclass(slots=True)
class Shown:
    """What `status` showed: reasons while waiting, seconds until the next poll, and who was well again."""

    reasons: dict[str, str] = field(default_factory=dict)
    left_s: dict[str, float] = field(default_factory=dict)
    well_again: set[str] = field(default_factory=set)


async def health(folder: Path, port: int) -> tuple[Shown, Report]:
    """Watch the four until all have been seen waiting, and the two of short pauses well again."""
    config = folder / "config.toml"
    stanzas = [
        always(name, f"http://{address}:{port}/l/1", interval="5s", more="[target.rules]\npage = false")
        for name, (address, _) in HOSTS.items()
    ]
    config.write_text(HEAD.format(workers=1) + "".join(stanzas))
    shown = Shown()
    async with servers(port, dict(HOSTS.values()), 0.0) as counting:
        async with program("bot.cli", "run", "--config", str(config), log=folder / "log") as daemon:
            began = time.monotonic()
            while len(shown.well_again) < 2 and time.monotonic() - began < WITHIN_S:
                await asyncio.sleep(1.0)
                for row in (await _status(config)).get("targets", ()):
                    _note(shown, row)
            await stop(daemon)
        return shown, await counting.report()


async def _status(config: Path) -> dict[str, Any]:
    """What `nightjar status --json` says; {} while there is no store yet."""
    async with program("bot.cli", "status", "--json", "--config", str(config)) as process:
        out, _ = await process.communicate()
    try:
        return dict(json.loads(out))
    except ValueError:
        return {}


def _note(shown: Shown, row: dict[str, Any]) -> None:
    name = str(row["target"])
    if row["health"] == "waiting" and row.get("retry_at"):
        back = datetime.fromisoformat(row["retry_at"])
        left_s = back.timestamp() - time.time()
        shown.reasons.setdefault(name, str(row["reason"]))
        shown.left_s[name] = max(left_s, shown.left_s.get(name, 0.0))
    elif name in shown.reasons and row["health"] == "ok":
        shown.well_again.add(name)


def figures(shown: Shown, report: Report) -> tuple[Figure, ...]:
    """Beside what is promised."""
    longest = max(shown.left_s.values(), default=float("nan"))
    reason = shown.reasons.get("date", "")
    return (
        Figure(
            "health shows the pause, of four targets", len(shown.reasons), len(HOSTS), "equal", note=reason
        ),
        Figure("longest pause in status", longest, LONGEST_PAUSE_S, "at most", "s", "a day was asked for"),
        Figure("well again after their pause, of two", len(shown.well_again), 2, "equal"),
        Figure("daemon: pauses asked for", report.pauses, len(HOSTS)),
        Figure("daemon: requests within a pause", report.in_pause, 0, "equal"),
    )
