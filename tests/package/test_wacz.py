"""The WACZ of a package: an index that finds every answer, and a list of every look."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import DamagedBlob
from storage.package.cdxj import BLOCK_LINES, Capture, index, surt
from storage.package.wacz import Page, captures_of, pack
from tests.package.archives import AT, WIRES, answer, digest, of_type, seal, snapshot

URL = "https://example.org/p1"


@pytest.fixture
def warc(tmp_path: Path) -> Path:
    """An archive with every kind of answer."""
    looks = [snapshot(answer(f"{URL}?n={n}", *wire)) for n, wire in enumerate(WIRES.values())]
    path = tmp_path / "nightjar.warc.gz"
    path.write_bytes(seal(*looks).archive())
    return path


def page(number: int = 0) -> Page:
    return Page(
        page_id=f"{number:032x}", url=URL, at="2026-11-27T02:14:00.123456Z", title="血料手串", text="XY"
    )


def packed(warc: Path, *pages: Page) -> Path:
    target = warc.with_name("nightjar.wacz")
    pack(target, warc, pages, at=AT, about={"title": "a night", "software": "test"})
    return target


def capture(url: str, number: int = 0) -> Capture:
    return Capture(
        url=url,
        at="2026-11-27T02:14:00.123456Z",
        mime="text/html",
        status="200",
        payload_digest="sha256:00",
        record_digest="sha256:00",
        offset=number,
        size_bytes=1,
    )


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.Example.org/", "org,example)/"),
        ("https://www2.example.org", "org,example)/"),
        ("http://example.org:80/A/B.jpg", "org,example)/a/b.jpg"),
        ("http://example.org:8080/", "org,example:8080)/"),
        ("https://example.org/?b=2&A=1&b=1", "org,example)/?a=1&b=1&b=2"),
        ("https://example.org/?q=a%20B+c~*&e", "org,example)/?e&q=a%20b+c~*"),
        ("https://example.org/{a}?q='血'", "org,example)/%7Ba%7D?q=%27%E8%A1%80%27"),
        ("https://example.org/?", "org,example)/"),
        ("https://example.org/a#part", "org,example)/a"),
        ("https://例子.测试/血", "xn--0zwm56d,xn--fsqu00a)/%E8%A1%80"),
        ("https://example.org/a b", "org,example)/a%20b"),
        ("urn:uuid:0190", "urn:uuid:0190"),
        ("http://[bad", "http://[bad"),
    ],
)
def test_the_sort_key_of_an_address(url: str, key: str) -> None:
    assert surt(url) == key


@given(st.text())
def test_any_address_has_a_key_without_spaces_or_breaks(rest: str) -> None:
    key = surt(f"http://example.org/{rest}")
    assert key.isascii()
    assert key.isprintable()
    assert " " not in key


def test_every_answer_is_found_where_the_index_says(warc: Path) -> None:
    data = warc.read_bytes()
    found = captures_of(warc)
    assert len(found) == len(of_type(data, "response")) == len(WIRES)
    for one, record in zip(found, of_type(data, "response"), strict=True):
        member = data[one.offset : one.offset + one.size_bytes]
        assert one.record_digest == digest(member)
        assert zlib.decompress(member, zlib.MAX_WBITS + 16).count(b"WARC/1.1\r\n") == 1
        assert (one.url, one.at) == (record["WARC-Target-URI"], record["WARC-Date"])
        assert one.payload_digest == record["WARC-Payload-Digest"]
        assert one.timestamp == "20261127021400"


def test_the_index_is_sorted_and_its_blocks_stand_where_the_list_of_blocks_says() -> None:
    count = 2 * BLOCK_LINES + 3
    blocks, places = index([capture(f"https://example.org/{n}", n) for n in range(count)], "a.warc.gz")
    lines = gzip.decompress(blocks).decode().splitlines()
    assert lines == sorted(lines)
    assert len(lines) == count
    head, *listed = places.decode().splitlines()
    assert head == '!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}'
    assert len(listed) == 3
    for number, place in enumerate(listed):
        key, timestamp, facts = place.split(" ", 2)
        where = json.loads(facts)
        block = blocks[where["offset"] : where["offset"] + where["length"]]
        assert where["digest"] == digest(block)
        first = zlib.decompress(block, zlib.MAX_WBITS + 16).decode().splitlines()[0]
        assert first == lines[number * BLOCK_LINES]
        assert first.startswith(f"{key} {timestamp} ")


def test_local_headers_of_the_zip_have_no_extra_fields(warc: Path) -> None:
    """ReplayWeb.page takes the place of a file from the directory, which has none either."""
    path = packed(warc, page())
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            assert data[info.header_offset + 28 : info.header_offset + 30] == b"\0\0"


def test_every_file_is_stored_and_named_by_its_hash(warc: Path) -> None:
    with zipfile.ZipFile(packed(warc, page())) as archive:
        names = set(archive.namelist())
        datapackage = archive.read("datapackage.json")
        document = json.loads(datapackage)
        for resource in document["resources"]:
            data = archive.read(resource["path"])
            assert (resource["hash"], resource["bytes"]) == (digest(data), len(data))
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.read("archive/nightjar.warc.gz") == warc.read_bytes()
        told = json.loads(archive.read("datapackage-digest.json"))
    assert names - {r["path"] for r in document["resources"]} == {
        "datapackage.json",
        "datapackage-digest.json",
    }
    assert told == {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(datapackage).hexdigest()}"}
    assert (document["profile"], document["wacz_version"]) == ("data-package", "1.1.1")


def test_every_look_is_a_line_of_the_page_list(warc: Path) -> None:
    pages = [page(number) for number in range(3)]
    with zipfile.ZipFile(packed(warc, *pages)) as archive:
        head, *lines = map(json.loads, archive.read("pages/pages.jsonl").decode().splitlines())
    assert head["format"] == "json-pages-1.0"
    assert [line["id"] for line in lines] == [one.page_id for one in pages]
    assert {(line["url"], line["ts"], line["title"]) for line in lines} == {(URL, pages[0].at, "血料手串")}


def test_the_same_archive_gives_the_same_bytes(warc: Path) -> None:
    assert packed(warc, page()).read_bytes() == packed(warc, page()).read_bytes()


def test_an_archive_without_answers_has_an_empty_index(tmp_path: Path) -> None:
    path = tmp_path / "nightjar.warc.gz"
    path.write_bytes(seal(snapshot(None)).archive())
    with zipfile.ZipFile(packed(path)) as archive:
        assert gzip.decompress(archive.read("indexes/index.cdx.gz")) == b""


@pytest.mark.parametrize("damage", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_what_is_no_archive_is_one_named_error(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "nightjar.warc.gz"
    path.write_bytes(damage)
    with pytest.raises(DamagedBlob, match="cannot be read"):
        captures_of(path)


@pytest.mark.parametrize("cut", [1, 8, 40, 300])
def test_an_archive_that_is_cut_is_not_indexed(warc: Path, cut: int) -> None:
    warc.write_bytes(warc.read_bytes()[:-cut])
    with pytest.raises(DamagedBlob, match="cannot be read"):
        captures_of(warc)
