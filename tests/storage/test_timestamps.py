"""Time stamps are believed only when both checkers do; everything else is refused with its reason."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import der, timestamps
from storage.attested import TimeState, Token, TokenState, judge
from storage.timestamps import Refusal, Stamp, check, request
from tests.fakes import old_tsa, tsa
from tests.fakes.tsa import Authority

NOTE = b"nightjar-0123\n7\nroot\n\n\xe2\x80\x94 nightjar-0123 signature\n"
pytestmark = pytest.mark.skipif(bool(tsa.missing()), reason=tsa.missing() or "-")


@pytest.fixture
async def authority(tmp_path: Path) -> AsyncIterator[Authority]:
    async with tsa.tsa(tmp_path / "tsa") as one:
        yield one


async def reply(authority: Authority, mode: str, asked: bytes) -> bytes:
    authority.mode = mode
    return await authority.reply(asked)


@pytest.mark.parametrize("mode", ["right", "chained"])
async def test_both_checkers_accept_a_right_token(authority: Authority, mode: str) -> None:
    asked = request(NOTE)
    found = check(NOTE, asked, await reply(authority, mode, asked), authority.root_pem.read_bytes())
    assert isinstance(found, Stamp), found
    assert found.at.utcoffset() is not None
    assert found.accuracy_s == 1.0
    assert [name.split()[0] for name in found.checked_by] == ["rfc3161-client", "openssl"]


@pytest.mark.parametrize("mode", ["right", "chained"])
async def test_without_openssl_the_library_alone_decides_and_says_so(authority: Authority, mode: str) -> None:
    asked, roots = request(NOTE), authority.root_pem.read_bytes()
    found = check(NOTE, asked, await reply(authority, mode, asked), roots, program="")
    assert isinstance(found, Stamp), found
    assert len(found.checked_by) == 1


SPOILED = {
    "foreign": "pkcs7 signature",
    "expired": "pkcs7 signature",
    "wrong_nonce": "Nonce mismatch",
    "wrong_data": "Mismatch between messages",
    "no_certificate": "pkcs7 signature",
    "bare": "ASN.1 parse error",
    "truncated": "ASN.1 parse error",
    "garbage": "ASN.1 parse error",
    "rejected": "refused with status 2",
}


@pytest.mark.parametrize("mode", SPOILED)
async def test_a_spoiled_token_is_refused_with_its_reason(authority: Authority, mode: str) -> None:
    asked, roots = request(NOTE), authority.root_pem.read_bytes()
    response = await reply(authority, mode, asked)
    found = check(NOTE, asked, response, roots, program="")
    assert isinstance(found, Refusal)
    assert SPOILED[mode] in found.why


@pytest.mark.parametrize("mode", [*SPOILED, "flipped"])
async def test_openssl_alone_refuses_the_spoiled_too(authority: Authority, mode: str, tmp_path: Path) -> None:
    asked = request(NOTE)
    names = {
        "note": NOTE,
        "asked": asked,
        "response": await reply(authority, mode, asked),
        "roots": authority.root_pem.read_bytes(),
    }
    for name, data in names.items():
        (tmp_path / name).write_bytes(data)
    common = ["-in", str(tmp_path / "response"), "-CAfile", str(tmp_path / "roots")]
    by_data = timestamps._run("openssl", "-data", str(tmp_path / "note"), *common)
    by_request = timestamps._run("openssl", "-queryfile", str(tmp_path / "asked"), *common)
    assert by_data or by_request


@pytest.mark.parametrize("program", ["", None])
async def test_a_token_over_sha1_is_told_and_is_no_proof_of_time(
    authority: Authority, program: str | None
) -> None:
    asked, roots, at = request(NOTE), {"one": authority.root_pem.read_bytes()}, datetime.now(UTC)
    weak, strong = (
        Token(size=7, authority="one", state=TokenState.WHOLE, request=asked, response=response)
        for response in (old_tsa.stamp(authority.folder, asked, at, digest=d) for d in ("sha1", "sha256"))
    )
    alone = judge([weak], {7: NOTE}, roots, program=program)
    assert (alone.state, alone.attested) == (TimeState.PENDING, ())
    assert str(alone) == "time pending: not counted, signed over SHA-1: 7-one"
    both = judge([weak, strong], {7: NOTE}, roots, program=program)
    assert (both.state, [one.token for one in both.attested]) == (TimeState.WHOLE, [strong])
    assert "not counted" in str(both)
    damaged = replace(weak, response=weak.response[:-9])
    assert judge([damaged, strong], {7: NOTE}, roots, program=program).state is TimeState.BROKEN


async def test_an_old_token_replayed_is_refused(authority: Authority) -> None:
    roots = authority.root_pem.read_bytes()
    first, again = request(NOTE), request(NOTE)
    old = await reply(authority, "right", first)
    assert isinstance(check(NOTE, first, old, roots), Stamp)
    assert check(NOTE, again, old, roots) == Refusal("Nonce mismatch")
    other = NOTE.replace(b"7", b"8")
    assert isinstance(check(other, request(other), old, roots), Refusal)


async def test_a_request_over_other_bytes_is_refused(authority: Authority) -> None:
    asked = request(b"another checkpoint")
    found = check(NOTE, asked, await reply(authority, "right", asked), authority.root_pem.read_bytes())
    assert found == Refusal("the request was made over other bytes than this checkpoint")


async def test_a_root_that_the_response_brings_along_is_not_trusted(
    authority: Authority, tmp_path: Path
) -> None:
    asked = request(NOTE)
    response = await reply(authority, "foreign", asked)
    foreign = (authority.folder / "foreign-root.pem").read_bytes()
    assert isinstance(check(NOTE, asked, response, foreign), Stamp)  # it is a right one, of another
    assert isinstance(check(NOTE, asked, response, authority.root_pem.read_bytes()), Refusal)


@pytest.mark.parametrize(
    "roots", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
async def test_roots_that_are_none_are_a_refusal(authority: Authority, roots: bytes) -> None:
    asked = request(NOTE)
    assert isinstance(check(NOTE, asked, await reply(authority, "right", asked), roots), Refusal)


async def test_openssl_that_disagrees_is_believed(authority: Authority, tmp_path: Path) -> None:
    denier = tmp_path / "openssl"
    denier.write_text("#!/bin/sh\necho 'Verification: FAILED'\necho 'not for me' >&2\nexit 1\n")
    denier.chmod(0o755)
    asked, roots = request(NOTE), authority.root_pem.read_bytes()
    found = check(NOTE, asked, await reply(authority, "right", asked), roots, program=str(denier))
    assert found == Refusal("openssl does not agree: not for me")


async def test_openssl_that_hangs_is_a_refusal_within_its_time(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timestamps, "_OPENSSL_S", 0.2)
    sleeper = tmp_path / "openssl"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    asked, roots = request(NOTE), authority.root_pem.read_bytes()
    found = check(NOTE, asked, await reply(authority, "right", asked), roots, program=str(sleeper))
    assert found == Refusal("openssl does not agree: it did not end")


async def test_an_openssl_that_is_removed_meanwhile_ends_nothing(
    authority: Authority, tmp_path: Path
) -> None:
    asked, roots = request(NOTE), authority.root_pem.read_bytes()
    vanishing = tmp_path / "vanishing"
    vanishing.write_text('#!/bin/sh\necho "Verification: OK"\ncase "$*" in *-queryfile*) rm "$0";; esac\n')
    vanishing.chmod(0o755)
    found = check(NOTE, asked, await reply(authority, "right", asked), roots, program=str(vanishing))
    assert isinstance(found, Stamp), found
    assert found.checked_by[-1] == "openssl"


async def test_no_bit_and_no_cut_of_a_response_gives_an_error_or_another_time(authority: Authority) -> None:
    asked, roots = request(NOTE), authority.root_pem.read_bytes()
    right = await reply(authority, "chained", asked)
    true = check(NOTE, asked, right, roots, program="")
    assert isinstance(true, Stamp)
    chance = random.Random(7)
    for at in chance.sample(range(len(right) * 8), 400):
        flipped = bytearray(right)
        flipped[at // 8] ^= 1 << at % 8
        found = check(NOTE, asked, bytes(flipped), roots, program="")
        assert isinstance(found, Refusal) or (found.at, found.serial) == (true.at, true.serial)
    for cut in chance.sample(range(len(right)), 200):
        assert isinstance(check(NOTE, asked, right[:cut], roots, program=""), Refusal)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("roots")
    tsa.make(folder, "An authority")
    return (folder / "right-root.pem").read_bytes()


@given(response=st.binary(max_size=400), asked=st.binary(max_size=100))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_refusal(roots: bytes, response: bytes, asked: bytes) -> None:
    assert isinstance(check(NOTE, asked, response, roots, program=""), Refusal)
    assert isinstance(check(NOTE, request(NOTE), response, roots, program=""), Refusal)


@given(data=st.binary(max_size=200))
def test_der_is_walked_or_refused(data: bytes) -> None:
    try:
        found = der.parts(data)
    except ValueError:
        return
    assert b"".join(data[part.start : part.end] for part in found) == data
