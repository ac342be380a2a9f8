"""Packages that were made to harm or to confuse: a verdict, never an error, never a file outside."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import stat
import struct
import time
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench._looks import look
from storage.casefile import export
from storage.package import check_files, layout, zipform
from storage.package.check import State, check, roots_in
from storage.package.source import Unfit
from storage.store import Store
from tests.storage.kit import HandClock, opened


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    async with opened(tmp_path / "data", clock) as one:
        yield one


async def exported(store: Store, clock: HandClock, out: Path) -> Path:
    """A package of one post, writable."""
    sealed = await store.seal(look(out.name, clock.tick()))
    package = await export(store, [sealed.evidence_id], out)
    for path in package.rglob("*"):
        path.chmod(0o750 if path.is_dir() else 0o640)
    return package


def refused(path: Path) -> str:
    verdict = check(path)
    assert not verdict.whole
    assert verdict.first
    return verdict.first


def test_what_is_not_there_or_no_package_is_a_verdict(tmp_path: Path) -> None:
    assert "no folder and no archive" in refused(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty").startswith("files: missing")
    (tmp_path / "text.zip").write_text("no archive")
    assert "too short" in refused(tmp_path / "text.zip")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert "no folder" in refused(tmp_path / "link")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    assert "no folder" in refused(tmp_path / "round")


async def test_a_link_to_a_package_is_followed_and_links_within_are_not(
    tmp_path: Path, store: Store, clock: HandClock
) -> None:
    package = await exported(store, clock, tmp_path / "package")
    packed = await exported(store, clock, tmp_path / "package.zip")
    for name, target in (("a", package), ("b", packed)):
        (tmp_path / name).symlink_to(target)
        assert check(tmp_path / name).whole
    (package / "more").symlink_to(package / "seal.txt")
    assert "neither file nor folder" in refused(tmp_path / "a")


async def test_what_no_list_vouches_for_does_not_count_as_hashed(
    tmp_path: Path, store: Store, clock: HandClock
) -> None:
    package = await exported(store, clock, tmp_path / "package")
    for name in ("tagmanifest-sha256.txt", "manifest-sha256.txt", "seal.txt"):
        copy = tmp_path / f"without-{name}"
        shutil.copytree(package, copy)
        (copy / name).unlink()
        spoilt = min((copy / layout.FILES).iterdir())
        spoilt.chmod(0o640)
        spoilt.write_bytes(b"!" * spoilt.stat().st_size)
        hashes = next(step for step in check(copy).steps if step.name == "hashes")
        assert hashes.state is State.BROKEN
        listed = name != "manifest-sha256.txt"
        assert (f"not as it was listed: {spoilt.relative_to(copy)}" in hashes.what) == listed
        assert any("in no list that can be read" in what for what in hashes.what)


async def test_a_list_ends_at_its_first_bad_line_and_faults_are_counted(
    tmp_path: Path, store: Store, clock: HandClock
) -> None:
    package = await exported(store, clock, tmp_path / "package")
    (package / layout.MANIFEST).chmod(0o640)
    (package / layout.MANIFEST).write_bytes(b"\n" * 3_000_000)
    for number in range(300):
        (package / f"more-{number}").write_bytes(b"x")
    tracemalloc.start()
    verdict = check(package)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 40 << 20
    files = verdict.steps[0]
    assert len(files.what) == 21
    assert sum("has a line that is not a SHA-256" in what for what in files.what) == 1
    assert int(files.what[-1].removeprefix("and ").removesuffix(" more")) > 280


def test_a_sparse_archive_of_a_huge_directory_is_refused(tmp_path: Path) -> None:
    path, size = tmp_path / "sparse.zip", 200 << 30
    length = size - 98
    record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 3 << 8 | 45, 45, 0, 0, 1, 1, length, 0)
    end = struct.pack("<IIQI", 0x07064B50, 0, length, 1)
    end += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, 0xFFFFFFFF, 0, 0)
    with path.open("wb") as out:
        out.truncate(length)
        out.seek(length)
        out.write(record + end)
    assert "too many files" in refused(path)


def test_very_many_members_of_a_web_archive_are_read_in_linear_time() -> None:
    empty = gzip.compress(b"", mtime=0)
    count = (4 << 20) // len(empty)
    began = time.process_time()
    assert check_files._gzip_members([empty * count]) == count
    assert time.process_time() - began < 15  # one whole chunk as the rest of each member: minutes


def test_a_folder_with_a_link_a_pipe_or_a_strange_name_is_refused(tmp_path: Path) -> None:
    for name, make in (
        ("link", lambda p: p.symlink_to("/etc/passwd")),
        ("pipe", os.mkfifo),
        ("two\nlines", lambda p: p.write_text("x")),
        ("..hidden", lambda p: p.write_text("x")),
    ):
        folder = tmp_path / f"case-{len(name)}-{name[:2]}"
        folder.mkdir()
        make(folder / name)
        assert refused(folder).startswith("form: ")


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a//b", "a/./b", "data/é", "a\\b", ""])
def test_an_archive_with_a_hostile_name_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    assert refused(path).startswith("form: ")
    assert not list(tmp_path.parent.glob("evil"))


def test_a_hostile_name_in_the_very_form_of_an_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with (tmp_path / "hostile.zip").open("xb") as out:
        zipform.write(out, [("../evil", tmp_path / "x")])
    assert "a name that no export has" in refused(tmp_path / "hostile.zip")


def test_bombs_links_and_doubles_in_archives_are_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/zeroes", bytes(50_000_000))
    assert bomb.stat().st_size < 100_000
    link = tmp_path / "link.zip"
    with zipfile.ZipFile(link, "w") as archive:
        info = zipfile.ZipInfo("seal.txt")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    double = tmp_path / "double.zip"
    (tmp_path / "x").write_bytes(b"x")
    with double.open("xb") as out:
        zipform.write(out, [("seal.txt", tmp_path / "x"), ("seal.txt", tmp_path / "x")])
    for path in (bomb, link, double):
        assert refused(path).startswith("form: ")


def test_every_bit_outside_of_the_contents_of_an_archive_counts(tmp_path: Path) -> None:
    files = []
    for number in range(3):
        path = tmp_path / f"f{number}"
        path.write_bytes(b"x" * number)
        files.append((f"data/f{number}", path))
    out = io.BytesIO()
    zipform.write(out, files)
    whole = out.getvalue()
    members = zipform.read(io.BytesIO(whole), len(whole))
    inside = {at for m in members for at in range(m.start, m.start + m.size_bytes)}
    assert zipfile.ZipFile(io.BytesIO(whole)).testzip() is None
    for at in set(range(len(whole))) - inside:
        for bit in range(8):
            spoiled = bytearray(whole)
            spoiled[at] ^= 1 << bit
            with pytest.raises(zipform.NotZip):
                zipform.read(io.BytesIO(bytes(spoiled)), len(spoiled))
    for size in range(len(whole)):
        with pytest.raises(zipform.NotZip):
            zipform.read(io.BytesIO(whole[:size]), size)


def test_archives_of_very_many_files_are_read_by_stock_programs(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    path = tmp_path / "many.zip"
    with path.open("xb") as out:
        zipform.write(out, [(f"data/{number:05}", tmp_path / "x") for number in range(65_600)])
    with path.open("rb") as archive:
        assert len(zipform.read(archive, path.stat().st_size)) == 65_600
    assert len(zipfile.ZipFile(path).namelist()) == 65_600


def test_archives_of_very_large_files_are_read_by_stock_programs(tmp_path: Path) -> None:
    path, size = tmp_path / "large.zip", 5 << 30
    start = len(zipform._local("a", size, 0))
    large = zipform.Member(name="a", size_bytes=size, crc32=0, start=start)
    small_at = start + size
    small = zipform.Member(name="b", size_bytes=1, crc32=0, start=small_at + len(zipform._local("b", 1, 0)))
    with path.open("xb") as out:  # sparse: nothing of the content is written
        out.write(zipform._local("a", size, 0))
        out.seek(small_at)
        out.write(zipform._local("b", 1, 0) + b"x")
        out.write(zipform._directory([large, small], small.start + 1))
    with path.open("rb") as archive:
        assert zipform.read(archive, path.stat().st_size) == (large, small)
    infos = zipfile.ZipFile(path).infolist()
    assert [(i.filename, i.file_size, i.header_offset) for i in infos] == [("a", size, 0), ("b", 1, small_at)]


def test_lists_that_are_noise_end_in_a_verdict(tmp_path: Path) -> None:
    chosen = random.Random(9)
    for number in range(40):
        folder = tmp_path / f"noise-{number}"
        for name in ("seal.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "data/log/leaves.txt"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(
                chosen.choice((b"[" * 100_000, b"\xff\n", b"{}", chosen.randbytes(300)))
            )
        refused(folder)


def test_a_folder_without_roots_is_no_folder_of_roots(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="pem"):
        roots_in(tmp_path)
