from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchers.reading.facts import Page, facts_of
from watchers.reading.markup import parse_html
from watchers.reading.times import read_time

NOW = datetime(2026, 11, 24, 13, 15, 30, tzinfo=UTC)  # a Tuesday; 21:15:30 in Shanghai

AGO = {
    "刚刚": 0, "剛剛": 0, "刚才": 0, "just now": 0, "a moment ago": 0, "vừa xong": 0,
    "baru saja": 0, "เมื่อสักครู่": 0, "3分钟前": 180, "３分钟前": 180, "3 分鐘前": 180, "半小时前": 1800,
    "半个小时前": 1800, "一个半小时前": 5400, "1小时20分钟前": 4800, "5秒前": 5, "3天前": 259_200,
    "两周前": 1_209_600, "几分钟前": 180, "3个多小时前": 10_800, "2h ago": 7200, "2h": 7200, "5m": 300,
    "3d": 259_200, "an hour ago": 3600, "3 days ago": 259_200, "1 hour, 5 minutes ago": 3900,
    "half an hour ago": 1800, "2 hrs ago": 7200, "a few seconds ago": 3,
    "about 2 hours ago": 7200, "Posted 10 mins ago": 600, "10 phút trước": 600,
    "2 giờ trước": 7200, "một ngày trước": 86_400, "5 menit yang lalu": 300,
    "2 jam lalu": 7200, "sejam lalu": 3600, "sehari yang lalu": 86_400,
    "3 hari lalu": 259_200, "5 minit lalu": 300, "5 นาทีที่แล้ว": 300,
    "2 ชั่วโมงที่ผ่านมา": 7200, "3 วันก่อน": 259_200, "3分前": 180, "2時間前": 7200, "5분 전": 300,
    "5 минут назад": 300, "полчаса назад": 1800, "发布于 3分钟前 · 浏览 12": 180,
}  # fmt: skip

SHANGHAI = {
    "昨天 23:10": "2026-11-23 15:10",
    "昨晚11:10": "2026-11-23 15:10",
    "前天": "2026-11-21 16:00",
    "大前天 08:00": "2026-11-21 00:00",
    "今天 07:05": "2026-11-23 23:05",
    "今早7:05": "2026-11-23 23:05",
    "yesterday": "2026-11-22 16:00",
    "Yesterday at 11:10 PM": "2026-11-23 15:10",
    "Today 21:05": "2026-11-24 13:05",
    "Monday at 10:05 AM": "2026-11-23 02:05",
    "周一 10:05": "2026-11-23 02:05",
    "星期二 10:05": "2026-11-24 02:05",
    "hôm qua lúc 23:10": "2026-11-23 15:10",
    "kemarin pukul 23.10": "2026-11-23 15:10",
    "เมื่อวานนี้ 23:10": "2026-11-23 15:10",
    "2024年5月3日 14:22": "2024-05-03 06:22",
    "2024年5月3日 下午2点22分": "2024-05-03 06:22",
    "2024年5月3日 星期五 晚上9:05": "2024-05-03 13:05",
    "2024年5月3日凌晨12点30分": "2024-05-02 16:30",
    "2024/5/3 14:22:07": "2024-05-03 06:22:07",
    "2024.05.03": "2024-05-02 16:00",
    "05-03 14:22": "2026-05-03 06:22",
    "12-03 14:22": "2025-12-03 06:22",
    "11月20日 14:22": "2026-11-20 06:22",
    "21:10": "2026-11-24 13:10",
    "23:50": "2026-11-23 15:50",
    "2026-11-24T21:15:00Z": "2026-11-24 21:15",
    "2026-11-24T21:15:00+08:00": "2026-11-24 13:15",
    "2026-11-24T21:15:00.123+0800": "2026-11-24 13:15",
    "2026-11-24 21:15": "2026-11-24 13:15",
    "2026-11-24 21:15:00 UTC": "2026-11-24 21:15",
    "20261124T211500Z": "2026-11-24 21:15",
    "20261124": "2026-11-23 16:00",
    "Tue, 24 Nov 2026 21:15:00 +0800": "2026-11-24 13:15",
    "Tue, 24 Nov 2026 08:15:00 EST": "2026-11-24 13:15",
    "Tue, 24 Nov 26 13:15 GMT": "2026-11-24 13:15",
    "Tue Nov 24 21:15:00 2026": "2026-11-24 13:15",
    "Tue Nov 24 2026 21:15:00 GMT+0800 (China Standard Time)": "2026-11-24 13:15",
    "Nov 24, 2026 9:15 PM": "2026-11-24 13:15",
    "November 24th, 2026 at 9:15 p.m.": "2026-11-24 13:15",
    "24 Nov 2026, 21:15": "2026-11-24 13:15",
    "24-Nov-2026 21:15": "2026-11-24 13:15",
    "Nov 20": "2026-11-19 16:00",
    "Dec 20": "2025-12-19 16:00",
    "24/11/2026 21:15": "2026-11-24 13:15",
    "11/24/2026 21:15": "2026-11-24 13:15",
    "03/05/2026": "2026-05-02 16:00",
    "11/12/2026": "2026-11-11 16:00",
    "24.11.26 21:15": "2026-11-24 13:15",
    "26-11-24 21:15": "2026-11-24 13:15",
    "24/11 21:15": "2026-11-24 13:15",
    "12:30 AM": "2026-11-23 16:30",
    "9pm": "2026-11-24 13:00",
    "1795526100": "2026-11-24 13:15",
    "1795526100000": "2026-11-24 13:15",
    "1795526100.5": "2026-11-24 13:15:00.5",
    "/Date(1795526100000+0800)/": "2026-11-24 13:15",
    "24 พฤศจิกายน 2569 21:15": "2026-11-24 13:15",
    "24 Tháng 11, 2026 lúc 21:15": "2026-11-24 13:15",
    "24 Nopember 2026 21.15": "2026-11-24 13:15",
    "24 ноября 2026 г. 21:15": "2026-11-24 13:15",
    "hace 3 horas": "2026-11-24 10:15",
    "il y a 2 jours": "2026-11-22 13:15",
    "2026년 11월 24일 오후 9시 15분": "2026-11-24 13:15",
    "晚上12点": "2026-11-23 16:00",
    "昨晚12点": "2026-11-23 16:00",
    "Tue 24/11 9:15pm": "2026-11-24 13:15",
    "lúc 21:15 24/11/2026": "2026-11-24 13:15",
    "21h15": "2026-11-24 13:15",
    "29 Feb 12:00": "2024-02-29 04:00",
    "2026-11-24 24:00": "2026-11-24 16:00",
}


@pytest.mark.parametrize("raw", AGO)
def test_a_span_is_taken_off_now(raw: str) -> None:
    assert read_time(raw, NOW, "Asia/Shanghai") == NOW - timedelta(seconds=AGO[raw])


@pytest.mark.parametrize("raw", SHANGHAI)
def test_a_written_time_is_read_in_the_zone_of_the_site(raw: str) -> None:
    assert read_time(raw, NOW, "Asia/Shanghai") == datetime.fromisoformat(
        SHANGHAI[raw].replace(".5", ".500000") + "+00:00"
    )


def test_months_and_years_go_by_the_calendar() -> None:
    assert read_time("3个月前", NOW) == NOW.replace(month=8)
    assert read_time("1 year ago", NOW) == NOW.replace(year=2025)
    assert read_time("1 month ago", datetime(2026, 3, 31, tzinfo=UTC)) == datetime(2026, 2, 28, tzinfo=UTC)


def test_the_zone_decides_and_summer_time_counts() -> None:
    assert read_time("2026-07-01 12:00", NOW, "Europe/Berlin") == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert read_time("2026-01-01 12:00", NOW, "Europe/Berlin") == datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert read_time("2026-01-01 12:00", NOW, "Asia/Kathmandu") == datetime(2026, 1, 1, 6, 15, tzinfo=UTC)
    assert read_time("2026-01-01 12:00", NOW, "No/Where") == datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_cst_is_the_site_s_own() -> None:
    assert read_time("2026-11-24 21:15 CST", NOW, "Asia/Shanghai") == datetime(
        2026, 11, 24, 13, 15, tzinfo=UTC
    )
    assert read_time("2026-11-24 07:15 CST", NOW, "America/Chicago") == datetime(
        2026, 11, 24, 13, 15, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "ivory",
        "2026-13-45",
        "25:99",
        "99999999999999999999",
        "0000-00-00 00:00:00",
        "-1",
        "1e9",
        "象牙",
        "9999-12-31",
        "<b>",
        "\0",
    ],
)
def test_what_names_no_time_is_none(raw: str) -> None:
    assert read_time(raw, NOW, "Asia/Shanghai") is None


@given(
    raw=st.text(max_size=150),
    zone=st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "", "../etc"]),
)
def test_any_text_is_a_believable_time_or_none(raw: str, zone: str) -> None:
    found = read_time(raw, NOW, zone)
    assert found is None or (found.utcoffset() == timedelta(0) and 1970 <= found.year <= 2031)


PARTS = st.sampled_from(
    [
        "3",
        "12",
        "2026",
        "99",
        "-",
        "/",
        ":",
        " ",
        "月",
        "日",
        "年",
        "前",
        "ago",
        "nov",
        "pm",
        "昨天",
        "z",
        "+",
        "h",
        ".",
        "半",
        "上午",
        "mon",
    ]
)


@given(st.lists(PARTS, max_size=12).map("".join))
def test_any_shuffle_of_the_parts_of_times_is_borne(raw: str) -> None:
    found = read_time(raw, NOW, "Asia/Kolkata")
    assert found is None or 1970 <= found.year <= 2031


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2030, 1, 1)))  # noqa: DTZ001  # hypothesis wants naive bounds
def test_iso_times_come_back_to_the_second(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert read_time(moment.isoformat(), NOW) == moment
    assert read_time(moment.strftime("%a, %d %b %Y %H:%M:%S GMT"), NOW, "Asia/Shanghai") == moment
    assert read_time(f"{moment:%Y}年{moment.month}月{moment.day}日 {moment:%H:%M:%S}", NOW) == moment


STAMPED = "2026-11-24T12:57:00Z"


@pytest.mark.parametrize(
    ("shown", "raw"),
    [
        ("x", STAMPED),
        ("chapter 7", STAMPED),
        ("", STAMPED),
        ("2026-11-20", STAMPED),
        ("3分钟前", "3分钟前"),
        ("today", "today"),
    ],
)
@pytest.mark.parametrize("attribute", ["datetime", "data-time", "title"])
def test_a_text_that_does_not_tell_the_time_of_its_attribute_is_not_kept_as_its_source(
    attribute: str, shown: str, raw: str
) -> None:
    page = parse_html(f"<div id=r><abbr class=date {attribute}='{STAMPED}'>{shown}</abbr></div>")
    node = page.css_first("#r")
    assert node is not None
    now = datetime(2026, 11, 24, 13, tzinfo=UTC)
    facts = facts_of([node], None, Page(base="https://e.org/", now=now))
    assert (facts.posted_raw, facts.posted_at) == (raw, datetime(2026, 11, 24, 12, 57, tzinfo=UTC))
