"""The names and options of the command line. What they do is handed in by `bot.cli`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bot.mistakes import masked, nearest, shown
from storage.duty import FALSE_REASONS
from storage.errors import NightjarError

if TYPE_CHECKING:
    from bot.commands.out import Out

WRONG_USE = 2


class WrongUseError(NightjarError):
    """The command line asks for something that makes no sense; exit code 2."""


Body = Callable[[argparse.Namespace, "Out"], int]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """The usage and one line, exit code 2; never a value that could be a secret."""
        if found := re.search(r"COMMAND: invalid choice: '(.*?)' \(choose from (.*)\)", message):
            meant = nearest(found[1], re.findall(r"[\w-]+", found[2]))
            message = f"unknown command {shown(found[1])}" + (f" (did you mean {meant}?)" if meant else "")
        self.print_usage(sys.stderr)
        self.exit(WRONG_USE, f"{self.prog}: {masked(message)}\n")


def parser(bodies: Mapping[str, Body]) -> argparse.ArgumentParser:
    """The whole command line; `bodies` by the names of the commands."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="config.toml; default: see the manual")
    common.add_argument("--json", action="store_true", help="one JSON object for machines")
    common.add_argument("--debug", action="store_true", help="show the traceback of a bug")
    top: argparse.ArgumentParser = _Parser(
        prog="nightjar", description="Watch public pages through the night, keep what vanishes."
    )
    top.add_argument("--version", action="version", version=_version())
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary, parents=[common])
        made.set_defaults(body=bodies[name])
        return made

    command("check", "report every mistake of the configuration").add_argument(
        "--online", action="store_true", help="ask Telegram whether it knows bots and chats"
    )
    command("run", "watch until told to stop")
    _site_options(
        command("try", "look at a site once and show what it yields"),
        command("add", "recognise a site and write a commented target"),
    )
    command("status", "how every target and channel does")
    _find_options(command("find", "find evidence by words, contact, target, tier and time"))
    show = command("show", "everything about one piece of evidence")
    show.add_argument("id", help="evidence id, whole or a beginning that fits only one")
    _viewer_options(show)
    _sellers_options(command("sellers", "accounts that are one seller, with every reason; as GraphML"))
    _case_options(command("case", "open, fill, hold, release, close and show cases"))
    retention = command("retention", "say what is past its period, and erase it")
    act = retention.add_mutually_exclusive_group()
    act.add_argument("--dry-run", action="store_true", help="only say what is due; the default")
    act.add_argument("--apply", action="store_true", help="erase it; a running watch does it itself")
    retention.add_argument("--list", action="store_true", help="name each piece of evidence that is due")
    retention.add_argument("--officer", default="", metavar="NAME", help="who orders it, for the log")
    _export_options(command("export", "hand evidence over as a package that anybody can check"))
    _verify_options(command("verify", "check a package, or every byte that is kept, and the log"))
    _keys_options(command("keys", "make, certify, exchange and show the keys that sign the log"))
    _witness_options(command("witness", "cosign the log from a second host, or say why not"))
    _backup_options(
        command("backup", "bring a second copy of everything kept up to date, beside a live watch"),
        command("restore", "check a backup and bring it back"),
    )
    _report_options(command("report", "tell how hosts were treated, from what was counted"))
    _judge_options(
        command("judge", "hold lexicon and learned model against a labelled CSV file"),
        command("train", "learn from officers' answers or a labelled CSV file; cross-validated"),
    )
    labels = command("labels", "write what officers decided about alerts as a file to learn from")
    labels.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new CSV file")
    labels.add_argument("--since", default="", metavar="TIME", help="decided since then; as for find")
    rejudge = command("rejudge", "what would have alerted with other words or another model; nothing is sent")
    rejudge.add_argument(
        "--since", required=True, metavar="TIME", help='"12h" ago, or "2026-11-24 21:30" (UTC)'
    )
    rejudge.add_argument("--until", default="", metavar="TIME", help="the same; default: now")
    rejudge.add_argument(
        "--lexicon",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="read after the configured files, or in place of the one of the same name; repeatable",
    )
    rejudge.add_argument("--model", type=Path, metavar="FILE", help="default: model.txt in the data folder")
    _lexicon_options(command("lexicon", "check, compare and try the terms; accept or reject proposed words"))
    _selftest_options(command("selftest", "ask the real messenger server what only it can answer"))
    answer = command("answer", "decide what an alert was, as its buttons do")
    answer.add_argument(
        "alert", metavar="ALERT", help="id of the alert or its evidence, or a beginning of it"
    )
    answer.add_argument("said", choices=("confirm", "false", "duplicate"))
    answer.add_argument(
        "--reason",
        default="",
        metavar="REASON[: TEXT]",
        help=f"of a false alarm: {', '.join(FALSE_REASONS)}; words of your own may follow",
    )
    answer.add_argument(
        "--as", "--by", dest="by", default="", metavar="NAME", help="who decides; default: this account"
    )
    _pictures_options(command("pictures", "share hashes of known pictures, and take those of others"))
    return top


def _pictures_options(pictures: argparse.ArgumentParser) -> None:
    actions = pictures.add_subparsers(dest="action", required=True, metavar="export|import")
    export = actions.add_parser("export", help="write the hashes of the gallery to a file")
    export.add_argument("file", metavar="FILE", type=Path, help="its name ends in .csv or .json")
    export.add_argument("--alerted", action="store_true", help="also pictures of urgent and high alerts")
    importing = actions.add_parser("import", help="check lists and put them into the gallery folder")
    importing.add_argument("file", nargs="+", type=Path, help="CSV or JSON")


def _backup_options(backup: argparse.ArgumentParser, restore: argparse.ArgumentParser) -> None:
    backup.add_argument("dest", metavar="DEST", type=Path, help="a folder; the next backup goes on from it")
    backup.add_argument("--with-keys", action="store_true", help="the secret signing key too")
    backup.add_argument(
        "--drop-earlier", action="store_true", help="keep no whole earlier one beside a backup with losses"
    )
    restore.add_argument("source", metavar="SRC", type=Path, help="the folder of a backup")
    restore.add_argument("--to", type=Path, required=True, metavar="DATA", help="a folder without database")
    restore.add_argument(
        "--accept-rollback",
        default="",
        metavar="REASON",
        help="restore although newer entries were signed here; the log names them and the reason",
    )
    restore.add_argument(
        "--accept-losses",
        default="",
        metavar="REASON",
        help="restore although files are lost; the log names each and the reason",
    )
    restore.add_argument(
        "--earlier", action="store_true", help="the whole backup that is kept beside one with losses"
    )


def _site_options(trial: argparse.ArgumentParser, add: argparse.ArgumentParser) -> None:
    trial.add_argument("what", metavar="URL|NAME", help="an address, or the name of a configured target")
    trial.add_argument(
        "--details", type=_few, default=3, metavar="N", help="own pages read (default 3, 0 to 20)"
    )
    add.add_argument("url", metavar="URL")
    add.add_argument("--write", type=Path, metavar="FILE", help="add it to this file; default: print it")
    for one in (trial, add):
        one.add_argument("--kind", default="", help="do not guess: rss, html, json, telegram")
        one.add_argument("--contact", default="", metavar="ADDRESS", help="who asks, without a config.toml")


def _export_options(export: argparse.ArgumentParser) -> None:
    export.add_argument(
        "id", nargs="*", metavar="CASE|ID", help="case numbers or evidence ids; every look at their posts"
    )
    export.add_argument("--since", default="", metavar="TIME", help="all that was captured since then")
    export.add_argument("--all", action="store_true", help="all there is")
    export.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="PATH",
        help="a new folder, or an archive: .zip",
    )
    export.add_argument("--officer", default="", metavar="NAME", help="who exports; default: this account")
    export.add_argument("--why", default="", metavar="TEXT", help="the reason, for the log and the report")
    export.add_argument("--legal-basis", default="", metavar="TEXT", help="by which law or order")
    export.add_argument("--case", default="", metavar="NUMBER", help="the receiver's case number")
    export.add_argument(
        "--recipient",
        action="append",
        default=[],
        metavar="AGE1...",
        help="encrypt to it; repeatable",
    )
    export.add_argument("--unmasked", action="store_true", help="contacts are readable in the report")


def _verify_options(verify: argparse.ArgumentParser) -> None:
    verify.add_argument("what", nargs="?", default="", metavar="PATH|CASE", help="a package, or a case")
    verify.add_argument("--all", action="store_true", help="all that is kept here; the default")
    verify.add_argument("--admin", default="", metavar="FINGERPRINT", help="of the admin key you trust")
    verify.add_argument("--key", default="", metavar="FINGERPRINT", help="of the daemon key you trust")
    verify.add_argument("--tsa-roots", type=Path, metavar="FOLDER", help="time-stamp roots you trust, *.pem")


def _viewer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unmasked", action="store_true", help="contacts as they are; logged")
    parser.add_argument("--officer", default="", metavar="NAME", help="an [[officer]] who sees contacts")


def _sellers_options(sellers: argparse.ArgumentParser) -> None:
    sellers.add_argument("act", nargs="?", default="list", choices=("list", "show"))
    sellers.add_argument("name", nargs="?", default="", metavar="ACCOUNT|SELLER", help="id or name; for show")
    sellers.add_argument("--graphml", type=Path, metavar="FILE", help="write accounts and links for Gephi")
    sellers.add_argument("--all", action="store_true", help="quiet accounts that nothing links, too")
    sellers.add_argument(
        "--rebuild", action="store_true", help="from the evidence alone, as if nothing was kept"
    )
    _viewer_options(sellers)


def _case_options(case: argparse.ArgumentParser) -> None:
    case.add_argument("act", choices=("new", "add", "hold", "release", "close", "show", "list"))
    case.add_argument("number", nargs="?", default="", help="the agency's own number of the case")
    case.add_argument("id", nargs="*", help="evidence ids to add; every look at the same posts goes along")
    case.add_argument("--title", default="", metavar="TEXT", help="what it is about; for new")
    case.add_argument("--legal-basis", default="", metavar="TEXT", help="by which law or order; for new")
    case.add_argument("--why", default="", metavar="TEXT", help="the reason; for hold and release")
    case.add_argument("--officer", default="", metavar="NAME", help="who acts; default: this account")


def _keys_options(keys: argparse.ArgumentParser) -> None:
    keys.add_argument("act", choices=("show", "new-admin", "certify", "rotate"))
    keys.add_argument("--out", type=Path, metavar="FILE", help="where the new admin key goes; for new-admin")
    keys.add_argument("--admin", type=Path, metavar="FILE", help="the admin's secret key; for certify")
    keys.add_argument("--again", action="store_true", help="replace a certificate that holds; for certify")
    keys.add_argument("--why", default="", metavar="TEXT", help="the reason, for the log; for rotate")
    keys.add_argument(
        "--accept-rollback",
        default="",
        metavar="WHY",
        help="admit that the log was put back to an earlier state; for rotate",
    )


def _witness_options(witness: argparse.ArgumentParser) -> None:
    witness.add_argument("act", choices=("init", "cosign", "trust", "show"))
    witness.add_argument("source", nargs="?", default="", metavar="FOLDER|URL", help="for cosign: the log")
    witness.add_argument("--state", type=Path, required=True, metavar="FOLDER", help="the cosigner's own")
    witness.add_argument("--name", default="", help="how the cosigner is called; for init")
    witness.add_argument("--log-key", type=Path, metavar="PEM", help="daemon.pub.pem; for init and trust")
    witness.add_argument("--out", type=Path, metavar="FILE", help="default: cosigned/ in the log's folder")


def _find_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "text", nargs="*", help="words in any script; each must be in the post or its contacts"
    )
    parser.add_argument("--contact", "--phone", default="", help="phone number or account name")
    parser.add_argument("--target", default="", help="name of a target")
    parser.add_argument("--post", default="", metavar="ID", help="the site's id of a post")
    parser.add_argument("--item", default="", metavar="ID", help="an item, over re-posts and accounts")
    parser.add_argument("--tier", choices=("urgent", "high", "normal"), help="at least as loud as this")
    parser.add_argument("--vanished", action="store_true", help="only the looks that found a post gone")
    parser.add_argument("--since", default="", metavar="TIME", help='"12h" ago, or "2026-11-24 21:30" (UTC)')
    parser.add_argument("--until", default="", metavar="TIME", help="the same; this moment is left out")
    parser.add_argument("--limit", type=_count, default=50, help="at most so many (default 50)")
    _viewer_options(parser)


def _judge_options(judge: argparse.ArgumentParser, train: argparse.ArgumentParser) -> None:
    for one in (judge, train):
        is_all = one is judge
        one.add_argument("--csv", type=Path, required=is_all, metavar="FILE", help="with a head line")
        one.add_argument(
            "--text-columns", required=is_all, default="", metavar="A,B", help="names of the columns of text"
        )
        one.add_argument(
            "--label-column", required=is_all, default="", metavar="L", help="1: offers wildlife, 0: does not"
        )
    train.add_argument(
        "--answers", action="store_true", help="officers' answers about alerts; the default without --csv"
    )
    judge.add_argument(
        "--folds", type=_parts, default=0, metavar="N", help="examine a model trained on the other N-1 parts"
    )
    judge.add_argument("--model", type=Path, metavar="FILE", help="judge by a saved model instead")
    train.add_argument("--folds", type=_parts, default=10, metavar="N", help="parts to examine it in (10)")
    train.add_argument("--out", type=Path, metavar="FILE", help="default: model.txt in the data folder")


def _selftest_options(selftest: argparse.ArgumentParser) -> None:
    selftest.add_argument(
        "--live", action="store_true", help="yes: it writes some 90 messages and deletes them"
    )
    selftest.add_argument("--chat", type=int, required=True, metavar="ID", help="an empty group with the bot")
    selftest.add_argument(
        "--post-to", type=int, default=0, metavar="ID", help="an empty channel that is linked to a group"
    )
    selftest.add_argument("--channel", default="", metavar="NAME", help="whose bot; default: the desk's")


def _lexicon_options(lexicon: argparse.ArgumentParser) -> None:
    lexicon.add_argument("action", choices=("check", "diff", "try", "suggest", "accept", "reject"))
    lexicon.add_argument(
        "what",
        nargs="*",
        metavar="FILE|TEXT|WORD",
        help="check: files, default those of the configuration; diff: a file against what is shipped, or two;"
        " try: a text; accept, reject: a word",
    )
    lexicon.add_argument("--since", default="", metavar="TIME", help="for suggest; as for find")
    lexicon.add_argument("--until", default="", metavar="TIME", help="for suggest; default: now")
    lexicon.add_argument("--limit", type=_count, default=50, help="for suggest: at most so many (default 50)")
    lexicon.add_argument("--product", default="", metavar="P", help="for accept: what the word stands for")
    lexicon.add_argument("--lang", default="", metavar="CODE", help="for accept; default: by its letters")
    lexicon.add_argument("--cites", default="", metavar="I|II|III", help="for accept; default: the product's")
    lexicon.add_argument("--by", default="", metavar="NAME", help="for accept, reject; default: this account")


def _report_options(report: argparse.ArgumentParser) -> None:
    report.add_argument("what", choices=("politeness",), help="requests against limits, pauses, robots.txt")
    report.add_argument("--since", default="", metavar="TIME", help="default: a day before --until")
    report.add_argument("--until", default="", metavar="TIME", help="default: now; both as for find")
    report.add_argument("--host", default=None, metavar="NAME", help="this host alone, hour by hour")


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 999999")
    return int(text)


def _parts(text: str) -> int:
    if not re.fullmatch(r"[2-9]|[1-9]\d", text):
        raise argparse.ArgumentTypeError("must be a whole number from 2 to 99")
    return int(text)


def _few(text: str) -> int:
    if not re.fullmatch(r"1?\d|20", text):
        raise argparse.ArgumentTypeError("must be a whole number from 0 to 20")
    return int(text)


def _version() -> str:
    from storage.version import VERSION

    return f"nightjar {VERSION}"
