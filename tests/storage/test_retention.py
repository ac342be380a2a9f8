"""What is due is erased for good; what is held stays; the log tells what was taken out of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench._looks import answer, judgement, look, watched
from storage import cases, certificates, erased, erasure, keys, notes, retention
from storage.casefile import find, verify
from storage.cases import Act, Order
from storage.codec import micros
from storage.errors import DatabaseTrouble
from storage.model import Evidence, Observation, PictureCapture, PictureRef, Polls, Presence, Sighting, Tier
from storage.retention import Class, Post, Rules
from storage.store import Store
from storage.tables import key_of
from tests.storage.kit import DUSK, HandClock, opened

SECRET = "Whisper-Contact 13911112222"
RULES = Rules(unmatched_days=30, matched_days=365, hold_days=3650)
MONTH_S = 31 * 86_400.0


async def unmatched(store: Store, clock: HandClock, number: str, *, text: str = SECRET) -> Evidence:
    """A judged post without suspicion, seen by the vigil, with a picture of its own and a shared one."""
    at = clock.tick()
    own = answer(f"https://e.org/{number}.jpg", f"picture of {number}".encode() * 50, at)
    shared = answer("https://e.org/logo.jpg", b"the logo of the site" * 50, at)
    pictures = tuple(PictureCapture(ref=PictureRef(url=a.url), response=a) for a in (own, shared))
    snapshot = look(number, at, pictures=0)
    post = replace(snapshot.post, text=f"{text} {number}", title=f"bicycle {number}")
    kept = await store.seal(replace(snapshot, post=post, pictures=pictures), watched=watched(number, at))
    judged = judgement(kept, clock.tick(), Tier.NONE)
    verdict = replace(judged.verdict, tier=Tier.NONE, contacts=("phone:13911112222",))
    await store.record(replace(judged, verdict=verdict), announce=())
    seen = Sighting(target="market", post_id=number, looked_at=clock.tick(), presence=Presence.ALIVE)
    await store.add_sightings([seen], [Polls(target="market", polled_at=(clock.now(),))])
    return kept


async def counts(store: Store, *tables: str) -> list[int]:
    return [(await store.vault.database.rows(f"SELECT count(*) FROM {t}"))[0][0] for t in tables]


async def test_an_unmatched_post_goes_with_everything_of_it(store: Store, clock: HandClock) -> None:
    old = await unmatched(store, clock, "1")
    clock.tick(MONTH_S)
    young = await unmatched(store, clock, "2")
    before = await store.root()
    done = await erasure.apply(store, RULES)
    assert (done.posts, done.observations, done.skipped) == (1, 1, 0)
    assert done.files > 0
    assert not store.blobs.has(old.manifest_sha256)
    assert not store.blobs.has(old.pictures[0].sha256)
    assert store.blobs.has(old.pictures[1].sha256), "the other post has it too"
    with pytest.raises(DatabaseTrouble, match="no evidence"):
        await store.evidence(old.evidence_id)
    assert (await store.evidence(young.evidence_id)).post.text.endswith(" 2")
    assert [f.evidence_id for f in await find(store, contact="13911112222")] == [young.evidence_id]
    assert await counts(store, "observation", "watched", "verdict", "tombstone", "erasing") == [1, 1, 1, 1, 0]
    report = await verify(store)
    assert report.whole, report.broken
    assert report.erased == 1
    assert report.strange == ()
    assert report.tree_size == before[0] + 1


async def test_no_byte_of_it_is_left_in_the_folder(tmp_path: Path, clock: HandClock) -> None:
    async with opened(tmp_path, clock) as store:
        await unmatched(store, clock, "1", text="Xylophon")
        await unmatched(store, clock, "2", text="Zymurgy")
        clock.tick(MONTH_S)
        await unmatched(store, clock, "3", text="Quokka")
        await erasure.apply(store, RULES)
    data = everything(tmp_path)
    assert b"Quokka" in data
    for word in (b"Xylophon", b"Zymurgy", b"bicycle 1"):
        assert word not in data, word
    with closing(sqlite3.connect(tmp_path / "nightjar.db")) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, search, row)")
        words = {row[0] for row in connection.execute("SELECT term FROM words")}
    assert pair("qu") in words
    assert pair("xy") not in words
    assert pair("zy") not in words


def everything(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


def pair(letters: str) -> str:
    return "".join(f"u{ord(c):x}" for c in letters)


async def test_a_matched_post_stays_longer_and_an_item_goes_as_a_whole(
    store: Store, clock: HandClock
) -> None:
    first = await store.seal(look("1", clock.tick()), watched=watched("1", clock.now()))
    await store.record(judgement(first, clock.tick(), Tier.HIGH), announce=())
    clock.tick(MONTH_S)
    assert (await erasure.apply(store, RULES)).posts == 0
    second = await store.seal(
        replace(look("1", clock.tick()), observation=Observation.CHANGED, previous=first.evidence_id)
    )
    await store.record(judgement(second, clock.tick(), Tier.HIGH), announce=())
    clock.tick(340 * 86_400.0)
    assert (await erasure.apply(store, RULES)).posts == 0
    clock.tick(MONTH_S)
    done = await erasure.apply(store, RULES)
    assert (done.posts, done.observations) == (1, 2)
    assert await counts(store, "item", "member", "alert", "delivery", "observation") == [0, 0, 0, 0, 0]
    assert (await verify(store)).erased == 2


async def test_a_hold_and_an_open_case_block_erasure(store: Store, clock: HandClock) -> None:
    kept = await unmatched(store, clock, "1")
    order = Order(act=Act.NEW, number="7", officer="b", title="t", legal_basis="l", why="w")
    await cases.apply(store.vault, order)
    await cases.apply(store.vault, replace(order, act=Act.ADD, evidence=(kept.evidence_id,)))
    await cases.apply(store.vault, replace(order, act=Act.HOLD))
    clock.tick(5_000 * 86_400.0)
    plan = await retention.plan(store.vault.database.path, RULES, clock.now())
    assert (plan.due, plan.blocked, plan.kept[Class.HOLD]) == ((), 1, 1)
    await cases.apply(store.vault, replace(order, act=Act.CLOSE))
    assert (await erasure.apply(store, RULES)).posts == 0, "closed, but still held"
    await cases.apply(store.vault, replace(order, act=Act.RELEASE))
    assert (await erasure.apply(store, RULES)).posts == 0, "the period runs from the closing"
    clock.tick(3_651 * 86_400.0)
    assert (await erasure.apply(store, RULES)).posts == 1
    chosen = await cases.one(store.vault.database, "7")
    assert chosen.evidence == (kept.evidence_id,)
    with pytest.raises(DatabaseTrouble, match="nothing to export"):
        await cases.select(store, ["7"])
    assert (await verify(store)).whole


async def test_what_is_not_judged_or_on_its_way_stays(store: Store, clock: HandClock) -> None:
    await store.seal(look("1", clock.tick()), watched=watched("1", clock.now()))
    loud = await store.seal(look("2", clock.tick()), watched=watched("2", clock.now()))
    await store.record(judgement(loud, clock.tick(), Tier.HIGH), announce=("chat",))
    clock.tick(4_000 * 86_400.0)
    assert (await retention.plan(store.vault.database.path, RULES, clock.now())).due == ()


async def test_without_periods_nothing_is_ever_erased(store: Store, clock: HandClock) -> None:
    await unmatched(store, clock, "1")
    clock.tick(100_000 * 86_400.0)
    assert Rules().idle
    assert (await erasure.apply(store, Rules())).posts == 0


async def test_a_dry_run_says_what_would_go_and_changes_nothing(store: Store, clock: HandClock) -> None:
    await unmatched(store, clock, "1")
    clock.tick(MONTH_S)
    before = await store.root()
    plan = await retention.plan(store.vault.database.path, RULES, clock.now())
    assert plan.counts()[Class.UNMATCHED] == (1, 1)
    assert await store.root() == before


async def test_the_certificate_can_be_checked_and_says_what_went(store: Store, clock: HandClock) -> None:
    kept = await unmatched(store, clock, "1")
    clock.tick(MONTH_S)
    done = await erasure.apply(store, RULES, officer="badge 12")
    (path,) = done.certificates
    file = store.folder / "certificates" / Path(path).name
    signer = keys.Signer.load(store.folder, store.vault.origin)
    text = notes.open_note(file.read_text(), signer.name, signer.public)
    assert text.startswith(f"{certificates.TITLE}\norigin {store.vault.origin}\nentry ")
    assert f"leaves {kept.leaf_index}\n" in text
    assert "posts 1\nobservations 1\n" in text
    assert "rule 30 days\nordered by hand\n" in text
    assert "badge" not in text
    file.unlink()
    again = await erasure.apply(store, RULES)
    assert again.certificates == (path,)
    assert notes.open_note(file.read_text(), signer.name, signer.public) == text


async def test_files_that_a_crash_left_go_with_the_next_run(store: Store, clock: HandClock) -> None:
    kept = await unmatched(store, clock, "1")
    picture = kept.pictures[0].sha256
    data = store.blobs.load(picture)
    clock.tick(MONTH_S)
    await erasure.apply(store, RULES)

    async def job(batch: object) -> None:
        await batch.run("INSERT INTO erasing VALUES (?)", (picture,))  # type: ignore[attr-defined]

    await store.vault.submit(job)
    await store.blobs.keep({picture: data})
    assert await erasure.finish(store) == 1
    assert not store.blobs.has(picture)
    await store.vault.submit(job)
    again = await unmatched(store, clock, "1")  # the same bytes are sealed once more
    assert again.pictures[0].sha256 == picture
    assert await erasure.finish(store) == 0
    assert store.blobs.load(picture) == data
    assert (await verify(store)).whole


async def test_a_look_sealed_meanwhile_keeps_its_post_and_files(store: Store, clock: HandClock) -> None:
    first = await unmatched(store, clock, "1")
    clock.tick(MONTH_S)
    plan = await retention.plan(store.vault.database.path, RULES, clock.now())
    (batch,) = erasure._batches(plan)
    again = await store.seal(
        replace(look("1", clock.tick()), observation=Observation.CHANGED, previous=first.evidence_id)
    )
    done = await erasure._erase(store, batch, RULES, used=set(), scanned=-1, officer="")
    assert (done.posts, done.skipped) == (0, 1)
    assert (await store.evidence(first.evidence_id)).evidence_id == first.evidence_id
    assert store.blobs.has(again.manifest_sha256)
    assert (await verify(store)).whole


async def test_a_post_that_is_held_at_the_last_moment_loses_nothing_to_an_earlier_batch(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_POSTS_AT_ONCE", 1)
    kept = [await unmatched(store, clock, str(n)) for n in range(3)]
    clock.tick(MONTH_S)
    plan = await retention.plan(store.vault.database.path, RULES, clock.now())
    last = next(k for k in kept if key_of("market", k.post.post_id) == plan.due[-1].keys[0])
    new = Order(act=Act.NEW, number="7", officer="b", title="t", legal_basis="l")
    whole_erase = erasure._erase
    begun = 0

    async def held_before_the_last(*args: object, **named: object) -> erasure.Erased:
        nonlocal begun
        begun += 1
        if begun == 3:
            await cases.apply(store.vault, new)
            await cases.apply(store.vault, replace(new, act=Act.ADD, evidence=(last.evidence_id,)))
        return await whole_erase(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(erasure, "_erase", held_before_the_last)
    done = await erasure.apply(store, RULES)
    assert (done.posts, done.skipped) == (2, 1)
    assert store.blobs.has(last.pictures[1].sha256), "the picture that all of them shared"
    assert (await store.evidence(last.evidence_id)).evidence_id == last.evidence_id
    assert (await verify(store)).whole


async def test_what_two_batches_share_goes_with_the_last(
    store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_POSTS_AT_ONCE", 1)
    kept = [await unmatched(store, clock, str(n)) for n in range(3)]
    clock.tick(MONTH_S)
    assert (await erasure.apply(store, RULES)).posts == 3
    assert not store.blobs.has(kept[0].pictures[1].sha256)
    assert await counts(store, "blob", "erasing", "picture", "evidence_picture") == [0, 0, 0, 0]
    assert (await verify(store)).whole


async def test_a_manifest_that_cannot_be_read_stops_everything(store: Store, clock: HandClock) -> None:
    await unmatched(store, clock, "1")
    clock.tick(MONTH_S)
    young = await unmatched(store, clock, "2")
    store.blobs.path(young.manifest_sha256).unlink()
    from storage.errors import DamagedBlob

    before = await store.root()
    with pytest.raises(DamagedBlob, match="nothing is erased"):
        await erasure.apply(store, RULES)
    assert await store.root() == before


@pytest.mark.parametrize(
    "forgery",
    [
        "DELETE FROM observation WHERE seq = 0",
        "DELETE FROM observation WHERE seq = 0; INSERT INTO tombstone SELECT 0, '{id}', 1",
        "DELETE FROM observation WHERE seq = 0; INSERT INTO tombstone SELECT 0, '{id}', {erasure}",
        "DELETE FROM tombstone",
        "UPDATE tombstone SET erasure = erasure - 1",
        "UPDATE sighting SET line = '#0 ' || substr(line, 4) WHERE line LIKE '#%'",
        "UPDATE sighting SET line = '#{erasure} {hash}' WHERE line NOT LIKE '#%'",
    ],
)
async def test_what_was_only_claimed_to_be_erased_is_found(
    store: Store, clock: HandClock, forgery: str
) -> None:
    await store.seal(look("stays", clock.tick()))
    kept = (await store.vault.database.rows("SELECT evidence_id FROM observation"))[0][0]
    await unmatched(store, clock, "1")
    clock.tick(MONTH_S)
    await erasure.apply(store, RULES)
    assert (await verify(store)).whole
    index = (await store.root())[0] - 1
    line = (await store.vault.database.rows("SELECT line FROM sighting WHERE line NOT LIKE '#%'"))[0][0]
    from storage.tree import leaf_hash

    sql = forgery.format(id=kept, erasure=index, hash=leaf_hash(line.encode()).hex())
    with closing(sqlite3.connect(store.vault.database.path)) as connection:
        connection.executescript(sql)
    assert not (await verify(store)).whole


# --- deciding, which is pure ------------------------------------------------------


def post(**facts: object) -> Post:
    named = {
        "key": "a", "item": "", "last_us": micros(DUSK), "last_seq": 1, "looks": 1, "loud": False,
        "busy": False, "held": False, "closed_us": 0,
    }  # fmt: skip
    return Post(**{**named, **facts})  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "x", "y"]), st.integers(0, 500), st.booleans(), st.booleans(), st.booleans()
        )
    ),
    st.integers(0, 500),
)
def test_nothing_held_or_young_is_ever_due(drawn: list[tuple[str, int, bool, bool, bool]], day: int) -> None:
    posts = [
        post(
            key=str(n), item=item, last_us=micros(DUSK + timedelta(days=at)), loud=loud, busy=busy, held=held
        )
        for n, (item, at, loud, busy, held) in enumerate(drawn)
    ]
    now = DUSK + timedelta(days=day)
    plan = retention.decide(posts, RULES, now)
    by_key = {p.key: p for p in posts}
    gone = {key for group in plan.due for key in group.keys}
    for key in gone:
        one = by_key[key]
        assert not one.held
        assert not one.busy
        assert micros(now) - one.last_us > (365 if one.loud or one.item else 30) * 86_400_000_000
    for one in posts:
        if one.item and one.key in gone:
            assert all(other.key in gone for other in posts if other.item == one.item)
    assert len(gone) + sum(plan.kept.values()) == len(posts)


@given(st.sets(st.integers(0, 3_000)))
def test_ranges_are_read_back(indexes: set[int]) -> None:
    text = erased.ranges(indexes)
    assert {n for a, b in erased.spans(text) for n in range(a, b + 1)} == indexes
    assert all(erased.holds(text, n) for n in list(indexes)[:20])
    assert not erased.holds(text, 3_001)


def test_an_entry_that_is_no_erasure_makes_no_certificate() -> None:
    with pytest.raises(ValueError, match="no erasure"):
        certificates.text_of("0" * 32, 1, "a" * 64, json.dumps({"kind": "export"}))
