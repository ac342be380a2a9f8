"""Prices as they stand in a text: found, not converted. Pure; linear."""

from __future__ import annotations

import re

from storage.text.scan import DIGIT, finds

LONGEST = 60
"""Characters of a price."""
_READ = 5_000
_BEFORE_DIGITS, _BEFORE_COLON = 6, 10
"""Characters of a sign, or of a word for a price, with the space behind: at most 4 + 1 and 6 + 1."""
_COLON = re.compile("[:：]")

_CODES = (
    "USD EUR GBP CNY RMB VND THB ZAR NGN IDR UGX TZS KES CHF PLN HKD TWD SGD MYR PHP INR JPY KRW".replace(
        " ", "|"
    )
)
_SYMBOL = r"[$€£¥￥₹฿₫₱₩₦₽₴₺₪₸﷼]"
_WORDS = rf"(?:US|S|HK|NT|R|A|C)\$|R(?=\s?\d)|(?i:rp|ksh|kes)\.?|RM|Rs\.?|{_CODES}|kr\.?|zł"
_SIGN = rf"(?:(?<!\w)(?:{_WORDS})|{_SYMBOL})"
_UNIT = rf"(?:元|圆|块|万元?|萬|円|원|€|\$|£|₫|đ|VNĐ|{_CODES}|US\$|บาท|Ksh|zł|kr|руб\.?|₽|triệu|tr|lei|Kč)"
_NUMBER = r"\d{1,3}(?:[ .,'’\u00a0\u202f]\d{3})*+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d{1,2})?"
_PER = r"(?:\s?(?:万|萬|k\b|[mM]illion|/\s?(?:kg|g|pc|each|piece|斤|克|个|個)))?"
_PRICE = re.compile(
    rf"(?P<a>{_SIGN}\s?(?:{_NUMBER}){_PER}(?:\s(?:{_CODES})\b)?)|"
    rf"(?P<b>(?<![\d.,:/-])(?:{_NUMBER})\s?{_UNIT}(?![a-z]|\s?\d))"
)
_WORDED = re.compile(
    r"(?:price|asking|售价|价格|價格|giá|harga|ราคา|preis|prix|precio|цена)\s?[:：]\s?(?P<what>[^\n]{1,40})",
    re.IGNORECASE,
)


def price_in(text: str) -> str:
    """The first price of a text as written, or ""."""
    text = text[:_READ]
    found = next(finds(_PRICE, DIGIT, _BEFORE_DIGITS, text), None)
    if found is not None:
        return found[0].strip()[:LONGEST]
    worded = next(finds(_WORDED, _COLON, _BEFORE_COLON, text), None)
    return worded["what"].strip()[:LONGEST] if worded and re.search(r"\d", worded["what"]) else ""
