"""Exact bytes and connection facts, and the names inside aiohttp that they lean on."""

# ruff: noqa: SIM117  samples are kept on one line; contexts nest as servers do

from __future__ import annotations

import asyncio
import gc
import gzip
import inspect
import platform
import random
import re
import ssl
from asyncio.sslproto import SSLProtocol
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.fakes.site import FakeSite, RawSite, says
from tests.watch.kit import TLS, fetching, site_tls, target, trusting_tls
from watchers import secured, wire
from watchers.bounds import BOUNDS
from watchers.dial import TIMEOUTS


def changed(what: str) -> str:
    return (
        f"{what}: changed in aiohttp {aiohttp.__version__} or Python {platform.python_version()}; "
        f"held last by aiohttp {HELD_BY}. See LEANED_ON in watchers/wire.py."
    )


HELD_BY = "3.14.5 on Python 3.11"


async def test_aiohttp_still_builds_its_protocols_by_the_factory_we_replace() -> None:
    connector = aiohttp.TCPConnector()
    known = getattr(connector, "_factory", None)
    assert isinstance(known, partial), changed("TCPConnector._factory")
    assert known.func is ResponseHandler, changed("TCPConnector._factory")
    assert wire.install(connector, asyncio.get_running_loop())
    await connector.close()


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("set_response_params", "timer"),
        ("data_received", "data"),
        ("connection_made", "transport"),
        ("connection_lost", "exc"),
        ("exception", ""),
    ],
)
def test_aiohttps_protocol_still_has_the_methods_we_extend(name: str, first: str) -> None:
    method = getattr(ResponseHandler, name, None)
    assert callable(method), changed(f"ResponseHandler.{name}")
    taken = list(inspect.signature(method).parameters)[1:2]
    assert taken == ([first] if first else []), changed(f"ResponseHandler.{name}({taken})")


def test_aiohttps_protocol_still_takes_the_bounds_and_gives_the_header() -> None:
    taken = set(inspect.signature(ResponseHandler.set_response_params).parameters)
    named = {"read_until_eof", "auto_decompress", "read_bufsize", "max_line_size", "max_field_size"}
    assert named | {"max_headers"} <= taken, changed("ResponseHandler.set_response_params")
    assert inspect.iscoroutinefunction(ResponseHandler.read), changed("ResponseHandler.read")
    connect = list(inspect.signature(aiohttp.TCPConnector.connect).parameters)
    assert connect == ["self", "req", "traces", "timeout"], changed("TCPConnector.connect")


async def test_the_lease_of_a_connection_still_has_the_protocol_we_built() -> None:
    async with FakeSite() as site:
        connector = aiohttp.TCPConnector()
        loop = asyncio.get_running_loop()
        assert wire.install(connector, loop)
        asked = aiohttp.ClientRequest("GET", URL(site.url("/")), loop=loop)
        lease = await connector.connect(asked, traces=[], timeout=TIMEOUTS)
        assert isinstance(lease.protocol, wire.TeeProtocol), changed("Connection.protocol")
        lease.close()
        await connector.close()


def test_this_python_still_tells_the_chain_of_a_connection() -> None:
    public = hasattr(ssl.SSLObject, "get_unverified_chain")
    inner = hasattr(ssl._ssl._SSLSocket, "get_unverified_chain")  # type: ignore[attr-defined]
    assert public or inner, changed("SSLObject.get_unverified_chain")


async def test_without_those_names_answers_are_kept_in_parsed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchers.line.install", lambda connector, loop: False)
    async with FakeSite() as site, fetching() as fetcher:
        site.put("/", b"hello")
        answer = await fetcher.get(site.url("/"), target(site.url("/")), purpose="page")
        assert (answer.body, answer.framing, answer.wire) == (b"hello", "normalised", b"")
        assert answer.started_at <= answer.first_byte_at <= answer.ended_at
        assert answer.started_ns <= answer.first_byte_ns <= answer.ended_ns
        assert answer.request_framing == "normalised"
        assert answer.wire_request.startswith(b"GET / HTTP/1.1\r\nHost: ")


@pytest.mark.parametrize(
    ("tls", "why"),
    [
        (None, "no TLS"),
        (object(), "this Python gives the leaf only"),
        (SimpleNamespace(get_unverified_chain=lambda: None), "the peer sent no chain (a resumed session)"),
        (SimpleNamespace(get_unverified_chain=lambda: [3]), "the chain cannot be read: AttributeError"),
    ],
)
def test_a_chain_that_is_not_had_has_its_reason(tls: Any, why: str) -> None:
    assert wire.chain_of(tls) == ((), why)


def test_a_chain_in_bytes_is_taken_as_it_is() -> None:
    tls = SimpleNamespace(get_unverified_chain=lambda: [b"leaf", b"authority"])
    assert wire.chain_of(tls) == ((b"leaf", b"authority"), "")  # type: ignore[arg-type]


PLAIN = b"HTTP/1.1 200 OK\r\nX-Odd:  spaced \r\nx-odd: twice\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nX-End: 1\r\n\r\n"
)
HINTED = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\n\r\nhello"
EMPTY = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
NOTHING = b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'
PACKED = gzip.compress(b"hello", mtime=0)
GZIPPED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED


@pytest.mark.parametrize("sent", [PLAIN, CHUNKED, HINTED, UNTIL_CLOSE, EMPTY, NOTHING, GZIPPED])
@pytest.mark.parametrize("pieces", [1, 7])
async def test_what_the_site_sent_is_kept_byte_for_byte(sent: bytes, pieces: int) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        step = max(1, len(sent) // pieces)
        for at in range(0, len(sent), step):
            writer.write(sent[at : at + step])
            await writer.drain()
            await asyncio.sleep(0.001)
        writer.close()

    async with RawSite(talk) as site, fetching() as fetcher:
        answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
        if sent is NOTHING:  # no evidence of anything, and most of a night's answers
            assert (answer.status, answer.framing, answer.wire) == (304, "normalised", b"")
            return
        assert answer.framing in ("head", "exact")
        assert answer.wire + (answer.body if answer.framing == "head" else b"") == sent
        assert (answer.wire_request, answer.request_framing) == (site.asked[0], "exact")
        assert answer.body == (b"" if sent is EMPTY else b"hello")
        assert answer.shortfall == ""


async def test_kept_connections_do_not_mix_their_answers() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = site.asked[-1].split(b" ")[1]
        writer.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(path), path)
        )

    async with RawSite(talk) as site, fetching() as fetcher:
        locals_ = set()
        for n in range(20):
            answer = await fetcher.get(site.url(f"/{n}"), target(site.url("/")), purpose="page")
            path = f"/{n}".encode()
            assert answer.body == path
            assert answer.wire.endswith(b"\r\n%s\r\n0\r\n\r\n" % path)
            assert answer.wire.count(b"HTTP/1.1") == 1
            locals_.add(answer.connection.local)
        assert len(locals_) == 1


def der_of(name: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert((TLS / name).read_text())


async def test_tls_facts_are_those_of_the_same_connection(tmp_path: Path) -> None:
    allow = ("127.0.0.0/8",)
    tls, serving = trusting_tls(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = tmp_path / "chain.pem"
    chain.write_text((TLS / "site.pem").read_text() + (TLS / "ca.pem").read_text())
    serving.load_cert_chain(chain, TLS / "site.key")
    async with FakeSite(tls=serving) as site:
        async with fetching(allow=allow, tls=tls, lookup=lambda *_: [(2, "127.0.0.1")]) as fetcher:
            site.put("/", b"hello")
            url = f"https://site.test:{site.port}/"
            for _ in range(2):
                answer = await fetcher.get(url, target(url), purpose="page")
                seen = answer.connection
                assert seen.tls_version == "TLSv1.3"
                assert seen.cipher.startswith("TLS_")
                assert seen.certificate_der.startswith(b"0\x82")
                assert seen.chain_der == (der_of("site.pem"), der_of("ca.pem"))
                assert seen.certificate_der == seen.chain_der[0]
                assert seen.chain_absent == ""
                assert seen.dns == ("127.0.0.1",)
                assert seen.peer == f"127.0.0.1:{site.port}"
                assert answer.wire.startswith(b"HTTP/1.1 200 OK\r\n")
                assert answer.request_framing == "exact"
                assert answer.wire_request.startswith(b"GET / HTTP/1.1\r\nHost: site.test")


async def test_a_connection_over_tls_keeps_a_small_buffer_and_brings_large_answers_whole() -> None:
    body = random.Random(7).randbytes(600_000)
    async with FakeSite(tls=site_tls()) as site:
        allow, lookup = ("127.0.0.0/8",), lambda *_: [(2, "127.0.0.1")]
        async with fetching(allow=allow, tls=trusting_tls(), lookup=lookup) as fetcher:
            site.put("/", body)
            url = f"https://site.test:{site.port}/"
            answer = await fetcher.get(url, target(url), purpose="picture")
            assert answer.body == body
            ours = [o for o in gc.get_objects() if isinstance(o, SSLProtocol) and not o._server_side]
            buffers = [len(one._ssl_buffer) for one in ours]
    assert buffers
    assert max(buffers) <= secured.BUFFER_BYTES


async def test_without_tls_the_absence_of_a_chain_is_told() -> None:
    async with RawSite(says(PLAIN)) as site, fetching() as fetcher:
        answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
        assert (answer.connection.chain_der, answer.connection.chain_absent) == ((), "no TLS")


async def test_every_redirect_is_kept_with_its_own_exact_bytes() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 5\r\n\r\nmoved"

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(moved if site.asked[-1].startswith(b"GET / ") else PLAIN)

    async with RawSite(talk) as site, fetching() as fetcher:
        answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
        (hop,) = answer.hops
        assert hop.answer is not None
        assert hop.answer.wire + hop.answer.body == moved
        assert hop.answer.wire_request == site.asked[0]
        assert hop.answer.connection.local == answer.connection.local
        assert answer.wire_request == site.asked[1]


async def test_a_redirect_with_a_long_body_is_kept_by_its_status_alone() -> None:
    body = b"x" * 70_000
    moved = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(moved if site.asked[-1].startswith(b"GET / ") else PLAIN)

    async with RawSite(talk) as site, fetching() as fetcher:
        answer = await fetcher.get(site.url(), target(site.url()), purpose="page")
        assert [(hop.status, hop.answer) for hop in answer.hops] == [(302, None)]


async def test_a_big_bare_body_is_not_held_twice() -> None:
    body = b"x" * 3_000_000
    async with RawSite(says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)) as site:
        async with fetching() as fetcher:
            answer = await fetcher.get(site.url(), target(site.url()), purpose="picture")
            assert (len(answer.body), answer.framing) == (3_000_000, "head")
            assert len(answer.wire) < 100


async def test_a_big_chunked_body_gives_up_its_exact_bytes_for_memory() -> None:
    block = b"x" * 1_000_000
    chunk = b"%x\r\n%s\r\n" % (len(block), block)
    count = BOUNDS.kept_wire_bytes // 1_000_000 + 1
    async with RawSite(
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * count + b"0\r\n\r\n")
    ) as site:
        async with fetching() as fetcher:
            answer = await fetcher.get(site.url(), target(site.url()), purpose="picture")
            assert (len(answer.body), answer.framing, answer.wire) == (count * 1_000_000, "normalised", b"")


token = st.text(st.sampled_from("abcXYZ-"), min_size=1, max_size=12)
value = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(token, value), max_size=8), st.binary(max_size=300))
def test_headers_keep_order_case_and_repeats(headers: list[tuple[str, str]], body: bytes) -> None:
    lines = "".join(f"X{name}: {text}\r\n" for name, text in headers).encode()
    sent = b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body

    async def once() -> None:
        async with RawSite(says(sent)) as site, fetching() as fetcher:
            answer = await fetcher.get(site.url(), target(site.url()), purpose="picture")
            assert answer.headers[:-1] == tuple((f"X{name}", text) for name, text in headers)
            assert answer.wire + answer.body == sent

    asyncio.run(once())


HEADS = st.lists(
    st.sampled_from([
        b"HTTP/1.1 200 OK", b"HTTP/1.1 100 Continue", b"HTTP/1.1 103 Early", b"HTTP/1.1 101 Switching",
        b"A: b", b"\r\n", b"\n", b"\r", b"\n\r\n", b"\r\n\r\n", b"x", b"body\n\nbody",
    ]),
    max_size=12,
).map(b"".join)  # fmt: skip


@given(HEADS)
def test_where_a_head_ends_is_found_alike_the_short_way_and_by_the_pattern(raw: bytes) -> None:
    at, expected = 0, 0
    while found := re.compile(rb"\r?\n\r?\n").search(raw, at):
        if not re.match(rb"HTTP/\d\.\d 1(?!01)\d\d", raw[at:]):
            expected = found.end()
            break
        at = found.end()
    loop = asyncio.new_event_loop()
    exchange = wire.Exchange("e.org", loop, 1_000)
    loop.close()
    exchange.feed(raw)
    taken = exchange.take(len(raw) - expected)
    assert taken == ((raw[:expected], raw[expected:]) if expected else None)
