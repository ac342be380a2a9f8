"""A term found in a text: the word that every searching part returns."""

from __future__ import annotations

from dataclasses import dataclass

from watchers.lexicon import Term


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A term in the text. start, end, span: raw.

    view: V0 as written ... V4 bare, V5 by sound, in pinyin, by an emoji or turned round.
    hidden: spelled so that a plain search would miss it, which nobody does by chance.
    compound: part of a harmless word (象牙白); near: harmless wording close by;
    piece: close to wording of a worked or raw piece.
    """

    term: Term
    view: str
    start: int
    end: int
    span: str
    hidden: bool = False
    compound: str = ""
    near: tuple[str, ...] = ()
    piece: bool = False
