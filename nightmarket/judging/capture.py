"""Whether a post was captured whole: its bytes, its words, its pictures."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence

from nightmarket.exports import Held
from nightmarket.model import Advert
from nightmarket.truth import Served


class Carriers:
    """Which bodies the server sent complete, and what they carried."""

    def __init__(self, served: Iterable[Served]) -> None:
        self._whole: dict[str, set[str]] = {}
        self._pictures: dict[str, set[str]] = {}
        for one in served:
            if not one.sent or one.status != 200 or not one.sha256:
                continue
            if one.picture:
                self._pictures.setdefault(one.picture, set()).add(one.sha256)
            elif one.whole:
                self._whole.setdefault(one.sha256, set()).update(one.whole)

    def carries(self, sha256: str, key: str) -> bool:
        """Whether a body of that hash left the server complete and carried the post whole."""
        return key in self._whole.get(sha256, ())

    def is_picture(self, sha256: str, key: str, number: int) -> bool:
        """Whether that is picture `number` (from 1) of the post, as sent complete."""
        return sha256 in self._pictures.get(f"{key}#{number}", ())


def is_whole(advert: Advert, held: Sequence[Held], carriers: Carriers) -> str:
    """What is lacking in plain words; the empty string when the post was captured whole."""
    if not held:
        return "never seen"
    seen = [h for h in held if h.observation != "missing"]
    bodies = {sha for h in seen for sha in (h.page_sha256, h.listing_sha256) if sha}
    lacking = []
    if not any(carriers.carries(sha, advert.key) for sha in bodies):
        lacking.append("page bytes")
    if not any(_says(h, advert.first.text) for h in seen):
        lacking.append("text")
    pictures = {sha for h in seen for sha in h.pictures}
    lacking += [
        f"picture {number}"
        for number in range(1, len(advert.pictures) + 1)
        if not any(carriers.is_picture(sha, advert.key, number) for sha in pictures)
    ]
    return ", ".join(lacking)


def _says(held: Held, text: str) -> bool:
    return squeezed(text) in squeezed(f"{held.title}\n{held.text}")


def squeezed(text: str) -> str:
    """Text without white space and in one normal form; nothing else is forgiven."""
    return "".join(unicodedata.normalize("NFC", html.unescape(text)).split())
