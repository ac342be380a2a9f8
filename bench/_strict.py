"""Hosts that count what they are asked, for `bench limiter`: `python -m bench._strict PORT`.

A process of its own that answers on every loopback address. Its plan comes as a line of
JSON on standard input, `Rule`s by address; another line asks for the report. An arrival is
stamped by the kernel as the bytes come in (SO_TIMESTAMPING, some 25 us after the client's
own call), so that neither this program nor a busy machine can make two starts look closer
or farther apart than they were. An answer counts as over when it is about to be sent.
"""

from __future__ import annotations

import heapq
import json
import select
import socket
import struct
import sys
import time
from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise

SO_TIMESTAMPING = 37
RX_SOFTWARE = 1 << 3
SOFTWARE = 1 << 4
"""linux/net_tstamp.h; Python has no names for them."""
LONGEST_PAUSE_S = 1_800.0
"""The most that is kept of a Retry-After; written here anew, so that the judge is not the judged."""
PATIENCE_S = 10.0
"""An answer that late may find that who asked has given up (robots.txt after ten seconds, all else later)."""
_LISTING = b'{"posts": [{"id": "1", "url": "/p/1", "title": "a bicycle"}]}' + b" " * 2_000
_PAGE, _PICTURE = b"p" * 4_000, b"i" * 8_000
_ETAG = b'ETag: "v"\r\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one host allows and how it behaves.

    crawl_delay_s: 0 for none; it is a floor on the spacing. slow_s: how long it takes to answer.
    busy_every: each so-many-th request is answered 429 or 503 with a Retry-After of
    busy_s seconds, as a date if busy_date; 0 for never.
    """

    requests_per_s: float
    concurrency: int
    crawl_delay_s: float = 0.0
    slow_s: float = 0.0
    busy_every: int = 0
    busy_s: int = 0
    busy_date: bool = False

    @property
    def spacing_s(self) -> float:
        """The least time between two starts."""
        return max(1 / self.requests_per_s, self.crawl_delay_s)


@dataclass(slots=True)
class Host:
    """What one host has seen. starts, ends, pauses: Unix seconds."""

    rule: Rule
    starts: array[float] = field(default_factory=lambda: array("d"))
    ends: array[float] = field(default_factory=lambda: array("d"))
    pauses: list[tuple[float, float]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class Report:
    """Over all hosts. closest_s: the smallest of (gap - spacing), below zero when a gap was too short.

    closer: shortfalls of all gaps that were too short, in seconds, largest first, at most a thousand.
    slowest_s, overdue: how long after its time an answer was sent at most, and how many came so late that
    who asked had given up: this program waited for the processor, and nobody else is to blame.
    """

    requests: int = 0
    hosts: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    too_close: int = 0
    closer: list[float] = field(default_factory=list)
    closest_s: float = float("inf")
    crowded: int = 0
    most_at_once: int = 0
    in_pause: int = 0
    pauses: int = 0
    unstamped: int = 0
    slowest_s: float = 0.0
    overdue: int = 0


def examine(hosts: list[Host], tolerance_s: float) -> Report:
    """Every gap and every overlap of every host against its rule."""
    report, kinds = Report(hosts=sum(bool(h.starts) for h in hosts)), Counter[str]()
    for host in hosts:
        starts = sorted(host.starts)
        report.requests += len(starts)
        kinds += host.kinds
        short = [gap for a, b in pairwise(starts) if (gap := b - a - host.rule.spacing_s) < -tolerance_s]
        report.too_close += len(short)
        report.closer += [-gap for gap in short]
        least = min((b - a for a, b in pairwise(starts)), default=float("inf")) - host.rule.spacing_s
        report.closest_s = min(report.closest_s, least)
        crowded, most = overlaps(starts, sorted(host.ends), host.rule.concurrency)
        report.crowded += crowded
        report.most_at_once = max(report.most_at_once, most)
        report.pauses += len(host.pauses)
        report.in_pause += sum(a < at < b for a, b in host.pauses for at in starts)
    report.kinds = dict(kinds)
    report.closer = sorted(report.closer, reverse=True)[:1000]
    return report


def overlaps(starts: list[float], ends: list[float], allowed: int) -> tuple[int, int]:
    """(starts while `allowed` others were under way, most at once); both lists sorted."""
    crowded = most = over = 0
    for begun, start in enumerate(starts, 1):
        while over < len(ends) and ends[over] <= start:
            over += 1
        inside = begun - over
        crowded += inside > allowed
        most = max(most, inside)
    return crowded, most


@dataclass(slots=True, eq=False)
class Guest:
    """One connection."""

    line: socket.socket
    host: Host
    gone: bool = False


class Door:
    """The listening socket, its connections and the answers that are due."""

    def __init__(self, port: int, rules: dict[str, Rule]) -> None:
        self.port = port
        self.hosts = {address: Host(rule) for address, rule in rules.items()}
        self.unstamped = 0
        self.slowest_s, self.overdue = 0.0, 0
        self._poll = select.epoll()
        self._guests: dict[int, Guest] = {}
        self._due: list[tuple[float, int, Guest, bytes, float]] = []
        self._asked = 0
        self._listener = socket.create_server(("0.0.0.0", port), backlog=4_096)
        self._listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, RX_SOFTWARE | SOFTWARE)
        self._poll.register(self._listener, select.EPOLLIN)
        self._poll.register(0, select.EPOLLIN)

    def serve(self) -> None:
        """Until another line comes in, or the input ends."""
        while True:
            wait = max(0.0, self._due[0][0] - time.time()) if self._due else -1
            for number, _ in self._poll.poll(wait):
                if number == 0:
                    return
                if number == self._listener.fileno():
                    self._let_in()
                else:
                    self._hear(number)
            self._answer_due()

    def _let_in(self) -> None:
        guest, _ = self._listener.accept()
        host = self.hosts.get(guest.getsockname()[0])
        if host is None:
            guest.close()
            return
        guest.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, RX_SOFTWARE | SOFTWARE)
        guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._guests[guest.fileno()] = Guest(guest, host)
        self._poll.register(guest, select.EPOLLIN)

    def _hear(self, number: int) -> None:
        guest = self._guests[number]
        try:
            data, extra, _, _ = guest.line.recvmsg(16_384, 256)
        except OSError:
            data, extra = b"", []
        if not data:
            self._poll.unregister(number)
            guest.gone = True
            self._guests.pop(number).line.close()
            return
        asked_at = self._stamp(extra)
        guest.host.starts.append(asked_at)
        answer = self._answer(guest.host, data)
        if slow_s := guest.host.rule.slow_s:
            self._asked += 1
            due = (time.time() + slow_s, self._asked, guest, answer, asked_at + slow_s)
            heapq.heappush(self._due, due)
        else:
            self._send(guest, answer, asked_at)

    def _stamp(self, extra: list[tuple[int, int, bytes]]) -> float:
        for level, kind, value in extra:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
                seconds, nanoseconds = struct.unpack_from("qq", value)
                stamp: float = seconds + nanoseconds / 1e9
                return stamp
        self.unstamped += 1
        return time.time()

    def _answer_due(self) -> None:
        while self._due and self._due[0][0] <= time.time():
            _, _, guest, answer, owed_at = heapq.heappop(self._due)
            self._send(guest, answer, owed_at)

    def _send(self, guest: Guest, answer: bytes, owed_at: float) -> None:
        """Over for the count before the client can know of it: what it asks next comes after."""
        host, now = guest.host, time.time()
        self.slowest_s = max(self.slowest_s, now - owed_at)
        self.overdue += guest.gone or now - owed_at > PATIENCE_S
        if b"WHEN" in answer[:200]:
            until, named = _pause(host.rule, now)
            host.pauses.append((now, min(until, now + LONGEST_PAUSE_S)))
            answer = answer.replace(b"WHEN", named)
        host.ends.append(time.time())
        if not guest.gone:
            guest.line.sendall(answer)

    def _answer(self, host: Host, data: bytes) -> bytes:
        path = data.split(b" ", 2)[1]
        what, rule = path[:2], host.rule
        kind = {b"/l": "listing", b"/p": "detail", b"/i": "picture", b"/f": "forbidden"}.get(what, "robots")
        if what == b"/t":
            kind = "redirect"
        host.kinds[kind] += 1
        if kind == "robots":
            delay = f"Crawl-delay: {rule.crawl_delay_s:g}\n" if rule.crawl_delay_s else ""
            return _whole(b"200 OK", f"User-agent: *\n{delay}Disallow: /f\n".encode())
        if rule.busy_every and len(host.starts) % rule.busy_every == 0:
            host.kinds["busy"] += 1
            status = b"503 Busy" if rule.busy_date else b"429 Slow down"
            return _whole(status, b"later", b"Retry-After: WHEN\r\n")
        if kind == "redirect":
            address, _, rest = path[3:].decode().partition("/")
            return _whole(b"302 Found", b"", f"Location: http://{address}:{self.port}/{rest}\r\n".encode())
        if kind == "listing" and b'If-None-Match: "v"' in data:
            host.kinds["304"] += 1
            return b"HTTP/1.1 304 Not Modified\r\n" + _ETAG + b"\r\n"
        body = {"detail": _PAGE, "picture": _PICTURE}.get(kind, _LISTING)
        return _whole(b"200 OK", body, _ETAG)


def _pause(rule: Rule, now: float) -> tuple[float, bytes]:
    """(until when we are to be left alone, the value of Retry-After)."""
    if not rule.busy_date:
        return now + rule.busy_s, b"%d" % rule.busy_s
    until = int(now) + rule.busy_s
    return float(until), format_datetime(datetime.fromtimestamp(until, UTC), usegmt=True).encode()


def _whole(status: bytes, body: bytes, more: bytes = b"") -> bytes:
    length = b"Content-Type: text/plain\r\nContent-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + length + more + b"\r\n" + body


def main() -> None:
    """Plan in, "ready" out, serve, report out."""
    plan = json.loads(sys.stdin.readline())
    door = Door(int(sys.argv[1]), {address: Rule(**rule) for address, rule in plan["rules"].items()})
    print("ready", flush=True)
    door.serve()
    report = examine(list(door.hosts.values()), plan["tolerance_s"])
    report.unstamped = door.unstamped
    report.slowest_s, report.overdue = door.slowest_s, door.overdue
    print(json.dumps(asdict(report)), flush=True)


if __name__ == "__main__":
    main()
