"""Picks: a CSS selector with an optional attribute and a regular expression that cleans up.

Written by an admin, applied to pages by strangers. Selectors with several descendant
combinators are taken step by step, because their native matching grows with a power of
the nesting (300 nested <div> took a minute); expressions that can backtrack without
bound are refused, and the text they see is bounded. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from watchers.reading.text import text_of

LONGEST_CSS = 1_000
LONGEST_REGEX = 500
MOST_NODES = 5_000
_SEEN_BY_REPEATS = (20_000, 5_000, 400, 120)
"""Characters an expression sees, by the number of its open-ended repeats: bounds the worst case."""
_COUNTING = re.compile(r":nth-|~")
_MOST_COUNTED = 8_000
"""Elements of a page on which :nth-* and ~ are tried; they look at all siblings again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """`css`: which element; `attr`: its attribute ("" for the text); `regex`: what of the value.

    Of the expression the first group counts, else the whole match; no match is no value.
    Raises ValueError saying what is wrong with which part.
    """

    css: str
    attr: str = ""
    regex: str = ""

    def __post_init__(self) -> None:
        check_css(self.css)
        if self.attr and not re.fullmatch(r"[^\s\"'<>/=]{1,100}", self.attr):
            raise ValueError(f"attr: {self.attr!r} is no attribute name")
        if self.regex:
            check_regex(self.regex)


def read_pick(value: object) -> object:
    """The short form "css@attribute" as a Pick; everything else as it is, for pydantic to judge."""
    if not isinstance(value, str):
        return value
    css, at, attr = value.rpartition("@")
    if not at or not re.fullmatch(r"[a-zA-Z_][\w:.-]*", attr.strip()):
        return Pick(css=value.strip())
    return Pick(css=css.strip(), attr=attr.strip())


Picked = Annotated[Pick, BeforeValidator(read_pick)]
"""A Pick as it stands in TOML: "css", "css@attribute" or { css = ..., attr = ..., regex = ... }."""


# --- applying ---------------------------------------------------------------------------


def nodes(top: LexborNode | LexborHTMLParser, css: str) -> list[LexborNode]:
    """The elements below `top` that match, in page order, at most MOST_NODES."""
    paths = _steps(css)
    if all(len(path) <= 2 for path in paths):
        found = top.css(css)
        own = top.mem_id if isinstance(top, LexborNode) else 0
        return [node for node in found[: MOST_NODES + 1] if node.mem_id != own][:MOST_NODES]
    groups = [_stepwise(top, path) for path in paths]
    if len(groups) == 1:
        return groups[0][:MOST_NODES]
    unique = {node.mem_id: node for group in groups for node in group}
    order = {node.mem_id: n for n, node in enumerate(top.css("*"))}
    return sorted(unique.values(), key=lambda node: order.get(node.mem_id, 0))[:MOST_NODES]


def _stepwise(top: LexborNode | LexborHTMLParser, path: tuple[str, ...]) -> list[LexborNode]:
    """`A B C`: all A, below the outermost of them all B, and so on; every step is linear."""
    found: list[LexborNode] = nodes(top, path[0])
    for part in path[1:]:
        climbs = len(re.findall(r"[>+~](?![^(\[]*[)\]])", part))
        below: list[LexborNode] = []
        for scope in _outermost(found):
            inside = scope.css(part)
            below += [
                node for node in inside if node.mem_id != scope.mem_id and _starts_inside(node, scope, climbs)
            ]
        found = below
    return found


def _starts_inside(node: LexborNode, scope: LexborNode, climbs: int) -> bool:
    """Whether the first element of `X > Y` is below the scope too, and not the scope itself."""
    at: LexborNode | None = node
    for _ in range(climbs):
        at = at.parent if at is not None else None
        if at is None or at.mem_id == scope.mem_id:
            return False
    return True


def _outermost(found: list[LexborNode]) -> list[LexborNode]:
    ids = {node.mem_id for node in found}
    return [node for node in found if not _has_above(node, ids)]


def _has_above(node: LexborNode, ids: set[int]) -> bool:
    above = node.parent
    while above is not None:
        if above.mem_id in ids:
            return True
        above = above.parent
    return False


def values(top: LexborNode | LexborHTMLParser, pick: Pick) -> list[str]:
    """Every value of a pick below `top`, cleaned up, empty ones left out."""
    found = (value_of(node, pick) for node in nodes(top, pick.css))
    return [value for value in found if value]


def first(top: LexborNode | LexborHTMLParser, pick: Pick) -> str:
    """The first value of a pick below `top`, else of `top` itself if it matches, else ""."""
    inside = next((value for node in nodes(top, pick.css) if (value := value_of(node, pick))), "")
    if inside or not isinstance(top, LexborNode) or len(max(_steps(pick.css), key=len)) > 2:
        return inside
    itself = top.css(pick.css)[:1]
    return value_of(top, pick) if itself and itself[0].mem_id == top.mem_id else ""


def value_of(node: LexborNode, pick: Pick) -> str:
    """The attribute or text of an element, cleaned up by the expression."""
    raw = (node.attributes.get(pick.attr) or "").strip() if pick.attr else text_of(node)
    if not pick.regex or not raw:
        return raw
    expression, longest = _compiled(pick.regex)
    found = expression.search(raw[:longest])
    if found is None:
        return ""
    return (next((group for group in found.groups() if group is not None), found[0])).strip()


def too_large_for(css: str, tree: LexborHTMLParser) -> bool:
    """Whether a selector that counts siblings would take too long on this page."""
    return bool(_COUNTING.search(css)) and len(tree.css("*")) > _MOST_COUNTED


# --- checking ---------------------------------------------------------------------------


def check_css(css: str) -> None:
    """Raise ValueError when `css` is no selector, or one whose cost cannot be bounded."""
    if not css.strip():
        raise ValueError("css: must not be empty")
    if len(css) > LONGEST_CSS:
        raise ValueError(f"css: longer than {LONGEST_CSS} characters")
    try:
        _EMPTY.css(css)
    except SelectolaxError:
        raise ValueError(f"css: {css!r} is no CSS selector that can be read") from None
    if css.count("~") - css.count("~=") > 1:
        raise ValueError("css: at most one ~ (all following siblings); use + or > instead")
    inner = re.findall(r":(?:has|not|is|where)\(([^()]*(?:\([^()]*\)[^()]*)*)\)", css)
    if any(":has(" in part or len(part.split()) > 2 for part in inner):
        raise ValueError("css: within :has(), :not() and :is() only a simple selector is possible")


_EMPTY = LexborHTMLParser("<p></p>")


@lru_cache(maxsize=1_000)
def _steps(css: str) -> tuple[tuple[str, ...], ...]:
    """A selector list as paths, each cut at its descendant combinators."""
    return tuple(_cut(alternative) for alternative in _apart(css, ",") if alternative.strip())


def _cut(selector: str) -> tuple[str, ...]:
    joined = re.sub(r"\s*([>+~])\s*(?![^(\[]*[)\]])", r"\1", selector.strip())
    return tuple(part.replace(">", " > ").replace("+", " + ") if "(" not in part and "[" not in part else part
                 for part in _apart(joined, " ") if part)  # fmt: skip


def _apart(text: str, mark: str) -> Iterator[str]:
    """Cut at `mark` outside brackets and quotes; white space counts as " "."""
    depth, quote, piece = 0, "", ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif not depth and (char == mark or (mark == " " and char.isspace())):
            yield piece
            piece = ""
            continue
        piece += char
    yield piece


@lru_cache(maxsize=1_000)
def _compiled(regex: str) -> tuple[re.Pattern[str], int]:
    return re.compile(regex), _SEEN_BY_REPEATS[check_regex(regex)]


def check_regex(regex: str) -> int:
    """The number of open-ended repeats. Raises ValueError for what cannot be read or bounded."""
    if len(regex) > LONGEST_REGEX:
        raise ValueError(f"regex: longer than {LONGEST_REGEX} characters")
    try:
        re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"regex: {error}") from None
    repeats = _repeats(regex)
    if repeats >= len(_SEEN_BY_REPEATS):
        raise ValueError("regex: more than 3 open-ended repeats (*, +, {n,}); bound some, as in {0,40}")
    return repeats


_TOKENS = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[^:=!<P]*[:=!]|\(\?P?<[=!]?\w*>?|[()|]|[*+]|\{\d*,?\d*\}|.",
    re.DOTALL,
)


def _repeats(regex: str) -> int:
    """Open-ended repeats of an expression; a repeat of what itself varies or branches is refused."""
    open_: list[bool] = []
    last, count = False, 0
    for found in _TOKENS.finditer(regex):
        piece = found[0]
        if piece.startswith("("):
            open_.append(False)
            last = False
        elif piece == ")":
            last = open_.pop() if open_ else False
            _mark(open_, last)
        elif piece == "|":
            _mark(open_, True)
        elif (repeat := _REPEAT.fullmatch(piece)) is not None:
            most = _most(repeat)
            if last and most > 1:
                raise ValueError("regex: a repeat of what itself varies, as in (a+)+, can take for ever")
            count += most >= _OPEN_ENDED
            _mark(open_, repeat["least"] is None or repeat["most"] is not None)
        else:
            last = False
    return count


def _mark(open_: list[bool], varies: bool) -> None:
    """Note that the innermost open group varies."""
    if open_ and varies:
        open_[-1] = True


_REPEAT = re.compile(r"[*+?]|\{(?P<least>\d*)(?P<most>,\d*)?\}")
_OPEN_ENDED = 100


def _most(repeat: re.Match[str]) -> int:
    """How often a repeat can repeat; _OPEN_ENDED and more count as without bound."""
    if repeat[0] == "?":
        return 1
    bound = (repeat["most"] or "").lstrip(",") if repeat["most"] is not None else repeat["least"]
    return int(bound) if bound else _OPEN_ENDED
