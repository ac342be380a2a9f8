"""What happens while an erasure runs goes before it, and nothing that was erased comes back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bench._looks import answer, judgement, look, watched
from storage import erasure, settling, sightings, uses
from storage.casefile import verify
from storage.model import (
    Evidence,
    EvidenceId,
    Listed,
    Observation,
    PictureMatch,
    Polls,
    Presence,
    Sighting,
    Tier,
    Watched,
    sha256_of,
)
from storage.retention import Rules
from storage.store import Store
from tests.storage.kit import HandClock, change, opened
from tests.watch.kit import target
from watchers.feed import load
from watchers.kit import Kit
from watchers.presence import Look
from watchers.vigil import Vigil, _Where

RULES = Rules(unmatched_days=30, matched_days=365)
DAY_S = 86_400.0


async def judged(store: Store, clock: HandClock, post_id: str, tier: Tier) -> Evidence:
    kept = await store.seal(look(post_id, clock.tick()), watched=watched(post_id, clock.now()))
    told = judgement(kept, clock.tick(), tier)
    await store.record(replace(told, verdict=replace(told.verdict, tier=tier)), announce=("chat",))
    return kept


async def reposted(store: Store, clock: HandClock, post_id: str, earlier: Evidence) -> None:
    """The same thing is for sale again, with a picture that is near a known one."""
    kept = await store.seal(look(post_id, clock.tick()), watched=watched(post_id, clock.now()))
    match = PictureMatch(
        sha256=kept.pictures[0].sha256,
        known=earlier.evidence_id,
        known_sha256=earlier.pictures[0].sha256,
        distance_bits=1,
    )
    told = replace(judgement(kept, clock.tick(), Tier.URGENT), matches=(match,))
    assert await store.record(told, announce=("chat",)) is not None


async def deliver_all(store: Store, clock: HandClock) -> None:
    for due in await store.deliveries_due("chat", clock.now()):
        await store.mark_sending(due.delivery_id, clock.now())
        await store.mark_delivered(due.delivery_id, clock.now(), "1")


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[object]]) -> None:
    """Have something happen once between the plan of an erasure and its first batch."""
    real = uses.candidates
    acts = [act]

    async def candidates(store: Store, keys: Sequence[str]) -> frozenset[str]:
        for one in acts[:]:
            acts.remove(one)
            await one()
        return await real(store, keys)

    monkeypatch.setattr(uses, "candidates", candidates)


async def gone(store: Store, evidence: Evidence) -> bool:
    return not await store.post_keys([evidence.evidence_id])


async def count(store: Store, table: str) -> int:
    return int((await store.vault.database.rows(f"SELECT count(*) FROM {table}"))[0][0])


async def test_an_urgent_alert_of_a_repost_survives_the_erasing_of_its_item(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await judged(store, clock, "1", Tier.HIGH)
    await deliver_all(store, clock)
    clock.tick(400 * DAY_S)
    meanwhile(monkeypatch, lambda: reposted(store, clock, "2", first))
    done = await erasure.apply(store, RULES)
    assert (done.posts, done.skipped) == (0, 1)
    due = await store.deliveries_due("chat", clock.now())
    assert [(d.alert.tier, d.alert.item is not None) for d in due] == [(Tier.URGENT, True)]
    assert (await verify(store)).whole


async def test_a_delivery_on_its_way_or_an_unjudged_look_stops_a_batch(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await judged(store, clock, "1", Tier.HIGH)
    await deliver_all(store, clock)
    clock.tick(400 * DAY_S)

    async def tell_again() -> None:
        async def job(batch: object) -> None:
            await batch.run("UPDATE delivery SET state = 'waiting'")  # type: ignore[attr-defined]

        await store.vault.submit(job)

    meanwhile(monkeypatch, tell_again)
    assert (await erasure.apply(store, RULES)).posts == 0
    assert len(await store.deliveries_due("chat", clock.now())) == 1
    assert not await gone(store, kept)


async def test_a_post_whose_item_is_gone_is_judged_all_the_same(store: Store, clock: HandClock) -> None:
    await judged(store, clock, "1", Tier.HIGH)

    async def job(batch: object) -> None:
        await batch.run("DELETE FROM item")  # type: ignore[attr-defined]

    await store.vault.submit(job)
    again = await store.seal(look("1", clock.tick(), observation=Observation.CHANGED))
    alert = await store.record(judgement(again, clock.tick(), Tier.URGENT), announce=("chat",))
    assert alert is not None
    assert alert.item is not None
    assert await count(store, "member") == 1


async def test_a_quiet_post_that_an_alert_names_stays_as_long_as_the_alert(
    store: Store, clock: HandClock
) -> None:
    quiet = await judged(store, clock, "1", Tier.NONE)
    clock.tick(29 * DAY_S)
    await reposted(store, clock, "2", quiet)
    await deliver_all(store, clock)
    clock.tick(300 * DAY_S)
    assert (await erasure.apply(store, RULES)).posts == 0
    clock.tick(66 * DAY_S)
    assert (await erasure.apply(store, RULES)).posts == 2, "then both go, in one transaction"
    assert await count(store, "observation") == 0
    assert (await verify(store)).whole


async def test_a_quiet_post_that_an_alert_names_meanwhile_stays(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = await judged(store, clock, "1", Tier.NONE)
    clock.tick(40 * DAY_S)
    meanwhile(monkeypatch, lambda: reposted(store, clock, "2", quiet))
    assert (await erasure.apply(store, RULES)).skipped == 1
    assert not await gone(store, quiet)


# --- looks in flight -----------------------------------------------------------------


async def erased_in_flight(store: Store, clock: HandClock) -> Watched:
    """The row of a post as the vigil read it before the post was erased."""
    await judged(store, clock, "1", Tier.NONE)
    clock.tick(40 * DAY_S)
    row = (await store.known("market", ["1"]))["1"]
    assert (await erasure.apply(store, RULES)).posts == 1
    return row


async def test_a_look_in_flight_does_not_bring_an_erased_post_back(store: Store, clock: HandClock) -> None:
    row = await erased_in_flight(store, clock)
    await store.save_watched([replace(row, looks=row.looks + 1)])
    assert await store.known("market", ["1"]) == {}
    again = await store.seal(look("1", clock.tick()), watched=watched("1", clock.now()))
    await store.save_watched([replace(row, url="https://example.org/old")])
    fresh = (await store.known("market", ["1"]))["1"]
    assert (fresh.evidence_id, fresh.url) == (again.evidence_id, "https://example.org/1")


async def test_the_vigil_goes_on_when_its_post_was_erased_meanwhile(store: Store, clock: HandClock) -> None:
    row = await erased_in_flight(store, clock)
    vigil = Vigil(cast(Kit, SimpleNamespace(store=store, clock=clock)), dict)
    market, at = target("https://example.org/"), clock.tick()
    where = _Where(target=market, feed=load(market.kind))
    page = answer(row.url, b"another text", at)
    seen = Look(presence=Presence.ALIVE, started_at=at, ended_at=at, page=page)
    assert await vigil._keep(row, seen, where, Observation.CHANGED) == row
    assert await vigil._before(row) is None
    assert await count(store, "observation") == 0


async def test_rows_of_a_look_at_an_erased_post_go_when_they_are_old(store: Store, clock: HandClock) -> None:
    row = await erased_in_flight(store, clock)
    lost = Sighting(target="market", post_id="1", looked_at=clock.tick(), presence=Presence.UNKNOWN)
    listing = Polls(
        target="market", polled_at=(clock.now(),), posts=(Listed(post_id="9", digest="d", salt="s"),)
    )
    await store.add_sightings([lost], [listing])
    await store.save_watched(
        [replace(row, post_id="2", evidence_id=EvidenceId(""), last_seen_at=clock.now())]
    )
    clock.tick(29 * DAY_S)
    assert (await erasure.apply(store, RULES)).posts == 0
    clock.tick(2 * DAY_S)
    assert (await erasure.apply(store, RULES)).posts == 3
    assert await count(store, "watched") == 0
    assert len(await sightings.of_listing(store.vault, "market")) == 1
    rows = await store.vault.database.rows("SELECT line FROM sighting WHERE line NOT LIKE '#%'")
    assert len(rows) == 1, "only the poll, which names hashes"
    assert (await verify(store)).whole


# --- what is still listed ----------------------------------------------------------------


async def polled(store: Store, clock: HandClock, days: int, *post_ids: str, again: int = 0) -> None:
    """A listing showed these posts once, and `again` days later still, in a line of the same run."""
    clock.tick(days * DAY_S)
    posts = tuple(Listed(post_id=one, digest="d", salt=f"salt of {one}") for one in post_ids)
    polls = Polls(target="market", polled_at=(clock.now(),), body_sha256="b", posts=posts)
    await store.add_sightings([], [polls])
    if again:
        clock.tick(again * DAY_S)
        told = tuple(replace(one, told=True) for one in posts)
        await store.add_sightings([], [replace(polls, polled_at=(clock.now(),), posts=told, told=True)])


async def test_a_post_counts_as_seen_while_a_listing_shows_it(store: Store, clock: HandClock) -> None:
    listed = await judged(store, clock, "1", Tier.NONE)
    dropped = await judged(store, clock, "2", Tier.NONE)
    await polled(store, clock, 1, "1", "2")
    await polled(store, clock, 1, "1", again=38)
    before = (await store.known("market", ["1"]))["1"].last_seen_at
    assert (await erasure.apply(store, RULES)).posts == 1
    assert await gone(store, dropped)
    assert not await gone(store, listed)
    assert (await store.known("market", ["1"]))["1"].last_seen_at == before, "no interval begins later by it"
    clock.tick(29 * DAY_S)
    assert (await erasure.apply(store, RULES)).posts == 0
    clock.tick(2 * DAY_S)
    assert (await erasure.apply(store, RULES)).posts == 1
    assert (await verify(store)).whole


# --- verify beside an erasure -----------------------------------------------------------


@pytest.mark.parametrize("step", [1, 6, 20])
async def test_what_is_erased_while_verify_runs_is_no_damage(
    store: Store, clock: HandClock, step: int
) -> None:
    for number in range(8):
        await judged(store, clock, str(number), Tier.NONE)
    clock.tick(40 * DAY_S)
    loop, begin, done, steps = asyncio.get_running_loop(), asyncio.Event(), threading.Event(), []

    def tell(_done: int, _total: int) -> None:
        steps.append(1)
        if len(steps) == step:
            loop.call_soon_threadsafe(begin.set)
            done.wait(30)

    async def erase() -> int:
        await begin.wait()
        erased = await erasure.apply(store, RULES)
        done.set()
        return erased.posts

    reader = await Store.open_reader(store.folder, clock)
    try:
        erasing = asyncio.create_task(erase())
        beside = await verify(reader, tell)
        assert await erasing == 8
        assert beside.whole, beside.broken
        assert (await verify(reader)).erased == 8
    finally:
        await reader.close()


async def test_a_file_that_a_row_still_names_is_damage(store: Store, clock: HandClock) -> None:
    kept = await judged(store, clock, "1", Tier.NONE)
    store.blobs.path(kept.manifest_sha256).unlink()
    assert {fault.kind for fault in (await verify(store)).broken} == {"blob", "manifest"}
    change(store.folder, "DELETE FROM blob WHERE sha256 = ?", kept.manifest_sha256)
    assert {fault.kind for fault in (await verify(store)).broken} == {"manifest"}


# --- what is left in the folder --------------------------------------------------------------


async def test_words_leave_the_write_ahead_log_once_no_reader_is_busy(store: Store, clock: HandClock) -> None:
    snapshot = look("1", clock.tick(), pictures=0)
    snapshot = replace(snapshot, post=replace(snapshot.post, text="Xylophon"))
    kept = await store.seal(snapshot, watched=watched("1", clock.now()))
    told = judgement(kept, clock.tick(), Tier.NONE)
    await store.record(replace(told, verdict=replace(told.verdict, tier=Tier.NONE)), announce=())
    clock.tick(40 * DAY_S)
    with closing(sqlite3.connect(store.vault.database.path)) as busy:
        busy.execute("BEGIN")
        busy.execute("SELECT count(*) FROM observation").fetchall()
        assert (await erasure.apply(store, RULES)).posts == 1
        assert not await settling.settle(store)
        assert b"Xylophon" in everything(store.folder)
    assert await settling.settle(store)
    assert b"Xylophon" not in everything(store.folder)
    assert await count(store, "erasing") == 0


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_words_leave_the_text_index_after_a_crash_before_it(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(_store: Store) -> None:
        raise RuntimeError("killed")

    async with opened(tmp_path, clock) as store:
        for number in range(3):
            await judged(store, clock, str(number), Tier.NONE)
        clock.tick(40 * DAY_S)
        monkeypatch.setattr(settling, "_merge_search", dies)
        with pytest.raises(RuntimeError, match="killed"):
            await erasure.apply(store, RULES)
        assert await count(store, "observation") == 0
    monkeypatch.undo()
    before = segments_in(tmp_path)
    async with opened(tmp_path, clock) as store:
        assert await count(store, "erasing") == 2
        assert (await erasure.apply(store, RULES)).posts == 0
        assert await count(store, "erasing") == 0
    assert segments_in(tmp_path) < before


def segments_in(folder: Path) -> int:
    """Bytes of the text index's pages: before a merge, erased words stand there beside their deletion."""
    with closing(sqlite3.connect(folder / "nightjar.db")) as connection:
        return int(connection.execute("SELECT sum(length(block)) FROM search_data").fetchone()[0])


async def test_damaged_copies_go_with_their_file(store: Store, clock: HandClock) -> None:
    kept = await judged(store, clock, "1", Tier.NONE)
    store.blobs.damaged.mkdir()
    own, other = (store.blobs.damaged / f"{name}.0" for name in (kept.page_sha256, "0" * 64))
    for path in (own, other):
        path.write_bytes(b"damaged")
    clock.tick(40 * DAY_S)
    assert (await erasure.apply(store, RULES)).posts == 1
    assert (own.exists(), other.exists()) == (False, True)


async def test_files_that_no_row_names_go_when_they_are_old(tmp_path: Path, clock: HandClock) -> None:
    young, old = b"a page whose row a crash prevented", b"another one"
    async with opened(tmp_path, clock) as store:
        await store.blobs.keep({sha256_of(data): data for data in (young, old)})
        kept = await store.seal(look("1", clock.tick()))
        for name, age_s in (
            (sha256_of(young), 0.0),
            (sha256_of(old), 40 * DAY_S),
            (kept.page_sha256, 40 * DAY_S),
        ):
            at = clock.now().timestamp() - age_s
            os.utime(store.blobs.path(name), (at, at))
    async with opened(tmp_path, clock) as store:
        await store.damage()
        await erasure.apply(store, Rules())
        assert store.blobs.has(sha256_of(old)), "no period is set"
        await erasure.apply(store, RULES)
        assert not store.blobs.has(sha256_of(old))
        assert store.blobs.has(sha256_of(young))
        assert (await verify(store)).whole
