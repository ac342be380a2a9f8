"""The manifest: every field of the checklist or its absence, by the published schema."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bench._looks import answer, look, post, watched
from bench._verifiers import VerifierMissingError, environment
from storage import collection, manifest, sightings
from storage.adjtimex import KernelClock
from storage.casefile import verify
from storage.clock import ClockFacts, ScaledClock, SystemClock, Timekeeping, local_zone
from storage.codec import canonical
from storage.collection import Collection
from storage.exchanges import http_date, server_time, without_secrets
from storage.model import Connection, Hop, Observation, PictureCapture, PictureRef, Response, Snapshot
from storage.store import Store
from storage.tree import leaf_hash
from tests.fakes.market import Market, picture
from tests.fakes.night import Night, play
from tests.storage.kit import DUSK, HandClock, opened

SAMPLES = Path(__file__).parents[1] / "samples"
CLOCK = ClockFacts(source="system", read_at=DUSK, synchronised=True, offset_us=-17, max_error_us=3_000)


@cache
def schema() -> jsonschema.Draft202012Validator:
    document = json.loads(manifest.SCHEMA.read_bytes())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def faults(document: Mapping[str, Any]) -> list[str]:
    return [f"{list(e.absolute_path)}: {e.message[:200]}" for e in schema().iter_errors(document)]


def built(snapshot: Snapshot, **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "evidence_id": "0" * 32,
        "origin": "1" * 32,
        "salt": "2" * 32,
        "sealed_at": DUSK,
        "monotonic_s": 12.5,
        "clock": CLOCK,
    }
    sealed = manifest.build(snapshot, manifest.Circumstances(**{**facts, **more}))
    document = json.loads(sealed.manifest)
    assert faults(document) == []
    assert isinstance(document, dict)
    return document


def exchange(document: Mapping[str, Any], role: str = "page") -> dict[str, Any]:
    (found,) = [e for e in document["exchanges"] if e["role"] == role]
    assert isinstance(found, dict)
    return found


def with_page(**changed: Any) -> Snapshot:
    snapshot = look("1", DUSK)
    assert snapshot.page is not None
    return replace(snapshot, page=replace(snapshot.page, **changed))


# --- a night, by the schema ------------------------------------------------------------


def play_a_small_night(folder: Path) -> None:
    async def script(night: Night, market: Market) -> None:
        await night.run_for(minutes=10)
        kept = market.publish("ivory bangle", pictures=(picture(1), picture(2)))
        gone = market.publish("XJ rhino horn carving", "wechat 13800138000", pictures=(picture(3),))
        await night.run_for(minutes=6)
        market.adverts[kept].text = "ivory bangle, now cheaper"
        market.remove(gone)
        await night.run_for(minutes=25)
        market.restore(gone)
        await night.run_for(minutes=40)

    play(folder, datetime(2026, 3, 1, 20, 55, tzinfo=UTC), script)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    play_a_small_night(folder)
    return folder / "data"


async def manifests_of(data: Path) -> list[bytes]:
    store = await Store.open_reader(data, SystemClock())
    try:
        rows = await store.vault.database.rows("SELECT manifest_sha256 FROM observation ORDER BY seq")
        return [await store.blobs.get(row[0]) for row in rows]
    finally:
        await store.close()


async def test_every_manifest_of_a_night_is_as_the_schema_says(night: Path) -> None:
    found = [json.loads(raw) for raw in await manifests_of(night)]
    assert {m["observation"] for m in found} == {o.value for o in Observation}
    assert [fault for document in found for fault in faults(document)] == []
    for document in found:
        assert document["collection"]["operator"] == "ops@example.org"
        assert len(document["collection"]["config_sha256"]) == 64
        assert document["target"]["kind"] == "json"
        assert document["target"]["url"].startswith("http://127.0.0.1:")
        assert document["collection"]["clock"]["source"].startswith("simulated")
        assert document["access"]["user_agent"] == [
            f"Nightjar/{manifest_version(document)} (+ops@example.org)"
        ]
        for told in document["exchanges"]:
            assert told["request_framing"] == "exact"
            assert told["framing"] in ("exact", "head")
            assert told["monotonic_us"]["started"] <= told["monotonic_us"]["first_byte"]


async def test_every_poll_of_a_night_that_showed_nothing_new_is_in_the_log(night: Path) -> None:
    store = await Store.open_reader(night, SystemClock())
    try:
        lines = [json.loads(line) for line in await sightings.of_listing(store.vault, "market")]
        assert (await verify(store)).broken == ()
        rows = await store.vault.database.rows("SELECT line FROM sighting WHERE line LIKE '%\"salt\":%'")
    finally:
        await store.close()
    named = {leaf_hash(row[0].encode()).hex(): json.loads(row[0])["post_id"] for row in rows}
    posts: dict[str, list[str]] = {}
    shown: list[list[str]] = []
    for line in lines:
        if "posts" in line:
            posts[line["posts_root"]] = [named[hashed] for hashed in line["posts"]]
        shown.append(posts[line["posts_root"]])
    told = [at for line in lines for at in line["polled_at"]]
    assert told == sorted(set(told))
    assert len(told) > 60
    assert len(lines) < len(told) / 2
    states = [ids for before, ids in pairwise([[], *shown]) if ids != before]
    assert [sorted(ids) for ids in states] == [["post-1", "post-2"], ["post-1"], ["post-1", "post-2"]]


def manifest_version(document: Mapping[str, Any]) -> str:
    return str(document["software"]["version"])


async def test_every_manifest_of_a_night_is_in_the_form_of_rfc_8785(night: Path, tmp_path: Path) -> None:
    found = await manifests_of(night)
    for raw in found:
        assert canonical(json.loads(raw)) == raw
    try:
        python = environment()
    except VerifierMissingError as missing:
        pytest.skip(str(missing))
    for number, raw in enumerate(found):
        (tmp_path / f"{number:03}.json").write_bytes(raw)
    code = (
        "import json, pathlib, rfc8785, sys\n"
        "files = sorted(pathlib.Path(sys.argv[1]).glob('*.json'))\n"
        "print(len(files), sum(rfc8785.dumps(json.loads(f.read_bytes())) == f.read_bytes() for f in files))\n"
    )
    command = [str(python), "-c", code, str(tmp_path)]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [str(len(found)), str(len(found))]


def test_the_schema_refuses_what_is_not_said_in_it() -> None:
    whole = built(look("1", DUSK))
    spoilt = [
        {**whole, "verdict": "urgent"},
        {**whole, "version": 1},
        {name: value for name, value in whole.items() if name != "absences"},
        {**whole, "salt": "short"},
        {**whole, "collection": {**whole["collection"], "host_id": "absent"}},
        {**whole, "times": {**whole["times"], "sealed_at": "2026-11-24T21:00:00Z"}},
        {**whole, "exchanges": [{**whole["exchanges"][0], "attempt": 0}]},
        {**whole, "exchanges": [{**whole["exchanges"][0], "score": 3}]},
    ]
    assert [bool(faults(document)) for document in spoilt] == [True] * len(spoilt)


def test_no_group_of_a_manifest_holds_an_inference() -> None:
    document = built(look("1", DUSK))
    names = set(document) | {key for value in document.values() if isinstance(value, dict) for key in value}
    assert not names & {"verdict", "score", "tier", "lexicon", "rule", "model", "phash", "products"}
    assert document["context"]["matches"].startswith("absent: an inference")


# --- version 1 ---------------------------------------------------------------------------


@pytest.fixture
def old_data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    with zipfile.ZipFile(SAMPLES / "store-1.zip") as archive:
        archive.extractall(folder)
    return folder


async def test_a_store_of_version_1_is_whole_and_goes_on_in_version_2(old_data: Path) -> None:
    async with opened(old_data, HandClock(DUSK + timedelta(days=1))) as store:
        size, _ = await store.root()
        first = await verify(store)
        assert (first.broken, first.evidence) == ((), 5)
        new = await store.seal(look("new", DUSK))
        assert json.loads(await store.blobs.get(new.manifest_sha256))["version"] == manifest.VERSION
        assert new.leaf_index >= size
        assert (await verify(store)).broken == ()


async def test_a_changed_fact_of_version_1_is_still_found(old_data: Path) -> None:
    async with opened(old_data) as store:
        rows = await store.vault.database.rows("SELECT manifest_sha256 FROM observation LIMIT 1")
        path = store.blobs.path(rows[0][0])
        path.chmod(0o640)
        path.write_bytes(path.read_bytes().replace(b"2026-11-24T21", b"2026-11-24T22"))
        assert {f.kind for f in (await verify(store)).broken} >= {"blob", "manifest"}


# --- clock, machine, program ---------------------------------------------------------------


def test_clock_source_and_offset_stand_in_the_manifest() -> None:
    assert built(look("1", DUSK))["collection"]["clock"] == {
        "source": "system",
        "read_at": "2026-11-24T21:00:00.000000Z",
        "synchronised": "yes",
        "offset_us": -17,
        "max_error_us": 3_000,
    }


def test_a_clock_that_nobody_disciplines_is_told_as_such() -> None:
    kernel = KernelClock(synchronised=False, offset_us=5, max_error_us=16_000_000, estimated_error_us=1)
    told = built(look("1", DUSK), clock=Timekeeping(SystemClock(), lambda: kernel).facts())
    clock = told["collection"]["clock"]
    assert (clock["synchronised"], clock["max_error_us"]) == ("no", 16_000_000)
    assert clock["offset_us"] == "absent: the kernel's clock is not synchronised"


def test_a_system_that_does_not_tell_its_offset_is_an_absence_with_its_reason() -> None:
    told = built(
        look("1", DUSK),
        clock=Timekeeping(SystemClock(), lambda: "adjtimex: Function not implemented").facts(),
    )
    assert told["collection"]["clock"]["offset_us"] == "absent: adjtimex: Function not implemented"
    assert told["collection"]["clock"]["synchronised"] == "absent: adjtimex: Function not implemented"


def test_simulated_time_can_never_pass_for_a_real_night() -> None:
    asked: list[int] = []
    keeping = Timekeeping(ScaledClock(DUSK, 36.0), lambda: asked.append(1) or "asked")  # type: ignore[func-returns-value]
    clock = built(look("1", DUSK), clock=keeping.facts())["collection"]["clock"]
    assert clock["source"] == "simulated at speed 36"
    assert clock["offset_us"] == "absent: simulated time is nobody's clock"
    assert asked == []


def test_the_kernel_is_asked_at_most_every_two_minutes() -> None:
    class Moving(SystemClock):
        at = 0.0

        def monotonic(self) -> float:
            return self.at

    asked: list[float] = []
    clock = Moving()
    keeping = Timekeeping(clock, lambda: asked.append(clock.at) or "why")  # type: ignore[func-returns-value]
    for second in range(0, 600, 7):
        clock.at = float(second)
        keeping.facts()
    assert len(asked) == 5


def test_this_machine_answers_about_its_clock_or_says_why_not() -> None:
    facts = Timekeeping(SystemClock()).facts()
    assert facts.source == "system"
    assert facts.absent or facts.synchronised
    assert local_zone(DUSK).startswith("UTC")


def test_a_zone_is_told_with_its_offset_of_that_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert local_zone(DUSK) == "UTC+08:00 Asia/Shanghai"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_host_is_named_by_a_keyed_hash_that_openssl_gives_too(tmp_path: Path) -> None:
    source = tmp_path / "machine-id"
    source.write_text("3d1219c7c4c5404aaa1f6d2a48adfda4\n")
    name = collection.host_id(source)
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not here")
    command = [openssl, "dgst", "-sha256", "-hmac", "3d1219c7c4c5404aaa1f6d2a48adfda4"]
    told = subprocess.run(command, input=b"nightjar host id", capture_output=True, check=True).stdout
    assert name == told.decode().split()[-1][:32]
    assert (
        collection.host_id(tmp_path / "nothing")
        == f"absent: {tmp_path / 'nothing'}: No such file or directory"
    )


def test_the_dependencies_that_ran_are_a_file_of_the_look() -> None:
    document = built(
        look("1", DUSK), collection=Collection(operator="mailto:duty@example.org", config_sha256="a" * 64)
    )
    (file,) = [f for f in document["files"] if f["role"] == "dependencies"]
    assert file["sha256"] == document["software"]["dependencies_sha256"]
    assert file["sha256"] == hashlib.sha256(collection.dependencies()).hexdigest()
    lines = collection.dependencies().decode().splitlines()
    assert lines == sorted(lines)
    assert any(line.startswith("aiohttp==") for line in lines)
    assert document["collection"]["operator"] == "mailto:duty@example.org"
    assert document["collection"]["config_sha256"] == "a" * 64


# --- the wire -----------------------------------------------------------------------------


def test_the_whole_chain_is_kept_as_files_leaf_first() -> None:
    connection = Connection(certificate_der=b"leaf", chain_der=(b"leaf", b"middle", b"root"))
    document = built(with_page(connection=connection))
    told = exchange(document)["connection"]
    names = [hashlib.sha256(der).hexdigest() for der in connection.chain_der]
    assert told["chain_sha256"] == names
    assert told["certificate_sha256"] == names[0]
    roles = {f["sha256"]: f["role"] for f in document["files"]}
    assert [roles[name] for name in names] == ["certificate", "certificate-2", "certificate-3"]


def test_a_missing_chain_is_told_with_its_reason() -> None:
    told = exchange(built(with_page(connection=Connection(chain_absent="no TLS"))))["connection"]
    assert told["chain_sha256"] == "absent: no TLS"


def test_redirects_are_exchanges_of_their_own() -> None:
    moved = replace(answer("https://e.org/old", b"moved", DUSK), status=302)
    hops = (
        Hop(url="https://e.org/old", status=302, location="/new", answer=moved),
        Hop(url="https://e.org/new", status=302, location="/x"),
    )
    document = built(with_page(hops=hops))
    assert [e["role"] for e in document["exchanges"]] == ["listing", "page-hop-1", "page", "picture-1"]
    assert exchange(document, "page-hop-1")["status"] == 302
    assert len(exchange(document)["hops"]) == 2
    assert any("GET https://e.org/old answered 302" in step for step in document["access"]["steps"])


@pytest.mark.parametrize(
    "name",
    [
        "Cookie", "AUTHORIZATION", "x-api-key", "X-Auth-Token", "Proxy-Authorization", "X-Session-Id",
        "X-CSRF", "X-Key", "Ocp-Apim-Subscription-Key", "X-Api_Key", "X-Sig", "X-JWT", "X-Sid", "PHPSESSID",
        "X-Login", "X-Bearer", "X-Pwd", "Private-Key", "X-Whatever", "Accept-Language",
    ],
)  # fmt: skip
def test_every_header_that_a_target_configures_is_blanked(name: str) -> None:
    request = f"GET / HTTP/1.1\r\nHost: e.org\r\n{name}: s3cret\r\nAccept: */*\r\n\r\n".encode()
    kept, redacted = without_secrets(request)
    assert b"s3cret" not in kept
    assert redacted == [name.lower()]
    assert kept.startswith(b"GET / HTTP/1.1\r\nHost: e.org\r\n")
    assert kept.endswith(b"\r\nAccept: */*\r\n\r\n")


def test_a_folded_value_and_a_referer_with_a_query_are_blanked_whole() -> None:
    request = b"GET / HTTP/1.1\r\nX-A: one\r\n s3cret\r\nReferer: https://a.org/?k=s3cret\r\nHost: a\r\n\r\n"
    kept, redacted = without_secrets(request)
    assert kept == b"GET / HTTP/1.1\r\nX-A: [redacted]\r\nReferer: [redacted]\r\nHost: a\r\n\r\n"
    assert redacted == ["x-a", "referer"]


def test_the_headers_that_the_program_sends_itself_are_shown() -> None:
    request = b"GET /?token=x HTTP/1.1\r\nHost: cookie.org\r\nUser-Agent: Nightjar\r\nReferer: https://a.org/auth\r\n\r\n"
    assert without_secrets(request) == (request, [])


SETS = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=abc; HttpOnly\r\nContent-Length: 18\r\n\r\nSet-Cookie: a word"


def page_that_sets(request: bytes) -> Response:
    page = answer("https://e.org/1", b"Set-Cookie: a word", DUSK)
    return replace(page, wire=SETS, headers=(("Set-Cookie", "sid=abc; HttpOnly"),), wire_request=request)


def test_a_cookie_given_to_an_anonymous_visitor_stays_in_the_exact_bytes() -> None:
    snapshot = replace(look("1", DUSK), page=page_that_sets(b"GET / HTTP/1.1\r\n\r\n"))
    told = exchange(built(snapshot))
    assert told["wire"]["sha256"] == hashlib.sha256(SETS).hexdigest()
    assert (told["request_redacted"], told["response_redacted"]) == ([], [])


def test_a_language_asked_for_renews_nothing_and_leaves_the_bytes_exact() -> None:
    snapshot = replace(look("1", DUSK), page=page_that_sets(b"GET / HTTP/1.1\r\nAccept-Language: zh\r\n\r\n"))
    told = exchange(built(snapshot))
    assert told["wire"]["sha256"] == hashlib.sha256(SETS).hexdigest()
    assert (told["request_redacted"], told["response_redacted"]) == (["accept-language"], [])


def test_a_cookie_that_may_renew_our_own_credentials_is_blanked_at_equal_length() -> None:
    snapshot = replace(look("1", DUSK), page=page_that_sets(b"GET / HTTP/1.1\r\nCookie: sid=x\r\n\r\n"))
    told = exchange(built(snapshot))
    assert (told["request_redacted"], told["response_redacted"]) == (["cookie"], ["set-cookie"])
    assert told["headers"] == [["Set-Cookie", "*" * 17]]
    blanked = SETS.replace(b"sid=abc; HttpOnly", b"*" * 17)
    assert told["wire"]["sha256"] == hashlib.sha256(blanked).hexdigest()
    assert base64.b64decode(told["wire"]["parts"][0]["base64"]) + b"Set-Cookie: a word" == blanked


# --- times, media, context -----------------------------------------------------------------


def test_the_servers_clock_is_compared_with_ours_from_the_middle_of_both() -> None:
    page = answer("https://e.org/1", b"x", DUSK)
    page = replace(
        page,
        headers=(("date", "Tue, 24 Nov 2026 21:00:07 GMT"), ("Last-Modified", "nonsense"), ("Age", "3")),
        first_byte_at=DUSK + timedelta(seconds=0.4),
    )
    told = server_time(page)
    assert told["computed_skew_us"] == 7_000_000 + 500_000 - 200_000
    assert told["skew_uncertainty_us"] == 700_000
    assert told["date"] == "2026-11-24T21:00:07.000000Z"
    assert told["last_modified_raw"] == "nonsense"
    assert str(told["last_modified"]).startswith("absent: ")


@pytest.mark.parametrize("text", ["", "x", "Tue, 99 Nov 2026", "\ud800", "1" * 100])
def test_a_date_that_cannot_be_read_is_none(text: str) -> None:
    assert http_date(text) is None


def test_platform_account_and_life_of_a_post_are_told_or_absent() -> None:
    words = replace(post("1"), seller_url="https://e.org/u/7", extra=(("seller_id", "7"),), posted_raw="")
    document = built(replace(look("1", DUSK), post=words), watched=replace(watched("1", DUSK), looks=3))
    assert document["account"] == {"handle": "夜市老王", "url": "https://e.org/u/7", "id": "7"}
    assert document["platform_time"]["posted_raw"] == "absent: the site shows none"
    assert document["life_cycle"]["looks"] == 3
    assert document["life_cycle"]["first_missing_at"] == "absent: not missing"
    assert built(look("1", DUSK))["life_cycle"] == "absent: the post had no row in the vigil"


def test_what_a_picture_is_called_and_what_it_is_stand_side_by_side() -> None:
    body = picture(1)
    reply = replace(answer("https://e.org/1.png", body, DUSK), headers=(("Content-Type", "text/plain"),))
    capture = PictureCapture(ref=PictureRef(url="https://e.org/1.png"), response=reply)
    told = exchange(built(replace(look("1", DUSK), pictures=(capture,))), "picture-1")["media"]
    assert told["declared"] == "text/plain"
    assert told["sniffed"].startswith("image/")
    assert (told["picture"]["width"], told["picture"]["height"]) == (320, 320)
    assert told["picture"]["exif"] == "absent: none in the file"


def test_a_look_without_any_answer_has_a_whole_manifest() -> None:
    bare = replace(look("1", DUSK, pictures=0), listing=None, page=None, feed_kind="", feed_url="")
    document = built(bare)
    assert document["exchanges"] == []
    assert document["access"]["steps"] == "absent: nothing was received"
    assert document["context"]["listing"].startswith("absent: ")
    assert document["target"]["kind"] == "absent: not told"
