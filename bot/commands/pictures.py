"""`nightjar pictures export|import`: share hashes of known pictures without sharing the pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.out import OK, PROBLEM, WRONG_USE, Out, some
from bot.commands.reader import look
from storage import hashlists
from storage.clock import Clock
from storage.errors import NightjarError
from storage.files import write_whole
from storage.model import Tier

if TYPE_CHECKING:
    from storage.store import Store

Gallery = Callable[[], tuple[hashlists.Listed, ...]]
"""Gives the hashes of the gallery's own pictures."""


def export(out: Out, folder: Path, clock: Clock, file: Path, *, gallery: Gallery, alerted: bool) -> int:
    """Write the gallery's hashes to `file`, CSV or JSON by its name.

    alerted: also those of pictures in urgent and high alerts, which may show lawful goods.
    """
    if file.suffix not in (".csv", ".json"):
        out.say(f"{file}: give a name that ends in .csv or .json", style="red")
        return WRONG_USE
    with out.waiting("hashing the gallery"):
        rows = gallery()
    rows += look(folder, clock, _alerted) if alerted else ()
    rows = tuple(dict.fromkeys(rows))
    write_whole(
        file, hashlists.as_csv(rows) if file.suffix == ".csv" else hashlists.as_json(rows), mode=0o600
    )
    out.facts({"file": file, "hashes": len(rows)})
    out.say(f"{some(len(rows), 'hash', 'hashes')} written to {file}")
    return OK


async def _alerted(store: Store) -> tuple[hashlists.Listed, ...]:
    return tuple(
        [
            hashlists.Listed(
                pdq=next(iter(seen.pdqs), ""),
                phash=seen.phash,
                sha256=seen.sha256,
                label=f"alert: {seen.tier.value}",
            )
            async for page in store.pictures()
            for seen in page
            if seen.tier in (Tier.URGENT, Tier.HIGH)
        ]
    )


def import_(out: Out, files: tuple[Path, ...], folder: Path | None) -> int:
    """Check lists and put their good rows into the gallery folder, which the watch reads at its start.

    Exit code 1 when rows were left out: each is named by line and column.
    """
    if folder is None or not folder.is_dir():
        out.say("no gallery folder: set `gallery` in config.toml, and make the folder", style="red")
        out.facts({"ok": False, "lists": []})
        return WRONG_USE
    lists = []
    for file in files:
        try:
            rows, faults = hashlists.read(file.read_bytes())
        except OSError as error:
            raise NightjarError(f"{file}: {error.strerror}") from error
        kept = folder / _name_in_gallery(file)
        if rows:
            as_given = hashlists.as_json if kept.suffix == ".json" else hashlists.as_csv
            write_whole(kept, as_given(rows), mode=0o600)
        for fault in faults:
            out.say(f"{file}: {fault}", style="red")
        out.say(f"{file}: {some(len(rows), 'hash', 'hashes')} taken, {some(len(faults), 'row')} left out")
        lists.append({"file": file, "taken": len(rows), "kept": kept if rows else None, "faults": faults})
    out.facts({"ok": not any(one["faults"] for one in lists), "lists": lists})
    return PROBLEM if any(one["faults"] for one in lists) else OK


def _name_in_gallery(file: Path) -> str:
    """A name of its own for each list: agency.2025.csv and agency.2026.csv and agency.json are three."""
    end = hashlists.SUFFIXES[file.suffix.casefold() == ".json"]
    stem = file.name.removesuffix(file.suffix).removesuffix(".hashes").lstrip(".")
    return f"{stem or 'list'}{end}"
