"""A time-stamp authority (RFC 3161) that we own: real tokens by `openssl ts`, faults on order.

`async with tsa(folder) as authority:` gives `authority.url` for the settings and
`authority.root_pem`, the file of its root. `authority.mode` says how the next requests are
answered; `await authority.stop()` and `start()` make it unreachable and bring it back on
the same port. Tokens bear the machine's own time, whatever a loop believes.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
MODES = (
    "right",
    "chained",  # right, with the root beside the signer's certificate, not in the order DER asks for
    "foreign",  # another authority of the same name, its self-signed root embedded in the reply
    "expired",  # signed by a certificate whose time is over
    "replay",  # the first token it ever gave, again
    "wrong_nonce",
    "wrong_data",  # right nonce, another digest
    "no_certificate",
    "bare",  # the token without the response around it
    "truncated",
    "garbage",
    "flipped",  # one bit of the signature
    "rejected",  # PKIStatus 2
    "html",
    "huge",
    "busy",  # 503, Retry-After: 90
    "hang",
    "slow",  # right, after `delay_s` of the loop's time
)
REJECTED = bytes.fromhex("30053003020102")
"""TimeStampResp { PKIStatusInfo { status rejection(2) } }, RFC 3161 section 2.4.2."""
WISH = b"\x01\x01\xff"
"""certReq TRUE, the end of a request."""
Span = tuple[datetime, datetime]
_CONFIG = """[tsa]
serial = {serial}
default_policy = 1.3.6.1.4.1.55555.1
digests = sha256, sha384, sha512
signer_digest = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def missing() -> str:
    """Why this authority cannot run here, or ""; for `pytest.mark.skipif`."""
    return "" if shutil.which("openssl") else "the program openssl is not installed"


@dataclass(slots=True)
class Authority:
    """See the module. `asked` counts requests, `granted` the right tokens given."""

    folder: Path
    name: str
    url: str = ""
    mode: str = "right"
    delay_s: float = 5.0
    asked: int = 0
    granted: int = 0
    queries: list[bytes] = field(default_factory=list)
    _first: bytes = b""
    _port: int = 0
    _runner: web.AppRunner | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def root_pem(self) -> Path:
        """Its true root certificate."""
        return self.folder / "right-root.pem"

    async def start(self) -> None:
        """Listen, on the port it had before if it had one."""
        app = web.Application(client_max_size=100_000)
        app.router.add_post("/", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}/"

    async def stop(self) -> None:
        """Refuse connections until `start`. Twice is harmless."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def stamp(self, query: bytes, *, signer: str = "right", chained: bool = False) -> bytes:
        """The response to a DER request as this authority would sign it, without any server."""
        chained = chained or signer == "foreign"
        async with self._turn:  # the serial file is shared
            return await asyncio.to_thread(_reply, self.folder, signer, query, chained=chained)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        query = await request.read()
        self.queries.append(query)
        if request.content_type != QUERY:
            return web.Response(status=415)
        if self.mode == "html":
            return web.Response(text="<html>Down for maintenance</html>", content_type="text/html")
        if self.mode == "busy":
            return web.Response(status=503, headers={"Retry-After": "90"})
        if self.mode == "huge":
            return await _endless(request)
        if self.mode in ("hang", "slow"):
            await asyncio.sleep(1e9 if self.mode == "hang" else self.delay_s)
        return web.Response(body=await self.reply(query), content_type=REPLY)

    async def reply(self, query: bytes) -> bytes:
        """What it answers to a request in its present mode, without any server."""
        if self.mode in ("foreign", "expired"):
            return await self.stamp(query, signer=self.mode)
        if self.mode in ("wrong_data", "wrong_nonce", "no_certificate"):
            query = await asyncio.to_thread(_another, query, self.mode)
        reply = await self.stamp(query, chained=self.mode == "chained")
        self._first = self._first or reply
        if self.mode == "replay":
            return self._first
        self.granted += self.mode in ("right", "slow", "chained")
        return _spoiled(reply, self.mode)


def _spoiled(reply: bytes, mode: str) -> bytes:
    """What is sent instead of a right response."""
    spoiled = {
        "garbage": bytes(range(256)) * 4,
        "rejected": REJECTED,
        "truncated": reply[: len(reply) // 2],
        "flipped": reply[:-3] + bytes([reply[-3] ^ 1]) + reply[-2:],
        "bare": bare_token(reply),
    }
    return spoiled.get(mode, reply)


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": REPLY})
    await response.prepare(request)
    for _ in range(400):
        await response.write(b"\x30" * 50_000)
    return response


def bare_token(reply: bytes) -> bytes:
    """The TimeStampToken inside a response: what follows the PKIStatusInfo."""
    start = 2 + (reply[1] & 0x7F if reply[1] & 0x80 else 0)
    return reply[start + 2 + reply[start + 1] :]


def _digest_at(query: bytes) -> int:
    """Where the 32 bytes of the SHA-256 imprint begin (OCTET STRING, 32 bytes)."""
    return query.index(b"\x04\x20") + 2


def _another(query: bytes, mode: str) -> bytes:
    """The request with another digest, with another nonce, or without the wish for certificates."""
    at = _digest_at(query)
    digest = query[at : at + 32]
    if mode == "wrong_data":
        return query[:at] + bytes(b ^ 0xFF for b in digest) + query[at + 32 :]
    if mode == "no_certificate" and query.endswith(WISH):
        return query[:1] + bytes([query[1] - len(WISH)]) + query[2 : -len(WISH)]
    builder = TimestampRequestBuilder(data=b"x").hash_algorithm(HashAlgorithm.SHA256)
    other = builder.cert_request(cert_request=True).build().as_bytes()
    at = _digest_at(other)
    return other[:at] + digest + other[at + 32 :]


def _reply(folder: Path, signer: str, query: bytes, *, chained: bool) -> bytes:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        asked, answered = Path(scratch) / "query.tsq", Path(scratch) / "reply.tsr"
        asked.write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", str(folder / "tsa.cnf"), "-section", "tsa"]
        command += ["-queryfile", str(asked), "-out", str(answered)]
        command += [
            "-signer",
            str(folder / f"{signer}-leaf.pem"),
            "-inkey",
            str(folder / f"{signer}-key.pem"),
        ]
        if chained:
            command += ["-chain", str(folder / f"{signer}-root.pem")]
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace"))
        return answered.read_bytes()


def make(folder: Path, name: str, *, years: int = 10) -> None:
    """Roots valid for `years` from now, signing certificates and the configuration of `openssl ts`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIG.format(serial=folder / "serial"))
    now = datetime.now(UTC)
    span = (now - timedelta(days=800), now + timedelta(days=365 * years))
    root_key, root = _root(name, span)
    _write(folder, "right", root, *_leaf(name, root, root_key, span))
    _write(folder, "expired", root, *_leaf(name, root, root_key, (span[0], now - timedelta(days=1))))
    other_key, other = _root(name, span)
    _write(folder, "foreign", other, *_leaf(name, other, other_key, span))


def _root(name: str, span: Span) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(f"{name} root")
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = _builder(subject, subject, key, span).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return key, builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())


def _leaf(
    name: str, root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey, span: Span
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    builder = (
        _builder(_named(name), root.subject, key, span)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(purpose, critical=True)
    )
    return key, builder.sign(root_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, span: Span
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(span[0]).not_valid_after(span[1])


def _write(
    folder: Path,
    signer: str,
    root: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    leaf: x509.Certificate,
) -> None:
    pem = serialization.Encoding.PEM
    (folder / f"{signer}-root.pem").write_bytes(root.public_bytes(pem))
    (folder / f"{signer}-leaf.pem").write_bytes(leaf.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / f"{signer}-key.pem").write_bytes(key.private_bytes(pem, *plain))


@asynccontextmanager
async def tsa(folder: Path, *, name: str = "Test TSA") -> AsyncIterator[Authority]:
    """An authority with fresh keys in `folder`, listening on loopback."""
    await asyncio.to_thread(make, folder, name)
    authority = Authority(folder, name)
    await authority.start()
    try:
        yield authority
    finally:
        await authority.stop()
