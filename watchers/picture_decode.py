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
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
"""What is read at all. Never EPS: Pillow hands it to Ghostscript."""
PIXELS_MAX = 40_000_000
"""Of the header, before anything is unpacked."""
LARGE_BYTES = 120_000_000
"""Memory that decoding one picture may take; a picture that needs more keeps its bytes and has no hash."""
LIGHT_BYTES = 32_000_000
"""Pictures above it are decoded one at a time, whatever else is read (`watchers.pictures`)."""
FRAMES_MAX = 8
"""Of an animation that are looked at."""
FRAME_PIXELS_MAX = 80_000_000
"""Of all frames up to the last one looked at: each is unpacked on the way."""
HASH_SIDE_PX = 256
"""Shorter side a JPEG is decoded to at least; below it the hashes drift (facts, imaging 1)."""

_PLUGINS = (AvifImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
_TAKES = {"PNG": 4, "WEBP": 16, "GIF": 5, "AVIF": 10}
"""Bytes a pixel at the peak of decoding (measured at 36 megapixels: 4, 15.6, 2 and 9)."""
_COEFFICIENT_BYTES = 2
"""libjpeg keeps one 16-bit coefficient for each sample of a progressive picture."""
_SEEN_ROWS_MIN = 0.65
_STRIP_ROWS = 8
_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
"""EXIF orientation to what makes the picture upright."""
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

    moving: whether it has more frames. notes: what an officer should know ("truncated").
    """

    image: Image.Image
    format: str
    size: tuple[int, int]
    moving: bool = False
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
    size, kind, moving = first.size, first.format or "", moves(first)
    try:
        return Decoded(image=_load(first, mode, side_px), format=kind, size=size, moving=moving)
    except _BROKEN as error:
        cut = _decode_cut(data, mode, side_px, why=str(error))
    return Decoded(image=cut, format=kind, size=size, moving=moving, notes=("truncated",))


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
    if takes_bytes(image) > LARGE_BYTES:
        raise Undecodable(f"too many pixels for {image.format}: {image.width}x{image.height}")
    return image


def takes_bytes(image: Image.Image) -> int:
    """Memory that decoding an opened picture will take, from its header alone."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):
        # A plain one is reduced row by row while it is read.
        return pixels * len(image.getbands()) * _COEFFICIENT_BYTES if "progressive" in image.info else 0
    return pixels * _TAKES.get(image.format or "", 16)


def is_large(data: bytes) -> bool:
    """Whether decoding `data` takes so much memory that nothing else large should be read meanwhile."""
    try:
        return takes_bytes(open_bounded(data)) > LIGHT_BYTES
    except Undecodable:
        return False


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
    turn = _turn(image)  # before the pixels are copied: the copy has no EXIF
    factor = min(image.size) // side_px
    plain = _plain(image, mode) if factor < 2 else _reduced(image, mode, factor)
    for step in turn:
        plain = plain.transpose(step)
    return plain


def _turn(image: Image.Image) -> tuple[Image.Transpose, ...]:
    """What makes a picture upright as its EXIF says; a picture with odd EXIF stays as it lies."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1), ())
    except _BROKEN:
        return ()


def _reduced(image: Image.Image, mode: str, factor: int) -> Image.Image:
    """`image` as `mode`, each `factor` x `factor` pixels averaged to one.

    Strip by strip: a whole copy of a large picture in a second mode would double its memory.
    """
    span = _extremes(image)
    wide, high = (-(-side // factor) for side in image.size)
    small = Image.new(mode, (wide, high))
    for top in range(0, high, _STRIP_ROWS):
        below = min(image.height, (top + _STRIP_ROWS) * factor)
        strip = image.crop((0, top * factor, image.width, below))
        small.paste(_plain(strip, mode, span).reduce(factor), (0, top))
    return small


def _extremes(image: Image.Image) -> tuple[float, float] | None:
    """Darkest and brightest value of a picture of more than 8 bits a sample, else None."""
    if not (image.mode.startswith("I;16") or image.mode in ("I", "F")):
        return None
    low, high = (image.convert("I") if image.mode == "I;16B" else image).getextrema()
    return float(low), float(high)  # type: ignore[arg-type]  # these modes have one band


def _plain(image: Image.Image, mode: str, span: tuple[float, float] | None = None) -> Image.Image:
    """`image` as `mode`; what is transparent becomes white, 16 bits become 8."""
    if span or (span := _extremes(image)):
        image = _eight_bits(image, *span)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.new("RGB", clear.size, "white")
        image.paste(clear, mask=clear.getchannel("A"))
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(image: Image.Image, low: float, high: float) -> Image.Image:
    """Grey of 16 or 32 bits stretched to 0..255 between its extremes."""
    span = high - low or 1.0
    wide = image.convert("F")
    return wide.point(lambda value: value * (255 / span) - low * 255 / span).convert("L")


def later_frames(data: bytes, mode: str, side_px: int) -> list[Image.Image]:
    """Frames 1, 2, 4, 8 ... of an animation as `decode` gives the first; none of a still picture.

    Never counts them: that would read the whole file. Stops at the first that is broken, and
    where the frames unpacked so far come to `FRAME_PIXELS_MAX`.
    """
    frames: list[Image.Image] = []
    try:
        image = open_bounded(data)
        if not getattr(image, "is_animated", False):
            return frames
        most = FRAME_PIXELS_MAX // (image.width * image.height)
        at = 1
        while at <= most and len(frames) < FRAMES_MAX - 1:
            image.seek(at)
            frames.append(_load(image.copy(), mode, side_px))
            at *= 2
    except (Undecodable, *_BROKEN):
        pass
    return frames


def moves(image: Image.Image) -> bool:
    """Whether an opened picture has more frames than one."""
    try:
        return bool(getattr(image, "is_animated", False))
    except _BROKEN:
        return False


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:120]
