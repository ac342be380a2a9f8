"""Words that an admin accepted or rejected: two files in the data folder, which only these commands write.

`observed.tsv` is a lexicon file like any other and is read last; `rejected.tsv` keeps a word from
being proposed again. Nothing that is shipped, and no file of the admin's own, is edited.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from storage.errors import ConfigError
from storage.files import write_whole
from watchers.detect.novel import words_of
from watchers.lexicon import COLUMNS, Lexicon, Term

REJECTED = "rejected.tsv"
TIER = 4
_MOST_TERM = 80
_HEAD = "# Words accepted by `nightjar lexicon accept`; read after all other files.\n"
_HEAD_REJECTED = "# Words that `nightjar lexicon suggest` proposes no more: term, date, by whom.\n"
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A word to be taken up. lang, cites: "" for what its letters and the product's terms say."""

    term: str
    product: str
    lang: str
    cites: str
    by: str
    day: date


def accept(observed: Path, configured: tuple[Path, ...], wish: Wish) -> Term:
    """Add a word as a term of tier 4, source "observed"; the term. Raises ConfigError, OSError.

    configured: the files that are in force, with `observed` among them once it is there.
    """
    text, product = _plain(wish.term, "term"), _plain(wish.product, "product")
    by = _plain(wish.by, "name")
    lexicon = Lexicon.load(configured)
    lang = wish.lang or _language(text)
    for term in lexicon.terms:
        if term.text.casefold() == text.casefold() and term.lang == lang:
            raise ConfigError(f"{text!r} ({lang}) is a term already: tier {term.tier}, {term.where}")
    cites = wish.cites or _appendix(lexicon, product)
    cells = (
        text,
        lang,
        "code",
        product,
        cites,
        str(TIER),
        "observed",
        "",
        f"accepted by {by}",
        str(wish.day),
    )
    before = observed.read_bytes() if observed.is_file() else b""
    _write(observed, [*_rows(observed), "\t".join(cells)], wish.day)
    others = tuple(path for path in configured if path != observed)
    again = Lexicon.load((*others, observed))
    found = next((t for t in again.terms if t.text == text and t.lang == lang), None)
    wrong = [str(m) for m in again.mistakes if text in str(m)] or [str(m) for m in again.mistakes[-1:]]
    if found is None:
        _restore(observed, before)
        raise ConfigError(f"{text!r} was not taken up: {'; '.join(wrong) or 'its row is no term'}")
    _forget_rejection(observed.with_name(REJECTED), text)
    return found


def reject(observed: Path, term: str, by: str, day: date) -> bool:
    """Propose a word no more, take it back if it was accepted; whether it was. Raises as `accept`."""
    text, who = _plain(term, "term"), _plain(by, "name")
    rows = _rows(observed)
    kept = [row for row in rows if row.split("\t")[0].casefold() != text.casefold()]
    if len(kept) < len(rows):
        _write(observed, kept, day)
    path = observed.with_name(REJECTED)
    _forget_rejection(path, text)
    lines = path.read_text(encoding="utf-8") if path.is_file() else _HEAD_REJECTED
    _replace(path, f"{lines}{text}\t{day}\t{who}\n")
    return len(kept) < len(rows)


def rejected(folder: Path) -> frozenset[str]:
    """Words that were rejected, folded as proposals are."""
    path = folder / REJECTED
    if not path.is_file():
        return frozenset()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    terms = [line.split("\t")[0] for line in lines if line and not line.startswith("#")]
    return frozenset(word for term in terms for word in (term.casefold(), *_whole(term)))


def _whole(term: str) -> set[str]:
    """The term as it would be proposed: the longest of its own words."""
    words = words_of(term)
    longest = max(map(len, words), default=0)
    return {word for word in words if len(word) == longest and len(word) >= len(term.strip()) - 1}


def _plain(text: str, name: str) -> str:
    """A cell: one line without tabs. Raises ConfigError."""
    cell = " ".join(text.split())
    if not cell or len(cell) > _MOST_TERM or not cell.isprintable() or ";" in cell or cell.startswith("#"):
        raise ConfigError(
            f"a {name} has 1 to {_MOST_TERM} printable characters, no semicolon, no # before it"
        )
    return cell


def _language(text: str) -> str:
    return next((lang for lang, script in _SCRIPTS if script.search(text)), "en")


def _appendix(lexicon: Lexicon, product: str) -> str:
    """The CITES appendix that terms of this product have, or "-"."""
    known = Counter(term.cites for term in lexicon.terms if product in term.products)
    return known.most_common(1)[0][0] if known else "-"


def _rows(path: Path) -> list[str]:
    """Rows of terms as they stand, without comments and the head line."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("#", "term\t"))]


def _write(path: Path, rows: list[str], day: date) -> None:
    body = "".join(f"{row}\n" for row in rows)
    head = "\t".join(COLUMNS)
    _replace(path, f"{_HEAD}# version observed-{day}\n{head}\n{body}")


def _forget_rejection(path: Path, text: str) -> None:
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.split("\t")[0].casefold() != text.casefold()]
    if len(kept) < len(lines):
        _replace(path, "".join(kept))


def _restore(path: Path, before: bytes) -> None:
    if before:
        _replace(path, before.decode("utf-8"))
    else:
        path.unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    write_whole(part, text.encode("utf-8"), mode=0o644)
    part.replace(path)
