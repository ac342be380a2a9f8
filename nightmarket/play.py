"""Plays one night: starts the market and the daemon, kills it once, stops both, judges.

    prepare -> market -> daemon -> (kill, restart) -> dawn -> stop -> collect -> judge

Whatever happens, Ctrl-C included, both processes are stopped and waited for.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from nightmarket import config
from nightmarket.clockwork import Hours
from nightmarket.config import BotLine, Places
from nightmarket.course import Course, save
from nightmarket.daemon import Daemon, DaemonError
from nightmarket.model import Span, World
from nightmarket.served import Served
from nightmarket.tail import Tail

LEAD_REAL_S = 4.0
"""Real time given to the daemon's start, before the night's first minute."""
DAWN_REAL_S = 4.0
"""After the night nothing new appears; what is on its way to the chat may arrive."""
DAWN_S = 180.0
LONGEST_DAWN_REAL_S = 30.0
"""How long the daemon may take to finish what it has in hand; what is left then is told."""
LOOK_REAL_S = 0.2
STRAY_REAL_S = 0.25
"""Requests of the killed daemon may still be answered; a new one needs longer to start."""
RESTART_ALLOWED_REAL_S = 5.0
"""Must-show 5: the first poll comes within this of a restart. More is the daemon's own fault."""


Watcher = Callable[[Course], None]
"""Called about five times a second while the night is played."""


class Market(Served):
    """The server process of all sites."""

    def __init__(self, world: World, places: Places, speed: float) -> None:
        super().__init__(
            "nightmarket.server",
            *("--seed", str(world.seed), "--size", world.size, "--speed", repr(speed)),
            *("--log", str(places.truth), "--secret", str(places.secret)),
        )
        self.port = int(str(self.said["port"]))


class Messenger(Served):
    """The chat of the night: the Bot API for the daemon, a page for people."""

    def __init__(self, seed: int, speed: float, port: int = 0) -> None:
        arguments = ("--seed", str(seed), "--speed", repr(speed), "--port", str(port))
        super().__init__("nightmarket.messenger", *arguments)
        self.page = str(self.said["page"])
        self.line = BotLine(base_url=str(self.said["base_url"]), file_url=str(self.said["base_file_url"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a night is played: how fast, when the daemon is killed, and who looks on.

    before_kill is called just before each SIGKILL; after when the daemon has stopped and the market
    still serves. messenger: the chat that officers see, None without one.
    """

    speed: float
    kills: Sequence[datetime] = ()
    watch: Watcher = lambda _: None
    before_kill: Watcher = lambda _: None
    messenger: Messenger | None = None
    after: Callable[[Course, Market], None] = lambda _course, _market: None


def play(world: World, folder: Path, plan: Plan) -> Course:
    """One night. Raises DaemonError when market or daemon do not do what they must."""
    places = Places(folder=folder)
    with _interruptible():
        config.prepare(world, places)
        market = Market(world, places, plan.speed)
        try:
            course = _night(world, places, market, plan)
            plan.after(course, market)
            return course
        finally:
            market.close()


def _night(world: World, places: Places, market: Market, plan: Plan) -> Course:
    metrics = _free_port()
    line = plan.messenger.line if plan.messenger is not None else None
    config.write(world, places, market.port, metrics, line)
    hours = Hours(start=world.start, speed=plan.speed, origin=time.monotonic() + LEAD_REAL_S)
    course = Course(world=world, places=places, hours=hours)
    market.open(hours)
    if plan.messenger is not None:
        plan.messenger.open(hours)
    daemon = Daemon(places, hours)
    daemon.start()
    try:
        _through(course, daemon, market, metrics, plan)
    except BaseException:
        daemon.kill()
        raise
    course.meter.sample(daemon.pid)
    course.counters.read(metrics)
    course.stop_real_s = daemon.stop()
    if daemon.exit_code() != 0:
        course.notes.append(f"the daemon ended with exit code {daemon.exit_code()}")
    save(course)
    return course


def _through(course: Course, daemon: Daemon, market: Market, metrics: int, plan: Plan) -> None:
    """From the first minute to dawn, and on until the daemon has nothing in hand."""
    dawn = course.world.end + timedelta(seconds=max(DAWN_S, DAWN_REAL_S * course.hours.speed))
    last = dawn + timedelta(seconds=LONGEST_DAWN_REAL_S * course.hours.speed)
    kills = sorted(plan.kills)
    minutes = [t.span for t in course.world.troubles if t.kind == "disk-full"]
    full = False
    course.tail = Tail(course.places)
    asked = 0.0
    while course.now() < dawn or (course.now() < last and course.counters.total("queue_depth")):
        if kills and course.now() >= kills[0]:
            plan.before_kill(course)
            _kill(course, daemon)
            kills = [k for k in kills if k > course.now()]
        if full is not any(span.holds(course.now()) for span in minutes):
            full = not full
            daemon.fill_disk(full=full)
        _must_run(course, daemon, market)
        course.meter.sample(daemon.pid)
        course.meter.sample_other(market.pid)
        course.tail.read()
        _note_restart(course)
        if time.monotonic() - asked > 1.0:
            asked = time.monotonic()
            course.counters.read(metrics)
        plan.watch(course)
        time.sleep(LOOK_REAL_S)


def _must_run(course: Course, daemon: Daemon, market: Market) -> None:
    if not market.is_up():
        raise DaemonError("the market has stopped")
    if not daemon.pid:
        raise DaemonError(f"the daemon has stopped (exit {daemon.exit_code()}): {_last_words(course)}")


def _kill(course: Course, daemon: Daemon) -> None:
    """SIGKILL and start again at once, as systemd would. Its first poll ends `down`."""
    course.meter.sample(daemon.pid)
    at = course.now()
    daemon.kill()
    course.counters.restarted()
    daemon.start()
    allowed = timedelta(seconds=RESTART_ALLOWED_REAL_S * course.hours.speed)
    course.down.append(Span(begin=at, end=at + allowed))
    if course.tail is not None:
        course.tail.first_poll_after(course.now() + timedelta(seconds=STRAY_REAL_S * course.hours.speed))
        course.awaited = True


def _note_restart(course: Course) -> None:
    """Cut the time counted as down to when the daemon asked for something again."""
    if not course.awaited or course.tail is None or (back := course.tail.back_at) is None:
        return
    span = course.down[-1]
    course.restarts_real_s.append((back - span.begin).total_seconds() / course.hours.speed)
    course.down[-1] = Span(begin=span.begin, end=min(span.end, back))
    course.awaited = False


def planned_kills(world: World) -> tuple[datetime, ...]:
    """The instants at which the specification has the process killed."""
    return tuple(t.span.begin for t in world.troubles if t.kind == "kill")


def _last_words(course: Course) -> str:
    text = course.places.daemon_log.read_text(errors="replace")
    return " | ".join(text.strip().splitlines()[-4:])[-900:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the night as Ctrl-C does: through every `finally`."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
