"""`nightjar check`: every mistake of every file of the configuration, in one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bot.clock_words import clock_line, is_doubtful
from bot.commands.out import OK, PROBLEM, Out, some
from bot.config import Config, ConfigErrors
from bot.glance import lexicons, twice
from bot.mistakes import Mistake
from bot.settings.together import crowded
from bot.settings.units import spoken_s
from storage.classifier import Classifier
from storage.clock import ClockFacts
from storage.errors import ConfigError
from storage.model import Target


class Terms(Protocol):
    """What is told of a lexicon."""

    @property
    def mistakes(self) -> tuple[ConfigError, ...]:
        """Rows that were left out."""
        ...


NAME, SUMMARY = "check", "report every mistake of the configuration"


def run(
    out: Out,
    path: Path,
    *,
    read: Callable[[Path], Config],
    load_lexicon: Callable[[tuple[Path, ...]], Terms],
    online: Callable[[Config], tuple[str, ...]] | None = None,
    reading_off: str = "",
    unfit: Callable[[Classifier], tuple[str, str] | None] | None = None,
    clock: ClockFacts | None = None,
) -> int:
    """Check `path` and targets.d beside it. Exit code 1 when anything keeps a target from running.

    online: asks the messenger's server about the bots and chats of a configuration, and says what is wrong.
    A page that is watched twice, or a host that is asked for much, is told and is no problem; so is
    `reading_off`, why words in pictures are not read on this machine. unfit: key and why a classifier cannot
    be asked, or None; it is loaded and run for it. clock: what is known of the machine's; one that is not
    synchronised is a warning.
    """
    config: Config | None = None
    mistakes: tuple[Mistake, ...] = ()
    try:
        config = read(path)
        mistakes = config.mistakes
    except ConfigErrors as errors:
        mistakes = errors.mistakes
    rows, unread = _terms(lexicons(path), load_lexicon, path.parent)
    mistakes += rows + unread
    problems = _problems(config)
    unasked = _unfit(config, path.name, unfit)
    problems += unasked
    if config is not None and online is not None:
        problems += online(config)
    warnings = twice(path) + (crowded(config.targets) if config is not None else ())
    aside = (warnings, reading_off, unasked)
    _tell(out, path, config, (mistakes, problems), aside, rows=len(rows), clock=clock)
    return PROBLEM if mistakes or problems else OK


def _terms(
    files: tuple[Path, ...], load: Callable[[tuple[Path, ...]], Terms], folder: Path
) -> tuple[tuple[Mistake, ...], tuple[Mistake, ...]]:
    """Rows of the further lexicons that are left out, and files of which nothing can be read.

    Each file is looked at on its own, so that all is told.
    """
    rows: list[Mistake] = []
    unread: list[Mistake] = []
    for file in files:
        name = str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)
        try:
            rows += [_of_file(wrong, name) for wrong in load((file,)).mistakes]
        except ConfigError as error:
            unread.append(_of_file(error, name))
    return tuple(rows), tuple(unread)


def _of_file(wrong: ConfigError, name: str) -> Mistake:
    return Mistake(why=wrong.why, file=name, table=wrong.table, key=wrong.key)


def _unfit(
    config: Config | None, file: str, unfit: Callable[[Classifier], tuple[str, str] | None] | None
) -> tuple[str, ...]:
    """What keeps the classifier from being asked; all else is watched without it."""
    if config is None or config.hint is None or unfit is None or (found := unfit(config.hint)) is None:
        return ()
    key, why = found
    return (str(Mistake(why=why, file=file, table="[hint]", key=key)),)


def _problems(config: Config | None) -> tuple[str, ...]:
    """What is no mistake of the files, but keeps something from being watched."""
    if config is None:
        return ()
    dated = {t.name: t.authority.review_after for t in config.targets}
    found = [
        f'target "{name}" is past its review of {dated[name]}: it is not watched until the date is renewed'
        for name in config.expired
    ]
    found += [f'target "{one.name}" is not watched: {one.why}' for one in config.unfilled]
    there = config.targets or config.unfilled
    return tuple(found) if there else ("there is no [[target]]: nothing is watched",)


def _tell(
    out: Out,
    path: Path,
    config: Config | None,
    found: tuple[tuple[Mistake, ...], tuple[str, ...]],
    aside: tuple[tuple[str, ...], str, tuple[str, ...]],
    *,
    rows: int,
    clock: ClockFacts | None,
) -> None:
    """rows: how many of the mistakes are rows of lexicons, without which all else is taken over."""
    mistakes, problems = found
    warnings, reading_off, unasked = aside
    out.facts(
        {
            "config": path,
            "ok": not mistakes and not problems,
            "mistakes": [mistake.facts() for mistake in mistakes],
            "problems": problems,
            "warnings": warnings,
            "reading_off": reading_off,
            "clock": clock,
            "expired": config.expired if config else (),
            "unfilled": [one.name for one in config.unfilled] if config else (),
            "files": config.files if config else (),
            "targets": [_facts(target) for target in config.targets] if config else (),
            "channels": [channel.name for channel in config.channels] if config else (),
        }
    )
    if config is not None:
        columns = ("target", "kind", "address", "interval", "night", "review after")
        out.table(columns, (_row(target) for target in config.targets))
    for mistake in mistakes:
        out.say(mistake, style="red")
    for problem in problems:
        out.say(problem, style="yellow")
    for warning in warnings:
        out.say(f"warning: {warning}", style="yellow")
    if clock is not None:
        loose = is_doubtful(clock)
        out.say(f"{'warning: ' if loose else ''}{clock_line(clock)}", style="yellow" if loose else "dim")
    out.say(f"words in pictures: {f'not read, {reading_off}' if reading_off else 'read'}", style="dim")
    if config is not None and config.hint is not None:
        wanted, labels = len(config.hint.wanted), len(config.hint.labels)
        how = "not asked" if unasked else f"asked for {wanted} of {some(labels, 'label')}"
        out.say(f"classifier of [hint]: {how}; its hints are no verdicts", style="dim")
    files = len({mistake.file for mistake in mistakes})
    if mistakes:
        told = f"{some(len(mistakes), 'mistake')} in {some(files, 'file')}"
        out.say(f"{told}; {_ends(config, len(mistakes), rows)}", style="bold")
    elif config is not None:
        channels = ", ".join(channel.name for channel in config.channels)
        out.say(f"{some(len(config.targets), 'target')}; alerts go to {channels}; no mistakes", style="bold")


def _ends(config: Config | None, mistakes: int, rows: int) -> str:
    """What a daemon does with so many mistakes, of which `rows` are rows of lexicons."""
    if config is None or mistakes > len(config.mistakes) + rows:
        return "a daemon does not take this over"
    others = "the other targets are watched" if config.mistakes else ""
    return "; ".join(
        filter(None, (others, "such rows are left out, all other terms are used" if rows else ""))
    )


def _facts(target: Target) -> dict[str, object]:
    return {
        "name": target.name,
        "kind": target.kind,
        "url": target.url,
        "interval_s": target.interval_s,
        "day_interval_s": target.day_interval_s,
        "window": target.window,
        "review_after": target.authority.review_after,
        "digest": target.digest,
    }


def _row(target: Target) -> tuple[str, ...]:
    by_day = f", {spoken_s(target.day_interval_s)} by day" if target.day_interval_s else ""
    night = f"{target.window.start}-{target.window.end} {target.window.zone}"
    review = str(target.authority.review_after)
    return (target.name, target.kind, target.url, spoken_s(target.interval_s) + by_day, night, review)
