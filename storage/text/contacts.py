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

from storage.text.normal import View, fold
from storage.text.numbers import e164, without_country
from storage.text.scan import finds

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
_LIKE_DIGITS = re.compile(r"(?<![a-z0-9])[1il][3-9][0-9oil]{9}(?![a-z0-9])")
"""A Chinese mobile number in which letters stand for 1 and 0."""
_DIGIT_TWINS = str.maketrans("oil", "011")
_NUMERAL = "[〇零一壹幺二贰三叁四肆五伍六陆七柒八捌九玖]"
_IN_ID = re.compile(rf"{_NUMERAL}(?<=[a-z0-9_]{{3}}.){_NUMERAL}{{0,7}}(?![\u3007\u4e00-\u9fffa-z])")
"""Numerals that end an id ("moonfox七七"): not those that begin the next word ("moonfox77一手")."""
_THREE_NUMERALS = re.compile("[〇零一幺二三四五六七八九]" * 3)
_HOTLINE = re.compile(
    r"hot ?line|report (?:to|it)|tip ?line|crimestopper|call the police|举报|热线|报警|đường dây nóng"
    r"|tố giác|lapor|pengaduan|สายด่วน|แจ้งเบาะแส|通報|신고"
)


def _with_digits(text: str) -> str:
    """Chinese numerals as digits inside long runs of them and at the end of an id; the length stays."""
    if _LIKE_DIGITS.search(text):
        text = _LIKE_DIGITS.sub(lambda run: run[0].translate(_DIGIT_TWINS), text)
    if text.isascii():
        return text
    text = _IN_ID.sub(lambda run: run[0].translate(_NUMERALS), text)
    if not _THREE_NUMERALS.search(text):
        return text
    return _NUMBER_RUN.sub(lambda run: run[0].translate(_NUMERALS), text)


def _all(text: str, region: str = "") -> Iterator[_Hit]:
    """Every contact of a folded text, the surest patterns first."""
    thai = not text.isascii() and bool(_THAI.search(text))
    for kind, pattern in _LINKS if "/" in text else ():
        for match in pattern.finditer(text):
            yield _Hit(kind, _id_form(kind, match[1], thai, region), match.span(), match.span(1))
    for match in finds(_EMAIL, _AT, _EMAIL_REACH, text):
        value = re.sub(r"\s*(?:\[at\]|\(at\)|@)\s*", "@", match[0])
        yield _Hit("email", value, match.span(), match.span())
    for match in finds(_SPOKEN, _SPOKEN_AT, 66, text):
        yield _Hit("email", f"{match[1]}@{match[2]}.{match[3]}", match.span(), match.span())
    for kind, cue, pattern in _CUES:
        for match in finds(pattern, cue, 0, text):
            if _is_id(kind, match[1], marked=text[match.start(1) - 1] == "@"):
                yield _Hit(kind, _id_form(kind, match[1], thai, region), match.span(), match.span(1))
    yield from _phones(text, thai, region)
    for match in finds(_HANDLE, _AT_SIGN, 0, text):
        yield _Hit("handle", match[1], match.span(), match.span(1))


def _id_form(kind: str, value: str, thai: bool, region: str) -> str:
    """A link's or cue's id; ids that are telephones get the telephone's form."""
    value = value.strip("._- ")
    if _SPACED_OUT.fullmatch(value):
        value = re.sub(r"[^a-z0-9]", "", value)
    if kind != "qq" and re.fullmatch(r"\+?[\d\s().\-]+", value):
        return phone_form(value, thai=thai, region=region) or re.sub(r"\D", "", value)
    return value


def _is_id(kind: str, value: str, *, marked: bool) -> bool:
    """An id, not the next word of a sentence ("line up", "wa minat", "telegram from").

    marked: an "@" stands before it, so that it is meant as one whatever word it is.
    """
    if kind == "qq":
        return True
    if _SPACED_OUT.fullmatch(value) and not any(map(str.isalpha, value)):
        return False  # a number, or a row of sizes
    digits = sum(character.isdigit() for character in value)
    if kind in ("telegram", "line") and digits == len(value) < 7:
        return False
    if kind in ("whatsapp", "zalo", "viber", "signal"):
        return digits >= 7
    return value not in _NOT_IDS and (marked or not _FUNCTION_WORD.fullmatch(value))


_FUNCTION_WORD = re.compile(
    r"about|above|across|after|again|against|along|already|also|although|always|among|another|anyone|"
    r"anything|around|because|been|before|behind|being|below|beside|between|beyond|both|could|does|"
    r"doing|done|down|during|each|either|else|even|ever|every|everyone|everything|except|from|have|"
    r"having|hers|herself|himself|however|into|itself|just|like|many|might|mine|more|most|much|must|"
    r"myself|near|neither|never|next|none|nothing|often|once|onto|other|others|ours|ourselves|over|"
    r"perhaps|same|shall|should|since|some|someone|something|soon|such|than|that|their|theirs|them|"
    r"themselves|then|there|these|they|this|those|though|through|till|together|toward|towards|under|"
    r"unless|until|upon|very|was|were|what|when|whenever|where|wherever|whether|which|while|whoever|"
    r"whom|whose|will|within|without|would|your|yours|yourself"
)
"""English words that join a sentence: after a messenger's name they go on with it ("telegram from me")."""
_NOT_IDS = frozenset(
    [
        "only",
        "please",
        "pls",
        "group",
        "channel",
        "number",
        "contact",
        "chat",
        "message",
        "call",
        "text",
        "number",
        "here",
        "below",
        "price",
        "order",
        "photo",
        "photos",
        "pics",
        "video",
        "info",
        "details",
        "me",
        "you",
        "and",
        "the",
        "for",
        "with",
        "now",
        "id",
        "app",
        "web",
        "link",
        "bot",
        "admin",
    ]
)
_ID = r"([a-z0-9][a-z0-9_.\-]{3,31})"
_SPACED = r"([a-z0-9](?:[ .·_\-*~][a-z0-9]){5,19})(?![a-z0-9])"
"""An id whose characters are set apart, so that no search finds it: "m o o n f o x 7 7"."""
_SPACED_OUT = re.compile(_SPACED)
_TEL = r"(\+?\d[\d\s().\-]{6,17}\d)"
_IS = r"\s*(?:id|号|號|no\.?|number)?\s*(?:[:=是为@]|：|\s[-–—]\s|\s)\s*@?"
_GLUE = r"\s{0,2}(?:id|号|號)?\s{0,2}[:=是为@]?\s{0,2}@?"
_B = r"(?<![a-z0-9])"

_LINKS = (
    ("telegram", re.compile(r"(?:t|telegram)\.(?:me|dog)/(?:s/|joinchat/)?\+?([a-z0-9_\-]{4,40})")),
    (
        "telegram",  # as it is written where links are not let through
        re.compile(r"(?<![a-z0-9])t\s?(?:\.|\(dot\)|\[dot\]|\sdot\s)\s?me\s?/\s?\+?([a-z0-9_\-]{4,40})"),
    ),
    ("telegram", re.compile(r"tg://resolve\?domain=([a-z0-9_]{4,32})")),
    ("whatsapp", re.compile(r"wa\.me/\+?(\d{7,15})")),
    ("whatsapp", re.compile(r"whatsapp\.com/send/?\?phone=\+?(\d{7,15})")),
    ("whatsapp", re.compile(r"chat\.whatsapp\.com/([a-z0-9]{10,30})")),
    ("line", re.compile(r"line\.me/(?:r/)?ti/[pg]2?/~?@?([a-z0-9_.\-]{3,40})")),
    ("line", re.compile(r"lin\.ee/([a-z0-9]{4,20})")),
    ("zalo", re.compile(r"zalo\.me/(?:g/)?([a-z0-9]{6,20})")),
    ("messenger", re.compile(r"(?:m\.me|fb\.com|facebook\.com)/(?!groups|marketplace)([a-z0-9.]{4,50})")),
    ("instagram", re.compile(r"instagram\.com/([a-z0-9_.]{3,30})")),
    ("kakao", re.compile(r"open\.kakao\.com/o/([a-z0-9]{4,20})")),
    ("discord", re.compile(r"discord\.gg/([a-z0-9]{4,20})")),
)
_EMAIL = re.compile(
    r"(?<![a-z0-9._%+\-])[a-z0-9][a-z0-9._%+\-]{0,63}\s?(?:@|\[at\]|\(at\))\s?"
    r"(?:[a-z0-9\-]{1,63}\.){1,4}[a-z]{2,12}(?![a-z0-9])"
)
_SPOKEN = re.compile(
    r"(?<![a-z0-9])([a-z0-9][a-z0-9._+\-]{1,63})\s(?:at|\(at\)|\[at\])\s([a-z0-9\-]{2,63})\s(?:dot|\(dot\)|\[dot\])\s"
    r"(com|net|org|cn|ru|vn|th|jp|kr|hk|tw|me|io|eu)\b"
)
_SPOKEN_AT = re.compile(r"\s(?:at|\(at\)|\[at\])\s")
_AT = re.compile(r"@|\[at\]|\(at\)")
_EMAIL_REACH = 66
_WECHAT = (
    r"(?:[微薇威徽溦维][\s.\-·*_❤]{0,2}(?:信|芯|❤|🧡|💚|💌)|微\s?❤|卫星|v\s?❤?\s?(?:信|芯|❤)|绿泡泡|绿色软件|"
    rf"(?:加|➕|\+)\s?我?\s?[微薇威v]|{_B}v(?=\s?[:=]\s?[a-z0-9_\-]*[0-9_])|"
    rf"{_B}(?:wei\s?xin|we\s?chat|wechat|weixin|vx|wx|wxid|vxin|weichat|v\s?x|w\s?x|v[×✕]))"
)
_ASIDE = r"(?:\s?\([^()\n]{0,8}\))?"
"""A remark behind a cue: "(same number)"."""
_WITH = r"(?:\s?[/&+,]\s?[a-zđ]{2,9})*"
"""Further messengers of the same number: "zalo/tele"."""
_FILLER = r"(?:\s(?:me|us|only|number|at|on|me at|me on))?"
_CUED = (
    ("wechat", re.compile(rf"{_WECHAT}{_ASIDE}{_GLUE}{_SPACED}")),
    ("wechat", re.compile(rf"{_B}we\s?chat\s(?:id|no\.?)\s?[-–—]\s?{_ID}")),
    ("telegram", re.compile(rf"(?:{_B}(?:telegram|tele|tg)|电报|飞机号){_IS}{_SPACED}")),
    ("line", re.compile(rf"{_B}line\s*(?:id)?\s*[:@=]\s*@?{_SPACED}")),
    (
        "wechat",
        re.compile(
            rf"{_WECHAT}(?:同号|同號)?{_ASIDE}{_GLUE}\s*\+?\s*(1[3-9]\d(?:[\s\-]?\d){{8}}|[a-z0-9][a-z0-9_\-]{{4,19}})(?![a-z0-9])"
        ),
    ),
    (
        "qq",
        re.compile(
            rf"(?:{_B}q\s?q|扣扣|企鹅|球球|秋秋|抠抠|叩叩|{_B}q)\s{{0,2}}(?:群|号|號)?{_ASIDE}\s{{0,2}}[:=是/\-]?\s{{0,2}}([1-9]\d{{4,10}})(?!\d)"
        ),
    ),
    (
        "telegram",
        re.compile(
            rf"(?:{_B}(?:telegram|telegrm|tele|tg)|电报|纸飞机|飞机号|飞机(?=\s?[:@])|เทเลแกรม|(?<!\w)(?:тг|телеграм|телега)){_IS}{_ID}"
        ),
    ),
    (
        "whatsapp",
        re.compile(
            rf"{_B}(?:whats\s?app|whatapp|watsapp|wassap|wapp|wa|ws){_WITH}{_ASIDE}{_FILLER}{_GLUE}\s*[:.\-–]?\s*{_TEL}"
        ),
    ),
    (
        "line",
        re.compile(rf"(?:{_B}id line|(?:ไอดี)?ไลน์(?:ไอดี)?|ライン|라인)\s{{1,2}}(?=[a-z0-9_.\-]*[0-9_]){_ID}"),
    ),
    ("line", re.compile(rf"(?:{_B}line|ไลน์|ไลน|ライン|라인)\s*(?:id|ไอดี)?\s*(?:[:@=]|\sid\s)\s*@?{_ID}")),
    (
        "line",  # the English word has a Latin one before it, or no id of letters and digits behind it
        re.compile(
            r"(?<![a-z0-9])(?<![a-z0-9] )(?<![a-z0-9]  )line\s{1,2}"
            rf"(?=[a-z_.\-]*[0-9])(?=[0-9_.\-]*[a-z])(?=\S{{6}}){_ID}"
        ),
    ),
    ("zalo", re.compile(rf"{_B}(?:zalo|zl|da lô){_WITH}{_ASIDE}\s*(?:id|số|em|mình|shop)?\s*[:.]?\s*{_TEL}")),
    (
        "kakao",
        re.compile(rf"(?:{_B}kakao(?:\s?talk)?|카톡|카카오톡|カカオ)\s*(?:id|아이디)?\s*[:=]?\s*{_ID}"),
    ),
    ("signal", re.compile(rf"{_B}signal{_GLUE}\s*{_TEL}")),
    ("viber", re.compile(rf"{_B}(?:viber|вайбер){_GLUE}\s*{_TEL}")),
    ("wickr", re.compile(rf"{_B}(?:wickr|threema|session id){_IS}{_ID}")),
    ("instagram", re.compile(rf"{_B}(?:ig|insta|instagram)\s*[:@]\s*@?{_ID}")),
)
# How each pattern of `_CUED` begins, or some more; each branch with a character, for which a search leaps.
_BEGINNINGS = {
    "wechat": r"微|薇|威|徽|卫|溦|维|绿|加|v\s?[信芯❤:=x×✕]|w\s?x|we|\+|➕",
    "qq": r"q|扣扣|企鹅|球球|秋秋|抠抠|叩叩",
    "telegram": r"tele|tg|电报|纸飞机|飞机|เทเลแกรม|тг|теле",
    "whatsapp": "wha|wa|ws",
    "line": r"id line|line|ไอดีไลน|ไลน|ライン|라인",
    "zalo": r"zalo|zl|da lô",
    "kakao": r"kakao|카톡|카카오톡|カカオ",
    "signal": "signal",
    "viber": "viber|вайбер",
    "wickr": "wickr|threema|session id",
    "instagram": "ig|insta",
}
_CUES = tuple((kind, re.compile(_BEGINNINGS[kind]), pattern) for kind, pattern in _CUED)
_HANDLE = re.compile(r"(?<![\w.@/])@([a-z][a-z0-9_]{4,31})(?![\w@.])")
_AT_SIGN = re.compile("@")

_THAILAND = ("+66", re.compile(r"(?:\+?66|0)([689]\d{8})"))
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
_DATE = re.compile(r"(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d")
_MONEY_AFTER = re.compile(
    r"\s*(?:元|块|万|rmb|usd|eur|vnd|đ|₫|vnđ|dong|đồng|baht|บาท|円|원|rp|idr|km\b|kms\b|%)"
)
_MONEY_BEFORE = re.compile(r"(?:rp\.?|usd|eur|gbp|idr|vnd|hkd|price|giá|harga|价|价格|[$€£¥₫฿₩])\s*:?\s*$")
_NUMBER_BEFORE = re.compile(
    r"(?:item|order|isbn|sku|ref|id|no|nr|serial|vin|单号|编号|货号|订单)\.?\s*[:#]?\s*$"
)
_PHONE_CUE = re.compile(
    r"(?:tel|phone|mobile|cell|call|text|sms|电话|手机|电|致电|联系|sđt|đt|lh|liên hệ|gọi|hub|hubungi|hp|telp"
    r"|โทร|เบอร์|電話|携帯|tlf|телефон|тел|連絡|연락처|전화)[\s.:]{0,3}$"
)


def _phones(text: str, thai: bool, region: str) -> Iterator[_Hit]:
    for match in finds(_PHONE, _SIX_DIGITS, _PHONE_REACH, text):
        start, end = match.span()
        before = text[max(0, start - 16) : start]
        if _DATE.search(match[0]) or _MONEY_AFTER.match(text, end) or _MONEY_BEFORE.search(before):
            continue
        form = _form(match[0], thai, region)
        cued = _PHONE_CUE.search(before)
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


def _form(written: str, thai: bool, region: str) -> str:
    """As `phone_form`, by the grouping too where it tells a country."""
    if region and (form := e164(written, region)):
        return form
    if _FRENCH.fullmatch(written):
        return "+33" + re.sub(r"\D", "", written)[1:]
    return (
        re.sub(r"\D", "", written) if _CHINESE_LANDLINE.fullmatch(written) else phone_form(written, thai=thai)
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


def phone_form(text: str, *, thai: bool = False, region: str = "") -> str:
    """+CC and the national number where the shape shows the country, else digits, or "".

    thai: the text around is Thai, whose mobile numbers look like Vietnamese ones. region: where it
    was written, which says more than the shape.
    """
    if region and (form := e164(text, region)):
        return form
    digits = re.sub(r"[^\d+]", "", text)
    digits = digits[:1] + digits[1:].replace("+", "")
    for country, shape in (_THAILAND, *_COUNTRIES) if thai else _COUNTRIES:
        if match := shape.fullmatch(digits):
            return country + match[1]
    if digits.startswith(("+", "00")):
        plain = digits.lstrip("+0")
        return f"+{plain}" if 8 <= len(plain) <= 15 else ""
    return digits if 8 <= len(digits) <= 12 else ""
