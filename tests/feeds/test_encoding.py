from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feeds.pages import page
from watchers.reading.encoding import decode, encoding_of

ADVERTS = {
    "gb18030": "转让老象牙手镯一只，价格可议，有意者加微信",
    "big5hkscs": "出售舊犀角杯，有意請私訊，可面交",
    "cp932": "象牙の根付をお譲りします。値段は相談で",
    "euc_jp": "象牙の根付をお譲りします。値段は相談で",
    "cp949": "호랑이 이빨 팝니다. 관심 있으시면 연락 주세요",
    "cp1251": "Продам клык моржа, торг уместен",
    "koi8_r": "Продам клык моржа, торг уместен",
    "cp1252": "Vends défense d'éléphant très ancienne, prix à débattre",
    "cp1250": "Prodám sloní kel, možná sleva, příležitost pro sběratele",
    "cp1254": "Eski fildişi heykel satılık, görüşelim",
    "cp874": "ขายงาช้างเก่า ราคาคุยกันได้",
    "cp1256": "ناب فيل قديم للبيع السعر قابل للتفاوض",
    "cp1253": "Πωλείται παλιό ελεφαντόδοντο",
    "cp1255": "למכירה פסלון שנהב ישן",
}


def html(text: str, charset: str) -> bytes:
    meta = f'<meta charset="{charset}">' if charset else ""
    return f"<html><head>{meta}</head><body><p>{text}</p></body></html>".encode(charset or "utf-8")


@pytest.mark.parametrize(("encoding", "text"), ADVERTS.items())
def test_an_undeclared_advert_of_one_line_is_read(encoding: str, text: str) -> None:
    body = b"<html><body><div class=post><a href=/1>" + text.encode(encoding) + b"</a></div></body></html>"
    assert text in decode(page(body))


@pytest.mark.parametrize(("encoding", "text"), ADVERTS.items())
@pytest.mark.parametrize("where", ["header", "meta", "xml"])
def test_a_declared_encoding_is_obeyed(encoding: str, text: str, where: str) -> None:
    label = encoding.replace("_", "-").replace("cp125", "windows-125").replace("cp949", "euc-kr")
    label = label.replace("cp932", "shift_jis").replace("cp874", "tis-620")
    head = {"meta": f'<meta http-equiv="Content-Type" content="text/html; charset={label}">', "xml": ""}
    start = f'<?xml version="1.0" encoding="{label}"?>' if where == "xml" else head.get(where, "")
    body = (start + f"<p>{text}</p>").encode(encoding)
    declared = f"text/html; charset={label}" if where == "header" else "text/html"
    assert text in decode(page(body, content_type=declared))


@pytest.mark.parametrize(
    ("label", "encoding", "text"),
    [
        ("gb2312", "gb18030", "囍字镕基"),
        ("gbk", "gb18030", "㐂丂€𠀀"),
        ("big5", "big5hkscs", "嘅咗啲嚟"),
        ("iso-8859-1", "cp1252", "50 € – “neuf”"),
        ("us-ascii", "cp1252", "50 €"),
        ("euc-kr", "cp949", "똠방각하"),
        ("shift_jis", "cp932", "①㈱"),
        ("iso-8859-9", "cp1254", "ışık €"),
    ],
)
def test_labels_mean_what_browsers_take_them_for(label: str, encoding: str, text: str) -> None:
    assert decode(page(text.encode(encoding), content_type=f"text/html; charset={label}")) == text


def test_a_byte_order_mark_beats_header_and_meta() -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        body = html("象牙", "").decode().encode(encoding)
        assert "<p>象牙</p>" in decode(page(body, content_type="text/html; charset=iso-8859-1"))


def test_the_header_beats_the_meta_tag() -> None:
    body = b'<meta charset="big5"><p>' + "象牙筷子一双".encode("gb18030")
    assert "象牙筷子一双" in decode(page(body, content_type="text/html; charset=gbk"))


def test_a_header_that_the_bytes_contradict_yields_to_the_meta_tag() -> None:
    text = "转让老象牙手镯一只"
    assert text in decode(page(html(text, "gbk"), content_type="text/html; charset=utf-8"))


def test_utf8_under_a_default_latin_header_is_still_utf8() -> None:
    text = "转让老象牙手镯一只，价格可议"
    assert text in decode(page(html(text, ""), content_type="text/html; charset=ISO-8859-1"))


def test_one_bad_byte_does_not_change_the_encoding() -> None:
    body = html("转让老象牙手镯一只，价格可议" * 3, "").replace(b"</p>", b"\xe8\xb1</p>")
    text = decode(page(body, content_type="text/html; charset=utf-8"))
    assert "价格可议\ufffd" in text
    assert "转让" in text


def test_a_character_cut_at_the_end_costs_only_itself() -> None:
    assert decode(page("象牙".encode()[:-1], shortfall="cut")) == "象\ufffd"


def test_two_byte_text_without_a_mark_is_seen() -> None:
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        assert decode(page('{"a":"象牙"}'.encode(encoding))) == '{"a":"象牙"}'
        assert decode(page('<?xml version="1.0" encoding="utf-16"?>'.encode(encoding))).startswith("<?xml")


def test_nul_never_reaches_the_text() -> None:
    assert decode(page(b"iv\0ory")) == "ivory"


@pytest.mark.parametrize(
    "label", ["rot13", "zip", "punycode", "unicode_escape", "utf-7", "idna", "no-such", "undefined"]
)
def test_labels_that_no_page_is_written_in_are_passed_over(label: str) -> None:
    assert (
        decode(page("象牙 +ADw- \\x41".encode(), content_type=f"text/html; charset={label}"))
        == "象牙 +ADw- \\x41"
    )


LABELS = st.sampled_from(
    [
        "",
        "utf-8",
        "gbk",
        "gb18030",
        "big5",
        "shift_jis",
        "euc-jp",
        "euc-kr",
        "utf-16",
        "utf-32",
        "iso-2022-jp",
        "x",
    ]
)


@given(body=st.binary(max_size=400), label=LABELS | st.text(max_size=30), meta=LABELS)
def test_any_bytes_with_any_header_become_storable_text(body: bytes, label: str, meta: str) -> None:
    text = decode(
        page(f'<meta charset="{meta}">'.encode() + body, content_type=f"text/html; charset={label}")
    )
    assert "\0" not in text
    text.encode("utf-8")
    text = decode(page(body, content_type=label))
    text.encode("utf-8")


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=200))
def test_declared_utf8_comes_back_as_written(text: str) -> None:
    assert decode(page(text.encode(), content_type="application/json; charset=utf-8")) == text


def test_ten_megabytes_are_read_in_linear_time() -> None:
    from time import process_time

    for unit in (b"\xff\xfe\xfd", b"\xb0\xa1", b"<meta charset=", b"\0", b"<!--", "象".encode()):
        began = process_time()
        encoding_of(unit * (10_000_000 // len(unit)))
        assert process_time() - began < 5


def test_damaged_text_costs_milliseconds_whatever_its_size() -> None:
    from time import process_time

    damaged = b"\xff\xfe\xc3\x28\xa0\xa1\xed\xa0\x80 ivory \xf0\x28\x8c\x28"
    encoding_of(damaged, "text/html; charset=utf-8")  # loads the guess
    for times in (2_000, 20_000, 300_000):
        began = process_time()
        encoding_of(damaged * times, "text/html; charset=utf-8")
        assert process_time() - began < 0.15


def test_letters_behind_a_long_ascii_head_are_found() -> None:
    head = b"<html><head><script>" + b"var x = 1;\n" * 40_000 + b"</script></head><body>"
    assert encoding_of(head + "象牙筷子一双，有意私聊，包邮到家".encode("gb18030")) == "gb18030"
