"""Hiding ways to reach a person in what is shown: telephones, messenger ids, mail addresses.

For screens, reports and tables, never for originals: those are handed over as received.
Errs on the side of hiding: a long number that was no telephone is hidden too. Needs no
other room; the contacts that judging found are handed in and hidden wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

STAR = "*"
_KEPT_EACH_SIDE = 2
_LONG = 7
_BETWEEN = r"[\s\-.·_()]{0,3}"
_MAIL = re.compile(r"[\w.+\-]{1,64}\s?(?:@|\(at\)|\[at\]|＠)\s?[\w\-]{1,63}(?:\.[\w\-]{1,63})+")
_LINK = re.compile(
    r"(?i)\b((?:t\.me|wa\.me|line\.me|m\.me|zalo\.me|u\.wechat\.com|vk\.me|ig\.me)/(?:s/|ti/p/|\+)?)([\w~.\-+]{3,64})"
)
_CUED = re.compile(
    r"(?i)(?<![a-z])((?:we\s?chat|weixin|wei\s?xin|微\s?信|薇信|威信|加\s?[vV]|vx|wx|v信|qq|扣扣|企鹅|telegram|tele"
    r"|tg|電報|电报|飞机|whats\s?app|line|zalo|kakao\w*|카톡|viber|signal|skype|instagram|ins|snap\w*)"
    r"(?:\s?(?:id|号|號|no|number|account))?[\s:：=#号號是為为]{0,4}@?)"
    r"([a-z0-9][a-z0-9_.\-]{3,63}[a-z0-9])"
)
_HANDLE = re.compile(r"(?<![\w@./])@[A-Za-z][\w.]{3,63}")
_NUMBER = re.compile(rf"(?<!\w)[+＋]?[(（]?\d(?:{_BETWEEN}\d){{{_LONG - 1},18}}(?!\w)")
_DIGIT = "〇零一壹幺二贰三叁四肆五伍六陆七柒八捌九玖"
_NUMERALS = re.compile(rf"[{_DIGIT}](?:{_BETWEEN}[{_DIGIT}\d]){{{_LONG - 1},18}}")


def star(value: str) -> str:
    """A contact with only its ends left, enough to tell two apart: 138-0013-8000 -> 13*-****-**00."""
    places = [at for at, c in enumerate(value) if c.isalnum()]
    kept = _KEPT_EACH_SIDE if len(places) >= _LONG else 1
    shown = {*places[:kept], *places[-kept:]} if len(places) > 2 * kept else set()
    return "".join(c if at in shown or not c.isalnum() else STAR for at, c in enumerate(value))


def mask(text: str, known: Iterable[str] = ()) -> str:
    """`text` with contacts starred. known: contacts found by judging ("kind:value" or bare)."""
    for value in sorted({bare(one) for one in known}, key=len, reverse=True):
        text = _spread(value).sub(lambda found: star(found[0]), text) if len(value) >= 3 else text
    text = _MAIL.sub(lambda found: star(found[0]), text)
    text = _LINK.sub(lambda found: found[1] + star(found[2]), text)
    text = _CUED.sub(lambda found: found[1] + star(found[2]), text)
    text = _HANDLE.sub(lambda found: "@" + star(found[0][1:]), text)
    text = _NUMBER.sub(lambda found: star(found[0]), text)
    return _NUMERALS.sub(lambda found: star(found[0]), text)


def contact(value: str) -> str:
    """One contact as kept in a verdict, its kind left readable."""
    kind, colon, rest = value.partition(":")
    if colon and re.fullmatch(r"[a-z]+", kind):
        return f"{kind}:{star(rest)}"
    word, space, rest = value.partition(" ")
    return f"{word} {star(rest)}" if space and word.isalpha() else star(value)


def bare(value: str) -> str:
    """The value of a contact without its kind."""
    kind, colon, rest = value.partition(":")
    return rest if colon and re.fullmatch(r"[a-z]+", kind) else value


def _spread(value: str) -> re.Pattern[str]:
    """A pattern for a value however it is parted: 13800138000 finds 138-0013 8000."""
    characters = [re.escape(c) for c in value if c.isalnum() or c in "@._"]
    if value.startswith("+86"):
        characters = characters[2:]  # the text has the number without the country's own prefix as well
    return re.compile(_BETWEEN.join(characters) or r"(?!)", re.IGNORECASE)
