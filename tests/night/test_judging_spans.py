"""For how long a post could be caught: arithmetic of spans and windows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nightmarket import reach
from nightmarket.model import Edit, Span, Trouble, Wording
from nightmarket.sites import SITES
from nightmarket.world import make

T0 = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def span(begin: float, end: float) -> Span:
    return Span(begin=T0 + timedelta(minutes=begin), end=T0 + timedelta(minutes=end))


def test_spans_can_be_intersected_cut_and_measured() -> None:
    assert reach.overlap([span(0, 10), span(20, 30)], [span(5, 25)]) == (span(5, 10), span(20, 25))
    assert reach.overlap([span(0, 5)], [span(5, 9)]) == ()
    assert reach.without([span(0, 10)], [span(2, 3), span(9, 20)]) == (span(0, 2), span(3, 9))
    assert reach.without([span(0, 10)], [span(-5, 20)]) == ()
    assert reach.total_s([span(0, 1), span(5, 7)]) == 180
    assert reach.longest_s([span(0, 1), span(5, 7)]) == 120
    assert reach.longest_s([]) == 0


@pytest.mark.parametrize(("minutes", "expected"), [(0, 0.0), (0.25, 0.25), (0.5, 0.5), (1, 1.0), (30, 1.0)])
def test_the_chance_of_a_catch_is_life_over_interval_at_most_one(minutes: float, expected: float) -> None:
    assert reach.chance([span(0, minutes)], 60) == pytest.approx(expected)


def test_a_window_crosses_midnight_in_the_zone_of_its_site() -> None:
    start = datetime.fromisoformat("2026-11-21T18:00:00+08:00")
    end = start + timedelta(hours=14)
    by_name = {s.name: s for s in SITES}
    first, last = (
        "2026-11-21T21:00:00+08:00",
        "2026-11-22T06:00:00+08:00",
    )
    shanghai = Span(begin=datetime.fromisoformat(first), end=datetime.fromisoformat(last))
    assert reach.windows(by_name["yemao"], start, end) == (shanghai,)
    assert reach.windows(by_name["chotroi"], start, end) == (shanghai,)  # 20:00-05:00 one hour west
    (kolkata,) = reach.windows(by_name["bazaar-json"], start, end)
    assert kolkata.begin == datetime.fromisoformat("2026-11-21T21:00:00+05:30")
    assert kolkata.end == end  # the night ends before its window does


def test_two_nights_make_two_windows() -> None:
    start = datetime.fromisoformat("2026-11-21T00:00:00+08:00")
    site = next(s for s in SITES if s.name == "yemao")
    assert [w.seconds / 3600 for w in reach.windows(site, start, start + timedelta(hours=48))] == [6, 9, 3]


def test_troubles_edits_and_kills_shorten_the_time_and_nothing_else_does() -> None:
    world = make(2)
    advert = next(
        a
        for a in world.adverts
        if a.site == 15 and not a.edits and reach.total_s(reach.open_spans(world)[a.key]) > 3600
    )
    before = reach.open_spans(world)[advert.key]
    hole = Span(begin=before[0].begin + timedelta(minutes=5), end=before[0].begin + timedelta(minutes=15))
    lost = 600.0
    for kind, loses in (
        ("down", lost),
        ("captcha", lost),
        ("busy", lost),
        ("login", lost),
        ("blip", 0),
        ("layout", 0),
    ):
        troubled = replace(world, troubles=(*world.troubles, Trouble(site=15, kind=kind, span=hole)))
        after = reach.open_spans(troubled)[advert.key]
        assert reach.total_s(before) - reach.total_s(after) == pytest.approx(loses), kind
    killed = reach.open_spans(world, [hole])[advert.key]
    assert reach.total_s(before) - reach.total_s(killed) == pytest.approx(lost)
    wiped = replace(advert, edits=(Edit(at=hole.begin, wording=Wording(title=".", text="\u0000")),))
    edited = replace(world, adverts=tuple(wiped if a is advert else a for a in world.adverts))
    assert reach.total_s(reach.open_spans(edited)[advert.key]) == pytest.approx(300)


def test_an_edit_that_keeps_the_words_does_not_end_the_first_wording() -> None:
    world = make(2)
    advert = next(a for a in world.adverts if not a.illicit and not a.edits)
    kept = Wording(title=advert.first.title, text=advert.first.text + " → 10")
    edited = replace(advert, edits=(Edit(at=advert.published + timedelta(seconds=50), wording=kept),))
    assert reach.first_wording(edited) == advert.alive
