"""`./nightjar demo`: one simulated night against a fresh daemon, and its score.

With `--telegram` the night has a chat too, as officers see it: a page on loopback, which stays when
the night is over.

Exit codes: 0 every promise kept, 1 one broken, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nightmarket.daemon import DaemonError

if TYPE_CHECKING:
    from nightmarket.course import Course
    from nightmarket.model import World
    from nightmarket.play import Market, Plan
    from nightmarket.table import Show

MINUTES = {"hour": 1.0, "slice": 4.0, "full": 30.0}
"""Real minutes of a night; what two shared cores keep up with."""
MINUTES_WITH_CHAT = {"hour": 2.0, "slice": 8.0, "full": 60.0}
"""With a chat that people look at meanwhile."""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="nightjar demo",
        description="Play a simulated night of 31 marketplaces against a fresh daemon, and score it.",
    )
    parser.add_argument("--seed", type=int, default=1, help="which night (default 1)")
    parser.add_argument(
        "--size",
        choices=tuple(MINUTES),
        default="slice",
        help="one hour of it, four (slice), or all 14 (full)",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        help="real minutes it may take (hour 1, slice 4, full 30; with --telegram twice that)",
    )
    parser.add_argument(
        "--dir", type=Path, help="a new or empty folder for everything (default: a temporary one)"
    )
    parser.add_argument(
        "--kill", action=argparse.BooleanOptionalAction, default=True, help="kill -9 the daemon once"
    )
    parser.add_argument(
        "--telegram", action="store_true", help="with the chat as officers see it, as a page on loopback"
    )
    parser.add_argument("--port", type=int, default=0, help="of that page (default: one that is free)")
    parser.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="with --telegram: let page and daemon stay after the night (default: yes, with --json no)",
    )
    parser.add_argument(
        "--judge", type=Path, metavar="DIR", help="play nothing: judge the night in DIR again"
    )
    parser.add_argument(
        "--json", action="store_true", help="the last line of standard output is one JSON object"
    )
    arguments = parser.parse_args(argv)
    if arguments.minutes is None:
        arguments.minutes = (MINUTES_WITH_CHAT if arguments.telegram else MINUTES)[arguments.size]
    if not arguments.telegram and (arguments.port or arguments.wait is not None):
        parser.error("--port and --wait go with --telegram")
    if not 0 <= arguments.port <= 65_535:
        parser.error("--port must be 0 to 65535")
    if arguments.wait is None:
        arguments.wait = not arguments.json
    if not 0.2 <= arguments.minutes <= 24 * 60:
        parser.error("--minutes must be 0.2 to 1440")
    return arguments


def _folder(named: Path | None) -> Path:
    """The folder to use, made if need be. Raises FileExistsError when it holds anything."""
    if named is None:
        return Path(tempfile.mkdtemp(prefix="nightjar-night-"))
    named.mkdir(parents=True, exist_ok=True)
    if any(named.iterdir()):
        raise FileExistsError(f"{named} is not empty; name a new folder")
    return named.resolve()


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    arguments = _arguments(argv)
    try:
        folder = arguments.judge or _folder(arguments.dir)
    except OSError as error:
        print(f"nightjar demo: {error}", file=sys.stderr)
        return 2
    try:
        return _again(arguments) if arguments.judge else _demo(arguments, folder)
    except KeyboardInterrupt:
        print(f"\nnightjar demo: interrupted; what there is lies in {folder}", file=sys.stderr)
        return 130
    except DaemonError as error:
        print(f"nightjar demo: {error}\nnightjar demo: see {folder}", file=sys.stderr)
        return 1


def _demo(arguments: argparse.Namespace, folder: Path) -> int:
    from nightmarket.play import Plan, planned_kills, play
    from nightmarket.table import Show
    from nightmarket.world import make

    began = time.monotonic()
    world = make(arguments.seed, arguments.size)
    speed = (world.end - world.start).total_seconds() / (arguments.minutes * 60)
    kills = planned_kills(world) if arguments.kill else ()
    show = Show(world, plain=not sys.stderr.isatty(), quiet=False)
    plan = Plan(speed=speed, kills=kills, watch=show)
    if arguments.telegram:
        return _with_chat(arguments, folder, world, plan, show)
    with show:
        course = play(world, folder, plan)
    return _judged(course, arguments, began)


def _with_chat(arguments: argparse.Namespace, folder: Path, world: World, plan: Plan, show: Show) -> int:
    """The night with its chat; after it both go on at the pace of life, until somebody ends them."""
    from nightmarket.afterwards import stay
    from nightmarket.play import Messenger, play

    began, code = time.monotonic(), 1
    with contextlib.closing(Messenger(arguments.seed, plan.speed, arguments.port)) as messenger:
        print(f"the night's chat: {messenger.page}", file=sys.stderr, flush=True)

        def after(course: Course, market: Market) -> None:
            nonlocal code
            show.close()
            code = _judged(course, arguments, began)
            if arguments.wait:
                stay(course, market, messenger)

        with show:
            play(world, folder, replace(plan, messenger=messenger, after=after))
    return code


def _again(arguments: argparse.Namespace) -> int:
    """Judge a night that was played before."""
    from nightmarket.course import load

    try:
        course = load(arguments.judge)
    except (OSError, ValueError, KeyError) as error:
        print(f"nightjar demo: no played night in {arguments.judge}: {error}", file=sys.stderr)
        return 2
    return _judged(course, arguments, time.monotonic())


def _judged(course: Course, arguments: argparse.Namespace, began: float) -> int:
    from rich.console import Console

    from nightmarket import figures, report

    print("the night is over; judging", file=sys.stderr, flush=True)
    result = figures.collect(course)
    result.figures["took_s"] = time.monotonic() - began
    result.figures["kept"] = result.kept
    result.figures["promises_broken"] = [p.name for p in result.promises if not p.kept]
    report.keep(result, course.places.score)
    report.show(result, Console(file=sys.stderr if arguments.json else sys.stdout))
    if arguments.json:
        print(json.dumps(result.figures, ensure_ascii=False), flush=True)
    return 0 if result.kept else 1


if __name__ == "__main__":
    sys.exit(main())
