"""How long exact look-up of picture hashes takes, what memory it has, and whether it leaves anything out."""

from __future__ import annotations

import resource
import time
from array import array

import numpy as np

from bench.figures import Figure
from storage import parts
from storage.fingerprints import Fingerprints
from storage.marked import Marked
from storage.model import LIKELY_PDQ_BITS, NEAR_PDQ_BITS, SAME_PDQ_BITS
from storage.similar import MARKED_MOST
from storage.turns import distance_bits, hex_of, turned, words_of


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


def marked(count: int = MARKED_MOST, asked: int = 20) -> list[Figure]:
    """Look-up of what a picture may have been among so many known ones, and among those of a busy year."""
    rng = np.random.default_rng(7)
    figures = []
    for size in (2_000, count):
        held, words = Marked(), rng.integers(0, 1 << 64, (4, size), dtype=np.uint64)
        hashes = [hex_of((int(a), int(b), int(c), int(d))) for a, b, c, d in words.T]
        for number, pdq in enumerate(hashes):
            held.add(pdq, number)
        times, missed = [], 0
        for number in range(asked):
            at = int(rng.integers(size))
            bits = int(rng.integers(0, LIKELY_PDQ_BITS + 1))
            sought = [_flipped(turned(hashes[at])[number % 8], rng, bits)]
            sought += [f"{int.from_bytes(rng.bytes(32), 'big'):064x}" for _ in range(69)]
            start = time.process_time()
            found = {(owner, distance) for distance, owner, _ in held.near(sought, LIKELY_PDQ_BITS)}
            times.append(time.process_time() - start)
            wanted: set[tuple[int, int]] = set()
            for pdq in sought if number < 2 else sought[:1]:
                wanted |= _compared(words, pdq, LIKELY_PDQ_BITS)
            missed += found != wanted
        label = f"70 guesses among {size:,} known hashes, 8 turns"
        figures += [
            Figure(f"{label}: median", float(np.median(times)) * 1000, unit="ms"),
            Figure(f"{label}: answers that differ from comparing all", missed, 0, "at most"),
        ]
    return figures


def _flipped(pdq: str, rng: np.random.Generator, bits: int) -> str:
    value = int(pdq, 16)
    for bit in rng.choice(256, bits, replace=False):
        value ^= 1 << int(bit)
    return f"{value:064x}"


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
