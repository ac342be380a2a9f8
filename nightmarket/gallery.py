"""Paints pictures when they are asked for, off the loop, and keeps the recent ones.

Bounded: `CACHE_BYTES` of finished pictures; what is dropped is painted again, the same.
"""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from nightmarket.model import PictureSpec
from nightmarket.pictures import paint

CACHE_BYTES = 48_000_000
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
            work = asyncio.get_running_loop().run_in_executor(self._threads, _make, spec, small)
            self._under_way[key] = work
        try:
            made = await asyncio.shield(self._under_way[key])
        finally:
            self._under_way.pop(key, None)
        self._keep(key, made)
        return made

    def _keep(self, key: str, made: bytes) -> None:
        if key not in self._kept:
            self._kept[key] = made
            self._size += len(made)
        while self._size > CACHE_BYTES and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])

    def close(self) -> None:
        """End the thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _make(spec: PictureSpec, small: bool) -> bytes:
    full = paint(spec)
    if not small:
        return full
    with Image.open(io.BytesIO(full)) as opened:
        opened.thumbnail(THUMB)
        buffer = io.BytesIO()
        opened.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()
