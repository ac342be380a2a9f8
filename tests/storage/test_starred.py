"""No text of a case file, a hit or a package shows a contact that judging found in any look at the post."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench._looks import judgement, look, watched
from storage import checkpoints
from storage.casefile import export, find, show
from storage.codec import dump
from storage.model import EvidenceId, Observation, Presence, Reason, Sighting, Tier
from storage.starred import starred_case, starred_found
from storage.store import Store
from tests.storage.kit import HandClock

PHONE, HANDLE, KEYCAPS = "13812345678", "ivoryking88", "1️⃣3️⃣8️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣"
WORDS = f"call {PHONE}, 电话{KEYCAPS}, ask {HANDLE}"
LABEL = "wording for insiders"


async def two_looks(store: Store, clock: HandClock) -> tuple[EvidenceId, EvidenceId]:
    """A post with contacts in every text, judged, and then its missing look, which is not judged."""
    at = clock.tick()
    seen = look("1", at)
    picture = replace(seen.post.pictures[0], alt=WORDS)
    post = replace(seen.post, title=WORDS, text=WORDS, seller=HANDLE, seller_url=f"https://e.org/u/{HANDLE}")
    post = replace(post, price=WORDS, location=WORDS, posted_raw=f"2026-11-21 22:59 by {PHONE}")
    post = replace(post, extra=((f"tel {PHONE}", WORDS),), pictures=(picture,))
    seen = replace(seen, post=post, absences=(f"page: answered 410 {WORDS}",))
    first = await store.seal(seen, watched=watched("1", at))
    judged = judgement(first, clock.tick(), Tier.HIGH)
    reason = Reason(kind="cue", what=LABEL, weight=1.0, span=WORDS, detail=HANDLE)
    contacts = (f"phone:+86{PHONE}", f"wechat:{HANDLE}")
    await store.record(
        replace(judged, verdict=replace(judged.verdict, contacts=contacts, reasons=(reason,))), announce=()
    )
    gone = replace(seen, observation=Observation.MISSING, previous=first.evidence_id, page=None, pictures=())
    last = await store.seal(replace(gone, captured_at=clock.tick()))
    sighting = Sighting(
        target="market",
        post_id="1",
        looked_at=clock.tick(),
        presence=Presence.UNKNOWN,
        why=WORDS,
        control=WORDS,
    )
    await store.add_sightings([sighting])
    await checkpoints.sign(store, "test")
    return first.evidence_id, last.evidence_id


def shown_in(text: str) -> list[str]:
    return [contact for contact in (PHONE, HANDLE, KEYCAPS[3:24]) if contact in text]


async def test_every_look_at_a_post_is_starred_with_what_any_of_them_told(
    store: Store, clock: HandClock
) -> None:
    for evidence_id in await two_looks(store, clock):
        case = replace(starred_case(await show(store, evidence_id)), manifest="")
        assert shown_in(dump(case)) == []
    assert "2026-11-21 22:59" in case.evidence.post.posted_raw


async def test_our_own_words_stay_in_a_starred_verdict(store: Store, clock: HandClock) -> None:
    first, _ = await two_looks(store, clock)
    case = starred_case(await show(store, first))
    assert case.verdict is not None
    assert [reason.what for reason in case.verdict.reasons] == [LABEL]


async def test_every_hit_is_starred_with_what_any_look_told(store: Store, clock: HandClock) -> None:
    await two_looks(store, clock)
    found = await find(store, target="market")
    assert len(found) == 2
    assert [shown_in(dump(starred_found(one))) for one in found] == [[], []]


async def test_a_package_shows_contacts_in_originals_and_manifests_only(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    looks = await two_looks(store, clock)
    for evidence in ([*looks], [looks[1]]):
        out = tmp_path / str(len(evidence))
        await export(store, evidence, out)
        telling = {p.name for p in out.rglob("*") if p.is_file() and shown_in(p.read_text(errors="replace"))}
        assert telling == {"manifest.json"}
        assert LABEL in (out / "data/report/report.html").read_text() or len(evidence) == 1
