"""Hiding ways to reach a person in what is shown: telephones, messenger ids, mail addresses.

For cards, screens, reports and tables, never for originals: those are handed over as
received. Reads a text as judging does (`storage.text`), so a disguise that judging sees
through hides nothing here: spans of the folded views are mapped back to the raw text. Errs
on the side of hiding; dates, prices and ordinary words stay. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from storage.text.contacts import national, places
from storage.text.guesses import BETWEEN, guesses
from storage.text.normal import View, bare_term, each_view, fold, fold_term

STAR = "*"
_KEPT_EACH_SIDE = 2
_LONG = 7
_LEAST = 3
_NO_WORD_CHARS = 8
_AT = r"\s?(?:@|\(at\)|\[at\])\s?"


def star(value: str) -> str:
    """A contact with only its ends left, enough to tell two apart: 138-0013-8000 -> 13*-****-**00."""
    hidden = _hidden([at for at, c in enumerate(value) if c.isalnum()])
    return "".join(STAR if at in hidden else c for at, c in enumerate(value))


def mask(text: str, known: Iterable[str] = ()) -> str:
    """`text` with contacts starred; its length stays.

    known: contacts that judging found ("kind:value" or bare), hidden wherever and however
    they stand. What judging would find in this very text, and what looks like it, is hidden too.
    """
    if len(text) > _KEPT_CHARS:
        return _masked(text, tuple(known))
    return _masked_before(text, tuple(known))


def _masked(text: str, known: tuple[str, ...]) -> str:
    view = fold(text)
    found = list(places(view))
    starred = {at for _, start, end in found for at in _starred(view, text, start, end)}
    for start, end in guesses(view.text):
        starred.update(_starred(view, text, start, end))
    starred |= _known_in(text, (*map(bare, known), *(value for value, _, _ in found)))
    return _with_stars(text, starred)


_KEPT_CHARS = 2_000
"""Longer texts are starred anew each time: what is kept of them would take room."""
_masked_before = lru_cache(maxsize=128)(_masked)
"""The same few texts are starred for each channel that gets an alert, and again at each edit of its card."""


def mask_known(text: str, known: Iterable[str]) -> str:
    """Our own words and addresses of pages: nothing is guessed, only contacts that judging found are starred.

    Those that are one plain word stay: it may be a word of ours.
    """
    return _with_stars(text, _known_in(text, (v for v in map(bare, known) if not v.isalpha())))


def contact(value: str) -> str:
    """One contact as kept in a verdict, its kind left readable. The same on cards and on screens."""
    kind, colon, rest = value.partition(":")
    if colon and re.fullmatch(r"[a-z]+", kind):
        return f"{kind}:{star(rest)}"
    word, space, rest = value.partition(" ")
    return f"{word} {star(rest)}" if space and word.isalpha() else star(value)


def bare(value: str) -> str:
    """The value of a contact without its kind."""
    kind, colon, rest = value.partition(":")
    return rest if colon and re.fullmatch(r"[a-z]+", kind) else value


def _hidden(places: list[int]) -> set[int]:
    """Which of the characters of a contact are hidden: all but its ends."""
    kept = _KEPT_EACH_SIDE if len(places) >= _LONG else 1
    return set(places[kept:-kept]) if len(places) > 2 * kept else set(places)


def _starred(view: View, raw: str, start: int, end: int) -> Iterator[int]:
    """Indexes into `raw` of what is hidden of the contact view[start:end]."""
    for at in _hidden([at for at in range(start, end) if view.text[at].isalnum()]):
        low, high = view.span(at, at + 1)
        yield from (i for i in range(low, high) if _is_drawn(raw[i]))


def _is_drawn(character: str) -> bool:
    """False for marks and invisible characters, which show nothing without what they stand on."""
    return unicodedata.category(character) not in ("Mn", "Me", "Cf")


def _with_stars(text: str, starred: set[int]) -> str:
    return "".join(STAR if at in starred else c for at, c in enumerate(text)) if starred else text


def _known_in(text: str, values: Iterable[str]) -> set[int]:
    """Indexes into `text` of what is hidden of known contacts, under every view of the text."""
    wanted = sorted({value for value in values if sum(map(str.isalnum, value)) >= _LEAST})
    if not wanted:
        return set()
    folded, joined, bared = each_view(text)
    starred: set[int] = set()
    for value in wanted:
        plain, undone = fold_term(value), bare_term(value)
        for view, word in ((folded, plain), (joined, plain), (bared, undone)):
            for found in _spread(word).finditer(view.text):
                starred.update(_starred(view, text, *found.span()))
    return starred


@lru_cache(maxsize=1024)
def _spread(value: str) -> re.Pattern[str]:
    """A pattern for a folded value however it is parted: 13800138000 finds 138-0013 8000.

    A telephone is found without its country's prefix as well; a short word or number only
    where it stands alone, not inside another.
    """
    number = not any(c.isalpha() for c in value)
    characters = national(value) if number else "".join(c for c in value if c.isalnum() or c == "@")
    pattern = BETWEEN.join(_AT if c == "@" else re.escape(c) for c in characters) or r"(?!)"
    if len(characters) < _NO_WORD_CHARS and (number or characters.isalpha()):
        alone = r"\d" if number else "a-z0-9"
        pattern = rf"(?<![{alone}]){pattern}(?![{alone}])"
    return re.compile(pattern)
