"""Authorities are asked for time stamps beside everything else, patiently, and believed only when right.

Real authorities on loopback, a real store, a clock that jumps: hours of waiting pass at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.settings.authorities import TimeAuthority
from bot.timing import MOST_REFUSALS, Timing
from bot.vitals import Vitals
from storage import tokens
from storage.attested import TimeState, Token, TokenState, judge, since
from storage.store import Store
from storage.tables import CheckpointRow
from storage.writer import Batch
from tests.fakes import tsa
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping
from tests.fakes.tsa import Authority

START = datetime(2026, 11, 24, 21, tzinfo=UTC)
pytestmark = pytest.mark.skipif(bool(tsa.missing()), reason=tsa.missing() or "-")


@dataclass
class Desk:
    """A store whose checkpoints are stamped by the authorities `one` and `two`."""

    store: Store
    clock: JumpClock
    one: Authority
    two: Authority
    timing: Timing
    told: list[str] = field(default_factory=list)

    async def checkpoint(self, reason: str = "news") -> int:
        """Log something and make a checkpoint of it; its size."""
        await self.store.log_event("view", {"of": "nothing"})
        size, root = await self.store.root()

        async def job(batch: Batch) -> None:
            note = f"nightjar\n{size}\n{root}\n"
            row = CheckpointRow(
                size=size, root=root, at=self.clock.now(), reason=reason, note=note, frontier=""
            )
            batch.add(row)

        await self.store.vault.submit(job)
        return size

    async def tokens(self, authority: str = "") -> list[Token]:
        found = await tokens.all_of(self.store.vault.database)
        return [token for token in found if authority in ("", token.authority)]

    async def beacons(self) -> list[dict[str, str]]:
        rows = await self.store.vault.database.rows("SELECT entry FROM leaf WHERE kind = 'beacon'")
        return [json.loads(row[0])["facts"] for row in rows]

    async def notes(self) -> dict[int, bytes]:
        rows = await self.store.vault.database.rows("SELECT size, note FROM checkpoint")
        return {row[0]: row[1].encode() for row in rows}


def at_the_desk(folder: Path, play: Callable[[Desk], Awaitable[None]], *, every_s: float = 300.0) -> None:
    async def main(loop: JumpLoop) -> None:
        clock = JumpClock(loop, START)
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(tsa.tsa(folder / "one"))
            two = await stack.enter_async_context(tsa.tsa(folder / "two"))
            store = await Store.open(folder / "data", clock)
            stack.push_async_callback(store.close)
            told: list[str] = []

            async def tell(text: str) -> None:
                told.append(text)

            asked = tuple(
                TimeAuthority(name=name, url=fake.url, roots=fake.root_pem.read_bytes(), every_s=every_s)
                for name, fake in (("one", one), ("two", two))
            )
            timing = Timing(
                store, clock, lambda: asked, vitals=Vitals("127.0.0.1", 0, tuple), tell_admin=tell
            )
            task = asyncio.create_task(timing.run())
            try:
                await play(Desk(store, clock, one, two, timing, told))
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    run_jumping(main)


def test_every_authority_stamps_the_newest_checkpoint(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        size = await desk.checkpoint()
        await desk.clock.sleep(10)
        found = await desk.tokens()
        assert [(token.authority, token.size, token.state) for token in found] == [
            ("one", size, TokenState.WHOLE),
            ("two", size, TokenState.WHOLE),
        ]
        roots = tokens.kept_roots(desk.store.folder)
        verdict = judge(found, await desk.notes(), roots)
        assert verdict.state is TimeState.WHOLE
        assert since(size - 1, verdict) is not None
        assert since(size, verdict) is None  # an entry that came later is not covered
        assert desk.told == []

    at_the_desk(tmp_path, play)


def test_a_token_is_logged_by_its_digest_and_a_swap_is_noticed(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        await desk.checkpoint()
        await desk.clock.sleep(10)
        found = await desk.tokens()
        digests = {hashlib.sha256(token.response).hexdigest() for token in found}
        assert {beacon["sha256"] for beacon in await desk.beacons()} == digests
        assert await tokens.strange(desk.store.vault.database) == ()

        async def swap(batch: Batch) -> None:
            await batch.run("UPDATE token SET response = ? WHERE authority = 'one'", (found[1].response,))
            await batch.run("DELETE FROM token WHERE authority = 'two'")

        await desk.store.vault.submit(swap)
        size = found[0].size
        assert await tokens.strange(desk.store.vault.database) == (
            f"time stamp {size}-one is not the one in the log",
            f"time stamp {size}-two is gone",
        )

    at_the_desk(tmp_path, play)


def test_a_stamp_alone_is_no_news(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        await desk.checkpoint()
        await desk.clock.sleep(10)
        size, root = await desk.store.root()

        async def job(batch: Batch) -> None:
            batch.add(
                CheckpointRow(
                    size=size, root=root, at=desk.clock.now(), reason="news", note="n\n", frontier=""
                )
            )

        await desk.store.vault.submit(job)  # a checkpoint over nothing but the beacons
        await desk.clock.sleep(600)
        assert (desk.one.asked, desk.two.asked) == (1, 1)
        await desk.checkpoint()
        await desk.clock.sleep(10)
        assert (desk.one.asked, desk.two.asked) == (2, 2)

    at_the_desk(tmp_path, play)


def test_quiet_news_is_stamped_every_so_often_and_urgent_news_at_once(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        for _ in range(10):
            await desk.checkpoint()
            await desk.clock.sleep(30)
        assert desk.one.asked == 1
        await desk.clock.sleep(10)
        assert desk.one.asked == 2
        urgent = await desk.checkpoint(tokens.URGENT)
        await desk.clock.sleep(3)
        assert desk.one.asked == 3
        assert (await desk.tokens("one"))[-1].size == urgent

    at_the_desk(tmp_path, play)


def test_an_authority_that_is_down_is_waited_for_and_the_delay_is_kept(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        await desk.one.stop()
        size = await desk.checkpoint()
        await desk.clock.sleep(2000)
        (down,), (well,) = await desk.tokens("one"), await desk.tokens("two")
        assert (down.state, well.state) == (TokenState.WAITING, TokenState.WHOLE)
        assert "cannot be reached" in down.why
        assert well.delay_s is not None
        assert well.delay_s < 5
        assert len(desk.told) == 1
        assert "no time stamp of one" in desk.told[0]
        await desk.one.start()
        await desk.clock.sleep(700)
        (late,) = await desk.tokens("one")
        assert (late.state, late.size) == (TokenState.WHOLE, size)
        assert late.delay_s is not None
        assert 2000 < late.delay_s < 2700
        assert desk.told[1:] == ["one stamps the log with the time again"]

    at_the_desk(tmp_path, play)


def test_while_nobody_answers_the_time_is_pending(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        await desk.one.stop()
        await desk.two.stop()
        await desk.checkpoint()
        await desk.clock.sleep(60)
        verdict = judge(await desk.tokens(), await desk.notes(), tokens.kept_roots(desk.store.folder))
        assert str(verdict).startswith(
            "time pending: one, two asked and not answered yet (it cannot be reached"
        )

    at_the_desk(tmp_path, play)


TROUBLES = {
    "html": "it answered with text/html",
    "huge": "it answered with more than 65536 bytes",
    "busy": "it answered 503",
    "hang": "no answer within 20 s",
}


@pytest.mark.parametrize("mode", TROUBLES)
def test_an_answer_that_is_none_is_waited_out(tmp_path: Path, mode: str) -> None:
    async def play(desk: Desk) -> None:
        desk.one.mode = mode
        await desk.checkpoint()
        await desk.clock.sleep(25)
        (token,) = await desk.tokens("one")
        assert (token.state, token.why) == (TokenState.WAITING, TROUBLES[mode])
        assert (await desk.tokens("two"))[0].state is TokenState.WHOLE
        desk.one.mode = "right"
        await desk.clock.sleep(120)
        assert (await desk.tokens("one"))[0].state is TokenState.WHOLE

    at_the_desk(tmp_path, play)


def test_a_pause_that_was_asked_for_is_kept(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        desk.one.mode = "busy"  # Retry-After: 90
        await desk.checkpoint()
        await desk.clock.sleep(89)
        assert desk.one.asked == 1
        await desk.clock.sleep(10)
        assert desk.one.asked == 2

    at_the_desk(tmp_path, play)


@pytest.mark.parametrize("mode", ["foreign", "wrong_nonce", "wrong_data", "garbage", "truncated", "rejected"])
def test_wrong_answers_are_refused_told_and_never_kept_as_whole(tmp_path: Path, mode: str) -> None:
    async def play(desk: Desk) -> None:
        desk.one.mode = mode
        first = await desk.checkpoint()
        await desk.clock.sleep(400)
        (token,) = await desk.tokens("one")
        assert (token.state, token.attempts) == (TokenState.REFUSED, MOST_REFUSALS)
        assert token.response
        assert any("time stamps of one are refused" in text for text in desk.told)
        assert [beacon["authority"] for beacon in await desk.beacons()] == ["two"]
        desk.one.mode = "right"
        second = await desk.checkpoint()
        await desk.clock.sleep(10)
        states = {token.size: token.state for token in await desk.tokens("one")}
        assert states == {first: TokenState.REFUSED, second: TokenState.WHOLE}

    at_the_desk(tmp_path, play)


def test_a_replayed_token_is_refused(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        await desk.checkpoint()
        await desk.clock.sleep(10)
        desk.one.mode = "replay"
        await desk.checkpoint(tokens.URGENT)
        await desk.clock.sleep(10)
        old, new = await desk.tokens("one")
        assert (old.state, new.state) == (TokenState.WHOLE, TokenState.WAITING)
        assert new.why == "Nonce mismatch"

    at_the_desk(tmp_path, play)


def test_every_request_has_a_nonce_of_its_own(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        desk.one.mode = "busy"
        await desk.checkpoint()
        await desk.clock.sleep(600)
        assert len(set(desk.one.queries)) == desk.one.asked > 2

    at_the_desk(tmp_path, play)


def test_a_long_outage_keeps_a_bounded_queue_with_the_newest(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tokens, "MOST_WAITING", 4)

    async def play(desk: Desk) -> None:
        await desk.one.stop()
        sizes = []
        for _ in range(7):
            sizes.append(await desk.checkpoint(tokens.URGENT))
            await desk.clock.sleep(10)
        assert [token.size for token in await desk.tokens("one")] == sizes[-4:]
        await desk.one.start()
        await desk.clock.sleep(300)
        assert {token.state for token in await desk.tokens("one")} == {TokenState.WHOLE}

    at_the_desk(tmp_path, play)


def test_what_was_asked_before_a_stop_is_asked_again(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        desk.one.mode = "hang"
        await desk.checkpoint()
        await desk.clock.sleep(5)  # asked, and not answered when the lanes are ended
        desk.one.mode = "right"
        desk.timing.changed()
        await desk.clock.sleep(5)
        (token,) = await desk.tokens("one")
        assert (token.state, token.attempts) == (TokenState.WHOLE, 2)

    at_the_desk(tmp_path, play)


def test_a_disk_that_leaves_no_room_to_check_delays_the_token(tmp_path: Path, monkeypatch: Any) -> None:
    async def play(desk: Desk) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
            await desk.checkpoint()
            await desk.clock.sleep(10)
        (token,) = await desk.tokens("one")
        assert token.state is TokenState.WAITING
        assert "a time stamp could not be checked" in token.why
        assert desk.one.asked == 1
        await desk.clock.sleep(60)
        assert (await desk.tokens("one"))[0].state is TokenState.WHOLE

    at_the_desk(tmp_path, play)


def test_an_authority_that_is_no_longer_configured_waits_for_nothing(tmp_path: Path) -> None:
    async def play(desk: Desk) -> None:
        await desk.one.stop()
        await desk.checkpoint()
        await desk.clock.sleep(60)
        waiting = desk.timing._vitals.time_stamps_waiting
        assert waiting.labels("one")._value.get() == 1
        desk.timing._authorities = tuple
        desk.timing.changed()
        await desk.clock.sleep(60)
        assert not next(iter(waiting.collect())).samples

    at_the_desk(tmp_path, play)


@pytest.mark.parametrize(
    ("last_at", "urgent", "news", "wanted"),
    [
        (None, False, True, True),
        (START, False, True, False),
        (START - timedelta(minutes=5), False, True, True),
        (START, True, True, True),
        (START - timedelta(minutes=5), True, False, False),
    ],
)
def test_when_a_checkpoint_is_stamped(
    last_at: datetime | None, urgent: bool, news: bool, wanted: bool
) -> None:
    newest = tokens.Newest(size=9, last_size=7, last_at=last_at, is_urgent=urgent, has_news=news)
    assert tokens.is_wanted(newest, timedelta(minutes=5), START) is wanted
