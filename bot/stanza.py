"""A recognised site as a commented `[[target]]` of the configuration: `nightjar add`.

What only people can say (by whose right) stands there as a placeholder that the reader
of the configuration refuses, so a target never starts by accident. Every key that may be
set is there with its default and what it means. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot.settings.keys import TargetKeys
from bot.settings.units import spoken_s

LEGAL_BASIS = "<the law or order that allows this watch>"
AUTHORISED_BY = "<who ordered it: office, name or file number>"
REVIEW_AFTER = "<a date without quotes, such as 2027-06-30>"
_WIDTH = 100
_WRITTEN = ("name", "kind", "url", "legal_basis", "authorised_by", "review_after", "interval", "rules")
_EXAMPLES = {
    "day_interval": '"10m"',
    "window": '{ start = "21:00", end = "06:00" }',
    "timeout": '"20s"',
    "max_body": '"8MB"',
    "headers": '{ "Accept-Language" = "zh-CN" }',
}


class Recognised(Protocol):
    """What is asked of a recognition (`watchers.feed.Recognition`)."""

    @property
    def kind(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def rules(self) -> Mapping[str, object]: ...
    @property
    def why(self) -> str: ...


def stanza(
    found: Recognised,
    settings: type,
    *,
    today: date,
    interval_s: float = 30.0,
    taken: tuple[str, ...] = (),
    others: tuple[Recognised, ...] = (),
) -> str:
    """TOML text of one target, ending in a line break.

    settings: the kind's `Settings`. interval_s: seconds. taken: names already in use.
    others: further ways to watch the same site, told in a comment.
    """
    lines = [
        f"# Written by `nightjar add` on {today.isoformat()}.",
        *_comment(f"Recognised as {found.kind}: {found.why}"),
        *(line for other in others for line in _comment(f"Or as {other.kind}, {other.url}: {other.why}")),
        "[[target]]",
        f"name = {quoted(name_for(found.url, taken))}",
        f"kind = {quoted(found.kind)}",
        f"url = {quoted(found.url)}",
        "",
        "# To be filled in by somebody who may decide it; until then the target does not start.",
        f"legal_basis = {quoted(LEGAL_BASIS)}",
        f"authorised_by = {quoted(AUTHORISED_BY)}",
        f"review_after = {quoted(REVIEW_AFTER)}",
        "",
        f"interval = {quoted(spoken_s(interval_s))}  # {_about(TargetKeys, 'interval')}",
        *_optional_keys(),
        "",
        *_rules(found.rules, settings),
    ]
    return "\n".join(lines) + "\n"


def name_for(url: str, taken: tuple[str, ...] = ()) -> str:
    """A target name from an address: its host and the telling part of its path; unlike those taken."""
    parts = urlsplit(url)
    host = (parts.hostname or "site").removeprefix("www.")
    words = [
        w
        for w in re.split(r"[^A-Za-z0-9]+", f"{host} {parts.path}")
        if w and w not in ("index", "html", "php")
    ]
    base = "-".join(words)[:50].strip("-") or "site"
    names = (base if n == 1 else f"{base}-{n}" for n in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


# --- the parts of a stanza ------------------------------------------------------------------


def _optional_keys() -> Iterator[str]:
    for field in fields(TargetKeys):
        if field.name in _WRITTEN or not field.init:
            continue
        value = _EXAMPLES.get(field.name) or _default(field)
        yield from _commented(f"{field.name} = {value}", str(field.metadata.get("about", "")))


def _rules(rules: Mapping[str, object], settings: type) -> Iterator[str]:
    """`[target.rules]`: what was recognised, and the other keys of the kind as comments."""
    told = explained(settings)
    yield "[target.rules]"
    yield from _comment(_opening(settings))
    for key, value in rules.items():
        yield f"{_key(key)} = {toml(value)}" + (
            f"  # {told[key]}" if told.get(key) and len(told[key]) < 80 else ""
        )
    for field in fields(settings) if is_dataclass(settings) else ():
        if field.name not in rules and field.init:
            yield from _commented(f"{field.name} = {_default(field)}", told.get(field.name, ""))


def explained(settings: type) -> dict[str, str]:
    """What the docstring of a kind's Settings says of each key ("key, key: words.")."""
    names = {field.name for field in fields(settings)} if is_dataclass(settings) else set()
    text = " ".join((settings.__doc__ or "").split())
    marks = list(re.finditer(r"(?:^|(?<=[.;] ))((?:[a-z_]+(?:, | and ))*[a-z_]+): ", text))
    found: dict[str, str] = {}
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        words = text[mark.end() : after.start() if after else len(text)].strip().rstrip(".; ")
        keys = re.split(r", | and ", mark[1])
        if set(keys) <= names:
            found.update(dict.fromkeys(keys, words))
    return found


def _opening(settings: type) -> str:
    return " ".join((settings.__doc__ or "").split()).partition(". ")[0][:300]


def _about(shape: Any, name: str) -> str:
    return str(next(f.metadata.get("about", "") for f in fields(shape) if f.name == name))


def _default(field: Field[Any]) -> str:
    """The default of a key as TOML, or an example where it has none."""
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    if value is None or value is MISSING:
        return '"..."'
    if is_dataclass(value) and not isinstance(value, type):
        return "{ }"
    return toml(value)


# --- TOML --------------------------------------------------------------------------------------


def _comment(text: str) -> Iterator[str]:
    """Comment lines of at most _WIDTH characters; strangers' words cannot end them."""
    line = "#"
    for word in "".join(c if c.isprintable() else " " for c in text).split():
        if len(line) + len(word) >= _WIDTH and line != "#":
            yield line
            line = "#"
        line += f" {word[:300]}"
    yield line


def _commented(assignment: str, about: str) -> Iterator[str]:
    """A key that is not set, with what it means."""
    whole = f"# {assignment}  # {about}" if about else f"# {assignment}"
    if len(whole) <= _WIDTH + 20:
        yield whole
        return
    yield from _comment(about)
    yield f"# {assignment}"


def toml(value: object) -> str:
    """A value as TOML 1.0 on one line. Raises TypeError for what TOML cannot say."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(str(k))} = {toml(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{ }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    raise TypeError(f"TOML has no form for {type(value).__name__}")


def quoted(text: str) -> str:
    """A basic string of TOML: https://toml.io/en/v1.0.0#string; a lone surrogate becomes U+FFFD."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c) or _escaped(c) for c in text) + '"'


def _escaped(char: str) -> str:
    if 0xD800 <= ord(char) <= 0xDFFF:
        return "\ufffd"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04X}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08X}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)
