"""Pictures made for the tests: photo-like ones, and files that lie about themselves."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw


def photo(seed: int, width: int = 800, height: int = 600) -> Image.Image:
    """Shaded blobs on an uneven ground with noise: has edges and gradients like a photograph."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(30, 220, (5, 7, 3)).astype(np.uint8))
    image = small.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        r, colour = (
            int(rng.integers(height // 20 + 1, height // 4)),
            tuple(int(c) for c in rng.integers(0, 255, 3)),
        )
        draw.ellipse((x - r, y - r // 2, x + r, y + r // 2), fill=colour)
    noise = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image, dtype=float) + noise, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The file of an image."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(seed: int = 1, **size: int) -> bytes:
    """A photo-like JPEG."""
    return encoded(photo(seed, **size), quality=88)


def lying_jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims `width` x `height`."""
    data = bytearray(jpeg(1, width=64, height=64))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds a few compressed zeros."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(bytes(9999)))
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
