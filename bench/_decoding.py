"""What decoding and hashing a picture costs, and what a decoder that fails costs others."""

from __future__ import annotations

import asyncio
import io
import time

from PIL import Image

from bench._photos import file_of, photo
from bench.figures import Figure
from storage.clock import SystemClock
from storage.model import sha256_of
from watchers.picture_decode import HASH_SIDE_PX, decode
from watchers.picture_hashes import hashes_of, phash
from watchers.picture_probes import probes
from watchers.pictures import PictureWorkers

_DEADLINE_S = 3.0
_BACK_S = 0.5
_FAULTS = (
    ("segmentation fault", b"crash:", 0.0),
    ("endless loop", b"spin:", _DEADLINE_S),
    ("sleep without end", b"hang:", _DEADLINE_S),
    ("3 GB allocation", b"memory:", 0.0),
)
"""What the decoder does, the bytes that make it (`tests.pictures.naughty`), and its own seconds."""


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

    def guesses(data: bytes) -> None:
        probes(decode(data, "L", HASH_SIDE_PX).image)

    spent = {eighth: 0.0, with_phash: 0.0, full: 0.0, guesses: 0.0}
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
        Figure("decode + hashes of what it may have been", spent[guesses] / (3 * count) * 1000, unit="ms"),
    ]


def faults() -> list[Figure]:
    """Each fault of the decoder among six good pictures, with one worker at work and one spare."""
    return asyncio.run(_faults())


async def _faults() -> list[Figure]:
    good = [file_of(photo(number, width=480)) for number in range(6)]
    workers = PictureWorkers(1, SystemClock(), deadline_s=_DEADLINE_S, program="tests.pictures.naughty")
    await workers.start()
    figures = []
    try:
        await workers.describe(good[0], sha256=sha256_of(good[0]))
        for name, bad, own_s in _FAULTS:
            jobs = [*good[:3], bad, *good[3:]]
            told = await asyncio.gather(*(workers.describe(job, sha256=sha256_of(job)) for job in jobs))
            lost = sum(bool(one.undecodable) for one in told)
            await asyncio.sleep(2.0)  # the spare has been started anew, as it has between two faults
            begun = time.monotonic()
            await workers.describe(bad, sha256=sha256_of(bad))
            after = await workers.describe(good[0], sha256=sha256_of(good[0]))
            back = time.monotonic() - begun - own_s if after.phash else float("nan")
            figures += [
                Figure(f"{name}: jobs lost of seven", lost, 1, "equal"),
                Figure(f"{name}: the next picture is hashed within", back, _BACK_S, "at most", "s"),
            ]
            await asyncio.sleep(2.0)
    finally:
        await workers.close()
    return figures
