"""`[[channel]]` tables: the common keys here, the kind's own by its `Settings`, secrets looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bot.channel import kinds, load
from bot.mistakes import nearest, shown
from bot.secrets import find
from bot.settings.documents import Document, Path_
from bot.settings.gather import Table, array, keys_of
from bot.settings.keys import ChannelKeys
from bot.settings.shapes import Fault, Reading, read_table
from bot.settings.sift import Sift
from storage.errors import ConfigError
from storage.model import Tier

WITHOUT = ("console", "ndjson")
"""Channels of a daemon whose configuration names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTable:
    """One `[[channel]]`: settings are the `Settings` of its kind; the rest says what it is sent."""

    name: str
    kind: str
    settings: object
    min_tier: Tier = Tier.NORMAL
    jurisdictions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def wants(self, tier: Tier, *, jurisdiction: str = "", tags: tuple[str, ...] = ()) -> bool:
        """Whether an alert of this tier, jurisdiction and tags goes to this channel."""
        if tier is Tier.NONE or tier.rank > self.min_tier.rank:
            return False
        if self.jurisdictions and jurisdiction not in self.jurisdictions:
            return False
        return not self.tags or not set(self.tags).isdisjoint(tags)


@dataclass(frozen=True, slots=True)
class FoundChannel:
    """A channel with its place, for what is checked over all tables."""

    at: Path_
    name: str
    table: ChannelTable | None


def read_channels(
    document: Document, sift: Sift, environment: Mapping[str, str], folder: Path
) -> tuple[FoundChannel, ...]:
    """All channels, or those of a daemon without any: console and ndjson."""
    found = []
    for index, table in array(document, "channel", sift):
        at: Path_ = ("channel", index)
        kind = table.get("kind")
        name = table.get("name", kind)
        read = _read(document, at, table, sift)
        if isinstance(kind, str) and kind in kinds():
            sift.add_all(document, at, _secrets(table, load(kind).Settings, environment, folder))
        found.append(FoundChannel(at, name if isinstance(name, str) else "", read))
    _fallbacks(document, sift, found)
    if found or "channel" in document.tables or document.unparsed(("channel",)):
        return tuple(found)
    return tuple(
        FoundChannel((), k, ChannelTable(name=k, kind=k, settings=load(k).Settings())) for k in WITHOUT
    )


def _fallbacks(document: Document, sift: Sift, found: list[FoundChannel]) -> None:
    """A channel that is told in another one's place is there, and is another one."""
    names = tuple(one.name for one in found)
    for one in found:
        wanted = "" if one.table is None else getattr(one.table.settings, "fallback", "")
        if wanted and wanted not in names:
            why = f"there is no channel {shown(wanted)}"
            fault = Fault(
                path=("fallback",), why=why, nearest=nearest(wanted, names), allowed=", ".join(names)
            )
            sift.add(document, one.at, fault)
        elif wanted and wanted == one.name:
            sift.add(document, one.at, Fault(path=("fallback",), why="must be another channel"))


@dataclass(frozen=True, slots=True)
class _NoKeys:
    """Stands in for the `Settings` of a kind that is not known."""


def _read(document: Document, at: Path_, table: Table, sift: Sift) -> ChannelTable | None:
    kind = table.get("kind")
    shape = load(kind).Settings if isinstance(kind, str) and kind in kinds() else None
    common = keys_of(ChannelKeys)
    own = {k: v for k, v in table.items() if k not in common}
    if shape is not None:
        settings = read_table(own, shape, others=common)
    else:  # without a kind only what resembles a common key can be told
        unknown = read_table(own, _NoKeys, others=common)
        settings = Reading(None, tuple(f for f in unknown.faults if f.nearest or "secret" in f.why))
    keys = read_table({k: v for k, v in table.items() if k in common}, ChannelKeys)
    misspelt = {(f.nearest,) for f in settings.faults}
    sift.add_all(document, at, (f for f in keys.faults if f.path not in misspelt))
    sift.add_all(document, at, settings.faults)
    if shape is None and isinstance(kind, str):
        sift.add(document, at, unknown_kind(kind, kinds()))
    value = keys.value
    if not isinstance(value, ChannelKeys) or settings.value is None:
        return None
    return ChannelTable(
        name=value.name or value.kind,
        kind=value.kind,
        settings=settings.value,
        min_tier=Tier(value.min_tier),
        jurisdictions=value.jurisdictions,
        tags=value.tags,
    )


def unknown_kind(kind: str, known: tuple[str, ...]) -> Fault:
    """The fault of a kind that no file provides."""
    meant = nearest(kind, known)
    return Fault(path=("kind",), why=f"unknown kind {shown(kind)}", nearest=meant, allowed=", ".join(known))


def _secrets(table: Table, shape: Any, environment: Mapping[str, str], folder: Path) -> list[Fault]:
    """Each secret that a channel names (X_file, X_env) is there and readable only by us.

    Not when the secret itself stands in the table: that is told already.
    """
    faults = []
    given = {f.name: table.get(f.name, f.default) for f in fields(shape)}
    for stem in (n[:-5] for n in given if n.endswith("_file") and f"{n[:-5]}_env" in given):
        file, variable = given[f"{stem}_file"], given[f"{stem}_env"]
        if not (isinstance(file, str) and isinstance(variable, str) and (file or variable)) or stem in table:
            continue
        try:
            find(file, variable, environment=environment, folder=folder)
        except ConfigError as error:
            faults.append(Fault(path=(f"{stem}_file" if file else f"{stem}_env",), why=error.why))
    return faults
