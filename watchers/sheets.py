"""The contact sheet of an alert: which pictures of a post it shows, and which of them are framed.

At most nine, in their order on the page; one that resembles a known picture is among them wherever it
stands, since it is why people are told, and the known one stands right behind it, so that people compare
the two. Drawing them is a worker's (`picture_sheet`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from storage.model import Picture, PictureMatch, Sha256
from watchers.detect.picture import is_known
from watchers.pictures import PictureWorkers

TILES = 9
BESIDE = 3
"""So many known pictures are shown: the surest of each of the first that resemble one."""


def known_ones(matches: Iterable[PictureMatch]) -> frozenset[Sha256]:
    """Pictures of a post that resemble one of the gallery, or of a post that was alerted."""
    return frozenset(match.sha256 for match in matches if is_known(match))


def chosen(pictures: Sequence[Picture], known: frozenset[Sha256], tiles: int = TILES) -> tuple[Picture, ...]:
    """What the sheet shows: known ones, and the first of the others as far as there is room."""
    shown = [picture for picture in pictures if not picture.undecodable]
    first = [picture for picture in shown if picture.sha256 in known][:tiles]
    room = tiles - len(first)
    others = [picture for picture in shown if picture.sha256 not in known][:room]
    return tuple(picture for picture in shown if picture in first or picture in others)[:tiles]


def beside(pictures: Sequence[Picture], matches: Iterable[PictureMatch]) -> tuple[PictureMatch, ...]:
    """Of the first pictures that resemble a known one, the surest match each, in their order on the page."""
    surest: dict[Sha256, PictureMatch] = {}
    for match in sorted(filter(is_known, matches), key=lambda m: m.surest_first):
        if match.known_sha256 != match.sha256:  # the same bytes would stand there twice
            surest.setdefault(match.sha256, match)
    shown = (picture.sha256 for picture in pictures if not picture.undecodable)
    return tuple(surest[sha256] for sha256 in dict.fromkeys(shown) if sha256 in surest)[:BESIDE]


async def sheet_of(
    pictures: Sequence[Picture],
    matches: Iterable[PictureMatch],
    *,
    read: Callable[[Sha256], Awaitable[bytes]],
    workers: PictureWorkers,
    read_known: Callable[[PictureMatch], Awaitable[bytes]] | None = None,
) -> bytes:
    """The sheet as a JPEG; b"" without pictures. read: the bytes of a picture, b"" when they are not had.

    read_known: the same of the known picture of a match; left out: none is shown.
    """
    matches = tuple(matches)
    found = beside(pictures, matches) if read_known is not None else ()
    had = {m.sha256: data for m in found if read_known is not None and (data := await read_known(m))}
    known = known_ones(matches)
    tiles: list[tuple[bytes, str]] = []
    for one in chosen(pictures, known, TILES - len(had)):
        if data := await read(one.sha256):
            tiles.append((data, "framed" if one.sha256 in known else ""))
            tiles += [(had[one.sha256], "known")] if one.sha256 in had else []
    framed = [at for at, (_, how) in enumerate(tiles) if how == "framed"]
    others = [at for at, (_, how) in enumerate(tiles) if how == "known"]
    return await workers.sheet([data for data, _ in tiles], framed=framed, known=others)
