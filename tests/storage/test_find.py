"""Finding: two-character Chinese words, "XY", contacts, whatever was typed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench._looks import TARGET, judgement, look, watched
from storage import search
from storage.casefile import find
from storage.finding import NOW
from storage.model import Evidence, Lifetime, Observation, Tier, Watched
from storage.store import Store
from tests.storage.kit import DUSK, HandClock


async def kept(store: Store, clock: HandClock, post_id: str, **words: str) -> Evidence:
    snapshot = look(post_id, clock.tick(), pictures=0)
    blank = replace(snapshot.post, title="", text="", seller="", price="", url="u")
    return await store.seal(replace(snapshot, post=replace(blank, **words)))  # type: ignore[arg-type]


async def ids(store: Store, **wanted: object) -> list[str]:
    return [f.post_id for f in await find(store, **wanted)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("出售血料手串一条", "血料"),
        ("出售血料手串一条", "血料手串"),
        ("出售血料手串一条", "条"),
        ("出售血料手串一条", "料"),
        ("New XY jelly in stock", "XY"),
        ("New XY jelly in stock", "xy"),
        ("new xyjelly", "XY"),
        ("ＸＹ果冻", "xy"),
        ("New XY jelly in stock", "jelly stock"),
        ("私聊🦏角", "🦏角"),
        ("Preis: ÄPFEL", "äpfel"),
        ("盔犀鸟-头胄", "犀鸟 头胄"),
        ("1200元/克", "1200"),
        ("象牙\n\n手镯", "手镯"),
    ],
)
async def test_a_word_is_found_wherever_it_stands(
    store: Store, clock: HandClock, text: str, wanted: str
) -> None:
    await kept(store, clock, "other", text="冬瓜 squash 999")
    await kept(store, clock, "1", text=text)
    assert await ids(store, text=wanted) == ["1"]


@pytest.mark.parametrize("wanted", ["料血", "XZ", "血手", "yx", "!!!", "血 条 无"])
async def test_what_is_not_there_is_not_found(store: Store, clock: HandClock, wanted: str) -> None:
    await kept(store, clock, "1", text="出售血料手串一条 XY jelly")
    assert await ids(store, text=wanted) == []


async def test_words_may_stand_in_title_text_seller_and_price(store: Store, clock: HandClock) -> None:
    await kept(store, clock, "1", title="血料", text="手串", seller="老王", price="1200元")
    assert await ids(store, text="血料 老王 1200") == ["1"]


async def test_contacts_are_found_by_any_way_of_writing_them(store: Store, clock: HandClock) -> None:
    evidence = await kept(store, clock, "1", text="call me")
    await store.record(judgement(evidence, clock.tick()), announce=())
    for typed in ("13800138000", "138 0013 8000", "138-0013-8000", "+138.0013.8000"):
        assert await ids(store, contact=typed) == ["1"], typed
    assert await ids(store, text="yeshi") == ["1"]
    assert await ids(store, contact="yeshi_laowang") == ["1"]
    assert await ids(store, contact="13800138001") == []


async def test_conditions_are_all_kept(store: Store, clock: HandClock) -> None:
    one = await kept(store, clock, "1", text="血料")
    two = await kept(store, clock, "2", text="血料")
    await store.record(judgement(two, clock.tick(), Tier.URGENT), announce=())
    await store.record(judgement(one, clock.tick(), Tier.NORMAL), announce=())
    assert await ids(store, text="血料") == ["2", "1"]
    assert await ids(store, text="血料", limit=1) == ["2"]
    assert await ids(store, tier=Tier.HIGH) == ["2"]
    assert await ids(store, tier=Tier.NORMAL) == ["2", "1"]
    assert await ids(store, tier=Tier.NONE) == ["2", "1"]
    assert await ids(store, target=TARGET, post_id="1") == ["1"]
    assert await ids(store, target="other") == []
    assert await ids(store, since=DUSK + timedelta(seconds=2)) == ["2"]
    assert await ids(store, until=DUSK + timedelta(seconds=2)) == ["1"]
    (found,) = await find(store, tier=Tier.URGENT)
    assert (found.tier, found.score, found.observation) == (Tier.URGENT, 95, Observation.SEEN)
    assert await ids(store, item=found.item_id) == ["2"]


async def test_a_vanished_look_does_not_double_a_hit(store: Store, clock: HandClock) -> None:
    await store.seal(look("1", clock.tick()))
    await store.seal(look("1", clock.tick(), observation=Observation.MISSING))
    assert await ids(store, text="血料") == ["1"]


async def gone(store: Store, clock: HandClock, post_id: str) -> Evidence:
    return await store.seal(look(post_id, clock.tick(), observation=Observation.MISSING, pictures=0))


async def test_what_vanished_is_found_with_the_loudest_verdict_of_its_post(
    store: Store, clock: HandClock
) -> None:
    for tier in (Tier.URGENT, Tier.NORMAL):  # the words grew harmless before the post went
        evidence = await kept(store, clock, "1", text="血料")
        await store.record(judgement(evidence, clock.tick(), tier), announce=())
    quiet = await kept(store, clock, "2", text="手串")
    await store.record(judgement(quiet, clock.tick(), Tier.NORMAL), announce=())
    await kept(store, clock, "3", text="not judged yet")
    missing = [(await gone(store, clock, name)).evidence_id for name in ("1", "2", "3")]
    loud = await find(store, tier=Tier.HIGH)
    assert [(f.post_id, f.observation) for f in loud] == [
        ("1", Observation.MISSING),
        ("1", Observation.SEEN),
    ]
    assert (loud[0].evidence_id, loud[0].tier, loud[0].score) == (missing[0], Tier.URGENT, 95)
    told = {f.post_id: (f.tier, f.score > 0) for f in await find(store, vanished=True)}
    assert told == {"1": (Tier.URGENT, True), "2": (Tier.NORMAL, True), "3": (Tier.NONE, False)}


async def test_every_hit_says_how_its_post_is_now(store: Store, clock: HandClock) -> None:
    def row(post_id: str) -> Watched:
        return watched(post_id, DUSK)

    rows = {
        "up": row("up"),
        "missed once": replace(row("missed once"), first_missing_at=DUSK, missing_looks=1),
        "not looked at": replace(row("not looked at"), next_look_at=None),
        "back": row("back"),
    }
    for post_id, one in rows.items():
        await store.seal(look(post_id, clock.tick(), pictures=0), watched=one)
    await store.seal(look("no watch", clock.tick(), pictures=0))
    missing = [await gone(store, clock, post_id) for post_id in ("no watch", "back")]
    missed = DUSK + timedelta(minutes=7)
    life = Lifetime(last_seen_at=DUSK, first_missing_at=missed, confirmations=3)
    await store.seal(look("gone", clock.tick(), pictures=0), watched=row("gone"))
    last = look("gone", clock.tick(), observation=Observation.MISSING, pictures=0)
    await store.seal(last, watched=replace(row("gone"), closed=True), lifetime=life)
    again = look("back", clock.tick(), observation=Observation.REAPPEARED, pictures=0)
    await store.seal(again, watched=rows["back"])
    hits = await find(store)
    assert len(hits) == 10
    assert {(hit.post_id, hit.now.state.value, hit.now.at) for hit in hits} == {
        ("up", "up", DUSK),
        ("missed once", "unknown", DUSK),
        ("not looked at", "unknown", DUSK),
        ("no watch", "gone", missing[0].captured_at),
        ("back", "up", DUSK),
        ("gone", "gone", missed),
    }


async def test_how_posts_are_now_is_asked_for_by_index(store: Store, clock: HandClock) -> None:
    await kept(store, clock, "1", text="血料")
    plan = await store.vault.database.rows(f"EXPLAIN QUERY PLAN {NOW}", ('["a", "b"]',))
    steps = [str(step[3]) for step in plan]
    assert not [step for step in steps if step.startswith("SCAN") and not step.startswith("SCAN k ")], steps
    assert any("observation_post" in step for step in steps), steps


async def test_what_vanished_is_found_by_every_other_condition(store: Store, clock: HandClock) -> None:
    before = clock.now()
    one = await kept(store, clock, "1", text="血料 call me")
    await store.record(judgement(one, clock.tick(), Tier.URGENT), announce=())
    await kept(store, clock, "2", text="血料")
    await kept(store, clock, "still up", text="血料")
    first = await gone(store, clock, "1")
    await gone(store, clock, "2")
    assert await ids(store, vanished=True) == ["2", "1"]
    assert await ids(store, vanished=True, limit=1) == ["2"]
    assert await ids(store, vanished=True, text="血料") == ["2", "1"]
    assert await ids(store, vanished=True, text="血料 call") == ["1"]
    assert await ids(store, vanished=True, contact="138-0013-8000") == ["1"]
    assert await ids(store, vanished=True, text="!!!") == []
    assert await ids(store, vanished=True, tier=Tier.HIGH) == ["1"]
    assert await ids(store, vanished=True, post_id="2") == ["2"]
    assert await ids(store, vanished=True, target="other") == []
    assert await ids(store, vanished=True, since=first.captured_at) == ["2", "1"]
    assert await ids(store, vanished=True, since=first.captured_at + timedelta(seconds=1)) == ["2"]
    assert await ids(store, vanished=True, since=before, until=first.captured_at) == []
    (found,) = await find(store, vanished=True, tier=Tier.URGENT)
    assert await ids(store, vanished=True, item=found.item_id) == ["1"]
    assert found.contacts


@given(st.text(max_size=60))
def test_every_piece_of_every_run_is_found_by_its_tokens(text: str) -> None:
    kept_tokens = f" {search.tokens(text)} "
    for run in search.runs(text):
        for start in range(len(run) - 1):
            piece = run[start : start + 4]
            if len(search.runs(piece)) == 1 and search.runs(piece)[0] == piece and len(piece) > 1:
                (phrase,) = search.phrases(piece)
                assert f" {phrase.strip(chr(34))} " in kept_tokens


@given(st.text(max_size=400))
def test_no_text_breaks_the_query_language(text: str) -> None:
    for phrase in search.phrases(text):
        assert set(phrase) <= set('"u0123456789abcdef ORu*')


async def test_any_words_may_be_asked_for(store: Store, clock: HandClock) -> None:
    await kept(store, clock, "1", text="血料")
    for text in (
        '"',
        "'; DROP TABLE search; --",
        "NEAR(a b)",
        "post:x",
        "*",
        "^a",
        "\0",
        "\ud800",
        "a" * 5_000,
    ):
        assert isinstance(await ids(store, text=text), list)
