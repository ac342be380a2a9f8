"""The contact sheet of an alert: which pictures of a post it shows, and which of them are framed.

At most nine, in their order on the page; one that resembles a known picture is among them wherever it
stands, since it is why people are told. Drawing them is a worker's (`picture_sheet`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from storage.model import Picture, PictureMatch, Sha256
from watchers.detect.picture import is_known
from watchers.pictures import PictureWorkers

TILES = 9


def known_ones(matches: Iterable[PictureMatch]) -> frozenset[Sha256]:
    """Pictures of a post that resemble one of the gallery, or of a post that was alerted."""
    return frozenset(match.sha256 for match in matches if is_known(match))


def chosen(pictures: Sequence[Picture], known: frozenset[Sha256]) -> tuple[Picture, ...]:
    """What the sheet shows: known ones, and the first of the others as far as there is room."""
    shown = [picture for picture in pictures if not picture.undecodable]
    first = [picture for picture in shown if picture.sha256 in known][:TILES]
    room = TILES - len(first)
    others = [picture for picture in shown if picture.sha256 not in known][:room]
    return tuple(picture for picture in shown if picture in first or picture in others)[:TILES]


async def sheet_of(
    pictures: Sequence[Picture],
    matches: Iterable[PictureMatch],
    *,
    read: Callable[[Sha256], Awaitable[bytes]],
    workers: PictureWorkers,
) -> bytes:
    """The sheet as a JPEG; b"" without pictures. read: the bytes of a picture, b"" when they are not had."""
    known = known_ones(matches)
    tiles = [(await read(one.sha256), one.sha256 in known) for one in chosen(pictures, known)]
    had = [(data, is_framed) for data, is_framed in tiles if data]
    framed = tuple(at for at, (_, is_framed) in enumerate(had) if is_framed)
    return await workers.sheet([data for data, _ in had], framed=framed)
