"""Places that look like a way to reach a person, beyond what judging is sure of.

For hiding, not for judging: a long number that was no telephone is hidden too. What is
plainly something else stays: dates, times, amounts of money, addresses of machines, and
English words that only begin like a messenger's name ("insurance", "line drawings").
Works on a folded text (`normal.fold`); linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.text.contacts import is_cued, is_priced, phone_form

Span = tuple[int, int]

BETWEEN = r"[\s\-.·_()/*]{0,3}"
"""What may part the characters of one contact."""
_ODDLY = r"[\s\-.·_()/*,、—–~|:]{0,3}"
"""Between digits that have the shape of some country's mobile number."""
_LONG = 7
_MOST_PRICED_DIGITS = 10

_MAIL = re.compile(r"[\w.+\-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w\-]{1,63}(?:\.[\w\-]{1,63})+")
_SPOKEN_MAIL = re.compile(
    r"(?<![a-z0-9])[a-z0-9._+\-]{2,64}\s(?:at|\(at\)|\[at\])\s[a-z0-9\-]{2,63}\s(?:dot|\(dot\)|\[dot\])\s"
    r"(?:com|net|org|cn|ru|vn|th|jp|kr|hk|tw|me|io|eu)\b"
)
_LINK = re.compile(
    r"(?<![a-z0-9])(?:(?:t|telegram|wa|line|m|zalo|vk|ig)\.me|u\.wechat\.com|lin\.ee|discord\.gg|open\.kakao\.com/o"
    r"|instagram\.com|facebook\.com|fb\.com|vk\.com)/(?:s/|joinchat/|(?:r/)?ti/[pg]2?/|g/|\+)?[~@]?([\w.\-+]{3,64})"
)
_NOT_ID = r"(?!https?\b|www\.|(?:we\s?chat|weixin|telegram|whats\s?app|line|qq|id)\b)"
_ID = rf"{_NOT_ID}([a-z0-9][a-z0-9_.\-]{{2,62}}[a-z0-9])"
_LATIN = (
    r"(?<![a-z0-9])(?:we\s?chat|wei\s?xin|vx|wx|v|qq|telegram|tele|tg|whats\s?app|line|zalo|kakao(?:\s?talk)?|viber"
    r"|signal|skype|instagram|insta|ins|ig|snap(?:chat)?|wickr|threema|discord|facebook|fb|[微薇])"
    r"(?:\s?(?:id|no|number|account)(?![a-z]))?"
)
_SIGNED = re.compile(rf"{_LATIN}\s?[:=#@号是为][\s:=#@号是为]{{0,3}}{_ID}")
_BARE = re.compile(rf"{_LATIN}(?:\s?(?:is|[-–])\s?|\s{{0,2}}){_ID}(?:#\d{{4}})?")
_CUED = re.compile(
    r"(?:[微薇威徽溦]\W{0,3}[信芯❤]|(?:加|➕)\s?[v微薇]|v信|v❤|绿泡泡|扣扣|企鹅|球球|电报|纸飞机|飞机号?"
    r"|카톡|카카오톡|カカオ|ライン|라인|ไลน์?|เทเลแกรม|вайбер|телеграм\w?|вотсап)"
    rf"(?:\s?(?:id|同?号|no))?[\s:=#@号是为]{{0,4}}{_ID}"
)
_HANDLE = re.compile(r"(?<![\w@./])@([a-z][\w.]{3,63})")

_DIGIT = r"0-9〇零一壹幺二贰两三叁四肆五伍六陆七柒八捌九玖"
_NUMBER = re.compile(
    rf"(?<![a-z0-9])\+?\(?[{_DIGIT}](?:[\s\-.·_()]{{0,3}}[{_DIGIT}]){{{_LONG - 1},40}}(?![a-z0-9])"
)
_PARTED = re.compile(rf"(?<![a-z0-9])\+?\(?\d(?:{_ODDLY}\d){{{_LONG},17}}(?![a-z0-9])")

_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:19|20)\d\d"
_ANY_YEAR = r"(?:1[4-9]|20)\d\d"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_DATE = re.compile(
    rf"(?<![\d+])(?<!\d[-./])(?:{_YEAR}(?P<a>[-/.])\s?{_MONTH}(?P=a)\s?{_DAY}|{_DAY}(?P<b>[-/.])\s?{_DAY}(?P=b)\s?{_YEAR}"
    rf"|{_ANY_YEAR}\s?[-/~]\s?{_ANY_YEAR}|(?<!\d\s){_ANY_YEAR}\s{{1,2}}{_ANY_YEAR}(?!\s\d))"
    r"(?:[t\s]{1,2}\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?!\d)(?![-/.]\d)"
)
_MACHINE = re.compile(rf"(?<![\d.+]){_OCTET}(?:\.{_OCTET}){{3}}(?::\d{{1,5}})?(?![\d.]*\d)")


def guesses(text: str) -> Iterator[Span]:
    """(start, end) of everything in a folded text that is better hidden; spans may overlap."""
    for pattern in (_MAIL, _SPOKEN_MAIL):
        yield from (found.span() for found in pattern.finditer(text))
    for pattern in (_LINK, _SIGNED, _CUED, _HANDLE):
        yield from (found.span(1) for found in pattern.finditer(text))
    yield from (found.span(1) for found in _BARE.finditer(text) if _is_no_word(found[1]))
    numbers = _without_dates(text)
    for found in _NUMBER.finditer(numbers):
        if not _is_amount(numbers, *found.span()):
            yield found.span()
    for found in _PARTED.finditer(numbers):
        if phone_form(found[0]).startswith("+"):
            yield found.span()


def _is_no_word(written: str) -> bool:
    """After a mere space an id shows itself by an underscore, a digit behind letters, or many digits."""
    if written.isdigit():
        return len(written) >= _LONG
    return "_" in written or (written[0].isalpha() and any(c.isdigit() for c in written))


def _without_dates(text: str) -> str:
    """`text` with dates, and addresses of machines that nobody is asked to ring, blanked."""
    text = _DATE.sub(lambda found: "\0" * len(found[0]), text)
    return _MACHINE.sub(lambda f: f[0] if is_cued(text, f.start()) else "\0" * len(f[0]), text)


def _is_amount(text: str, start: int, end: int) -> bool:
    """A sum of money, and not a telephone beside which some currency stands."""
    number = text[start:end]
    digits = sum(c.isdigit() for c in number)
    if digits > _MOST_PRICED_DIGITS or phone_form(number).startswith("+") or is_cued(text, start):
        return False
    return is_priced(text, start, end)
