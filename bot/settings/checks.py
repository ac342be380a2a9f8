"""Checks of single values: names, addresses, zones, headers, reasons. Pure.

Each gives the value back, or raises ValueError whose text says what is allowed; the text
repeats a value only where it cannot be a secret (`bot.mistakes.shown`).
"""

from __future__ import annotations

import ipaddress
import math
import re
import zoneinfo
from datetime import datetime
from functools import cache, lru_cache
from urllib.parse import parse_qsl, urlsplit

from bot.mistakes import nearest, shown
from storage.credentials import speaks_of_log_in


class Unlike(ValueError):
    """A refused value for which a nearest correct one is known. Attribute: nearest."""

    def __init__(self, why: str, meant: str = "") -> None:
        super().__init__(why)
        self.nearest = meant


_NAME = re.compile(r"\w[\w .-]{0,62}(?<! )")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_OURS = re.compile(
    r"(?i)(accept-encoding|connection|content-(length|type)|date|expect|from|host|if-(modified-since|none-match)"
    r"|keep-alive|range|te|trailer|transfer-encoding|upgrade|user-agent|via)"
)
_LOG_IN_PARAMETER = re.compile(
    r"(?i)(access_token|api_?key|auth(_token)?|client_secret|j?session_?id|php_?sess_?id|passw(or)?d|secret|token)"
)
_UNFILLED = re.compile(
    r"(?i)(todo|tbd|fixme|x{2,}|change.?me\b.*|fill.{0,4}in\b.*|<.*>|\.{2,}|…|\?+|-+|n/?a|none|unknown|example)\W*"
)
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_\u0080-\U0010ffff-]+(?:\.[A-Za-z0-9_\u0080-\U0010ffff-]+)*\.?)"
HOST_KEY = re.compile(_HOST)
"""What may stand in `[hosts."..."]`: limits are kept by host, whatever the port."""
_PORT = re.compile(r"(.*[^:]):([0-9]+)")
_AUTHORITY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_MAIL = re.compile(r"[^@\s<>()\"]+@[^@\s<>()\"]+\.[^@\s<>()\"]+")
_CITIES = {"beijing": "Asia/Shanghai", "kunming": "Asia/Shanghai", "guangzhou": "Asia/Shanghai"}
_MOST_URL = 4096
_MOST_CONTACT = 200
_LEAST_REASON = 10
_LONGEST_VISIT_S = 300
_LEAST_STAMP_S, _LONGEST_STAMP_S = 10, 86_400
_LEAST_BODY, _MOST_BODY = 1_000, 100_000_000
_MOST_PORT = 65535


def above_zero(values: tuple[float, float, float]) -> tuple[float, float, float]:
    """Numbers that something can be divided by."""
    if not all(0 < value < math.inf for value in values):
        raise ValueError("must be three numbers above 0")
    return values


def one_line(value: str) -> str:
    """Text on one line that is not blank."""
    if not value.strip() or not value.isprintable():
        raise ValueError("must be text on one line, not blank")
    return value.strip()


def line_or_nothing(value: str) -> str:
    """Text on one line, or ""."""
    return one_line(value) if value else value


def country_code(value: str) -> str:
    """An ISO 3166 code in capitals of a country that has a currency, or ""."""
    code = value.strip().upper()
    if not code:
        return ""
    from babel.numbers import get_territory_currencies  # loaded where somebody names a country

    if len(code) != 2 or not code.isascii() or not code.isalpha() or not get_territory_currencies(code):
        raise ValueError("must be the two letters of a country, such as CN, VN or GB")
    return code


def target_name(value: str) -> str:
    """A name of any script that is safe in a label, a file name and a command line."""
    if not _NAME.fullmatch(value):
        raise ValueError("must be 1 to 63 letters, digits, spaces or . _ - and begin with a letter or digit")
    return value


def filled_in(value: str) -> str:
    """Text that somebody wrote, not the placeholder of a stanza."""
    if _UNFILLED.fullmatch(one_line(value)):
        raise ValueError("is still a placeholder: say by whose right this target is watched")
    return value.strip()


def is_unfilled(value: object) -> bool:
    """Whether nobody has written anything yet: no value, a blank one, or the placeholder of a stanza."""
    if not isinstance(value, str):
        return value is None
    return not value.strip() or _UNFILLED.fullmatch(value.strip()) is not None


def web_address(value: str) -> str:
    """An http or https address with a host and without a log-in. Raises ValueError.

    Values are not repeated in the refusal: they may hold a password.
    """
    if len(value) > _MOST_URL or not value.isprintable() or " " in value:
        raise ValueError(f"must be an address of at most {_MOST_URL} characters without spaces")
    try:
        parts = urlsplit(value)
        port, host = parts.port, parts.hostname or ""
        host.encode("idna")
    except ValueError:  # its text may repeat a password
        raise ValueError("is no valid address: host or port cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if not host or port == 0:
        raise ValueError("must name a host" if not host else "must have a port from 1 to 65535")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password: log-ins are out of scope")
    if any(_LOG_IN_PARAMETER.fullmatch(key) for key, _ in parse_qsl(parts.query)):
        raise ValueError("must not carry a key or a session: log-ins are out of scope")
    return value


def same_page(url: str) -> str:
    """What addresses of one page have in common, to compare by; "" for what is no address.

    Scheme, the case of the host, a final dot, usual ports, a fragment and a final slash of the
    path make no other page.
    """
    try:
        parts = urlsplit(web_address(url.strip()))
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").removesuffix(".").encode("idna").decode()
    place = host if port in (None, 80, 443) else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{place}{parts.path.rstrip('/')}{query}"


def time_zone(value: str) -> str:
    """An IANA zone name that this machine knows; zones that depend on the machine are refused."""
    if value.casefold() not in ("localtime", "posixrules", "factory", "posix", "right"):
        try:
            return zoneinfo.ZoneInfo(value).key
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise Unlike(f"{shown(value)} is no IANA time zone such as Asia/Shanghai", _nearest_zone(value))


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())  # walks the file system


@lru_cache(maxsize=256)
def _nearest_zone(value: str) -> str:
    """The zone that was probably meant: by its city, else by its letters."""
    city = value.rsplit("/", 1)[-1].strip().replace(" ", "_").casefold()
    ends = sorted(z for z in _zones() if z.rsplit("/", 1)[-1].casefold() == city)
    return _CITIES.get(city) or (ends[0] if ends and "/" in ends[0] else nearest(value, _zones()))


def header_name(value: str) -> str:
    """The name of a further request header: no log-in, and none that the program sets itself."""
    if not _HEADER_NAME.fullmatch(value):
        raise ValueError("is no header name")
    if speaks_of_log_in(value):
        raise ValueError("is refused: log-ins are out of scope")
    if _OURS.fullmatch(value):
        raise ValueError("is refused: the program sets this header itself")
    return value


def header_value(value: str) -> str:
    """What may stand in a header: printable ASCII, so that nothing can be smuggled in."""
    if not value.isprintable() or not value.isascii():
        raise ValueError("must be printable ASCII")
    return value


def written_reason(value: str) -> str:
    """A reason in words, of at least ten bytes (four Chinese characters), or "" for none."""
    plain = value.strip()
    is_sentence = len(plain.encode()) >= _LEAST_REASON and value.isprintable()
    if value and (not is_sentence or _UNFILLED.fullmatch(plain)):
        raise ValueError("must be the written reason, in a sentence, why robots.txt is not obeyed")
    return value


def contact_address(value: str) -> str:
    """An e-mail or web address that goes into the User-Agent as it stands."""
    if len(header_value(value)) > _MOST_CONTACT:
        raise ValueError(f"must have at most {_MOST_CONTACT} characters")
    if not _MAIL.fullmatch(value.removeprefix("mailto:")):
        if "://" not in value:
            raise ValueError("must be an e-mail or web address under which a site can reach you")
        web_address(value)
    return value


def allowed_host(value: str) -> str:
    """A host, *.host, address or network, each with an optional :port."""
    body, port = value, "1"
    if (cut := _PORT.fullmatch(value)) and (":" not in cut[1] or "]" in cut[1]):
        body, port = cut[1], cut[2]
    try:
        ipaddress.ip_network(re.sub(r"[\[\]]", "", body), strict=False)
        is_known = True
    except ValueError:
        is_known = re.fullmatch(rf"(\*\.)?{_HOST}", body) is not None
    if not is_known or not 0 < int(port[:9]) <= _MOST_PORT:
        raise ValueError(f"{shown(value)} is no host, *.host, address or network such as 10.0.0.0/8")
    return value


def loopback_address(value: str) -> str:
    """HOST:PORT where HOST is this machine only, or ""."""
    if value == "":
        return value
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"\d{1,5}", port, re.ASCII) or int(port) > _MOST_PORT:
        raise ValueError('must be "127.0.0.1:PORT", or "" for none')
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError("must be on loopback (127.0.0.1, [::1] or localhost); put a proxy before it")
    return value


def local_minute(value: str) -> str:
    """A local time to the minute, as "2027-02-06 18:00"."""
    try:
        return datetime.strptime(value.strip(), "%Y-%m-%d %H:%M").isoformat(" ", "minutes")  # noqa: DTZ007
    except ValueError:
        raise ValueError('must be a local time such as "2027-02-06 18:00"') from None


def distinct_texts(value: tuple[str, ...]) -> tuple[str, ...]:
    """Texts on one line, none of them twice."""
    for entry in value:
        one_line(entry)
    doubled = next((v for v in value if value.count(v) > 1), None)
    if doubled is not None:
        raise ValueError(f"{shown(doubled)} stands there twice")
    return value


def authority_name(value: str) -> str:
    """A name that is safe in the file names of every system."""
    if not _AUTHORITY.fullmatch(value):
        raise ValueError("must be 1 to 40 small letters, digits or -, beginning with a letter or digit")
    return value


def cosigner_key(value: str) -> str:
    """The verifier key of a cosigner, as `nightjar witness init` prints it."""
    from storage.errors import NotNote
    from storage.witness import read_vkey  # heavy; most configurations name none

    try:
        return str(read_vkey(value))
    except NotNote as error:
        raise ValueError(f"must be a verifier key as `nightjar witness init` prints it: {error}") from None


def stamp_interval_s(value: float) -> float:
    """Seconds between two time stamps of one authority, 10 s to a day."""
    if not _LEAST_STAMP_S <= value <= _LONGEST_STAMP_S:
        raise ValueError("must be between 10s and 1d")
    return value


def visit_s(value: float) -> float:
    """Seconds of one visit, 1 to 300."""
    if not 1 <= value <= _LONGEST_VISIT_S:
        raise ValueError("must be between 1s and 5m")
    return value


def body_bytes(value: int) -> int:
    """Bytes of one body, 1 KB to 100 MB."""
    if not _LEAST_BODY <= value <= _MOST_BODY:
        raise ValueError("must be between 1KB and 100MB")
    return value
