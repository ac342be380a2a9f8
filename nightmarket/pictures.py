"""Photo-like pictures from numbers: lit, shaded things on a textured surface, with camera noise.

`paint(spec)` gives the same JPEG for the same spec, always. `layout` fixes camera, light,
surface and where things lie; `thing` fixes what lies there. Two specs that share a layout
look alike at a glance and show different goods, which is the hardest decoy. About 10 ms
a picture; nothing is downloaded and no real contraband is shown.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nightmarket.alterations import alter
from nightmarket.model import PictureSpec

Plane = NDArray[np.float32]

WIDTH, HEIGHT = 400, 300
QUALITY = 86


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    """One object: an elliptic or curved body with its own colour, grain and gloss."""

    centre: tuple[float, float]
    size: tuple[float, float]
    turn: float
    bend: float
    power: int
    colour: tuple[float, float, float]
    grain: float
    ripples: float
    gloss: float


def paint(spec: PictureSpec) -> bytes:
    """The picture as a JPEG file."""
    image = _scene(spec.layout, spec.thing)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    for number, change in enumerate(spec.changes):
        buffer = io.BytesIO(alter(buffer.getvalue(), change, spec.twist + number))
    return buffer.getvalue()


def _scene(layout: int, thing: int) -> Image.Image:
    rng = np.random.default_rng((0x11, layout))
    canvas = _surface(rng)
    light = rng.uniform(-1, 1), rng.uniform(-1, -0.2)
    lit = _lighting(rng, light)
    places = [_place(rng) for _ in range(int(rng.integers(2, 8)))]
    thing_rng = np.random.default_rng((0x22, thing))
    for centre, scale in places:
        _put(canvas, _thing(thing_rng, centre, scale), light)
    canvas *= lit
    noise = _noise_bank()[int(rng.integers(64)) :, int(rng.integers(64)) :][:HEIGHT, :WIDTH]
    canvas += noise * np.float32(rng.uniform(2, 6))
    pixels = np.clip(canvas, 0, 255, out=canvas).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _surface(rng: np.random.Generator) -> NDArray[np.float32]:
    """Cloth, wood, tile or paper, in patches of uneven colour as tables are."""
    base = np.clip(rng.uniform(45, 215) + rng.normal(0, 16, 3), 5, 250)
    far = np.clip(base * rng.uniform(0.35, 1.5) + rng.normal(0, 20, 3), 5, 250)
    mix = _field(rng, int(rng.integers(2, 7)))
    canvas = np.stack(
        [near + (other - near) * mix for near, other in zip(base, far, strict=True)], dtype=np.float32
    )
    texture = _textures()[int(rng.integers(4))]
    top, left = (int(v) for v in rng.integers(0, 128, 2))
    canvas += texture[top : top + HEIGHT, left : left + WIDTH] * np.float32(rng.uniform(6, 26))
    if rng.random() < 0.7:  # an edge of the table, a second cloth, a wall
        _second_plane(canvas, rng)
    return canvas


def _second_plane(canvas: NDArray[np.float32], rng: np.random.Generator) -> None:
    x, y = _grid()
    angle = rng.uniform(0, 2 * np.pi)
    side = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) > rng.uniform(-0.5, 0.7)
    factor = np.where(side, np.float32(rng.uniform(0.3, 0.8)), np.float32(1))
    tint = rng.uniform(0, 70) + rng.normal(0, 14, 3)
    canvas *= factor
    canvas += side * tint.astype(np.float32)[:, None, None]


def _place(rng: np.random.Generator) -> tuple[tuple[float, float], float]:
    return (rng.uniform(-1.1, 1.1), rng.uniform(-0.75, 0.75)), rng.uniform(0.16, 0.46)


def _thing(rng: np.random.Generator, centre: tuple[float, float], scale: float) -> _Thing:
    tone = rng.uniform(30, 245)
    colour = np.clip(tone + rng.normal(0, 9, 3) + rng.uniform(-40, 40) * np.array([1.0, 0.3, -1.0]), 5, 252)
    return _Thing(
        centre=(centre[0] + rng.normal(0, 0.06), centre[1] + rng.normal(0, 0.06)),
        size=(scale * rng.uniform(0.6, 1.6), scale * rng.uniform(0.35, 1.1)),
        turn=rng.uniform(0, np.pi),
        bend=rng.choice([0.0, 0.0, rng.uniform(-0.9, 0.9)]),
        power=int(rng.choice([2, 2, 4, 3])),
        colour=(float(colour[0]), float(colour[1]), float(colour[2])),
        grain=rng.uniform(0, 0.22),
        ripples=rng.uniform(5, 26),
        gloss=rng.uniform(0, 150),
    )


def _put(canvas: NDArray[np.float32], thing: _Thing, light: tuple[float, float]) -> None:
    """Draw a shadow, then the lit body, inside the thing's own bounding box only."""
    box = _box(thing)
    if box is None:
        return
    x, y = (plane[box] for plane in _grid())
    u, v = _own_axes(thing, x, y)
    shadow = _inside(thing, u + np.float32(light[0] * 0.25), v + np.float32(light[1] * 0.3), soft=0.5)
    patch = canvas[:, box[0], box[1]]
    patch *= 1 - np.float32(0.55) * shadow
    radius = _radius(thing, u, v)
    body = np.clip((1 - radius) * 14, 0, 1)
    height = np.sqrt(np.clip(1 - radius, 0, 1))
    facing = np.clip(0.35 + 0.6 * height + 0.35 * (u * light[0] + v * light[1]), 0.08, 1.4)
    lit = facing * (1 + np.float32(thing.grain) * np.sin(u * np.float32(thing.ripples) + np.sin(v * 5) * 2))
    spot = np.exp(-((u - light[0] * 0.35) ** 2 + (v - light[1] * 0.35) ** 2) * 22) * np.float32(thing.gloss)
    for plane, strength in enumerate(thing.colour):
        patch[plane] += (lit * np.float32(strength) + spot - patch[plane]) * body


def _own_axes(thing: _Thing, x: Plane, y: Plane) -> tuple[Plane, Plane]:
    dx, dy = x - np.float32(thing.centre[0]), y - np.float32(thing.centre[1])
    cos, sin = np.float32(np.cos(thing.turn)), np.float32(np.sin(thing.turn))
    u = (dx * cos + dy * sin) / np.float32(thing.size[0])
    v = (dy * cos - dx * sin) / np.float32(thing.size[1])
    bent = v + np.float32(thing.bend) * (u * u - np.float32(0.4))
    return u.astype(np.float32, copy=False), bent.astype(np.float32, copy=False)


def _inside(thing: _Thing, u: Plane, v: Plane, *, soft: float) -> Plane:
    radius = _radius(thing, u, v)
    edge = (np.float32(1 + soft) - radius) / np.float32(soft * 1.6)
    return np.asarray(np.clip(edge, 0, 1), np.float32)


def _radius(thing: _Thing, u: Plane, v: Plane) -> Plane:
    """1 on the outline: an ellipse (power 2), a rounded box (4) or a lens (3 of the moduli)."""
    uu, vv = u * u, v * v
    if thing.power == 2:
        return uu + vv
    return uu * uu + vv * vv if thing.power == 4 else np.sqrt(uu) * uu + np.abs(v)


def _box(thing: _Thing) -> tuple[slice, slice] | None:
    """Rows and columns that the thing and its shadow can touch."""
    reach = 1.3 * max(thing.size) * (1 + 0.6 * abs(thing.bend))
    left, right = ((thing.centre[0] + s * reach + 4 / 3) * HEIGHT / 2 * 1.0 for s in (-1, 1))
    top, bottom = ((thing.centre[1] + s * reach + 1) * HEIGHT / 2 for s in (-1, 1))
    rows = slice(max(0, int(top)), min(HEIGHT, int(bottom)))
    columns = slice(max(0, int(left)), min(WIDTH, int(right)))
    return (rows, columns) if rows.stop > rows.start and columns.stop > columns.start else None


def _lighting(rng: np.random.Generator, light: tuple[float, float]) -> Plane:
    x, y = _grid()
    slope = 1 + np.float32(rng.uniform(0.05, 0.3)) * (x * light[0] + y * light[1])
    vignette = 1 - np.float32(rng.uniform(0.0, 0.12)) * (x * x + y * y)
    return np.asarray(slope * vignette * np.float32(rng.uniform(0.75, 1.15)), np.float32)


@cache
def _grid() -> tuple[Plane, Plane]:
    """X in -4/3..4/3 and y in -1..1, one value per pixel."""
    x = (np.arange(WIDTH, dtype=np.float32) - WIDTH / 2) / (HEIGHT / 2)
    y = (np.arange(HEIGHT, dtype=np.float32) - HEIGHT / 2) / (HEIGHT / 2)
    wide, high = np.meshgrid(x, y)
    return np.asarray(wide, np.float32), np.asarray(high, np.float32)


def _field(rng: np.random.Generator, cells: int) -> Plane:
    """A smooth random field in 0..1."""
    small = (rng.random((cells + 1, cells + 2)) * 255).astype(np.uint8)
    wide = Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return np.asarray(wide, np.float32) / np.float32(255)


@cache
def _noise_bank() -> Plane:
    noise = np.random.default_rng(7).normal(0, 1, (HEIGHT + 64, WIDTH + 64))
    return np.asarray(noise, np.float32)


@cache
def _textures() -> tuple[Plane, ...]:
    """Wood, weave, stone and paper, larger than a picture so that crops differ."""
    rng = np.random.default_rng(8)
    height, width = HEIGHT + 128, WIDTH + 128
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rough = rng.normal(0, 1, (height // 8, width // 8))
    clouds = np.asarray(
        Image.fromarray(((rough + 3) * 42).clip(0, 255).astype(np.uint8)).resize((width, height)), np.float32
    )
    clouds = (clouds - clouds.mean()) / clouds.std()
    wood = np.sin(y * 0.22 + clouds * 1.4 + np.sin(x * 0.011) * 3)
    weave = np.sin(x * 0.9) * np.sin(y * 0.9) + clouds * 0.2
    paper = rng.normal(0, 0.5, (height, width)) + clouds * 0.15
    return tuple(np.asarray(t, np.float32) for t in (wood, weave, clouds, paper))
