"""A trial as tables for people and as facts for machines: `nightjar try`.

Everything shown was written by strangers: cells go through `out.tame` as plain text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bot.commands.out import Out, moment, on_one_line, plain, some
from bot.settings.units import spoken_s
from storage.model import Post

_SHOWN = 12
_CELL = 70


class Filled(Protocol):
    """In how many posts a field was found (`watchers.trial.Fill`)."""

    @property
    def field(self) -> str: ...
    @property
    def on_listing(self) -> int: ...
    @property
    def with_page(self) -> int: ...


class Tried(Protocol):
    """What is asked of a trial (`watchers.trial.Trial`)."""

    @property
    def url(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def works(self) -> bool: ...
    @property
    def trouble(self) -> str: ...
    @property
    def wall(self) -> str: ...
    @property
    def robots(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def elapsed_s(self) -> float: ...
    @property
    def title(self) -> str: ...
    @property
    def encoding(self) -> str: ...
    @property
    def conditional(self) -> str: ...
    @property
    def posts(self) -> tuple[Post, ...]: ...
    @property
    def looked_into(self) -> int: ...
    @property
    def fills(self) -> Sequence[Filled]: ...
    @property
    def pictures(self) -> int: ...
    @property
    def pages_failed(self) -> tuple[str, ...]: ...
    @property
    def next_url(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def interval_s(self) -> float: ...
    @property
    def interval_why(self) -> str: ...


def show(trial: Tried, out: Out, *, most: int = _SHOWN) -> None:
    """Print a trial: the posts, how well the fields are filled, what to know; or its JSON."""
    out.facts(facts(trial))
    if trial.trouble:
        out.say(f"{trial.url}: {trial.trouble}", style="bold red")
    out.table(
        ("#", "post", "title", "seller", "price", "place", "posted", "pictures", "text"), _rows(trial, most)
    )
    if (left := len(trial.posts) - most) > 0:
        out.say(f"... and {some(left, 'more post')}")
    out.table(("field", "on the listing", "with own page"), _fills(trial))
    out.table(("about", "found"), _about(trial))
    out.say(_verdict(trial), style="green" if trial.works else "bold red")


def facts(trial: Tried) -> dict[str, Any]:
    """A trial as JSON-able facts: all its fields, and whether it works."""
    told: Any = plain(trial)
    return {"works": trial.works, **(told if isinstance(told, Mapping) else {})}


def _rows(trial: Tried, most: int) -> list[tuple[str, ...]]:
    return [
        _row(number, post, whole=number <= trial.looked_into)
        for number, post in enumerate(trial.posts[:most], 1)
    ]


def _row(number: int, post: Post, *, whole: bool) -> tuple[str, ...]:
    cells = (post.post_id, post.title, post.seller, post.price, post.location)
    told = f"{len(post.text):,} characters" if len(post.text) > _CELL else post.text
    return (
        f"{number}{'*' if whole else ''}",
        *(on_one_line(cell, _CELL) or "-" for cell in cells),
        _posted(post.posted_at, post.posted_raw),
        str(len(post.pictures) or "-"),
        on_one_line(told, _CELL) or "-",
    )


def _posted(at: datetime | None, raw: str) -> str:
    if at is not None:
        return moment(at)
    return f"not understood: {on_one_line(raw, 40)}" if raw else "-"


def _fills(trial: Tried) -> list[tuple[str, ...]]:
    if not trial.posts:
        return []
    of_all, of_read = len(trial.posts), trial.looked_into
    return [
        (fill.field, f"{fill.on_listing} of {of_all}", f"{fill.with_page} of {of_read}" if of_read else "-")
        for fill in trial.fills
    ]


def _about(trial: Tried) -> list[tuple[str, str]]:
    size = (
        f"{trial.status}, {trial.size_bytes:,} bytes in {trial.elapsed_s:.2f} s" if trial.status else "none"
    )
    rows = [
        ("address", trial.url),
        ("kind", trial.kind),
        ("answer", size),
        ("title", trial.title),
        ("encoding", trial.encoding),
        ("conditional requests", trial.conditional),
        ("robots.txt", trial.robots),
        ("wall", trial.wall or "none"),
        ("pictures", f"{trial.pictures} in the {some(trial.looked_into, 'post')} looked into (*)"),
        ("next page", trial.next_url or "none found"),
        (
            "suggested interval",
            f"{spoken_s(trial.interval_s)}: {trial.interval_why}" if trial.interval_why else "",
        ),
        ("not found", ", ".join(trial.missing)),
        *(("own page failed", why) for why in trial.pages_failed),
        *(("note", note) for note in trial.notes),
    ]
    return [(name, on_one_line(value, 160)) for name, value in rows if value]


def _verdict(trial: Tried) -> str:
    if trial.trouble:
        return "Nothing could be read."
    if not trial.posts:
        return "The page answered, but no posts were found on it."
    return f"{some(len(trial.posts), 'post')} found" + (
        f"; not found: {', '.join(trial.missing)}" if trial.missing else ""
    )
