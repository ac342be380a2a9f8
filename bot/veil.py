"""Whether pictures of an alert may show a dead or cut up animal, so that they come behind a veil. Pure.

Known by words alone: of the known picture that one resembles (label), of products, reasons (words
read in pictures too) and of the post. Too much is veiled rather than too little: a touch lifts it, and
what is said stands beside it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from storage.model import Alert

_MOST = 20_000
"""Characters of a post's text that are looked at."""
_WORDS = re.compile(
    r"\b(?:carcas(?:s|se|ses|e|es)|corpses?|cadavers?|dead (?:bod(?:y|ies)|animals?)|slaughter(?:ed|ing)?"
    r"|butchered|dismembered|beheaded|skinned|gutted|disembowell?ed|entrails|severed heads?|bush ?meat"
    r"|bangkai|disembelih|kadaver|carcaça|cadáver(?:es)?)\b"
    r"|\b(?:туш[аиуе]|трупы?|xác (?:chết|động vật|tê tê|hổ|voi)|mổ thịt)\b"
    r"|尸体|屍體|死尸|死屍|死体|死體|屠宰|宰杀|宰殺|剥皮|剝皮|现宰|現宰|整只冻|冻尸|内脏|內臟|砍头"
    r"|ซาก(?:สัตว์|เสือ|ช้าง)|ชำแหละ|死骸|屠殺|사체|도살",
    re.IGNORECASE,
)
"""Carcass, dead body, slaughtered, skinned and the like in the languages of the lexicon."""


def needs_veil(alert: Alert) -> bool:
    """Whether anything that is known of the alert speaks of a carcass."""
    return any(_WORDS.search(text) for text in _texts(alert))


def _texts(alert: Alert) -> Iterator[str]:
    yield from (match.label.replace("_", " ") for match in alert.matches)
    if alert.verdict is not None:
        yield from alert.verdict.products
        for reason in alert.verdict.reasons:
            yield from (reason.what, reason.span)
    if alert.evidence is not None:
        post = alert.evidence.post
        yield from (post.title, post.text[:_MOST])
        yield from (picture.alt for picture in post.pictures)


_BLURRED_PX = 24
"""So few pixels of the longer side are left: shape and colour of a tile, and nothing of what it shows."""


def blurred(sheet: bytes) -> bytes:
    """A contact sheet of ours (JPEG) past recognition, of the same shape; b"" for what is none. Blocks."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(sheet), formats=("JPEG",)) as picture:
            size = picture.size
            picture.draft("RGB", (_BLURRED_PX * 4, _BLURRED_PX * 4))
            small = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return b""
    small.thumbnail((_BLURRED_PX, _BLURRED_PX))
    shown, longest = io.BytesIO(), max(size)
    wanted = (max(1, size[0] * 640 // longest), max(1, size[1] * 640 // longest))
    small.resize(wanted, Image.Resampling.BICUBIC).save(shown, "JPEG", quality=60)
    return shown.getvalue()
