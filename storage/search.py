"""Finding text in any script: overlapping pairs of characters, the same on every engine.

SQLite's own trigram index misses words of two characters, and many trade names have two
(血料, XY). So a run of letters and digits "abc" becomes the tokens "ab bc c", written as
code points so that no tokenizer can take them apart; a word is a phrase of such tokens.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

SCHEMA = (
    "CREATE VIRTUAL TABLE search USING fts5(post, contacts, content='', tokenize='unicode61', columnsize=0)"
)
"""A contentless index: the text itself stands in its row. rowid: 2 * seq, or 2 * seq + 1 for contacts."""
INSERT = "INSERT INTO search(rowid, post, contacts) VALUES (?, ?, ?)"
_MAX_INDEXED = 100_000
_OFTEN_CHARS = 24
"""Runs up to it are mostly words that come again; longer ones are not remembered."""
_MAX_QUERY = 200
_MOST_CODES = 0x10000
"""Characters beyond it are looked up each time, so that no text makes the table large."""


def fold(text: str) -> str:
    """Compatibility forms and case folded: full-width, half-width and capitals are alike."""
    return unicodedata.normalize("NFKC", text).casefold()


def runs(text: str) -> list[str]:
    """The unbroken stretches of letters, digits, marks and symbols; spaces and punctuation part them."""
    return fold(text).translate(_KEPT).split()


class _Kept(dict[int, int]):
    """A table for `translate` that fills itself: letters, numbers, marks and symbols stay, the rest parts."""

    def __missing__(self, code: int) -> int:
        kept = code if unicodedata.category(chr(code))[0] in "LNMS" else 32
        if code < _MOST_CODES:
            self[code] = kept
        return kept


_KEPT = _Kept()


def tokens(text: str) -> str:
    """The tokens of a text, space-joined, in order. Linear; the first 100,000 characters."""
    return " ".join(
        _often(run) if len(run) <= _OFTEN_CHARS else " ".join(_pairs(run))
        for run in runs(text[:_MAX_INDEXED])
    )


@lru_cache(maxsize=8_192)
def _often(run: str) -> str:
    return " ".join(_pairs(run))


def joined(parts: Iterable[str]) -> str:
    """The tokens of several texts, which never run into one another."""
    return tokens("\n".join(parts))


def contacts(found: Iterable[str]) -> str:
    """The tokens of contacts, as written and without their separators: 138-0000 is found as 1380000."""
    return joined(form for contact in found for form in (contact, _bare(contact)))


def _bare(contact: str) -> str:
    """Letters and digits only: +86 138-0000 and 861380000 are alike."""
    return "".join(c for c in fold(contact) if c.isalnum())


def _pairs(run: str) -> list[str]:
    codes = [f"{ord(c):x}" for c in run]
    return [f"u{a}u{b}" for a, b in itertools.pairwise(codes)] + [f"u{codes[-1]}"]


def phrases(text: str) -> list[str]:
    """One FTS5 expression per word of `text`: each finds the word as part of a run.

    Linear; the first 200 characters. [] when there is nothing to search for.
    """
    return [_phrase(run) for run in runs(text[:_MAX_QUERY])]


def contact_phrases(contact: str) -> list[str]:
    """The expression for a phone number or account name, whatever separators were typed."""
    return phrases(_bare(contact[:_MAX_QUERY]))


def _phrase(run: str) -> str:
    if len(run) == 1:
        return f"u{ord(run):x} OR u{ord(run):x}u*"
    return '"' + " ".join(_pairs(run)[:-1]) + '"'
