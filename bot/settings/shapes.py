"""A table against the frozen dataclass it must become, strictly, with every fault at once.

pydantic judges the values (in strict JSON mode: no "5" for 5, no 1 for true); this file
walks names, because unknown keys must be told with the nearest correct one, and turns
pydantic's findings into words for an admin. Knows nothing of targets or channels.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from bot.mistakes import is_secret, nearest, shown
from bot.settings.documents import Path_
from storage.errors import NightjarError

_SECRET_KEYS = re.compile(
    r"(?i)(^|_)(token|secret|password|passwd|passphrase|apikey|api_key|hmac|private_key|credentials?)$"
)
_NO_SECRETS = "a secret does not belong in TOML"
_SECRETS_GO = "the name of a file of mode 0600, or of an environment variable"
_LARGEST = 1 << 63
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong below a table. path: relative to it; () is the table itself."""

    path: Path_
    why: str
    allowed: str = ""
    nearest: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """Names that a table does not have itself: in other tables (with their place), or read by others."""

    elsewhere: Mapping[str, str]
    others: tuple[str, ...]


_ALONE = Beside({}, ())


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a table: the value, or None with the faults."""

    value: object | None
    faults: tuple[Fault, ...]


def read_table(
    table: Mapping[str, object],
    shape: type,
    *,
    elsewhere: Mapping[str, str] | None = None,
    others: tuple[str, ...] = (),
) -> Reading:
    """`table` as an instance of the dataclass `shape`, or every reason why it is not.

    elsewhere: keys that belong to another table, with the words that say to which.
    others: correct keys of the same table that somebody else reads, for the hints.
    Errors of the dataclass's own checks (ValueError, NightjarError) become faults.
    """
    faults: list[Fault] = []
    clean = _walk(dict(table), shape, (), faults, Beside(elsewhere or {}, others))
    value, found = _validate_all(cast(dict[str, object], clean), shape)
    misspelt = {(*fault.path[:-1], fault.nearest) for fault in faults if fault.nearest}
    known = {fault.path for fault in faults}
    faults += [f for f in found if f.path not in known and not ("required" in f.why and f.path in misspelt)]
    return Reading(value=None if faults else value, faults=tuple(faults))


def salvage(table: Mapping[str, object], shape: type[_T], fill: Mapping[str, object]) -> _T | None:
    """What can be had of a table with faults: the faulty keys as in `fill` or by default.

    For checks over several keys or tables, which must not wait until the rest is right.
    """
    known = hints(cast(Any, shape))
    faulty = {fault.path[0] for fault in read_table(table, shape).faults if fault.path}
    kept = {k: v for k, v in table.items() if k in known and k not in faulty}
    value = read_table({**fill, **kept}, shape).value
    return value if isinstance(value, shape) else None


def dotted(path: Path_) -> str:
    """A path as an admin writes it: rules.fields[2].css (counted from 1 for people)."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{_quoted(part)}"
    return text.removeprefix(".")


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key) else shown(key)


# --- names ---------------------------------------------------------------------


@cache
def hints(shape: Any) -> dict[str, object]:
    """The keys of a dataclass with their types, annotations kept."""
    known = typing.get_type_hints(shape, include_extras=True)
    return {f.name: known[f.name] for f in fields(shape) if f.init}


def _walk(value: object, kind: object, path: Path_, faults: list[Fault], beside: Beside) -> object:
    """`value` as JSON can carry it, without the keys that `kind` does not have."""
    if isinstance(value, dict):
        return _walk_table(value, kind, path, faults, beside)
    if isinstance(value, list):
        inner = _member(kind, list)
        return [_walk(v, inner, (*path, i), faults, _ALONE) for i, v in enumerate(value)]
    return _walk_scalar(value, kind, path, faults)


def _walk_table(
    table: dict[str, object], kind: object, path: Path_, faults: list[Fault], beside: Beside
) -> dict[str, object]:
    shape = _member(kind, dict)
    if not (isinstance(shape, type) and is_dataclass(shape)):
        return {k: _walk(v, shape, (*path, k), faults, _ALONE) for k, v in table.items()}
    known = hints(shape)
    faults += [_unknown((*path, key), tuple(known), beside) for key in table if key not in known]
    kept = {key: value for key, value in table.items() if key in known}
    return {key: _walk(value, known[key], (*path, key), faults, _ALONE) for key, value in kept.items()}


def _unknown(path: Path_, own: tuple[str, ...], beside: Beside) -> Fault:
    key, known = str(path[-1]), own + beside.others
    if _SECRET_KEYS.search(key):
        meant = next((k for k in known if k in (f"{key}_file", f"{key}_env")), "")
        return Fault(path=path, why=_NO_SECRETS, allowed=_SECRETS_GO, nearest=meant)
    if key in beside.elsewhere:
        return Fault(path=path, why=f"unknown key {shown(key)} here; it belongs {beside.elsewhere[key]}")
    why = f"unknown key {shown(key)}"
    if meant := nearest(key, known):
        return Fault(path=path, why=why, nearest=meant)
    return Fault(path=path, why=why, allowed=", ".join(known) or "no keys at all")


def _walk_scalar(value: object, kind: object, path: Path_, faults: list[Fault]) -> object:
    if isinstance(value, str) and is_secret(value):
        faults.append(Fault(path=path, why=_NO_SECRETS, allowed=_SECRETS_GO))
    elif isinstance(value, str) and "\0" in value:
        faults.append(Fault(path=path, why="must not hold a NUL character"))
    elif isinstance(value, int | float) and not abs(value) < _LARGEST:
        faults.append(Fault(path=path, why="must be a finite number of at most 64 bits"))
    elif isinstance(value, date | time):
        marks = getattr(kind, "__metadata__", ())
        if type(value) in _options(kind) or (isinstance(value, time) and "time" in marks):
            return value.isoformat()
        what = "date and time" if isinstance(value, datetime) else type(value).__name__
        faults.append(Fault(path=path, why=f"is a {what}; text goes in quotes"))
    else:
        return value
    return None


def _member(kind: object, wanted: type) -> object:
    """Of a type, the part that a table (dict) or an array (list) may become.

    For a table: a dataclass, or the value type of a mapping. For an array: its item type.
    """
    for option in _options(kind):
        origin, args = typing.get_origin(option), typing.get_args(option)
        if wanted is dict and isinstance(option, type) and is_dataclass(option):
            return option
        if wanted is dict and isinstance(origin, type) and issubclass(origin, Mapping):
            return args[-1]
        if wanted is list and isinstance(origin, type) and issubclass(origin, tuple | list | frozenset | set):
            return args[0]
    return object


def _options(kind: object) -> Iterator[object]:
    """The members of a union, through Annotated, flat."""
    if hasattr(kind, "__metadata__"):
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        for option in typing.get_args(kind):
            yield from _options(option)
    else:
        yield kind


# --- values ----------------------------------------------------------------------


@cache
def _adapter(shape: type) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _validate(table: object, shape: type) -> tuple[object | None, list[Fault]]:
    try:
        return cast(object, _adapter(shape).validate_json(json.dumps(table), strict=True)), []
    except ValidationError as error:
        return None, _merged(error.errors(include_url=False, include_input=False), table, shape)
    except NightjarError as error:  # raised by a check of the dataclass itself
        return None, [_own(str(getattr(error, "why", error)), str(getattr(error, "key", "")), shape)]
    except (RecursionError, UnicodeEncodeError) as error:
        return None, [Fault(path=(), why=f"cannot be read: {type(error).__name__}")]


def _validate_all(table: dict[str, object], shape: type) -> tuple[object | None, list[Fault]]:
    """As `_validate`, and again without what was faulty, until nothing new is found.

    A dataclass's own check stops at its first objection, and does not run at all while a
    type is wrong. An objection that speaks of a key we took away is not believed.
    """
    value, found = _validate(table, shape)
    faults, gone = list(found), set[str]()
    while bad := {str(f.path[0]) for f in found if f.path and f.path[0] in table}:
        gone |= bad
        table = {key: entry for key, entry in table.items() if key not in bad}
        _, more = _validate(table, shape)
        found = [f for f in more if f.path and f.path[0] in table and gone.isdisjoint(_named(f.why))]
        faults += found
    return value, faults


def _named(why: str) -> list[str]:
    return re.findall(r"\w+", why[:400])


def _merged(errors: list[ErrorDetails], table: object, shape: type) -> list[Fault]:
    """One fault a place: the members of a union all complain, people want one line."""
    places: dict[Path_, list[Fault]] = {}
    for error in errors:
        fault = _worded(error, table, shape)
        places.setdefault(fault.path, []).append(fault)
    found = []
    for path, faults in places.items():
        deeper = any(other != path and other[: len(path)] == path for other in places)
        if deeper and len(faults) == 1 and "must be" in faults[0].why:
            continue  # the other member of a union went further and says more
        whys = dict.fromkeys(f.why for f in faults)
        first, *rest = whys
        joined = " or ".join([first, *(w.removeprefix("must be ") for w in rest)])
        found.append(Fault(path=path, why=joined, allowed=faults[0].allowed, nearest=faults[0].nearest))
    return found


def _place(error: ErrorDetails, table: object) -> tuple[Path_, object]:
    """Where in the table an error stands, without the names of union members; and the value."""
    location, missing = error["loc"], error["type"] == "missing"
    path: Path_ = ()
    value = table
    for index, part in enumerate(location):
        if isinstance(value, dict) and part in value:
            value = value[cast(str, part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        elif missing and index == len(location) - 1:
            value = None
        else:
            continue
        path = (*path, part)
    return path, value


_WORDS: dict[str, str] = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list in square brackets",
    "list_type": "must be a list in square brackets",
    "set_type": "must be a list in square brackets",
    "frozen_set_type": "must be a list in square brackets",
    "dict_type": "must be a table",
    "dataclass_type": "must be a table",
    "none_required": "must be left out",
    "date_type": "must be a date such as 2027-06-30",
    "date_parsing": "must be a date such as 2027-06-30",
    "date_from_datetime_parsing": "must be a date such as 2027-06-30",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_pattern_mismatch": "must match {pattern}",
    "path_type": "must be a path in quotes",
}


def _worded(error: ErrorDetails, table: object, shape: type) -> Fault:
    path, value = _place(error, table)
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        why = f"{shown(value)} is not allowed" if isinstance(value, str) else "must be one of the names"
        meant = nearest(value, allowed) if isinstance(value, str) else ""
        return Fault(path=path, why=why, allowed=", ".join(allowed), nearest=meant)
    if kind in ("value_error", "assertion_error"):
        cause = context.get("error")
        if not path:
            return _own(str(cause), "", shape)
        return Fault(path=path, why=str(cause), nearest=str(getattr(cause, "nearest", "")))
    if kind == "missing":
        wanted = next((f for f in fields(shape) if path == (f.name,)), None)
        return Fault(path=path, why="is required", allowed=wanted.metadata.get("about", "") if wanted else "")
    why = _WORDS[kind].format(**context) if kind in _WORDS else error["msg"].replace("Input should", "must")
    return Fault(path=path, why=why)


def _own(why: str, key: str, shape: type) -> Fault:
    """A refusal by the dataclass as a whole; the first of its keys that the text names is the place."""
    known = hints(shape)
    words = (key, *_named(why))
    named = next((word for word in words if word in known), "")
    return Fault(path=(named,) if named else (), why=re.sub(rf"^{named}:? ", "", why) if named else why)
