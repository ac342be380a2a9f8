"""JMESPath over JSON from strangers, and address templates such as "{base}/t/{slug}/{id}".

Expressions come from the admin and are compiled once; the data come from the site and
may be anything. JMESPath: https://jmespath.org/specification.html. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from watchers.reading.contents import words
from watchers.reading.text import clean

Json: TypeAlias = object
"""What json.loads gives: dict, list, str, int, float, bool or None."""

MOST_VALUES = 500_000
"""Values (commas and brackets) read of one body: about 60 MB of memory."""
DEEPEST = 64
LONGEST_EXPRESSION = 2_000
_INTERPRETER = TreeInterpreter()
"""One for all: it keeps nothing of a search, and one made for each is a cycle of six objects. Those of a few
thousand listings had the collector look through what a start makes, for tenths of a second at a time."""
_HOLE = re.compile(r"\{([^{}]*)\}")
_GUARD = re.compile(r"(?:\)\]\}'?,?|(?:while|for)\s?\([1;]{1,3}\);?)")
_CALLBACK = re.compile(r"(?:/\*\*/)?\s*+[\w$.]{1,100}\s*+\(\s*+(?=[\[{])")


def check(expression: str) -> None:
    """Raises ValueError with the reason when `expression` is no JMESPath."""
    if len(expression) > LONGEST_EXPRESSION:
        raise ValueError(f"longer than {LONGEST_EXPRESSION} characters")
    try:
        _compiled(expression)
    except JMESPathError as error:
        raise ValueError(f"{expression!r} is no JMESPath: {' '.join(str(error).split())[:200]}") from None
    except RecursionError:
        raise ValueError("nested too deep") from None


def check_template(template: str) -> None:
    """Raises ValueError when a {hole} of `template` is no JMESPath, or braces do not pair."""
    holes = _HOLE.findall(template)
    if "{" in _HOLE.sub("", template) or "}" in _HOLE.sub("", template):
        raise ValueError(f"{template!r}: every {{ needs its }}")
    for hole in holes:
        check(hole)


@lru_cache(maxsize=512)
def _compiled(expression: str) -> jmespath.parser.ParsedResult:
    return jmespath.compile(expression)


def find(expression: str, data: Json) -> Json:
    """What `expression` finds, or None: nothing there, or a function given what it cannot take."""
    if not expression:
        return None
    try:
        found: Json = _INTERPRETER.visit(_compiled(expression).parsed, data)
    except (JMESPathError, ArithmeticError, TypeError, ValueError, RecursionError):
        return None
    return found


def load(text: str) -> Json:
    """The value of a JSON text, also behind an anti-hijack prefix or a callback.

    Raises ValueError, with words for people, when it is none or beyond the bounds.
    """
    if text.count(",") + text.count("[") + text.count("{") > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} values")
    text = text.strip()
    if found := _GUARD.match(text) or _CALLBACK.match(text):
        text = text[found.end() :]
        text = text.rstrip("; \t\r\n").removesuffix(")") if found[0].rstrip().endswith("(") else text
    try:
        value: Json = json.loads(text, strict=False)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if _deeper_than(value, DEEPEST):
        raise ValueError(f"nested deeper than {DEEPEST}")
    return value


def _deeper_than(value: Json, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: Json) -> Iterator[Json]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (child for child in inner if isinstance(child, dict | list))


def raw(value: Json) -> str:
    """A value as its own text, markup and all; lists line by line, {"rendered": ...} unwrapped."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return "\n".join(text for text in map(raw, value[:1000]) if text)
    if isinstance(value, dict):
        return raw(next((value[key] for key in ("rendered", "value", "text", "name") if key in value), None))
    return ""


def text(value: Json) -> str:
    """A value as a reader would see it."""
    return words(raw(value))


def truth(value: Json) -> bool:
    """Whether a value says yes; the texts "false" and "0" do not."""
    return bool(value) and value not in ("false", "0")


def fill(template: str, data: Json, known: Mapping[str, str]) -> str:
    """`template` with its {holes} filled from `known` or by JMESPath from `data`; "" when one stays empty.

    Filled values are percent-encoded, those from `known` are put as they are. An empty slug
    is no loss: its slash goes.
    """
    missing = False

    def one(hole: re.Match[str]) -> str:
        nonlocal missing
        name = hole[1].strip()
        if name in known:
            return known[name]
        value = clean(raw(find(name, data)))
        missing = missing or (not value and not name.endswith("slug"))
        return quote(value, safe="-._~:@!$&'()*+,;=%")

    filled = _HOLE.sub(one, template)
    return "" if missing else re.sub(r"(?<![:/])//+", "/", filled)
