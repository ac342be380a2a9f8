"""`nightjar add URL`: recognise the kind of a site and write a commented `[[target]]` for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.commands.out import OK, PROBLEM, Out, on_one_line, tame
from bot.commands.site import Opened, Site, look, passing
from bot.commands.trial import NOTHING
from bot.glance import Page, Visitor
from bot.settings.checks import same_page
from bot.stanza import Recognised, name_for, stanza
from bot.table import Tried
from storage.clock import Clock
from storage.errors import ConfigError, FeedTrouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked. kind: "" for the best. write: the file to add to, or None to print.

    taken: names of targets that are there already. watched: what they watch.
    """

    url: str
    kind: str = ""
    write: Path | None = None
    taken: tuple[str, ...] = ()
    watched: tuple[Page, ...] = ()


@dataclass(frozen=True, slots=True)
class _Recognition:
    """The way chosen, the others, and one look at it."""

    found: Recognised
    others: tuple[Recognised, ...]
    tried: Tried
    settings: type


def run(out: Out, clock: Clock, *, opened: Opened, visitor: Visitor, order: Order) -> int:
    """Print or append the stanza. It does not start before its authority is filled in."""

    async def looking(site: Site) -> _Recognition:
        ways = await site.recognise(order.url)
        chosen = _chosen(order, ways, site)
        others = tuple(way for way in ways if way is not chosen)
        tried = await site.trial(passing(chosen, site, visitor), details=0)
        return _Recognition(chosen, others, tried, site.settings(chosen.kind))

    with out.waiting("asking the site"):
        seen = look(opened, visitor, clock, looking)
    text = stanza(
        seen.found,
        seen.settings,
        today=clock.now().date(),
        interval_s=seen.tried.interval_s,
        taken=order.taken,
        others=seen.others,
    )
    if order.write is not None:
        append(order.write, text)
    _tell(out, order, seen, text)
    return OK if seen.tried.works else PROBLEM


def _chosen(order: Order, ways: Sequence[Recognised], site: Site) -> Recognised:
    if order.kind:
        site.settings(order.kind)  # an unknown kind is told as such
        ways = [way for way in ways if way.kind == order.kind]
    if not ways:
        raise FeedTrouble(order.url, NOTHING)
    return ways[0]


def append(path: Path, text: str) -> None:
    """Add a stanza to the end of a file, which is made (with its targets.d) when it is not there.

    Raises ConfigError when it cannot be written or would not be read.
    """
    if path.suffix != ".toml":
        raise ConfigError('is not written: only names that end in ".toml" are read', file=str(path))
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}" if file.tell() else text)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror or error}", file=str(path)) from error


def _tell(out: Out, order: Order, seen: _Recognition, text: str) -> None:
    name = name_for(seen.found.url, order.taken)
    pages = {same_page(order.url), same_page(seen.found.url)}
    already = [one.said for one in order.watched if one.page in pages]
    out.facts(
        {
            "name": name,
            "kind": seen.found.kind,
            "url": seen.found.url,
            "rules": seen.found.rules,
            "why": seen.found.why,
            "posts": len(seen.tried.posts),
            "missing": seen.tried.missing,
            "interval_s": seen.tried.interval_s,
            "others": [{"kind": way.kind, "url": way.url, "why": way.why} for way in seen.others],
            "already": already,
            "written": order.write,
            "stanza": text,
        }
    )
    for said in already:  # on standard error: what is printed may go straight into a file
        sys.stderr.write(f"nightjar: warning: {tame(said)} watches this page already\n")
    if order.write is None:
        out.raw(text)
        return
    out.say(f"{seen.found.kind}: {on_one_line(seen.found.why, 300)}")
    out.say(f'target "{name}" was added to {order.write}', style="bold")
    out.say("fill in legal_basis, authorised_by and review_after; without them it does not start")
    out.say(f"then: nightjar try {name}; nightjar check")
