"""The verdict on all that a post shows: its words, its pictures, their codes, the words in them, hints. Pure.

What was read in a picture is judged together with the post's own words, as if it were a caption: the
term may stand in the picture and the price beside it. It can make a verdict louder, never quieter, and
every reason that only a picture gives says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from storage.model import Picture, PictureMatch, PictureRef, Post, Reason, Verdict
from watchers.detect.hint import with_hints
from watchers.detect.misread import Mended, mended
from watchers.detect.picture import with_codes
from watchers.detect.score import judge
from watchers.lexicon import Lexicon

if TYPE_CHECKING:
    from watchers.detect.model import Model

READ = "read in a picture"
_SHOWN_CHARS = 80
_LINES_MOST = 120


def judge_whole(
    post: Post,
    pictures: tuple[Picture, ...],
    matches: tuple[PictureMatch, ...],
    lexicon: Lexicon,
    local_hour: int | None,
    *,
    history: Sequence[Reason] = (),
    model: Model | None = None,
    country: str = "",
) -> Verdict:
    """As `score.judge`, with what QR codes, the words in the pictures and a classifier say."""
    every = partial(judge, history=history, model=model, country=country)
    plain = every(post, pictures, matches, lexicon, local_hour)
    lines = _lines(pictures, lexicon)
    if not lines:
        return with_hints(with_codes(plain, pictures), pictures)
    caption = PictureRef(url="", alt="\n".join(line.text for line in lines))
    with_words = replace(post, pictures=(*post.pictures, caption))
    read = every(with_words, pictures, matches, lexicon, local_hour)
    return with_hints(with_codes(_merged(plain, read, lines), pictures), pictures)


def _lines(pictures: Iterable[Picture], lexicon: Lexicon) -> tuple[Mended, ...]:
    words = dict.fromkeys(line for picture in pictures for line in picture.words)
    return tuple(mended(line, lexicon) for line in tuple(words)[:_LINES_MOST])


def _merged(plain: Verdict, read: Verdict, lines: tuple[Mended, ...]) -> Verdict:
    """The louder of both, with every contact, and what was read told once."""
    louder = read.score > plain.score
    known = {(reason.kind, reason.what) for reason in plain.reasons}
    taken = {term.casefold(): as_read for line in lines for as_read, term in line.taken}
    found = [reason for reason in read.reasons if (reason.kind, reason.what) not in known]
    told = [_told(reason, taken, weighs=louder) for reason in found if louder or reason.kind in _TOLD]
    kept = [r for r in read.reasons if (r.kind, r.what) in known] if louder else list(plain.reasons)
    return replace(
        read if louder else plain,
        reasons=(*kept, *told, _shown(lines)),
        contacts=tuple(dict.fromkeys((*plain.contacts, *read.contacts))),
    )


_TOLD = ("term", "contact", "price")
"""Kinds of reasons that are told even where they change nothing."""


def _told(reason: Reason, taken: dict[str, str], *, weighs: bool) -> Reason:
    as_read = taken.get(reason.span.casefold(), "")
    remark = f'{READ} as "{as_read}"' if as_read else READ
    detail = f"{reason.detail}, {remark}" if reason.detail else remark
    return replace(reason, detail=detail, weight=reason.weight if weighs else 0.0)


def _shown(lines: tuple[Mended, ...]) -> Reason:
    text = " · ".join(line.text for line in lines)
    return Reason(
        kind="context", what="words in a picture", weight=0.0, span=text[:_SHOWN_CHARS], detail=READ
    )
