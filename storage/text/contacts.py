"""Ways to reach a seller that stand in a text: messengers, mail, telephones; normalised.

Read from the folded view of `normal`, so full-width and enclosed digits and invisible
characters do not hide them; Chinese numerals count as digits inside long numbers.
A number is only a telephone when a national pattern or a cue says so, and never when it
is part of a price, date or article number. Numbers beside "hotline" or "举报" are
reported apart: they are the police's, not the seller's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from storage.text import ways
from storage.text.normal import View, fold
from storage.text.numbers import e164, without_country
from storage.text.scan import finds
from storage.text.spoken import spoken

_CONTACTS_MAX = 50
_NEAR_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One contact. kind: wechat, qq, telegram, whatsapp, line, zalo, kakao, email, phone ...

    value: normalised, comparable between posts (telephones as +CC... where the country
    shows). span: raw text. hotline: an authority's number, not the seller's.
    """

    kind: str
    value: str
    start: int
    end: int
    span: str
    hotline: bool = False

    @property
    def key(self) -> str:
        """Kind and value as kept in a verdict, parted by a colon."""
        return f"{self.kind}:{self.value}"

    @property
    def is_messenger(self) -> bool:
        """True for channels of private talk, which shops and authorities rarely lead with."""
        return self.kind not in ("phone", "email", "site")


def contacts(text: str, region: str = "") -> tuple[Contact, ...]:
    """Every contact of `text`, each value once, in order. Linear; at most 50.

    region: ISO 3166 code of the country in which it was written, "" when that is not known.
    """
    return contacts_in(fold(text), text, region)


def contacts_in(view: View, raw: str, region: str = "") -> tuple[Contact, ...]:
    """As `contacts`, from a folded view that exists already; spans refer to `raw`."""
    digits = _with_digits(view.text)
    found: dict[str, Contact] = {}
    taken: list[tuple[int, int]] = []
    for kind, value, (start, end), _ in _all(digits, region):
        if len(found) >= _CONTACTS_MAX:
            break
        if any(start < high and end > low for low, high in taken[-_CONTACTS_MAX:]):
            continue
        taken.append((start, end))
        low, high = view.span(start, end)
        contact = Contact(kind=kind, value=value, start=low, end=high, span=raw[low:high])
        near = view.text[max(0, start - _NEAR_CHARS) : end + _NEAR_CHARS]
        found.setdefault(contact.key, replace(contact, hotline=bool(_HOTLINE.search(near))))
    return tuple(sorted(found.values(), key=lambda contact: contact.start))


def places(view: View) -> Iterator[tuple[str, int, int]]:
    """(value, start, end) of every contact in a folded view, however often and wherever it stands.

    The span is that of the value alone, without the cue or host before it.
    """
    for _, value, _, (start, end) in _all(_with_digits(view.text)):
        yield value, start, end


class _Hit(NamedTuple):
    """A contact with the span of the whole match and of the value in it."""

    kind: str
    value: str
    whole: tuple[int, int]
    inner: tuple[int, int]


_NUMERALS = str.maketrans("〇零一壹幺二贰三叁四肆五伍六陆七柒八捌九玖", "001112233445566778899")
_NUMBER_RUN = re.compile(
    r"[0-9〇零一壹幺二贰三叁四肆五伍六陆七柒八捌九玖][0-9〇零一壹幺二贰三叁四肆五伍六陆七柒八捌九玖\s\-.]{5,28}"
)
_LIKE_DIGITS = re.compile(
    r"(?<![a-z0-9@._+])\+?(?=[oil]?\d|[oil]\d)(?=(?:[\s.\-]?[oil]?[\s.\-]?\d){7})"
    r"[0-9oil](?:[\s.\-]?[0-9oil]){7,13}(?![a-z0-9])"
    r"|(?<![a-z0-9])[1il][3-9][0-9oil]{9}(?![a-z0-9])"
)
"""A long number in which letters stand for 1 and 0, two of them together only in a Chinese mobile number."""
_TWINNED = re.compile(r"[oil][\s.\-]?\d|\d[\s.\-]?[oil]")
_KOREAN_RUN = re.compile(
    r"[0-9공영일이삼사오육륙칠팔구](?:[\s\-.]{0,2}[0-9공영일이삼사오육륙칠팔구]){8,12}(?![가-힣])"
)
_KOREAN = str.maketrans("공영일이삼사오육륙칠팔구", "001234566789")
_DIGIT_TWINS = str.maketrans("oil", "011")
_NUMERAL = "[〇零一壹幺二贰三叁四肆五伍六陆七柒八捌九玖]"
_IN_ID = re.compile(rf"{_NUMERAL}(?<=[a-z0-9_]{{3}}.){_NUMERAL}{{0,7}}(?![\u3007\u4e00-\u9fffa-z])")
"""Numerals that end an id ("moonfox七七"): not those that begin the next word ("moonfox77一手")."""
_THREE_NUMERALS = re.compile(_NUMERAL * 3)
_HOTLINE = re.compile(
    r"hot ?line|report (?:to|it)|tip ?line|crimestopper|call the police|举报|热线|报警|đường dây nóng"
    r"|tố giác|lapor|pengaduan|สายด่วน|แจ้งเบาะแส|通報|신고"
)


def _with_digits(text: str) -> str:
    """Chinese numerals as digits inside long runs of them and at the end of an id; the length stays."""
    if _TWINNED.search(text):
        text = _LIKE_DIGITS.sub(lambda run: run[0].translate(_DIGIT_TWINS), text)
    if text.isascii():
        return text
    text = _IN_ID.sub(lambda run: run[0].translate(_NUMERALS), text)
    if "공" in text:
        text = _KOREAN_RUN.sub(lambda run: run[0].translate(_KOREAN), text)
    if not _THREE_NUMERALS.search(text):
        return text
    return _NUMBER_RUN.sub(lambda run: run[0].translate(_NUMERALS), text)


def _all(text: str, region: str = "") -> Iterator[_Hit]:
    """Every contact of a folded text, the surest patterns first."""
    land = "" if text.isascii() else _land(text)
    for kind, pattern in ways.LINKS if "/" in text or " slash " in text else ():
        for match in pattern.finditer(text):
            yield _Hit(kind, _link_form(kind, match[1], land, region), match.span(), match.span(1))
    yield from _mails(text)
    named = {kind for kind, words in ways.WORDS.items() if any(map(text.__contains__, words))}
    for kind, cue, pattern in ways.CUES:
        if kind in ways.WORDS and kind not in named:
            continue
        for match in finds(pattern, cue, 0, text):
            if _is_id(kind, match[1], marked=text[match.start(1) - 1] == "@"):
                yield _Hit(kind, _id_form(kind, match[1], land, region), match.span(), match.span(1))
    yield from _phones(text, land, region)
    for digits, said_in, start, end in spoken(text):
        form = phone_form(digits, land=land, region=region or said_in) or digits
        yield _Hit("phone", form, (start, end), (start, end))
    for match in finds(_HANDLE, _AT_SIGN, 0, text):
        yield _Hit("handle", match[1], match.span(), match.span(1))


def _mails(text: str) -> Iterator[_Hit]:
    for match in finds(ways.EMAIL, ways.AT, ways.EMAIL_REACH, text):
        value = re.sub(r"\s*(?:\[at\]|\(at\)|@)\s*", "@", match[0])
        yield _Hit("email", value, match.span(), match.span())
    if not any(word in text for word in ways.DOT_WORDS):
        return
    for core, pattern, reach in (
        (ways.SPOKEN_AT, ways.SPOKEN, ways.SPOKEN_REACH),
        (ways.AT, ways.VEILED, 66),
    ):
        for match in finds(pattern, core, reach, text):
            name, host = (ways.DOT_WORD.sub(".", part) for part in match.groups())
            yield _Hit("email", f"{name}@{host}", match.span(), match.span())


def _land(text: str) -> str:
    """The country whose mobile numbers the script of a text tells from those of others, or ""."""
    if _THAI.search(text):
        return "TH"
    if _BURMESE.search(text):
        return "MM"
    if _HAN.search(text) and not _KANA.search(text) and not _VIETNAMESE.search(text):
        return "TW"
    return ""


def _link_form(kind: str, value: str, land: str, region: str) -> str:
    """The id of a link; links to numbers have the country's, with or without a plus sign."""
    if kind == "whatsapp" and value.isdigit() and not value.startswith("0"):
        return phone_form(f"+{value}") or value
    return _id_form(kind, value, land, region)


def _id_form(kind: str, value: str, land: str, region: str) -> str:
    """A cue's id; ids that are telephones get the telephone's form."""
    if kind == "qq":
        return re.sub(r"\D", "", value)
    value = value.strip("._- ")
    if ways.SPACED_OUT.fullmatch(value):
        value = re.sub(r"[^a-z0-9]", "", value)
    if re.fullmatch(r"\+?[\d\s().\-]+", value):
        land = "VN" if kind == "zalo" else land
        return phone_form(value, land=land, region=region) or re.sub(r"\D", "", value)
    return value


def _is_id(kind: str, value: str, *, marked: bool) -> bool:
    """An id, not the next word of a sentence ("line up", "wa minat", "telegram from").

    marked: an "@" stands before it, so that it is meant as one whatever word it is.
    """
    if kind == "qq":
        return True
    if ways.SPACED_OUT.fullmatch(value) and not any(map(str.isalpha, value)):
        return False  # a number, or a row of sizes
    digits = sum(character.isdigit() for character in value)
    if kind in ("telegram", "line") and digits == len(value) < 7:
        return False
    if kind in ("whatsapp", "zalo", "viber", "imo"):
        return digits >= 7
    if kind == "signal":
        return digits >= 7 or "." in value
    return value not in ways.NOT_IDS and (marked or not ways.FUNCTION_WORD.fullmatch(value))


_HANDLE = re.compile(r"(?<![\w.@/])@([a-z][a-z0-9_]{4,31})(?![\w@.])")
_AT_SIGN = re.compile("@")

_OF_LAND = {
    "TH": ("+66", re.compile(r"(?:\+?66|0)([689]\d{8})")),
    "TW": ("+886", re.compile(r"(?:\+?886|0)(9\d{8})")),
    "MM": ("+95", re.compile(r"(?:\+?95|0)(9\d{7,9})")),
}
"""Mobile numbers that look like those of Vietnam, told by the script around them."""
_COUNTRIES = (
    ("+86", re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")),
    ("+84", re.compile(r"(?:\+?84|0)((?:3[2-9]|5[25689]|7[06-9]|8[1-9]|9\d)\d{7})")),
    ("+62", re.compile(r"(?:\+?62|0)(8[1-9]\d{7,10})")),
    ("+7", re.compile(r"(?:\+?7|8)(9\d{9})")),
    ("+81", re.compile(r"(?:\+81|0)([789]0\d{8})")),
    ("+82", re.compile(r"(?:\+82|0)(1[016789]\d{7,8})")),
    ("+66", re.compile(r"(?:\+?66|0)([689]\d{8})")),
    ("+44", re.compile(r"(?:\+44|0)(7\d{9})")),
)
"""Mobile numbers by country, tried in order on the digits; shared shapes go to the first."""
_PARTING = r"[\s\-./·_~\u2600-\u27bf\U0001f300-\U0001faff]{0,2}"
"""Between the digits of a number: signs, and the emoji that are put there to part it."""
_PHONE = re.compile(
    r"(?<!\d[.,])(?<![\d$€£¥₫฿₩/=#])(?:(?:\+?\d{1,3}[\s\-.]?)?\+?\(\+?\d{1,4}\)[\s\-.]?\d"
    rf"(?:{_PARTING}\d){{5,12}}|\+?\d(?:{_PARTING}\d){{7,14}})(?!\d)"
)
_SIX_DIGITS = re.compile(rf"\d(?:{_PARTING}\d){{5}}")
_PHONE_REACH = 14
_CHINESE_LANDLINE = re.compile(r"0\d{2,3}[\-\s]\d{7,8}")
_FRENCH = re.compile(r"0[67](?:[ .]\d\d){4}")
_THAI = re.compile(r"[\u0e00-\u0e7f]")
_BURMESE = re.compile("[\u1000-\u109f]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_VIETNAMESE = re.compile(r"[đơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]|zalo")
_DATE = re.compile(r"(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d")
_MONEY_AFTER = re.compile(
    r"\s*(?:元|块|万|rmb|usd|eur|vnd|đ|₫|vnđ|dong|đồng|baht|บาท|円|원|rp|idr|km\b|kms\b|%)"
)
_MONEY_BEFORE = re.compile(r"(?:rp\.?|usd|eur|gbp|idr|vnd|hkd|price|giá|harga|价|价格|[$€£¥₫฿₩])\s*:?\s*$")
_NUMBER_BEFORE = re.compile(
    r"(?:item|order|isbn|sku|ref|id|no|nr|serial|vin|单号|编号|货号|订单)\.?\s*[:#]?\s*$"
)
_PHONE_CUE = re.compile(
    r"(tel|phone|mobile|cell|call|text|sms|电话|手机|手機|电|致电|联系|sđt|đt|lh|liên hệ|gọi|hub|hubungi|hp"
    r"|telp|โทร|เบอร์|ติดต่อ|電話|携帯|tlf|телефон|тел|тлф|звонить|звоните|連絡|연락처|전화|번호|tfno|telf|tfn"
    r"|telefone|telefono|teléfono|fone|celular|cel|móvil|movil|tél|portable|handy|mobil|cellulare|simu|piga|namba|للتواصل|جوال|موبايل"
    r"|هاتف|اتصل|رقم)[\s.:]{0,3}$"
)
_TONGUE = {
    "handy": "DE",
    "tél": "FR",
    "portable": "FR",
    "móvil": "ES",
    "movil": "ES",
    "tfno": "ES",
    "جوال": "SA",
}
"""Cues that tell the country, where nothing else does."""


def _phones(text: str, land: str, region: str) -> Iterator[_Hit]:
    for match in finds(_PHONE, _SIX_DIGITS, _PHONE_REACH, text):
        start, end = match.span()
        before = text[max(0, start - 16) : start]
        if _DATE.search(match[0]) or _MONEY_AFTER.match(text, end) or _MONEY_BEFORE.search(before):
            continue
        cued = _PHONE_CUE.search(before)
        form = _form(match[0], land, region or _TONGUE.get(cued[1], "") if cued else region)
        if _is_nowhere(match[0], form) and not cued:
            continue
        if not form or (_NUMBER_BEFORE.search(before) and not cued):
            continue
        # Without a country's shape only a plus sign, a cue or a grouping makes it a number to call.
        if form.startswith("+") or cued or re.fullmatch(r"\(?\d{3}\)?[\s.\-]\d{3}[\s.\-]\d{4}", match[0]):
            yield _Hit("phone", form, match.span(), match.span())


def _is_nowhere(written: str, form: str) -> bool:
    """Whether a number with a plus sign is of no number plan: a sum, a score, a serial number."""
    known = any(form.startswith(country) for country, _ in _COUNTRIES)
    return written.lstrip("( ").startswith("+") and not known and not e164(form)


def _form(written: str, land: str, region: str) -> str:
    """As `phone_form`, by the grouping too where it tells a country."""
    if region and (form := e164(written, region)):
        return form
    if _FRENCH.fullmatch(written):
        return "+33" + re.sub(r"\D", "", written)[1:]
    return (
        re.sub(r"\D", "", written) if _CHINESE_LANDLINE.fullmatch(written) else phone_form(written, land=land)
    )


def is_priced(text: str, start: int, end: int) -> bool:
    """True when the number text[start:end] stands beside a currency or the word for a price."""
    before = text[max(0, start - 16) : start]
    return bool(_MONEY_AFTER.match(text, end) or _MONEY_BEFORE.search(before))


def is_cued(text: str, start: int) -> bool:
    """True when "tel", "call", "电话" or the like stands right before `start`."""
    return bool(_PHONE_CUE.search(text[max(0, start - 16) : start]))


def national(value: str) -> str:
    """The digits of a telephone as people of its country write them, without a leading 0."""
    digits = re.sub(r"\D", "", value)
    if value.startswith("+"):
        for country, _ in _COUNTRIES:
            if value.startswith(country):
                return digits[len(country) - 1 :]
        return without_country(value) or digits
    return digits


def phone_form(text: str, *, land: str = "", region: str = "") -> str:
    """+CC and the national number where the shape shows the country, else digits, or "".

    land: TH or TW where the script around says so, whose mobile numbers look like Vietnamese ones;
    region: where it was written, which says more than the shape.
    """
    if region and (form := e164(text, region)):
        return form
    digits = re.sub(r"[^\d+]", "", text)
    digits = digits[:1] + digits[1:].replace("+", "")
    for country, shape in (_OF_LAND[land], *_COUNTRIES) if land in _OF_LAND else _COUNTRIES:
        if match := shape.fullmatch(digits):
            return country + match[1]
    if digits.startswith(("+", "00")):
        plain = digits.lstrip("+0")
        return f"+{plain}" if 8 <= len(plain) <= 15 else ""
    return digits if 8 <= len(digits) <= 12 else ""
