"""What happened while a night was played, and keeping it so that it can be judged again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from nightmarket.clockwork import Hours
from nightmarket.config import Places
from nightmarket.meter import Meter
from nightmarket.model import Span, World
from nightmarket.tail import Tail
from nightmarket.vitals import Counters
from nightmarket.world import make


@dataclass
class Course:
    """Grows as the night goes on. down: stretches in which the exam had the daemon killed."""

    world: World
    places: Places
    hours: Hours
    meter: Meter = field(default_factory=Meter)
    counters: Counters = field(default_factory=Counters)
    tail: Tail | None = None
    down: list[Span] = field(default_factory=list)
    restarts_real_s: list[float] = field(default_factory=list)
    awaited: bool = False
    """Whether the daemon was killed and has not asked for anything since."""
    stop_real_s: float | None = None
    notes: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        """The simulated time."""
        return self.hours.now()


def save(course: Course) -> None:
    """Write what the score needs beside the files it is made from."""
    document = {
        "seed": course.world.seed,
        "size": course.world.size,
        "hours": course.hours.triple(),
        "down": [[s.begin.isoformat(), s.end.isoformat()] for s in course.down],
        "restarts_real_s": course.restarts_real_s,
        "stop_real_s": course.stop_real_s,
        "notes": course.notes,
        "meter": asdict(course.meter),
        "counters": course.counters.snapshot(),
    }
    course.places.course.write_text(json.dumps(document, indent=1), encoding="utf-8")


def load(folder: Path) -> Course:
    """A night that was played before. Raises OSError or ValueError when there is none."""
    places = Places(folder=folder.resolve())
    kept = json.loads(places.course.read_text(encoding="utf-8"))
    return Course(
        world=make(int(kept["seed"]), str(kept["size"])),
        places=places,
        hours=Hours.parse(kept["hours"]),
        meter=Meter(**kept["meter"]),
        counters=Counters.restored(kept["counters"]),
        down=[Span(begin=_moment(a), end=_moment(b)) for a, b in kept["down"]],
        restarts_real_s=list(kept["restarts_real_s"]),
        stop_real_s=kept["stop_real_s"],
        notes=list(kept["notes"]),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
