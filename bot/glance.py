"""A glance at a configuration that may have mistakes: what single commands need of it.

An investigator's search, or a first try of a site, must not fail because some target has
a slip. Whatever runs unattended uses `bot.config.read`, which accepts no mistake at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.mistakes import ConfigErrors, nearest, shown
from bot.settings import gather
from bot.settings.checks import same_page
from bot.settings.custody import Officer, read_officers, read_retention
from bot.settings.documents import Document, Path_, load
from bot.settings.keys import NightjarKeys
from bot.settings.observed import OBSERVED, with_observed
from bot.settings.shapes import salvage
from bot.settings.sift import Sift
from bot.settings.targets import Kinds, read_hosts, read_target
from storage.errors import ConfigError
from storage.model import HostLimit, Target
from storage.retention import Rules

_NOBODY = "nobody@example.org"
_AUTHORISED = {"legal_basis": "one look", "authorised_by": "the admin", "review_after": date.max}
"""Stands in for the authority of a target while it is being set up: one look keeps nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """How a single visit presents itself: contact for the site, exceptions of the guard, host limits."""

    contact: str
    allow: tuple[str, ...] = ()
    hosts: tuple[tuple[str, HostLimit], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a target watches. page: as `same_page` says it. said: the target's file, place and name."""

    page: str
    said: str


def data_dir(path: Path) -> Path:
    """The folder of everything kept. Raises ConfigError when not even that can be read."""
    main = load(path.absolute(), path.name)
    table, keys = _nightjar(main)
    is_given = "data_dir" in table or main.unparsed(("nightjar", "data_dir"))
    if main.unread or keys is None or (is_given and keys.data_dir != str(table.get("data_dir")).strip()):
        why = main.unread or "must be a folder in quotes"
        raise ConfigError(why, file=path.name, table="[nightjar]", key="data_dir")
    return main.path.parent / Path(keys.data_dir).expanduser()


def lexicons(path: Path) -> tuple[Path, ...]:
    """The further lexicon files that are named and there."""
    main = load(path.absolute(), path.name)
    _, keys = _nightjar(main)
    named = keys.lexicons if keys is not None else ()
    files = (main.path.parent / Path(name).expanduser() for name in named)
    there = tuple(file for file in files if file.is_file())
    try:
        return with_observed(there, data_dir(path)) if keys is not None else there
    except ConfigError:  # `check` tells it with every other mistake
        return there


def observed(path: Path) -> Path:
    """The file of accepted words, there or not. Raises ConfigError as `data_dir` does."""
    return data_dir(path) / OBSERVED


def gallery(path: Path) -> Path | None:
    """The gallery folder that is named, or None."""
    main = load(path.absolute(), path.name)
    _, keys = _nightjar(main)
    named = keys.gallery if keys is not None else ""
    return main.path.parent / Path(named).expanduser() if named else None


def visitor(path: Path) -> Visitor:
    """Who asks, for one visit. Raises ConfigError without a right contact."""
    documents = gather.documents(path.absolute(), Sift())
    _, keys = _nightjar(documents[0])
    if keys is None or keys.contact == _NOBODY:
        why = documents[0].unread or "is required, and right: a site must be able to reach who asks"
        raise ConfigError(why, file=path.name, table="[nightjar]", key="contact")
    hosts = tuple(sorted(read_hosts(documents, Sift()).items()))
    return Visitor(contact=keys.contact, allow=keys.allow, hosts=hosts)


def retention(path: Path) -> Rules:
    """The periods of `[retention]`. Raises ConfigErrors with its mistakes: nothing is erased on a guess."""
    sift = Sift()
    rules = read_retention(load(path.absolute(), path.name), sift)
    if sift.mistakes:
        raise ConfigErrors(sift.mistakes)
    return rules


def officer(path: Path, name: str) -> Officer | None:
    """The `[[officer]]` of that name, or None."""
    found = read_officers(load(path.absolute(), path.name), Sift())
    return next((one for one in found if one.name == name.strip()), None)


def pages(path: Path) -> tuple[Page, ...]:
    """What the targets of all files watch, right or wrong; without those whose address is none."""
    found = []
    for document in gather.documents(path.absolute(), Sift()):
        for index, table in gather.array(document, "target", Sift()):
            if page := same_page(str(table.get("url", ""))):
                name = shown(table.get("name", ""))
                found.append(Page(page=page, said=f"{document.label}: [[target]] #{index + 1} {name}"))
    return tuple(found)


def twice(path: Path) -> tuple[str, ...]:
    """Pages that more than one target watches, in words: that is no mistake, but seldom meant."""
    first: dict[str, str] = {}
    return tuple(
        f"{one.said} watches the same page as {before}: it is asked, kept and told twice"
        for one in pages(path)
        if (before := first.setdefault(one.page, one.said)) != one.said
    )


def names(path: Path) -> tuple[str, ...]:
    """Names of the targets of all files, right or wrong."""
    documents = gather.documents(path.absolute(), Sift())
    tables = (table for document in documents for _, table in gather.array(document, "target", Sift()))
    return tuple(name for table in tables if isinstance(name := table.get("name"), str))


def target_named(
    path: Path, name: str, *, feeds: Callable[[str], type], feed_kinds: tuple[str, ...]
) -> Target:
    """One target for a single try, though nobody has authorised its watch yet.

    Raises ConfigErrors with its other mistakes, ConfigError when there is none of that name.
    """
    documents = gather.documents(path.absolute(), Sift())
    limits, sift = read_hosts(documents, Sift()), Sift()
    for document in documents:
        for index, table in gather.array(document, "target", Sift()):
            if table.get("name") == name:
                authorised = {**table, **_AUTHORISED}
                at: Path_ = ("target", index)
                kinds = Kinds(feeds, feed_kinds)
                found = read_target(document, at, authorised, sift=sift, kinds=kinds, limits=limits)
                if found.target is None:
                    raise ConfigErrors(sift.mistakes)
                return found.target
    meant = f", did you mean {shown(close)}?" if (close := nearest(name, names(path))) else ""
    raise ConfigError(f"there is no target {shown(name)}{meant}", file=path.name)


def _nightjar(main: Document) -> tuple[Mapping[str, object], NightjarKeys | None]:
    """`[nightjar]` and what can be had of it."""
    table = gather.single(main, "nightjar", Sift())
    return table, salvage(table, NightjarKeys, {"contact": _NOBODY})
