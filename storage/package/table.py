"""The posts of a package as a table for spreadsheet programs: UTF-8 with a mark, RFC 4180.

Strangers write what stands in the cells. A cell that a spreadsheet would take for a formula
begins with an apostrophe here; other programs see that apostrophe too. Contacts are starred
unless the export was asked for unmasked.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from storage.codec import stamp
from storage.dossier import Casefile
from storage.package.layout import TABLE, Package
from storage.package.report import by_post
from storage.starred import shown_to_all

COLUMNS = (
    "number", "target", "post_id", "address", "title", "text", "seller", "price", "place", "posted_as_shown",
    "first_captured_at", "looks", "state", "last_seen_at", "first_missing_at", "interval_s", "confirmations",
    "missing_class", "control", "inferred_tier", "inferred_score", "inferred_contacts", "pictures",
    "evidence_ids", "manifest_sha256", "log_entries",
)  # fmt: skip
MOST_CHARACTERS = 30_000
"""Of one cell; spreadsheets stop at 32,767."""
_FORMULA = re.compile(r"^[\s\x00-\x20\u200b-\u200f\ufeff]*[=+\-@|%＝＋－＠﹦﹢﹣]|^[\t\r\n]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def write_table(work: Path, package: Package) -> None:
    """Write `data/case/posts.csv`. Raises OSError."""
    path = work / TABLE
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = shown_to_all(package.files, unmasked=package.meta.unmasked)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for number, looks in enumerate(by_post(shown), 1):
            writer.writerow([cell(value) for value in _row(number, looks)])


def cell(value: object) -> str:
    """A value as a cell that no spreadsheet program runs. Whole numbers of ours stay as they are."""
    if isinstance(value, int):
        return str(value)
    text = _CONTROL.sub("·", str(value))
    text = text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"
    return "'" + text if _FORMULA.match(text) else text


def _row(number: int, looks: Sequence[Casefile]) -> Iterator[object]:
    first, last = looks[0], looks[-1]
    post = first.evidence.post
    yield from (number, first.evidence.target, post.post_id, post.url)
    yield from (post.title, post.text, " ".join(filter(None, (post.seller, post.seller_url))))
    yield from (post.price, post.location, post.posted_raw)
    yield from (stamp(first.evidence.captured_at), len(last.chain))
    yield from _life(last)
    yield from _inferred(looks)
    pictures = dict.fromkeys(p.sha256 for file in looks for p in file.evidence.pictures)
    yield " ".join(pictures)
    yield " ".join(file.evidence.evidence_id for file in looks)
    yield " ".join(file.evidence.manifest_sha256 for file in looks)
    yield " ".join(str(file.evidence.leaf_index) for file in looks)


def _life(last: Casefile) -> tuple[object, ...]:
    life = last.lifetime
    if life is None:
        return ("not known", "", "", "", "", "", "")
    if life.first_missing_at is None:
        return ("up when last seen", stamp(life.last_seen_at), "", "", "", "", "")
    width_s = round((life.first_missing_at - life.last_seen_at).total_seconds())
    times = (stamp(life.last_seen_at), stamp(life.first_missing_at))
    return ("vanished", *times, width_s, life.confirmations, life.missing_class, life.control)


def _inferred(looks: Sequence[Casefile]) -> tuple[object, ...]:
    """The loudest verdict of the looks."""
    verdicts = sorted((f.verdict for f in looks if f.verdict is not None), key=lambda v: v.tier.rank)
    if not verdicts:
        return ("", "", "")
    contacts = dict.fromkeys(c for file in looks if file.verdict is not None for c in file.verdict.contacts)
    return verdicts[0].tier.value, verdicts[0].score, ", ".join(contacts)
