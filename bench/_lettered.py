"""Product pictures with words on them, as sellers write them: Chinese and English, in several styles.

Surfaces are those of `bench._photos`. What is written names a product of the shipped lexicon, alone
or beside a way to the seller. Fonts are the machine's own; `cjk_fonts` says why when there is none.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from bench._altered import _saved
from bench._photos import photo
from watchers.lexicon import Kind, Lexicon, Term

Font = ImageFont.FreeTypeFont
WIDTH_PX = 1280
_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
_CJK = ("*CJK*.ttc", "*CJK*.otf", "wqy*.ttc", "DroidSansFallback*.ttf", "uming.ttc", "ukai.ttc")
_LATIN = ("DejaVuSans*.ttf", "DejaVuSerif*.ttf", "Liberation*.ttf", "NotoSans-*.ttf")
_SIMPLIFIED = 2
"""Of the faces in a Noto collection, the one for the mainland."""
SURE = ("outlined", "band")
_WRITTEN = {
    True: ("{}", "{} 微信 {}", "出{} 加v {}", "老{} 现货 私聊", "{} 包真 V信{}", "精品{}手串", "{}\n电话 {}"),
    False: ("{}", "{} WhatsApp {}", "real {} for sale", "{} DM me", "old {}, PM for price", "{}\ncall {}"),
}


@dataclass(frozen=True, slots=True)
class Lettered:
    """One picture. term: what is named on it; written: all that stands there."""

    image: Image.Image
    term: Term
    written: str
    style: str


def fonts() -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The fonts of this machine that write Chinese, and those for Latin letters."""
    return _found(_CJK), _found(_LATIN)


@lru_cache
def _found(patterns: tuple[str, ...]) -> tuple[Path, ...]:
    there = (path for folder in _FOLDERS for pattern in patterns for path in folder.rglob(pattern))
    return tuple(sorted(set(there)))


def terms_of(lexicon: Lexicon) -> dict[bool, list[Term]]:
    """Terms that are written out, by whether they are Chinese: what a picture can name."""
    plain = [
        t
        for t in lexicon.terms
        if t.tier <= 3 and t.kind in (Kind.NAME, Kind.CODE) and t.lang in ("zh", "en")
    ]
    chinese = [t for t in plain if t.lang == "zh" and len(t.text) >= 2]
    english = [t for t in plain if t.lang == "en" and len(t.text) >= 5 and t.text.replace(" ", "").isalpha()]
    return {True: chinese, False: english}


def lettered(number: int, terms: dict[bool, list[Term]], styles: Sequence[str] = ()) -> Lettered:
    """Picture `number`, always the same on a machine: three of five are Chinese."""
    chosen = random.Random(f"lettered {number}")
    cjk, latin = fonts()
    chinese = number % 5 < 3
    term = chosen.choice(terms[chinese])
    form = chosen.choice(_WRITTEN[chinese])
    written = form.format(term.text, _contact(chosen)) if form.count("{}") > 1 else form.format(term.text)
    style = (styles or tuple(STYLES))[number // 5 % len(styles or STYLES)]
    path = chosen.choice(cjk if chinese or not latin else latin)
    face = _SIMPLIFIED if path.suffix == ".ttc" and "CJK" in path.name else 0
    size = chosen.randint(32, 80)
    font = ImageFont.truetype(str(path), size, index=face)
    image = photo(10_000 + number % 97, width=WIDTH_PX).convert("RGB")
    STYLES[style](image, written, font, chosen)
    return Lettered(_spoilt(image, chosen), term, written, style)


def _contact(chosen: random.Random) -> str:
    digits = "".join(chosen.choices("0123456789", k=9))
    return chosen.choice((f"13{digits}", f"abc{digits[:5]}", f"yy_{digits[:6]}"))


def _spoilt(image: Image.Image, chosen: random.Random) -> Image.Image:
    """Noise of a small sensor, and the compression of a platform."""
    if chosen.random() < 0.5:
        rng = np.random.default_rng(chosen.randrange(1 << 30))
        noisy = np.asarray(image, np.float32) + rng.normal(0, chosen.uniform(3, 9), (*image.size[::-1], 1))
        image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    return _saved(chosen.choice((40, 60, 75, 90)))(image, chosen).convert("RGB")


# --- styles ---------------------------------------------------------------------

Style = Callable[[Image.Image, str, Font, random.Random], None]


def _place(image: Image.Image, text: str, font: Font, chosen: random.Random) -> tuple[int, int, Font]:
    """Where the text fits whole, in a smaller size where it must."""
    pen = ImageDraw.Draw(image)
    while True:
        left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font=font)
        room = image.width - (right - left) - 40, image.height - (bottom - top) - 40
        if min(room) >= 0:
            return 20 + chosen.randint(0, int(room[0])), 20 + chosen.randint(0, int(room[1])), font
        font = font.font_variant(size=int(font.size * 0.85))


def _plain(image: Image.Image, text: str, font: Font, chosen: random.Random) -> None:
    x, y, font = _place(image, text, font, chosen)
    colour = chosen.choice(("white", "black", "red", "yellow"))
    ImageDraw.Draw(image).multiline_text((x, y), text, fill=colour, font=font)


def _outlined(image: Image.Image, text: str, font: Font, chosen: random.Random) -> None:
    x, y, font = _place(image, text, font, chosen)
    fill, line = chosen.choice(
        (("white", "black"), ("red", "white"), ("yellow", "black"), ("black", "white"))
    )
    width = max(2, int(font.size) // 14)
    ImageDraw.Draw(image).multiline_text(
        (x, y), text, fill=fill, font=font, stroke_width=width, stroke_fill=line
    )


def _band(image: Image.Image, text: str, font: Font, chosen: random.Random) -> None:
    x, y, font = _place(image, text, font, chosen)
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = pen.multiline_textbbox((x, y), text, font=font)
    ground, fill = chosen.choice((("black", "white"), ("darkred", "yellow"), ("white", "black")))
    pen.rectangle((left - 14, top - 10, right + 14, bottom + 10), fill=ground)
    pen.multiline_text((x, y), text, fill=fill, font=font)


def _translucent(image: Image.Image, text: str, font: Font, chosen: random.Random) -> None:
    x, y, font = _place(image, text, font, chosen)
    pen = ImageDraw.Draw(image, "RGBA")
    pen.multiline_text((x, y), text, fill=(235, 235, 235, 150), font=font)


def _faint(image: Image.Image, text: str, font: Font, chosen: random.Random) -> None:
    """Lighter than the ground by a little."""
    x, y, font = _place(image, text, font, chosen)
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).multiline_text((x, y), text, fill=255, font=font)
    lighter = ImageChops.add(image, Image.new("RGB", image.size, (70, 70, 70)))
    image.paste(lighter, (0, 0), mask)


def _slanted(image: Image.Image, text: str, font: Font, chosen: random.Random) -> None:
    """Outlined and turned by 10 to 20 degrees."""
    x, y, font = _place(image, text, font.font_variant(size=min(int(font.size), 56)), chosen)
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font=font)
    at = (image.width - (right - left)) / 2, (image.height - (bottom - top)) / 2
    del x, y
    pen.multiline_text(at, text, fill="white", font=font, stroke_width=3, stroke_fill="black")
    layer = layer.rotate(chosen.choice((-1, 1)) * chosen.uniform(10, 20), Image.Resampling.BICUBIC)
    image.paste(layer, (0, 0), layer)


def _soft(image: Image.Image, text: str, font: Font, chosen: random.Random) -> None:
    """A photographed sign: outlined, then out of focus a little."""
    _outlined(image, text, font, chosen)
    image.paste(image.filter(ImageFilter.GaussianBlur(1.2)))


STYLES: dict[str, Style] = {
    "outlined": _outlined,
    "band": _band,
    "plain": _plain,
    "translucent": _translucent,
    "faint": _faint,
    "slanted": _slanted,
    "soft": _soft,
}
