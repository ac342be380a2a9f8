"""The world is what the specification says, and the same for the same seed."""

from __future__ import annotations

import io
import random
import statistics
from collections import Counter
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PIL import Image

from nightmarket import author, lingo
from nightmarket.alterations import CHANGES
from nightmarket.disguise import WAYS, disguise
from nightmarket.model import PictureSpec, Style, World
from nightmarket.pictures import paint
from nightmarket.shelf import shelves
from nightmarket.sites import NIGHT_ZONE, SITES
from nightmarket.world import make


@pytest.fixture(scope="module")
def full() -> World:
    return make(1, "full")


def test_a_seed_makes_the_same_world_and_another_seed_another() -> None:
    assert make(4) == make(4)
    assert make(4) != make(5)
    assert make(4).unknown_words != make(5).unknown_words


def test_there_are_31_sites_over_all_kinds_encodings_and_faults() -> None:
    families = Counter(
        "feed"
        if s.style in (Style.RSS, Style.RSS_SHORT, Style.RDF, Style.ATOM, Style.JSONFEED)
        else "channel"
        if s.style is Style.TELEGRAM
        else "classified"
        if s.style in (Style.CLASSIFIED, Style.CLASSIFIED_LD)
        else "forum"
        if s.style in (Style.FORUM, Style.BOARD)
        else "api"
        for s in SITES
    )
    assert families == {"feed": 8, "api": 6, "channel": 5, "classified": 8, "forum": 4}
    assert {s.encoding for s in SITES} == {"utf-8", "gbk", "big5", "shift_jis"}
    traits = Counter(trait for s in SITES for trait in s.traits)
    assert traits["broken"] == 2
    assert traits["etag"] + traits["etag-newest"] == 2
    assert min(traits[t] for t in ("busy", "slow", "down", "captcha", "layout", "br", "blips")) >= 1
    assert len({s.address for s in SITES}) == len({s.name for s in SITES}) == 31


def test_the_whole_night_has_the_specified_numbers(full: World) -> None:
    illicit = [a for a in full.adverts if a.illicit]
    assert (len(illicit), len(full.adverts)) == (600, 20_600)
    local = [a.published.astimezone(ZoneInfo(NIGHT_ZONE)).hour for a in illicit]
    assert sum(h >= 21 or h < 6 for h in local) / 600 == pytest.approx(0.85, abs=0.05)
    lives = [a.alive[0].seconds for a in full.adverts if a.cause == "seller"]
    assert min(lives) >= 60
    assert max(lives) <= 9 * 3600
    assert 45 * 60 < statistics.median(lives) < 62 * 60  # 60 min, less the quick tenth
    assert sum(a.cause == "platform" for a in full.adverts) / 20_600 == pytest.approx(0.05, abs=0.01)
    kinds = Counter(a.kind for a in illicit)
    for kind, share in author.ILLICIT_MIX:
        assert kinds[kind] / 600 == pytest.approx(share, abs=0.05), kind
    decoys = Counter(a.kind for a in full.adverts if not a.illicit)
    for kind, share in author.DECOY_MIX:
        assert decoys[kind] / 20_000 == pytest.approx(share, abs=0.01), kind


def test_wording_pictures_and_edits_of_the_illicit_follow_the_shares(full: World) -> None:
    illicit = [a for a in full.adverts if a.illicit]
    worded = [a for a in illicit if a.kind != "silent"]
    share = sum(any(h.startswith("way:") for h in a.hints) for a in worded) / len(worded)
    assert share == pytest.approx(0.30, abs=0.06)
    unknown = Counter(h for a in worded for h in a.hints if h.startswith("unknown:"))
    first, second = (unknown[f"unknown:{w}"] / len(worded) for w in full.unknown_words)
    assert first == pytest.approx(0.10, abs=0.04)
    assert second == pytest.approx(0.05, abs=0.03)
    altered = [a for a in illicit if a.pictures[0].changes]
    assert len(altered) / 600 == pytest.approx(0.60, abs=0.06)
    assert {len(a.pictures[0].changes) for a in altered} == {1, 2, 3}
    assert {c for a in altered for c in a.pictures[0].changes} == set(CHANGES)
    assert sum(bool(a.edits) for a in illicit) / 600 == pytest.approx(0.15, abs=0.05)
    products = Counter(a.product for a in illicit)
    assert products["ivory"] > 0.5 * 600
    assert 0.1 * 600 < products["rhino"] < 0.3 * 600


def test_rings_share_goods_over_several_accounts_and_sites(full: World) -> None:
    for ring in range(1, 9):
        posts = [a for a in full.adverts if a.ring == ring]
        assert 2 <= len({(a.site, a.seller) for a in posts}) <= 6
        assert len({a.thing for a in posts}) < len(posts)


def test_a_slice_keeps_the_base_rate_and_its_hours(full: World) -> None:
    world = make(1)
    assert len(world.adverts) == 2000
    share = sum(a.illicit for a in world.adverts) / 2000
    assert 0.025 < share < 0.06
    assert all(a.published < world.end and a.alive[-1].end > world.start for a in world.adverts)
    for ring in (world, full):
        assert len({a.key for a in ring.adverts}) == len(ring.adverts)


def test_texts_without_an_obfuscation_hold_a_term_of_the_trade(full: World) -> None:
    plain = [a for a in full.adverts if a.kind == "plain" and not a.hints[0].startswith("unknown")]
    plain = [a for a in plain if not any(h.startswith("way:") for h in a.hints)]
    words = {w for table in lingo.PLAIN.values() for terms in table.values() for w in terms}
    assert len(plain) > 60
    assert all(any(w in a.first.text for w in words) for a in plain)


def test_there_are_26_ways_to_disguise_a_term_and_each_changes_some() -> None:
    terms = ("象牙", "犀角", "ivory", "ngà voi", "红料")
    assert len(WAYS) == 26
    for name, way in WAYS.items():
        assert any(way(term, random.Random(1)) != term for term in terms), name
    other, name = disguise("象牙", random.Random(2))
    assert other != "象牙"
    assert name in WAYS


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened.convert("L").resize((32, 32)), np.float32)


def test_a_picture_is_always_the_same_and_never_flat() -> None:
    spec = PictureSpec(layout=77, thing=88)
    assert paint(spec) == paint(spec)
    with Image.open(io.BytesIO(paint(spec))) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 5_000
    assert pixels.std() > 10


def test_different_goods_look_different_even_on_the_same_table() -> None:
    first = _pixels(paint(PictureSpec(layout=5, thing=1)))
    same_table = _pixels(paint(PictureSpec(layout=5, thing=2)))
    elsewhere = _pixels(paint(PictureSpec(layout=6, thing=3)))
    assert 3 < np.abs(first - same_table).mean() < np.abs(first - elsewhere).mean()


def test_each_of_the_ten_alterations_gives_another_file_of_the_same_goods() -> None:
    plain = PictureSpec(layout=9, thing=9)
    assert len(CHANGES) == 10
    for change in CHANGES:
        altered = paint(PictureSpec(layout=9, thing=9, changes=(change,), twist=1))
        assert altered != paint(plain), change
        assert _pixels(altered).shape == (32, 32)


def test_a_listing_shows_what_is_alive_newest_first_and_a_lag_delays_it() -> None:
    world = make(2)
    for number, shelf in shelves(world).items():
        moment = world.start + (world.end - world.start) / 2
        seen = shelf.listing_time(moment)
        alive = {a.key for a in shelf.adverts if a.is_alive(seen)}
        shown = shelf.on_show(moment)
        assert {a.key for a in shown} == alive
        assert [a.published for a in shown] == sorted((a.published for a in shown), reverse=True)
        assert (moment - seen).total_seconds() <= (world.sites[number - 1].lag_s or 0)
        assert shelf.page(moment, 1) == shown[: shelf.site.page_size]


def test_reach_is_when_a_post_stands_on_the_pages_that_are_read() -> None:
    world = make(2)
    shelf = shelves(world)[21]
    for key, spans in shelf.reach().items():
        for span in spans:
            middle = span.begin + (min(span.end, world.end) - span.begin) / 2
            if span.begin < middle:
                assert key in {a.key for a in shelf.on_show(middle)[: shelf.site.reach]}
