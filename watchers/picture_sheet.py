"""The contact sheet: up to nine pictures of a post on one JPEG for the alert card.

Runs only inside a picture worker. The sheet always fits a Telegram photo: sides of at
most 1280 px, so width + height <= 10 000, ratio <= 3, and far below 10 MB.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

from watchers.picture_decode import Undecodable, decode

TILES_MAX = 9
SIDE_PX = 1280
_GAP_PX = 6
_FRAME_PX = 8
_RATIO_MAX = 3
_STRIP_MAX = 16
_FRAME = (220, 30, 30)
_KNOWN = (40, 110, 230)
_SAID, _SAID_PX = "KNOWN", 34
"""On a known picture, which is none of the post's: nobody may take it for what the seller showed."""
_GROUND = (24, 24, 28)
_ABSENT = (90, 90, 96)


def contact_sheet(
    pictures: Sequence[bytes], framed: Collection[int] = (), known: Collection[int] = ()
) -> bytes:
    """A JPEG of the first nine pictures; each of `framed`, a place from 0 on, gets a red frame.

    known: places of pictures that are not the post's: a blue frame and a word tell them apart.
    A picture that cannot be decoded becomes a grey, crossed tile, so positions stay true.
    """
    shown = pictures[:TILES_MAX]
    if len(shown) == 1:
        only = _single(shown[0])
        return _jpeg(_with_frame(only) if 0 in framed else only)
    columns, rows = grid(len(shown))
    side = SIDE_PX // columns
    canvas = Image.new("RGB", (side * columns, side * rows), _GROUND)
    for at, data in enumerate(shown):
        tile = _tile(data, side - _GAP_PX, framed=at in framed)
        tile = _as_known(tile) if at in known else tile
        canvas.paste(tile, (at % columns * side + _GAP_PX // 2, at // columns * side + _GAP_PX // 2))
    return _jpeg(canvas)


def grid(count: int) -> tuple[int, int]:
    """Columns and rows for that many tiles: 1, 2x1, 2x2, 3x2, 3x3."""
    if count <= 1:
        return 1, 1
    columns = 2 if count <= 4 else 3
    return columns, -(-count // columns)


def _single(data: bytes) -> Image.Image:
    """The only picture in its own shape, between 3:1 and 1:3, at most 1280 px."""
    try:
        picture = _trimmed(decode(data, "RGB", SIDE_PX).image)
    except Undecodable:
        return _absent(SIDE_PX)
    scale = SIDE_PX / max(picture.size)
    least = SIDE_PX // _RATIO_MAX
    wide, high = (max(least, round(side * scale)) for side in picture.size)
    return ImageOps.pad(picture, (wide, high), Image.Resampling.BICUBIC, color=_GROUND)


def _trimmed(picture: Image.Image) -> Image.Image:
    """The middle of a picture that is absurdly long: a 1 x 40 000 strip cannot be scaled."""
    most = _STRIP_MAX * min(picture.size)
    return ImageOps.fit(picture, (min(picture.width, most), min(picture.height, most)))


def _jpeg(canvas: Image.Image) -> bytes:
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=85, optimize=True)
    return out.getvalue()


def _tile(data: bytes, side_px: int, *, framed: bool) -> Image.Image:
    try:
        picture = _trimmed(decode(data, "RGB", side_px).image)
    except Undecodable:
        return _absent(side_px)
    tile = ImageOps.pad(picture, (side_px, side_px), Image.Resampling.BICUBIC, color=_GROUND)
    return _with_frame(tile) if framed else tile


def _with_frame(tile: Image.Image) -> Image.Image:
    edge = (0, 0, tile.width - 1, tile.height - 1)
    ImageDraw.Draw(tile).rectangle(edge, outline=_FRAME, width=_FRAME_PX)
    return tile


def _as_known(tile: Image.Image) -> Image.Image:
    """A tile in its frame, with the word in a band of the same colour."""
    draw = ImageDraw.Draw(tile)
    font = ImageFont.load_default(_SAID_PX)
    left, top, right, bottom = draw.textbbox((0, 0), _SAID, font=font)
    draw.rectangle((0, 0, right + 3 * _FRAME_PX, bottom + 3 * _FRAME_PX), fill=_KNOWN)
    draw.text((2 * _FRAME_PX - left, 2 * _FRAME_PX - top // 2), _SAID, fill=(255, 255, 255), font=font)
    draw.rectangle((0, 0, tile.width - 1, tile.height - 1), outline=_KNOWN, width=_FRAME_PX)
    return tile


def _absent(side_px: int) -> Image.Image:
    tile = Image.new("RGB", (side_px, side_px), _ABSENT)
    draw = ImageDraw.Draw(tile)
    draw.line((0, 0, side_px, side_px), fill=_GROUND, width=3)
    draw.line((0, side_px, side_px, 0), fill=_GROUND, width=3)
    return tile
