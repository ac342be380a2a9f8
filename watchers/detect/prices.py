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

_PRICES_MAX = 50
_GROUP = 3
_THOUSANDS_MIN = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One sum. currency: ISO 4217, or "" when the text does not say. unit: "g", "kg" or ""."""

    amount: Decimal
    currency: str
    start: int
    end: int
    span: str
    unit: str = ""


def prices(text: str, *, field: bool = False) -> tuple[Price, ...]:
    """Every sum of `text`, in order. field: the text is a price field, so a bare number is one."""
    return prices_in(fold(text), text, field=field)


def prices_in(view: View, raw: str, *, field: bool = False) -> tuple[Price, ...]:
    """As `prices`, from a folded view that exists already; spans refer to `raw`."""
    found: list[Price] = []
    for match in finds(_SUM, DIGIT, _BEFORE_DIGITS, view.text):
        if len(found) >= _PRICES_MAX:
            break
        if price := _price(match, view, raw, field=field):
            found.append(price)
    return tuple(found)


_CURRENCIES = {
    "CNY": "cny rmb 人民币 元 块 圆 大洋 ¥ cn¥ 元整 rmb¥",
    "USD": "usd us$ $ u$ usdt dollars dollar 美元 美金 刀 bucks u",
    "EUR": "eur € euro euros",
    "GBP": "gbp £ pounds quid",
    "HKD": "hkd hk$ 港币 港元",
    "TWD": "twd nt$ ntd 台币 新台币",
    "JPY": "jpy 円 日元",
    "KRW": "krw ₩ 원 won",
    "VND": "vnd vnđ ₫ đ đồng dong vnd",
    "IDR": "idr rp rp. rupiah",
    "THB": "thb ฿ บาท baht bath",
    "PHP": "php ₱",
    "MYR": "myr rm",
    "SGD": "sgd s$",
    "INR": "inr ₹ rs rs. rupees",
    "RUB": "rub ₽ руб руб. рублей р.",
    "ZAR": "zar",
    "KES": "kes ksh kshs",
    "NGN": "ngn ₦ naira",
    "TZS": "tzs tsh",
    "AED": "aed درهم dhs",
    "SAR": "sar ريال",
    "AUD": "aud a$ au$",
    "CAD": "cad c$ ca$",
    "CHF": "chf fr.",
    "BRL": "brl r$",
    "MXN": "mxn mx$",
    "PLN": "pln zł",
    "LAK": "lak kip กีบ",
}
_CODE = {sign: code for code, signs in _CURRENCIES.items() for sign in signs.split()}
_SIGNS = "|".join(re.escape(sign) for sign in sorted(_CODE, key=len, reverse=True))
_AFTER_ONLY = ("u", "đ", "р.", "块", "元", "刀", "大洋")

_MULTIPLIERS = {
    "千": 1_000, "仟": 1_000, "k": 1_000, "rb": 1_000, "ribu": 1_000, "ngàn": 1_000, "nghìn": 1_000,
    "พัน": 1_000, "천": 1_000, "万": 10_000, "w": 10_000, "만": 10_000, "หมื่น": 10_000, "แสน": 100_000,
    "百万": 1_000_000, "tr": 1_000_000, "triệu": 1_000_000, "củ": 1_000_000, "jt": 1_000_000,
    "juta": 1_000_000, "ล้าน": 1_000_000, "m": 1_000_000, "mil": 1_000_000, "million": 1_000_000,
    "亿": 100_000_000, "tỷ": 1_000_000_000, "tỉ": 1_000_000_000, "miliar": 1_000_000_000,
}  # fmt: skip
_MONEY_IN_ITSELF = {
    "tr": "VND", "triệu": "VND", "củ": "VND", "tỷ": "VND", "tỉ": "VND", "jt": "IDR", "juta": "IDR",
    "rb": "IDR", "ribu": "IDR", "만": "KRW",
}  # fmt: skip
"""Multipliers that are only said of money, and of whose."""
_TIMES = "|".join(sorted(map(re.escape, _MULTIPLIERS), key=len, reverse=True))
_CUES = (
    r"价格?|售价|要价|标价|价钱|特价|卖|只要|出价|price|asking|only|giá|harga|mahar|ราคา|価格|値段|가격|prix|precio|preço"
    r"|preis|prezzo|цена|السعر|bei"
)
_UNITS = {
    "g": (
        "/g",
        "/克",
        "一克",
        "每克",
        "per gram",
        "a gram",
        "/gram",
        "/gr",
        "元克",
        "ต่อกรัม",
        "/กรัม",
        "pergram",
    ),
    "kg": (
        *("/kg", "/公斤", "一公斤", "每公斤", "per kg", "per kilo", "a kilo", "/kilo", "/斤", "一斤"),
        *("một kg", "1kg", "perkilo", "per kilogram", "ต่อกิโล", "/กิโล"),
    ),
}
_UNIT = {word: unit for unit, words in _UNITS.items() for word in words}
_PER = "|".join(sorted(map(re.escape, _UNIT), key=len, reverse=True))
_BEFORE_DIGITS = 24
"""Characters of a cue, a sign and the spaces behind each: at most 6 + 5 + 7 + 5."""
_LETTER = r"a-z\u00df-\u024f\u1e00-\u1eff"
_SUM = re.compile(
    rf"(?:(?P<cue>{_CUES})\s{{0,2}}[:=是]?\s{{0,2}})?"
    rf"(?:(?<![a-z0-9])(?P<before>{_SIGNS})\s{{0,2}}[:]?\s{{0,2}})?"
    r"(?<![\d.,a-z#])(?P<number>\d{1,3}(?:[.,' ]\d{3}){1,5}(?:[.,]\d{1,2})?(?!\d)"
    r"|\d{1,12}(?:[.,]\d{1,20})?(?!\d))"
    rf"(?:\s?(?P<times>{_TIMES})(?P<rest>\d{{1,3}})?(?![{_LETTER}\d]))?"
    rf"(?:\s{{0,2}}(?P<after>{_SIGNS})(?![{_LETTER}\d]))?"
    rf"(?:\s?(?P<per>{_PER}))?"
)


def _price(match: re.Match[str], view: View, raw: str, *, field: bool) -> Price | None:
    amount = _amount(match["number"], match["times"] or "", match["rest"] or "")
    currency = _currency(match)
    per_unit = (match["per"] or "").startswith("/")
    said = currency or match["cue"] or per_unit or field or _is_round_sum(match, amount, view.text)
    if amount is None or amount <= 0 or not said:
        return None
    low, high = view.span(match.start(), match.end())
    unit = _UNIT.get(match["per"] or "", "")
    return Price(amount=amount, currency=currency, start=low, end=high, span=raw[low:high].strip(), unit=unit)


_NO_MONEY = re.compile(
    r"\s{0,2}(?:公里|人|粉|次|年|岁|条|个|只|头|吨|亩|字|元素|km|kms|miles|follow|view|like|sub|people|tv|monitor|video"
    r"|lượt|người|orang|คน)"
)


def _is_round_sum(match: re.Match[str], amount: Decimal | None, text: str) -> bool:
    """3.8万, 500k, 1tr2 without a sign: in adverts that is money, unless it counts something."""
    times = match["times"]
    if not times or amount is None or _NO_MONEY.match(text, match.end()):
        return False
    return times != "m" and (times not in ("k", "千") or bool(match["rest"]) or amount >= _THOUSANDS_MIN)


def _currency(match: re.Match[str]) -> str:
    before = match["before"] if match["before"] not in _AFTER_ONLY else None
    if sign := before or match["after"]:
        return _CODE[sign]
    return _MONEY_IN_ITSELF.get(match["times"] or "", "")


def _amount(number: str, times: str, rest: str) -> Decimal | None:
    """3.8 + 万 = 38000; 3 + 千 + 8 = 3800; 1 + tr + 2 = 1200000; 1.200.000 = 1200000."""
    try:
        base = Decimal(_plain(number, multiplied=bool(times)))
    except InvalidOperation:
        return None
    if not times:
        return base
    factor = _MULTIPLIERS[times]
    tail = Decimal(int(rest) * factor) / (10 ** len(rest)) if rest else Decimal(0)
    return base * factor + tail


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
