"""From the top level of each document to its tables: which are there, and in the right form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from bot.mistakes import nearest, shown
from bot.settings.documents import Document, load
from bot.settings.keys import NightjarKeys, TargetKeys
from bot.settings.shapes import Fault
from bot.settings.sift import Sift

FOLDER = "targets.d"
_MAIN = (
    "nightjar",
    "hint",
    "hosts",
    "channel",
    "authority",
    "retention",
    "officer",
    "desk",
    "chat",
    "rota",
    "target",
)
_MORE = ("hosts", "target")
Table = Mapping[str, object]
_NEARLY = re.compile(r"(?i)^[^.].*\.(tom|tml|tolm|toml\.txt|yaml|yml|json)$|^[^.].*\.(?!toml$)(?i:toml)$")
"""Names that were probably meant to end in .toml; copies of editors and packagers are not."""


def keys_of(shape: Any) -> tuple[str, ...]:
    """The keys of a dataclass."""
    return tuple(f.name for f in fields(shape) if f.init)


def documents(path: Path, sift: Sift) -> tuple[Document, ...]:
    """config.toml and targets.d/*.toml beside it, in the order of their names."""
    found = [load(path, path.name)]
    try:
        found += [load(p, f"{FOLDER}/{p.name}") for p in target_files(path)]
        found += [_misnamed(p) for p in sorted((path.parent / FOLDER).glob("*")) if _NEARLY.search(p.name)]
    except OSError as error:
        unread = f"cannot be read as a folder of *.toml: {error.strerror or error}"
        found.append(Document(label=FOLDER, path=path.parent / FOLDER, unread=unread))
    for document in found:
        sift.document(document)
        _check_names(document, sift, _MAIN if document is found[0] else _MORE)
    return tuple(found)


def _misnamed(path: Path) -> Document:
    """A file that was meant to be read: silence about it would leave targets unwatched."""
    return Document(
        label=f"{FOLDER}/{path.name}", path=path, unread='is not read: its name must end in ".toml"'
    )


def target_files(path: Path) -> tuple[Path, ...]:
    """The files of targets.d beside config.toml, by name; none when there is no such folder.

    Hidden files are left out: editors keep their copies there. Raises OSError.
    """
    try:
        found = sorted((path.parent / FOLDER).iterdir())
    except FileNotFoundError:
        return ()
    return tuple(p for p in found if p.suffix == ".toml" and p.name[0] != ".")


def _check_names(document: Document, sift: Sift, known: tuple[str, ...]) -> None:
    inside = dict.fromkeys(keys_of(TargetKeys), "into a [[target]]")
    inside |= dict.fromkeys(keys_of(NightjarKeys), "into [nightjar]")
    for name in document.tables:
        if name in known:
            continue
        if name in _MAIN:
            fault = Fault(path=(name,), why=f"belongs into config.toml, not into {FOLDER}")
        elif name in inside:
            fault = Fault(path=(name,), why=f"unknown key {shown(name)} here; it belongs {inside[name]}")
        else:
            meant = nearest(name, known)
            allowed = "" if meant else ", ".join(known)
            fault = Fault(path=(name,), why=f"unknown table {shown(name)}", nearest=meant, allowed=allowed)
        sift.add(document, (), fault)


def array(document: Document, name: str, sift: Sift) -> Iterator[tuple[int, Table]]:
    """The tables of `[[name]]` with their index; a single `[name]` is told and still read."""
    value = document.tables.get(name, [])
    if isinstance(value, Mapping):
        sift.add(document, (), Fault(path=(name,), why=f"write [[{name}]], with two brackets"))
        yield 0, cast(Table, value)
        return
    if not isinstance(value, list):
        sift.add(document, (), Fault(path=(name,), why=f"must be tables headed [[{name}]]"))
        return
    for index, table in enumerate(value):
        if isinstance(table, Mapping):
            yield index, cast(Table, table)
        else:
            sift.add(document, (name, index), Fault(path=(), why=f"must be a table headed [[{name}]]"))


def single(document: Document, name: str, sift: Sift) -> Table:
    """The table `[name]`, or {} when it is absent or of another form, which is told."""
    value = document.tables.get(name, {})
    if isinstance(value, Mapping):
        return cast(Table, value)
    sift.add(
        document, (), Fault(path=(name,), why=f"must be one table headed [{name}], with single brackets")
    )
    return {}
