"""What may be dialled, and how addresses of strangers are read."""

# ruff: noqa: E501  samples are kept on one line; contexts nest as servers do

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import Refused
from watchers.address import join, read_address
from watchers.guard import Guard, is_public, read_allow


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "168.63.129.16", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:100.64.0.1",
        "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1", "2001:20::1",
        "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
        "ff02::1", "4000::1", "::ffff:169.254.169.254",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_public_web_are_refused(text: str) -> None:
    assert not is_public(ip_address(text))
    shown = f"[{text}]" if ":" in text else text
    with pytest.raises(Refused, match="not a public address"):
        Guard().check(read_address(f"http://{shown}/"))


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111",
     "2001:4860:4860::8888", "2a00:1450::1", "::ffff:8.8.8.8", "2001:200::1"],
)  # fmt: skip
def test_public_addresses_pass(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_the_one_inside(ip: object) -> None:
    assert is_public(ip_address(f"::ffff:{ip}")) is is_public(ip)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "url", "passes"),
    [
        ("127.0.0.0/8", "http://127.0.0.1:8080/", True),
        ("127.0.0.0/8", "http://[::ffff:127.0.0.1]:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1:8081/", False),
        ("10.0.0.0/8", "http://127.0.0.1/", False),
        ("[::1]/128", "http://[::1]:9/", True),
        ("[::1]:8080", "http://[::1]:8080/", True),
        ("fd00::/8", "http://[fd00::1]/", True),
        ("intranet.example:8080", "http://intranet.example:8080/", True),
        ("intranet.example:8080", "http://intranet.example:8081/", False),
        ("intranet.example", "http://INTRANET.example.:8081/", True),
        ("*.lan", "http://shop.lan:5000/", True),
        ("*.lan", "http://evil-lan:5000/", False),
        ("*.lan", "http://lan:5000/", False),
    ],
)
def test_the_allow_list_lets_through_what_it_names(entry: str, url: str, passes: bool) -> None:
    guard = Guard((entry,))
    if passes:
        guard.check(read_address(url))
    else:
        with pytest.raises(Refused):
            guard.check(read_address(url))


def test_a_name_on_the_allow_list_may_lead_anywhere_and_another_may_not() -> None:
    guard = Guard(("intranet.example:8080",))
    assert guard.objection(ip_address("10.0.0.1"), 8080, "intranet.example") == ""
    assert guard.objection(ip_address("10.0.0.1"), 80, "intranet.example") != ""
    assert guard.objection(ip_address("10.0.0.1"), 8080, "other.example") != ""


def test_allow_entries_are_read_in_all_their_forms() -> None:
    assert read_allow(" 127.0.0.1 ").network is not None
    assert read_allow("fd00::1").port is None
    assert read_allow("[fd00::1]:81").port == 81
    assert read_allow("Shop.Example.:81").host == "shop.example"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("http://example.org", "http://example.org/"),
        ("HTTP://EXAMPLE.org:80/A", "http://example.org/A"),
        ("https://example.org:443/a?", "https://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        (" \thttps://example.org/a\n b#c ", "https://example.org/a%20b"),
        ("https://example.org/%7e/%E8%B1%a1?q=%2f", "https://example.org/%7e/%E8%B1%a1?q=%2f"),
        ("https://example.org/象牙", "https://example.org/%E8%B1%A1%E7%89%99"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://例子.example/", "https://xn--fsqu00a.example/"),
        ("https://example.org./", "https://example.org/"),
        ("http://[2606:4700:0:0::1111]/", "http://[2606:4700::1111]/"),
        ("https://example.org?x=1", "https://example.org/?x=1"),
        ("https://my_shop.example.org/", "https://my_shop.example.org/"),
    ],
)
def test_an_address_is_made_safe_without_changing_its_meaning(raw: str, text: str) -> None:
    address = read_address(raw)
    assert address.text == text
    assert str(address.url) == text


@pytest.mark.parametrize(
    "raw",
    [
        "", "example.org", "//example.org/", "/path", "http://", "http:///x", "ftp://example.org/", "file:///etc/passwd",
        "http://user@example.org/", "http://user:pw@example.org/", "http://@example.org/", "http://127.1/",
        "http://0177.0.0.1/", "http://0x7f000001/", "http://2130706433/", "http://1.2.3.4.5/", "http://127.0.0.01/",
        "http://１２７.0.0.1/x", "http://127。1/", "http://example.org:x/", "http://example.org:70000/",
        "http://[fe80::1%25eth0]/", "http://[::1/", "http://[zz]/", "http://exa mple/", "http://a..b/", "http://-a/",
        "http://example.org\\@evil.example/", "http:\\\\example.org/", "http://exam\x00ple/", "http://" + "a" * 300 + "/",
        "http://example.org/" + "a" * 9000, "http://%31%32%37.0.0.1/", "http://ex%00ample/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_addresses_that_mean_harm_or_nothing_are_refused(raw: str) -> None:
    with pytest.raises(Refused):
        Guard().check(read_address(raw))


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_refused(raw: str) -> None:
    for text in (raw, "http://" + raw, "http://example.org/" + raw):
        try:
            address = read_address(text)
        except Refused:
            continue
        assert address.text.isascii()
        assert read_address(address.text).text == address.text
        assert address.url.host is not None


@given(st.text(max_size=60))
def test_a_redirect_to_any_text_is_an_address_or_refused(location: str) -> None:
    base = read_address("https://example.org/a/b?c")
    with suppress(Refused):
        assert join(base, location).scheme in ("http", "https")
