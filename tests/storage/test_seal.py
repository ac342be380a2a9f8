"""Sealing: what was fetched is what is kept, named, logged and found again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench._looks import TARGET, answer, look, post, watched
from storage import manifest
from storage.codec import canonical
from storage.errors import DatabaseTrouble
from storage.model import (
    Connection,
    Hop,
    Lifetime,
    Observation,
    PictureCapture,
    PictureRef,
    Post,
    Response,
    Snapshot,
    sha256_of,
)
from storage.store import Store
from storage.tree import leaf_hash
from tests.storage.kit import DUSK, HandClock, opened


async def manifest_of(store: Store, sha256: str) -> dict[str, object]:
    return json.loads(await store.blobs.get(sha256))  # type: ignore[no-any-return]


async def test_what_seal_returns_is_what_is_read_back(store: Store, clock: HandClock) -> None:
    sealed = await store.seal(look("1", clock.now(), pictures=3))
    assert await store.evidence(sealed.evidence_id) == sealed
    assert sealed.leaf_index == 0
    assert len(sealed.pictures) == 3
    assert sealed.sealed_at == clock.now()


async def test_every_byte_received_is_in_the_store(store: Store, clock: HandClock) -> None:
    snapshot = look("1", clock.now(), pictures=2)
    sealed = await store.seal(snapshot)
    assert snapshot.page is not None
    assert snapshot.listing is not None
    assert await store.blobs.get(sealed.page_sha256) == snapshot.page.body
    assert await store.blobs.get(sealed.listing_sha256) == snapshot.listing.body
    for kept, capture in zip(sealed.pictures, snapshot.pictures, strict=True):
        assert capture.response is not None
        assert await store.blobs.get(kept.sha256) == capture.response.body


async def test_the_manifest_is_canonical_and_names_every_file(store: Store, clock: HandClock) -> None:
    sealed = await store.seal(look("1", clock.now(), pictures=2))
    raw = await store.blobs.get(sealed.manifest_sha256)
    manifest = json.loads(raw)
    assert canonical(manifest) == raw
    roles = {f["role"]: f for f in manifest["files"]}
    assert set(roles) == {"listing", "page", "picture-1", "picture-2", "certificate", "dependencies"}
    for file in roles.values():
        assert len(await store.blobs.get(file["sha256"])) == file["size_bytes"]
    assert manifest["post"]["title"] == "血料手串 1"
    assert manifest["times"]["captured_at"] == "2026-11-24T21:00:00.000000Z"
    assert len(manifest["salt"]) == 32
    assert any("TLS does not sign" in line for line in manifest["not_proven"])


async def test_the_log_entry_names_the_manifest_and_hashes_to_leaf(store: Store, clock: HandClock) -> None:
    sealed = await store.seal(look("1", clock.now()))
    (row,) = await store.vault.database.rows('SELECT entry, leaf_hash FROM leaf WHERE "index" = 0')
    entry = json.loads(row["entry"])
    assert entry["manifest_sha256"] == sealed.manifest_sha256
    assert entry["evidence_id"] == sealed.evidence_id
    assert hashlib.sha256(b"\0" + row["entry"].encode()).hexdigest() == row["leaf_hash"]
    assert await store.root() == (1, leaf_hash(row["entry"].encode()).hex())


def wire_again(parts: list[dict[str, str]], read: dict[str, bytes]) -> bytes:
    return b"".join(read[p["file"]] if "file" in p else base64.b64decode(p["base64"]) for p in parts)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("wire", "body", "framing"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nabc", b"abc", "exact"),
        (CHUNKED, b"abc", "exact"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9_000 + b"\r\n\r\nabc", b"abc", "exact"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"abc", "head"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", b"", "exact"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"\x1f\x8b" * 5_000, b"what it inflates to", "exact"),
    ],
)
async def test_the_exact_wire_bytes_can_be_joined_again(
    store: Store, clock: HandClock, wire: bytes, body: bytes, framing: str
) -> None:
    page = replace(answer("https://e.org/1", body, clock.now()), wire=wire, framing=framing)
    sealed = await store.seal(replace(look("1", clock.now(), pictures=0), page=page))
    manifest = await manifest_of(store, sealed.manifest_sha256)
    (told,) = [e for e in manifest["exchanges"] if e["role"] == "page"]  # type: ignore[attr-defined]
    named = [p["file"] for p in told["wire"]["parts"] if "file" in p]
    exact = wire_again(told["wire"]["parts"], {name: await store.blobs.get(name) for name in named})
    assert exact == (wire + body if framing == "head" else wire)
    assert told["wire"]["sha256"] == sha256_of(exact)
    assert told["wire"]["size_bytes"] == len(exact)


async def test_credentials_of_a_request_are_blanked_and_that_is_told(store: Store, clock: HandClock) -> None:
    request = b"GET / HTTP/1.1\r\nCookie: session=secret\r\nauthorization:Bearer x\r\nHost: e.org\r\n\r\n"
    page = replace(answer("https://e.org/", b"x", clock.now()), wire_request=request)
    sealed = await store.seal(replace(look("1", clock.now()), page=page))
    manifest = await manifest_of(store, sealed.manifest_sha256)
    (told,) = [e for e in manifest["exchanges"] if e["role"] == "page"]  # type: ignore[attr-defined]
    assert base64.b64decode(told["request_base64"]) == (
        b"GET / HTTP/1.1\r\nCookie: [redacted]\r\nauthorization:[redacted]\r\nHost: e.org\r\n\r\n"
    )
    assert told["request_redacted"] == ["cookie", "authorization"]


async def test_what_could_not_be_had_is_told_with_its_reason(store: Store, clock: HandClock) -> None:
    lost = PictureCapture(ref=PictureRef(url="https://e.org/2.jpg"), absent="answered 404 Not Found")
    snapshot = look("1", clock.now())
    snapshot = replace(snapshot, pictures=(*snapshot.pictures, lost), absences=("page: stopped",))
    sealed = await store.seal(snapshot)
    assert sealed.absences == ("page: stopped", "picture-2 https://e.org/2.jpg: answered 404 Not Found")
    assert len(sealed.pictures) == 1


async def test_a_later_look_is_chained_to_the_one_before(store: Store, clock: HandClock) -> None:
    first = await store.seal(look("1", clock.now()))
    second = await store.seal(
        look("1", clock.tick(60), observation=Observation.CHANGED, previous=first.evidence_id)
    )
    manifest = await manifest_of(store, second.manifest_sha256)
    assert manifest["previous"] == {
        "evidence_id": first.evidence_id,
        "manifest_sha256": first.manifest_sha256,
    }


async def test_two_equal_looks_have_different_manifests(store: Store, clock: HandClock) -> None:
    snapshot = look("1", clock.now())
    one, two = await store.seal(snapshot), await store.seal(snapshot)
    assert one.manifest_sha256 != two.manifest_sha256  # the salt: a hash tells nothing about its content


async def test_a_vanishing_names_its_interval_as_fact(store: Store, clock: HandClock) -> None:
    lifetime = Lifetime(
        last_seen_at=clock.now(),
        first_missing_at=clock.tick(30),
        confirmations=3,
        missing_class="404",
        control="https://e.org/9",
    )
    sealed = await store.seal(
        look("1", clock.now(), pictures=0, observation=Observation.MISSING), lifetime=lifetime
    )
    told = (await manifest_of(store, sealed.manifest_sha256))["lifetime"]
    assert told == {
        "last_seen_at": "2026-11-24T21:00:00.000000Z",
        "first_missing_at": "2026-11-24T21:00:30.000000Z",
        "confirmations": 3,
        "missing_class": "404",
        "control": "https://e.org/9",
    }


async def test_sealing_fills_in_the_evidence_of_the_vigil_row(store: Store, clock: HandClock) -> None:
    sealed = await store.seal(look("1", clock.now()), watched=watched("1", clock.now()))
    row = (await store.known(TARGET, ["1"]))["1"]
    assert row == replace(watched("1", clock.now()), evidence_id=sealed.evidence_id)


async def test_evidence_waits_for_a_verdict_oldest_first_and_missing_looks_never_do(
    store: Store, clock: HandClock
) -> None:
    looks = [look(str(n), clock.tick()) for n in range(4)]
    kinds = (Observation.SEEN, Observation.MISSING, Observation.CHANGED, Observation.REAPPEARED)
    sealed = [await store.seal(replace(s, observation=k)) for s, k in zip(looks, kinds, strict=True)]
    assert await store.unjudged() == (sealed[0], sealed[2], sealed[3])
    assert await store.unjudged(limit=1) == (sealed[0],)


async def test_an_unknown_id_is_a_clear_error(store: Store) -> None:
    with pytest.raises(DatabaseTrouble, match="no evidence 'nonsense'"):
        await store.evidence("nonsense")


async def test_a_post_gone_during_capture_is_kept_as_far_as_it_came(store: Store, clock: HandClock) -> None:
    gone = replace(answer("https://e.org/1", b"", clock.now()), status=410, wire=b"")
    bare = replace(look("1", clock.now(), pictures=0), page=gone, absences=("page: answered 410 Gone",))
    sealed = await store.seal(bare)
    assert sealed.page_sha256 == ""
    assert (await store.evidence(sealed.evidence_id)).absences == ("page: answered 410 Gone",)


HOSTILE = st.text(st.characters(), max_size=40)
BYTES = st.binary(max_size=300)
TIMES = st.datetimes(timezones=st.just(UTC))


@st.composite
def responses(draw: st.DrawFn) -> Response:
    body = draw(BYTES)
    return Response(
        url=draw(HOSTILE),
        requested_url=draw(HOSTILE),
        status=draw(st.integers(0, 999)),
        reason=draw(HOSTILE),
        headers=tuple(draw(st.lists(st.tuples(HOSTILE, HOSTILE), max_size=3))),
        body=body,
        wire=draw(st.sampled_from([b"", b"head" + body, b"head"])) or draw(BYTES),
        wire_request=draw(BYTES),
        framing=draw(st.sampled_from(["exact", "head", "normalised"])),
        hops=(Hop(url=draw(HOSTILE), status=302, location=draw(HOSTILE)),),
        connection=Connection(peer=draw(HOSTILE), dns=(draw(HOSTILE),), certificate_der=draw(BYTES)),
        started_at=draw(TIMES),
        first_byte_at=draw(TIMES),
        ended_at=draw(TIMES),
        elapsed_s=draw(st.floats(0, 1e6)),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    refs = tuple(PictureRef(url=draw(HOSTILE), alt=draw(HOSTILE)) for _ in range(draw(st.integers(0, 2))))
    words = Post(
        post_id=draw(HOSTILE),
        url=draw(HOSTILE),
        title=draw(HOSTILE),
        text=draw(HOSTILE),
        posted_at=draw(st.none() | TIMES),
        pictures=refs,
        extra=((draw(HOSTILE), draw(HOSTILE)),),
    )
    return Snapshot(
        target=TARGET,
        target_digest="0" * 64,
        observation=draw(st.sampled_from(list(Observation))),
        post=words,
        listing=draw(st.none() | responses()),
        page=draw(st.none() | responses()),
        pictures=tuple(
            PictureCapture(ref=ref, response=draw(st.none() | responses()), absent=draw(HOSTILE))
            for ref in refs
        ),
        listed_at=draw(TIMES),
        captured_at=draw(TIMES),
        previous=draw(HOSTILE)[:32],  # an evidence id, which is ours
        absences=(draw(HOSTILE),),
    )


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(snapshots())
def test_seal_then_read_gives_the_same_bytes_for_any_seller(tmp_path: Path, snapshot: Snapshot) -> None:
    async def there_and_back() -> None:
        async with opened(tmp_path / "data") as store:
            sealed = await store.seal(snapshot, watched=watched(snapshot.post.post_id, DUSK))
            assert await store.evidence(sealed.evidence_id) == sealed
            known = await store.known(TARGET, [snapshot.post.post_id])
            assert known[snapshot.post.post_id].evidence_id == sealed.evidence_id
            for response in (snapshot.listing, snapshot.page, *(p.response for p in snapshot.pictures)):
                if response is not None and response.body:
                    assert await store.blobs.get(sha256_of(response.body)) == response.body

    asyncio.run(there_and_back())


async def test_hundreds_of_looks_at_once_get_dense_places_in_the_log(store: Store, clock: HandClock) -> None:
    sealed = await asyncio.gather(*(store.seal(look(str(n), clock.now())) for n in range(300)))
    assert sorted(s.leaf_index for s in sealed) == list(range(300))
    assert (await store.root())[0] == 300


async def test_a_cancelled_caller_loses_nothing_that_had_begun(store: Store, clock: HandClock) -> None:
    task = asyncio.create_task(store.seal(look("1", clock.now())))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.close()
    async with opened(store.folder, clock) as again:
        assert [e.post for e in await again.unjudged()] == [post("1")]


async def test_ids_sort_by_time(store: Store, clock: HandClock) -> None:
    ids = [(await store.seal(look(str(n), clock.tick(0.002)))).evidence_id for n in range(5)]
    assert ids == sorted(ids)
    assert datetime.fromtimestamp(int(ids[0][:12], 16) / 1000, UTC) - DUSK < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "picture_bytes"),
    [("ivory", 2_000), ("象牙 " * 30_000, 2_000), ("ivory", 2_000_000)],
    ids=["small", "long text", "big picture"],
)
async def test_what_takes_long_to_describe_does_not_hold_the_loop(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch, text: str, picture_bytes: int
) -> None:
    described_by: list[int] = []
    build = manifest.build

    def noted(snapshot: Snapshot, about: manifest.Circumstances) -> manifest.Sealed:
        described_by.append(threading.get_ident())
        return build(snapshot, about)

    monkeypatch.setattr(manifest, "build", noted)
    shown = look("1", clock.now(), picture_bytes=picture_bytes)
    await store.seal(replace(shown, post=replace(shown.post, text=text)))
    by_the_loop = len(text) < 1_000 and picture_bytes < 10_000
    assert [ident == threading.get_ident() for ident in described_by] == [by_the_loop]
