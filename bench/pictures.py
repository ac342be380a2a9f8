"""What is found again of altered pictures by hashes and bank, how often wrongly, and at what cost.

Pictures are generated, photo-like, each with textures of its own (`bench._photos`); no real goods.
All goes through the product's own parts: the worker's recipe, the exact index, the bank.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bench._altered import BOTH_STAGES, FIRST_STAGE, Change
from bench._photos import file_of, photo
from bench.figures import Figure, Result
from storage.fingerprints import Fingerprints
from storage.model import NEAR_PDQ_BITS, SAME_PDQ_BITS, Tier
from storage.similar import PictureIndex, Seen
from storage.turns import distance_bits, hex_of, turned, words_of
from watchers.picture_bank import PictureBank
from watchers.picture_decode import HASH_SIDE_PX, decode, prepare
from watchers.picture_features import ASKED_SIDE_PX, asked_features, known_features
from watchers.picture_hashes import Hashes, hashes_of, phash

NAME = "pictures"
SUMMARY = "altered copies found again by hashes and bank, false pairs, look-up and decoding times"
NEEDS_DEV = False

_STRANGER = 100_000
_TIER = Tier.NORMAL


@dataclass(frozen=True, slots=True)
class Original:
    """A picture of the suite, as a file and by its hashes."""

    data: bytes
    hashes: Hashes


def run(args: list[str]) -> Result:
    """`--pictures` originals altered in 27 ways, a bank of `--bank`, pairs of all of them."""
    parser = argparse.ArgumentParser(prog="bench pictures")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument(
        "--bank", type=int, default=2_500, help="pictures in the bank, the originals among them"
    )
    parser.add_argument("--hashes", type=int, default=1_000_000, help="in the index that is timed")
    parser.add_argument(
        "--large", type=int, default=10_000_000, help="64-bit hashes in the index that is timed"
    )
    parser.add_argument("--only", choices=("likeness", "index", "speed"), default="")
    given = parser.parse_args(args)
    prepare()
    figures: list[Figure] = []
    if given.only in ("", "speed"):
        figures += speed(24)
    if given.only in ("", "index"):
        figures += lookup(given.hashes) + lookup_64(given.large)
    if given.only in ("", "likeness"):
        figures += likeness(given.pictures, given.bank)
    return Result(tuple(figures), notes=("generated pictures; times are processor time of one core",))


# --- likeness ---------------------------------------------------------------------------


def likeness(count: int, bank_size: int) -> list[Figure]:
    """Shares found again, and false pairs among all pictures of the bank."""
    originals = [_original(file_of(photo(number))) for number in range(count)]
    index, bank = PictureIndex(), PictureBank()
    every = list(originals)
    for number, original in enumerate(originals):
        index.add(_seen(original, number))
        bank.add(known_features(_grey(original.data)))
    for number in range(count, bank_size):
        _say(f"bank {number}/{bank_size}")
        data = file_of(photo(_STRANGER + number, width=480))
        every.append(_original(data))
        index.add(_seen(every[-1], number))
        bank.add(known_features(_grey(data)))
    figures = [
        Figure(f"hashes: {name}", _share(originals, change, lambda d, n: n in _by_hash(index, d)), target)
        for name, (change, target) in FIRST_STAGE.items()
    ]
    for name, (change, target) in BOTH_STAGES.items():
        share = _share(originals, change, lambda d, n: n in _by_hash(index, d) or n in _by_bank(bank, d))
        figures.append(Figure(f"both stages: {name}", share, target))
    return [*figures, *false_pairs(every), *false_hits(index, bank, bank_size)]


def _original(data: bytes) -> Original:
    return Original(data, hashes_of(decode(data, "L", HASH_SIDE_PX).image))


def _seen(original: Original, number: int) -> Seen:
    sha256 = f"{number:064x}"
    hashes = original.hashes
    return Seen(sha256=sha256, known=f"{number:032x}", tier=_TIER, phash=hashes.phash, pdqs=hashes.pdqs)


def _grey(data: bytes) -> Image.Image:
    return decode(data, "L", ASKED_SIDE_PX * 3 // 4).image


def _share(originals: Sequence[Original], change: Change, found: Callable[[bytes, int], bool]) -> float:
    hits = 0
    for number, original in enumerate(originals):
        _say(f"{number}/{len(originals)}")
        chosen = random.Random(number)
        altered = change(Image.open(io.BytesIO(original.data)), chosen)
        hits += found(file_of(altered, chosen.randint(70, 92)), number)
    return hits / len(originals)


def _by_hash(index: PictureIndex, data: bytes) -> set[int]:
    pdqs = hashes_of(decode(data, "L", HASH_SIDE_PX).image).pdqs
    return {int(match.known, 16) for match in index.near_pdq(pdqs, NEAR_PDQ_BITS)}


def _by_bank(bank: PictureBank, data: bytes) -> set[int]:
    return {shared.picture for shared in bank.ask(*asked_features(_grey(data)))}


def false_pairs(every: Sequence[Original]) -> list[Figure]:
    """Clean pairs of different pictures within 31 and 64 bits, in any turn, whole or trimmed."""
    prints = Fingerprints()
    for number, original in enumerate(every):
        for pdq in original.hashes.pdqs:
            prints.add(pdq, number)
    near: dict[tuple[int, int], int] = {}
    for number, original in enumerate(every):
        _say(f"pairs {number}/{len(every)}")
        for pdq in original.hashes.pdqs:
            for bits, other, _ in prints.near(pdq, NEAR_PDQ_BITS):
                if other < number:
                    near[other, number] = min(bits, near.get((other, number), bits))
    pairs = len(every) * (len(every) - 1) // 2
    same = sum(bits <= SAME_PDQ_BITS for bits in near.values())
    note = f"of {pairs:,} clean pairs; nearest: " + (", ".join(map(str, sorted(near.items())[:5])) or "none")
    return [
        Figure("clean pairs compared", pairs, 3_000_000 if len(every) >= 2_500 else None),
        Figure("false pairs within 64 bits, share", len(near) / pairs, 1e-6, "at most", note=note),
        Figure("false pairs within 31 bits", same, 0, "at most"),
        Figure("pictures without a sure hash", sum(not original.hashes.pdqs for original in every)),
    ]


def false_hits(index: PictureIndex, bank: PictureBank, bank_size: int) -> list[Figure]:
    """Strangers asked of both stages, and how long the bank takes for one."""
    strangers, wrong_hash, wrong_bank = 60, 0, 0
    times = []
    for number in range(strangers):
        _say(f"stranger {number}/{strangers}")
        data = file_of(photo(2 * _STRANGER + number, width=800))
        wrong_hash += bool(_by_hash(index, data))
        grey = _grey(data)
        start = time.process_time()
        wrong_bank += bool(bank.ask(*asked_features(grey)))
        times.append(time.process_time() - start)
    return [
        Figure("clean pairs asked of the bank", strangers * bank_size, 10_000),
        Figure("false hits of the hashes", wrong_hash, 0, "at most"),
        Figure("false hits of the bank", wrong_bank, 0, "at most"),
        Figure("bank query, median", float(np.median(times)) * 1000, 60, "at most", "ms"),
    ]


# --- look-up ----------------------------------------------------------------------------


def lookup(count: int, asked: int = 200) -> list[Figure]:
    """Exact look-up of 256-bit hashes in eight turns: time, memory, recall against comparing all."""
    rng = np.random.default_rng(5)
    before = _rss_mb()
    words = rng.integers(0, 1 << 64, (4, count), dtype=np.uint64)
    figures = []
    for name, flat_up_to, bits in (("flat", 1 << 40, NEAR_PDQ_BITS), ("in bands", 0, SAME_PDQ_BITS)):
        prints = Fingerprints(flat_up_to=flat_up_to)
        a, b, c, d = (column.tobytes() for column in words)
        prints.extend((a, b, c, d), np.arange(count, dtype=np.uint32).tobytes())
        if not flat_up_to:
            prints.settle()
        times, missed = [], 0
        for number in range(asked):
            at = int(rng.integers(count))
            pdq = hex_of((int(words[0, at]), int(words[1, at]), int(words[2, at]), int(words[3, at])))
            wanted = _flipped(turned(pdq)[number % 8], rng, int(rng.integers(0, bits + 1)))
            start = time.process_time()
            found = {(owner, distance) for distance, owner, _ in prints.near(wanted, bits)}
            times.append(time.process_time() - start)
            missed += found != (
                _compared(words, wanted, bits) if number < 24 else found | {(at, _least(pdq, wanted))}
            )
        label = f"{count:,} x 256 bit, {bits} bits, 8 turns, {name}"
        figures += [
            Figure(f"{label}: p99", float(np.percentile(times, 99)) * 1000, 50, "at most", "ms"),
            Figure(f"{label}: answers that differ from comparing all", missed, 0, "at most"),
        ]
    figures.append(Figure("memory of both and the test's copy", _rss_mb() - before, unit="MB"))
    return figures


def _least(one: str, two: str) -> int:
    return min(distance_bits(way, two) for way in turned(one))


def _compared(words: np.ndarray, wanted: str, bits: int) -> set[tuple[int, int]]:
    """(place, distance) of all within `bits` of any turn, the plain way."""
    least = np.full(words.shape[1], 256, np.uint16)
    for way in turned(wanted):
        total = np.zeros(words.shape[1], np.uint16)
        for column, word in zip(words, words_of(way), strict=True):
            total += np.bitwise_count(column ^ np.uint64(word))
        np.minimum(least, total, out=least)
    return {(int(at), int(least[at])) for at in np.flatnonzero(least <= bits)}


def lookup_64(count: int, asked: int = 200) -> list[Figure]:
    """Exact look-up of 64-bit hashes in order of their parts."""
    from array import array

    from storage import parts

    rng = np.random.default_rng(6)
    before = _rss_mb()
    values = rng.integers(0, 1 << 64, count, dtype=np.uint64)
    hashes = array("Q", values.tobytes())
    ordered = parts.ordered(hashes)
    times, missed = [], 0
    for number in range(asked):
        wanted = int(values[int(rng.integers(count))])
        for bit in rng.choice(64, int(rng.integers(0, 9)), replace=False):
            wanted ^= 1 << int(bit)
        start = time.process_time()
        found = ordered.near(hashes, wanted, 8)
        times.append(time.process_time() - start)
        if number < 24:
            distances = np.bitwise_count(values ^ np.uint64(wanted))
            missed += {at for _, at in found} != set(np.flatnonzero(distances <= 8).tolist())
    label = f"{count:,} x 64 bit, 8 bits"
    return [
        Figure(
            f"{label}: p99", float(np.percentile(times, 99)) * 1000, 20, "at most", "ms", note="stretch 5 ms"
        ),
        Figure(f"{label}: answers that differ from comparing all", missed, 0, "at most"),
        Figure(f"{label}: memory with the test's copy", _rss_mb() - before, unit="MB"),
    ]


def _flipped(pdq: str, rng: np.random.Generator, bits: int) -> str:
    value = int(pdq, 16)
    for bit in rng.choice(256, bits, replace=False):
        value ^= 1 << int(bit)
    return f"{value:064x}"


# --- decoding ---------------------------------------------------------------------------


def speed(count: int) -> list[Figure]:
    """Decode and hash against libjpeg-turbo's grey decode at 1/8 alone, in turns in one run."""
    files = [file_of(photo(number, width=1640)) for number in range(count)]

    def eighth(data: bytes) -> None:
        image = Image.open(io.BytesIO(data), formats=("JPEG",))
        image.draft("L", (image.width // 8, image.height // 8))
        image.load()

    def with_phash(data: bytes) -> None:
        phash(decode(data, "L", HASH_SIDE_PX).image)

    def full(data: bytes) -> None:
        hashes_of(decode(data, "L", HASH_SIDE_PX).image)

    spent = {eighth: 0.0, with_phash: 0.0, full: 0.0}
    for turn in range(4):
        for data in files:
            for what in spent:
                start = time.process_time()
                what(data)
                spent[what] += time.process_time() - start if turn else 0.0
    note = f"{spent[eighth] / (3 * count) * 1000:.2f} ms for the grey decode of 2 megapixels"
    return [
        Figure(
            "decode + phash, ratio to 1/8 grey decode", spent[eighth] / spent[with_phash], 0.65, note=note
        ),
        Figure("decode + all hashes, ratio to 1/8 grey decode", spent[eighth] / spent[full], 0.30),
    ]


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)
