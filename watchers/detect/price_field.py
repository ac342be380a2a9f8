"""The price in a price field: one amount and its currency, in any country's writing. Pure.

A field holds a price or says that there is none, so a bare number counts, zero counts, and
"Free" is zero. In running text `prices` is stricter. Checked against the 1,185 strings of
scrapinghub/price-parser (bench prices).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from watchers.detect.prices import Price, asian

LONGEST = 300
_SPAN = 60
_TABLE = Path(__file__).with_name("currencies.tsv")
_THREE_DECIMALS = frozenset(("KWD", "BHD", "OMR", "JOD", "TND", "LYD", "IQD"))
_FREE = re.compile(
    r"\b(?:free|gratis|kostenlos|gratuit|免费|免費|無料|miễn phí|ฟรี)\b(?!\s*(?:shipping|delivery))",
    re.IGNORECASE,
)
_NO_PRICE = re.compile(
    r"\d\s?%|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*,?\s+\d{4}"
    r"|\b\d{1,2}\.\d{1,2}\.(?:19|20)\d\d\b|^\d{1,2}-\d{1,2}$|free shipping on orders"
    r"|(?:заказ|арт|код|sku|ref|item|order no)\S*(?:\s\S+)?\s?[:#]\s?\d+|\d\s?(?:坪|㎡|ft\b(?=$))",
    re.IGNORECASE,
)  # fmt: skip
_NOW = re.compile(r"\b(?:now|sale price|our price)\s*:?\s*(?=\D{0,4}\d)", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?<!\d)(?:\d{1,3}(?:(?:[.,'’٬]|[ \u00a0\u202f])\d{3})+(?!\d)(?:\s?[.,]\s?\d{1,3}(?!\d))?"
    r"|\d+(?:[.,]\s?\d+)*)|[.,]\d+(?:[.,]\d+)*"
)


@dataclass(frozen=True, slots=True)
class FieldPrice:
    """amount; currency: ISO 4217, or "" when neither field nor hint says."""

    amount: Decimal
    currency: str


@cache
def signs() -> dict[str, str]:
    """ISO code by sign; longer ones in lower case, single letters as they are written."""
    found: dict[str, str] = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            code, _, written = line.partition("\t")
            for sign in written.split():
                found.setdefault(_key(sign.replace("~", " ")), code)
    return found


def code_of(sign: str) -> str:
    """The ISO code of a sign or word for money, or ""."""
    return signs().get(_key(unicodedata.normalize("NFKC", sign).strip()), "") or signs().get(
        _key(sign.strip()), ""
    )


def as_price(text: str, hint: str = "") -> tuple[Price, ...]:
    """The price of a field as running text gives it; none for no price or one of zero."""
    read = field_price(text, hint)
    if read is None or read.amount <= 0:
        return ()
    span = text.strip()[:_SPAN]
    return (Price(amount=read.amount, currency=read.currency, start=0, end=len(text), span=span),)


def field_price(text: str, hint: str = "") -> FieldPrice | None:
    """The price that a field shows; hint: what stands beside it (a label, a sign). None: it shows none."""
    text = unicodedata.normalize("NFKC", text[:LONGEST]).replace("\u00a0", " ").translate(_DIGITS)
    if read := asian(text):
        return FieldPrice(read[0], read[1] or _currency_in(hint))
    numbers = [found for found in _NUMBER.finditer(text) if _is_amount(text, found)]
    if not numbers or (
        _NO_PRICE.search(text) and not any(_beside(text, n.start(), n.end()) for n in numbers)
    ):
        return FieldPrice(Decimal(0), "") if _FREE.search(text) and not numbers else None
    if re.search(r"free shipping on orders", text, re.IGNORECASE):
        return None
    number, currency = _chosen(text, numbers)
    amount = _amount(text, number, currency)
    return FieldPrice(amount, currency or _currency_in(hint) or _currency_in(text))


_DIGITS = {0x0660 + at: str(at) for at in range(10)} | {0x06F0 + at: str(at) for at in range(10)}


def _key(sign: str) -> str:
    return sign if len(sign) == 1 and sign.isalpha() and sign.isascii() else sign.lower()


def _cases(letter: str) -> tuple[str, ...]:
    return (letter,) if letter.isascii() else (letter, letter.upper())


@cache
def _anywhere() -> re.Pattern[str]:
    """Any sign with the borders it needs: letters must not run on."""
    longest = sorted(signs(), key=len, reverse=True)
    words = "|".join(re.escape(s) for s in longest if s[0].isalnum() and len(s) > 1)
    single = "|".join(
        re.escape(s) for each in longest if each[0].isalpha() and len(each) == 1 for s in _cases(each)
    )
    rest = "|".join(re.escape(s) for s in longest if not s[0].isalnum())
    return re.compile(
        rf"(?i:(?<![^\W\d_])(?:{words})(?![^\W\d_])|{rest})|(?<![^\W\d_])(?:{single})(?![^\W\d_])"
    )


def _currency_in(text: str) -> str:
    text = unicodedata.normalize("NFKC", text[:LONGEST])
    found = _anywhere().search(text)
    return code_of(found[0]) if found else ""


def _beside(text: str, start: int, end: int) -> str:
    """Currency right before or behind a number, before preferred; an ISO code beats a bare sign."""
    signs_before = list(_anywhere().finditer(text[:start]))
    before = (
        signs_before[-1] if signs_before and not text[signs_before[-1].end() : start].strip(" :") else None
    )
    dash = re.compile(r"(?:[.,]?[-–]+)?\s?").match(text, end)
    after = _anywhere().match(text, dash.end() if dash else end)
    if before and _is_bare(before[0]):
        if after and after[0].isalpha() and len(after[0]) == 3:
            return code_of(after[0])
        if len(signs_before) > 1 and signs_before[-2].end() >= before.start() - 1:
            return code_of(signs_before[-2][0])
    found = before or after
    return code_of(found[0]) if found else ""


def _is_bare(sign: str) -> bool:
    return sign in "$¥£"


def _is_amount(text: str, found: re.Match[str]) -> bool:
    return not re.match(r"\s?%", text[found.end() :])


def _chosen(text: str, numbers: list[re.Match[str]]) -> tuple[re.Match[str], str]:
    """The number that "now" announces, else the first with a currency, else the first."""
    now = _NOW.search(text)
    if now and (later := [number for number in numbers if number.start() >= now.end()]):
        currency = _beside(text, later[0].start(), later[0].end())
        if currency and plain(later[0][0].replace(" ", "")):
            return later[0], currency
    for number in numbers:
        if currency := _beside(text, number.start(), number.end()):
            return number, currency
    return numbers[0], ""


def _amount(text: str, number: re.Match[str], currency: str) -> Decimal:
    written = re.sub(r"\s*([.,])\s*", r"\1", number[0])
    # "35€ 99", "1250€60": the sign stands where the decimal point would.
    cents = re.match(r"\s?€\s?(\d\d)(?!\d|\s?€|[.,])|€(\d{2,3})(?!\d)", text[number.end() :])
    if cents and written.isdigit():
        return Decimal(f"{written}.{cents[1] or cents[2]}")
    return plain(written, three=currency in _THREE_DECIMALS)


def plain(written: str, *, three: bool = False) -> Decimal:
    """A number with signs between its digits. three: the currency has three decimals."""
    signs_in = re.findall(r"[.,]", written)
    bare = re.sub(r"[ '’٬]", "", written)
    if len(signs_in) > 1 and bare[0] in ".,":
        return plain(bare[1:], three=three)
    if not signs_in:
        return Decimal(bare)
    head, _, tail = bare.rpartition(signs_in[-1])
    whole = re.sub(r"[.,]", "", head)
    mixed = len(set(signs_in)) > 1
    if not head:
        return Decimal(f"0.{tail}")
    grouped = len(tail) == 3 and not mixed and whole != "0" and not (three and len(signs_in) == 1)
    if grouped or (len(signs_in) > 1 and not mixed and len(tail) == 3):
        return Decimal(whole + tail)
    return Decimal(f"{whole or 0}.{tail}")
