"""A data folder with a small, real night in it, and the command line run in this process."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bot.cli import main
from storage import checkpoints
from storage.model import (
    Judgement,
    Lifetime,
    Observation,
    Picture,
    PictureCapture,
    PictureRef,
    Post,
    Progress,
    Response,
    Snapshot,
    Tier,
    Watched,
    sha256_of,
)
from storage.store import Store
from tests.fakes.words import response, verdict

START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0 no real picture, but bytes that are kept \xff\xd9"
CONFIG = """
[nightjar]
contact = "watch@example.org"
data_dir = "kept"

[[channel]]
name = "duty"
kind = "ndjson"

[[target]]
name = "market"
kind = "telegram"
url = "https://t.me/s/market"
legal_basis = "Art. 341"
authorised_by = "Forest police"
review_after = 2099-12-31

[[target]]
name = "never polled"
kind = "telegram"
url = "https://t.me/s/other"
legal_basis = "Art. 341"
authorised_by = "Forest police"
review_after = 2099-12-31
"""


class StillClock:
    """A clock that moves one second with every look at it."""

    speed = 1.0

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic(self) -> float:
        return (self._now - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Kept:
    """Where the night is, and the evidence of its two posts."""

    config: Path
    folder: Path
    sale: str
    gone: str
    harmless: str


def snapshot(post: Post, what: Observation = Observation.SEEN, previous: str = "") -> Snapshot:
    """A look at a post with its page and one picture."""
    picture = PictureCapture(ref=post.pictures[0], response=answer(JPEG)) if post.pictures else None
    return Snapshot(
        target="market",
        target_digest="0" * 64,
        observation=what,
        post=post,
        listing=answer(b"<html>listing"),
        page=answer(b"<html>" + post.title.encode()),
        pictures=(picture,) if picture else (),
        listed_at=START,
        captured_at=START + timedelta(seconds=2),
        previous=previous,
        absences=("picture 2: 404 Not Found",) if picture else (),
    )


def answer(body: bytes) -> Response:
    return response(body, url="https://market.example/", requested_url="https://market.example/")


SALE = Post(
    post_id="p1",
    url="https://market.example/p1",
    title="犀角 XJ for sale \x1b[31mred\x1b[0m \u202eevil",
    text="genuine horn, WeChat wx_12345, tel 138-0013-8000\nsecond line",
    seller="lao_wang",
    price="¥ 9,000",
    posted_raw="3分钟前",
    posted_at=START,
    pictures=(PictureRef(url="https://market.example/1.jpg"),),
)


async def _fill(folder: Path) -> tuple[str, str, str]:
    store = await Store.open(folder, StillClock())
    try:
        row = Watched(
            target="market", post_id="p1", url=SALE.url, digest="d", evidence_id="",  # type: ignore[arg-type]
            first_seen_at=START, last_seen_at=START,
        )  # fmt: skip
        sale = await store.seal(snapshot(SALE), watched=row)
        judged = Judgement(
            evidence=sale,
            verdict=verdict(Tier.URGENT, 93, contacts=("phone 13800138000", "wechat wx_12345")),
            pictures=(Picture(sha256=sha256_of(JPEG), phash="0" * 16, dhash="0" * 16),),
            judged_at=START + timedelta(seconds=4),
        )
        await store.record(judged, announce=("duty",))
        life = Lifetime(
            last_seen_at=START, first_missing_at=START + timedelta(minutes=9), confirmations=3,
            missing_class="404", control="listing alive",
        )  # fmt: skip
        gone = await store.seal(
            replace(snapshot(SALE, Observation.MISSING, sale.evidence_id), page=None, pictures=()),
            watched=replace(row, closed=True), announce=("duty",), lifetime=life,
        )  # fmt: skip
        other = await store.seal(
            snapshot(Post(post_id="p2", url="https://market.example/p2", title="old bicycle"))
        )
        await store.record(
            Judgement(evidence=other, verdict=verdict(Tier.NONE, 0, reasons=()), judged_at=START), announce=()
        )
        progress = Progress(
            target="market", health="blocked", reason="captcha \x1b]0;title\x07", last_good_at=START,
            polls=9, posts_seen=2, usual_yield=20.0, last_yield=3, achieved_interval_s=31.5,
        )  # fmt: skip
        await store.save_progress([progress])
        await checkpoints.sign(store, "urgent")  # as the watch does at once after such a verdict
        return sale.evidence_id, gone.evidence_id, other.evidence_id
    finally:
        await store.close()


@cache
def _filled() -> tuple[TemporaryDirectory[str], tuple[str, str, str]]:
    """The folder of the night and its evidence, made once in this process; it goes with it."""
    made = TemporaryDirectory()
    return made, asyncio.run(_fill(Path(made.name) / "kept"))


def night(folder: Path) -> Kept:
    """A configuration and a night of three looks below `folder`, which nobody else has."""
    config = folder / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    made, (sale, gone, other) = _filled()
    shutil.copytree(Path(made.name) / "kept", folder / "kept")
    return Kept(config, folder / "kept", sale, gone, other)


@dataclass(frozen=True)
class Ran:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """The one JSON object of `--json`."""
        (line,) = self.out.splitlines()
        return json.loads(line)


class Command:
    """`nightjar` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], config: Path | None = None) -> None:
        self._capsys, self._config = capsys, config

    def __call__(self, *words: str) -> Ran:
        named = ("--config", str(self._config)) if self._config and words[0][0] != "-" else ()
        self._capsys.readouterr()
        code = main([words[0], *named, *words[1:]])
        told = self._capsys.readouterr()
        return Ran(code, told.out, told.err)
