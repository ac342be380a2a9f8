"""Whole numbers in Chinese numerals, as prices are spoken: 三万八, 一千二百, 两万五. Pure."""

from __future__ import annotations

import re

SIGNS = "零〇一二两三四五六七八九十百千万"
MULTIPLIED = re.compile(
    "[一二两三四五六七八九十壹贰叁肆伍陆柒捌玖拾일이삼사오육칠팔구십백][百千万佰仟백천만]|[십백천]만?원|[十百]万"
)
_FORMAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")
_KOREAN = str.maketrans("일이삼사오육칠팔구십백천만", "一二三四五六七八九十百千万")
_KOREAN_SUM = re.compile("[일이삼사오육칠팔구십백천만]{2,10}(?=원)")
_DIGITS = {sign: at for at, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1_000}


def plain(text: str) -> str:
    """`text` with formal and, before 원, Korean numerals as the usual Chinese ones; its length stays."""
    text = text.translate(_FORMAL)
    return _KOREAN_SUM.sub(lambda run: run[0].translate(_KOREAN), text) if "원" in text else text


def value(text: str) -> int | None:
    """The number, or None for a run of signs that is none. 三万八 is 38,000, as it is said."""
    head, ten_thousands, tail = text.rpartition("万")
    if "万" in head or (ten_thousands and not head):
        return None
    high = _below(head) if ten_thousands else 0
    if high is None:
        return None
    if ten_thousands and len(tail) == 1 and tail in _DIGITS:
        return high * 10_000 + _DIGITS[tail] * 1_000
    low = _below(tail) if tail else 0
    return None if low is None else high * 10_000 + low


def _below(text: str) -> int | None:
    """A number under ten thousand with its units spoken; a last digit counts a tenth of the last unit."""
    total, digit, unit = 0, None, 10
    for sign in text:
        if sign in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[sign]
        else:
            unit = _UNITS[sign]
            total += (1 if digit is None else digit) * unit
            digit = None
    if digit is None:
        return total
    spoken_short = total and "零" not in text and "〇" not in text and unit > 10
    return total + digit * (unit // 10 if spoken_short else 1)
