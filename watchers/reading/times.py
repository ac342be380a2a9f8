"""The one door for times as sites write them: `read_time`. Relative, absolute, epoch.

Choices where a writing says too little:
- no zone given: the target's `zone`; "CST" is China's where that zone is at +8, else America's;
- no year: this year, or last year when that would lie more than two days ahead;
- 03/05/2026 and 03.05.26: day first, unless only month first is a date or not in the future;
- 05-03 (dash, no year): month first, the Chinese way; 26-11-24: the reading nearest to now;
- a clock alone: today, or yesterday when that would lie ahead;
- years 2440-2680 are Buddhist (Thai): 543 are taken off.

Own rules come first because a listing holds hundreds of times; `dateparser` reads the
rest (months in other languages), lazily, short texts only, remembered. Pure; never raises.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import isleap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from watchers.reading.ago import named_day, span_before, weekday

LONGEST = 120
"""Characters looked at; what a site writes after them is no time."""
_LANGUAGES = ("en zh vi id ms th ru", "es pt fr de ja ko ar tr it pl uk nl hi")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?(?![a-z])"
)
_NAMED_DATES = (
    re.compile(
        r"(?<!\d)(?P<y>\d{4})\s?[-/.年년]\s?(?P<m>\d{1,2})\s?[-/.月월]\s?(?P<d>\d{1,2})(?!\d)\s?[日号號일]?"
    ),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日号號일]?"),
    re.compile(
        rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[\s./-]*(?:of\s)?{_MONTH}(?:[\s,./-]*'?(?P<y>\d{{4}}|\d\d)(?![\d:]))?"
    ),
    re.compile(
        rf"(?<![a-z]){_MONTH}\s*(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?:[\s,]+'?(?P<y>\d{{4}})(?!\d))?"
    ),
)
_THREE = re.compile(r"(?<![\d:])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d)(?![\d:])")
_TWO = re.compile(r"(?<![\d:/.-])(\d{1,2})([/.-])(\d{1,2})(?![\d:/.-])")
_LAST_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d$")  # "Tue Nov 24 21:15:00 2026"
_CLOCK = re.compile(
    r"(?<![\d:])(?P<h>\d{1,2})\s?(?:[:点點时時시]|h(?![a-z])|giờ)\s?(?:(?P<min>\d\d?)(?:\s?[:分분]\s?(?:(?P<s>\d\d?)(?:[.,]\d+)?)?)?)?(?![\d:])"
    r"|(?:pukul|jam|เวลา|kl\.?)\s(?P<h2>\d{1,2})[.:](?P<min2>\d\d)|(?<!\d)(?P<h3>\d{1,2})\s?(?=[ap]\.?m\b)"
)
_PACKED_CLOCK = re.compile(r"^t?(?P<h>\d\d)(?P<min>\d\d)(?P<s>\d\d)?")
_AFTERNOON = re.compile(r"下午|傍晚|晚|夜里|午後|오후|chiều|tối|(?<![a-z])p\.?m\b")
_NIGHT = re.compile(r"晚|夜里|tối")
_MORNING = re.compile(r"凌晨|清晨|早上|上午|半夜|午前|오전|sáng|(?<![a-z])a\.?m\b")
_OFFSET = re.compile(
    r"(?:utc|gmt)?\s?(?P<sign>[+-])(?P<h>\d{1,2}):?(?P<m>\d\d)?$|(?<![a-z])(?P<name>[a-z]{1,4})$"
)
_ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "wet": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7,
    "mdt": -6, "pst": -8, "pdt": -7, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3, "ict": 7,
    "wib": 7, "wita": 8, "hkt": 8, "sgt": 8, "myt": 8, "pht": 8, "awst": 8, "wit": 9, "jst": 9, "kst": 9,
    "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
_EPOCH = re.compile(r"(?:/?date\()?(?P<n>\d{9,19})(?P<f>\.\d+)?(?:[+-]\d{4})?(?:\)/?)?")
_WORD = re.compile(r"[^\W\d_]{2}|[^\W\d_a-z]")
_BUDDHIST = re.compile(r"(?<!\d)(2[456]\d\d)(?!\d)")


def read_time(raw: str, now: datetime, zone: str = "UTC") -> datetime | None:
    """The instant that `raw` names, aware UTC, or None when it names none.

    `now` (aware) resolves relative forms and missing years; `zone` is the IANA name of the
    site's local time (an unknown one counts as UTC). What lies before 1970 or more than
    five years ahead is not believed.
    """
    text = " ".join(unicodedata.normalize("NFKC", raw[:LONGEST]).casefold().split())
    if not text:
        return None
    local = now.astimezone(_zone(zone))
    try:
        found = _epoch(text) or span_before(text, now) or _absolute(_gregorian(text), local)
        found = found or _by_library(text, now.replace(second=0, microsecond=0), zone)
        return _believed(found, now)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a LookupError
        return UTC


def _believed(found: datetime | None, now: datetime) -> datetime | None:
    if found is None or found.year < 1970 or found.year > now.year + 5:
        return None
    return found.astimezone(UTC)


def _epoch(text: str) -> datetime | None:
    """Seconds, milli-, micro- or nanoseconds since 1970, by the number of digits."""
    found = _EPOCH.fullmatch(text)
    if found is None or len(found["n"]) in {11, 12, 14, 15, 17, 18}:
        return None
    scale = 10 ** (3 * ((len(found["n"]) - 9) // 3))
    return datetime.fromtimestamp(int(found["n"]) / scale + float(found["f"] or 0), UTC)


def _gregorian(text: str) -> str:
    return _BUDDHIST.sub(lambda m: str(int(m[1]) - 543) if 2440 <= int(m[1]) <= 2680 else m[1], text)


def _absolute(text: str, local: datetime) -> datetime | None:
    """A date, a word for a day, or a clock alone, with what stands around it."""
    for day, (start, end) in _days(text, local):
        rest = f"{text[:start]} {text[end:]}".strip()
        packed = _PACKED_CLOCK.match(text[end:]) if text[start:end].isdigit() else None
        return _at(day, packed or _CLOCK.search(rest), text, rest)
    clock = _CLOCK.search(text)
    if clock is None:
        return None
    found = _at(local, clock, text, text)
    return found - timedelta(days=1) if found > local + timedelta(minutes=5) else found


def _days(text: str, local: datetime) -> Iterator[tuple[datetime, tuple[int, int]]]:
    """Readings of the date in `text`, best first, each with its place. Raises ValueError for 2026-13-45."""
    for form in _NAMED_DATES:
        if found := form.search(text):
            parts = found.groupdict()
            month = int(parts["m"]) if parts.get("m") else _MONTHS.index(parts["name"][:3]) + 1
            year = parts.get("y") or _year_at_end(text, found.end())
            yield _day(year, month, int(parts["d"]), local), found.span()
    if found := _THREE.search(text):
        yield _three(found, local), found.span()
    if named := named_day(text, local):
        yield named
    if (found := _TWO.search(text)) and (found[2] != "." or ":" in text):
        yield _two(found, local), found.span()
    if named := weekday(text, local):
        yield named


def _year_at_end(text: str, after: int) -> str:
    found = _LAST_YEAR.search(text, after)
    return found[0] if found else ""


def _three(found: re.Match[str], local: datetime) -> datetime:
    """12/05/2026 and 26-11-24: several readings; the first that is not in the future, or the first."""
    a, separator, b, c = int(found[1]), found[2], int(found[3]), found[4]
    readings = [(c, b, a)] if separator == "." else [(c, b, a), (c, a, b)]
    if len(c) == 2:
        readings.append((found[1], b, int(c)))
    dates = [date for reading in readings if (date := _day_or_none(*reading, local))]
    if len(c) == 2:  # years make the widest difference: prefer what lies near
        dates.sort(key=lambda date: abs(date - local) > timedelta(days=400))
    return next((date for date in dates if date <= local + timedelta(days=1)), dates[0])


def _two(found: re.Match[str], local: datetime) -> datetime:
    a, b = int(found[1]), int(found[3])
    first, second = ((a, b), (b, a)) if found[2] == "-" else ((b, a), (a, b))
    return _day_or_none("", *first, local) or _day("", *second, local)


def _day_or_none(year: str, month: int, day: int, local: datetime) -> datetime | None:
    try:
        return _day(year, month, day, local)
    except ValueError:
        return None


def _day(year: str, month: int, day: int, local: datetime) -> datetime:
    """Local midnight of a date. Two digits mean this century; a missing year is looked for backwards."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if year:
        return midnight.replace(year=int(year) + 2000 * (len(year) < 3), month=month, day=day)
    latest = local + timedelta(days=2)
    for candidate in range(local.year, local.year - 8, -1):
        if (month, day) == (2, 29) and not isleap(candidate):
            continue
        if (found := midnight.replace(year=candidate, month=month, day=day)) <= latest:
            return found
    raise ValueError("no such day")


def _at(day: datetime, clock: re.Match[str] | None, text: str, rest: str) -> datetime:
    """That day at that clock, in the zone `rest` names. Raises ValueError for 25:00."""
    if clock is None:
        return day.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    parts = clock.groupdict()
    hour = _hour(int(parts.get("h") or parts.get("h2") or parts.get("h3") or 0), text)
    minute = int(parts.get("min") or parts.get("min2") or 0)
    seconds = min(int(parts.get("s") or 0), 60) + 86_400 * (hour == 24)
    moment = datetime(
        day.year, day.month, day.day, hour % 24 if hour == 24 else hour, minute, tzinfo=day.tzinfo
    )
    if zone := _offset(rest, day):
        moment = moment.replace(tzinfo=zone)
    return moment + timedelta(seconds=seconds)


def _hour(hour: int, text: str) -> int:
    if 1 <= hour <= 12 and _AFTERNOON.search(text):
        return 24 if hour == 12 and _NIGHT.search(text) else hour % 12 + 12
    return 0 if hour == 12 and _MORNING.search(text) else hour


def _offset(rest: str, local: datetime) -> tzinfo | None:
    """The zone written at the end of a time, or None: +08:00, GMT, EST, Z, (UTC+8)."""
    found = _OFFSET.search(rest.partition("(")[0].rstrip() or rest.strip("() "))
    if found is None:
        return None
    if found["sign"]:
        minutes = int(found["h"]) * 60 + int(found["m"] or 0)
        return timezone(timedelta(minutes=minutes if found["sign"] == "+" else -minutes))
    if found["name"] == "cst" and local.utcoffset() == timedelta(hours=8):
        return timezone(timedelta(hours=8))
    hours = _ZONES.get(found["name"])
    return None if hours is None else timezone(timedelta(hours=hours))


@lru_cache(maxsize=2048)
def _by_library(text: str, minute: datetime, zone: str) -> datetime | None:
    """What dateparser makes of `text`; None without a word, since our rules know the digits."""
    if not _WORD.search(text):
        return None
    import dateparser

    local = minute.astimezone(_zone(zone))
    settings = {
        "RELATIVE_BASE": local.replace(tzinfo=None),
        "PREFER_DATES_FROM": "past",
        "DATE_ORDER": "DMY",
        "PARSERS": ["relative-time", "absolute-time"],
    }
    try:
        found: datetime | None = dateparser.parse(
            _gregorian(text), languages=" ".join(_LANGUAGES).split(), settings=settings
        )
    except Exception:  # noqa: BLE001  # a library of regular expressions meets text of strangers: no reading
        return None
    if found is None:
        return None
    return found if found.tzinfo else found.replace(tzinfo=local.tzinfo)
