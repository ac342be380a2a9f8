"""Relative times in the words of marketplaces: "3分钟前", "2h ago", "hôm qua 23:10", "เมื่อวาน".

Chinese, English, Vietnamese, Indonesian/Malay, Thai, Japanese, Korean and Russian, by our own
tables because they are the common ones and a page holds hundreds. Pure; see `times` for the door.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

_UNITS = {
    "second": "s sec secs second seconds 秒 秒钟 秒鐘 giây detik saat วินาที 초 секунду секунды секунд сек",
    "minute": "m min mins minute minutes 分 分钟 分鐘 phút menit minit นาที 분 минуту минуты минут мин",
    "hour": "h hr hrs hour hours 小时 小時 钟头 鐘頭 時間 giờ tiếng jam ชั่วโมง ชม 시간 час часа часов ч",
    "day": "d day days 天 日 ngày hari วัน 일 день дня дней",
    "week": "w wk wks week weeks 周 週 星期 礼拜 禮拜 週間 tuần minggu สัปดาห์ อาทิตย์ 주 неделю недели недель",
    "month": "mo mos mth month months 月 か月 ヶ月 ヵ月 カ月 tháng bulan เดือน 개월 달 месяц месяца месяцев",
    "year": "y yr yrs year years 年 năm tahun ปี 년 год года лет",
}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_MONTHS = {"month": 1, "year": 12}
_UNIT_OF = {word: unit for unit, row in _UNITS.items() for word in row.split()}

_NUMBERS = {
    "half an": 0.5, "half a": 0.5, "an": 1, "a": 1, "one": 1, "two": 2, "a couple of": 2, "couple of": 2,
    "three": 3, "few": 3, "a few": 3, "several": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "半": 0.5, "一": 1, "二": 2, "两": 2, "兩": 2, "三": 3,
    "几": 3, "幾": 3, "数": 3, "數": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10,
    "十一": 11, "十二": 12, "十五": 15, "二十": 20, "三十": 30, "nửa": 0.5, "một": 1, "hai": 2, "ba": 3,
    "vài": 3, "mấy": 3, "setengah": 0.5, "se": 1, "satu": 1, "dua": 2, "tiga": 3, "beberapa": 3,
    "ครึ่ง": 0.5, "หนึ่ง": 1, "สอง": 2, "สาม": 3, "한": 1, "두": 2, "몇": 3, "полчаса": 0.5,
}  # fmt: skip


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_NUMBER = rf"\d{{1,4}}(?:[.,]\d)?|{_any_of(_NUMBERS)}"
_PART = (
    rf"(?<![a-zа-я\d])(?P<number>{_NUMBER})\s*[个個多]?(?P<half>半)?\s*多?"
    rf"(?P<unit>{_any_of(_UNIT_OF)})(?![a-zа-я])"
)
_AGO = r"\s*(?:之前|以前|前|ago|trước|yang\s+lalu|lalu|ที่แล้ว|ที่ผ่านมา|ก่อนหน้านี้|ก่อน|전|назад)"
_UNNAMED = re.sub(r"\?P<\w+>", "?:", _PART)
_SPAN = re.compile(rf"(?P<parts>{_UNNAMED}(?:[\s,、]*(?:and\s+)?{_UNNAMED}){{0,2}}){_AGO}")
_PARTS = re.compile(_PART)
_SHORT = re.compile(
    r"(\d{1,4})\s?(s|secs?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?|mo|y|yrs?|秒|分钟|分鐘|小时|小時|天)"
)

_JUST_NOW = re.compile(
    r"刚刚|剛剛|刚才|剛才|刚发布|剛發佈|たった今|방금|just\s+now|(?:a\s+)?(?:few\s+)?moments?\s+ago|(?<!\w)seconds\s+ago|"
    r"vừa\s+(?:xong|mới|đăng)|mới\s+đây|baru\s+s?aja|barusan|baru\s+sahaja|sebentar\s+tadi|เมื่อสักครู่|เมื่อครู่|เมื่อกี้|"
    r"เพิ่งโพสต์|только\s+что"
)
_DAYS = (
    (re.compile(r"大前天"), 3),
    (
        re.compile(r"前天|前日|一昨日|おととい|hôm\s+kia|เมื่อวานซืน|그저께|позавчера|day\s+before\s+yesterday"),
        2,
    ),
    (
        re.compile(r"昨天|昨日|昨晚|昨夜|yesterday|last\s+night|hôm\s+qua|kemarin|semalam|เมื่อวาน|어제|вчера"),
        1,
    ),
    (re.compile(r"今天|今日|今早|今晚|本日|today|tonight|hôm\s+nay|hari\s+ini|วันนี้|오늘|сегодня"), 0),
)
_WEEKDAY = re.compile(
    r"(?<![a-z])(?P<en>mon|tue|wed|thu|fri|sat|sun)(?:[a-z]{0,6}day)?(?![a-z])|(?:周|週|星期|礼拜|禮拜)(?P<zh>[一二三四五六日天])"
)
_EN_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def span_before(text: str, now: datetime) -> datetime | None:
    """`now` less the span that folded `text` names ("1小时20分钟前", "2h", "just now"), or None."""
    if found := _SPAN.search(text):
        return _less(now, [_amount(part) for part in _PARTS.finditer(found["parts"])])
    if text == "now" or _JUST_NOW.search(text):
        return now
    if "полчаса назад" in text:
        return now - timedelta(minutes=30)
    short = _SHORT.fullmatch(text.rstrip("."))
    return _less(now, [(float(short[1]), _UNIT_OF[short[2]])]) if short else None


def named_day(text: str, local_now: datetime) -> tuple[datetime, tuple[int, int]] | None:
    """The local day that a word ("昨天", "kemarin") names, with the word's place; its clock means nothing."""
    for word, days in _DAYS:
        if found := word.search(text):
            return local_now - timedelta(days=days), found.span()
    return None


def weekday(text: str, local_now: datetime) -> tuple[datetime, tuple[int, int]] | None:
    """The latest such weekday ("Monday", "周一") up to today, with the word's place."""
    found = _WEEKDAY.search(text)
    if found is None:
        return None
    index = _EN_WEEKDAYS.index(found["en"]) if found["en"] else "一二三四五六日天".index(found["zh"])
    return local_now - timedelta(days=(local_now.weekday() - min(index, 6)) % 7), found.span()


def _amount(part: re.Match[str]) -> tuple[float, str]:
    word = part["number"]
    number = float(word.replace(",", ".")) if word[0].isdigit() else _NUMBERS[word]
    return number + 0.5 * bool(part["half"]), _UNIT_OF[part["unit"]]


def _less(now: datetime, amounts: list[tuple[float, str]]) -> datetime | None:
    """`now` less all amounts; months by the calendar, the day clipped to the month's end."""
    for number, unit in amounts:
        if unit in _SECONDS:
            now -= timedelta(seconds=min(number, 9999) * _SECONDS[unit])
            continue
        months = now.year * 12 + now.month - 1 - round(number * _MONTHS[unit])
        if months < 1970 * 12:
            return None
        now = _clipped(now, months // 12, months % 12 + 1)
    return now


def _clipped(now: datetime, year: int, month: int) -> datetime:
    for day in range(now.day, 27, -1):
        try:
            return now.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return now.replace(year=year, month=month, day=min(now.day, 28))
