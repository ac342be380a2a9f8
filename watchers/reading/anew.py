"""A feed that is read again: only the items that are new are parsed. Pure.

Nearly every feed that changes shows the items it showed before, under another build date or
with one more at the top, and parsing is what a changed feed costs. So its text is cut at the
items (`feedtext.pieced`), a digest stands for each that was read, and the others are parsed
between the head and the end of the feed they stand in, by feedparser as ever.

That gives what reading the whole gives because feedparser's strict parser is a machine of
states: before and behind each item it is stopped by a processing instruction, and only where
it stands behind the item exactly as before it, no item can depend on another. All else (an
item that leaves anything behind, what is not well-formed, and the conditions in `pieced`
and `is_local`) is read as a whole. tests/feeds/test_anew.py holds both ways against each other.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any
from xml.sax import expatreader
from xml.sax.handler import feature_external_ges, feature_namespaces
from xml.sax.xmlreader import InputSource

from storage.model import Listing, Post, Response
from watchers.reading.encoding import utf8_around
from watchers.reading.feedtext import PLAIN_COMMENT, Pieced, fit, is_local, without_declaration
from watchers.reading.syndication import Entry, Feed, feed_of, root_of
from watchers.sameness import TAG_BYTES, tag

_MARK = "<?nightjar-item?>"
_POST_ID = attrgetter("post_id")
_DECLARATION = b"<?xml version='1.0' encoding='utf-8'?>\n"
_LEFT_OUT = frozenset({
    "entries", "property_depth_map", "title_depth", "guidislink", "_locator",
    "counts", "level", "state", "steady", "told",
})  # fmt: skip
"""What grows by an item, what the start of an item sets anew, and what is ours: no state."""
_VOLATILE = re.compile(
    r"<(lastBuildDate|pubDate|updated|modified|dc:date|generator)(?: [^<>]{0,200})?>([^<>&]{0,200})</\1>"
    r"|<!--([^<>&]{0,400})-->"
)
_DATE = re.compile(
    r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4})"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
)
_OPENING = re.compile(r"[^<]{0,100}<[^<>]{1,4000}>(?:\s{0,100}<channel[^<>]{0,1000}>)?")
"""The root of a feed, and the element that an RSS feed has in it."""
_OTHERS = ("Fri, 02 Jan 1970 03:04:05 GMT", "1971-02-03T04:05:06Z")
_PLAIN = re.compile(r"[A-Za-z0-9 .,:;+/()_~-]{0,200}")
_COMMENT = re.compile(PLAIN_COMMENT)


Record = tuple[Post, str]
"""What is kept of an item that was read: its post with no more than id and address, and its fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What its reader knows of a feed that is read again.

    known: fingerprints of posts by id. dealt: the very prints of an earlier listing (`Memo.prints`)
    of which `known` holds all. most_tags: `<` in a page of which anything is parsed.
    """

    known: Mapping[str, str]
    dealt: tuple[str, ...] = ()
    most_tags: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What items stand in. words: digest of the head and of the end, but for build dates and comments.

    title, next: what the feed says of itself. state: digest of how each item finds the parser.
    opening: the head's own start alone, where that brings the parser into the same state; else "".
    """

    words: bytes
    state: bytes
    opening: str
    title: str
    next: str

    def holds(self, head: str, tail: str) -> bool:
        """Whether a feed has the same head and end, but for build dates, the program's name and comments."""
        return _words(head, tail) == self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """What was read of a feed, about two hundred bytes an item.

    place: what else its posts depend on. raw: digest of the bytes from the first item to the
    last one, b"" where they may not be told from the rest of the feed.
    listing: its posts with id and address alone. digests: of the items, one behind the other.
    """

    place: tuple[object, ...]
    frame: Frame
    raw: bytes
    digests: bytes
    listing: Listing
    prints: tuple[str, ...]

    def known(self) -> dict[bytes, Record]:
        """The records by the digests of their items."""
        size = TAG_BYTES
        keys = [self.digests[at : at + size] for at in range(0, len(self.digests), size)]
        return dict(zip(keys, zip(self.listing.posts, self.prints, strict=True), strict=True))


def digest(piece: str) -> bytes:
    """What stands for an item that was read."""
    return digest_of(piece.encode("utf-8", "surrogatepass"))


def digest_of(data: bytes) -> bytes:
    """The same for bytes."""
    return tag(data)


def _words(head: str, tail: str) -> bytes:
    return digest(repr((_parts(head), _parts(tail))))


def _parts(around: str) -> tuple[str, ...]:
    """A head or an end cut where words stand that decide nothing: build date, program's name, comment."""
    parts, at = [], 0
    for found in _VOLATILE.finditer(around):
        words = 2 if found[1] else 3
        form = _COMMENT if words == 3 else _PLAIN if found[1] == "generator" else _DATE
        if form.fullmatch(found[words]):
            parts.append(around[at : found.start(words)])
            at = found.end(words)
    return (*parts, around[at:])


def is_redated(memo: Memo, around: tuple[str, bytes, str] | None, again: Again) -> bool:
    """Whether nothing but a build date has changed, and all posts are known."""
    if around is None or memo.raw != digest_of(around[1]):
        return False
    if not memo.frame.holds(without_declaration(around[0]), around[2]):
        return False
    return memo.prints is again.dealt or _all_known(memo, again.known)


def around_items(page: Response) -> tuple[str, bytes, str] | None:
    """What stands before, in and behind the items of a feed, where its bytes tell that."""
    name = b"item" if b"</item>" in page.body else b"entry"
    return utf8_around(page, b"<" + name, b"</" + name + b">")


def raw_of(around: tuple[str, bytes, str] | None, text: str) -> bytes:
    """The digest of the bytes of all items; b"" where they are not plainly the text that was read."""
    if around is None or around[0] + around[1].decode("utf-8", "replace") + around[2] != text:
        return b""
    return digest_of(around[1])


def _all_known(memo: Memo, known: Mapping[str, str]) -> bool:
    return list(map(known.get, map(_POST_ID, memo.listing.posts))) == list(memo.prints)


def frame_of(cut: Pieced) -> Frame | None:
    """What the items of `cut` stand in; None when its build dates may say more than dates."""
    found = _read(cut, (), cut.head)
    if found is None or not found[0].version:
        return None
    feed, state = found
    parts = _parts(cut.head)
    for other in _OTHERS if len(parts) > 1 else ():
        # With other words in their place everything must be as before: then they decide nothing.
        if _read(cut, (), other.join(parts)) != found:
            return None
    words, opening = _words(cut.head, cut.tail), _opening(cut, state)
    return Frame(words=words, state=state, opening=opening, title=feed.title, next=feed.next)


def _opening(cut: Pieced, state: bytes) -> str:
    """The tags that hold the items of `cut`, when what the feed says of itself is nothing to these."""
    tags = _OPENING.match(cut.head)
    found = _read(cut, (), tags[0]) if tags is not None else None
    return tags[0] if tags is not None and found is not None and found[1] == state else ""


def read_pieces(cut: Pieced, pieces: Sequence[str], frame: Frame) -> tuple[Entry, ...] | None:
    """The entries of `pieces`, which are items of `cut`; None when only reading the whole will do.

    frame: one that `holds` the feed.
    """
    if not pieces:
        return ()
    if not all(is_local(piece, 2) for piece in pieces):
        return None
    found = _read(cut, pieces, frame.opening or cut.head)
    if found is None or found[1] != frame.state:
        return None
    return found[0].entries


def _read(cut: Pieced, pieces: Sequence[str], head: str) -> tuple[Feed, bytes] | None:
    """A feed of these items alone, and the state in which each of them found the parser and left it."""
    if not is_local(head, 0) or not is_local(cut.tail, 0):
        return None
    body = "".join(pieces) + cut.tail
    fitted = fit(head + body, len(pieces) + 1)
    if not fitted.endswith(body) or root_of(fitted) == "html":
        return None
    head = fitted[: len(fitted) - len(body)]
    marked = _MARK + "".join(f"{piece}{_MARK}" for piece in pieces)
    try:
        walk = _walked(f"{head}{marked}{cut.tail}")
        if walk.counts != list(range(len(pieces) + 1)) or not walk.level or not walk.steady:
            return None
        return feed_of(walk.feeddata, walk.entries, walk.version), digest(walk.told)
    except Exception:  # noqa: BLE001  # feedparser raises anything on odd items; the whole is read as ever
        return None


def _told(state: dict[str, Any]) -> dict[str, Any]:
    """What of a state an item may depend on: of the feed's own words only those it can write into."""
    about = state["feeddata"]
    return {**state, "feeddata": [about.get(name) for name in ("image", "textinput")]}


class _Stops:
    """Beside feedparser's strict parser: looks at its state at each mark."""

    entries: list[Any]

    def begin(self) -> None:
        """Nothing was met yet."""
        self.counts: list[int] = []
        self.state = self.told = ""
        self.steady = True

    def processingInstruction(self, target: str, data: str) -> None:  # noqa: ARG002, N802  as SAX has it
        """A mark: between two items, before the first or behind the last."""
        now = {name: value for name, value in vars(self).items() if name not in _LEFT_OUT}
        state = repr(now)
        if not self.counts:
            self.level = not now["elementstack"]
            self.state, self.told = state, repr(_told(now))
        self.steady = self.steady and state == self.state
        self.counts.append(len(self.entries))


@cache
def _strict() -> Any:
    """Feedparser's strict parser with our stops, made on first use: feedparser is slow to import."""
    from feedparser.api import StrictFeedParser

    return type("Stopped", (_Stops, StrictFeedParser), {})


def _walked(text: str) -> Any:
    """The strict parser after it has read `text`, as `feedparser.parse` runs it. Raises anything."""
    walk = _strict()("", None, "utf-8")
    walk.begin()
    walk.resolve_relative_uris = walk.sanitize_html = False
    sax = expatreader.create_parser()  # noqa: S315  entities and DOCTYPE are kept out by `pieced`
    sax.setFeature(feature_namespaces, 1)
    sax.setFeature(feature_external_ges, 0)
    sax.setContentHandler(walk)
    sax.setErrorHandler(walk)
    source = InputSource()
    source.setByteStream(io.BytesIO(_DECLARATION + text.encode("utf-8", "replace")))
    sax.parse(source)
    return walk
