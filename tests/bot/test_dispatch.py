"""Deliveries over a real store: once, in order, urgent first, through faults and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.channel import Card
from bot.dispatch import Dispatcher, Line
from storage.errors import NotSent, Uncertain, Unsendable
from storage.model import Alert, AlertKind, Delivery, Judgement, Observation, Snapshot, Tier, Watched
from storage.patience import DiskWatch
from storage.store import Store
from tests.fakes import words
from tests.fakes.jump import JumpClock, JumpLoop, run_jumping


class FakeChannel:
    """Keeps what people would have seen; `errors` are raised one by one before anything is told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.told: list[tuple[Delivery, Card]] = []
        self.tries = 0

    async def send(self, delivery: Delivery, card: Card) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        self.told.append((delivery, card))
        return f"r{len(self.told)}"

    async def close(self) -> None:
        """Nothing."""


class Tally:
    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def delivered(self, channel: str, outcome: str, tier: str, took_s: float) -> None:
        self.outcomes.append(outcome)


async def no_sheet(_alert: Alert) -> bytes:
    return b""


async def alerted(store: Store, number: int, tier: Tier = Tier.HIGH, **more: object) -> Alert:
    """Seal a post and record an alerting verdict, as the watch would."""
    post = words.post(f"p{number}", title=f"offer {number}")
    now = store.clock.now()
    snapshot = Snapshot(
        target="market",
        target_digest="",
        observation=Observation.SEEN,
        post=post,
        listing=None,
        page=words.response(b"page %d" % number),
        pictures=(),
        listed_at=now,
        captured_at=now,
    )
    row = Watched(
        target="market",
        post_id=post.post_id,
        url=post.url,
        digest="d",
        evidence_id="",  # type: ignore[arg-type]
        first_seen_at=now,
        last_seen_at=now,
    )
    sealed = await store.seal(snapshot, watched=row)
    judgement = Judgement(evidence=sealed, verdict=words.verdict(tier), judged_at=now)
    alert = await store.record(judgement, announce=("c",), **more)  # type: ignore[arg-type]
    assert alert is not None
    return alert


def night(folder: Path, body: Callable[[Store, JumpClock], object]) -> None:
    async def main(loop: JumpLoop) -> None:
        clock = JumpClock(loop, words.NIGHT)
        store = await Store.open(folder, clock)
        try:
            await body(store, clock)  # type: ignore[misc]
        finally:
            await store.close()

    run_jumping(main)


async def run_for(
    store: Store, clock: JumpClock, channel: FakeChannel, seconds: float, *, repeatable: bool = False
) -> Tally:
    tally = Tally()
    lines = {"c": Line(channel=channel, wants_sheet=False, repeatable=repeatable)}
    dispatcher = Dispatcher(
        store, lines, clock, sheet=no_sheet, tally=tally, disk=DiskWatch(clock), admin=("c",)
    )
    task = asyncio.create_task(dispatcher.run())
    await clock.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return tally


def test_urgent_goes_first_and_each_alert_once(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        await alerted(store, 1, Tier.NORMAL)
        await alerted(store, 2, Tier.HIGH)
        await alerted(store, 3, Tier.URGENT)
        channel = FakeChannel()
        await run_for(store, clock, channel, 10)
        await run_for(store, clock, channel, 10)
        assert [d.alert.tier for d, _ in channel.told] == [Tier.URGENT, Tier.HIGH, Tier.NORMAL]

    night(tmp_path, body)


def test_a_named_pause_is_kept_in_full_and_nothing_is_lost(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        await alerted(store, 1)
        channel = FakeChannel(NotSent("429", retry_after_s=300))
        await run_for(store, clock, channel, 299)
        assert (channel.tries, channel.told) == (1, [])
        await run_for(store, clock, channel, 10)
        assert len(channel.told) == 1

    night(tmp_path, body)


def test_an_outage_of_two_hours_is_waited_out_and_urgent_leads_afterwards(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        until = clock.now() + timedelta(hours=2)

        class Down(FakeChannel):
            async def send(self, delivery: Delivery, card: Card) -> str:
                if clock.now() < until:
                    raise NotSent("not reachable")
                return await super().send(delivery, card)

        channel = Down()
        for number in range(30):
            await alerted(store, number, Tier.URGENT if number == 20 else Tier.NORMAL)
        await run_for(store, clock, channel, 7_300)
        assert len(channel.told) == 30
        assert channel.told[0][0].alert.tier is Tier.URGENT

    night(tmp_path, body)


def test_a_webhook_that_is_down_for_long_is_told_to_the_operators_once_and_when_it_is_over(
    tmp_path: Path,
) -> None:
    """Failed before: its rows waited, and only `status` showed it."""

    async def body(store: Store, clock: JumpClock) -> None:
        begin = clock.now()

        class Down(FakeChannel):
            async def send(self, delivery: Delivery, card: Card) -> str:
                if clock.now() < begin + timedelta(minutes=10):
                    raise NotSent("connection refused")
                return await super().send(delivery, card)

        channel, operators = Down(), FakeChannel()
        lines = {
            "c": Line(channel=channel, wants_sheet=False, repeatable=True),
            "operators": Line(channel=operators, wants_sheet=False, repeatable=True),
        }
        dispatcher = Dispatcher(
            store, lines, clock, sheet=no_sheet, tally=Tally(), disk=DiskWatch(clock), admin=("operators",)
        )
        await alerted(store, 1)
        await alerted(store, 2)
        task = asyncio.create_task(dispatcher.run())
        await clock.sleep(25)
        assert operators.told == []
        await clock.sleep(1_200)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        said = [delivery.alert.notice for delivery, _ in operators.told]
        assert len(said) == 2
        assert said[0].startswith("channel c cannot be reached since ")
        assert said[0].endswith("2 alerts wait; there is no fallback (connection refused)")
        assert said[1].startswith("channel c is told again, after 1")
        assert len(channel.told) == 2

    night(tmp_path, body)


def test_a_lost_answer_is_repeated_with_a_warning_where_people_would_see_it_twice(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        await alerted(store, 1)
        channel = FakeChannel(Uncertain("reset"))
        await run_for(store, clock, channel, 30)
        assert "possible repeat" in channel.told[0][1].text
        await alerted(store, 2)
        keyed = FakeChannel(Uncertain("reset"))
        await run_for(store, clock, keyed, 30, repeatable=True)
        assert "possible repeat" not in keyed.told[0][1].text

    night(tmp_path, body)


def test_a_delivery_that_a_kill_left_open_goes_out_after_the_restart(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        await alerted(store, 1)
        (due,) = await store.deliveries_due("c", clock.now())
        await store.mark_sending(due.delivery_id, clock.now())  # and here the power went
        channel = FakeChannel()
        await run_for(store, clock, channel, 30)
        assert len(channel.told) == 1
        assert "possible repeat" in channel.told[0][1].text

    night(tmp_path, body)


def test_an_alert_refused_for_good_does_not_hold_up_the_others_and_the_admin_is_told(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        await alerted(store, 1)
        await alerted(store, 2)
        other = FakeChannel()
        channel = FakeChannel(Unsendable("400"))
        lines = {
            "c": Line(channel=channel, wants_sheet=False, repeatable=False),
            "admin": Line(channel=other, wants_sheet=False, repeatable=False),
        }
        dispatcher = Dispatcher(
            store, lines, clock, sheet=no_sheet, tally=Tally(), disk=DiskWatch(clock), admin=("admin",)
        )
        task = asyncio.create_task(dispatcher.run())
        await clock.sleep(90)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [d.alert.evidence.post.title for d, _ in channel.told] == ["offer 2"]  # type: ignore[union-attr]
        assert [d.alert.kind for d, _ in other.told] == [AlertKind.NOTICE]

    night(tmp_path, body)


def test_a_hanging_channel_is_cut_and_the_delivery_counts_as_uncertain(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        await alerted(store, 1)

        class Hangs(FakeChannel):
            async def send(self, delivery: Delivery, card: Card) -> str:
                self.tries += 1
                if self.tries == 1:
                    await asyncio.sleep(3_600)
                return await super().send(delivery, card)

        channel = Hangs()
        tally = await run_for(store, clock, channel, 120)
        assert tally.outcomes == ["uncertain", "delivered"]

    night(tmp_path, body)


def test_a_revision_follows_its_card_with_the_receipt_of_the_card(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        first = await alerted(store, 1)
        channel = FakeChannel(NotSent("429", retry_after_s=60))
        assert first.evidence is not None
        edited = replace(words.post("p1", title="offer 1, now cheaper"))
        now = clock.now()
        snapshot = Snapshot(
            target="market",
            target_digest="",
            observation=Observation.CHANGED,
            post=edited,
            listing=None,
            page=words.response(b"edited"),
            pictures=(),
            listed_at=now,
            captured_at=now,
            previous=first.evidence.evidence_id,
        )
        row = (await store.known("market", ["p1"]))["p1"]
        sealed = await store.seal(snapshot, watched=row)
        await store.record(
            Judgement(evidence=sealed, verdict=words.verdict(), judged_at=now), announce=("c",)
        )
        await run_for(store, clock, channel, 120)
        kinds = [(d.alert.kind, d.previous_receipt) for d, _ in channel.told]
        assert kinds == [(AlertKind.NEW, ""), (AlertKind.CHANGED, "r1")]

    night(tmp_path, body)


def test_the_quieter_word_on_an_item_goes_out_before_the_louder_one(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        first = await alerted(store, 1, Tier.NORMAL)
        await alerted(store, 2, Tier.HIGH)
        assert first.evidence is not None
        now = clock.now()
        snapshot = Snapshot(
            target="market",
            target_digest="",
            observation=Observation.CHANGED,
            post=words.post("p1", title="offer 1, plainer"),
            listing=None,
            page=words.response(b"edited"),
            pictures=(),
            listed_at=now,
            captured_at=now,
            previous=first.evidence.evidence_id,
        )
        row = (await store.known("market", ["p1"]))["p1"]
        sealed = await store.seal(snapshot, watched=row)
        louder = Judgement(evidence=sealed, verdict=words.verdict(Tier.URGENT), judged_at=now)
        await store.record(louder, announce=("c",))
        channel = FakeChannel()
        await run_for(store, clock, channel, 10)
        told = [(d.alert.evidence.post.post_id, d.alert.tier) for d, _ in channel.told]  # type: ignore[union-attr]
        assert told == [("p1", Tier.NORMAL), ("p1", Tier.URGENT), ("p2", Tier.HIGH)]

    night(tmp_path, body)


def test_a_stop_that_drains_beside_the_lane_tells_nobody_twice(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        class Slow(FakeChannel):
            async def send(self, delivery: Delivery, card: Card) -> str:
                await clock.sleep(0.5)
                return await super().send(delivery, card)

        channel = Slow()
        lines = {"c": Line(channel=channel, wants_sheet=False, repeatable=False)}
        dispatcher = Dispatcher(
            store, lines, clock, sheet=no_sheet, tally=Tally(), disk=DiskWatch(clock), admin=("c",)
        )
        for number in range(6):
            await alerted(store, number)
        lane = asyncio.create_task(dispatcher.run())
        await clock.sleep(0.2)
        await dispatcher.drain(30)
        lane.cancel()
        await asyncio.gather(lane, return_exceptions=True)
        ids = [d.alert.alert_id for d, _ in channel.told]
        assert len(ids) == len(set(ids)) == 6

    night(tmp_path, body)


def test_an_edit_that_tones_a_post_down_is_told_where_its_card_stands(tmp_path: Path) -> None:
    async def body(store: Store, clock: JumpClock) -> None:
        first = await alerted(store, 1)
        assert first.evidence is not None
        now = clock.now()
        snapshot = Snapshot(
            target="market",
            target_digest="",
            observation=Observation.CHANGED,
            post=words.post("p1", title="a bicycle"),
            listing=None,
            page=words.response(b"edited"),
            pictures=(),
            listed_at=now,
            captured_at=now,
            previous=first.evidence.evidence_id,
        )
        row = (await store.known("market", ["p1"]))["p1"]
        sealed = await store.seal(snapshot, watched=row)
        milder = Judgement(evidence=sealed, verdict=words.verdict(Tier.NONE, score=3), judged_at=now)
        await store.record(milder, announce=())
        channel = FakeChannel()
        await run_for(store, clock, channel, 10)
        assert [d.alert.kind for d, _ in channel.told] == [AlertKind.NEW, AlertKind.CHANGED]

    night(tmp_path, body)
