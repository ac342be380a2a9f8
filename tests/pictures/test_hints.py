"""Hints of a classifier: told, never a verdict, and a cause to compare a quiet post's pictures."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from bench._looks import answer, look
from storage import erasure, looks
from storage.classifier import Classifier
from storage.clock import SystemClock
from storage.model import Evidence, Hint, Picture, PictureCapture, PictureRef, Reason, Sha256, Tier, Verdict
from storage.patience import DiskWatch
from storage.retention import Rules
from storage.store import Store
from tests.pictures import onnx_models
from tests.pictures.samples import encoded, photo
from tests.pictures.test_reading import LEXICON, desk, post
from tests.storage.kit import HandClock, opened
from watchers.detect.hint import with_hints
from watchers.detect.score import PRIOR, odds_of, score_at, tier_of
from watchers.detect.whole import judge_whole
from watchers.hinting import MOST_LOSSES, Hinting, unfit, why_off
from watchers.judging import Bench, Policy
from watchers.meter import Uncounted
from watchers.picture_reading import Reading
from watchers.pictures import PictureWorkers
from watchers.second_look import suspicious
from watchers.workers import Worker

TUSK = Hint(label="elephant tusk", probability=0.913)
SAID = "a classifier of yours says: elephant tusk 0.91 (hint)"
FAKE = Classifier(model=Path("/none"), sha256="0" * 64, labels=("elephant tusk",), wanted=("elephant tusk",))
UNREAD = "words are not read here"
ORDINARY = "a blue bicycle, hardly used, with lights, basket and seven gears"


def hinted(*hints: Hint) -> tuple[Picture, ...]:
    return (Picture(sha256=Sha256("a" * 64), width=800, height=600, phash="f" * 16, hints=hints),)


# --- never a verdict ------------------------------------------------------------------

some_hints = st.lists(
    st.builds(Hint, label=st.text(min_size=1, max_size=12), probability=st.floats(0, 1)),
    min_size=1,
    max_size=5,
)
some_words = st.lists(
    st.sampled_from(
        ["象牙", "ivory", "手串", "800元", "bicycle", "微信 abc8899", "replica", "no questions", "🐘"]
    )
).map(" ".join)


def without_hints(verdict: Verdict) -> Verdict:
    return replace(verdict, score=0, reasons=tuple(r for r in verdict.reasons if r.kind != "hint"))


@given(some_words, some_hints)
@settings(deadline=None)
def test_a_hint_moves_no_tier_and_takes_nothing_away(text: str, hints: list[Hint]) -> None:
    plain = judge_whole(post(text), hinted(), (), LEXICON, 23)
    told = judge_whole(post(text), hinted(*hints), (), LEXICON, 23)
    assert told.tier is plain.tier is tier_of(told.score)
    assert told.score >= plain.score
    assert without_hints(told) == replace(plain, score=0)
    assert any(reason.kind == "hint" for reason in told.reasons)
    assert score_at(odds_of(told)) == told.score


@given(st.integers(1, 99), st.floats(-0.4, 0.4), some_hints)
@example(34, 0.0, [TUSK])
@example(69, 0.0, [TUSK])
@example(95, 0.0, [TUSK])
def test_a_hint_moves_no_tier_wherever_the_score_stands(near: int, by: float, hints: list[Hint]) -> None:
    weight = math.log(near / (100 - near)) - PRIOR + by
    score = score_at(PRIOR + weight)
    reason = Reason(kind="cue", what="a", weight=weight)
    plain = Verdict(score=score, tier=tier_of(score), reasons=(reason,), lexicon_version="1")
    told = with_hints(plain, hinted(*hints))
    assert told.tier is plain.tier is tier_of(told.score)
    assert plain.score <= told.score
    assert told.reasons[0] == reason


def test_an_officer_is_told_what_was_seen_and_how_sure_that_is() -> None:
    told = judge_whole(post(ORDINARY), hinted(TUSK, Hint(label="pot", probability=0.6)), (), LEXICON, None)
    assert next(r.what for r in told.reasons if r.kind == "hint") == SAID
    assert told.tier is Tier.NONE


def test_pictures_with_a_hint_are_worth_comparing_where_words_gave_no_cause() -> None:
    plain = judge_whole(post(ORDINARY), hinted(), (), LEXICON, None)
    told = judge_whole(post(ORDINARY), hinted(TUSK), (), LEXICON, None)
    assert not suspicious(post(ORDINARY), plain)
    assert suspicious(post(ORDINARY), told)


# --- behind the verdict ---------------------------------------------------------------


async def test_a_hint_is_told_and_has_a_quiet_post_compared(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", hint=FAKE, off=UNREAD) as at:
        quiet = await at.judged("quiet", ORDINARY, "SEEN:elephant tusk=0.913")
        loud = await at.judged("loud", "象牙手串 微信 abc8899 800元", "SEEN:elephant tusk=0.913")
        plain = await at.judged("plain", ORDINARY, "")
        await at.reading.drain()
        kept = {e: (await at.store.evidence(e.evidence_id)).pictures[0].hints for e in (quiet, loud, plain)}
        assert list(kept.values()) == [(TUSK,), (TUSK,), ()]
        assert [evidence.evidence_id for evidence in at.again] == [quiet.evidence_id]
        rows = await at.store.vault.database.rows(
            "SELECT count(*), count(DISTINCT o.seq) FROM verdict v JOIN observation o ON o.seq = v.seq "
            "WHERE v.verdict LIKE '%elephant tusk 0.91%'"
        )
        assert tuple(rows[0]) == (2, 2)


@pytest.mark.parametrize("does", ["DIE", "SPIN", "EAT"])
async def test_a_model_that_crashes_hangs_or_eats_memory_costs_one_picture(tmp_path: Path, does: str) -> None:
    async with desk(tmp_path / "data", hint=FAKE, off=UNREAD) as at:
        bad = await at.judged("bad", ORDINARY, does)
        await at.reading.drain()
        good = await at.judged("good", ORDINARY, "SEEN:elephant tusk=0.913")
        await at.reading.drain()
        why = await at.store.vault.database.rows("SELECT why FROM hint ORDER BY asked_at")
        assert [bool(row[0]) for row in why] == [True, False]
        assert (await at.store.evidence(bad.evidence_id)).pictures[0].hints == ()
        assert (await at.store.evidence(good.evidence_id)).pictures[0].hints == (TUSK,)
        assert at.reading.standing().hints_off == ""


@pytest.mark.parametrize("does", ["SPIN", "EAT"])
async def test_a_model_that_costs_its_process_at_every_picture_is_asked_no_more(
    tmp_path: Path, does: str
) -> None:
    """Failed before: each picture of the night cost up to 20 s of the processor."""
    async with desk(tmp_path / "data", hint=FAKE, off=UNREAD) as at:
        for number in range(MOST_LOSSES + 2):
            await at.judged(f"p{number}", ORDINARY, does)
            await at.reading.drain()
        assert at.reading.standing().hinted == MOST_LOSSES
        assert at.reading.standing().hints_off == at.unhinted[0]
        assert at.unhinted[0].startswith(f"{MOST_LOSSES} pictures in a row cost its process; the last one: ")
        assert len(at.unhinted) == 1


async def test_a_picture_between_that_is_answered_keeps_the_model_on(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", hint=FAKE, off=UNREAD) as at:
        asked = [*["DIE"] * (MOST_LOSSES - 1), "a pot", *["DIE"] * (MOST_LOSSES - 1)]
        for number, does in enumerate(asked):
            await at.judged(f"p{number}", ORDINARY, does)
            await at.reading.drain()
        assert (at.reading.standing().hinted, at.reading.standing().hints_off) == (len(asked), "")
        assert at.unhinted == []


async def revisions(store: Store) -> list[str]:
    sql = "SELECT kind FROM alert WHERE revises <> '' ORDER BY rowid"
    return [str(row[0]) for row in await store.vault.database.rows(sql)]


async def test_a_hint_on_a_told_post_leaves_room_for_the_words_of_its_picture(tmp_path: Path) -> None:
    """Failed before: both were the one `read` of a look, and the way to the seller was not told."""
    async with desk(tmp_path / "data", hint=FAKE, off=UNREAD) as at:
        loud = "犀角手串 加v abc8899 800元"
        await at.judged("loud", loud, "微信 另一个 wx: zzz9911|SEEN:elephant tusk=0.913")
        await at.reading.drain()
        assert await revisions(at.store) == ["hinted"]
    async with desk(tmp_path / "data", hint=FAKE) as at:
        await at.reading._catch_up()
        await at.reading.drain()
        assert await revisions(at.store) == ["hinted", "read"]


async def test_a_start_asks_what_the_last_run_left_though_words_are_not_read(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", running=False) as at:
        left = await at.judged("left", ORDINARY, "SEEN:elephant tusk=0.913")
    for asked in (1, 0):  # and not twice
        async with desk(tmp_path / "data", hint=FAKE, off=UNREAD, running=False) as at:
            await at.reading._catch_up()
            assert at.reading.waiting == asked
            if waiting := at.reading._next():
                await at.reading._post(waiting)
            await at.reading._end()
            assert at.reading.standing().hinted == asked
            assert (await at.store.evidence(left.evidence_id)).pictures[0].hints == (TUSK,)
    other = replace(FAKE, least=0.6)
    async with desk(tmp_path / "data", hint=other, off=UNREAD, running=False) as at:
        await at.reading._catch_up()
        assert at.reading.waiting == 1


async def test_a_picture_whose_words_were_read_before_is_asked_about_too(tmp_path: Path) -> None:
    """Failed before: a picture with words was never offered to a classifier that was named later."""
    async with desk(tmp_path / "data") as at:
        read = await at.judged("read", ORDINARY, "bell|SEEN:elephant tusk=0.913")
        await at.reading.drain()
        assert (await at.store.evidence(read.evidence_id)).pictures[0].words
    async with desk(tmp_path / "data", hint=replace(FAKE, least=0.7)) as at:
        await at.reading._catch_up()
        await at.reading.drain()
        assert (await at.store.evidence(read.evidence_id)).pictures[0].hints == (TUSK,)


async def test_a_model_that_was_exchanged_is_asked_no_more_and_that_is_said(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", hint=FAKE, off=UNREAD) as at:
        await at.judged("p", ORDINARY, "UNFIT")
        await at.reading.drain()
        assert at.reading.standing().hints_off == "[hint] model: is another file than at the start"


async def test_hints_go_with_the_evidence_when_that_is_erased(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", hint=FAKE, off=UNREAD) as at:
        evidence = await at.judged("p", ORDINARY, "SEEN:elephant tusk=0.913")
        await at.reading.drain()
        count = "SELECT count(*) FROM hint"
        assert (await at.store.vault.database.rows(count))[0][0] == 1
    async with opened(tmp_path / "data", HandClock(evidence.captured_at + timedelta(days=4_000))) as store:
        await erasure.apply(store, Rules(unmatched_days=1, matched_days=1))
        assert (await store.vault.database.rows(count))[0][0] == 0


async def test_a_crop_beside_ordinary_words_is_found_by_its_hint(tmp_path: Path) -> None:
    """A candidate: the allowance is spent, so without the hint nobody compares the picture."""
    scene = photo(5)
    (tmp_path / "gallery" / "ivory" / "7").mkdir(parents=True)
    (tmp_path / "gallery" / "ivory" / "7" / "a.jpg").write_bytes(encoded(scene))
    crop = encoded(scene.crop((0, 0, 560, 430)))
    seen = b"SEEN:elephant tusk=0.9"
    verdicts = [await _night(tmp_path, "without", crop), await _night(tmp_path, "with", crop + seen)]
    assert verdicts[0].tier is Tier.NONE
    assert not [r for r in verdicts[0].reasons if "gallery" in r.what]
    assert [r.kind for r in verdicts[1].reasons if "gallery picture" in r.what] == ["picture"]
    assert verdicts[1].tier is not Tier.NONE


async def _night(folder: Path, name: str, data: bytes) -> Verdict:
    clock = SystemClock()
    workers = PictureWorkers(1, clock)
    store = await Store.open(folder / name, clock)
    policy = Policy(lexicon=LEXICON, targets={}, route=lambda *_: ("chat",))
    common: dict[str, Any] = {"spoke": lambda: None, "disk": DiskWatch(clock)}
    bench = Bench(store, workers, clock, Uncounted(), policy, **common)
    reading = Reading(
        store,
        clock,
        Uncounted(),
        policy=lambda: policy,
        hinting=Hinting(store, FAKE, program="tests.fakes.hint_reader", off=""),
        again=bench.judge_again,
        off=UNREAD,
        **common,
    )
    bench._read = reading.offer
    try:
        await bench.fill_gallery(folder / "gallery")
        bench._second._saved_s = -1_000.0
        return await _judged(store, bench, reading, data)
    finally:
        await reading._end()
        await bench.close()
        await store.close()
        await workers.close()


async def _judged(store: Store, bench: Bench, reading: Reading, data: bytes) -> Verdict:
    now = store.clock.now()
    ref = PictureRef(url="https://example.org/1.jpg")
    said = post(f"{ORDINARY}, 90 euro, WhatsApp +8613800138000")
    shot = replace(
        look("1", now), post=said, pictures=(PictureCapture(ref=ref, response=answer(ref.url, data, now)),)
    )
    evidence: Evidence = await store.seal(shot)
    await bench._judge(evidence)
    while waiting := reading._next():
        await reading._post(waiting)
    stands = await looks.look(store.vault.database, evidence.evidence_id)
    assert stands is not None
    return stands.verdict


# --- real models ----------------------------------------------------------------------

OFF = why_off(FAKE)
real = pytest.mark.skipif(bool(OFF), reason=f"no classifier can be asked: {OFF}")
COLOURS = ("red thing", "green thing", "blue thing")


def classifier(folder: Path, model: bytes, **fields: Any) -> Classifier:
    file = folder / "m.onnx"
    file.write_bytes(model)
    made = Classifier(model=file, sha256=hashlib.sha256(model).hexdigest(), labels=COLOURS, wanted=COLOURS)
    return replace(made, **fields)


async def asked(one: Classifier, *pictures: bytes, cpu_s: int = 10) -> list[dict[str, object]]:
    worker = Worker(
        "watchers.hint_worker", 1.0, called="w", reader="r", answer_max_bytes=100_000, start_s=180
    )
    try:
        return [(await worker.ask({"hint": one.asked(), "cpu_s": cpu_s}, p, 120))[0] for p in pictures]
    finally:
        await worker.end()


def of(colour: str) -> bytes:
    return encoded(Image.new("RGB", (300, 200), colour), "PNG")


@real
@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (1, 16, 16, 3), ("n", 3, "h", "w"), (1, 3, 12, 20)])
async def test_a_real_model_says_what_a_picture_shows(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    one = classifier(tmp_path, onnx_models.reddest(shape), side_px=16 if "h" in shape else 0)
    assert await unfit(one) is None
    found = await asked(one, of("red"), of("lime"), of("blue"))
    tops = [facts["hints"] for facts in found]
    assert [top[0][0] for top in tops if isinstance(top, list)] == list(COLOURS)
    assert all(0.99 < top[0][1] <= 1 for top in tops if isinstance(top, list))


@real
async def test_scores_are_made_probabilities_and_only_wanted_ones_are_hints(tmp_path: Path) -> None:
    model = onnx_models.reddest(certain=5.0, softmax=False)
    one = classifier(tmp_path, model, wanted=("red thing",))
    red, blue = await asked(one, of("red"), of("blue"))
    assert red["hints"] == [["red thing", pytest.approx(0.9867, abs=0.001)]]
    assert blue["hints"] == []
    centred = classifier(tmp_path, model, mean=(1.0, 0.0, 0.0), least=0.3)
    (black,) = await asked(centred, of("red"))
    assert [label for label, _ in black["hints"]] == list(COLOURS)  # type: ignore[attr-defined]


@real
@pytest.mark.parametrize(
    ("model", "fields", "key", "why"),
    [
        (b"no model at all", {}, "model", "is no model that can be run"),
        (onnx_models.of_two_inputs(), {}, "model", "must take one picture"),
        (onnx_models.reddest(), {"labels": ("a", "b")}, "labels", "has 2 labels; the model tells 3 apart"),
        (onnx_models.reddest(("n", 3, "h", "w")), {}, "side_px", "is required"),
        (onnx_models.reddest(), {"side_px": 224}, "side_px", "is 224; the model takes 16 x 16"),
        (onnx_models.reddest(), {"layout": "nhwc"}, "layout", 'which is not "nhwc"'),
        (onnx_models.reddest(), {"sha256": "0" * 64}, "model", "is another file"),
        (onnx_models.endless(), {}, "model", "used up its processor time"),
        (onnx_models.hungry(), {}, "model", "classifier failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_model_that_cannot_serve_is_told_by_key(
    tmp_path: Path, model: bytes, fields: dict[str, Any], key: str, why: str
) -> None:
    found = await unfit(classifier(tmp_path, model, **fields), cpu_s=3)
    assert found is not None
    assert found[0] == key
    assert why in found[1]


@pytest.mark.skipif(not OFF, reason="the extra `ocr` is installed")
async def test_without_the_extra_that_is_said(tmp_path: Path) -> None:
    assert await unfit(FAKE) == (
        "model",
        "cannot be run: the extra `ocr` is not installed (./nightjar extra ocr)",
    )
