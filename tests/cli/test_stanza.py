"""What `add` writes and what `try` shows."""

# ruff: noqa: E501  pages as sites write them
from __future__ import annotations

import json
import tomllib
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.out import Out
from bot.config import Config, read
from bot.stanza import AUTHORISED_BY, LEGAL_BASIS, REVIEW_AFTER, explained, name_for, quoted, stanza, toml
from bot.table import show
from storage.model import Post
from watchers import feed
from watchers.feed import Recognition
from watchers.trial import Fill, Trial

TODAY = date(2026, 11, 24)
URL = "https://forum.example/viewforum.php?f=7"
HEAD = '[nightjar]\ncontact = "admin@example.org"\n[[channel]]\nkind = "console"\n'


def found(kind: str = "html", **rules: object) -> Recognition:
    return Recognition(kind=kind, confidence=0.9, url=URL, rules=dict(rules), why="25 posts by cards")


def written(kind: str = "html", **rules: object) -> str:
    return stanza(found(kind, **rules), feed.load(kind).Settings, today=TODAY, others=(found("rss"),))


def load(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(HEAD + text)
    return read(
        path,
        feeds=lambda kind: feed.load(kind).Settings,
        feed_kinds=feed.kinds(),
        today=TODAY,
        environment={},
    )


@pytest.mark.parametrize("kind", feed.kinds())
def test_a_stanza_is_left_out_until_people_have_filled_it_in(kind: str, tmp_path: Path) -> None:
    text = written(kind)
    config = load(tmp_path, text)
    keys = {mistake.key for mistake in config.mistakes}
    assert keys == {"legal_basis", "authorised_by", "review_after"}
    assert (config.targets, len(config.unfilled)) == ((), 1)
    filled = text.replace(quoted(LEGAL_BASIS), '"Wildlife Act, section 4"').replace(
        quoted(AUTHORISED_BY), '"Office 12/26"'
    )
    filled = filled.replace(quoted(REVIEW_AFTER), "2027-06-30")
    assert len(load(tmp_path, filled).targets) == 1


@pytest.mark.parametrize("kind", feed.kinds())
def test_every_key_of_a_kind_stands_in_the_stanza_with_its_meaning(kind: str) -> None:
    settings = feed.load(kind).Settings
    text = written(kind)
    for key, words in explained(settings).items():
        assert f"# {key} = " in text
        assert words.split()[0] in text
    assert len(explained(settings)) >= 3


def test_every_commented_key_is_a_right_one_when_uncommented(tmp_path: Path) -> None:
    lines = written("html").splitlines()
    at = lines.index("[target.rules]")
    bare = [
        line[2:] for line in lines[at:] if line.startswith("# ") and " = " in line and '"..."' not in line
    ]
    rules = tomllib.loads("\n".join(bare))
    assert {"max_pages", "page", "single", "zone", "max_items"} <= set(rules)


def test_rules_and_strange_addresses_are_written_as_valid_toml() -> None:
    rules: dict[str, object] = {
        "item": 'li[title="x\\y"]',
        "price": {"css": "b", "regex": r"(\d+)"},
        "max_pages": 2,
    }
    table = tomllib.loads(written("html", **rules))["target"][0]
    assert table["rules"]["item"] == rules["item"]
    assert table["rules"]["price"] == rules["price"]
    assert (table["kind"], table["url"], table["interval"]) == ("html", URL, "30s")


def test_words_of_a_site_cannot_leave_their_comment() -> None:
    nasty = Recognition(
        kind="html", confidence=1, url=URL, rules={}, why='x\n[[target]]\r\nname = "evil"\u2028\x0bname = 1'
    )
    table = tomllib.loads(stanza(nasty, feed.load("html").Settings, today=TODAY))
    assert len(table["target"]) == 1
    assert "evil" not in table["target"][0]["name"]


@given(st.text())
def test_any_text_is_quoted_so_that_toml_reads_it_back(text: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    assert tomllib.loads(f"a = {quoted(clean)}")["a"] == clean


@pytest.mark.parametrize("value", [True, 3, 0.5, "x", [1, 2], {"a b": {"c": []}}, {}])
def test_values_are_written_as_toml(value: object) -> None:
    assert tomllib.loads(f"a = {toml(value)}")["a"] == value


def test_names_are_of_the_host_and_unlike_those_taken() -> None:
    assert name_for("https://www.forum.example/c/for-sale/") == "forum-example-c-for-sale"
    assert name_for(URL, ("forum-example-viewforum",)) == "forum-example-viewforum-2"
    assert name_for("https://例え.example/") == "example"


# --- try ----------------------------------------------------------------------------------


def tried(**facts: object) -> Trial:
    post = Post(
        post_id="/t/7",
        url=URL,
        title="Comb \x1b[31m[bold]of[/bold] shell\u202e",
        price="5 USD",
        posted_raw="next moon",
    )
    base: dict[str, object] = {
        "url": URL, "kind": "html", "status": 200, "size_bytes": 1200, "posts": (post,), "looked_into": 1,
        "fills": (Fill(field="title", on_listing=1, with_page=1),), "missing": ("seller",), "notes": ("found by cards",),
        "interval_s": 30.0, "interval_why": "the usual",
    }  # fmt: skip
    return Trial(**{**base, **facts})  # type: ignore[arg-type]


def test_a_trial_is_shown_as_tables_that_strangers_cannot_steer() -> None:
    stream = StringIO()
    show(tried(), Out(stream=stream))
    text = stream.getvalue()
    for words in (
        "/t/7",
        "[bold]of[/bold]",
        "5 USD",
        "not understood: next moon",
        "1 of 1",
        "found by cards",
        "seller",
        "30s",
    ):
        assert words in text
    assert "\x1b[31m" not in text
    assert "\u202e" not in text


def test_a_trial_in_trouble_says_why() -> None:
    stream = StringIO()
    show(tried(posts=(), fills=(), trouble="answered 404 Not Found", looked_into=0), Out(stream=stream))
    assert "answered 404" in stream.getvalue()
    assert "Nothing could be read" in stream.getvalue()


def test_a_trial_as_json_holds_everything() -> None:
    stream = StringIO()
    show(tried(), Out(json=True, stream=stream))
    facts = json.loads(stream.getvalue())
    assert facts["works"] is True
    assert facts["posts"][0]["post_id"] == "/t/7"
    assert facts["missing"] == ["seller"]
