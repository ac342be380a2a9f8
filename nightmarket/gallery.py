"""Paints the first pictures before the night, the others when they are asked for, off the loop.

At dusk hundreds of pictures are asked for in the same second; painting them then would make
slow sites of all, and the exam would measure its own server. Bounded: `CACHE_BYTES` of
finished pictures; what is dropped is painted again, the same.
"""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from PIL import Image

from nightmarket.model import PictureSpec
from nightmarket.pictures import paint

CACHE_BYTES = 96_000_000
AHEAD_BYTES = 22_000_000
"""About what is on show at dusk; what comes later is painted in a thread without haste."""
PAINTERS = 2
THUMB = (160, 120)


class Gallery:
    """One thread paints; the same picture is not painted twice at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._threads = ThreadPoolExecutor(1, "painter")
        self._under_way: dict[str, asyncio.Future[bytes]] = {}

    async def picture(self, spec: PictureSpec, *, small: bool) -> bytes:
        """The JPEG of a picture, or of its thumbnail."""
        key = f"{spec.key}{'/s' if small else ''}"
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept
        if key not in self._under_way:
            full = self._kept.get(spec.key)
            work = asyncio.get_running_loop().run_in_executor(self._threads, _make, spec, small, full)
            self._under_way[key] = work
        try:
            made = await asyncio.shield(self._under_way[key])
        finally:
            self._under_way.pop(key, None)
        self._keep(key, made)
        return made

    def hang(self, painted: dict[str, bytes]) -> None:
        """Take pictures that were painted ahead, by key."""
        for key, made in painted.items():
            self._keep(key, made)

    def _keep(self, key: str, made: bytes) -> None:
        if key not in self._kept:
            self._kept[key] = made
            self._size += len(made)
        while self._size > CACHE_BYTES and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])

    def close(self) -> None:
        """End the thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def paint_ahead(specs: Iterable[PictureSpec], most_bytes: int = AHEAD_BYTES) -> dict[str, bytes]:
    """Pictures by key, painted by `PAINTERS` processes, as many as fit into `most_bytes`."""
    painted: dict[str, bytes] = {}
    wanted = list({spec.key: spec for spec in specs}.values())
    size = 0
    with ProcessPoolExecutor(PAINTERS) as painters:
        for at in range(0, len(wanted), 64):
            part = wanted[at : at + 64]
            for spec, made in zip(part, painters.map(paint, part, chunksize=16), strict=True):
                painted[spec.key] = made
                size += len(made)
            if size >= most_bytes:
                break
    return painted


def _make(spec: PictureSpec, small: bool, full: bytes | None) -> bytes:
    full = full or paint(spec)
    if not small:
        return full
    with Image.open(io.BytesIO(full)) as opened:
        opened.thumbnail(THUMB)
        buffer = io.BytesIO()
        opened.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()
