"""Vigil rows, sightings and progress: upserts that keep what must not be lost."""

from __future__ import annotations

import json
import time
from dataclasses import fields, replace
from datetime import timedelta

from bench._looks import TARGET, look, watched
from storage.model import Presence, Progress, Sighting, Validators, Watched
from storage.sightings import of_post, root_of_lines
from storage.store import Store
from storage.tables import WatchedRow
from storage.tree import Frontier, leaf_hash
from tests.storage.kit import DUSK, HandClock


def test_every_field_of_a_watched_post_has_its_column() -> None:
    columns = set(WatchedRow._meta.fields_map) - {"post_key"}
    assert columns == {f.name for f in fields(Watched)}


async def test_rows_come_back_as_they_were_saved(store: Store, clock: HandClock) -> None:
    sealed = await store.seal(look("1", clock.now()))
    full = Watched(
        target=TARGET,
        post_id="1",
        url="https://e.org/1",
        digest="d" * 64,
        evidence_id=sealed.evidence_id,
        first_seen_at=clock.now(),
        last_seen_at=clock.tick(5),
        next_look_at=clock.tick(5),
        looks=3,
        first_missing_at=clock.tick(5),
        missing_looks=2,
        missing_class="404",
        matched=True,
        closed=True,
        page_digest="p" * 64,
        incomplete=True,
    )
    bare = watched("2", clock.now())
    await store.save_watched([full, bare])
    assert await store.known(TARGET, ["1", "2", "3"]) == {"1": full, "2": bare}
    assert await store.known("other", ["1"]) == {}
    assert await store.known(TARGET, []) == {}
    await store.save_watched([])


async def test_what_is_known_better_survives_an_older_copy(store: Store, clock: HandClock) -> None:
    old = watched("1", clock.now())
    sealed = await store.seal(look("1", clock.tick()), watched=old)
    await store.save_watched([replace(old, matched=True)])
    await store.save_watched([replace(old, looks=9, first_seen_at=clock.tick(99))])
    row = (await store.known(TARGET, ["1"]))["1"]
    assert row.matched
    assert row.evidence_id == sealed.evidence_id
    assert row.first_seen_at == old.first_seen_at
    assert row.looks == 9


async def test_due_posts_come_longest_overdue_first(store: Store, clock: HandClock) -> None:
    at = clock.now()
    rows = [replace(watched(str(n), at), next_look_at=at + timedelta(seconds=n)) for n in (3, 1, 2, 9)]
    await store.save_watched([*rows, replace(watched("0", at), next_look_at=None)])
    due = await store.vigils_due(at + timedelta(seconds=3))
    assert [row.post_id for row in due] == ["1", "2", "3"]
    assert [row.post_id for row in await store.vigils_due(at + timedelta(seconds=3), limit=1)] == ["1"]
    assert await store.next_look() == at + timedelta(seconds=1)


async def test_open_vigils_are_those_not_closed(store: Store, clock: HandClock) -> None:
    closed = replace(watched("2", clock.now()), closed=True, next_look_at=None)
    await store.save_watched([watched("1", clock.now()), closed])
    assert [row.post_id for row in await store.vigils_open(TARGET)] == ["1"]
    assert await store.vigils_open("other") == ()


async def test_hastened_posts_are_due_at_once(store: Store, clock: HandClock) -> None:
    later = clock.now() + timedelta(hours=6)
    at = clock.now()
    rows = [
        replace(watched("slow", at), next_look_at=later),
        replace(watched("closed", at), next_look_at=None, closed=True),
        replace(watched("unwatched", at), next_look_at=None),
        replace(watched("overdue", at), next_look_at=at - timedelta(hours=1)),
    ]
    await store.save_watched(rows)
    names = [row.post_id for row in rows]
    await store.hasten(TARGET, names, at, only_watched=True)
    assert [row.post_id for row in await store.vigils_due(at)] == ["overdue", "slow"]
    assert (await store.known(TARGET, ["overdue"]))["overdue"].next_look_at == at - timedelta(hours=1)
    await store.hasten(TARGET, names, at)
    assert {row.post_id for row in await store.vigils_due(at)} == set(names)


async def test_progress_comes_back_whole(store: Store, clock: HandClock) -> None:
    one = Progress(
        target=TARGET,
        validators=Validators(etag='W/"7"', last_modified="Tue, 24 Nov 2026 21:00:00 GMT"),
        last_poll_at=clock.now(),
        health="ok",
        usual_yield=1.25,
        extra=(("cursor", "夜"),),
    )
    two = Progress(target="b")
    await store.save_progress([one, two])
    await store.save_progress([replace(two, polls=7), replace(two, polls=8)])
    assert await store.load_progress() == {TARGET: one, "b": replace(two, polls=8)}


def sighting(post_id: str, second: int, presence: Presence = Presence.ALIVE) -> Sighting:
    return Sighting(
        target=TARGET,
        post_id=post_id,
        looked_at=DUSK + timedelta(seconds=second),
        presence=presence,
        status=200,
        control="https://e.org/9",
        why="第一次",
    )


async def test_looks_are_kept_and_their_batch_is_one_leaf(store: Store) -> None:
    batch = [sighting("1", 1), sighting("2", 2), sighting("1", 3, Presence.GONE_404)]
    await store.add_sightings(batch)
    await store.add_sightings([])
    assert await of_post(store.vault, TARGET, "1") == (batch[0], batch[2])
    (row,) = await store.vault.database.rows("SELECT kind, entry FROM leaf")
    entry = json.loads(row["entry"])
    assert (row["kind"], entry["count"]) == ("sightings", 3)
    lines = [line for (line,) in await store.vault.database.rows("SELECT line FROM sighting ORDER BY id")]
    assert entry["root"] == root_of_lines(lines)
    assert entry["root"] == Frontier().extend(leaf_hash(t.encode()) for t in lines).root().hex()


async def test_five_hundred_ids_are_known_in_milliseconds(store: Store, clock: HandClock) -> None:
    ids = [f"post-{n}" for n in range(20_000)]
    await store.save_watched([watched(post_id, clock.now()) for post_id in ids])
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        found = await store.known(TARGET, ids[::40])
        best = min(best, time.process_time() - started)
    assert len(found) == 500
    assert best < 0.1  # processor time; measured 6 ms, this only catches a scan
