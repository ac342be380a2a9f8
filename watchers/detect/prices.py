"""Sums of money in a text: amount, currency, unit; Asian multipliers included.

3.8万 = 38 000, 3千8 = 3 800, 1tr2 = 1 200 000, 500k, 2,5jt: the common price library
reads none of these (domain facts, finding 10). A bare number is no price unless a cue
or a price field says so. Wording that hides a price (面议, PM) stands in the lexicon.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from storage.text.normal import View, fold
from storage.text.scan import DIGIT, finds
from watchers.detect import money, numerals

_PRICES_MAX = 50
_GROUP = 3
_THOUSANDS_MIN = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One sum. currency: ISO 4217, or "" when the text does not say.

    unit: what it is for: "g", "100g", "500g", "kg", "piece" or "". by_country: the text does not say the
    currency, the country of its site does.
    """

    amount: Decimal
    currency: str
    start: int
    end: int
    span: str
    unit: str = ""
    by_country: bool = False


def prices(text: str, *, field: bool = False) -> tuple[Price, ...]:
    """Every sum of `text`, in order. field: the text is a price field, so a bare number is one."""
    return prices_in(fold(text), text, field=field)


def prices_in(view: View, raw: str, *, field: bool = False) -> tuple[Price, ...]:
    """As `prices`, from a folded view that exists already; spans refer to `raw`."""
    found: list[Price] = []
    for match in finds(_SUM, DIGIT, money.BEFORE_DIGITS, view.text):
        if len(found) >= _PRICES_MAX:
            break
        if price := _price(match, view, raw, field=field):
            found.append(price)
    if numerals.MULTIPLIED.search(view.text):
        found += _in_numerals(view, raw)[: _PRICES_MAX - len(found)]
        found.sort(key=lambda price: price.start)
    return tuple(found)


def _in_numerals(view: View, raw: str) -> list[Price]:
    """Sums in Chinese or Korean numerals: 三万八, 一千二百元. Without cue or sign only round ones."""
    found = []
    for match in _HAN_SUM.finditer(numerals.plain(view.text)):
        number, end, unit = match["number"], match.end(), _unit(match)
        amount = numerals.value(number)
        if _ends_in_one(number, amount) and _ONE_OF.match(view.text, end):  # 三万五一对, 八百一克
            amount, end = numerals.value(number[:-1]), end + 1
            unit = money.UNIT.get(f"一{view.text[end - 1]}", "")
        round_one = amount is not None and (amount >= _THOUSANDS_MIN or bool(_SHORT.search(number)))
        round_one = round_one and number[0] not in "百千万"
        round_one = round_one and not money.NO_MONEY.match(view.text, end)
        if amount is None or not (match["after"] or match["cue"] or unit or round_one):
            continue
        low, high = view.span(match.start(), end)
        currency = money.CODE[match["after"]] if match["after"] else ""
        span = raw[low:high].strip()
        found.append(
            Price(amount=Decimal(amount), currency=currency, start=low, end=high, span=span, unit=unit)
        )
    return found


def _ends_in_one(number: str, amount: int | None) -> bool:
    """Whether the last sign begins "one of": 八百一克 is 800 a gram, but 二十一颗 are 21."""
    return number.endswith("一") and (amount is None or number[-2:-1] in tuple("百千万"))


def asian(text: str) -> tuple[Decimal, str] | None:
    """Amount and currency of the first sum with a multiplier (3.8万, 1tr2, 500k), or None."""
    view = fold(text)
    for match in finds(_SUM, DIGIT, money.BEFORE_DIGITS, view.text):
        if match["times"] and (price := _price(match, view, text, field=True)):
            return price.amount, price.currency
    return None


_SUM = re.compile(
    rf"(?:(?P<pre>{money.PRE})\s{{0,2}})?"
    rf"(?:(?P<cue>{money.CUES})\s{{0,2}}[:=是]?\s{{0,2}})?"
    rf"(?:(?<![a-z0-9])(?P<before>{money.SIGNS})\s{{0,2}}[:]?\s{{0,2}})?"
    r"(?(before)|(?<![\d.a-z#第])(?<!\d,))(?P<number>\d{1,2}(?:,\d{2}){1,3},\d{3}(?!\d)"
    r"|\d{1,3}(?:[.,' ]\d{3}){1,5}(?:[.,]\d{1,2})?(?!\d)"
    r"|\d{1,12}(?:[.,]\d{1,20})?(?!\d))(?P<dash>[.,][-–]|/[=\-](?!\d))?"
    rf"(?:\s?(?P<times>{money.TIMES})(?:an(?![a-z]))?"
    rf"\s?(?:(?P<rest>\d{{1,3}})(?P<next>{money.NEXT})?|(?P<half>rưỡi|半))?(?![{money.LETTER}\d]))?"
    rf"(?:\s{{0,2}}(?P<after>{money.SIGNS})(?![{money.LETTER}\d]))?"
    rf"(?:\s?(?P<per>{money.PER})(?![a-zа-я]))?"
)
_HAN_SUM = re.compile(
    rf"(?:(?P<pre>{money.PRE})\s?)?(?:(?P<cue>价格?|售价|要价|底价|开价|卖|只要)\s?[:是]?\s?)?"
    rf"(?<![第\d{numerals.SIGNS}])(?P<number>[{numerals.SIGNS}]{{2,10}})"
    rf"(?P<after>块钱|元整|元|块|圆|円|원|人民币|美金|美元|刀|蚊|欧元|港币|港元|台币)?(?:\s?(?P<per>{money.PER}))?"
)
_SHORT = re.compile("千[一二三四五六七八九]$")
"""九千八 is said of money."""
_ONE_OF = re.compile("[只个颗条件枚支根张对串克斤]")


def _unit(match: re.Match[str]) -> str:
    """What a sum is for: a gram, a piece, or ""."""
    said = (match["per"] or match["pre"] or "").replace("/ ", "/")
    return money.UNIT.get(said) or money.UNIT.get(said.replace("1", "一", 1), "")


def _price(match: re.Match[str], view: View, raw: str, *, field: bool) -> Price | None:
    amount = _amount(match)
    currency = _currency(match, raw)
    unit = _unit(match)
    per_unit = bool(match["per"]) and match["per"][0] in "/一每"
    said = (
        currency
        or match["cue"]
        or match["dash"]
        or per_unit
        or (match["pre"] and not money.MEASURED.match(view.text, match.end()))
        or _sign(match)
        or field
        or _is_round_sum(match, amount, view.text)
        or _is_taken_for(match, view.text)
    )
    if amount is None or amount <= 0 or not said:
        return None
    low, high = view.span(match.start(), match.end())
    return Price(amount=amount, currency=currency, start=low, end=high, span=raw[low:high].strip(), unit=unit)


_OFFERED = re.compile(r"\s?(?:出|包|拿|走|转|卖|收|可刀|可小刀|不议|nego|obo|ship|bao)")


_TAKEN = re.compile(r"\s?(?:包邮|包快递|带走|拿走|不议价?|不讲价|不还价|可小?刀)")


def _is_taken_for(match: re.Match[str], text: str) -> bool:
    """3800带走, 850包邮; not the sum from which on postage is free (满200包邮)."""
    free_from = text[max(0, match.start("number") - 2) : match.start("number")].rstrip().endswith("满")
    return len(match["number"]) > 1 and not free_from and bool(_TAKEN.match(text, match.end()))


def _is_round_sum(match: re.Match[str], amount: Decimal | None, text: str) -> bool:
    """3.8万, 500k, 1tr2 without a sign: in adverts that is money, unless it counts something."""
    times = match["times"]
    if not times or amount is None or _is_word(match) or money.NO_MONEY.match(text, match.end()):
        return False
    if times == "k" and _OFFERED.match(text, match.end()):
        return True
    if times in ("百", "คน", "พัน") and not match["rest"]:
        return False
    return times != "m" and (times not in ("k", "千") or bool(match["rest"]) or amount >= _THOUSANDS_MIN)


def _sign(match: re.Match[str]) -> str:
    """What names the money of a sum, or "": a code behind the number says more than a bare sign before it."""
    before, after = match["before"] or "", match["after"] or ""
    grouped = money.GROUPED_ONLY.get(before)
    if before in money.AFTER_ONLY or (grouped and not grouped.match(match["number"])):
        before = ""
    if after == "r" and _is_rmb(match):
        after = "元"
    if after in money.GROUPED_ONLY or (after in money.BARE and before):
        after = ""
    return after if before in money.BARE and after else before or after


def _is_rmb(match: re.Match[str]) -> bool:
    """3800r beside Chinese words: short for RMB, written as it is typed."""
    near = match.string[max(0, match.start() - _NEAR_CHARS) : match.end() + _NEAR_CHARS]
    glued = match.start("after") == max(match.end("number"), match.end("times"))
    turns = match.string.startswith("/", match.end("after")) or "转" in near  # of a motor
    return glued and len(match["number"]) > 1 and not turns and bool(_HAN.search(near))


def _is_word(match: re.Match[str]) -> bool:
    """Whether the multiplier is a word of its own: "5 к 1"."""
    return match["times"] in money.GLUED_ONLY and match.start("times") > match.end("number")


def _currency(match: re.Match[str], raw: str) -> str:
    if _is_word(match):
        return ""
    if sign := _sign(match):
        is_yen = sign == "¥" and bool(_JAPANESE.search(raw))
        return "JPY" if is_yen else money.CODE[sign]
    return money.MONEY_IN_ITSELF.get(match["times"] or "", "") or money.CUE_CURRENCY.get(
        match["cue"] or "", ""
    )


_HAN = re.compile("[\u4e00-\u9fff]")
_NEAR_CHARS = 12
_JAPANESE = re.compile(r"[\u3041-\u30ff]|税込|税抜|送料")


def _amount(match: re.Match[str]) -> Decimal | None:
    """3.8 + 万 = 38000; 3 + 千 + 8 = 3800; 1 + tr + 2 = 1200000; 1 + 万 + 5 + 千 = 15000."""
    times, rest = match["times"], match["rest"]
    try:
        base = Decimal(_plain(match["number"], multiplied=bool(times)))
    except InvalidOperation:
        return None
    if not times:
        return base * money.COUNTING_CUES.get(match["cue"] or "", 1)
    factor = _factor(times, match)
    if match["half"]:
        return base * factor + Decimal(factor) / 2
    if match["next"]:
        return base * factor + Decimal(rest) * money.MULTIPLIERS[match["next"]]
    tail = Decimal(int(rest) * factor) / (10 ** len(rest)) if rest else Decimal(0)
    return base * factor + tail


def _factor(times: str, match: re.Match[str]) -> int:
    """The multiplier's value; "15 mil pesos" are thousands, "1.5 mil usd" millions."""
    behind = match["after"] or ""
    latin = behind in money.OF_A_THOUSAND or money.CODE.get(behind, "USD") not in ("USD", "GBP")
    return 1_000 if times == money.THOUSAND and latin else money.MULTIPLIERS[times]


def _plain(number: str, *, multiplied: bool) -> str:
    """The number with a decimal point and no grouping.

    The last sign is a decimal one when 1-2 digits follow it, or any number of digits
    before a multiplier ("1,234k" is rare, "2,5jt" is not); else signs part thousands.
    """
    signs = [character for character in number if character in ".,' "]
    if not signs:
        return number
    head, _, tail = number.rpartition(signs[-1])
    whole = re.sub(r"[.,' ]", "", head)
    grouped = len(tail) == _GROUP and (len(signs) > 1 or not multiplied)
    return whole + tail if grouped else f"{whole}.{tail}"
