"""Why a look that found a post gone does not end its interval, from what is kept."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bench._looks import look, watched
from bot.commands.out import Out
from bot.commands.show import _watched
from bot.desk.findings import case
from bot.desk.tongue import Tongue
from storage.casefile import show
from storage.dossier import Casefile
from storage.model import Lifetime, Listed, Observation, Polls, Presence, Sighting
from storage.package.report_post import View, post
from storage.store import Store
from tests.storage.kit import HandClock, opened

MINE = Listed(post_id="1", digest="d", salt="s" * 32)
OTHER = Listed(post_id="2", digest="e", salt="t" * 32)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    async with opened(tmp_path / "data", clock) as one:
        yield one


async def polled(store: Store, at: datetime, *posts: Listed) -> None:
    await store.add_sightings([], [Polls(target="market", polled_at=(at,), posts=posts)])


async def gone(store: Store, at: datetime) -> None:
    seen = Sighting(
        target="market", post_id="1", looked_at=at, presence=Presence.GONE_404, control="https://e.org/2"
    )
    await store.add_sightings([seen])


async def vanished(store: Store, clock: HandClock, *, listed: bool) -> tuple[Casefile, list[datetime]]:
    """A post whose first missing look came before the last listing that showed it, and the instants."""
    first = await store.seal(look("1", clock.now()), watched=watched("1", clock.now()))
    at = [clock.tick(10) for _ in range(5)]
    if listed:
        await polled(store, at[0], MINE, OTHER)
        await polled(store, at[1], replace(MINE, told=True), replace(OTHER, told=True))
    await gone(store, at[2])
    await polled(store, at[3], replace(OTHER, told=listed))
    await gone(store, at[4])
    life = Lifetime(last_seen_at=first.captured_at, first_missing_at=at[4], missing_class="404")
    missing = replace(look("1", clock.tick(), pictures=0), observation=Observation.MISSING)
    kept = await store.seal(replace(missing, previous=first.evidence_id), lifetime=life)
    return await show(store, kept.evidence_id), at


async def test_a_look_before_the_end_names_the_last_listing_that_still_showed_the_post(
    store: Store, clock: HandClock
) -> None:
    file, at = await vanished(store, clock, listed=True)
    ((looked_at, listed_at),) = ((one.looked_at, one.listed_at) for one in file.doubted)
    assert (looked_at, listed_at) == (at[2], at[1])
    assert file.doubted[0].against == f"a listing polled at {at[1]:%H:%M:%S} still showed it"


async def test_without_a_listing_it_is_said_that_none_had_been_read(store: Store, clock: HandClock) -> None:
    file, _ = await vanished(store, clock, listed=False)
    assert [one.listed_at for one in file.doubted] == [None]
    assert "no listing" in file.doubted[0].against


async def test_report_show_and_chat_say_why_it_does_not_count(store: Store, clock: HandClock) -> None:
    file, at = await vanished(store, clock, listed=True)
    html = post(1, [file], {}, View(thumbs={}))
    assert "Earlier look, does not count" in html
    assert f"{at[1]:%H:%M:%S}" in html.split("still showed the post", 1)[1][:200]
    screen = io.StringIO()
    _watched(Out(stream=screen), file)
    told = " ".join(screen.getvalue().split())
    assert f"does not count: a listing polled at {at[1]:%H:%M:%S} still showed it" in told
    assert "still showed it" in case(file, (), Tongue("en")).text
    assert "仍显示该帖" in case(file, (), Tongue("zh-Hans")).text
