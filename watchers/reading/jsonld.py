"""JSON-LD of a page, also where it is not quite JSON.

Themes and plugins leave comments, trailing commas, raw line breaks, HTML entities and
CDATA marks in it. Each repair is tried only after the stricter reading failed, and what
cannot be read is left out. Format: https://www.w3.org/TR/json-ld11/#embedding-json-ld-in-html-documents.
Pure; linear in the script; never raises.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser

LONGEST_SCRIPT = 2_000_000
"""Characters of one script."""
MOST_SCRIPTS = 200
_DEEPEST = 200
"""Brackets open at once; the standard parser recurses, and no description nests so deep."""

Thing = dict[str, Any]
"""One JSON object; this alias ends at `watchers.reading`."""

_STRING_OR_COMMENT = re.compile(
    r'"(?:[^"\\]|\\.)*+(?:"|\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)|<!--[^\n]*-->|<!--|-->', re.DOTALL
)
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|,(?=\s*+[}\]])', re.DOTALL)
_BAD_ESCAPE = re.compile(
    r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}|x(?P<hex>[0-9a-fA-F]{2})|(?P<any>.)|\Z)', re.DOTALL
)
_CDATA = re.compile(r"(?:/\*\s*)?(?://\s*)?<!\[CDATA\[(?:\s*\*/)?|(?:/\*\s*)?(?://\s*)?\]\]>(?:\s*\*/)?")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[{\]}]', re.DOTALL)
_TYPE = re.compile(r"\s*application/(?:ld\+json|json\+ld)\s*(?:;.*)?$", re.IGNORECASE | re.DOTALL)


def json_ld(tree: LexborHTMLParser) -> list[Thing]:
    """Every top-level object of the page's JSON-LD scripts, in order; empty ones left out."""
    found: list[Thing] = []
    for script in tree.css("script[type]")[: 20 * MOST_SCRIPTS]:
        if len(found) >= 20 * MOST_SCRIPTS:
            break
        if _TYPE.match(script.attributes.get("type") or ""):
            found += [item for item in _items(read(script.text() or "")) if item]
    return found


def _items(value: object) -> Iterator[Thing]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item


def read(script: str) -> object:
    """The value of a script, repaired as far as needed; None when nothing can be made of it."""
    script = script[:LONGEST_SCRIPT].strip().strip("\ufeff")
    if not script or _too_deep(script):
        return None
    for text in _readings(script):
        try:
            return _first_value(text)
        except (ValueError, RecursionError):
            continue
    return None


def _readings(script: str) -> Iterator[str]:
    """The script as it is, then with more and more repaired."""
    yield script
    script = _CDATA.sub("", script)
    bare = _STRING_OR_COMMENT.sub(lambda m: m[0] if m[0].startswith('"') else " ", script)
    yield bare
    yield (mended := _mended(bare))
    if "&" in mended:
        yield _mended(html.unescape(mended))


def _mended(text: str) -> str:
    text = _STRING_OR_COMMA.sub(lambda m: m[0] if m[0].startswith('"') else "", text)
    return _BAD_ESCAPE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    if found["hex"]:
        return f"\\u00{found['hex']}"
    if found["any"] is None:
        return found[0] if len(found[0]) > 1 else ""
    return "'" if found["any"] == "'" else "\\\\" + found["any"]


def _first_value(text: str) -> object:
    """The value at the start of `text`; several in a row become a list, words behind are left out."""
    decoder = json.JSONDecoder(strict=False)
    text = text.lstrip(" \t\r\n;")
    value, end = decoder.raw_decode(text)
    values = [value]
    while len(values) < MOST_SCRIPTS:
        rest = re.compile(r"[\s;,]*").match(text, end)
        at = rest.end() if rest else end
        if not text.startswith(("{", "["), at):
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            break
        values.append(value)
    flat = [item for one in values for item in (one if isinstance(one, list) else [one])]
    return values[0] if len(values) == 1 else flat


def _too_deep(script: str) -> bool:
    if script.count("[") + script.count("{") <= _DEEPEST:
        return False
    depth = 0
    for found in _BRACKET.finditer(script):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > _DEEPEST:
            return True
    return False
