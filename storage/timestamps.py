"""Time stamps of RFC 3161 over checkpoints: make requests, check responses. No network, no rows.

A token says that the bytes of a checkpoint note existed at the authority's time; the
checkpoint stands for every log entry below its size. Two programs that others wrote must
agree on each: the library rfc3161-client and, where it is installed, `openssl ts -verify`.
Only the roots handed in are trusted, never what a response brings along. Bytes of any kind
end in a `Refusal` with its reason, never in an error.

`check` is for threads: it takes milliseconds and runs a program. The queue of requests
stands in `storage.tokens`, the asking in `bot.timing`.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from storage import der
from storage.errors import DiskTrouble

QUERY_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"
"""Media types of RFC 3161, section 3.4."""
MOST_RESPONSE_BYTES = 65_536
"""Real ones have 1 to 10 KB."""
_OPENSSL_S = 10.0
_WEAK = frozenset(map(bytes.fromhex, ("2b0e03021a", "2a864886f70d0205")))
"""Object identifiers of SHA-1 and MD5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A token that holds.

    at: the authority's time (genTime), aware UTC; accuracy_s: as the token claims it, or
    None; serial: hex; checked_by: the programs that agree.
    """

    at: datetime
    serial: str
    policy: str
    accuracy_s: float | None
    checked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response that proves nothing, and why."""

    why: str


@functools.cache
def openssl() -> str:
    """The path of the openssl program, or ""."""
    return shutil.which("openssl") or ""


def request(note: bytes) -> bytes:
    """A DER request over the SHA-256 of `note`, with a random nonce, asking for certificates."""
    builder = TimestampRequestBuilder(data=note, hash_algorithm=HashAlgorithm.SHA256)
    return bytes(builder.cert_request(cert_request=True).nonce(nonce=True).build().as_bytes())


def roots_of(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, each once. Raises ValueError when there is none or one is broken."""
    found = dict.fromkeys(x509.load_pem_x509_certificates(pem))
    if not found:
        raise ValueError("no certificate in it")
    return tuple(found)


def check(
    note: bytes, asked: bytes, response: bytes, roots: bytes, *, program: str | None = None
) -> Stamp | Refusal:
    """Whether `response` is a time stamp over `note`, given for the request `asked`, under `roots` (PEM).

    Both checkers must say so. program: path of openssl, "" to do without, None for the
    installed one. For threads. Raises DiskTrouble when openssl cannot be handed the files.
    """
    program = openssl() if program is None else program
    found = _asked_of_library(note, asked, response, roots)
    if isinstance(found, Refusal) or not program:
        return found
    files = {"note": note, "asked": asked, "response": response, "roots": roots}
    if why := _by_openssl(program, files, found.at):
        return Refusal(f"openssl does not agree: {why}")
    return replace(found, checked_by=(*found.checked_by, _version_of(program)))


def _asked_of_library(note: bytes, asked: bytes, response: bytes, roots: bytes) -> Stamp | Refusal:
    """What the library says, whatever it raises over hostile bytes: x509.InvalidVersion was seen."""
    if len(response) > MOST_RESPONSE_BYTES:
        return Refusal(f"more than {MOST_RESPONSE_BYTES} bytes are no time stamp")
    try:
        return _by_library(note, _nonce_of(asked, note), response, roots_of(roots))
    except (ValueError, VerificationError) as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 -- see above
        why = f"{type(error).__name__}: {error}"
    except BaseException as panic:  # pyo3's panics derive from nothing narrower
        if type(panic).__module__ != "pyo3_runtime":
            raise
        why = "the library rfc3161-client broke over it"
    return Refusal(_on_one_line(why))


def _nonce_of(asked: bytes, note: bytes) -> int:
    """The nonce of a request over `note` (RFC 3161, 2.4.1). Raises ValueError."""
    try:
        (outer,) = der.parts(asked)
        _version, imprint, *rest = der.inside(asked, outer)
        _algorithm, digest = der.inside(asked, imprint)
    except ValueError:
        raise ValueError("the request is damaged") from None
    if asked[digest.content : digest.end] != hashlib.sha256(note).digest():
        raise ValueError("the request was made over other bytes than this checkpoint")
    nonces = [der.integer(asked, part) for part in rest if part.tag == der.INTEGER]
    if len(nonces) != 1 or nonces[0] < 0:
        raise ValueError("the request has no nonce")
    return nonces[0]


def _by_library(note: bytes, nonce: int, response: bytes, roots: tuple[x509.Certificate, ...]) -> Stamp:
    """Raises ValueError, VerificationError."""
    decoded = decode_timestamp_response(_in_order(response))
    if decoded.status != PKIStatus.GRANTED:
        raise ValueError(_refused_by_authority(decoded))
    builder = VerifierBuilder(roots=list(roots), nonce=nonce)
    builder.build().verify_message(decoded, note)
    info = decoded.tst_info
    accuracy = info.accuracy
    accuracy_s = None
    if accuracy is not None:
        accuracy_s = accuracy.seconds + (accuracy.millis or 0) / 1e3 + (accuracy.micros or 0) / 1e6
    return Stamp(
        at=info.gen_time.replace(tzinfo=UTC) if info.gen_time.tzinfo is None else info.gen_time,
        serial=f"{info.serial_number:x}",
        policy=info.policy.dotted_string,
        accuracy_s=accuracy_s,
        checked_by=(f"rfc3161-client {version('rfc3161-client')}",),
    )


def is_weak(response: bytes) -> bool:
    """Whether a token's signer hashed with SHA-1 or MD5 (RFC 5652, 5.3); false for what cannot be read."""
    try:
        *_, signers = _signed_data(response)
        digests = [der.inside(response, signer)[2] for signer in der.inside(response, signers)]
        kinds = [der.inside(response, digest)[0] for digest in digests]
    except (ValueError, IndexError):
        return False
    return any(response[kind.content : kind.end] in _WEAK for kind in kinds)


def certificates_of(response: bytes) -> frozenset[str]:
    """SHA-256 of each certificate that a token brings along, the signer's and those above; none when bent."""
    try:
        held = next(part for part in _signed_data(response) if part.tag == der.CONTEXT_0)
        return frozenset(
            hashlib.sha256(response[one.start : one.end]).hexdigest() for one in der.inside(response, held)
        )
    except (ValueError, StopIteration):
        return frozenset()


def _signed_data(response: bytes) -> tuple[der.Part, ...]:
    """The fields of the SignedData in a response (RFC 3161, 2.4.2; RFC 5652, 5.1). Raises ValueError."""
    (outer,) = der.parts(response)
    _status, token = der.inside(response, outer)
    _kind, wrapped = der.inside(response, token)
    (signed,) = der.inside(response, wrapped)
    return der.inside(response, signed)


def _refused_by_authority(decoded: TimeStampResponse) -> str:
    said = "; ".join(decoded.status_string)
    return f"the authority refused with status {decoded.status}{': ' if said else ''}{said}"


def _in_order(response: bytes) -> bytes:
    """The response with its certificates in the order that DER asks of a set (X.690, 11.6).

    Authorities that run `openssl ts` send them as they come, and the library then refuses
    the whole. No signature covers their order; openssl is shown the response as it came.
    """
    try:
        certificates = next(part for part in _signed_data(response) if part.tag == der.CONTEXT_0)
        held = [response[one.start : one.end] for one in der.inside(response, certificates)]
    except (ValueError, StopIteration):
        return response
    return response[: certificates.content] + b"".join(sorted(held)) + response[certificates.end :]


def _by_openssl(program: str, files: Mapping[str, bytes], at: datetime) -> str:
    """Why openssl does not accept it, or "". Certificates are judged as of the token's own time."""
    try:
        with tempfile.TemporaryDirectory(prefix="nightjar-time-") as folder:
            for name, data in files.items():
                (Path(folder) / name).write_bytes(data)
            common = ["-in", f"{folder}/response", "-CAfile", f"{folder}/roots"]
            common += ["-attime", str(int(at.timestamp()))]
            return _run(program, "-data", f"{folder}/note", *common) or _run(
                program, "-queryfile", f"{folder}/asked", *common
            )
    except OSError as error:
        raise DiskTrouble(f"a time stamp could not be checked: {error}") from error


def _run(program: str, *options: str) -> str:
    command = [program, "ts", "-verify", *options]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_OPENSSL_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return "it did not end"
    if done.returncode == 0 and b"Verification: OK" in done.stdout:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return _on_one_line(said[0] if said else "it gave no reason")


@functools.cache
def _version_of(program: str) -> str:
    """As "openssl 3.0.19"; "openssl" when it does not say."""
    command = [program, "version"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_OPENSSL_S, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return "openssl"
    return _on_one_line(" ".join(done.stdout.decode(errors="replace").split()[:2])).lower()


def _on_one_line(text: str) -> str:
    """Reasons of others go into rows, logs and reports: bounded, printable, one line."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))[:300]
