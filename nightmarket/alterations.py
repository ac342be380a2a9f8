"""The ten operations by which a picture is made to look new when it is posted again.

Fixed by the specification: resize, JPEG 40, crop 10 %, mirror, border, watermark, blur,
gray, brightness, 5 degree turn. Each takes and gives a JPEG file.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Change = Callable[[Image.Image, int], Image.Image]


def _resize(image: Image.Image, twist: int) -> Image.Image:
    share = (0.5, 0.65, 0.8, 1.3)[twist % 4]
    return image.resize((int(image.width * share), int(image.height * share)), Image.Resampling.LANCZOS)


def _crop(image: Image.Image, twist: int) -> Image.Image:
    """Ten per cent of width and height gone, from a corner or all round."""
    dx, dy = image.width // 10, image.height // 10
    left, top = ((0, 0), (dx, dy), (dx // 2, dy // 2), (0, dy))[twist % 4]
    return image.crop((left, top, left + image.width - dx, top + image.height - dy))


def _border(image: Image.Image, twist: int) -> Image.Image:
    colour = ("white", "black", "#888888", "#c9a227")[twist % 4]
    return ImageOps.expand(image, border=max(6, image.width // 25), fill=colour)


def _watermark(image: Image.Image, twist: int) -> Image.Image:
    marked = image.copy()
    pen = ImageDraw.Draw(marked, "RGBA")
    text = ("@best-goods", "vx 8866", "ORIGINAL", "no copy")[twist % 4]
    step = max(40, image.height // 4)
    for row in range(0, image.height, step):
        pen.text((row % 97, row), f"{text}   {text}", fill=(255, 255, 255, 110), font_size=step // 3)
    return marked


def _turn(image: Image.Image, twist: int) -> Image.Image:
    degrees = 5 if twist % 2 else -5
    return image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))


CHANGES: dict[str, Change] = {
    "resize": _resize,
    "jpeg40": lambda image, _: image,
    "crop": _crop,
    "mirror": lambda image, _: ImageOps.mirror(image),
    "border": _border,
    "watermark": _watermark,
    "blur": lambda image, _: image.filter(ImageFilter.GaussianBlur(1.6)),
    "gray": lambda image, _: ImageOps.grayscale(image).convert("RGB"),
    "brightness": lambda image, twist: ImageEnhance.Brightness(image).enhance((0.7, 1.35)[twist % 2]),
    "turn": _turn,
}


def alter(jpeg: bytes, change: str, twist: int) -> bytes:
    """The picture after one named operation; `twist` picks its direction or amount."""
    with Image.open(io.BytesIO(jpeg)) as opened:
        image = CHANGES[change](opened.convert("RGB"), twist)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40 if change == "jpeg40" else 85)
    return buffer.getvalue()
