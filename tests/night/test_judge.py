"""The judge gives a perfect night full marks, and notices every way in which one is spoilt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nightmarket import reach
from nightmarket.exports import spoken
from nightmarket.judge import judge, percentile
from nightmarket.model import Span
from nightmarket.world import make
from tests.night.ideal import Night, watch


@pytest.fixture(scope="module")
def night() -> Night:
    return watch(make(3))


def _seen(night: Night) -> int:
    """Index of the evidence of a capturable illicit post with a picture."""
    good = {a.key for a in night.world.adverts if a.illicit and a.pictures and not a.edits}
    spans = reach.open_spans(night.world)
    return next(
        i
        for i, h in enumerate(night.held)
        if h.observation == "seen"
        and len(h.text) > 5
        and f"{h.target}/{h.post_id}" in good
        and reach.longest_s(spans[f"{h.target}/{h.post_id}"]) > 300
    )


def _without(night: Night, index: int) -> list:  # type: ignore[type-arg]
    return [h for i, h in enumerate(night.held) if i != index]


def _changed(night: Night, index: int, **changes: object) -> list:  # type: ignore[type-arg]
    held = list(night.held)
    held[index] = replace(held[index], **changes)
    return held


def test_a_perfect_night_gets_full_marks(night: Night) -> None:
    score = judge(night.exhibits())
    everything = score.everything
    assert everything.posts == len(night.world.adverts) == 2000
    assert everything.captured_capturable == everything.capturable > 1200, score.missed[:5]
    assert everything.captured / everything.posts > 0.97 * everything.ceiling
    assert score.deletions.reported > 800
    assert not score.deletions.false
    assert not score.deletions.outside
    assert score.deletions.inside_share == 1.0
    assert score.alerts.expected > 15
    assert not score.alerts.lost
    assert not score.alerts.doubled
    assert score.alerts.high_true == score.alerts.high_told > 15
    assert score.alerts.told_illicit == score.alerts.illicit
    assert not score.items.wrong
    assert score.items.joined == score.items.reposts > 3
    assert set(score.alerts.latencies_s) == {2.0}


def test_the_ceiling_is_the_mean_chance_and_never_below_what_a_perfect_watcher_gets(night: Night) -> None:
    world = night.world
    spans = reach.open_spans(world)
    by_hand = [min(1.0, sum(s.seconds for s in spans[a.key]) / 60) for a in world.adverts]
    group = judge(night.exhibits()).everything
    assert group.ceiling == pytest.approx(sum(by_hand) / len(by_hand))
    assert group.captured / group.posts == pytest.approx(group.ceiling, abs=0.01)


def test_groups_add_up_to_the_whole(night: Night) -> None:
    score = judge(night.exhibits())
    for groups in (score.by_band.values(), score.by_site.values()):
        assert sum(g.posts for g in groups) == score.everything.posts
        assert sum(g.captured_capturable for g in groups) == score.everything.captured_capturable
    assert len(score.by_site) == 31


def test_a_lost_piece_of_evidence_is_missed(night: Night) -> None:
    before, index = judge(night.exhibits()), _seen(night)
    after = judge(night.exhibits(held=_without(night, index)))
    key = f"{night.held[index].target}/{night.held[index].post_id}"
    assert after.everything.captured_capturable == before.everything.captured_capturable - 1
    assert any(line.startswith(f"{key}: ") for line in after.missed)


def test_a_changed_page_a_lost_picture_or_a_lost_word_is_not_whole(night: Night) -> None:
    index = _seen(night)
    held = night.held[index]
    for change, lacking in (
        ({"page_sha256": "0" * 64}, "page bytes"),
        ({"pictures": held.pictures[1:]}, "picture 1"),
        ({"pictures": ("1" * 64, *held.pictures[1:])}, "picture 1"),
        ({"text": "sold", "title": "sold"}, "text"),
    ):
        score = judge(night.exhibits(held=_changed(night, index, **change)))
        assert any(line.endswith(lacking) for line in score.missed), change


def test_a_body_that_did_not_leave_whole_counts_for_nothing(night: Night) -> None:
    index = _seen(night)
    page = night.held[index].page_sha256
    served = [replace(s, sent=False) if s.sha256 == page else s for s in night.served]
    assert any("page bytes" in line for line in judge(night.exhibits(served=served)).missed)


def test_white_space_is_forgiven_but_invisible_characters_are_not(night: Night) -> None:
    index = _seen(night)
    held = night.held[index]
    loose = _changed(night, index, text=f"  {held.text} \n")
    strict = _changed(night, index, text="\u200b".join(held.text), title="\u200b".join(held.title))
    assert not judge(night.exhibits(held=loose)).missed
    assert judge(night.exhibits(held=strict)).missed


def test_a_deletion_reported_of_a_living_post_is_false(night: Night) -> None:
    index = _seen(night)
    held = night.held[index]
    advert = next(a for a in night.world.adverts if a.key == f"{held.target}/{held.post_id}")
    early = advert.alive[0].end - timedelta(seconds=5)
    lie = replace(
        held, observation="missing", captured_at=early, last_seen_at=held.captured_at, first_missing_at=early
    )
    score = judge(night.exhibits(held=[*night.held, lie]))
    assert score.deletions.false == (advert.key,)


def test_an_interval_moved_by_a_minute_is_outside(night: Night) -> None:
    index = next(i for i, h in enumerate(night.held) if h.observation == "missing")
    held = night.held[index]
    assert held.last_seen_at
    assert held.first_missing_at
    minute = timedelta(minutes=2)
    for move in (minute, -minute):
        moved = _changed(
            night,
            index,
            last_seen_at=held.last_seen_at + move,
            first_missing_at=held.first_missing_at + move,
            captured_at=held.captured_at + minute,
        )
        score = judge(night.exhibits(held=moved))
        assert len(score.deletions.outside) == 1
        assert score.deletions.inside_share is not None
        assert score.deletions.inside_share < 1.0


def test_an_interval_without_an_end_is_outside(night: Night) -> None:
    index = next(i for i, h in enumerate(night.held) if h.observation == "missing")
    score = judge(night.exhibits(held=_changed(night, index, first_missing_at=None)))
    assert len(score.deletions.outside) == 1


def test_a_deletion_of_a_post_that_never_was_counts_as_unknown(night: Night) -> None:
    index = next(i for i, h in enumerate(night.held) if h.observation == "missing")
    held = _changed(night, index, url="http://x/p/999999.html", post_id="999999")
    assert len(judge(night.exhibits(held=held)).deletions.unknown) == 1


def test_an_alert_that_one_channel_never_had_is_lost(night: Night) -> None:
    score = judge(night.exhibits(channels={"ndjson": night.ndjson, "chat": night.chat[1:]}))
    assert score.alerts.lost == (f"chat: {night.chat[0].item_id}",)


def test_an_alert_told_twice_is_doubled_whether_its_id_is_the_same_or_new(night: Night) -> None:
    first = night.chat[0]
    for again in (first, replace(first, alert_id="another")):
        score = judge(night.exhibits(channels={"chat": [*night.chat, again]}))
        assert len(score.alerts.doubled) == 1


def test_a_louder_alert_of_the_same_item_is_no_double_and_a_revision_neither(night: Night) -> None:
    first = night.chat[0]
    louder = replace(first, alert_id="louder", tier="urgent")
    revision = replace(first, alert_id="deleted", kind="deleted")
    score = judge(night.exhibits(channels={"chat": [*night.chat, louder, revision]}))
    assert not score.alerts.doubled
    quieter = replace(first, alert_id="quieter", tier="normal")
    score = judge(night.exhibits(channels={"chat": [*night.chat, louder, quieter]}))
    assert len(score.alerts.doubled) == 1


def test_a_loud_alert_of_an_innocent_post_costs_precision(night: Night) -> None:
    innocent = next(a for a in night.world.adverts if not a.illicit)
    site = night.world.sites[innocent.site - 1]
    wrong = replace(
        night.chat[0],
        alert_id="wrong",
        item_id="wrong",
        target=site.name,
        post_id=innocent.post_id,
        url=f"http://h/p/{innocent.post_id}.html",
    )
    score = judge(night.exhibits(channels={"chat": [*night.chat, wrong]}))
    assert score.alerts.high_told == score.alerts.high_true + 1
    quiet = replace(wrong, tier="normal")
    score = judge(night.exhibits(channels={"chat": [*night.chat, quiet]}))
    assert score.alerts.high_told == score.alerts.high_true


def test_an_illicit_post_in_no_told_item_costs_recall(night: Night) -> None:
    index = _seen(night)
    held = _changed(night, index, item_id="", tier="none")
    score = judge(night.exhibits(held=held))
    assert score.alerts.told_illicit == score.alerts.illicit - 1


def test_a_post_without_words_is_a_re_post_only_of_goods_that_were_shown_before(night: Night) -> None:
    whole = judge(night.exhibits()).alerts
    assert whole.told_silent == whole.silent > 3
    known = set(range(1, len(night.world.gallery) + 1))
    silent = {a.key: a for a in night.world.adverts if a.kind == "silent"}
    first = {a.thing: a.key for a in reversed(night.world.adverts) if a.illicit}
    assert any(first[a.thing] == key and a.thing not in known for key, a in silent.items())
    again = next(
        i
        for i, h in enumerate(night.held)
        if h.observation == "seen"
        and (advert := silent.get(f"{h.target}/{h.post_id}")) is not None
        and (advert.thing in known or first[advert.thing] != advert.key)
    )
    missed = judge(night.exhibits(held=_changed(night, again, item_id="", tier="none"))).alerts
    assert (missed.silent, missed.told_silent) == (whole.silent, whole.told_silent - 1)
    blind = [replace(h, pictures=()) for h in night.held]  # nobody saw the goods of the night's posts
    gallery_only = judge(night.exhibits(held=blind)).alerts.silent
    assert 0 < gallery_only <= whole.silent


def test_a_thing_that_was_told_under_two_items_before_they_were_one_is_counted(night: Night) -> None:
    assert judge(night.exhibits()).alerts.apart == 0
    event = night.ndjson[0]
    other = replace(event, alert_id="other", item_id="given up")
    score = judge(night.exhibits(channels={"chat": [*night.chat, other]}))
    assert (score.alerts.apart, score.alerts.doubled) == (1, ())


def test_two_things_in_one_item_are_a_wrong_join(night: Night) -> None:
    seen = [i for i, h in enumerate(night.held) if h.item_id]
    one, other = seen[0], next(i for i in seen if night.held[i].item_id != night.held[seen[0]].item_id)
    held = _changed(night, other, item_id=night.held[one].item_id)
    score = judge(night.exhibits(held=held))
    assert len(score.items.wrong) == 1


def test_a_repost_in_an_item_of_its_own_is_not_joined(night: Night) -> None:
    items = [h.item_id for h in night.held if h.item_id]
    twice = next(i for i in items if items.count(i) > 1)
    index = max(i for i, h in enumerate(night.held) if h.item_id == twice)
    score = judge(night.exhibits(held=_changed(night, index, item_id="alone")))
    assert score.items.joined == score.items.reposts - 1


def test_time_of_a_kill_is_taken_out_of_what_could_be_watched(night: Night) -> None:
    world = night.world
    middle = world.start + (world.end - world.start) / 2
    down = (Span(begin=middle, end=middle + timedelta(minutes=30)),)
    less = judge(night.exhibits(down=down)).everything
    assert less.ceiling < judge(night.exhibits()).everything.ceiling
    assert less.capturable < judge(night.exhibits()).everything.capturable


def test_slow_polling_and_keywords_do_worse_than_the_watch(night: Night) -> None:
    score = judge(night.exhibits())
    found = score.comparison
    captured = score.everything.captured / score.everything.posts
    assert found["captured_every_60_min"] < found["captured_every_15_min"] < captured
    assert 0 < found["keyword_precision"] < 0.6
    assert 0 < found["keyword_recall"] < 0.6


def test_what_was_told_for_something_seen_later_is_counted_and_has_no_latency(night: Night) -> None:
    late = [replace(e, at=e.at + timedelta(hours=1), hindsight=True) for e in night.chat[:2] if e.at]
    spoilt = judge(night.exhibits(channels={"ndjson": night.ndjson, "chat": [*late, *night.chat[2:]]}))
    assert set(spoilt.alerts.latencies_s) == {2.0}
    slow = [replace(e, hindsight=False) for e in late]
    spoilt = judge(night.exhibits(channels={"ndjson": night.ndjson, "chat": [*slow, *night.chat[2:]]}))
    assert set(spoilt.alerts.latencies_s) == {2.0, 3602.0}
    assert judge(night.exhibits(channels={"chat": [*late, *night.chat[2:]]})).alerts.hindsight == len(late)


@pytest.mark.parametrize(
    ("inference", "expected"),
    [
        ({"matches": [{"known": "b" * 32}]}, True),
        ({"matches": [{"known": "1" * 32}, {"known": "gallery:zebra.jpg"}]}, False),
        ({"reasons": [{"what": "2 adverts by this account judged high since"}]}, True),
        ({"reasons": [{"what": "2 adverts by this account judged high before"}]}, False),
        ({}, False),
    ],
)
def test_an_event_says_whether_it_rests_on_what_came_later(inference: object, *, expected: bool) -> None:
    event = {"kind": "new", "facts": {"evidence_id": "a" * 32}, "inference": inference}
    assert spoken(event).hindsight is expected


def test_percentiles_are_members_of_the_sample() -> None:
    assert percentile([], 50) is None
    assert percentile([5.0], 99) == 5.0
    assert percentile([float(n) for n in range(1, 101)], 50) == 50.0
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
