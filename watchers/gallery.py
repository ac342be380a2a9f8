"""The gallery: a folder of pictures known to show wildlife products, and of lists of hashes.

    gallery/PRODUCT/CASE NUMBER/name.jpg      both folders may be left out
    gallery/agency.hashes.csv                 what `nightjar pictures import` put there

Not here: comparing. What is in it was put there by people who answer for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from storage import hashlists
from storage.clock import Clock
from storage.codec import clean
from storage.model import Picture, Sha256, sha256_of
from watchers.pictures import PictureWorkers

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture of the gallery that could be hashed."""

    path: Path
    data: bytes
    picture: Picture
    product: str
    case_number: str

    @property
    def name(self) -> str:
        """The file's name without its ending; of bytes that are no text, what can be said of them."""
        return clean(self.path.stem)

    @property
    def label(self) -> str:
        """For people: product, case number and name."""
        return label_of(self.product, self.case_number, self.name)


def label_of(product: str, case_number: str, name: str) -> str:
    """What a known picture is called: those of the three that are given."""
    return ", ".join(filter(None, (product, f"case {case_number}" if case_number else "", name)))


async def pictures(folder: Path, workers: PictureWorkers) -> AsyncIterator[Shown]:
    """Every picture of the folder with its hashes, in order of name; what cannot be read is logged."""
    for path in await asyncio.to_thread(_files_in, folder):
        if path.name.endswith(hashlists.SUFFIXES):
            continue
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            log.warning("gallery picture not readable", file=_within(folder, path), why=error.strerror)
            continue
        picture = await workers.describe(data, sha256=sha256_of(data), url=clean(path.name))
        if not (picture.phash or picture.pdqs):
            why = picture.undecodable or picture.note
            log.warning("gallery picture not usable", file=_within(folder, path), why=why)
            continue
        above = [clean(part) for part in path.relative_to(folder).parts[:-1]]
        product, case_number = (*above[:2], "", "")[:2]
        yield Shown(path=path, data=data, picture=picture, product=product, case_number=case_number)


async def listed(folder: Path) -> tuple[hashlists.Listed, ...]:
    """The good rows of every list in the folder; what is wrong with others is logged."""
    found: dict[hashlists.Listed, None] = {}
    for path in await asyncio.to_thread(_files_in, folder):
        if not path.name.endswith(hashlists.SUFFIXES):
            continue
        try:
            rows, faults = hashlists.read(await asyncio.to_thread(path.read_bytes))
        except OSError as error:
            log.warning("list of hashes not readable", file=_within(folder, path), why=error.strerror)
            continue
        if faults:
            file, first = _within(folder, path), str(faults[0])
            log.warning("list of hashes with mistakes", file=file, rows=len(faults), first=first)
        found.update(dict.fromkeys(rows))
    return tuple(found)


async def shared(folder: Path, workers: PictureWorkers) -> tuple[hashlists.Listed, ...]:
    """The hashes of the folder's own pictures, as they are given to others."""
    return tuple(
        [
            hashlists.Listed(
                pdq=next(iter(shown.picture.pdqs), ""),
                phash=shown.picture.phash,
                quality=shown.picture.quality,
                sha256=shown.picture.sha256,
                product=shown.product,
                case_number=shown.case_number,
                label=shown.name,
            )
            async for shown in pictures(folder, workers)
        ]
    )


def hashes_of_folder(folder: Path, clock: Clock) -> tuple[hashlists.Listed, ...]:
    """As `shared`, with workers of its own; for commands."""

    async def main() -> tuple[hashlists.Listed, ...]:
        workers = PictureWorkers(1, clock)
        try:
            return await shared(folder, workers)
        finally:
            await workers.close()

    return asyncio.run(main())


def name_of(row: hashlists.Listed) -> tuple[str, Sha256]:
    """("gallery:NAME", SHA-256) of a row of a list."""
    return f"gallery:{row.label or row.name[:12]}", Sha256(row.name)


def _within(folder: Path, path: Path) -> str:
    """Which file of the folder: many cases have a picture named 1.jpg."""
    return clean(str(path.relative_to(folder)))


def _files_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
