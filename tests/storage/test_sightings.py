"""Looks that are no evidence of their own: lines, roots, and polls gathered into them."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import sightings
from storage.casefile import verify
from storage.codec import canonical
from storage.model import Listed, Polls, Presence, Sighting, sha256_of
from storage.store import Store
from storage.tree import leaf_hash, path_of, root_by_path
from tests.storage.kit import DUSK, HandClock
from tests.watch.kit import answered
from watchers.heartbeats import AT_ONCE, GATHER, MOST_WAITING, Heartbeats, Pairs
from watchers.sameness import tag

PAIRS: Pairs = tuple((f"post-{n}", hashlib.sha256(f"{n}".encode()).hexdigest()) for n in range(7))
POSTS = tuple(Listed(post_id=i, digest=d, salt=f"{n:032x}") for n, (i, d) in enumerate(PAIRS))
LOOK = Sighting(
    target="market", post_id="post-1", looked_at=DUSK, presence=Presence.ALIVE, status=200, digest="a" * 64
)


def at(minutes: float) -> datetime:
    return DUSK + timedelta(minutes=minutes)


async def test_a_look_is_kept_with_the_digest_of_what_was_read(store: Store) -> None:
    await store.add_sightings([LOOK])
    assert await sightings.of_post(store.vault, "market", "post-1") == (LOOK,)
    (row,) = await store.vault.database.rows("SELECT line FROM sighting")
    assert json.loads(row[0])["digest"] == "a" * 64


@given(st.tuples(*[st.text(st.characters(exclude_categories=()))] * 4))
def test_the_line_of_a_listed_post_is_the_canonical_form_of_its_four_words(words: tuple[str, ...]) -> None:
    target, post_id, digest, salt = words
    listed = Listed(post_id=post_id, digest=digest, salt=salt)
    document = {"target": target, "post_id": post_id, "digest": digest, "salt": salt}
    assert sightings.listed_line(target, listed).encode() == canonical(document)


async def test_looks_and_polls_of_one_moment_are_one_leaf(store: Store) -> None:
    polls = Polls(target="market", polled_at=(DUSK, at(1)), not_modified=1, posts=POSTS)
    await store.add_sightings([LOOK], [polls])
    rows = await store.vault.database.rows("SELECT kind, entry FROM leaf")
    lines = [row[0] for row in await store.vault.database.rows("SELECT line FROM sighting ORDER BY id")]
    (entry,) = [json.loads(row[1]) for row in rows]
    assert (rows[0][0], entry["count"]) == ("sightings", 2 + len(POSTS))
    assert entry["root"] == sightings.root_of_lines(lines)
    assert await sightings.of_post(store.vault, "market", "post-1") == (LOOK,)
    assert await sightings.of_listing(store.vault, "market") == (sightings.polls_line(polls),)
    assert (await verify(store)).broken == ()


async def test_a_changed_line_of_polls_is_found(store: Store) -> None:
    await store.add_sightings([], [Polls(target="market", polled_at=(DUSK,), posts=POSTS)])
    await store.vault.submit(
        lambda batch: batch.run("UPDATE sighting SET line = replace(line, 'market', 'markat')")
    )
    assert {fault.kind for fault in (await verify(store)).broken} == {"sightings"}


def test_one_post_of_a_poll_can_be_shown_without_the_others() -> None:
    line = json.loads(sightings.polls_line(Polls(target="market", polled_at=(DUSK,), posts=POSTS)))
    leaves = [bytes.fromhex(hashed) for hashed in line["posts"]]
    shown = sightings.listed_line("market", POSTS[4])
    assert leaf_hash(shown.encode()) == leaves[4]
    assert root_by_path(leaves[4], 4, len(leaves), path_of(4, leaves)).hex() == line["posts_root"]


async def test_what_a_listing_showed_of_a_post_is_a_line_of_that_post_alone(store: Store) -> None:
    await store.add_sightings([LOOK], [Polls(target="market", polled_at=(DUSK,), posts=POSTS)])
    again = tuple(replace(listed, told=True) for listed in POSTS)
    await store.add_sightings([], [Polls(target="market", polled_at=(at(9),), posts=again, told=True)])
    key = sightings.key_of("market", "post-3")
    rows = await store.vault.database.rows("SELECT line FROM sighting WHERE post_key = ?", (key,))
    assert [row[0] for row in rows] == [sightings.listed_line("market", POSTS[3])]
    for line in await sightings.of_listing(store.vault, "market"):
        assert "post-3" not in line
        assert POSTS[3].digest not in line
    assert await sightings.of_post(store.vault, "market", "post-1") == (LOOK,)


def test_the_pairs_stand_in_the_first_line_alone() -> None:
    first = Polls(target="market", polled_at=(DUSK,), posts=POSTS)
    again = json.loads(sightings.polls_line(replace(first, told=True)))
    assert "posts" not in again
    assert again["posts_root"] == json.loads(sightings.polls_line(first))["posts_root"]
    assert again["posts_count"] == len(POSTS)


@pytest.mark.parametrize("post_id", ["", "market", "\0"])
def test_no_post_shares_the_key_of_its_listing(post_id: str) -> None:
    assert sightings.key_of("market", post_id) != sightings.listing_key("market")


# --- gathering ------------------------------------------------------------------------


def test_what_is_shown_first_is_written_at_once_and_equal_polls_after_five_minutes() -> None:
    beats = Heartbeats()
    written: list[Polls] = []
    for half_minutes in range(40):
        moment = at(half_minutes / 2)
        beats.note("market", answered(moment, b"b"), tag(b"b"), PAIRS)
        written += beats.due(moment)
    assert [len(p.polled_at) for p in written] == [1, 11, 11, 11]
    assert [p.told for p in written] == [False, True, True, True]
    assert all(p.body_sha256 == sha256_of(b"b") for p in written)
    assert written[1].polled_at[-1] - written[1].polled_at[0] == GATHER


def test_another_listing_ends_a_run() -> None:
    beats = Heartbeats()
    beats.note("market", answered(at(0), b"b"), tag(b"b"), PAIRS)
    beats.due(at(0))
    beats.note("market", answered(at(1)), b"", PAIRS)
    beats.note("market", answered(at(2), b"c"), tag(b"c"), PAIRS[1:])
    old, new = beats.due(at(2))
    assert (pairs_of(old), old.told, old.not_modified, old.body_sha256) == (PAIRS, True, 1, "")
    assert (pairs_of(new), new.told, new.not_modified, new.body_sha256) == (
        PAIRS[1:],
        False,
        0,
        sha256_of(b"c"),
    )
    assert all(listed.told for listed in (*old.posts, *new.posts))
    assert old.posts[1:] == new.posts  # salts stay, or a post would be told twice
    assert beats.due(at(2)) == ()


def pairs_of(polls: Polls) -> Pairs:
    return tuple((listed.post_id, listed.digest) for listed in polls.posts)


def test_a_post_that_is_new_in_a_listing_alone_gets_a_line() -> None:
    beats = Heartbeats()
    beats.note("market", answered(at(0)), b"", PAIRS[1:])
    beats.note("market", answered(at(1)), b"", PAIRS)
    first, second = beats.due(at(1))
    assert [listed.told for listed in first.posts] == [False] * 6
    assert [listed.told for listed in second.posts] == [False] + [True] * 6
    assert len({listed.salt for listed in second.posts}) == 7


def test_bodies_that_differ_while_the_posts_do_not_name_no_body() -> None:
    beats = Heartbeats()
    for number in range(3):
        beats.note("market", answered(at(number), b"%d" % number), tag(b"%d" % number), PAIRS)
    (polls,) = beats.due(at(3))
    assert (polls.body_sha256, len(polls.polled_at)) == ("", 3)


def test_a_disk_that_refuses_for_hours_costs_bounded_memory() -> None:
    beats = Heartbeats()
    for number in range(MOST_WAITING + 50):
        beats.note("market", answered(at(number)), b"", ((f"{number}", "d" * 64),))
    assert sum(map(len, iter(lambda: beats.due(at(0)), ()))) == MOST_WAITING + 1


def test_lines_of_many_targets_are_handed_over_in_parts_and_each_once() -> None:
    beats, moment = Heartbeats(), at(0) + timedelta(microseconds=123_457)
    names = {f"market-{number}" for number in range(10 * AT_ONCE)}
    for name in sorted(names):
        beats.note(name, answered(moment), b"", PAIRS)
    parts = list(iter(lambda: beats.due(moment), ()))
    assert max(map(len, parts)) <= AT_ONCE  # all at once they hold the loop for half a second
    found = [one for part in parts for one in part]
    assert len(found) == len(names)
    assert {one.target for one in found} == names
    assert {one.polled_at for one in found} == {(moment,)}


def test_what_is_due_is_found_without_a_look_at_all_others() -> None:
    def cost(targets: int) -> float:
        beats = Heartbeats()
        for number in range(targets):
            beats.note(f"market-{number}", answered(at(0)), b"", PAIRS)
        while beats.due(at(0)):
            pass
        for number in range(targets):
            beats.note(f"market-{number}", answered(at(1)), b"", PAIRS)
        began = time.process_time()
        for _ in range(200):
            assert beats.due(at(2)) == ()
        return time.process_time() - began

    assert min(cost(10_000) for _ in range(3)) < 10 * min(cost(10) for _ in range(3))


async def test_every_poll_of_a_quiet_hour_is_in_the_log_once(store: Store, clock: HandClock) -> None:
    beats, polled = Heartbeats(), []
    for _ in range(120):
        moment = clock.tick(30)
        polled.append(moment)
        beats.note("market", answered(moment), b"", PAIRS)
        if due := beats.due(moment):
            await store.add_sightings([], due)
    lines = [json.loads(line) for line in await sightings.of_listing(store.vault, "market")]
    told = [datetime.fromisoformat(text) for line in lines for text in line["polled_at"]]
    assert told == polled[: len(told)]
    assert polled[-1] - told[-1] < GATHER
    assert len(lines) < 15
