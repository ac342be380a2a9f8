"""What is found again of altered pictures by hashes and bank, how often wrongly, and at what cost.

Pictures are generated, photo-like, each with textures of its own (`bench._photos`); no real goods.
All goes through the product's own parts: the worker's recipe, the exact index, the bank. The whole takes
a quarter of an hour of a processor; `--only` does a part of it.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bench._altered import BOTH_STAGES, FIRST_STAGE, Change
from bench._decoding import faults, speed
from bench._lookups import lookup, lookup_64, marked
from bench._photos import file_of, photo
from bench.figures import Figure, Result
from storage.fingerprints import Fingerprints
from storage.marked import Marked
from storage.model import LIKELY_PDQ_BITS, NEAR_PDQ_BITS, SAME_PDQ_BITS, Tier, shows
from storage.similar import PictureIndex, Seen
from watchers.picture_bank import PictureBank
from watchers.picture_decode import HASH_SIDE_PX, decode, prepare
from watchers.picture_features import ASKED_SIDE_PX, Features, asked_features, known_features
from watchers.picture_hashes import Hashes, hashes_of
from watchers.picture_overlay import agreed
from watchers.picture_probes import probes
from watchers.picture_writing import views

NAME = "pictures"
SUMMARY = "altered copies found again by hashes and bank, false pairs, look-up and decoding, decoder faults"
NEEDS_DEV = True
PARTS = ("hashes", "pairs", "bank", "index", "speed", "faults")

_STRANGER = 100_000
_STRANGERS = 60
_TIER = Tier.NORMAL
Files = Callable[[int], bytes]
"""Gives a picture of the suite by its number."""


@dataclass(frozen=True, slots=True)
class Original:
    """A picture of the suite by its hashes, and by those of what it may have been."""

    hashes: Hashes
    probes: tuple[str, ...]


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
    parser.add_argument("--only", choices=PARTS, default="", help="one part of it")
    parser.add_argument("--change", choices=(*FIRST_STAGE, *BOTH_STAGES), help="one alteration")
    given = parser.parse_args(args)
    prepare()
    parts: dict[str, Callable[[], list[Figure]]] = {
        "speed": lambda: speed(24),
        "faults": faults,
        "index": lambda: [*lookup(given.hashes), *marked(), *lookup_64(given.large)],
        "hashes": lambda: by_hashes(given.pictures, given.change),
        "pairs": lambda: false_pairs(given.bank),
        "bank": lambda: by_both(given.pictures, given.bank, given.change),
    }
    figures = [figure for name, part in parts.items() if given.only in ("", name) for figure in part()]
    return Result(tuple(figures), notes=("generated pictures; times are processor time of one core",))


def by_hashes(count: int, only: str | None) -> list[Figure]:
    """Shares that the hashes find again."""
    files, index = [_file(number, count) for number in range(count)], PictureIndex()
    for number, data in enumerate(files):
        index.add(_seen(_hashes(data), number))
    return [
        Figure(
            f"hashes: {name}",
            _share(files, change, lambda d, n: n in _by_hash(index, files.__getitem__, d)),
            target,
        )
        for name, (change, target) in FIRST_STAGE.items()
        if only in (None, name)
    ]


def by_both(count: int, bank_size: int, only: str | None) -> list[Figure]:
    """Shares that hashes and a bank find again, false hits, and how long the bank takes for a question."""
    files, index, bank = [], PictureIndex(), PictureBank()
    for number in range(bank_size):
        _say(f"bank {number}/{bank_size}")
        data = _file(number, count)
        index.add(_seen(_hashes(data), number))
        bank.add(known_features(_grey(data)))
        files += [data] if number < count else []
    figures = []

    def known(number: int) -> bytes:
        return files[number] if number < count else _file(number, count)

    for name, (change, target) in BOTH_STAGES.items():
        if only not in (None, name):
            continue
        share = _share(files, change, lambda d, n: n in _by_hash(index, known, d) or n in _by_bank(bank, d))
        figures.append(Figure(f"both stages: {name}", share, target))
    return [*figures, *false_hits(index, known, bank, bank_size)]


def _file(number: int, originals: int) -> bytes:
    """Picture of the suite: an original, or one of the others, which are smaller and quicker made."""
    return file_of(photo(number) if number < originals else photo(_STRANGER + number, width=480))


def _hashes(data: bytes) -> Hashes:
    return hashes_of(decode(data, "L", HASH_SIDE_PX).image)


def _seen(hashes: Hashes, number: int) -> Seen:
    sha256 = f"{number:064x}"
    return Seen(sha256=sha256, known=f"{number:032x}", tier=_TIER, phash=hashes.phash, pdqs=hashes.pdqs)


def _grey(data: bytes) -> Image.Image:
    return decode(data, "L", ASKED_SIDE_PX * 3 // 4).image


def _share(files: Sequence[bytes], change: Change, found: Callable[[bytes, int], bool]) -> float:
    hits = 0
    for number, data in enumerate(files):
        _say(f"{number}/{len(files)}")
        chosen = random.Random(number)
        altered = change(Image.open(io.BytesIO(data)), chosen)
        hits += found(file_of(altered, chosen.randint(70, 92)), number)
    return hits / len(files)


def _by_hash(index: PictureIndex, files: Files, data: bytes) -> set[int]:
    """Found as judging does it: by the picture's own hashes, else by those of what it may have been."""
    grey = _small(data)
    near = index.near_pdq(hashes_of(grey).pdqs, NEAR_PDQ_BITS)
    found = {int(match.known, 16) for match in near}
    if not any(match.is_sure for match in near):
        guessed = index.near_probes(probes(grey), LIKELY_PDQ_BITS)[:3]
        found |= {at for match in guessed for at in (int(match.known, 16),) if _shows(grey, files(at))}
    return found


def _small(data: bytes) -> Image.Image:
    return decode(data, "L", HASH_SIDE_PX).image


def _shows(asked: Image.Image, known: bytes) -> bool:
    found = agreed(asked, _small(known))
    return shows(found.parts, round(100 * found.differing))


def _asked(grey: Image.Image) -> list[Features]:
    return [features for one in views(grey) for features in asked_features(one)]


def _by_bank(bank: PictureBank, data: bytes) -> set[int]:
    return {shared.picture for shared in bank.ask_all(_asked(_grey(data)))}


def false_pairs(count: int) -> list[Figure]:
    """Clean pairs of different pictures that are near, in any turn, whole or trimmed, or by a guess."""
    every, whole, known = [], Fingerprints(), Marked()
    for number in range(count):
        _say(f"pictures {number}/{count}")
        grey = decode(_file(number, 0), "L", HASH_SIDE_PX).image
        every.append(Original(hashes_of(grey), probes(grey)))
        for pdq in every[-1].hashes.pdqs:
            whole.add(pdq, number)
            known.add(pdq, number)
    near: dict[tuple[int, int], int] = {}
    guessed: dict[tuple[int, int], int] = {}
    for number, original in enumerate(every):
        _say(f"pairs {number}/{count}")
        hits = [hit for pdq in original.hashes.pdqs for hit in whole.near(pdq, NEAR_PDQ_BITS)]
        for found, pairs in ((hits, near), (known.near(original.probes, LIKELY_PDQ_BITS), guessed)):
            for bits, other, _ in found:
                if other != number:
                    pair = min(other, number), max(other, number)
                    pairs[pair] = min(bits, pairs.get(pair, bits))
    proposed = len(guessed)
    guessed = {
        (one, two): bits
        for (one, two), bits in guessed.items()
        if any(_shows(_small(_file(a, 0)), _file(b, 0)) for a, b in ((one, two), (two, one)))
    }
    return [
        *_pair_figures(count, near, guessed),
        Figure("clean pairs within 48 bits of a guess, before they are looked at", proposed),
        Figure("pictures without a sure hash", sum(not original.hashes.pdqs for original in every)),
    ]


def _pair_figures(
    count: int, near: dict[tuple[int, int], int], guessed: dict[tuple[int, int], int]
) -> list[Figure]:
    pairs = count * (count - 1) // 2
    same = sum(bits <= SAME_PDQ_BITS for bits in near.values())
    nearest = ", ".join(map(str, sorted((near | guessed).items(), key=lambda pair: pair[1])[:5]))
    note = f"of {pairs:,} clean pairs; nearest: {nearest or 'none'}"
    either = len(near.keys() | guessed.keys()) / pairs
    return [
        Figure("clean pairs compared", pairs, 3_000_000 if count >= 2_500 else None),
        Figure("false pairs within 64 bits, or by a guess", either, 1e-6, "at most", note=note),
        Figure("false pairs within 31 bits", same, 0, "at most"),
    ]


def false_hits(index: PictureIndex, files: Files, bank: PictureBank, bank_size: int) -> list[Figure]:
    """Strangers asked of both stages, and how long the bank takes for one."""
    wrong_hash, wrong_bank = 0, 0
    times = []
    for number in range(_STRANGERS):
        _say(f"stranger {number}/{_STRANGERS}")
        data = file_of(photo(2 * _STRANGER + number, width=800))
        wrong_hash += bool(_by_hash(index, files, data))
        grey = _grey(data)
        start = time.process_time()
        wrong_bank += bool(bank.ask_all(_asked(grey)))
        times.append(time.process_time() - start)
    return [
        Figure("clean pairs asked of the bank", _STRANGERS * bank_size, 10_000),
        Figure("false hits of the hashes", wrong_hash, 0, "at most"),
        Figure("false hits of the bank", wrong_bank, 0, "at most"),
        Figure("bank query, median", float(np.median(times)) * 1000, 60, "at most", "ms"),
    ]


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)
