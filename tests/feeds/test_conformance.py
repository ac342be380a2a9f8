"""What every feed kind must hold to, run over all kinds that are found. A new kind needs no edit here."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from time import process_time
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import BadPage
from storage.model import Listing, Post, Response
from tests.feeds.golden import Golden, pairs, value
from tests.feeds.pages import NOW, page
from watchers.feed import Feed, Recognition, kinds, load

GOLDEN = [pair for kind in kinds() for pair in pairs(kind)]
POST = Post(post_id="17", url="https://market.example/ad/17", title="beads", text="old", seller="mei")

every_kind = pytest.mark.parametrize("kind", kinds())
every_pair = pytest.mark.parametrize("pair", GOLDEN, ids=lambda pair: f"{pair.kind}-{pair.name}")


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, BadPage told as its field and words."""
    try:
        return call()
    except BadPage as bad:
        return (bad.field, bad.why)


def texts(post: Post) -> list[str]:
    fields = [getattr(post, f.name) for f in dataclasses.fields(Post)]
    pictures = [
        text for picture in post.pictures for text in (picture.url, picture.role, picture.alt, picture.key)
    ]
    return (
        [field for field in fields if isinstance(field, str)]
        + pictures
        + [t for pair in post.extra for t in pair]
    )


def check_listing(listing: Listing) -> None:
    """Laws of any listing, whatever the bytes were."""
    ids = [post.post_id for post in listing.posts]
    assert len(ids) == len(set(ids))
    for post in listing.posts:
        check_post(post)
    assert not listing.next_url or urlsplit(listing.next_url).scheme in {"http", "https"}


def check_post(post: Post) -> None:
    assert post.post_id
    assert urlsplit(post.url).scheme in {"http", "https"}
    assert post.posted_at is None or post.posted_at.utcoffset() == timedelta(0)
    assert all(urlsplit(picture.url).scheme in {"http", "https"} for picture in post.pictures)
    assert {picture.role for picture in post.pictures} <= {"full", "thumbnail", "poster", "avatar"}
    for text in texts(post):
        text.encode("utf-8")
        assert "\0" not in text


# --- the module ------------------------------------------------------------------


@every_kind
def test_a_kind_offers_what_the_protocol_asks_for(kind: str) -> None:
    module = load(kind)
    assert isinstance(module.OWN_PAGE, bool)
    for name in ("parse", "detail", "recognise", "wants_detail"):
        asked = [p for p in inspect.signature(getattr(Feed, name)).parameters if p != "self"]
        assert list(inspect.signature(getattr(module, name)).parameters) == asked
    assert re.search(r"https?://", module.__doc__ or ""), "the format's source belongs into the docstring"


@every_kind
def test_settings_are_frozen_and_every_key_is_explained(kind: str) -> None:
    shape = load(kind).Settings
    assert shape.__dataclass_params__.frozen
    assert "__slots__" in vars(shape)
    explained = re.findall(r"\w+", shape.__doc__ or "")
    assert [field.name for field in dataclasses.fields(shape) if field.name not in explained] == []


@every_kind
def test_settings_make_sense_by_themselves(kind: str) -> None:
    rules = load(kind).Settings()
    assert isinstance(load(kind).wants_detail(POST, rules), bool)
    assert int(getattr(rules, "max_pages", 1)) >= 1


@every_kind
def test_a_kind_is_found_by_its_file_alone(kind: str) -> None:
    assert load(kind).__name__ == f"watchers.feeds.{kind}"


def test_kinds_start_without_the_heavy_libraries() -> None:
    heavy = [
        "dateparser",
        "feedparser",
        "charset_normalizer",
        "extruct",
        "numpy",
        "imagehash",
        "aiohttp",
        "tortoise",
    ]
    code = "import sys; from watchers.feed import kinds, load; [load(k) for k in kinds()]"
    code += f"; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# --- golden pairs ----------------------------------------------------------------


@every_kind
def test_a_kind_has_golden_pairs_and_broken_ones(kind: str) -> None:
    assert len(pairs(kind)) >= 5


@every_pair
def test_a_page_gives_the_posts_beside_it(pair: Golden) -> None:
    expected = pair.expected
    if "bad_page" in expected:
        with pytest.raises(BadPage) as bad:
            pair.read()
        assert bad.value.field == expected["bad_page"]
        assert bad.value.url == expected["url"]
        return
    listing = pair.read()
    wanted = expected["posts"]
    found = [
        {name: value(post, name) for name in want} for post, want in zip(listing.posts, wanted, strict=False)
    ]
    assert found == wanted
    assert len(listing.posts) == len(wanted)
    for name in ("title", "next_url"):
        assert name not in expected or getattr(listing, name) == expected[name]
    check_listing(listing)


@every_pair
def test_reading_twice_gives_the_same(pair: Golden) -> None:
    assert outcome(pair.read) == outcome(pair.read)
    module = load(pair.kind)
    assert module.recognise(pair.response, NOW) == module.recognise(pair.response, NOW)


@every_pair
def test_ids_do_not_hang_on_the_clock_or_on_headers(pair: Golden) -> None:
    listing = outcome(pair.read)
    if not isinstance(listing, Listing):
        return
    later = load(pair.kind).parse(
        dataclasses.replace(pair.response, headers=(*pair.response.headers, ("ETag", '"1"'))),
        pair.rules,
        NOW + timedelta(days=3),
    )
    assert [post.post_id for post in later.posts] == [post.post_id for post in listing.posts]


@every_pair
def test_the_own_page_completes_a_post_once_and_leaves_its_id(pair: Golden) -> None:
    module = load(pair.kind)
    once = outcome(lambda: module.detail(pair.response, POST, pair.rules, NOW))
    if not isinstance(once, Post):
        return
    check_post(once)
    assert once.post_id == POST.post_id
    assert module.detail(pair.response, once, pair.rules, NOW) == once


@every_pair
def test_a_kind_recognises_its_own_pages_best(pair: Golden) -> None:
    if "bad_page" in pair.expected or not pair.expected["posts"]:
        return
    found = {kind: load(kind).recognise(pair.response, NOW) for kind in kinds()}
    sure = {kind: guess.confidence for kind, guess in found.items() if guess is not None}
    assert all(0 <= confidence <= 1 for confidence in sure.values())
    own = found[pair.kind]
    if own is not None:
        load(pair.kind).Settings(**own.rules)
        assert urlsplit(own.url).scheme in {"http", "https"}
    others = [confidence for kind, confidence in sure.items() if kind != pair.kind]
    assert pair.kind not in sure or pair.kind == "html" or sure[pair.kind] >= max(others, default=0)


# --- any bytes -------------------------------------------------------------------


def check_all(kind: str, response: Response, rules: Any) -> None:
    """Nothing but BadPage leaves a kind, and what it gives obeys the laws."""
    module = load(kind)
    listing = outcome(lambda: module.parse(response, rules, NOW))
    if isinstance(listing, Listing):
        check_listing(listing)
        for post in listing.posts:
            assert isinstance(module.wants_detail(post, rules), bool)
    completed = outcome(lambda: module.detail(response, POST, rules, NOW))
    if isinstance(completed, Post):
        check_post(completed)
        assert completed.post_id == POST.post_id
    recognition = module.recognise(response, NOW)
    assert recognition is None or isinstance(recognition, Recognition)


HEADERS = st.sampled_from(
    ["", "text/html", "application/json; charset=utf-16", "text/xml; charset=gbk", "image/png"]
) | st.text(max_size=20)


@every_kind
@given(body=st.binary(max_size=300), content_type=HEADERS)
def test_any_bytes_are_borne(kind: str, body: bytes, content_type: str) -> None:
    check_all(kind, page(body, content_type=content_type), load(kind).Settings())


SCRAPS = st.sampled_from(
    [
        *(
            b"<",
            b">",
            b"&",
            b'"',
            b"'",
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b"null",
            b"1e999",
            b"-",
            b"\\ud800",
        ),
        *(
            b"\xff",
            b"\0",
            b"\xf0\x9f",
            b"<![CDATA[",
            b"]]>",
            b"<!--",
            b"&#xd800;",
            b"&#99999999999;",
            b"&nbsp;",
        ),
        *(
            b"<item>",
            b"</item>",
            b"<entry>",
            b"<title>",
            b"<link/>",
            b"<image><width>x</width>",
            b"<div>",
            b"</div>",
        ),
        *(
            b"<b ",
            b"xml:base='[x'",
            b' href="http://[::1"',
            b' href="javascript:x"',
            b"<script>",
            b"</script>",
        ),
        *(
            b'"id":',
            b'"url":[]',
            b'"content":{"rendered":7}',
            b'"media_attachments":[null,{}]',
            b"<svg><style>",
        ),
    ]
)


@every_kind
@settings(max_examples=60)
@given(data=st.data())
def test_damaged_pages_of_its_own_are_borne(kind: str, data: st.DataObject) -> None:
    pair = data.draw(st.sampled_from(pairs(kind)))
    body = pair.body[:20_000]
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 60)))
        other = data.draw(st.sampled_from(pairs(kind))).body
        cut = data.draw(st.integers(0, len(other)))
        scrap = data.draw(SCRAPS | st.just(other[cut : cut + 150]) | st.binary(max_size=8))
        body = body[:start] + scrap + body[end:]
    check_all(kind, dataclasses.replace(pair.response, body=body), pair.rules)


@every_kind
def test_pages_of_the_other_kinds_are_borne(kind: str) -> None:
    for pair in GOLDEN:
        check_all(kind, pair.response, load(kind).Settings())


@every_kind
def test_a_page_cut_anywhere_loses_only_what_was_cut(kind: str) -> None:
    pair = max(pairs(kind), key=lambda p: len(p.expected.get("posts", ())))
    whole = {post.post_id for post in pair.read().posts}
    for part in range(1, 20):
        body = pair.body[: len(pair.body) * part // 20]
        cut = dataclasses.replace(pair.response, body=body, shortfall="cut")
        try:
            listing = load(kind).parse(cut, pair.rules, NOW)
        except BadPage:
            continue
        assert {post.post_id for post in listing.posts} - whole == set(), f"cut at {part}/20"


GARBAGE = {
    "random bytes": lambda: bytes(range(256)) * 8_000,
    "open tags": lambda: b"<div class=item><a href=x>" * 80_000,
    "rss items": lambda: b"<rss><channel>" + b"<item><title>x</title><link>http://a/</link></item>" * 40_000,
    "json": lambda: b'{"items":[' + b'{"id":1,"title":"x","url":"/1"},' * 65_000 + b"{}]}",
    "one json text": lambda: b'[{"id":"' + b"x" * 2_000_000 + b'"}]',
    "telegram messages": lambda: (
        b'<div class="tgme_widget_message" data-post="a/1"><i style="background-image:url(x)">' * 22_500
    ),
    "nothing but spaces": lambda: b" " * 2_000_000,
}


@pytest.mark.slow
@every_kind
@pytest.mark.parametrize("name", GARBAGE)
def test_two_megabytes_of_garbage_cost_seconds_not_minutes(kind: str, name: str) -> None:
    response, rules, module = page(GARBAGE[name]()), load(kind).Settings(), load(kind)
    for call in (
        lambda: module.parse(response, rules, NOW),
        lambda: module.detail(response, POST, rules, NOW),
    ):
        began = process_time()
        outcome(call)
        assert process_time() - began < 3
