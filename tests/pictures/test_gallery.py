"""A gallery is a folder that people fill: names that are no text, the same name in two cases."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.cli import main
from storage import hashlists
from storage.codec import dump
from storage.model import PictureMatch, Sha256, sha256_of
from storage.patience import DiskWatch
from tests.pictures.samples import jpeg
from tests.storage.kit import HandClock, opened
from watchers.judging import Bench, Policy
from watchers.lexicon import Lexicon
from watchers.meter import Uncounted
from watchers.pictures import PictureWorkers

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def benched(folder: Path) -> AsyncIterator[Bench]:
    """The judging of a store in `folder`, with nothing known yet."""
    clock = HandClock()
    policy = Policy(lexicon=Lexicon.load(), targets={}, route=lambda *_: ("chat",))
    workers = PictureWorkers(1, clock)
    async with opened(folder / "data", clock) as store:
        bench = Bench(store, workers, clock, Uncounted(), policy, spoke=lambda: None, disk=DiskWatch(clock))
        try:
            yield bench
        finally:
            await bench.close()
            await workers.close()


def shown(folder: Path, name: bytes, data: bytes) -> Path:
    """A file of the gallery in `folder`, and the gallery."""
    path = folder / "gallery" / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return folder / "gallery"


def match(data: bytes) -> PictureMatch:
    """What is said of a picture that was found to be the gallery's 1.jpg with these bytes."""
    sha256 = sha256_of(data)
    return PictureMatch(sha256=sha256, known="gallery:1.jpg", known_sha256=sha256, distance_bits=0)


async def test_pictures_of_one_name_in_two_cases_are_told_apart(tmp_path: Path) -> None:
    """Before, the file read last stood for both: a match was checked against another case's picture."""
    first, last = jpeg(1), jpeg(2)
    shown(tmp_path, b"ivory/case 1/1.jpg", first)
    gallery = shown(tmp_path, b"ivory/case 2/1.jpg", last)
    async with benched(tmp_path) as bench:
        assert await bench.fill_gallery(gallery) == 2
        assert await bench.bytes_of(match(first)) == first
        assert await bench.bytes_of(match(last)) == last
        assert await bench.bytes_of(match(jpeg(3))) == b""


async def test_what_is_listed_lies_not_in_the_gallery_though_the_store_has_it(tmp_path: Path) -> None:
    """Before, a picture of another's post was shown as the gallery's own wherever a shared list named it."""
    own, listed = jpeg(1), jpeg(2)
    gallery = shown(tmp_path, b"1.jpg", own)
    async with benched(tmp_path) as bench:
        sha256 = sha256_of(listed)
        await bench._store.blobs.keep({sha256: listed})
        picture = await bench._workers.describe(listed, sha256=sha256)
        row = hashlists.Listed(phash=picture.phash, sha256=sha256, label="theirs")
        (gallery / "theirs.hashes.csv").write_bytes(hashlists.as_csv([row]))
        assert await bench.fill_gallery(gallery) == 2
        (found,) = [one for one in bench._look_up(picture) if one.known == "gallery:theirs"]
        assert await bench.bytes_of(found) == listed
        assert not bench.in_gallery(found)
        assert bench.in_gallery(match(own))


async def test_a_name_that_is_no_text_ends_neither_the_watch_nor_an_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = shown(tmp_path, b"iv\xf6ry/case \xff/tusk\xfe.jpg", jpeg(1))
    shown(tmp_path, b"ivory/case 2/1.jpg", b"no picture")
    async with benched(tmp_path) as bench:
        assert await bench.fill_gallery(gallery) == 1
        picture = await bench._workers.describe(jpeg(1), sha256=Sha256("0" * 64))
        (found,) = bench._look_up(picture)
    assert json.loads(dump([found]))[0]["label"] == "iv\ufffdry, case case \ufffd, tusk\ufffd"
    config = tmp_path / "config.toml"
    config.write_text('[nightjar]\ncontact = "officer@agency.example"\ngallery = "gallery"\n')
    for name in ("list.csv", "list.json"):
        code = await asyncio.to_thread(
            main, ["pictures", "--config", str(config), "export", str(tmp_path / name)]
        )
        assert code == 0
        (row,) = hashlists.read((tmp_path / name).read_bytes())[0]
        assert (row.product, row.case_number, row.label) == ("iv\ufffdry", "case \ufffd", "tusk\ufffd")
    said = capsys.readouterr()
    assert "ivory/case 2/1.jpg" in said.out + said.err
