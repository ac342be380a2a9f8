"""What resellers and platforms do to a picture, alone and in chains; each change takes and gives one.

Crops are off any grid: where they fall is drawn anew for each picture. The shares of the tables in
`bench.pictures` are of width and height each, so a crop of 25 % leaves 56 % of the area.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from functools import cache

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from bench._photos import photo

Change = Callable[[Image.Image, random.Random], Image.Image]


def _saved(quality: int) -> Change:
    def save(image: Image.Image, _: random.Random) -> Image.Image:
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", quality=quality)
        return Image.open(io.BytesIO(out.getvalue()))

    return save


def _cropped(share: float) -> Change:
    """So much of width and of height is gone, unevenly at the two sides."""

    def crop(image: Image.Image, chosen: random.Random) -> Image.Image:
        wide, high = round(image.width * (1 - share)), round(image.height * (1 - share))
        left, top = chosen.randint(0, image.width - wide), chosen.randint(0, image.height - high)
        return image.crop((left, top, left + wide, top + high))

    return crop


def _centred(share: float) -> Change:
    """So much of width and of height is gone, the same at both sides: what the literature measures."""

    def crop(image: Image.Image, _: random.Random) -> Image.Image:
        left, top = round(image.width * share / 2), round(image.height * share / 2)
        return image.crop((left, top, image.width - left, image.height - top))

    return crop


def _watermark(image: Image.Image, chosen: random.Random) -> Image.Image:
    """A translucent text, tiled."""
    marked, text = image.convert("RGB"), chosen.choice(("@best-goods", "vx 886612", "ORIGINAL", "no copy"))
    pen, step = ImageDraw.Draw(marked, "RGBA"), max(40, image.height // 5)
    for row in range(chosen.randint(0, step), image.height, step):
        pen.text((row % 97, row), f"{text}     " * 5, fill=(255, 255, 255, 110), font_size=step // 3)
    return marked


def _turned(degrees: float) -> Change:
    def turn(image: Image.Image, chosen: random.Random) -> Image.Image:
        angle = degrees * chosen.choice((-1, 1))
        return image.convert("RGB").rotate(angle, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))

    return turn


def _letterbox(image: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.expand(image.convert("RGB"), (0, round(image.height * 0.12)), fill="black")


def _border(image: Image.Image, chosen: random.Random) -> Image.Image:
    colour = chosen.choice(("white", "black", "#777777", "#c9a227"))
    return ImageOps.expand(image.convert("RGB"), round(image.width * 0.08), fill=colour)


def _screenshot(image: Image.Image, chosen: random.Random) -> Image.Image:
    """A telephone's screen: a bar, the picture, lines of a caption."""
    ground = chosen.choice(((255, 255, 255), (18, 18, 20)))
    screen = Image.new("RGB", (720, 1480), ground)
    pen, ink = ImageDraw.Draw(screen), tuple(255 - level for level in ground)
    pen.text((30, 20), "21:47      LTE  83%", fill=ink, font_size=30)
    inner = image.convert("RGB")
    inner = inner.resize((690, round(690 * inner.height / inner.width)))
    top = chosen.randint(130, 260)
    screen.paste(inner, (15, top))
    for row in range(top + inner.height + 30, 1440, 46):
        pen.text((24, row), "".join(chosen.choices("abcdefgh  klmnorstu", k=34)), fill=ink, font_size=28)
    return screen


def _stickers(image: Image.Image, chosen: random.Random) -> Image.Image:
    covered = image.convert("RGB")
    pen, side = ImageDraw.Draw(covered), min(image.size) // 5
    for _ in range(3):
        x, y = chosen.randint(0, image.width - side), chosen.randint(0, image.height - side)
        pen.ellipse((x, y, x + side, y + side), fill=(255, 214, 40), outline=(120, 80, 0), width=4)
        for eye in (0.3, 0.6):
            pen.ellipse(
                (x + side * eye, y + side * 0.3, x + side * (eye + 0.1), y + side * 0.42), fill="black"
            )
    return covered


@cache
def _other(number: int, width: int) -> Image.Image:
    return photo(number, width=width)


def _collage(image: Image.Image, chosen: random.Random) -> Image.Image:
    """One of four in a square; each is cut to a square first."""
    canvas = Image.new("RGB", (960, 960), "white")
    others = [_other(70_000 + chosen.randrange(40), 480) for _ in range(3)]
    tiles = [image.convert("RGB"), *others]
    chosen.shuffle(tiles)
    for at, tile in enumerate(tiles):
        canvas.paste(ImageOps.fit(tile, (474, 474)), (at % 2 * 483, at // 2 * 483))
    return canvas


def _pasted(image: Image.Image, chosen: random.Random) -> Image.Image:
    """At half the size of another picture, anywhere on it."""
    under = _other(71_000 + chosen.randrange(40), 960).resize((960, 720))
    inner = ImageOps.contain(image.convert("RGB"), (480, 360))
    under.paste(inner, (chosen.randint(0, 960 - inner.width), chosen.randint(0, 720 - inner.height)))
    return under


def chain(*changes: Change) -> Change:
    """One change after the other."""

    def all_of(image: Image.Image, chosen: random.Random) -> Image.Image:
        for change in changes:
            image = change(image, chosen)
        return image

    return all_of


def _scaled(share: float) -> Change:
    return lambda image, _: image.resize((round(image.width * share), round(image.height * share)))


def _plain(change: Callable[[Image.Image], Image.Image]) -> Change:
    return lambda image, _: change(image.convert("RGB"))


MIRROR = _plain(ImageOps.mirror)
FIRST_STAGE: dict[str, tuple[Change, float]] = {
    "jpeg q30": (_saved(30), 0.97),
    "jpeg q10": (_saved(10), 0.97),
    "resize 0.3": (_scaled(0.3), 0.97),
    "stretch to a square": (_plain(lambda image: image.resize((600, 600))), 0.97),
    "brightness +30 %": (_plain(lambda image: ImageEnhance.Brightness(image).enhance(1.3)), 0.97),
    "brightness -40 %": (_plain(lambda image: ImageEnhance.Brightness(image).enhance(0.6)), 0.97),
    "contrast +50 %": (_plain(lambda image: ImageEnhance.Contrast(image).enhance(1.5)), 0.97),
    "grey": (_plain(ImageOps.grayscale), 0.97),
    "mirror": (MIRROR, 0.97),
    "turned 90 degrees": (_plain(lambda image: image.transpose(Image.Transpose.ROTATE_90)), 0.97),
    "watermark": (_watermark, 0.93),
    "crop 5 %": (_cropped(0.05), 0.93),
    "crop 5 %, centred": (_centred(0.05), 0.93),
    "turned 2 degrees": (_turned(2), 0.93),
    "letterbox": (_letterbox, 0.75),
    "border": (_border, 0.75),
    "screenshot": (_screenshot, 0.75),
    "mirror, watermark, q40": (chain(MIRROR, _watermark, _saved(40)), 0.75),
    "letterbox, watermark, q30": (chain(_letterbox, _watermark, _saved(30)), 0.5),
}
"""Each change with the share of pictures that the hashes must find again."""
BOTH_STAGES: dict[str, tuple[Change, float]] = {
    "crop 10 %": (_cropped(0.10), 0.92),
    "crop 25 %": (_cropped(0.25), 0.92),
    "collage of four": (_collage, 0.92),
    "pasted at half size": (_pasted, 0.92),
    "stickers": (_stickers, 0.92),
    "mirror, crop 10 %": (chain(MIRROR, _cropped(0.10)), 0.92),
    "turned 5 degrees": (_turned(5), 0.92),
    "crop 10 %, brighter, q30": (
        chain(_cropped(0.10), _plain(lambda image: ImageEnhance.Brightness(image).enhance(1.25)), _saved(30)),
        0.92,
    ),
    "screenshot of a crop": (chain(_cropped(0.10), _screenshot), 0.8),
}
"""Each change with the share that hashes and bank together must find again."""
