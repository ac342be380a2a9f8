"""The tables of docs/configuration.md, made from the code: `python -m tests.config.manual` writes them.

Text between `<!-- keys NAME -->` and `<!-- end -->` is made here, all else is written by
hand. The test of the manual compares; so a key that is added, renamed or given another
default is in the manual or the suite is red.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BeforeValidator

from bot import channel
from bot.settings import keys
from bot.settings.shapes import hints
from bot.settings.units import seconds, size_bytes, wall_time
from watchers import feed

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
_BLOCK = re.compile(r"(<!-- keys (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_READ_BY: dict[object, str] = {seconds: "duration", size_bytes: "size", wall_time: "wall time"}
_NAMED: dict[object, str] = {
    keys.Zone: "IANA zone",
    keys.Url: "address",
}
_PLAIN: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    date: "date",
    Path: "path",
    object: "any",
    types.NoneType: "",
}


def shapes() -> dict[str, Any]:
    """Name of a block -> the dataclass whose keys it lists."""
    found: dict[str, Any] = {
        "nightjar": keys.NightjarKeys,
        "hint": keys.HintKeys,
        "hosts": keys.HostKeys,
        "target": keys.TargetKeys,
        "window": keys.WindowKeys,
        "channel": keys.ChannelKeys,
        "authority": keys.AuthorityKeys,
        "retention": keys.RetentionKeys,
        "officer": keys.OfficerKeys,
        "desk": keys.DeskKeys,
        "chat": keys.ChatKeys,
        "rota": keys.RotaKeys,
    }
    found |= {f"feed-{kind}": feed.load(kind).Settings for kind in feed.kinds()}
    return found | {f"channel-{kind}": channel.load(kind).Settings for kind in channel.kinds()}


def written(text: str) -> str:
    """The manual with every block made anew."""
    known = shapes()
    return _BLOCK.sub(lambda found: f"{found[1]}{block(known[found[2]])}{found[3]}", text)


def blocks(text: str) -> set[str]:
    """Names of the blocks that a manual has."""
    return {found[2] for found in _BLOCK.finditer(text)}


def block(shape: Any) -> str:
    """What its author says of a `Settings`, and its keys; then the tables that stand inside it."""
    parts = []
    if shape.__module__ != keys.__name__:
        parts.append(inspect.cleandoc(shape.__doc__ or "") + "\n")
    parts.append(table(shape))
    parts += [f"Keys of a `{inner.__name__}` table:\n\n{table(inner)}" for inner in inside(shape)]
    return "\n".join(parts)


def table(shape: Any) -> str:
    """The keys of one dataclass: type, default, and its words where it has some."""
    has_words = any("about" in f.metadata for f in dataclasses.fields(shape))
    head = ["key", "type", "default", *["what it says"] * has_words]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    known = hints(shape)
    for f in dataclasses.fields(shape):
        cells = [f"`{f.name}`", kind(known[f.name]), default(f)]
        cells += [f.metadata.get("about", "")] * has_words
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if len(lines) == 2:
        return "No keys.\n"
    return "\n".join(lines) + "\n"


def inside(shape: Any, seen: frozenset[Any] = frozenset()) -> Iterator[Any]:
    """Dataclasses that stand in the keys of another, each once; ours have sections of their own."""
    for hint in hints(shape).values():
        for part in _parts(hint):
            own = (
                isinstance(part, type) and dataclasses.is_dataclass(part) and part.__module__ != keys.__name__
            )
            if own and part not in seen:
                yield part
                seen |= {part}


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in typing.get_args(hint):
        yield from _parts(argument)


def kind(hint: Any) -> str:
    """A type in an admin's words."""
    if hint in _NAMED:
        return _NAMED[hint]
    if hasattr(hint, "__metadata__"):
        return _annotated(hint)
    if isinstance(hint, type) and hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(f'`"{member.value}"`' for member in hint)
    if dataclasses.is_dataclass(hint):
        return "table"
    return _generic(hint)


def _annotated(hint: Any) -> str:
    """By what reads the value first, else by the type below."""
    readers = [mark.func for mark in hint.__metadata__ if isinstance(mark, BeforeValidator)]
    inner = typing.get_args(hint)[0]
    if readers and dataclasses.is_dataclass(inner):
        return "text or table"
    return next((_READ_BY[r] for r in readers if r in _READ_BY), kind(inner))


def _generic(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " or ".join(f'`"{value}"`' for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(filter(None, map(kind, arguments))))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table of {kind(arguments[-1])}"
    if isinstance(origin, type) and issubclass(origin, tuple | list | frozenset):
        return f"list of {kind(arguments[0])}"
    return str(hint)


def default(f: Any) -> str:
    """The default of a key as TOML, or that it must be there."""
    if f.default_factory is not dataclasses.MISSING:
        return "`{}`" if isinstance(f.default_factory(), Mapping) else "`[]`"
    if f.default is dataclasses.MISSING:
        return "**required**"
    return "" if f.default is None else f"`{_toml(f.default)}`"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if dataclasses.is_dataclass(value):
        given = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        inner = ", ".join(f"{name} = {_toml(entry)}" for name, entry in given.items() if entry is not None)
        return f"{{ {inner} }}" if inner else "{}"
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    MANUAL.write_text(written(MANUAL.read_text(encoding="utf-8")), encoding="utf-8")
