"""The alert path on our own Bot API server, with limits enforced and counted there.

kills and cost: real processes and real time. calm, storm, outage, retry-after and edits: virtual time
around a real store, real sockets and the real channel, with answers after 150 ms; what we compute takes
no virtual time, so it is told apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from bench import _alert_cost, _alert_edits, _alert_hostile, _alert_kills, _alert_nights
from bench._alert_teller import quiet
from bench.figures import Result

NAME = "alerts"
SUMMARY = (
    "alerts exactly once, in time and cheaply: kills, calm, storm, outage, 429, edits, hostile texts, cost"
)
PARTS = ("kills", "calm", "storm", "outage", "retry-after", "edits", "hostile", "cost")


def run(arguments: list[str]) -> Result:
    """The parts asked for, all by default."""
    options = parser().parse_args(arguments)
    quiet()
    found = [_part(name, options) for name in options.part or PARTS]
    return Result(
        tuple(figure for one in found for figure in one.figures),
        tuple(note for one in found for note in one.notes),
    )


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="nightjar bench alerts", description=SUMMARY)
    made.add_argument("--part", action="append", choices=PARTS, help="again for more than one")
    made.add_argument("--kills", type=int, default=500)
    made.add_argument("--seeds", type=int, default=5, help="the kills are shared by so many")
    made.add_argument("--alerts", type=int, default=1_000, help="of the calm night")
    made.add_argument("--storms", type=int, nargs="*", default=[500, 5_000], help="posts in ten minutes")
    made.add_argument("--vanishings", type=int, default=200, help="of the calm night of edits")
    made.add_argument("--texts", type=int, default=10_000, help="hostile ones")
    made.add_argument("--messages", type=int, default=3_000, help="of which the cost is taken")
    made.add_argument("--seed", type=int, default=1)
    return made


def _part(name: str, options: argparse.Namespace) -> Result:
    seed = options.seed
    parts: dict[str, Callable[[], Result]] = {
        "kills": lambda: _alert_kills.kills(options.kills, tuple(range(seed, seed + options.seeds))),
        "calm": lambda: _alert_nights.calm(options.alerts, seed),
        "storm": lambda: Result(
            tuple(f for posts in options.storms for f in _alert_nights.storm(posts, seed))
        ),
        "outage": lambda: Result(_alert_nights.outage(seed)),
        "retry-after": lambda: Result(_alert_nights.retry_after(seed)),
        "edits": lambda: Result(
            (*_alert_edits.calm(options.vanishings, seed), *_alert_edits.storm(options.storms[0], seed))
        ),
        "hostile": lambda: Result(_alert_hostile.hostile(options.texts, seed)),
        "cost": lambda: Result(_alert_cost.cost(options.messages)),
    }
    return parts[name]()
