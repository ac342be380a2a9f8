"""The real channel preview `full.html` (Apkawa/rust-any2feed, MIT), read by our `telegram` kind.

What is right is told by another reading of the same page: regular expressions over each
message's own markup, for its words, its time, and the address of every picture, film still
and film in it that is neither an emoji nor the channel's face.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from time import process_time

from bench.figures import Figure, Result, WrongUseError
from storage.model import Post, Response
from watchers.feeds import telegram

NAME = "telegram"
SUMMARY = "a real Telegram channel preview: text, time and media of its 12 messages"

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "telegram-preview-html.tar.xz"
NOW = datetime(2026, 11, 24, 13, 15, tzinfo=UTC)
URL = "https://t.me/s/topwar_official"
_START = re.compile(r'<div class="tgme_widget_message [^"]*"\s+data-post="([^"]+)"')
_TEXT = re.compile(r'<div class="tgme_widget_message_text js-message_text[^"]*"[^>]*>(.*?)</div>', re.DOTALL)
_TIME = re.compile(r'tgme_widget_message_date".*?<time\s+datetime="([^"]+)"', re.DOTALL)
_BACKGROUND = re.compile(r"background-image:url\('([^']+)'\)")
_FILM = re.compile(r'<video\s+src="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Wanted:
    """One message by the other reading."""

    post_id: str
    words: str
    time: datetime
    pictures: frozenset[str]
    films: frozenset[str]


def page(path: Path, name: str = "full.html") -> bytes:
    """One page of the archive. Raises WrongUseError naming the archive when it is not there."""
    if not path.is_file():
        raise WrongUseError(f"could not measure: {path.name} is not in {path.parent}")
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.endswith(f"/{name}") and (file := archive.extractfile(member)) is not None:
                return file.read()
    raise WrongUseError(f"could not measure: {name} is not in {path.name}")


def response(body: bytes) -> Response:
    """The page as if it had been fetched."""
    return Response(
        url=URL, requested_url=URL, status=200, headers=(("Content-Type", "text/html; charset=utf-8"),),
        body=body, started_at=NOW, first_byte_at=NOW, ended_at=NOW,
    )  # fmt: skip


def wanted(source: str) -> Iterator[Wanted]:
    """Each message of a page by regular expressions."""
    starts = list(_START.finditer(source))
    for start, end in zip(starts, [*(s.start() for s in starts[1:]), len(source)], strict=True):
        markup = source[start.end() : end]
        text = _TEXT.search(markup)
        time = _TIME.search(markup)
        pictures = {unescape(url) for url in _BACKGROUND.findall(markup) if "/img/emoji/" not in url}
        yield Wanted(
            post_id=start[1],
            words=squeezed(re.sub(r"<[^>]*>", " ", text[1]) if text else ""),
            time=datetime.fromisoformat(time[1] if time else "1970-01-01T00:00:00+00:00"),
            pictures=frozenset(pictures),
            films=frozenset(unescape(url) for url in _FILM.findall(markup)),
        )


def squeezed(text: str) -> str:
    """`text` without any white space: tags between words leave some or none."""
    return re.sub(r"\s+", "", unescape(text))


def agrees(want: Wanted, post: Post) -> dict[str, bool]:
    """What of a post is as it should be."""
    return {
        "text": squeezed(post.text) == want.words,
        "time": post.posted_at == want.time,
        "media": {picture.url for picture in post.pictures} == want.pictures
        and {value for name, value in post.extra if name == "video"} == want.films,
    }


def run(arguments: list[str]) -> Result:
    """Read the page once and compare message by message."""
    if arguments:
        raise WrongUseError(f"telegram takes no arguments, got {arguments[0]!r}")
    answer = response(page(DATA))
    began = process_time()
    listing = telegram.parse(answer, telegram.Settings(), NOW)
    spent = process_time() - began
    messages = list(wanted(answer.body.decode()))
    by_id = {post.post_id: post for post in listing.posts}
    outcomes = [(want, agrees(want, by_id[want.post_id])) for want in messages if want.post_id in by_id]
    figures = [
        Figure(f"messages with {part} right", sum(found[part] for _, found in outcomes), 12, "equal")
        for part in ("text", "time", "media")
    ]
    pictures, films = sum(len(w.pictures) for w in messages), sum(len(w.films) for w in messages)
    return Result(
        figures=(
            Figure("messages", len(listing.posts), 12, "equal"),
            *figures,
            Figure(
                "pictures and film stills", sum(len(p.pictures) for p in listing.posts), pictures, "equal"
            ),
            Figure("films", films, note="addresses kept in `extra`"),
            Figure("processor time", spent, unit="s"),
        ),
        notes=tuple(
            f"{want.post_id}: {part} differs"
            for want, found in outcomes
            for part, right in found.items()
            if not right
        ),
    )
