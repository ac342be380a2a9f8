"""The command line: `nightjar COMMAND`. Names and options here, what they do in `bot.commands`.

Bodies are imported when they are called, so that `run` starts quickly. With `bot.app` this
is the only place of the room that looks at `watchers`; commands are handed what they need.
Exit codes: 0, 1 (found a problem), 2 (wrong use, or a configuration that cannot be run).
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bot.mistakes import masked, nearest, shown
from storage.errors import ConfigError, NightjarError

if TYPE_CHECKING:
    from bot.commands.out import Out
    from bot.config import Config
    from storage.clock import Clock

PROBLEM, WRONG_USE = 1, 2
INTERRUPTED, UNHEARD = 130, 141
"""As a shell says it of SIGINT and SIGPIPE."""
FROM_CHECKOUT = ("demo", "test", "bench")
"""Commands of the script at the root of a checkout, not of the installed program."""


class WrongUseError(NightjarError):
    """The command line asks for something that makes no sense; exit code 2."""


Body = Callable[[argparse.Namespace, "Out"], int]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """The usage and one line, exit code 2; never a value that could be a secret."""
        if found := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            meant = nearest(found[1], re.findall(r"[\w-]+", found[2]))
            message = f"unknown command {shown(found[1])}" + (f" (did you mean {meant}?)" if meant else "")
        self.print_usage(sys.stderr)
        self.exit(WRONG_USE, f"{self.prog}: {masked(message)}\n")


def _read(path: Path) -> Config:
    """The configuration with the feed kinds of `watchers`, as of today."""
    from bot.config import read
    from watchers import feed

    return read(
        path,
        feeds=lambda kind: feed.load(kind).Settings,
        feed_kinds=feed.kinds(),
        today=_clock().now().date(),
        environment=os.environ,
    )


def _located(args: argparse.Namespace) -> Path:
    from bot.config import locate

    return locate(args.config, os.environ)


def _check(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import check
    from watchers.lexicon import Lexicon

    return check.run(out, _located(args), read=_read, load_lexicon=Lexicon.load)


def _run(args: argparse.Namespace, _out: Out) -> int:
    from bot.app import run

    return run(_located(args))


def _folder(args: argparse.Namespace) -> Path:
    """The data folder of the configuration, though the rest of it may have mistakes."""
    from bot.config import data_dir

    return data_dir(_located(args))


def _clock() -> Clock:
    from storage.clock import clock_from

    return clock_from(os.environ)


def _status(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import status
    from bot.mistakes import ConfigErrors

    folder, remark = _folder(args), ""
    try:
        targets = {target.name: target for target in _read(_located(args)).targets}
    except ConfigErrors as errors:
        targets = {}
        remark = f"the configuration has {len(errors.mistakes)} mistakes: run nightjar check"
    return status.run(out, folder, _clock(), targets=targets, remark=remark)


def _find(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import find
    from bot.commands.reader import instant
    from storage.model import Tier

    clock = _clock()
    try:
        since, until = (instant(t, clock.now()) if t else None for t in (args.since, args.until))
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    query = find.Query(
        text=" ".join(args.text),
        target=args.target,
        post_id=args.post,
        contact=args.contact,
        item=args.item,
        since=since,
        until=until,
        tier=Tier(args.tier) if args.tier else None,
        limit=args.limit,
    )
    return find.run(out, _folder(args), clock, query)


def _show(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import show

    return show.run(out, _folder(args), _clock(), args.id)


def _export(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import export

    return export.run(out, _folder(args), _clock(), args.id, args.out.absolute(), officer=args.officer)


def _verify(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import verify

    return verify.run(out, _folder(args), _clock())


def _lexicon(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import lexicon
    from bot.config import lexicons
    from watchers.lexicon import Lexicon

    files = tuple(args.file) or lexicons(_located(args))
    return lexicon.run(out, files, load=Lexicon.load)


# --- options ---------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="config.toml; default: see the manual")
    common.add_argument("--json", action="store_true", help="one JSON object for machines")
    common.add_argument("--debug", action="store_true", help="show the traceback of a bug")
    parser: argparse.ArgumentParser = _Parser(
        prog="nightjar", description="Watch public pages through the night, keep what vanishes."
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def command(name: str, summary: str, body: Body) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary, parents=[common])
        made.set_defaults(body=body)
        return made

    command("check", "report every mistake of the configuration", _check)
    command("run", "watch until told to stop", _run)
    command("status", "how every target and channel does", _status)
    _find_options(command("find", "find evidence by words, contact, target, tier and time", _find))
    export = command("export", "hand evidence over as a folder that anybody can check", _export)
    export.add_argument("id", nargs="+", help="evidence ids; every look at the same posts goes along")
    export.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")
    export.add_argument("--officer", default="", metavar="NAME", help="who exports, for the log")
    command("verify", "check every byte that is kept, and the log", _verify)
    lexicon = command("lexicon", "check files of terms", _lexicon)
    lexicon.add_argument("action", choices=("check",))
    lexicon.add_argument("file", nargs="*", type=Path, help="default: those of the configuration")
    shown_ = command("show", "everything about one piece of evidence", _show)
    shown_.add_argument("id", help="evidence id, whole or a beginning that fits only one")
    return parser


def _find_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "text", nargs="*", help="words in any script; each must be in the post or its contacts"
    )
    parser.add_argument("--contact", "--phone", default="", help="phone number or account name")
    parser.add_argument("--target", default="", help="name of a target")
    parser.add_argument("--post", default="", metavar="ID", help="the site's id of a post")
    parser.add_argument("--item", default="", metavar="ID", help="an item, over re-posts and accounts")
    parser.add_argument("--tier", choices=("urgent", "high", "normal"), help="at least as loud as this")
    parser.add_argument("--since", default="", metavar="TIME", help='"12h" ago, or "2026-11-24 21:30" (UTC)')
    parser.add_argument("--until", default="", metavar="TIME", help="the same; this moment is left out")
    parser.add_argument("--limit", type=_count, default=50, help="at most so many (default 50)")


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 999999")
    return int(text)


def _version() -> str:
    from storage.version import VERSION

    return f"nightjar {VERSION}"


# --- from errors to exit codes ------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Bad input never ends in a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in FROM_CHECKOUT:
        print(f"nightjar: {arguments[0]} belongs to a checkout: ./nightjar {arguments[0]}", file=sys.stderr)
        return WRONG_USE
    try:
        args = _parser().parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else WRONG_USE
    try:
        return _called(args)
    except Exception as bug:  # the last line of defence: a user gets one line, we a report
        if args.debug:
            raise
        return _confess(bug)


def _called(args: argparse.Namespace) -> int:
    """The command's own exit code, or that of the error it ended with."""
    from bot.commands.out import Out

    try:
        return int(args.body(args, Out(json=args.json)))
    except (ConfigError, WrongUseError) as error:
        return _told(error, args, WRONG_USE)
    except NightjarError as error:
        return _told(error, args, PROBLEM)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has seen enough (head, less). The rest goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNHEARD


def _told(error: NightjarError, args: argparse.Namespace, code: int) -> int:
    text = masked(str(error))
    if args.json:
        from bot.commands.out import as_json

        mistakes = [mistake.facts() for mistake in getattr(error, "mistakes", ())]
        print(as_json({"error": type(error).__name__, "message": text, "mistakes": mistakes}))
    print("\n".join(f"nightjar: {line}" for line in text.splitlines()), file=sys.stderr)
    return code


def _confess(bug: Exception) -> int:
    """One line for a bug, and its traceback in a private file for the report."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="nightjar-bug-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
    ) as file:
        file.write(masked("".join(traceback.format_exception(bug))))
    why = masked(f"{type(bug).__name__}: {bug}".splitlines()[0][:200])
    print(f"nightjar: this is a bug in nightjar ({why}); the report is in {file.name}", file=sys.stderr)
    return PROBLEM


if __name__ == "__main__":
    sys.exit(main())
