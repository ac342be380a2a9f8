"""Frozen words to plain JSON and back, and the one canonical form that gets hashed.

Canonical: keys sorted, no spaces, UTF-8, only objects, arrays, strings and integers;
no floats, no booleans, no null. For ASCII keys this coincides with RFC 8785.
Rows use the looser `dump`, which also keeps floats, booleans and null.
"""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Plain = str | int | list["Plain"] | dict[str, "Plain"]
"""What a canonical document is made of."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
"""Made once: `json.dumps` makes one for each document that is not in its own default form."""
_AS_THEY_ARE = frozenset({bool, int, float, type(None)})
_FIELDS: dict[type, tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]] = {}
"""Names of a word's fields and what gets their values, of every kind of word that was written."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` with lone surrogates, which UTF-8 cannot carry, made U+FFFD."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def canonical(document: Plain) -> bytes:
    """The one byte form of a document. Raises TypeError on floats, booleans, null and other types."""
    _check(document)
    text = _ENCODER.encode(document)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return clean(text).encode()


def _check(value: object) -> None:
    """Raise TypeError for what a canonical document cannot hold.

    Plain strings and integers, nearly all of a manifest, are passed over without a call.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            if type(key) is not str and not isinstance(key, str):
                raise TypeError(f"canonical JSON has string keys only, not {key!r}")
            if type(inner) is not str and type(inner) is not int:
                _check(inner)
    elif isinstance(value, list):
        for inner in value:
            if type(inner) is not str and type(inner) is not int:
                _check(inner)
    elif isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"canonical JSON has no {type(value).__name__}")


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment!r}: every stored time is aware UTC")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(value: int) -> datetime:
    """The aware UTC datetime of that many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


def stamp(value: datetime) -> str:
    """RFC 3339 in UTC with six decimals and Z: 2026-11-24T02:14:00.000000Z.

    Sites name any year: an instant that UTC cannot reach (year 9999 west of it) keeps its
    local digits. Raises ValueError for a naive datetime.
    """
    if value.tzinfo is None:
        raise ValueError(f"naive datetime {value!r}: every stored time is aware UTC")
    if value.tzinfo is UTC:
        return value.isoformat(timespec="microseconds")[:-6] + "Z"
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        utc = value.replace(tzinfo=UTC)
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def dump(value: object) -> str:
    """JSON text of a word (a frozen dataclass) or of tuples, enums and times of them."""
    return _ENCODER.encode(_plain(value))


def _plain(value: object) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() else clean(value)  # type: ignore[attr-defined, arg-type]
    if kind in _AS_THEY_ARE:
        return value
    if kind is datetime:
        return stamp(value)  # type: ignore[arg-type]
    fields = _FIELDS.get(kind)
    if fields is not None:  # a quiet poll of each of ten thousand targets ends here
        names, of = fields
        # A call saved for most fields is half of the whole.
        return dict(zip(names, [v if type(v) in _AS_THEY_ARE else _plain(v) for v in of(value)], strict=True))
    return _plain_of_any(value)


def _plain_of_any(value: object) -> Any:
    if isinstance(value, str):  # also every StrEnum
        return clean(str(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, date):
        return stamp(value) if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = _names(type(value))
        if len(names) > 1:  # of one name attrgetter gives no tuple
            _FIELDS[type(value)] = names, attrgetter(*names)
        return {name: _plain(getattr(value, name)) for name in names}
    raise TypeError(f"no JSON form for {type(value).__name__}")


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def load(kind: type[T], text: str, *, strict: bool = False) -> T:
    """The word of type `kind` that `dump` wrote. Unknown fields are left out, or refused if `strict`.

    Raises ValueError (also from json) or TypeError when the text is not of that kind.
    """
    return cast(T, restore(kind, json.loads(text), strict=strict))


def load_tuple(kind: type[T], text: str, *, strict: bool = False) -> tuple[T, ...]:
    """A tuple of words that `dump` wrote."""
    return tuple(cast(T, restore(kind, inner, strict=strict)) for inner in json.loads(text))


def restore(kind: Any, value: Any, *, strict: bool = False) -> Any:
    """`value` (plain JSON) as `kind`: a dataclass, enum, datetime, tuple, union with None or scalar."""
    origin = get_origin(kind)
    if origin is Union or origin is types.UnionType:
        inner = [a for a in get_args(kind) if a is not type(None)]
        return None if value is None else restore(inner[0], value, strict=strict)
    if origin is tuple:
        return _restore_tuple(get_args(kind), value, strict=strict)
    if isinstance(kind, typing.NewType):
        return restore(kind.__supertype__, value, strict=strict)
    if isinstance(kind, type):
        return _restore_plain(kind, value, strict=strict)
    raise TypeError(f"cannot restore {kind!r}")


def _restore_tuple(arguments: tuple[Any, ...], value: Any, *, strict: bool) -> tuple[Any, ...]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(restore(arguments[0], inner, strict=strict) for inner in value)
    return tuple(restore(a, inner, strict=strict) for a, inner in zip(arguments, value, strict=True))


def _restore_plain(kind: type, value: Any, *, strict: bool) -> Any:
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        if strict and (strange := value.keys() - hints.keys()):
            raise ValueError(f"a {kind.__name__} has no {min(strange)[:40]!r}")
        return kind(**{n: restore(hints[n], v, strict=strict) for n, v in value.items() if n in hints})
    if issubclass(kind, Enum):
        return cast(Any, kind)(value)
    if issubclass(kind, datetime):
        return datetime.fromisoformat(value)
    if issubclass(kind, date):
        return date.fromisoformat(value)
    return cast(Any, kind)(value)
