"""Listing pages of known programs without selectors: the right posts, in order, with the right fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.model import Post
from tests.feeds.pages import NOW, page
from watchers.feeds import html

SAMPLES = sorted((Path(__file__).parents[1] / "samples" / "html").glob("*.json"))
assert len(SAMPLES) >= 12


def value(post: Post, name: str) -> Any:
    found = getattr(post, name)
    if name == "posted_at":
        return found.isoformat() if found else None
    return [picture.url for picture in found] if name == "pictures" else found


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_a_listing_without_selectors_gives_exactly_its_posts(path: Path) -> None:
    sample = json.loads(path.read_text())
    listing = html.parse(
        page(path.with_suffix(".html").read_bytes(), url=sample["url"]), html.Settings(), NOW
    )
    found = [
        {name: value(post, name) for name in wanted}
        for post, wanted in zip(listing.posts, sample["posts"], strict=False)
    ]
    assert found == sample["posts"]
    assert len(listing.posts) == len(sample["posts"]), [post.title for post in listing.posts]
    if "next_url" in sample:
        assert listing.next_url == sample["next_url"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_ids_survive_new_session_ids_and_moved_counters(path: Path) -> None:
    sample = json.loads(path.read_text())
    body = path.with_suffix(".html").read_bytes()
    first = html.parse(page(body, url=sample["url"]), html.Settings(), NOW)
    changed = body.replace(b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210")
    changed = (
        changed.replace(b" Replies", b"0 Replies")
        .replace(b" Views", b"9 Views")
        .replace(b" points", b"1 points")
    )
    second = html.parse(page(changed, url=sample["url"]), html.Settings(), NOW)
    assert [p.post_id for p in second.posts] == [p.post_id for p in first.posts]
    assert [p.url for p in second.posts] == [p.url for p in first.posts]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_no_post_comes_twice_and_all_have_an_address(path: Path) -> None:
    sample = json.loads(path.read_text())
    listing = html.parse(
        page(path.with_suffix(".html").read_bytes(), url=sample["url"]), html.Settings(), NOW
    )
    ids = [post.post_id for post in listing.posts]
    assert len(set(ids)) == len(ids)
    assert all(post.url.startswith("https://") for post in listing.posts)


def test_ids_survive_another_order() -> None:
    path = next(path for path in SAMPLES if path.stem == "craigslist_like")
    body, url = path.with_suffix(".html").read_text(), json.loads(path.read_text())["url"]
    head, *rows = body.split('<li class="result-row"')
    last, foot = rows[-1].split("</ul></div></form>")
    turned = (
        head
        + "".join(f'<li class="result-row"{row}' for row in reversed([*rows[:-1], last]))
        + "</ul></div></form>"
        + foot
    )
    ids = [
        [p.post_id for p in html.parse(page(text, url=url), html.Settings(), NOW).posts]
        for text in (body, turned)
    ]
    assert ids[1] == ids[0][::-1]
