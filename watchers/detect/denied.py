"""Papers that a post says it lacks: "no permit" speaks for nobody. Pure.

A word for papers counts as denied where a negation stands right before it ("without any valid permit",
没有任何证书) or right behind it (登録票なし, 手续不全). "No permit needed" denies nothing: it claims that
all is legal. Looks at some thirty characters, so that hostile text stays linear.
"""

from __future__ import annotations

import re
import unicodedata

_BEFORE, _BEHIND = 32, 24
_S = r"[ \t\u3000]*"
_ASIAN = (
    r"(?:(?<!有)[无無]|[没沒缺](?:有|少|办|辦)?|(?:不|未)(?:带|帶|含|附|办|辦|取得|持)|不具备?|未[经經])"
    rf"(?:了|过|過)?{_S}"
    rf"(?:(?:任何|相关|相關|正规|正規|合法|有效|官方|进口|進口|什么|什麼|個|个|张|張|的|cites){_S}){{0,4}}"
)
_PLAIN_NO = r"(?:[不非]|ไม่(?:มี|ได้)?)"
"""Before words that say themselves that something is legal (不合法), and in Thai."""
_NO = (
    r"no|not|never|without|w/o|lacks?|lacking|missing|(?:do|does|did)(?:n['\u2019]?t| not) have"
    r"|không(?: có| hề có)?|chưa(?: có)?|k có|ko có"
    r"|tanpa|(?:tidak|tdk|tak|gak|ga|nggak|belum)(?: ada| punya)?"
    r"|sans|pas de|aucune?|sin|ning[uú]n|no tiene|ohne|keine?[nr]?|без|нет"
)
_FILL = (
    r"any|an?|the|valid|proper|legal|official|export|import|cites|bất kỳ|bat ky|các|surat|apa pun|apapun"
    r"|une?|des|gültige[nrs]?|официальн\w{0,4}"
)
_SPACED = rf"(?<![^\W\d_])(?:{_NO})[ \t]+(?:(?:{_FILL})[ \t]+){{0,3}}"
_DENIED = re.compile(rf"(?:{_ASIAN}|{_PLAIN_NO}|{_SPACED})$")
_NEXT = re.compile(
    rf"{_S}(?:(?<![^\W\d_])(?:or|nor|hoặc|hay|atau|ou|oder|или)(?![^\W\d_])|[和或及与與、/])?{_S}"
)
_LACKING = re.compile(
    rf"{_S}(?:[:：]{_S}(?:none|no\b|[无無])|なし|無し|無く|がない|がありません|はありません|[이가은]? ?없"
    rf"|[没沒]有?[办辦]|不[全齐齊]|都?[没沒]有{_S}(?:$|[\W_]))"
)
_NEEDLESS = re.compile(r"(?:[ \t]+[a-z]+){0,2}?[ \t]+(?:is |are )?(?:needed|required|necessary)")


def is_denied(raw: str, start: int, end: int, *, denied_to: int) -> bool:
    """Whether the word for papers at [start, end) of the raw text is denied.

    denied_to: where the denied word before it ends, -1 for none: "no permits or papers" denies both.
    """
    behind = _folded(raw[end : end + _BEHIND])
    if _NEEDLESS.match(behind):
        return False
    if 0 <= denied_to <= start <= denied_to + 10 and _NEXT.fullmatch(_folded(raw[denied_to:start])):
        return True
    before = _folded(raw[max(0, start - _BEFORE) : start])
    return bool(_DENIED.search(before) or _LACKING.match(behind))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
