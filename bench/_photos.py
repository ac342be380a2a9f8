"""Photo-like pictures from numbers, each with textures of its own: a surface, things on it, light, a lens.

Unlike the simulated market's, no two share a texture, so that points which lie alike in two of them
are a mistake and not the same cloth. Natural pictures have spectra that fall as 1/f (Field, 1987);
so do these. No real goods are shown and nothing is loaded.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Plane = NDArray[np.float32]
Colour = NDArray[np.float64]


def photo(number: int, *, width: int = 960) -> Image.Image:
    """Picture `number`, 4:3, always the same for the same width; a quarter of them stand upright."""
    rng = np.random.default_rng((0x9107, number))
    size = (width, width * 3 // 4) if rng.random() < 0.75 else (width * 3 // 4, width)
    fields = [_field(rng, size, fall) for fall in (rng.uniform(1.0, 1.7), rng.uniform(0.7, 1.5))]
    canvas = _ground(rng, fields[0])
    light = rng.uniform(-1, 1), rng.uniform(-1, -0.2)
    for _ in range(int(rng.integers(3, 12))):
        _put(canvas, rng, fields[1], light)
    canvas *= _falloff(rng, canvas.shape[:2])[..., None]
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0) * width / 960))
    noisy = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(1, 4), (*image.size[::-1], 1))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def file_of(image: Image.Image, quality: int = 88) -> bytes:
    """A JPEG file."""
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def _field(rng: np.random.Generator, size: tuple[int, int], fall: float) -> Plane:
    """Noise whose amplitude falls as 1 / f ** fall, mean 0, deviation 1."""
    width, height = size
    spectrum = np.fft.rfft2(rng.standard_normal((height, width), dtype=np.float32))
    across, down = np.fft.rfftfreq(width) * width, np.fft.fftfreq(height) * height
    distance = np.sqrt(across[None, :] ** 2 + down[:, None] ** 2)
    distance[0, 0] = np.inf
    spectrum *= distance**-fall
    field = np.fft.irfft2(spectrum, s=(height, width)).astype(np.float32)
    return np.asarray(field / field.std(), np.float32)


def _colour(rng: np.random.Generator) -> Colour:
    return np.clip(rng.uniform(30, 225) + rng.normal(0, 28, 3), 5, 250)


def _ground(rng: np.random.Generator, field: Plane) -> Plane:
    """A surface of two colours that run into each other, and often an edge with another surface."""
    near, far = _colour(rng), _colour(rng)
    mix = np.clip(0.5 + field * rng.uniform(0.1, 0.35), 0, 1)[..., None]
    canvas: Plane = (near + (far - near) * mix).astype(np.float32)
    height, width = field.shape
    if rng.random() < 0.6:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) / width - 0.4
        angle = rng.uniform(0, 2 * np.pi)
        side = (x * np.cos(angle) + y * np.sin(angle) > rng.uniform(-0.2, 0.25))[..., None]
        other = _colour(rng) + np.roll(field, height // 3, 0)[..., None] * rng.uniform(4, 25)
        canvas = np.where(side, other, canvas).astype(np.float32)
    return canvas


def _put(canvas: Plane, rng: np.random.Generator, field: Plane, light: tuple[float, float]) -> None:
    """One thing with a shadow, shaded as a round body is, with its own colour and a part of the texture."""
    height, width = field.shape
    reach = width * rng.uniform(0.06, 0.26)
    cx, cy = rng.uniform(0, width), rng.uniform(0, height)
    left, right = max(0, int(cx - 2 * reach)), min(width, int(cx + 2 * reach))
    top, below = max(0, int(cy - 2 * reach)), min(height, int(cy + 2 * reach))
    if right - left < 4 or below - top < 4:
        return
    y, x = np.mgrid[top:below, left:right].astype(np.float32)
    turn, flat, power = rng.uniform(0, np.pi), rng.uniform(0.3, 1.0), rng.choice([1.2, 2.0, 2.0, 4.0])
    bend = rng.uniform(-0.6, 0.6)

    def radius(dx: float, dy: float) -> Plane:
        u = ((x - cx - dx) * np.cos(turn) + (y - cy - dy) * np.sin(turn)) / reach
        v = ((y - cy - dy) * np.cos(turn) - (x - cx - dx) * np.sin(turn)) / (reach * flat) + bend * (
            u * u - 0.3
        )
        found: Plane = (np.abs(u) ** power + np.abs(v) ** power).astype(np.float32)
        return found

    part = canvas[top:below, left:right]
    part *= 1 - 0.5 * np.clip(1.5 - radius(-light[0] * reach * 0.2, -light[1] * reach * 0.2), 0, 1)[..., None]
    distance = radius(0, 0)
    inside = np.clip((1 - distance) * reach / 6, 0, 1)[..., None]
    shade = 0.45 + 0.55 * np.sqrt(np.clip(1 - distance, 0, 1))
    shade += 0.25 * (((x - cx) * light[0] + (y - cy) * light[1]) / reach)
    texture = np.roll(field, (int(rng.integers(height)), int(rng.integers(width))), (0, 1))[
        top:below, left:right
    ]
    body = _colour(rng) * np.clip(shade, 0.1, 1.5)[..., None] + (texture * rng.uniform(4, 45))[..., None]
    part += (body.astype(np.float32) - part) * inside


def _falloff(rng: np.random.Generator, shape: tuple[int, ...]) -> Plane:
    """Light that is stronger on one side."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32) / shape[1]
    angle = rng.uniform(0, 2 * np.pi)
    slope = (x - 0.5) * np.cos(angle) + (y - 0.4) * np.sin(angle)
    return np.asarray(1 + slope * rng.uniform(0, 0.8), np.float32)
