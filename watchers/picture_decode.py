"""Open a stranger's picture within bounds: format, pixels, first frame, upright, on white.

Runs only inside a picture worker (`watchers.picture_worker`), never in the daemon:
a decoder may crash, hang or ask for all memory, and must not take the watch with it.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

from PIL import (
    AvifImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
"""What is read at all. Never EPS: Pillow hands it to Ghostscript."""
PIXELS_MAX = 40_000_000
"""Of the header, before anything is unpacked."""
HASH_SIDE_PX = 256
"""Shorter side a JPEG is decoded to at least; below it the hashes drift (facts, imaging 1)."""

_PLUGINS = (AvifImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
_SEEN_ROWS_MIN = 0.65
_PLAIN_STEPS = 2
_BROKEN = (
    *(OSError, SyntaxError, EOFError, ValueError, IndexError, OverflowError),
    *(KeyError, TypeError, AttributeError, ZeroDivisionError, RuntimeError, struct.error),
)
"""What Pillow's plugins are known to raise on damaged files (its fuzzers list the same)."""


class Undecodable(Exception):
    """The picture cannot be decoded; the text says why, for the officer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture ready to be looked at. size: of the header, before reduction and turning.

    notes: what an officer should know ("truncated", "animated: first frame").
    """

    image: Image.Image
    format: str
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


def prepare() -> None:
    """Set Pillow's own bounds, once per process."""
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def decode(data: bytes, mode: str, side_px: int) -> Decoded:
    """The first frame as `mode` ("L" or "RGB"), reduced for JPEG to no less than `side_px`.

    Raises Undecodable with the reason. A file that breaks off is decoded as far as it
    came when enough of it is there, and noted as truncated.
    """
    first = open_bounded(data)
    size, kind, notes = first.size, first.format or "", _animation(first)
    try:
        return Decoded(image=_load(first, mode, side_px), format=kind, size=size, notes=notes)
    except _BROKEN as error:
        cut = _decode_cut(data, mode, side_px, why=str(error))
    return Decoded(image=cut, format=kind, size=size, notes=("truncated", *notes))


def open_bounded(data: bytes) -> Image.Image:
    """The picture with its header read and nothing else. Raises Undecodable."""
    if not data:
        raise Undecodable("empty: no bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Undecodable(f"too many pixels: more than {PIXELS_MAX // 1_000_000} million") from None
    except UnidentifiedImageError:
        raise Undecodable(f"not a picture we read ({', '.join(FORMATS)})") from None
    except _BROKEN as error:
        raise Undecodable(f"broken header: {_short(error)}") from error
    if image.width * image.height > PIXELS_MAX:
        raise Undecodable(f"too many pixels: {image.width}x{image.height}")
    return image


def _decode_cut(data: bytes, mode: str, side_px: int, why: str) -> Image.Image:
    """Decode a file that breaks off; the missing rows come out in one colour."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = _load(open_bounded(data), mode, side_px)
    except _BROKEN as error:
        raise Undecodable(f"broken: {_short(error)}") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    seen = seen_rows(image)
    if seen < _SEEN_ROWS_MIN:
        raise Undecodable(f"truncated: {seen:.0%} of the rows arrived ({why[:80]})")
    return image


def seen_rows(image: Image.Image) -> float:
    """Share 0..1 of the rows above the plain band that a decoder leaves where data is missing."""
    small = image.convert("L").resize((16, 64), Image.Resampling.BOX)
    rows = [small.crop((0, y, 16, y + 1)).getextrema() for y in range(64)]
    plain = 0
    for low, high in reversed(rows):
        if high - low > _PLAIN_STEPS or abs(low - rows[-1][0]) > _PLAIN_STEPS:  # type: ignore[operator]  # "L" has one band
            break
        plain += 1
    return 1 - plain / 64


def _load(image: Image.Image, mode: str, side_px: int) -> Image.Image:
    if image.format in ("JPEG", "MPO"):
        image.draft(mode, (side_px, side_px))
    image.load()
    return _plain(_upright(image), mode)


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; a picture with odd EXIF stays as it lies."""
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return image  # `exif_transpose` would copy it: 160 MB of the largest
        return ImageOps.exif_transpose(image)
    except _BROKEN:
        return image


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """`image` as `mode`; what is transparent becomes white, 16 bits become 8."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        # Pasting needs half the memory of alpha_composite: 40 megapixels must fit in 1 GiB.
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear.getchannel("A"))
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits stretched to 0..255 by its own extremes."""
    wide = image.convert("F")
    low, high = wide.getextrema()
    span = float(high) - float(low) or 1.0  # type: ignore[arg-type]  # "F" has one band
    return wide.point(lambda value: value * (255 / span) - float(low) * 255 / span).convert("L")  # type: ignore[arg-type]


def _animation(image: Image.Image) -> tuple[str, ...]:
    """A note when there are more frames. Never counts them: that would read the whole file."""
    try:
        moving = bool(getattr(image, "is_animated", False))
    except _BROKEN:
        return ()
    return ("animated: first frame",) if moving else ()


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:120]
