"""The report says what was seen in two languages, and nothing in it runs, loads or leaks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from storage.package import report, report_page, thumbs
from storage.package.layout import REPORT
from storage.store import Store
from tests.package.made import PHONE, package_of, picture
from tests.storage.kit import HandClock, opened


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    async with opened(tmp_path / "data", clock) as one:
        yield one


class Page(HTMLParser):
    """What a browser would act on, and the words it would show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data


async def made(store: Store, clock: HandClock, work: Path, *, unmasked: bool = False) -> tuple[str, Page]:
    package = await package_of(store, clock, work, unmasked=unmasked)
    report.write_report(work, package)
    text = (work / REPORT).read_text(encoding="utf-8")
    return text, Page(text)


async def test_nothing_in_it_runs_or_loads(store: Store, clock: HandClock, tmp_path: Path) -> None:
    text, page = await made(store, clock, tmp_path / "work")
    assert not {"script", "a", "link", "iframe", "form", "object", "base", "svg"} & set(page.tags)
    named = dict(page.attributes)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "href" not in named
    sources = [value for name, value in page.attributes if name in {"src", "srcset", "data", "action"}]
    assert len(sources) == 2
    assert all(value.startswith("data:image/jpeg;base64,") for value in sources)
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert "@import" not in text
    assert "\u202e" not in text


async def test_both_languages_tell_the_form_and_the_deletion(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    _, page = await made(store, clock, tmp_path / "work")
    for word in (
        "网络地址", "Network addresses", "进入步骤", "访问方式", "Access method", "提取开始时间",
        "提取工具",
        "提取方法",
        "附属信息、使用痕迹", "操作系统", "完整性校验值", "Check values", "侦查人员一", "侦查人员二",
        "Investigator 2", "见证人，或无见证人的原因", "录像编号", "Number of the video recording",
        "不能证明的事项", "What this does not prove", "程序推断，非证据", "2026-17", "Art. 341", "badge 12",
    ):  # fmt: skip
        assert word in page.words, word
    for word in (
        "2026-11-24T21:01:00.000000Z",
        "2026-11-24T21:03:00.000000Z",
        "120 s",
        "https://e.org/2 alive",
    ):
        assert word in page.words
    assert "404 Not Found" in page.words


async def test_contacts_are_starred_unless_asked_for(store: Store, clock: HandClock, tmp_path: Path) -> None:
    text, page = await made(store, clock, tmp_path / "work")
    assert PHONE not in text
    assert "horn_dealer88" not in text
    assert "13800138000" not in text
    assert "starred" in page.words
    other = tmp_path / "other"
    async with opened(other / "data", HandClock()) as second:
        text, page = await made(second, HandClock(), other / "work", unmasked=True)
    assert PHONE in page.words
    assert "phone:+8613800138000" in page.words
    assert "starred" not in page.words


async def test_every_hash_and_every_look_stands_in_it(store: Store, clock: HandClock, tmp_path: Path) -> None:
    work = tmp_path / "work"
    package = await package_of(store, clock, work)
    report.write_report(work, package)
    text = (work / REPORT).read_text(encoding="utf-8")
    for file in package.files:
        for word in (file.evidence.evidence_id, file.evidence.manifest_sha256, file.leaf_hash):
            assert word in text
    for sha256 in package.originals:
        assert sha256 in text


async def test_a_broken_manifest_still_gives_a_report(store: Store, clock: HandClock, tmp_path: Path) -> None:
    from dataclasses import replace

    work = tmp_path / "work"
    package = await package_of(store, clock, work)
    bent = tuple(
        replace(file, manifest=text) for file, text in zip(package.files, ("", "[]", "{"), strict=True)
    )
    report.write_report(work, replace(package, files=bent))
    assert "Evidence report" in (work / REPORT).read_text(encoding="utf-8")


def test_thumbnails_survive_bytes_that_are_no_pictures(tmp_path: Path) -> None:
    files = {
        "good": picture("red", (900, 700)),
        "bad": b"\xff\xd8\xff",
        "empty": b"",
        "also": picture("blue"),
    }
    files["bomb"] = _bomb()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = {name: tmp_path / name for name in files} | {"missing": tmp_path / "missing"}
    found = thumbs.thumbnails(paths, edge_px=120)
    assert set(found) == {"good", "also"}
    assert all(data.startswith(b"\xff\xd8\xff") for data in found.values())
    assert len(found["good"]) < len(files["good"])


def _bomb() -> bytes:
    """A PNG that says it has 100,000 by 100,000 pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"0"))
        + chunk(b"IEND", b"")
    )


def test_the_style_prints_on_paper() -> None:
    from storage.package.report_page import STYLE

    assert "@media print" in STYLE
    assert re.search(r"@page\s*\{size:A4", STYLE)


async def test_equal_looks_one_after_the_other_share_a_row(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    _, page = await made(store, clock, tmp_path / "work")
    spans = re.findall(
        r"(\d\d:\d\d:\d\d)\.\d+Z \(UTC\+8 [\d: -]+\) – 2026-11-24T(\d\d:\d\d:\d\d)", page.words
    )
    assert len(spans) == 1, "two looks of four found the same as the look before"
    first, last = (datetime.strptime(one, "%H:%M:%S") for one in spans[0])  # noqa: DTZ007
    assert (last - first).total_seconds() == 60


UNSEEN = "犀\U000e0061角\u3164老\u115f料\uffa0"


def test_letters_of_no_width_that_part_a_word_are_shown_as_dots() -> None:
    assert report_page.safe(UNSEEN) == "犀·角·老·料·"


def test_a_name_that_nobody_translates_stands_once() -> None:
    assert report_page.own(("views", "views")) == "views"
    assert report_page.own(("Price", "价格")) == 'Price <span lang="zh">价格</span>'


def test_on_a_narrow_screen_no_column_is_a_letter_wide() -> None:
    narrow = report_page.STYLE.partition("@media screen and (max-width:45rem){")[2].partition("\n}\n")[0]
    assert re.search(r"table\.facts td\{display:block", narrow)
    assert re.search(r"table\.list[^{]*\{[^}]*overflow-x:auto", narrow)
    assert re.search(r"table\.list td\{[^}]*min-width", narrow)
    assert re.search(r"table\.facts td\{[^}]*height:auto", narrow)  # blank lines of the form have one
