"""Bytes in, the same bytes out, or a clear word about why not."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import storage.blobs
from storage.blobs import Blobs, names
from storage.errors import DamagedBlob, DiskTrouble
from storage.model import Sha256, sha256_of


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    one = Blobs(tmp_path)
    one.prepare()
    return one


async def keep(blobs: Blobs, *data: bytes) -> list[Sha256]:
    await blobs.keep({sha256_of(d): d for d in data})
    return [sha256_of(d) for d in data]


def bend(path: Path, at: int) -> None:
    """Change one byte of a read-only file."""
    path.chmod(0o640)
    data = bytearray(path.read_bytes())
    data[at] ^= 0x20
    path.write_bytes(data)


async def test_a_blob_lies_under_its_hash_and_is_read_only(blobs: Blobs) -> None:
    (name,) = await keep(blobs, b"a page")
    path = blobs.folder / name[:2] / name
    assert path == blobs.path(name)
    assert path.read_bytes() == b"a page"
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    assert [path for path in blobs.temporary.rglob("*") if path.is_file()] == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=5_000), min_size=1, max_size=8))
def test_what_was_kept_comes_back(blobs: Blobs, data: list[bytes]) -> None:
    async def there_and_back() -> list[bytes]:
        kept = await keep(blobs, *data)
        await blobs.close()
        return [await blobs.get(name) for name in kept]

    assert asyncio.run(there_and_back()) == data


async def test_any_changed_byte_is_noticed_on_reading(blobs: Blobs) -> None:
    data = b"every byte counts"
    (name,) = await keep(blobs, data)
    for at in range(len(data)):
        bend(blobs.path(name), at)
        with pytest.raises(DamagedBlob, match="no longer hash"):
            await blobs.get(name)
        bend(blobs.path(name), at)
    assert await blobs.get(name) == data


async def test_a_missing_blob_is_damage_and_a_strange_name_is_refused(blobs: Blobs) -> None:
    with pytest.raises(DamagedBlob, match="missing"):
        await blobs.get("0" * 64)
    for name in ("../../etc/passwd", "0" * 63, "Z" * 64, "A" * 64):
        with pytest.raises(ValueError, match="not a SHA-256"):
            blobs.path(name)


async def test_the_same_bytes_are_kept_once(blobs: Blobs) -> None:
    (name,) = await keep(blobs, b"listing")
    before = blobs.path(name).stat()
    fresh = Blobs(blobs.folder.parent)
    await keep(fresh, b"listing")
    assert blobs.path(name).stat().st_ino == before.st_ino


async def test_names_of_kept_files_are_remembered_up_to_a_bound_the_latest_first(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.blobs, "_KNOWN", 16)
    small = Blobs(blobs.folder.parent)
    for number in range(40):
        await keep(small, b"%d" % number)
    lacking = small._lacking({sha256_of(b"%d" % n): b"" for n in range(40)})
    assert set(lacking) == {sha256_of(b"%d" % n) for n in range(40 - 16)}
    assert sum(1 for _ in names(small.folder)) == 40
    await small.close()


async def test_a_name_that_was_forgotten_or_whose_file_is_gone_is_kept_again(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.blobs, "_KNOWN", 16)
    small = Blobs(blobs.folder.parent)
    for number in range(20):
        await keep(small, b"%d" % number)
    first, last = sha256_of(b"0"), sha256_of(b"19")
    small.path(first).unlink()
    small.remove([last])
    await keep(small, b"0", b"19")
    assert await small.get(first) == b"0"
    assert await small.get(last) == b"19"
    await small.close()


async def test_a_damaged_blob_is_put_aside_and_kept_anew(blobs: Blobs) -> None:
    (name,) = await keep(blobs, b"the original")
    bend(blobs.path(name), 0)
    fresh = Blobs(blobs.folder.parent)
    await keep(fresh, b"the original")
    assert await fresh.get(name) == b"the original"
    (aside,) = fresh.damaged.iterdir()
    assert aside.read_bytes() != b"the original"
    assert aside.name.startswith(name)


async def test_writers_that_come_together_all_get_their_bytes_kept(blobs: Blobs) -> None:
    pieces = [f"piece {n}".encode() for n in range(200)]
    await asyncio.gather(*(keep(blobs, piece) for piece in pieces))
    await blobs.close()
    assert [await blobs.get(sha256_of(piece)) for piece in pieces] == pieces


async def test_a_cancelled_writer_does_not_stop_the_round(blobs: Blobs) -> None:
    writer = asyncio.create_task(keep(blobs, b"begun"))
    await asyncio.sleep(0)
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    await blobs.close()
    assert await blobs.get(sha256_of(b"begun")) == b"begun"


async def test_temporaries_of_an_earlier_life_are_swept(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "half").write_bytes(b"hal")
    blobs = Blobs(tmp_path)
    assert blobs.prepare() == 1
    assert [path for path in blobs.temporary.rglob("*") if path.is_file()] == []


async def test_blobs_of_the_deeper_folders_of_earlier_stores_are_brought_up(tmp_path: Path) -> None:
    name = sha256_of(b"long ago")
    path = tmp_path / "blobs" / name[:2] / name[2:4] / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"long ago")
    blobs = Blobs(tmp_path)
    blobs.prepare()
    assert await blobs.get(name) == b"long ago"
    assert list(names(blobs.folder)) == [name]
    assert not path.parent.exists()


async def test_a_folder_is_made_with_its_first_blob(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(blobs.folder.iterdir()) == []
    synced: list[Path] = []
    real = storage.blobs._fsync_folder
    monkeypatch.setattr(storage.blobs, "_fsync_folder", lambda folder: (synced.append(folder), real(folder)))
    (name,) = await keep(blobs, b"the first there")
    assert set(synced) == {blobs.folder, blobs.folder / name[:2]}  # the name of the folder is durable too
    synced.clear()
    (blobs.folder / name[:2] / name).unlink()
    assert await keep(blobs, b"the first there") == [name]
    assert synced == [blobs.folder / name[:2]]


async def test_a_folder_whose_round_failed_is_synced_by_the_next(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    real = storage.blobs._fsync_folder

    def fails(folder: Path) -> None:
        raise OSError(5, "Input/output error", str(folder))

    monkeypatch.setattr(storage.blobs, "_fsync_folder", fails)
    with pytest.raises(DiskTrouble):
        await keep(blobs, b"the first there")
    monkeypatch.setattr(storage.blobs, "_fsync_folder", lambda folder: (synced.append(folder), real(folder)))
    (name,) = await keep(blobs, b"the first there")
    assert set(synced) == {blobs.folder, blobs.folder / name[:2]}


async def test_names_come_in_order(blobs: Blobs) -> None:
    kept = await keep(blobs, *(str(n).encode() for n in range(300)))
    assert list(names(blobs.folder)) == sorted(kept)
