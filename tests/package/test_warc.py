"""The WARC of a package: the bytes as they came, in a form that other people's readers accept."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from bench import _looks
from storage.errors import DamagedBlob
from storage.package.warc import Look
from tests.package.archives import AT, PAGE, WIRES, answer, digest, of_type, records, seal, snapshot

URL = "https://example.org/p1"


def check(data: bytes, folder: Path) -> str:
    """What `warcio check -v` prints; it must end with 0."""
    path = folder / "nightjar.warc.gz"
    path.write_bytes(data)
    command = [sys.executable, "-m", "warcio.cli", "check", "-v", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", WIRES)
def test_every_byte_of_an_answer_stands_in_the_archive_as_it_came(name: str, tmp_path: Path) -> None:
    wire, body = WIRES[name]
    data = seal(snapshot(answer(URL, wire, body))).archive()
    (response,) = of_type(data, "response")
    assert response.block == wire
    assert response["Nightjar-Framing"] == "exact"
    assert response["WARC-Target-URI"] == URL
    assert response["WARC-Block-Digest"] == digest(wire)
    told = check(data, tmp_path)
    assert told.count("digest pass") == len(records(data)) == told.count("WARC-Record-ID")


def test_the_payload_digest_is_of_the_payload_as_it_is_stored() -> None:
    wire, body = WIRES["gzip in chunks"]
    (response,) = of_type(seal(snapshot(answer(URL, wire, body))).archive(), "response")
    assert response["WARC-Payload-Digest"] == digest(wire.partition(b"\r\n\r\n")[2])


def test_a_body_that_is_a_file_of_its_own_is_joined_to_its_head() -> None:
    picture = _looks.bytes_of("picture", 90_000)
    kept = seal(snapshot(None, _looks.answer(f"{URL}/1.jpg", picture, AT)))
    (response,) = of_type(kept.archive(), "response")
    assert response.block.endswith(b"\r\n\r\n" + picture)


def test_the_request_stands_beside_its_answer_without_secrets() -> None:
    wire, body = WIRES["plain"]
    asked = b"GET /p1 HTTP/1.1\r\nHost: example.org\r\nCookie: session=secret\r\n\r\n"
    data = seal(snapshot(replace(answer(URL, wire, body), wire_request=asked))).archive()
    (request,), (response,) = of_type(data, "request"), of_type(data, "response")
    assert request.block == asked.replace(b"session=secret", b"[redacted]")
    assert request["WARC-Concurrent-To"] == response["WARC-Record-ID"]
    assert b"secret" not in b"".join(record.block for record in records(data))


def test_facts_of_the_connection_are_told() -> None:
    wire, body = WIRES["plain"]
    line = replace(
        answer(URL, wire, body).connection, peer="[2001:db8::1]:443", cipher="TLS_AES_128_GCM_SHA256"
    )
    (response,) = of_type(
        seal(snapshot(replace(answer(URL, wire, body), connection=line))).archive(), "response"
    )
    assert response["WARC-IP-Address"] == "2001:db8::1"
    assert (response["WARC-Protocol"], response["WARC-Cipher-Suite"]) == ("tls/1.3", "TLS_AES_128_GCM_SHA256")


def test_times_are_those_of_the_request_and_of_the_first_byte() -> None:
    wire, body = WIRES["plain"]
    first = AT.replace(microsecond=999_999)
    data = seal(snapshot(replace(answer(URL, wire, body), first_byte_at=first))).archive()
    assert of_type(data, "request")[0]["WARC-Date"] == "2026-11-27T02:14:00.123456Z"
    assert of_type(data, "response")[0]["WARC-Date"] == "2026-11-27T02:14:00.999999Z"


def test_the_manifest_is_a_record_whose_id_is_the_evidence_and_whose_digest_the_log_names() -> None:
    kept = seal(snapshot(answer(URL, *WIRES["plain"])))
    data = kept.archive()
    (metadata,) = of_type(data, "metadata")
    assert metadata.block == kept.looks[0].manifest
    assert metadata["WARC-Record-ID"] == f"<urn:uuid:{uuid.UUID(hex=kept.looks[0].evidence_id)}>"
    assert metadata["WARC-Payload-Digest"] == digest(kept.looks[0].manifest)
    assert metadata.all("WARC-Concurrent-To") == [of_type(data, "response")[0]["WARC-Record-ID"]]


def test_a_listing_that_shows_many_posts_is_written_once() -> None:
    listing = answer("https://example.org/", *WIRES["chunked"])
    pages = [answer(f"{URL}{n}", *WIRES["plain"]) for n in range(5)]
    data = seal(*[snapshot(page, listing=listing) for page in pages]).archive()
    addresses = [record["WARC-Target-URI"] for record in of_type(data, "response")]
    assert sorted(addresses) == sorted({"https://example.org/", *[page.url for page in pages]})
    first = of_type(data, "response")[0]["WARC-Record-ID"]
    assert all(first in record.all("WARC-Concurrent-To") for record in of_type(data, "metadata"))


def test_the_same_answer_an_hour_later_is_another_record() -> None:
    early, late = answer(URL, *WIRES["plain"]), answer(URL, *WIRES["plain"], AT.replace(hour=3))
    data = seal(snapshot(early), snapshot(late)).archive()
    assert len({record["WARC-Record-ID"] for record in of_type(data, "response")}) == 2


def test_no_two_records_share_an_id_and_the_same_looks_give_the_same_bytes() -> None:
    kept = seal(*[snapshot(answer(f"{URL}{name}", *wire)) for name, wire in WIRES.items()])
    data = kept.archive()
    ids = [record["WARC-Record-ID"] for record in records(data)]
    assert len(ids) == len(set(ids)) == 1 + 3 * len(WIRES)
    assert kept.archive() == data


def test_an_answer_without_its_exact_bytes_is_marked_and_can_be_replayed(tmp_path: Path) -> None:
    parsed = replace(
        answer(URL, b"", PAGE),
        framing="normalised",
        headers=(("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"), ("X-A", "1\r\nB: 2")),
    )
    data = seal(snapshot(parsed)).archive()
    (response,) = of_type(data, "response")
    assert response["Nightjar-Framing"] == "normalised"
    head, _, body = response.block.partition(b"\r\n\r\n")
    assert body == PAGE
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"x-orig-Content-Encoding: gzip",
        b"x-orig-Transfer-Encoding: chunked",
        b"X-A: 1 B: 2",
        b"Content-Length: %d" % len(PAGE),
    ]
    assert "not checked" not in check(data, tmp_path)


def test_hints_before_the_answer_are_counted_and_left_to_the_manifest(tmp_path: Path) -> None:
    wire, body = WIRES["plain"]
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    data = seal(snapshot(answer(URL, hints + wire, body))).archive()
    (response,) = of_type(data, "response")
    assert response.block == wire
    assert response["Nightjar-Interim-Bytes"] == str(len(hints))
    check(data, tmp_path)


@pytest.mark.parametrize(
    "wire", [b"ICY 200 OK\r\nA: 1\r\n\r\nhi", b"HTTP/1.1 200 OK\r\nA: 1\r\n \r\nB: 2\r\n\r\nhi"]
)
def test_a_head_that_readers_would_end_elsewhere_is_kept_as_plain_bytes(wire: bytes, tmp_path: Path) -> None:
    data = seal(snapshot(answer(URL, wire, b"hi"))).archive()
    assert of_type(data, "response") == []
    (resource,) = of_type(data, "resource")
    assert resource.block == wire
    assert resource["Content-Type"] == "application/http; msgtype=response"
    assert check(data, tmp_path).count("digest pass") == len(records(data))


def test_a_body_that_broke_off_says_so() -> None:
    cut = replace(answer(URL, *WIRES["cut"]), shortfall="the connection was lost")
    (response,) = of_type(seal(snapshot(cut)).archive(), "response")
    assert response["WARC-Truncated"] == "unspecified"


def test_bytes_that_were_erased_are_left_out_and_the_manifest_stays() -> None:
    kept = seal(snapshot(answer(URL, *WIRES["large"]), answer(f"{URL}/1.jpg", *WIRES["plain"])))
    gone = kept.manifest()["exchanges"][0]["body_sha256"]
    del kept.blobs[gone]
    data = kept.archive()
    assert [record["WARC-Target-URI"] for record in of_type(data, "response")] == [f"{URL}/1.jpg"]
    assert [record.block for record in of_type(data, "metadata")] == [kept.looks[0].manifest]


def test_bytes_that_do_not_join_to_the_hash_of_the_wire_are_refused() -> None:
    kept = seal(snapshot(answer(URL, *WIRES["large"])))
    kept.blobs[kept.manifest()["exchanges"][0]["body_sha256"]] = b"other bytes"
    with pytest.raises(DamagedBlob, match="do not join"):
        kept.archive()


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"{", b"{}", b'{"exchanges":[],"times":{}}', b'{"exchanges":3}']
)
def test_what_is_no_manifest_is_refused_by_name(manifest: bytes) -> None:
    kept = seal(snapshot(answer(URL, *WIRES["plain"])))
    kept.looks[0] = Look(evidence_id=kept.looks[0].evidence_id, manifest=manifest)
    with pytest.raises(DamagedBlob, match=digest(manifest)[7:]):
        kept.archive()


PLAIN = st.recursive(
    st.text(max_size=8) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
FIELDS = tuple(json.loads(seal(snapshot(answer(URL, *WIRES["plain"]))).looks[0].manifest)["exchanges"][0])


@settings(max_examples=150, deadline=None)
@given(field=st.sampled_from(FIELDS), value=PLAIN)
def test_any_field_of_an_exchange_may_hold_anything_and_the_answer_is_one_error_or_an_archive(
    field: str, value: object
) -> None:
    kept = seal(snapshot(answer(URL, *WIRES["plain"])))
    document = kept.manifest()
    document["exchanges"][0][field] = value
    kept.looks[0] = Look(evidence_id=kept.looks[0].evidence_id, manifest=json.dumps(document).encode())
    try:
        data = kept.archive()
    except DamagedBlob:
        return
    assert len(records(data)) >= 2
    for record in ArchiveIterator(BytesIO(data), check_digests=True):
        record.content_stream().read()
        assert record.digest_checker.passed
