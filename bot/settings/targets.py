"""`[[target]]` and `[hosts."name"]` tables of all files become `Target` and `HostLimit`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cache, lru_cache
from urllib.parse import urlsplit

from bot.mistakes import shown
from bot.settings.bounds import bounds
from bot.settings.channels import unknown_kind
from bot.settings.checks import HOST_KEY, is_unfilled, time_zone
from bot.settings.documents import Document, Path_
from bot.settings.gather import Table, array, keys_of, single
from bot.settings.keys import HostKeys, NightjarKeys, TargetKeys, WindowKeys
from bot.settings.shapes import Fault, Reading, read_table
from bot.settings.sift import Sift
from storage.model import Authority, HostLimit, NightWindow, Target


@dataclass(frozen=True, slots=True)
class Kinds:
    """The feed kinds as they are handed in: name -> `Settings`, and all names."""

    settings: Callable[[str], type]
    names: tuple[str, ...]


BY_WHOSE_RIGHT = ("legal_basis", "authorised_by", "review_after")
"""While one of these is open, that target alone is left out."""


# Ten thousand targets have few authorities and windows between them: equal ones are one object.
_authority = lru_cache(maxsize=4_096)(Authority)
_window = lru_cache(maxsize=4_096)(NightWindow)
_USUAL = HostLimit()


@dataclass(frozen=True, slots=True)
class FoundTarget:
    """A target with its place, for what is checked over all tables.

    target None: it has mistakes, or keys of its authority are `unfilled`.
    """

    document: Document
    at: Path_
    table: Table
    target: Target | None
    stanza: str
    unfilled: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name as written, or ""."""
        name = self.table.get("name")
        return name if isinstance(name, str) else ""


def host_of(url: str) -> str:
    """The host name of an address as limits are kept by: lower case, no port, no final dot."""
    return (urlsplit(url).hostname or "").removesuffix(".")


def read_hosts(documents: tuple[Document, ...], sift: Sift) -> dict[str, HostLimit]:
    """The limits of all files by host name."""
    limits: dict[str, HostLimit] = {}
    first: dict[str, str] = {}
    for document in documents:
        for name, table in single(document, "hosts", sift).items():
            host = name.lower().removesuffix(".")
            if fault := _host_fault(name, table, first.get(host, "")):
                sift.add(document, ("hosts",), fault)
                continue
            first[host] = document.label
            reading = read_table(table, HostKeys)  # type: ignore[arg-type]  # _host_fault saw a table
            sift.add_all(document, ("hosts", name), reading.faults)
            if isinstance(keys := reading.value, HostKeys):
                limits[host] = HostLimit(requests_per_s=keys.requests_per_s, concurrency=keys.concurrency)
    return limits


def _host_fault(name: str, table: object, first: str) -> Fault | None:
    if isinstance(table, Mapping) and (whole := _unquoted(name, table)):
        return Fault(
            path=(name,), why="the host name must stand in quotes", allowed=f"[hosts.{shown(whole)}]"
        )
    if not isinstance(table, Mapping):
        meant = "" if name not in keys_of(HostKeys) else 'into [hosts."the.host.name"]'
        return Fault(path=(name,), why=f"it belongs {meant}" if meant else 'must be a table [hosts."name"]')
    if not HOST_KEY.fullmatch(name):
        return Fault(path=(name,), why="must be a host name without scheme, port and path, in quotes")
    return Fault(path=(name,), why=f"this host has a table in {first} already") if first else None


def _unquoted(name: str, table: Mapping[str, object]) -> str:
    """The host that was meant by [hosts.market.example], which TOML reads as tables in tables."""
    whole = name
    inner: object = table
    while isinstance(inner, Mapping) and len(inner) == 1:
        ((part, inner),) = inner.items()
        if not isinstance(inner, Mapping):
            break
        whole += f".{part}"
    return "" if whole == name or not HOST_KEY.fullmatch(whole) else whole


def read_targets(
    documents: tuple[Document, ...], sift: Sift, kinds: Kinds, limits: Mapping[str, HostLimit]
) -> tuple[FoundTarget, ...]:
    """All targets of all files, those with mistakes too."""
    found = []
    for document in documents:
        for index, table in array(document, "target", sift):
            at: Path_ = ("target", index)
            found.append(read_target(document, at, table, sift=sift, kinds=kinds, limits=limits))
    return tuple(found)


def canonical(table: Table) -> str:
    """A table as JSON with sorted keys, whatever its order and comments in the file."""
    return json.dumps(table, sort_keys=True, ensure_ascii=False, default=_iso)


def _without_values(table: Table) -> Table:
    """A target's table as it is logged for good: of its request headers only the names."""
    headers = table.get("headers")
    if headers is None:
        return table
    names = dict.fromkeys(headers, "[redacted]") if isinstance(headers, Mapping) else "[redacted]"
    return {**table, "headers": names}


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, date | time) else str(value)


def read_target(
    document: Document,
    at: Path_,
    table: Table,
    *,
    sift: Sift,
    kinds: Kinds,
    limits: Mapping[str, HostLimit],
) -> FoundTarget:
    """One table at its place; what is wrong with it goes to `sift`."""
    stanza = canonical(_without_values(table))
    shape = _rules_shape(table.get("kind"), kinds)
    reading = read_table(
        {k: v for k, v in table.items() if k != "rules"}, TargetKeys, elsewhere=_places(shape)
    )
    unfilled = tuple(key for key in BY_WHOSE_RIGHT if is_unfilled(table.get(key)))
    for fault in reading.faults:
        sift.add(document, at, fault, stops=fault.path not in {(key,) for key in unfilled})
    if isinstance(kind := table.get("kind"), str) and shape is None:
        sift.add(document, at, unknown_kind(kind, kinds.names))
    rules = _rules(table, shape)
    sift.add_all(document, (*at, "rules"), rules.faults)
    faults = bounds(table)
    sift.add_all(document, at, faults)
    keys = reading.value
    target = None
    if not faults and isinstance(keys, TargetKeys) and rules.value is not None:
        target = _target(keys, rules.value, limits.get(host_of(keys.url), _USUAL), stanza)
    return FoundTarget(document, at, table, target, stanza, unfilled)


_shared: dict[tuple[type, str], object] = {}
"""Rules that were read, by what they say: most of ten thousand targets say the same. Nobody changes one."""
_MOST_SHARED = 4_096


def _once(rules: object) -> object:
    if len(_shared) >= _MOST_SHARED:
        _shared.clear()
    return _shared.setdefault((type(rules), repr(rules)), rules)


def _rules_shape(kind: object, kinds: Kinds) -> type | None:
    return kinds.settings(kind) if isinstance(kind, str) and kind in kinds.names else None


def _rules(table: Table, shape: type | None) -> Reading:
    rules = table.get("rules", {})
    if not isinstance(rules, Mapping):
        return Reading(None, (Fault(path=(), why="must be a table headed [target.rules]"),))
    if shape is None:
        return Reading(None, ())
    if "zone" in keys_of(shape) and (zone := _zone(table)):
        rules = {"zone": zone, **rules}  # of the times on the page, unless the rules name another
    return read_table(
        rules, shape, elsewhere=dict.fromkeys(keys_of(TargetKeys), "above [target.rules], in [[target]]")
    )


def _zone(table: Table) -> str:
    """The zone of a target when it is a right one, else ""; a wrong one is told elsewhere."""
    try:
        return time_zone(str(table.get("zone", "")))
    except ValueError:
        return ""


@cache
def _places(rules: type | None) -> dict[str, str]:
    """Keys that do not belong into a [[target]], with the words for where they do."""
    places = dict.fromkeys(keys_of(NightjarKeys), "into [nightjar]")
    places |= dict.fromkeys(keys_of(HostKeys), 'into [hosts."the.host.name"]')
    places |= dict.fromkeys(keys_of(WindowKeys), 'into window = { start = "21:00", end = "06:00" }')
    return places | dict.fromkeys(keys_of(rules) if rules else (), "into [target.rules]")


def _target(keys: TargetKeys, rules: object, limit: HostLimit, stanza: str) -> Target:
    return Target(
        name=keys.name,
        kind=keys.kind,
        url=keys.url,
        authority=_authority(
            legal_basis=keys.legal_basis, authorised_by=keys.authorised_by, review_after=keys.review_after
        ),
        rules=_once(rules),
        interval_s=keys.interval,
        day_interval_s=keys.day_interval,
        window=_window(start=keys.window.start, end=keys.window.end, zone=keys.zone),
        jurisdiction=keys.jurisdiction,
        country=keys.country,
        tags=keys.tags,
        host_limit=limit,
        robots_override=keys.robots_override.strip(),
        headers=tuple(keys.headers.items()),
        timeout_s=keys.timeout,
        max_body_bytes=keys.max_body,
        max_pictures=keys.max_pictures,
        vigil_sample=keys.vigil_sample,
        digest=hashlib.sha256(stanza.encode("utf-8", "surrogatepass")).hexdigest(),
    )
