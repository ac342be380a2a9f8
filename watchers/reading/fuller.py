"""The whole of a text among several of one post: not the excerpt, however long its "read on". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CUT = re.compile(r"[\s\[(]*(?:…+|\.{3,})[\])]?([^…]*)\Z")
_TAIL = 400
"""Characters after the mark of a cut: "Continue reading" and the title."""
_LEAST = 20
"""Letters that the beginnings of two texts must share to be of one, where more stands after the cut."""


def fuller(texts: Iterable[str]) -> str:
    """The longest text, save where it is a shortened form of another: then that one."""
    ranked = sorted(texts, key=len, reverse=True)
    if not ranked:
        return ""
    stem, is_bare = _stem(ranked[0])
    if len(stem) >= (1 if is_bare else _LEAST):
        for other in ranked[1:]:
            said = "".join(other.split())
            if len(said) > len(stem) and said.startswith(stem):
                return other
    return ranked[0]


def _stem(text: str) -> tuple[str, bool]:
    """(what stands before the mark at which a text was cut, without white space; whether nothing follows it).

    ("", False) when it is whole. Where nothing follows, a text with the same beginning says all of it.
    """
    tail = text[-_TAIL:]
    found = _CUT.search(tail)
    if not found:
        return "", False
    stem = "".join(text[: len(text) - len(tail) + found.start()].split())
    return stem, not found.group(1).strip()
