"""Words in pictures: what of them is found, what a picture costs, and whether polls notice.

Pictures are made (`bench._lettered`): Chinese and English, seven styles, several sizes, noise and
compression. What counts as found is that the lexicon then finds the product in what was read and
mended. The baseline is the same without mending. QR codes are read by zxing-cpp, without the extra.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from bench._lettered import STYLES, SURE, Lettered, fonts, lettered, terms_of
from bench._photos import file_of, photo
from bench.figures import Figure, Result
from bench.words import ordinary
from watchers.detect.misread import mended
from watchers.detect.terms import find
from watchers.lexicon import Lexicon
from watchers.picture_text import DECODED_SIDE_PX, RECIPE, why_off

NAME = "ocr"
SUMMARY = "words in pictures: share found, cost of a picture, QR codes, polls while the line is full"
NEEDS_EXTRA = "ocr"
_PICTURES, _SURE_PICTURES, _CODES = 210, 120, 150


async def run(args: list[str]) -> Result:
    """`--short` for a tenth of the pictures; `--seconds` of the daemon for each half of the polls."""
    parser = argparse.ArgumentParser(prog="bench ocr")
    parser.add_argument("--short", action="store_true", help="a tenth of the pictures, no polls")
    parser.add_argument("--seconds", type=float, default=40.0, help="of watching, with and without reading")
    options = parser.parse_args(args)
    share = 10 if options.short else 1
    lexicon = Lexicon.load()
    figures, notes = [*_mended_ordinary(lexicon, share)], [f"read by {RECIPE}"]
    off = why_off() or (
        "" if fonts()[0] else "this machine has no font that writes Chinese (Noto CJK, WenQuanYi)"
    )
    if off:
        notes.append(f"words were not read: {off}")
        figures.append(Figure("share of terms found after mending", float("nan"), 0.88))
    else:
        figures += _words(lexicon, share)
    figures += _codes(_CODES // share)
    if not options.short and not off:
        figures += await _polls(options.seconds)
    return Result(tuple(figures), tuple(notes))


# --- words ------------------------------------------------------------------------


def _words(lexicon: Lexicon, share: int) -> list[Figure]:
    terms = terms_of(lexicon)
    _warm_up()
    found, raw, cost = _read([lettered(n, terms) for n in range(_PICTURES // share)], lexicon)
    sure, _, _ = _read([lettered(9_000 + n, terms, SURE) for n in range(_SURE_PICTURES // share)], lexicon)
    everywhere = [one for each in found.values() for one in each]
    certain = [one for each in sure.values() for one in each]
    return [
        Figure("pictures with words", len(everywhere) + len(certain)),
        Figure("share of terms found after mending", statistics.mean(everywhere), 0.88),
        Figure("the same as read, unmended", statistics.mean(raw)),
        Figure("share found, outlined or on a band", statistics.mean(certain), 0.99),
        *(Figure(f"share found, {style}", statistics.mean(found[style])) for style in STYLES if found[style]),
        Figure("processor seconds a picture, mean", statistics.mean(cost), 0.7, "at most", "s"),
        Figure("processor seconds a picture, 95 of 100", _high(cost), None, "at most", "s"),
    ]


def _warm_up() -> None:
    from watchers.picture_text import warm_up

    warm_up()


def _read(made: list[Lettered], lexicon: Lexicon) -> tuple[dict[str, list[bool]], list[bool], list[float]]:
    """By style whether the term was found, whether unmended, and seconds with decoding."""
    from watchers.picture_decode import decode
    from watchers.picture_text import lines_in

    found: dict[str, list[bool]] = defaultdict(list)
    raw, cost = [], []
    for one in made:
        data = file_of(one.image, 85)
        began = time.process_time()
        lines = lines_in(decode(data, "RGB", DECODED_SIDE_PX).image)
        cost.append(time.process_time() - began)
        raw.append(_names(lexicon, "\n".join(lines), one))
        found[one.style].append(_names(lexicon, "\n".join(mended(line, lexicon).text for line in lines), one))
    return found, raw, cost


def _names(lexicon: Lexicon, text: str, made: Lettered) -> bool:
    """Whether the text names a product of the term on the picture."""
    products = {product for hit in find(lexicon, text).hits for product in hit.term.products}
    return any(one in other or other in one for one in products for other in made.term.products)


def _mended_ordinary(lexicon: Lexicon, share: int) -> list[Figure]:
    """Ordinary texts, as if they stood in pictures: what mending makes of them."""
    texts = ordinary()[:: 2 * share]
    wrong = sum(bool(mended(text[:200], lexicon).taken) for text in texts)
    return [
        Figure("ordinary texts", len(texts)),
        Figure("of them mended into a term", wrong / len(texts), 0.001, "at most"),
    ]


def _high(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(0.95 * len(values)))]


# --- codes ------------------------------------------------------------------------


def _codes(count: int) -> list[Figure]:
    from watchers.picture_codes import SIDE_PX, codes_in
    from watchers.picture_decode import decode

    read, cost = [], []
    for number in range(count):
        data = file_of(_coded(number), random.Random(number).choice((50, 75, 90)))
        grey = decode(data, "L", SIDE_PX).image
        began = time.process_time()
        read.append(codes_in(grey) == (_link(number),))
        cost.append(time.process_time() - began)
    for number in range(count // 3):
        grey = decode(file_of(photo(500 + number, width=1280)), "L", SIDE_PX).image
        began = time.process_time()
        codes_in(grey)
        cost.append(time.process_time() - began)
    return [
        Figure("QR codes read, 12 to 35 % of the shorter side", statistics.mean(read), 0.98),
        Figure(
            "processor seconds for codes, with and without one, mean",
            statistics.mean(cost),
            0.07,
            "at most",
            "s",
        ),
    ]


def _link(number: int) -> str:
    return f"https://u.wechat.com/kA9xQ2mv{number:03d}"


def _coded(number: int) -> Image.Image:
    """A picture with a code of 12 to 35 % of its shorter side, turned a little, with its quiet zone."""
    import zxingcpp

    chosen, image = random.Random(f"code {number}"), photo(700 + number % 60, width=1280)
    code = zxingcpp.create_barcode(_link(number), zxingcpp.BarcodeFormat.QRCode)
    side = round(min(image.size) * chosen.uniform(0.12, 0.35))
    drawn = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(code, scale=8))).resize((side, side))
    drawn = drawn.rotate(chosen.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    at = chosen.randint(0, image.width - drawn.width), chosen.randint(0, image.height - drawn.height)
    image.paste(drawn.convert("RGB"), at)
    return image


# --- polls -------------------------------------------------------------------------


async def _polls(seconds: float) -> list[Figure]:
    from bench._behind import INTERVAL_S, LATE_S, TARGETS, beside, bytes_of_pictures

    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as name:
        kept, without = await beside(Path(name), bytes_of_pictures(40), seconds)
    share = f"share of polls at most {LATE_S:g} s late, every {INTERVAL_S:g} s"
    return [
        Figure("targets polled while the line is full", TARGETS),
        Figure("polls meanwhile", kept.polls, TARGETS),
        Figure("pictures read meanwhile", kept.read, 1),
        Figure("posts that still wait at the end", kept.waiting, 1),
        Figure(share, kept.even, 0.99),
        Figure("the same without reading", without.even),
    ]
