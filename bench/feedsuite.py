"""feedparser's own test feeds, read by our `rss` kind.

2,107 feeds of kurtmckee/feedparser (BSD-2), each with what is expected of it in its first
comment. Counted: errors that leave the parser, and the titles, links and ids of entries
that an expectation names. A title of type text is compared as it stands; of an HTML title
the expectation is HTML while ours is its text, so both are compared as text.
"""

from __future__ import annotations

import ast
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from time import process_time
from urllib.parse import urljoin

from bench.figures import Figure, Result, WrongUseError
from storage.errors import BadPage
from storage.model import Post, Response
from watchers.feeds import rss

NAME = "feedsuite"
SUMMARY = "feedparser's 2,107 test feeds: errors, and titles, links and ids found"

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "feedparser-testdata.tar.xz"
NOW = datetime(2026, 11, 24, 13, 15, tzinfo=UTC)
HOME = "http://127.0.0.1:8097/"
"""Where feedparser's own tests serve the files from; expectations name it."""
_EXPECT = re.compile(rb"Expect:\s*(.*?)\s*-->", re.DOTALL)
_HEADER = re.compile(rb"^Header:\s+([^:\s]+):\s*(.+?)\s*$", re.MULTILINE)
_FIELDS = {"title": "title", "link": "link", "id": "id", "guid": "id"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of the suite: its name, its bytes and its headers."""

    name: str
    body: bytes
    headers: tuple[tuple[str, str], ...]

    @property
    def well_formed(self) -> bool:
        """Whether the suite files it under well-formed."""
        return "/wellformed/" in self.name

    def response(self) -> Response:
        """The file as if it had been fetched."""
        return Response(
            url=HOME + self.name, requested_url=HOME + self.name, status=200, headers=self.headers,
            body=self.body, started_at=NOW, first_byte_at=NOW, ended_at=NOW,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """One expectation: of entry `index`, this field has this value."""

    index: int
    field: str
    value: str


def samples(path: Path) -> Iterator[Sample]:
    """The files of the archive in order. Raises WrongUseError naming it when it is not there."""
    if not path.is_file():
        raise WrongUseError(f"could not measure: {path.name} is not in {path.parent}")
    with tarfile.open(path) as archive:
        for member in archive:
            if (file := archive.extractfile(member)) is not None:
                body = file.read()
                headers = tuple((k.decode(), v.decode("latin-1")) for k, v in _HEADER.findall(body[:4096]))
                yield Sample(member.name, body, headers)


def expectations(body: bytes) -> list[Wanted]:
    """The titles, links and ids of entries that a file's expectation names by ==."""
    found = _EXPECT.search(body)
    if found is None:
        return []
    try:
        tree = ast.parse(" ".join(found[1].decode("utf-8").split()).strip(), mode="eval")
    except (SyntaxError, ValueError):
        return []
    return [wanted for node in ast.walk(tree) if isinstance(node, ast.Compare) for wanted in _compared(node)]


def _compared(node: ast.Compare) -> Iterator[Wanted]:
    """`entries[0]['id'] == entries[1]['id'] == 'x'` wants x of both."""
    sides = [node.left, *node.comparators]
    values = [value for side in sides if (value := _text(side)) is not None]
    if len(values) != 1 or not all(isinstance(op, ast.Eq) for op in node.ops):
        return
    for side in sides:
        if (place := _place(side)) is not None:
            yield Wanted(place[0], place[1], values[0])


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None or right is None else left + right
    return None


def _place(node: ast.expr) -> tuple[int, str] | None:
    """entries[0]['title'], entries[0].title and entries[0]['title_detail']['value']."""
    source = (
        ast.unparse(node)
        .replace("['title_detail']['value']", "['title']")
        .replace(".title_detail.value", ".title")
    )
    found = re.fullmatch(r"entries\[(\d+)\](?:\['(\w+)'\]|\.(\w+))", source)
    name = _FIELDS.get((found[2] or found[3]) if found else "")
    return (int(found[1]), name) if found and name else None


class _Words(HTMLParser):
    """The text of HTML, by another parser than ours."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._silent += tag in {"script", "style"}
        self.words.append(" " if tag in {"p", "div", "br", "li", "h1", "h2"} else "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"} and self._silent > 0
        self.words.append(" " if tag in {"p", "div", "li", "h1", "h2"} else "")

    def handle_data(self, data: str) -> None:
        self.words.append("" if self._silent else data)


def as_text(markup: str) -> str:
    """The words of `markup` with single spaces."""
    reader = _Words()
    reader.feed(markup)
    reader.close()
    return " ".join("".join(reader.words).split())


def title_is_html(sample: Sample, index: int) -> bool:
    """What feedparser says of the type of a title: the suite's expectation does not tell."""
    import feedparser

    headers = {name.lower(): value for name, value in sample.headers}
    parsed = feedparser.parse(BytesIO(sample.body), response_headers=headers)
    detail = parsed.entries[index].get("title_detail", {}) if index < len(parsed.entries) else {}
    return str(detail.get("type", "")).endswith(("html", "xml"))


def is_right(wanted: Wanted, post: Post, sample: Sample) -> bool:
    """Whether our post has what the suite wants."""
    if wanted.field == "id":
        return post.post_id == wanted.value
    if wanted.field == "link":
        return post.url in {wanted.value, urljoin(sample.response().url, wanted.value)}
    if title_is_html(sample, wanted.index):
        return " ".join(post.title.split()) == as_text(wanted.value)
    return post.title == " ".join(wanted.value.split())


def judge(sample: Sample, tally: Counter[str], wrong: list[str]) -> None:
    """Read one file and count what came out."""
    tally["files"] += 1
    try:
        posts = rss.parse(sample.response(), rss.Settings(), NOW).posts
    except BadPage:
        tally["no feed"] += 1
        posts = ()
    except Exception as error:  # noqa: BLE001  # exactly what is counted
        tally["errors"] += 1
        wrong.append(f"{sample.name}: {type(error).__name__}: {error}")
        return
    for wanted in expectations(sample.body):
        kind = f"{'well-formed' if sample.well_formed else 'other'} {wanted.field}"
        tally[kind] += 1
        # Entries of the same id are one post with us (in one file of the suite): it stands for both.
        post = posts[min(wanted.index, len(posts) - 1)] if posts else None
        if post is not None and is_right(wanted, post, sample):
            tally[f"{kind} right"] += 1
        else:
            had = (
                {"id": post.post_id, "link": post.url, "title": post.title}[wanted.field]
                if post
                else "no post"
            )
            wrong.append(f"{sample.name}: {wanted.field} {wanted.value[:80]!r}, read {had[:80]!r}")


def run(arguments: list[str]) -> Result:
    """Read the whole suite; `--wrong` prints every expectation that was missed."""
    tally: Counter[str] = Counter()
    wrong: list[str] = []
    began = process_time()
    for sample in samples(DATA):
        judge(sample, tally, wrong)
    if "--wrong" in arguments:
        print("\n".join(wrong))
    fields = ("title", "link", "id")
    asked = sum(tally[f"well-formed {field}"] for field in fields)
    right = sum(tally[f"well-formed {field} right"] for field in fields)
    return Result(
        figures=(
            Figure("files", tally["files"], 2107, "equal"),
            Figure("errors other than BadPage", tally["errors"], 0, "equal"),
            Figure(
                "expectations right", 100 * right / max(1, asked), 98, "at least", "%", f"{right} of {asked}"
            ),
            *(_figure(field, tally) for field in fields),
            Figure("files that are no feed", tally["no feed"], note="refused with BadPage"),
            Figure("processor time", process_time() - began, unit="s", note="with the bench's own reading"),
        ),
        notes=tuple(f"missed: {line}" for line in wrong[:10]),
    )


def _figure(field: str, tally: Counter[str]) -> Figure:
    asked, right = tally[f"well-formed {field}"], tally[f"well-formed {field} right"]
    others = f"ill-formed and others: {tally[f'other {field} right']} of {tally[f'other {field}']}"
    return Figure(
        f"{field}s right", 100 * right / max(1, asked), 98, "at least", "%", f"{right} of {asked}; {others}"
    )
