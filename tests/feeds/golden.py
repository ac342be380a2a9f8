"""Golden pairs: a page as received beside the posts it must give.

`tests/samples/KIND/NAME.json` says what is expected of the file NAME with any other
ending. Keys: url, content_type, headers, rules, title, next_url, posts (each with the
fields that are looked at), or bad_page (the field a BadPage must name). What is broken is
named by its defect.

    python -m tests.feeds.golden KIND NAME [URL]    prints what is read, to be checked by eye
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from storage.errors import BadPage
from storage.model import Listing, Post, Response
from tests.feeds.pages import NOW, page
from watchers.feed import load

FOLDER = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One pair."""

    kind: str
    name: str
    body: bytes
    expected: dict[str, Any]

    @property
    def response(self) -> Response:
        """The page as an answer."""
        return page(
            self.body,
            url=self.expected.get("url", "https://market.example/list"),
            content_type=self.expected.get("content_type", ""),
            headers=tuple((name, value) for name, value in self.expected.get("headers", {}).items()),
        )

    @property
    def rules(self) -> Any:
        """The settings of its kind."""
        return load(self.kind).Settings(**self.expected.get("rules", {}))

    def read(self) -> Listing:
        """What its kind makes of it."""
        return load(self.kind).parse(self.response, self.rules, NOW)


def pairs(kind: str) -> list[Golden]:
    """All pairs of a kind, by name."""
    found = []
    for path in sorted((FOLDER / kind).glob("*.json")):
        pages = [other for other in path.parent.glob(f"{path.stem}.*") if other != path]
        expected = json.loads(path.read_text())
        found.append(Golden(kind=kind, name=path.stem, body=pages[0].read_bytes(), expected=expected))
    return found


def value(post: Post, name: str) -> Any:
    """A field as JSON has it; "roles" and "keys" are those of the pictures."""
    if name in {"roles", "keys"}:
        return [getattr(picture, name[:-1]) for picture in post.pictures]
    found = getattr(post, name)
    if name == "posted_at":
        return found.isoformat() if found else None
    if name == "pictures":
        return [picture.url for picture in found]
    return [list(pair) for pair in found] if name == "extra" else found


def main(arguments: list[str]) -> None:
    """Print what is read of a sample in the form of its expectation."""
    kind, name, *rest = arguments
    known = FOLDER / kind / f"{name}.json"
    expected = json.loads(known.read_text()) if known.exists() else {"url": rest[0]}
    body = next(p for p in (FOLDER / kind).glob(f"{name}.*") if p != known).read_bytes()
    golden = Golden(kind=kind, name=name, body=body, expected=expected)
    kept = {key: expected[key] for key in ("url", "content_type", "headers", "rules") if key in expected}
    try:
        listing = golden.read()
    except BadPage as bad:
        sys.stdout.write(json.dumps({**kept, "bad_page": bad.field}, ensure_ascii=False, indent=1) + "\n")
        return
    names = [*(field.name for field in fields(Post)), "roles"]
    posts = [{n: v for n in names if (v := value(post, n)) or n == "post_id"} for post in listing.posts]
    told = {**kept, "title": listing.title, "next_url": listing.next_url, "posts": posts}
    sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
