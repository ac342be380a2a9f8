"""The feed kinds: what one is, and how it is found.

A kind is one file in `watchers/feeds/`, found by its name; nothing else is edited.
It holds a frozen `Settings` dataclass (the keys of `[target.rules]`, validated by
pydantic), and three pure functions. No network, no clock, no database in there.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol, cast

from storage.errors import ConfigError
from storage.model import Listing, Post, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What a kind thinks of a page it was shown by `nightjar add`.

    `confidence` is 0..1; `rules` are the settings it would use (TOML-able values);
    `url` is the address to watch, which may differ from the page (a feed it links).
    """

    kind: str
    confidence: float
    url: str
    rules: dict[str, object]
    why: str


class Feed(Protocol):
    """One kind of feed. Implementations are modules.

    All three take bytes from strangers: the only error that may leave them is
    `BadPage`. They never block, and never take more than linear time in the body.
    """

    Settings: Any  # a frozen dataclass type
    OWN_PAGE: bool
    """Whether a post has a page of its own that answers 404, 410 or says so when it is gone.
    False (Telegram previews answer 200 for everything): presence is read from the listing."""

    def parse(self, page: Response, rules: object, now: datetime) -> Listing:
        """The posts of a listing in page order; `now` (aware UTC) resolves "3 minutes ago"."""
        ...

    def detail(self, page: Response, post: Post, rules: object, now: datetime) -> Post:
        """`post` completed from its own page: full text, seller, price, time, all pictures.

        Fields the page does not give stay as the listing had them; the id never changes.
        A kind whose listing is complete returns `post` unchanged.
        """
        ...

    def recognise(self, page: Response, now: datetime) -> Recognition | None:
        """How well this kind fits a page, or None."""
        ...

    def wants_detail(self, post: Post, rules: object) -> bool:
        """True when the post's own page must be fetched for it to be whole."""
        ...


@cache
def kinds() -> tuple[str, ...]:
    """Names of all kinds, sorted: the files in `watchers/feeds/`."""
    from watchers import feeds

    return tuple(sorted(m.name for m in pkgutil.iter_modules(feeds.__path__) if not m.name.startswith("_")))


@cache
def load(kind: str) -> Feed:
    """The kind of that name. Raises ConfigError naming the nearest kinds when unknown."""
    if kind not in kinds():
        raise ConfigError(f"unknown kind {kind!r}; known: {', '.join(kinds())}", key="kind")
    return cast(Feed, importlib.import_module(f"watchers.feeds.{kind}"))
