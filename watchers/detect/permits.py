"""Numbers of permits and certificates that an advert names, so that an officer can ask the authority. Pure.

A number counts only behind a word for a paper (CITES permit, Article 10 certificate, 收藏证). Its form is
not checked: every authority has its own, and a made-up one is worth knowing too. Captured and shown, never
weighed (domain facts, section 4: exculpatory statements).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from storage.text.normal import Views

_PAPER = (
    r"(?<![a-z])cites|(?<![a-z])permit|certificate|licen[cs]e|registration|registered|article 10|art\.? ?10"
    r"|(?<![a-z])a10|证书|收藏证|许可证|批文|标识|登录票|登录证|登录记号|登录番号|giấy phép|giấy chứng nhận"
    r"|(?<![a-z])izin|sertifikat|ใบอนุญาต|ใบรับรอง|сертификат|разрешени|свидетельств|certificat|certificado"
    r"|permiso|licencia|licença|bescheinigung|genehmigung|허가|등록|증명서|شهادة|تصريح|رخصة"
)
_BETWEEN = r"[^\n\d]{0,24}?"
_NUMBER = (
    r"(?<![a-z\d])(?:第\s?)?(?!n[or][ .\-]|id[ \-])(?:[a-z]{2}[ \-]){0,2}(?:[a-z]{1,4}|[a-z]-)?"
    r"\d[\da-z]*(?:[/.\-][\da-z]{1,14}){0,6}"
)
_NAMED = re.compile(rf"(?:{_PAPER}){_BETWEEN}({_NUMBER})(?![a-z\d])")
_CHINESE = re.compile(
    r"[\u4e00-\u9fff]{0,6}[许准驯濒][\u4e00-\u9fff]{0,4}\s?[\[〔(【](?:19|20)\d\d[\])〕】]\s?第?\s?\d{1,8}\s?号"
)
"""As Chinese offices number what they permit: 林护许准〔2021〕1234号. It needs no further word."""
_REACH = re.compile(
    r"[微薇]|威信|卫星|联系|聯繫|加我|电话|電話|手机|手機|扣扣|(?<![a-z])(?:v|vx|wx|wechat|weixin|qq|tel|phone|mobile|hp"
    r"|whatsapp|wa|zalo|telegram|tg|line|signal|viber|call|contact|dm|pm)(?![a-z])"
)
"""Words behind which stands how to reach somebody, and no number of a paper."""
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d|\d{1,3}")
_DATE = re.compile(r"\d{1,2}[./\-]\d{1,2}[./\-]\d{2,4}|\d{4}[./\-]\d{1,2}[./\-]\d{1,2}")
_MOST = 5


def permit_numbers(views: Views, taken: Sequence[tuple[int, int]] = ()) -> tuple[str, ...]:
    """Numbers of papers as written, each once, at most five. taken: raw spans of sums and contacts."""
    text = views.folded.text
    offices = (views.folded.span(*found.span()) for found in _CHINESE.finditer(text)) if "号" in text else ()
    chinese = [views.raw[start:end].strip() for start, end in offices]
    return tuple(dict.fromkeys([*chinese, *_numbers(views, taken)]))[:_MOST]


def _numbers(views: Views, taken: Sequence[tuple[int, int]]) -> Iterator[str]:
    text, at = views.folded.text, 0
    while (found := _NAMED.search(text, at)) is not None:
        start, end = views.folded.span(*found.span(1))
        reach = _REACH.search(text, found.start(), found.start(1))
        number = _without_small_word(views.raw[start:end].strip())
        is_free = reach is None and not any(low < end and start < high for low, high in taken)
        if _is_number(number) and is_free:
            yield number
        at = found.end() if is_free and _is_number(number) else found.start(1) + 1


def _without_small_word(written: str) -> str:
    """No "of" before a number is an office's name, but in "RU 12345" it is Russia's."""
    head, space, rest = written.partition(" ")
    return rest if space and not head.isupper() and not head.startswith("第") else written


def _is_number(written: str) -> bool:
    """Whether it is neither a year nor a date, and long enough to be somebody's."""
    least = 3 if "/" in written else 4
    plain = _YEAR.fullmatch(written) or _DATE.fullmatch(written)
    return not plain and sum(map(str.isdigit, written)) >= least
