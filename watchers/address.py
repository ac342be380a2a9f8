"""Web addresses as written by strangers, made safe to ask for without changing their meaning.

Percent-encodings stay as the site wrote them (signed picture links break otherwise);
only what is illegal in an address is escaped, as browsers do. No network here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urljoin, urlsplit

from yarl import URL

from storage.errors import Refused
from watchers.bounds import BOUNDS

_LEGAL = re.compile(r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_STRIP = "".join(map(chr, range(0x21)))
_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"(?:\d+|0[xX][0-9A-Fa-f]*)\Z")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_\-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_\-]*[a-z0-9_])?)*")


@dataclass(frozen=True, slots=True)
class Address:
    """One address to ask: `text` is what evidence shows, `url` what aiohttp is given.

    host: lower case, without brackets, zone or final dot; origin: scheme://host[:port].
    """

    text: str
    url: URL
    scheme: str
    host: str
    port: int
    origin: str


@lru_cache(maxsize=12_288)  # more than the listings of all targets, or each poll reads its address anew
def read_address(raw: str) -> Address:
    """As `address_in`, remembered: two kilobytes each, so for what is asked for again and again."""
    return address_in(raw)


def address_in(raw: str) -> Address:
    """The address in `raw`. Raises Refused for anything but plain http(s) to a plain host.

    Refused are: other schemes, user names in the address, control characters and
    back-slashes in the authority, hosts that only look like IP addresses, zone ids.
    """
    text = _legal(raw)
    parts = _split(raw, text)
    if parts.scheme not in _PORTS:
        raise Refused(raw, f"scheme {parts.scheme or '(none)'!r} is not http or https")
    if "@" in parts.netloc:
        raise Refused(raw, "the address carries a user name")
    host, port = _host(raw, parts), _port(raw, parts)
    shown = f"[{host}]" if ":" in host else host
    query = f"?{parts.query}" if parts.query else ""
    origin = f"{parts.scheme}://{shown}" + ("" if port == _PORTS[parts.scheme] else f":{port}")
    text = f"{origin}{parts.path or '/'}{query}"
    return Address(text, URL(text, encoded=True), parts.scheme, host, port, origin)


def join(base: Address, location: str) -> Address:
    """Where a redirect from `base` leads. Raises Refused as `address_in`."""
    if len(location) > BOUNDS.url_chars:
        raise Refused(base.text, "the redirect's address is too long")
    try:
        return read_address(urljoin(base.text, location.strip(_STRIP)))
    except ValueError as error:
        raise Refused(base.text, f"the redirect's address cannot be read: {error}") from error


def _legal(raw: str) -> str:
    """`raw` with illegal characters escaped (WHATWG: tabs and line ends vanish, ends are trimmed)."""
    if len(raw) > BOUNDS.url_chars:
        raise Refused(raw[:200] + "...", f"the address is longer than {BOUNDS.url_chars} characters")
    text = raw.strip(_STRIP).replace("\t", "").replace("\n", "").replace("\r", "").partition("#")[0]
    if _LEGAL.fullmatch(text):
        return text
    from w3lib.url import safe_url_string

    try:
        return str(safe_url_string(text))
    except (ValueError, UnicodeError) as error:
        raise Refused(raw, f"the address cannot be read: {error}") from error


def _split(raw: str, text: str) -> SplitResult:
    if "\\" in raw.partition("?")[0]:
        # Programs disagree whether "\" ends the host name: never guess.
        raise Refused(raw, "the address has a back-slash before its query")
    try:
        return urlsplit(text)
    except ValueError as error:
        raise Refused(raw, f"the address cannot be read: {error}") from error


def _host(raw: str, parts: SplitResult) -> str:
    try:
        host = (parts.hostname or "").removesuffix(".")
    except ValueError as error:
        raise Refused(raw, f"the host cannot be read: {error}") from error
    if parts.netloc.startswith("["):
        return _ipv6(raw, host)
    if _NUMBER.match(host.rpartition(".")[2]):
        return _ipv4(raw, host)
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise Refused(raw, f"{host or '(nothing)'!r} is not a host name")
    return host


def _ipv6(raw: str, host: str) -> str:
    try:
        if "%" in host:
            raise Refused(raw, "the host carries a network zone")
        return IPv6Address(host).compressed
    except AddressValueError as error:
        raise Refused(raw, f"{host!r} is not an IPv6 address") from error


def _ipv4(raw: str, host: str) -> str:
    """A host ending in a number is an IPv4 address to every resolver: only the plain form passes."""
    try:
        return str(IPv4Address(host))
    except AddressValueError as error:
        raise Refused(raw, f"{host!r} is an IP address in disguise") from error


def _port(raw: str, parts: SplitResult) -> int:
    try:
        return _PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError as error:
        raise Refused(raw, f"the port cannot be read: {error}") from error
