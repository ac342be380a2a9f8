"""Words in pictures: read behind the verdict, judged with the post, told when they make it louder."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bench._looks import answer, look
from storage import erasure, looks, readings
from storage.classifier import Classifier
from storage.clock import SystemClock
from storage.model import (
    AlertKind,
    Evidence,
    Judgement,
    Picture,
    PictureCapture,
    PictureRef,
    Post,
    Sha256,
    Tier,
    Verdict,
)
from storage.patience import DiskWatch
from storage.recovery import DATABASE
from storage.retention import Rules
from storage.store import Store
from tests.pictures.samples import encoded
from tests.storage.kit import HandClock, opened, report_on
from watchers.detect.history import Past, history_reasons
from watchers.detect.misread import mended
from watchers.detect.terms import find
from watchers.detect.whole import judge_whole
from watchers.hinting import Hinting
from watchers.judging import Policy
from watchers.lexicon import Lexicon
from watchers.meter import Uncounted
from watchers.picture_reading import MOST, Reading, rank_of
from watchers.picture_text import MISSING, RECIPE, why_off

LEXICON = Lexicon.load()
FAKE = "tests.fakes.text_reader"


def post(text: str = "", **fields: str) -> Post:
    return Post(post_id=fields.pop("post_id", "p1"), url="https://example.org/p1", text=text, **fields)


def pictured(*lines: str) -> tuple[Picture, ...]:
    return (Picture(sha256=Sha256("a" * 64), width=800, height=600, phash="f" * 16, words=lines),)


def verdict(text: str, *lines: str) -> Verdict:
    return judge_whole(post(text), pictured(*lines), (), LEXICON, 23)


# --- what it means ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "product"),
    [
        ("lVORY carving", "ivory"),
        ("genuine rhin0 h0rn", "rhino horn"),
        ("rhino hom powder", "rhino horn"),
        ("sisik trengiling", "pangolin scales"),
        ("出犀甬 现货", "rhino horn"),
        ("象芽手串", "ivory"),
        ("穿山田", "pangolin"),
    ],
)
def test_a_misread_term_is_taken_for_what_it_can_only_mean(line: str, product: str) -> None:
    found = find(LEXICON, mended(line, LEXICON).text)
    assert any(product in named for hit in found.hits for named in hit.term.products)


@pytest.mark.parametrize(
    "line", ["born to ride", "a sunny corner", "red wine", "手机壳 全新", "能力强", "no1 shop"]
)
def test_an_ordinary_word_stays_as_it_was_read(line: str) -> None:
    assert mended(line, LEXICON).taken == ()


@pytest.mark.parametrize(
    ("line", "number"), [("tel l38OO138OOO", "13800138000"), ("0912-34S-678", "0912-345-678")]
)
def test_letters_in_a_read_number_are_digits(line: str, number: str) -> None:
    assert number in mended(line, LEXICON).text


def test_words_in_a_picture_are_judged_beside_the_words_of_the_post() -> None:
    alone, read = verdict("手串 800元"), verdict("手串 800元", "象牙", "微信 abc8899")
    assert alone.tier is Tier.NONE
    assert read.tier in (Tier.HIGH, Tier.URGENT)
    assert "wechat:abc8899" in read.contacts
    named = [r for r in read.reasons if r.kind == "term"]
    assert named
    assert all("read in a picture" in r.detail for r in named)


def test_what_was_read_never_makes_a_verdict_quieter() -> None:
    text = "象牙手串 微信 abc8899 800元"
    plain = verdict(text)
    read = verdict(text, "海关查获 新闻报道 警方 法院判决 走私案 保护动物 拒绝买卖")
    assert (read.score, read.tier) == (plain.score, plain.tier)


def test_an_officer_is_told_what_was_read_and_what_it_was_taken_for() -> None:
    read = verdict("", "出犀甬 加v abc8899")
    assert any(r.what == "words in a picture" for r in read.reasons)
    assert any('read in a picture as "犀甬"' in r.detail for r in read.reasons)


# --- behind the verdict ---------------------------------------------------------------


@dataclass
class Desk:
    """A store with a reader behind it."""

    store: Store
    reading: Reading
    policy: Policy
    spoken: list[None] = field(default_factory=list)
    again: list[Evidence] = field(default_factory=list)
    """Quiet posts that were to be compared with known pictures."""
    unhinted: list[str] = field(default_factory=list)
    """Why the classifier is asked no more, as operators are told."""

    async def judged(self, post_id: str, text: str, words: str) -> Evidence:
        """Seal and judge a post whose picture bears these words; the reader is offered it."""
        now = self.store.clock.now()
        shot = look(post_id, now)
        ref = PictureRef(url=f"https://example.org/{post_id}.jpg")
        picture = PictureCapture(ref=ref, response=answer(ref.url, _bearing(words, post_id), now))
        said = post(text, post_id=post_id, seller=post_id)
        evidence = await self.store.seal(replace(shot, post=said, pictures=(picture,)))
        pictures = tuple(
            replace(p, width=800, height=600, phash=p.sha256[:16], recipe="nj2") for p in evidence.pictures
        )
        first = judge_whole(said, pictures, (), LEXICON, 23)
        judgement = Judgement(evidence=evidence, verdict=first, pictures=pictures, judged_at=now)
        await self.store.record(judgement, announce=("chat",))
        self.reading.offer(judgement)
        return evidence

    async def alerts(self) -> list[tuple[AlertKind, Tier, bool]]:
        """What the chat is told: kind, tier, and whether it revises another."""
        due = await self.store.deliveries_due("chat", self.store.clock.now())
        return [(d.alert.kind, d.alert.tier, bool(d.alert.revises)) for d in due]


def _bearing(words: str, seed: str) -> bytes:
    from PIL import Image

    return encoded(Image.new("RGB", (80, 80), "white")) + f"{seed} WORDS:{words}".encode()


@asynccontextmanager
async def desk(
    folder: Path, *, off: str = "", running: bool = True, hint: Classifier | None = None
) -> AsyncIterator[Desk]:
    clock = SystemClock()
    policy = Policy(lexicon=LEXICON, targets={}, route=lambda *_: ("chat",))
    store = await Store.open(folder, clock)
    spoken: list[None] = []
    again: list[Evidence] = []
    unhinted: list[str] = []

    async def tell(why: str) -> None:
        unhinted.append(why)

    async def compared(evidence: Evidence) -> None:
        again.append(evidence)

    reading = Reading(
        store,
        clock,
        Uncounted(),
        policy=lambda: policy,
        spoke=lambda: spoken.append(None),
        disk=DiskWatch(clock),
        hinting=Hinting(store, hint, program="tests.fakes.hint_reader", off="", cpu_s=1, tell=tell),
        again=compared,
        program=FAKE,
        off=off,
    )
    task = asyncio.create_task(reading.run()) if running else None
    try:
        yield Desk(store, reading, policy, spoken, again, unhinted)
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await store.close()


async def test_an_alert_is_raised_by_what_its_picture_says(tmp_path: Path) -> None:
    async with desk(tmp_path / "data") as at:
        quiet = await at.judged("quiet", "手串 好看", "象牙|微信 abc8899|800元")
        soft = await at.judged("soft", "象牙白 手串 ivory colour, 800元", "真象牙 不是塑料|加v abc8899")
        await at.reading.drain()
        told = await at.alerts()
        kept = await at.store.evidence(quiet.evidence_id)
        assert kept.pictures[0].words == ("象牙", "微信 abc8899", "800元")
        assert (AlertKind.NEW, Tier.HIGH, False) in told or (AlertKind.NEW, Tier.URGENT, False) in told
        rows = await at.store.vault.database.rows(
            "SELECT count(*) FROM verdict_before b JOIN observation o ON o.seq = b.seq "
            "WHERE o.evidence_id IN (?, ?)",
            (quiet.evidence_id, soft.evidence_id),
        )
        assert rows[0][0] >= 1
        assert at.spoken
    assert (await report_on(tmp_path / "data")).whole


async def test_a_louder_word_is_told_anew_and_a_further_contact_on_the_card(tmp_path: Path) -> None:
    async with desk(tmp_path / "data") as at:
        await at.judged("faint", "ivory carving 800 usd", "no questions asked|WhatsApp +8613800138000")
        await at.judged("known", "犀角手串 加v abc8899 800元", "微信 另一个 wx: zzz9911")
        await at.reading.drain()
        told = await at.alerts()
        assert (AlertKind.NEW, Tier.NORMAL, False) in told
        assert any(
            kind is AlertKind.READ and tier.rank < Tier.NORMAL.rank and not old for kind, tier, old in told
        )
    # A revision waits for its card: it is in the outbox, and goes once that was delivered.
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE)) as connection:
        rows = connection.execute("SELECT revises <> '' FROM alert WHERE kind = 'read' ORDER BY 1").fetchall()
    assert rows == [(0,), (1,)]


async def test_set_aside_verdicts_that_were_forged_or_swapped_are_found(tmp_path: Path) -> None:
    async with desk(tmp_path / "data") as at:
        await at.judged("p", "手串", "象牙|微信 abc8899|800元")
        await at.reading.drain()
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE)) as connection, connection:
        connection.execute("UPDATE verdict_before SET score = 1")
    report = await report_on(tmp_path / "data")
    assert not report.whole


async def test_a_picture_that_kills_its_reader_costs_itself_alone(tmp_path: Path) -> None:
    async with desk(tmp_path / "data") as at:
        bad = await at.judged("bad", "", "DIE")
        await at.reading.drain()
        good = await at.judged("good", "", "象牙")
        await at.reading.drain()
        why = await at.store.vault.database.rows("SELECT why FROM reading ORDER BY read_at")
        assert "exit status 9" in why[0][0]
        assert why[1][0] == ""
        assert (await at.store.evidence(bad.evidence_id)).pictures[0].words == ()
        assert (await at.store.evidence(good.evidence_id)).pictures[0].words == ("象牙",)


async def test_a_start_reads_what_the_last_run_left_and_nothing_twice(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", running=False) as at:
        left = await at.judged("left", "", "象牙")
    async with desk(tmp_path / "data") as at:
        await _until(lambda: at.reading.read == 1)
        assert (await at.store.evidence(left.evidence_id)).pictures[0].words == ("象牙",)
    async with desk(tmp_path / "data") as at:
        found = await readings.unread(at.store.vault.database, RECIPE, left.captured_at, 10)
        assert not found


async def _until(true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - of a file that another task writes
            await asyncio.sleep(0.01)


async def test_what_was_read_goes_with_the_evidence_when_that_is_erased(tmp_path: Path) -> None:
    async with desk(tmp_path / "data") as at:
        evidence = await at.judged("p", "手串", "象牙|微信 abc8899|800元")
        await at.reading.drain()
        tables = ("reading", "verdict_before", "observation")
        assert all([await _count(at.store, table) for table in tables])
        for delivery in await at.store.deliveries_due("chat", at.store.clock.now()):
            await at.store.mark_delivered(delivery.delivery_id, at.store.clock.now(), "1")
        later = evidence.captured_at + timedelta(days=4_000)
    async with opened(tmp_path / "data", HandClock(later)) as store:
        await erasure.apply(store, Rules(unmatched_days=1, matched_days=1))
        assert not any([await _count(store, table) for table in tables])


async def _count(store: Store, table: str) -> int:
    return int((await store.vault.database.rows(f"SELECT count(*) FROM {table}"))[0][0])


async def test_the_line_is_bounded_and_the_suspicious_come_first(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", running=False) as at:
        evidence = await at.judged("first", "", "象牙")
        plain = judge_whole(post("a blue bicycle, hardly used, with lights"), (), (), LEXICON, None)
        told = replace(evidence, post=post("a blue bicycle, hardly used, with lights"))
        assert rank_of(told, plain) == 2
        pictures = (Picture(sha256=Sha256("b" * 64), width=800, height=600, phash="f" * 16),)
        for number in range(MOST + 5):
            one = replace(told, evidence_id=type(told.evidence_id)(f"{number:032x}"))
            at.reading.offer(
                Judgement(evidence=one, verdict=plain, pictures=pictures, judged_at=evidence.sealed_at)
            )
        assert at.reading.waiting == MOST
        assert at.reading.left_out == 6
        first = at.reading._next()
        assert first is not None
        assert first.evidence_id == evidence.evidence_id


async def test_without_the_extra_nothing_is_read_and_that_is_said(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", off=MISSING) as at:
        await at.judged("p", "", "象牙")
        assert at.reading.waiting == 0
        await _until((tmp_path / "data" / readings.FILE).is_file)
    told = json.loads((tmp_path / "data" / readings.FILE).read_text())
    assert told["why_off"] == MISSING


# --- the real reader --------------------------------------------------------------------


@pytest.mark.skipif(bool(why_off()), reason=f"pictures are not read: {why_off()}")
async def test_the_real_reader_reads_large_print() -> None:
    from PIL import Image, ImageDraw

    from watchers.workers import Worker

    image = Image.new("RGB", (640, 200), "white")
    ImageDraw.Draw(image).text((30, 60), "IVORY 13800138000", fill="black", font_size=56)
    worker = Worker(
        "watchers.text_worker", 1.0, called="t", reader="r", answer_max_bytes=1_000_000, start_s=180
    )
    try:
        facts, _ = await worker.ask({"do": "read", "cpu_s": 30}, encoded(image), 60)
    finally:
        await worker.end()
    assert "IVORY" in str(facts["words"])


async def test_what_was_found_out_while_a_picture_waited_is_not_undone_by_reading_it(tmp_path: Path) -> None:
    """Failed before: for a contact in it, a verdict without the account took the louder one's place."""
    async with desk(tmp_path / "data", running=False) as at:
        sealed = await at.judged("p1", "...", "加v abc8899")
        known = history_reasons([Past(post_key="other", at=sealed.sealed_at)], sealed.sealed_at)
        louder = judge_whole(sealed.post, sealed.pictures, (), LEXICON, 23, history=known)
        assert louder.tier is Tier.NORMAL
        now = at.store.clock.now()
        judgement = Judgement(evidence=sealed, verdict=louder, pictures=sealed.pictures, judged_at=now)
        await at.store.renew(judgement, announce=("chat",), kind=AlertKind.REPOST)
        reading = asyncio.create_task(at.reading.run())
        try:
            await at.reading.drain()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        stands = await looks.look(at.store.vault.database, sealed.evidence_id)
    assert stands is not None
    assert "wechat:abc8899" in stands.verdict.contacts
    assert stands.verdict.tier is Tier.NORMAL
    assert known[0].what in [reason.what for reason in stands.verdict.reasons]
