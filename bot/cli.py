"""The command line: `nightjar COMMAND`. Options and bodies stand in `bot.commands`.

Bodies are imported when they are called, so that `run` starts quickly. With `bot.app` this
is the only place of the room that looks at `watchers`; commands are handed what they need.
Exit codes: 0, 1 (found a problem), 2 (wrong use, or a configuration that cannot be run).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from bot.commands import options
from bot.commands.options import WRONG_USE, Body, WrongUseError
from bot.mistakes import masked
from storage.errors import ConfigError, DiskTrouble, NightjarError, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from bot.commands import judge
    from bot.commands.out import Out
    from bot.config import Config
    from bot.glance import Visitor
    from bot.stanza import Recognised
    from bot.table import Tried
    from storage.classifier import Classifier
    from storage.clock import Clock, ClockFacts
    from storage.model import Target
    from storage.store import Store
    from watchers.feed import Feed
    from watchers.labelled import Labelled
    from watchers.lexicon import Lexicon

PROBLEM = 1
INTERRUPTED, UNHEARD = 130, 141
"""As a shell says it of SIGINT and SIGPIPE."""
FROM_CHECKOUT = ("demo", "test", "bench")
"""Commands of the script at the root of a checkout, not of the installed program."""


def _read(path: Path) -> Config:
    """The configuration with the feed kinds of `watchers`, as of today."""
    from bot.config import read
    from watchers import feed

    return read(
        path,
        feeds=lambda kind: _settings(feed.load(kind)),
        feed_kinds=feed.kinds(),
        today=_clock().now().date(),
        environment=os.environ,
    )


def _settings(kind: Feed) -> type:
    return cast(type, kind.Settings)


def _located(args: argparse.Namespace) -> Path:
    from bot.config import locate

    return locate(args.config, os.environ)


def _check(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import check
    from watchers.lexicon import Lexicon
    from watchers.picture_text import why_off

    path = _located(args)
    return check.run(
        out,
        path,
        read=_read,
        load_lexicon=Lexicon.load,
        online=partial(_online, path.parent) if args.online else None,
        reading_off=why_off(),
        unfit=_unfit,
        clock=_timekeeping(),
    )


def _unfit(classifier: Classifier) -> tuple[str, str] | None:
    import asyncio

    from watchers.hinting import unfit

    return asyncio.run(unfit(classifier))


def _online(folder: Path, config: Config) -> tuple[str, ...]:
    import asyncio

    from bot.online import faults
    from bot.secrets import reader

    return asyncio.run(faults(config, reader(os.environ, folder)))


def _run(args: argparse.Namespace, _out: Out) -> int:
    from bot.lean import without_a_screen

    without_a_screen()  # before anything that logs is imported
    from bot.app import run

    return run(_located(args))


def _folder(args: argparse.Namespace) -> Path:
    """The data folder of the configuration, though the rest of it may have mistakes."""
    from bot.glance import data_dir

    return data_dir(_located(args))


def _clock() -> Clock:
    from storage.clock import clock_from

    return clock_from(os.environ)


def _timekeeping() -> ClockFacts:
    from storage.clock import Timekeeping

    return Timekeeping(_clock()).facts()


def _status(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import status
    from bot.mistakes import ConfigErrors

    folder, remark = _folder(args), ""
    try:
        config = _read(_located(args))
        targets = {target.name: target for target in config.targets}
        unfilled = {one.name: one.why for one in config.unfilled}
        witnesses: tuple[str, ...] | None = config.witnesses
    except ConfigErrors as errors:
        targets, unfilled, witnesses = {}, {}, None
        remark = f"the configuration has {len(errors.mistakes)} mistakes: run nightjar check"
    return status.run(
        out,
        folder,
        _clock(),
        targets=targets,
        unfilled=unfilled,
        witnesses=witnesses,
        remark=remark,
    )


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
        vanished=args.vanished,
        limit=args.limit,
    )
    return find.run(out, _folder(args), clock, query, viewer=_viewer(args))


def _show(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import show

    return show.run(out, _folder(args), _clock(), args.id, viewer=_viewer(args))


def _sellers(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import sellers
    from watchers.linking import graph

    if (args.act == "show") != bool(args.name):
        raise WrongUseError("sellers show takes an account or a seller; sellers list takes none")
    path = None if args.graphml is None else args.graphml.absolute()
    order = sellers.Order(name=args.name, graphml=path, everybody=args.all)
    viewer = _viewer(args)
    found = partial(graph, anew=args.rebuild)
    return sellers.run(out, _folder(args), _clock(), order, found, viewer=viewer)


def _viewer(args: argparse.Namespace) -> str:
    """The officer who asks for contacts as they are and may see them, or ""."""
    from bot.discretion import allow

    return allow(_located(args), args.officer) if args.unmasked else ""


def _retention(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import case, retention
    from bot.glance import retention as periods

    rules = periods(_located(args))
    if not args.apply:
        return retention.dry_run(out, _folder(args), _clock(), rules, every=args.list)
    return retention.apply(out, _folder(args), _clock(), rules, case.acting(args.officer))


def _case(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import case
    from storage.cases import Act, Order

    if args.act == "list":
        return case.listed(out, _folder(args), _clock())
    if not args.number:
        raise WrongUseError(f"case {args.act} needs the number of the case")
    if args.act == "show":
        return case.show(out, _folder(args), _clock(), args.number)
    if args.id and args.act != "add":
        raise WrongUseError(f"case {args.act} takes no evidence ids; case add does")
    order = Order(
        act=Act(args.act),
        number=args.number,
        officer=case.acting(args.officer),
        title=args.title,
        legal_basis=args.legal_basis,
        why=args.why,
        evidence=tuple(args.id),
    )
    return case.act(out, _folder(args), _clock(), order)


def _export(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import export
    from bot.commands.reader import instant

    clock = _clock()
    if not (args.id or args.since or args.all):
        raise WrongUseError("export needs case numbers, evidence ids, --since TIME or --all")
    try:
        since = instant(args.since, clock.now()) if args.since else None
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    _viewer(args)
    wanted = export.Wanted(
        words=tuple(args.id),
        out=args.out.absolute(),
        since=since,
        everything=args.all,
        officer=args.officer,
        why=args.why,
        legal_basis=args.legal_basis,
        case=args.case,
        recipients=tuple(args.recipient),
        unmasked=args.unmasked,
    )
    return export.run(out, _folder(args), clock, wanted)


def _verify(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import verify

    path = Path(args.what)
    if args.what and args.all:
        raise WrongUseError("verify takes a package, a case or --all, not several of them")
    named = path.suffix in (".zip", ".age") or args.what.startswith(
        ("/", "./", "../")
    )  # case numbers have slashes too
    if args.what and (named or path.exists() or path.is_symlink()):
        return verify.package(out, path, admin=args.admin, key=args.key, roots=args.tsa_roots)
    if args.admin or args.key or args.tsa_roots:
        raise WrongUseError("--admin, --key and --tsa-roots are for a package")
    if args.what:
        return verify.case(out, _folder(args), _clock(), args.what)
    return verify.run(out, _folder(args), _clock())


def _keys(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import keys

    if args.act == "new-admin":
        try:
            folder = _folder(args)
        except ConfigError:  # an admin's machine has none
            folder = None
        return keys.new_admin(out, folder, args.out)
    if args.act == "certify":
        return keys.certify(out, _folder(args), _clock(), args.admin, again=args.again)
    if args.act == "rotate":
        return keys.rotate(out, _folder(args), _clock(), why=args.why, accepted=args.accept_rollback)
    return keys.show(out, _folder(args), _clock())


def _backup(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import backup

    return backup.run(
        out,
        _folder(args),
        args.dest.absolute(),
        _clock(),
        with_keys=args.with_keys,
        drop_earlier=args.drop_earlier,
    )


def _restore(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import backup

    source, folder = args.source.absolute(), args.to.absolute()
    return backup.restore(
        out,
        source,
        folder,
        _clock(),
        accept_rollback=args.accept_rollback.strip(),
        accept_losses=args.accept_losses.strip(),
        earlier=args.earlier,
    )


def _report(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import report
    from bot.commands.reader import instant

    clock = _clock()
    now = clock.now()
    try:
        until = instant(args.until, now) if args.until else now
        since = instant(args.since, now) if args.since else until - report.USUAL
        host = "" if args.host is None else report.host_name(args.host)
    except (ValueError, OverflowError) as error:
        raise WrongUseError(f"report: {error}") from None
    if since >= until:
        raise WrongUseError("report: --since must be earlier than --until")
    return report.run(out, _folder(args), clock, since=since, until=until, host=host)


def _lexicon(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import lexicon
    from watchers.lexicon import Lexicon

    words = tuple(args.what)
    if args.action == "check":
        files = tuple(map(Path, words)) or _configured_lexicons(args)
        return lexicon.check(out, files, load=Lexicon.load)
    if args.action == "diff":
        if len(words) not in (1, 2):
            raise WrongUseError("lexicon diff takes a file, or an old and a new one")
        old, new = [tuple(map(Path, each)) for each in ((words[:-1]), (words[-1:]))]
        return lexicon.diff(out, Lexicon.load(old), Lexicon.load(new))
    if args.action == "suggest":
        return _suggest(args, out)
    if not words:
        raise WrongUseError(f"lexicon {args.action} takes a text")
    if args.action in ("accept", "reject"):
        return _decide(args, out, " ".join(words))
    from watchers.trying import tried

    return lexicon.tell_tried(out, tried(" ".join(words), _lexicon_in_force(args)))


def _suggest(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import suggest
    from watchers.observed import rejected
    from watchers.suggesting import proposals

    if args.what or not args.since:
        raise WrongUseError("lexicon suggest takes --since TIME and no words")
    since, until = _span(args)
    folder, words = _folder(args), _lexicon_in_force(args)

    async def propose(store: Store, order: suggest.Order, told: suggest.Step) -> suggest.Proposed:
        found = await proposals(
            store, words, since, until, most=order.most, left_out=rejected(folder), told=told
        )
        return suggest.Proposed(
            words=found.words, suspicious=found.suspicious, background=found.background, texts=found.texts
        )

    order = suggest.Order(since=since, until=until, most=args.limit)
    return suggest.run(out, folder, _clock(), order, propose)


def _decide(args: argparse.Namespace, out: Out, word: str) -> int:
    from bot.commands import case, suggest
    from bot.glance import lexicons, observed
    from watchers import observed as kept
    from watchers.lexicon import Lexicon

    path, by, day = observed(_located(args)), case.acting(args.by), _clock().now().date()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if args.action == "reject":
            return suggest.rejected(out, word, was_accepted=kept.reject(path, word, by, day))
        if not args.product:
            raise WrongUseError("lexicon accept needs --product, what the word stands for, such as ivory")
        wish = kept.Wish(term=word, product=args.product, lang=args.lang, cites=args.cites, by=by, day=day)
        configured = lexicons(_located(args))
        is_new = args.product not in Lexicon.load(configured).products()
        term = kept.accept(path, configured, wish)
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error
    return suggest.accepted(out, term, path, is_new_product=is_new)


def _answer(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import answer, case
    from bot.glance import officer

    wanted = answer.Answer(
        alert=args.alert,
        act=answer.SAYS[args.said],
        name=case.acting(args.by),
        officer=officer(_located(args), args.by) if args.by else None,
        reason=args.reason,
    )
    return answer.run(out, _folder(args), _clock(), wanted)


def _selftest(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import selftest
    from bot.secrets import reader

    if not args.live:
        raise WrongUseError(
            "selftest asks the real server and writes into a chat: say --live, in an empty group"
        )
    path = _located(args)
    return selftest.run(
        out,
        _read(path),
        _clock(),
        reader(os.environ, path.parent),
        channel=args.channel,
        chat=args.chat,
        post_to=args.post_to,
    )


def _span(args: argparse.Namespace) -> tuple[datetime, datetime]:
    """From `--since` up to `--until`, or to now."""
    from bot.commands.reader import instant

    now = _clock().now()
    try:
        since, until = instant(args.since, now), instant(args.until, now) if args.until else now
    except (ValueError, OverflowError) as error:
        raise WrongUseError(str(error)) from None
    if since >= until:
        raise WrongUseError("--since must be earlier than --until")
    return since, until


def _rejudge(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import rejudge
    from watchers.detect.model import Model
    from watchers.knowledge import MODEL_FILE
    from watchers.rejudging import rejudged

    since, until = _span(args)
    lexicon = _lexicon_in_force(args, tuple(args.lexicon))
    folder = _folder(args)
    path = args.model if args.model is not None else folder / MODEL_FILE
    model = Model.read(path) if args.model is not None or path.is_file() else None
    order = rejudge.Order(
        since=since,
        until=until,
        lexicon=lexicon.version,
        model="" if model is None else model.version,
        model_counts=model is not None and model.counts,
    )
    for mistake in lexicon.mistakes:
        print(f"nightjar: lexicon: {mistake}; the rest is loaded", file=sys.stderr)
    targets = _targets_by_name(args)
    return rejudge.run(
        out, folder, _clock(), order, lambda pages, told: rejudged(pages, lexicon, model, targets, told)
    )


def _targets_by_name(args: argparse.Namespace) -> dict[str, Target]:
    """The targets as configured; none when the configuration has mistakes."""
    try:
        return {target.name: target for target in _read(_located(args)).targets}
    except ConfigError:
        return {}


def _order(args: argparse.Namespace, folds: int) -> judge.Order:
    from bot.commands import judge

    columns = tuple(name.strip() for name in args.text_columns.split(",") if name.strip())
    if not columns:
        raise WrongUseError("--text-columns needs a name, or several parted by commas")
    return judge.Order(
        csv=args.csv, text_columns=columns, label_column=args.label_column.strip(), folds=folds
    )


def _configured_lexicons(args: argparse.Namespace) -> tuple[Path, ...]:
    """The further files of the configuration; none where nobody named a configuration and there is none."""
    from bot.glance import lexicons

    try:
        return lexicons(_located(args))
    except ConfigError:
        if args.config is not None:
            raise
        return ()


def _lexicon_in_force(args: argparse.Namespace, more: tuple[Path, ...] = ()) -> Lexicon:
    """The shipped lexicon with the further files of the configuration, if there is one.

    more: read last; a file takes the place of a configured one of the same name.
    """
    from watchers.lexicon import Lexicon

    configured = _configured_lexicons(args)
    named = {path.name for path in more}
    return Lexicon.load((*(path for path in configured if path.name not in named), *more))


def _judge(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import judge
    from watchers.detect.model import Model
    from watchers.labelled import compared, read_labelled

    def compare(order: judge.Order) -> tuple[judge.Compared, int]:
        read = read_labelled(args.csv, order.text_columns, order.label_column)
        model = Model.read(args.model) if args.model is not None else None
        with out.waiting("judging"):
            found = compared(read.rows, _lexicon_in_force(args), folds=order.folds, model=model)
        return found, read.unlabelled

    if args.folds and args.model is not None:
        raise WrongUseError("judge takes --folds or --model, not both")
    return judge.judge(out, _order(args, args.folds), compare)


def _train(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import judge
    from watchers.knowledge import MODEL_FILE
    from watchers.labelled import taught

    if args.csv is not None and not args.label_column:
        raise WrongUseError("train --csv needs --text-columns and --label-column")
    order = _order(args, args.folds) if args.csv is not None else judge.answers_order(args.folds)

    def teach(order: judge.Order) -> tuple[judge.Learned, judge.Compared, int]:
        rows, unlabelled = _to_learn_from(args, order)
        day = _clock().now().date().isoformat()
        with out.waiting("training"):
            model, found = taught(rows, _lexicon_in_force(args), folds=order.folds, day=day)
        return model, found, unlabelled

    to = args.out if args.out is not None else _folder(args) / MODEL_FILE
    return judge.train(out, order, to, teach)


def _to_learn_from(args: argparse.Namespace, order: judge.Order) -> tuple[list[Labelled], int]:
    """What to learn from: rows of a file, officers' answers, or both; and rows without a label."""
    from bot.commands.reader import look
    from storage.answers import Said, answered
    from watchers.detect.score import text_of
    from watchers.labelled import Labelled, read_labelled

    rows, unlabelled = list[Labelled](), 0
    if order.csv is not None:
        read = read_labelled(order.csv, order.text_columns, order.label_column)
        rows, unlabelled = list(read.rows), read.unlabelled
    if order.csv is None or args.answers:
        said = look(_folder(args), _clock(), lambda store: answered(store.vault.database))
        rows += [
            Labelled(text_of(post), answer is Said.CONFIRMED, number)
            for number, (post, answer) in enumerate(said, 1)
        ]
    return rows, unlabelled


def _labels(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import labels
    from bot.commands.reader import instant

    clock = _clock()
    try:
        since = instant(args.since, clock.now()) if args.since else None
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    return labels.run(out, _folder(args), clock, args.out, since)


def _pictures(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import pictures
    from bot.glance import gallery
    from watchers.gallery import hashes_of_folder

    folder, clock = gallery(_located(args)), _clock()
    if args.action == "import":
        return pictures.import_(out, tuple(args.file), folder)
    return pictures.export(
        out,
        _folder(args),
        clock,
        args.file,
        gallery=lambda: hashes_of_folder(folder, clock) if folder is not None and folder.is_dir() else (),
        alerted=args.alerted,
    )


class _Site:
    """The outside for `try` and `add`, through the watch's own fetching and reading."""

    def __init__(self, visitor: Visitor, clock: Clock) -> None:
        from watchers.fetch import Fetcher

        self._clock = clock
        self._fetcher = Fetcher(
            clock, contact=visitor.contact, allow=visitor.allow, hosts=dict(visitor.hosts)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._fetcher.close()

    async def recognise(self, url: str) -> tuple[Recognised, ...]:
        from watchers.trial import recognise

        return await recognise(self._fetcher, url, self._clock)

    async def trial(self, target: Target, *, details: int) -> Tried:
        from watchers.trial import trial

        return await trial(self._fetcher, target, self._clock, details=details)

    def settings(self, kind: str) -> type:
        from watchers.feed import load

        return _settings(load(kind))


def _visitor(args: argparse.Namespace) -> Visitor:
    """Who asks: the configuration's contact, or the one of `--contact` without a configuration."""
    from bot.glance import Visitor, visitor
    from bot.settings.checks import contact_address

    if not args.contact:
        return visitor(_located(args))
    try:
        contact = contact_address(args.contact)
    except ValueError as error:
        raise WrongUseError(f"--contact {error}") from None
    try:
        return replace(visitor(_located(args)), contact=contact)
    except ConfigError:
        return Visitor(contact=contact)


def _address(word: str) -> str:
    from bot.settings.checks import web_address

    try:
        return web_address(word)
    except ValueError as error:
        raise WrongUseError(f"the address {error}") from None


def _try(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import trial
    from bot.glance import target_named
    from watchers import feed

    subject: Target | str
    if "://" in args.what:
        subject = _address(args.what)
    else:
        subject = target_named(
            _located(args),
            args.what,
            feeds=lambda kind: _settings(feed.load(kind)),
            feed_kinds=feed.kinds(),
        )
    clock = _clock()
    return trial.run(
        out,
        clock,
        opened=lambda visitor: _Site(visitor, clock),
        visitor=_visitor(args),
        subject=subject,
        kind=args.kind,
        details=args.details,
    )


def _add(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import add
    from bot.glance import names, pages

    clock = _clock()
    visitor = _visitor(args)
    try:
        taken, watched = names(_located(args)), pages(_located(args))
    except ConfigError:
        taken, watched = (), ()
    url = _address(args.url)
    order = add.Order(url=url, kind=args.kind, write=args.write, taken=taken, watched=watched)
    return add.run(out, clock, opened=lambda who: _Site(who, clock), visitor=visitor, order=order)


def _witness(args: argparse.Namespace, out: Out) -> int:
    from bot.commands import witness

    needs = {"init": ("name", "log_key"), "trust": ("log_key",), "cosign": ("source",)}
    for name in needs.get(args.act, ()):
        if not getattr(args, name):
            option = "FOLDER|URL" if name == "source" else f"--{name.replace('_', '-')}"
            raise WrongUseError(f"witness {args.act} needs {option}")
    order = witness.Order(
        act=args.act,
        state=args.state,
        source=args.source,
        name=args.name,
        log_key=args.log_key,
        out=args.out,
    )
    return witness.run(out, _clock(), order)


BODIES: Mapping[str, Body] = {
    "check": _check,
    "run": _run,
    "try": _try,
    "add": _add,
    "status": _status,
    "find": _find,
    "show": _show,
    "sellers": _sellers,
    "case": _case,
    "retention": _retention,
    "export": _export,
    "verify": _verify,
    "keys": _keys,
    "witness": _witness,
    "report": _report,
    "lexicon": _lexicon,
    "judge": _judge,
    "rejudge": _rejudge,
    "train": _train,
    "pictures": _pictures,
    "labels": _labels,
    "answer": _answer,
    "selftest": _selftest,
    "backup": _backup,
    "restore": _restore,
}


# --- from errors to exit codes ------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Bad input never ends in a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in FROM_CHECKOUT:
        print(f"nightjar: {arguments[0]} belongs to a checkout: ./nightjar {arguments[0]}", file=sys.stderr)
        return WRONG_USE
    try:
        args = options.parser(BODIES).parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else WRONG_USE
    try:
        return _called(args)
    except Exception as bug:  # the last line of defence: a user gets one line, we a report
        if args.debug:
            raise
        return _confess(bug, as_object=args.json)


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
    if isinstance(error, Refused):
        text += "; hosts of your own are let through by allow, in [nightjar]"
    if args.json:
        from bot.commands.out import as_json

        mistakes = [mistake.facts() for mistake in getattr(error, "mistakes", ())]
        print(as_json({"error": type(error).__name__, "message": text, "mistakes": mistakes}))
    print("\n".join(f"nightjar: {line}" for line in text.splitlines()), file=sys.stderr)
    return code


def _confess(bug: Exception, *, as_object: bool) -> int:
    """One line for a bug, and its traceback in a private file for the report."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="nightjar-bug-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
    ) as file:
        file.write(masked("".join(traceback.format_exception(bug))))
    why = masked(f"{type(bug).__name__}: {bug}".splitlines()[0][:200])
    text = f"this is a bug in nightjar ({why}); the report is in {file.name}"
    if as_object:
        from bot.commands.out import as_json

        print(as_json({"error": type(bug).__name__, "message": text, "mistakes": []}))
    print(f"nightjar: {text}", file=sys.stderr)
    return PROBLEM


if __name__ == "__main__":
    sys.exit(main())
