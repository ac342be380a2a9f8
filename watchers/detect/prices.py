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
from watchers.detect import numerals

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
    for match in finds(_SUM, DIGIT, _BEFORE_DIGITS, view.text):
        if len(found) >= _PRICES_MAX:
            break
        if price := _price(match, view, raw, field=field):
            found.append(price)
    if numerals.MULTIPLIED.search(view.text):
        found += _in_numerals(view, raw)[: _PRICES_MAX - len(found)]
        found.sort(key=lambda price: price.start)
    return tuple(found)


def _is_large(amount: int, match: re.Match[str]) -> bool:
    """三万八 and 九千八 are said of money, unless something is counted."""
    short = re.search("[千万][一二两三四五六七八九]$", match["number"])
    return (amount >= _THOUSANDS_MIN or bool(short)) and not _NO_MONEY.match(match.string, match.end())


def _in_numerals(view: View, raw: str) -> list[Price]:
    """Sums in Chinese numerals: 三万八, 一千二百元. Without a currency only round ones are money."""
    found = []
    for match in _HAN_SUM.finditer(view.text):
        amount = numerals.value(match["number"])
        sign = match["after"]
        if amount is None or not (
            sign or (amount >= _THOUSANDS_MIN and not _NO_MONEY.match(view.text, match.end()))
        ):
            continue
        low, high = view.span(match.start(), match.end())
        unit = _UNIT.get(match["per"] or match["pre"] or "", "")
        currency = _CODE[sign] if sign else ""
        found.append(
            Price(
                amount=Decimal(amount),
                currency=currency,
                start=low,
                end=high,
                span=raw[low:high].strip(),
                unit=unit,
            )
        )
    return found


def asian(text: str) -> tuple[Decimal, str] | None:
    """Amount and currency of the first sum with a multiplier (3.8万, 1tr2, 500k), or None."""
    view = fold(text)
    for match in finds(_SUM, DIGIT, _BEFORE_DIGITS, view.text):
        if match["times"] and (price := _price(match, view, text, field=True)):
            return price.amount, price.currency
    return None


_CURRENCIES = {
    "CNY": "cny rmb 人民币 元 块 块钱 圆 大洋 ¥ cn¥ 元整 rmb¥",
    "USD": "usd us$ $ u$ usdt dollars dollar 美元 美金 刀 bucks u",
    "EUR": "eur € euro euros",
    "GBP": "gbp £ pounds quid",
    "HKD": "hkd hk$ 港币 港元",
    "TWD": "twd nt$ ntd 台币 新台币 新台幣",
    "JPY": "jpy 円 日元",
    "KRW": "krw ₩ 원 won",
    "VND": "vnd vnđ ₫ đ đồng dong vnd",
    "IDR": "idr rp rp. rupiah",
    "THB": "thb ฿ บาท baht bath",
    "PHP": "php ₱",
    "MYR": "myr rm",
    "SGD": "sgd s$",
    "INR": "inr ₹ rs rs. rupees rupee",
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
    "LAK": "lak kip กีบ ₭",
    "KHR": "khr ៛ riel",
    "MMK": "mmk kyat kyats ks",
    "BDT": "bdt ৳ tk taka",
    "KZT": "kzt тенге ₸",
    "UAH": "uah ₴ грн грн.",
    "LKR": "lkr",
    "PKR": "pkr",
    "UGX": "ugx",
}
_CODE = {sign: code for code, signs in _CURRENCIES.items() for sign in signs.split()}
_SIGNS = "|".join(re.escape(sign) for sign in sorted(_CODE, key=len, reverse=True))
_AFTER_ONLY = ("u", "đ", "р.", "块", "元", "刀", "大洋")

_MULTIPLIERS = {
    "千": 1_000, "仟": 1_000, "k": 1_000, "rb": 1_000, "ribu": 1_000, "ngàn": 1_000, "nghìn": 1_000,
    "พัน": 1_000, "천": 1_000, "万": 10_000, "w": 10_000, "만": 10_000, "หมื่น": 10_000, "แสน": 100_000,
    "百万": 1_000_000, "tr": 1_000_000, "triệu": 1_000_000, "củ": 1_000_000, "jt": 1_000_000,
    "juta": 1_000_000, "ล้าน": 1_000_000, "m": 1_000_000, "mil": 1_000_000, "million": 1_000_000,
    "百": 100, "rb.": 1_000, "тыс": 1_000, "тыс.": 1_000, "млн": 1_000_000,
    "млн.": 1_000_000, "lakh": 100_000, "lakhs": 100_000, "lac": 100_000, "crore": 10_000_000,
    "crores": 10_000_000, "천만": 10_000_000, "억": 100_000_000, "亿": 100_000_000,
    "tỷ": 1_000_000_000, "tỉ": 1_000_000_000, "miliar": 1_000_000_000,
}  # fmt: skip
_MONEY_IN_ITSELF = {
    "tr": "VND", "triệu": "VND", "củ": "VND", "tỷ": "VND", "tỉ": "VND", "jt": "IDR", "juta": "IDR",
    "rb": "IDR", "ribu": "IDR", "만": "KRW", "ngàn": "VND", "nghìn": "VND", "แสน": "THB", "หมื่น": "THB",
    "พัน": "THB", "ล้าน": "THB", "천만": "KRW", "억": "KRW", "lakh": "INR", "lakhs": "INR", "crore": "INR",
    "crores": "INR", "тыс": "RUB", "тыс.": "RUB", "млн": "RUB", "млн.": "RUB",
}  # fmt: skip
"""Multipliers that are only said of money, and of whose."""
_CUE_CURRENCY = {
    "giá": "VND",
    "harga": "IDR",
    "mahar": "IDR",
    "ราคา": "THB",
    "価格": "JPY",
    "値段": "JPY",
    "가격": "KRW",
}
_TIMES = "|".join(sorted(map(re.escape, _MULTIPLIERS), key=len, reverse=True))
_CUES = (
    r"价格?|售价|要价|标价|价钱|特价|卖|只要|出价|price|asking|only|giá|harga|mahar|ราคา|価格|値段|가격|prix|precio|preço"
    r"|preis|prezzo|цена|السعر|bei"
)
_UNITS = {
    "g": "/g|/克|一克|每克|per gram|a gram|/gram|/gr|元克|ต่อกรัม|/กรัม|pergram|กรัมละ|một gram",
    "100g": "/lạng|một lạng|1 lạng",
    "500g": "/斤|一斤|每斤|/jin",
    "kg": "/kg|/公斤|一公斤|每公斤|per kg|per kilo|a kilo|/kilo|một kg|1kg|perkilo|per kilogram|ต่อกิโล|/กิโล"
    "|กิโลละ|một ký|/ký|1 ký|/кг|за кг",
    "piece": "/只|/隻|/个|/個|/颗|/条|/件|/枚|/支|/块|/根|/张|/对|一只|一个|一颗|一条|一件|一枚|一支|一根"
    "|一张|一对|每只|每个|每颗|每条"
    "|each|/pc|/pcs|per piece|a piece|/con|/cái|một con|/ekor|per ekor|ตัวละ|ชิ้นละ|/ตัว|/шт|за шт",
}
_UNIT = {word: unit for unit, words in _UNITS.items() for word in words.split("|")}
_PER = "|".join(sorted(map(re.escape, _UNIT), key=len, reverse=True))
_BEFORE_DIGITS = 32
"""Characters of a unit, a cue, a sign and the spaces behind each: at most 8 + 6 + 5 + 7 + 5."""
_LETTER = r"a-z\u00df-\u024f\u1e00-\u1eff"
_PRE = "每克|每公斤|每斤|每只|每个|每颗|一克|一只|一个|一颗|กรัมละ|ตัวละ|ชิ้นละ|กิโลละ"
_NEXT = "千|百|k|천만|천|พัน|ngàn|nghìn"
_SUM = re.compile(
    rf"(?:(?P<pre>{_PRE})\s{{0,2}})?"
    rf"(?:(?P<cue>{_CUES})\s{{0,2}}[:=是]?\s{{0,2}})?"
    rf"(?:(?<![a-z0-9])(?P<before>{_SIGNS})\s{{0,2}}[:]?\s{{0,2}})?"
    r"(?(before)|(?<![\d.,a-z#第]))(?P<number>\d{1,3}(?:[.,' ]\d{3}){1,5}(?:[.,]\d{1,2})?(?!\d)"
    r"|\d{1,12}(?:[.,]\d{1,20})?(?!\d))(?P<dash>[.,][-–])?"
    rf"(?:\s?(?P<times>{_TIMES})\s?(?:(?P<rest>\d{{1,3}})(?P<next>{_NEXT})?|(?P<half>rưỡi|半))?(?![{_LETTER}\d]))?"
    rf"(?:\s{{0,2}}(?P<after>{_SIGNS})(?![{_LETTER}\d]))?"
    rf"(?:\s?(?P<per>{_PER}))?"
)
_HAN_SUM = re.compile(
    rf"(?:(?P<pre>{_PRE})\s?)?(?<![第{numerals.SIGNS}])(?P<number>[{numerals.SIGNS}]{{2,10}})"
    rf"(?P<after>块钱|元|块|圆|人民币|美金|美元|港币|台币)?(?:\s?(?P<per>{_PER}))?"
)


def _price(match: re.Match[str], view: View, raw: str, *, field: bool) -> Price | None:
    amount = _amount(match)
    currency = _currency(match, raw)
    unit = _UNIT.get(match["per"] or match["pre"] or "", "")
    per_unit = bool(match["per"]) and match["per"][0] in "/一每"
    said = (
        currency
        or match["cue"]
        or match["dash"]
        or per_unit
        or field
        or _is_round_sum(match, amount, view.text)
    )
    if amount is None or amount <= 0 or not said:
        return None
    low, high = view.span(match.start(), match.end())
    return Price(amount=amount, currency=currency, start=low, end=high, span=raw[low:high].strip(), unit=unit)


_NO_MONEY = re.compile(
    r"\s{0,2}(?:公里|人|粉|号|步|块地|件|单|台|套|米|次|年|岁|条|个|只|头|吨|亩|字|元素|km|kms|miles|follow|view|like|sub|people|tv|monitor|video"
    r"|lượt|người|orang|คน)"
)


_OFFERED = re.compile(r"\s?(?:出|包|拿|走|转|卖|收|可刀|可小刀|不议|nego|obo|ship|bao)")


def _is_round_sum(match: re.Match[str], amount: Decimal | None, text: str) -> bool:
    """3.8万, 500k, 1tr2 without a sign: in adverts that is money, unless it counts something."""
    times = match["times"]
    if not times or amount is None or _NO_MONEY.match(text, match.end()):
        return False
    if times == "k" and _OFFERED.match(text, match.end()):
        return True
    if times in ("百", "คน", "พัน") and not match["rest"]:
        return False
    return times != "m" and (times not in ("k", "千") or bool(match["rest"]) or amount >= _THOUSANDS_MIN)


def _currency(match: re.Match[str], raw: str) -> str:
    before = match["before"] if match["before"] not in _AFTER_ONLY else None
    if sign := before or match["after"]:
        is_yen = sign == "¥" and bool(_JAPANESE.search(raw))
        return "JPY" if is_yen else _CODE[sign]
    return _MONEY_IN_ITSELF.get(match["times"] or "", "") or _CUE_CURRENCY.get(match["cue"] or "", "")


_JAPANESE = re.compile(r"[\u3041-\u30ff]|税込|税抜|送料")


def _amount(match: re.Match[str]) -> Decimal | None:
    """3.8 + 万 = 38000; 3 + 千 + 8 = 3800; 1 + tr + 2 = 1200000; 1 + 万 + 5 + 千 = 15000."""
    times, rest = match["times"], match["rest"]
    try:
        base = Decimal(_plain(match["number"], multiplied=bool(times)))
    except InvalidOperation:
        return None
    if not times:
        return base
    factor = _MULTIPLIERS[times]
    if match["half"]:
        return base * factor + Decimal(factor) / 2
    if match["next"]:
        return base * factor + Decimal(rest) * _MULTIPLIERS[match["next"]]
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
