"""What may be dialled: public addresses, on the ports of the web, and nothing else.

The one choke point is `Guard.open_socket`, which sees the address really dialled:
after DNS, on every redirect, for literals too. So a name that resolves to a public
address first and to loopback later gains nothing. The list is explicit because
`ipaddress.is_global` of Python 3.11 passes NAT64, 6to4 and multicast (measured).
Sources: IANA special-purpose address registries (RFC 6890 and updates).
"""

from __future__ import annotations

import socket
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from storage.errors import Refused
from watchers.address import Address

WEB_PORTS = frozenset({80, 443})
_REMEMBERED = 20_000

_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "168.63.129.16/32",  # a cloud's own host service, though the range is public
        ),
    )
)  # fmt: skip
# Of IPv6 only 2000::/3 is handed out; these parts of it lead elsewhere all the same:
# protocol assignments with Teredo and ORCHID, documentation, 6to4.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(IPv6Network(n) for n in ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"])


def unwrap(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv4-mapped IPv6 one (::ffff:a.b.c.d), else `ip` itself."""
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """True when `ip`, unwrapped, is an ordinary unicast address of the public Internet."""
    ip = unwrap(ip)
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in _REFUSED_V4)
    return ip in _GLOBAL_V6 and not any(ip in net for net in _REFUSED_V6)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the allow-list: a network or a host name, at one port or at all."""

    network: IPv4Network | IPv6Network | None
    host: str
    port: int | None

    def admits(self, ip: IPv4Address | IPv6Address | None, host: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return ip is not None and ip.version == self.network.version and ip in self.network
        return host == self.host or (self.host.startswith("*.") and host.endswith(self.host[1:]))


def read_allow(text: str) -> _Entry:
    """One allow-list entry: "127.0.0.0/8", "[fd00::]/8:8080", "intranet.example:8080", "*.lan".

    Raises ValueError saying what is wrong.
    """
    body, port = _cut_port(text.strip().lower())
    bare = body.replace("[", "").replace("]", "")
    try:
        return _Entry(ip_network(bare, strict=False), "", port)
    except ValueError:
        if not bare or any(c in bare for c in "/:@ "):
            raise ValueError(f"{text!r} is neither a network, a host name nor host:port") from None
    return _Entry(None, bare.removesuffix("."), port)


def _cut_port(text: str) -> tuple[str, int | None]:
    head, colon, tail = text.rpartition(":")
    plain_v6 = ":" in head and not head.endswith("]") and "]" not in head
    if not colon or not tail.isdigit() or plain_v6:
        return text, None
    if not 0 < int(tail) < 65536:
        raise ValueError(f"{text!r}: no such port")
    return head, int(tail)


class Dialling:
    """What the socket guard must know and tells: for which host, and what it refused."""

    __slots__ = ("host", "refusals")

    def __init__(self, host: str) -> None:
        self.host = host
        self.refusals: list[str] = []


DIALLING: ContextVar[Dialling | None] = ContextVar("dialling", default=None)
"""Set around each request: connecting happens in the caller's context."""


class GuardRefusal(OSError):
    """Raised at the socket, so that the library tries the host's next address, if any."""


class Guard:
    """Decides what may be dialled. `allow` entries as in `read_allow`; raises ValueError on a bad one."""

    def __init__(self, allow: tuple[str, ...] = ()) -> None:
        self._allow = tuple(read_allow(text) for text in allow)
        self._known: dict[tuple[str, int], str] = {}

    def check(self, address: Address) -> None:
        """Refuse early what can be seen from the address alone. Raises Refused."""
        why = self._known.get((address.host, address.port))
        if why is None:
            why = self._look(address)
        if why:
            raise Refused(address.text, why)

    def _look(self, address: Address) -> str:
        ip = _literal(address.host)
        why = self._wrong_port(address) if ip is None else self.objection(ip, address.port, address.host)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[address.host, address.port] = why
        return why

    def _wrong_port(self, address: Address) -> str:
        # With a network on the allow-list the name may lead into it: the socket decides.
        may = address.port in WEB_PORTS or any(
            (e.network is not None and e.port in (None, address.port))
            or e.admits(None, address.host, address.port)
            for e in self._allow
        )
        return "" if may else f"port {address.port} is neither 80 nor 443"

    def objection(self, ip: IPv4Address | IPv6Address, port: int, host: str) -> str:
        """Why `ip`:`port` may not be dialled for `host`, or ""."""
        plain = unwrap(ip)
        if any(e.admits(plain, host, port) for e in self._allow):
            return ""
        if not is_public(plain):
            return f"{plain} is not a public address"
        return "" if port in WEB_PORTS else f"port {port} is neither 80 nor 443"

    def open_socket(self, info: tuple[object, ...]) -> socket.socket:
        """A socket for the address that is about to be dialled. Raises GuardRefusal.

        `info` is (family, type, proto, canonical name, sockaddr) as of getaddrinfo.
        """
        family, kind, proto, _, sockaddr = info
        dialling = DIALLING.get()
        why = self._of_socket(sockaddr, dialling)
        if why:
            if dialling is not None:
                dialling.refusals.append(why)
            raise GuardRefusal(why)
        return socket.socket(family, kind, proto)  # type: ignore[arg-type]  # as getaddrinfo gave them

    def _of_socket(self, sockaddr: object, dialling: Dialling | None) -> str:
        if not isinstance(sockaddr, tuple) or len(sockaddr) < 2:
            return f"{sockaddr!r} is not an internet address"
        try:
            ip = ip_address(str(sockaddr[0]).partition("%")[0])
        except ValueError:
            return f"{sockaddr[0]!r} is not an IP address"
        return self.objection(ip, int(sockaddr[1]), "" if dialling is None else dialling.host)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
