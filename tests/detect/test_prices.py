"""Sums with Asian multipliers, signs on either side, and what only looks like a sum."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from bench import prices as bench
from storage.model import Post
from watchers.detect import numerals
from watchers.detect.price_field import field_price
from watchers.detect.prices import prices
from watchers.detect.sale import said
from watchers.detect.score import judge
from watchers.lexicon import Lexicon

STRINGS = Path(__file__).resolve().parents[1] / "samples" / "detect" / "price_strings.csv"


@pytest.mark.parametrize(
    ("text", "amount", "currency", "unit"),
    [
        ("3.8万", "38000", "", ""),
        ("手镯2个w", "20000", "", ""),
        ("佛珠 2.5个W可小刀", "25000", "", ""),
        ("手镯3800r", "3800", "CNY", ""),
        ("3800R包邮 私聊", "3800", "CNY", ""),
        ("1500软妹币", "1500", "CNY", ""),
        ("၅ သိန်း", "500000", "MMK", ""),
        ("ဈေး သိန်း ၅၀", "5000000", "MMK", ""),
        ("ကျပ် ၅၀၀၀၀", "50000", "MMK", ""),
        ("3500 rand each", "3500", "ZAR", "piece"),
        ("价格3.8万元", "38000", "CNY", ""),
        ("3千8", "3800", "", ""),
        ("¥3800", "3800", "CNY", ""),
        ("１２００元/克", "1200", "CNY", "g"),
        ("2.5w", "25000", "", ""),
        ("1tr2", "1200000", "VND", ""),
        ("giá 2,5tr", "2500000", "VND", ""),
        ("1.5 triệu", "1500000", "VND", ""),
        ("500.000đ", "500000", "VND", ""),
        ("2,5jt", "2500000", "IDR", ""),
        ("Rp 1.200.000", "1200000", "IDR", ""),
        ("500k", "500000", "", ""),
        ("4500 บาท", "4500", "THB", ""),
        ("฿4,500", "4500", "THB", ""),
        ("3,500円", "3500", "JPY", ""),
        ("80만원", "800000", "KRW", ""),
        ("$1,299.99", "1299.99", "USD", ""),
        ("60 USD per gram", "60", "USD", "g"),
        ("€1'049,95", "1049.95", "EUR", ""),
        ("250,000 KSh", "250000", "KES", ""),
        ("asking 300", "300", "", ""),
    ],
)
def test_a_sum_is_read(text: str, amount: str, currency: str, unit: str) -> None:
    found = prices(text)
    assert len(found) == 1
    assert (f"{found[0].amount.normalize():f}", found[0].currency, found[0].unit) == (amount, currency, unit)
    assert text[found[0].start : found[0].end].strip() == found[0].span


@pytest.mark.parametrize(
    ("text", "amount", "currency", "unit"),
    [
        ("底价九百八", "980", "", ""),
        ("三万五一对", "35000", "", "piece"),
        ("壹万贰仟元整", "12000", "CNY", ""),
        ("每串1280", "1280", "", "piece"),
        ("5000蚊", "5000", "HKD", ""),
        ("三万円", "30000", "JPY", ""),
        ("백만원", "1000000", "KRW", ""),
        ("R 15,000", "15000", "ZAR", ""),
        ("₦250k", "250000", "NGN", ""),
        ("Ksh.20,000/=", "20000", "KES", ""),
        ("₹1,50,000", "150000", "INR", ""),
        ("15,000 pesos", "15000", "", ""),
        ("$ 15.000 MXN", "15000", "MXN", ""),
        ("15 mil pesos", "15000", "", ""),
        ("1,5 mil reais", "1500", "BRL", ""),
        ("1.5 mil usd", "1500000", "USD", ""),
        ("3trieu5", "3500000", "VND", ""),
        ("8tr/100g", "8000000", "VND", "100g"),
        ("2jtan nego", "2000000", "IDR", ""),
        ("กรัมละ 150", "150", "", "g"),
        ("๓,๕๐๐ บาท", "3500", "THB", ""),
        ("35т.р.", "35000", "RUB", ""),
        ("500$ за грамм", "500", "USD", "g"),
        ("200 долларов", "200", "USD", ""),
        ("150€ le gramme", "150", "EUR", "g"),
        ("50 000 FCFA", "50000", "XAF", ""),
        ("bei elfu 20", "20000", "", ""),
        ("٥٠٠ دولار", "500", "USD", ""),
        ("3 آلاف درهم", "3000", "AED", ""),
    ],
)
def test_a_sum_is_read_as_people_of_its_country_write_it(
    text: str, amount: str, currency: str, unit: str
) -> None:
    found = [(f"{p.amount.normalize():f}", p.currency, p.unit) for p in prices(text)]
    assert found == [(amount, currency, unit)]


@pytest.mark.parametrize(
    "text",
    [
        "R134a", "BMW R 1200 GS", "N95 100pcs", "5 ребят", "5 к 1", "百万富翁", "一千零一夜", "十万个为什么",
        "500w 播放量",
        "150r/min 电机", "转速 3000r", "看图 5r", "3000rpm 电机", "2个wifi",
        "35 кг", "4/=5", "三万英尺",
    ],
)  # fmt: skip
def test_counts_models_and_sayings_are_no_sums(text: str) -> None:
    assert prices(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-06",
        "call 555-1234",
        "iPhone 13 128gb",
        "XJ 1998",
        "8万公里",
        "3万人",
        "12k followers",
        "4k tv",
        "size 42",
    ],
)
def test_what_is_no_money_is_left_alone(text: str) -> None:
    assert prices(text) == ()


def test_in_a_price_field_a_bare_number_is_a_price() -> None:
    assert prices("1200") == ()
    assert [str(price.amount) for price in prices("1200", field=True)] == ["1200"]


def test_public_price_strings_are_read_well_enough_for_a_second_signal() -> None:
    if not STRINGS.exists():
        pytest.skip("price_strings.csv is not on this machine")
    rows = [r for r in csv.DictReader(STRINGS.open(encoding="utf-8")) if r["expected_amount"].isascii()]
    plain = [row for row in rows if row["expected_amount"].replace(".", "", 1).isdigit()]
    right = 0
    for row in plain:
        found = prices(row["price_string"], field=True)
        right += bool(found) and abs(float(found[0].amount) - float(row["expected_amount"])) < 1e-6
    assert right / len(plain) >= 0.93


@pytest.mark.parametrize(
    "text", ["1," * 20_000, "价" * 40_000, "1 " * 20_000, "$ " * 20_000, "1" * 40_000, "1万" * 20_000]
)
def test_hostile_texts_take_bounded_time(text: str) -> None:
    begun = time.process_time()
    assert len(prices(text)) <= 50
    assert time.process_time() - begun < 2.0


def test_the_bench_keeps_its_promises() -> None:
    result = bench.run([])
    assert [figure.name for figure in result.figures if not figure.met] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("三万八", 38_000),
        ("一千二百", 1_200),
        ("两万五", 25_000),
        ("三万零五十", 30_050),
        ("十二", 12),
        ("万", None),
    ],
)
def test_numerals_are_read_as_they_are_spoken(text: str, value: int | None) -> None:
    assert numerals.value(text) == value


def test_a_reason_tells_the_worth_in_one_currency_and_the_date_of_the_rates() -> None:
    (price,) = prices("1200元/克")
    assert said(price).startswith("1200 CNY per g, about 140 EUR (rates of 20")


@pytest.mark.parametrize("text", ["1," * 20_000, "$" * 5_000, "ft" * 9_000, "一千" * 20_000, ".75" * 9_000])
def test_hostile_fields_take_bounded_time(text: str) -> None:
    begun = time.process_time()
    field_price(text, text)
    prices(text, field=True)
    assert time.process_time() - begun < 2.0


@pytest.mark.parametrize(
    ("price", "country", "told"),
    [
        ("1200", "CN", "1200 CNY (currency of the site's country)"),
        ("2500000", "VN", "2500000 VND (currency of the site's country)"),
        ("$1200", "CN", "1200 USD"),
        ("1200", "", "1200"),
    ],
)
def test_a_price_without_a_currency_is_in_that_of_its_sites_country(
    price: str, country: str, told: str
) -> None:
    post = Post(post_id="1", url="https://example.org/1", title="象牙手串", price=price)
    verdict = judge(post, (), (), Lexicon.load(), None, country=country)
    (reason,) = [r for r in verdict.reasons if r.what == "a price"]
    assert reason.detail.split(", about")[0] == told


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("鳞片 一斤800", "800", "500g"),
        ("象牙手镯 一对1500", "1500", "piece"),
        ("一根3000", "3000", "piece"),
        ("犀角 1克300", "300", "g"),
        ("象牙 八百一克", "800", "g"),
        ("一万一克", "10000", "g"),
        ("五百一个", "500", "piece"),
        ("手串3800带走", "3800", ""),
        ("手镯,800元,微信 abcdef", "800", ""),
        ("佛珠,800元/克", "800", "g"),
        ("850 包邮", "850", ""),
        ("1200不议", "1200", ""),
        ("一个800-1000", "800", "piece"),
        ("一对1500 个人转让", "1500", "piece"),
        ("一根3000天然老料", "3000", "piece"),
        ("一对1500 两只都好", "1500", "piece"),
    ],
)
def test_sums_as_sellers_say_them(text: str, amount: str, unit: str) -> None:
    (found,) = prices(text)
    assert (f"{found.amount.normalize():f}", found.unit) == (amount, unit)


@pytest.mark.parametrize(
    "text",
    [
        "象牙手镯一个50克",
        "手串一串108颗",
        "每颗12mm",
        "一颗18 mm",
        "一个2024年的",
        "一只35岁的鹦鹉",
        "一条1.8米",
        "一对12克",
        "一件5-6斤",
        "11克25",
        "二十一颗",
        "三百二十一颗",
        "一百零一个",
        "满200包邮",
        "8带走",
    ],
)
def test_weights_counts_and_lengths_of_a_piece_are_no_sums(text: str) -> None:
    """Before, what stood behind "one piece" or "each" was taken for its price whatever it measured."""
    assert prices(text) == ()
