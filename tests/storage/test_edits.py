"""What an edit changed is told in a few words, and shows no contact that is starred elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bench._looks import judgement, look
from storage.casefile import export, show
from storage.edits import MOST_SHOWN, edit, shortened, told
from storage.model import AlertKind, Observation, Picture, PictureRef, Post, Tier, sha256_of
from storage.starred import starred_alert, starred_case, starred_edit
from storage.store import Store
from tests.fakes import words
from tests.storage.kit import HandClock

PHONES = ("13812345678", "13898765478")
"""Starred, they are the same."""


def told_of(before: Post, after: Post, most: int = 60, **more: object) -> list[str]:
    first, second = words.evidence(before, pictures=()), words.evidence(after, pictures=())
    return [told(change, most) for change in edit(replace(first, **more), second).changes]  # type: ignore[arg-type]


def test_each_field_that_differs_is_named_with_old_and_new() -> None:
    before = words.post(price="9,000", text="horn", seller="lao_wang", location="Hanoi")
    after = words.post(title="XJ", price="8,000", text="jelly", seller="jade", location="Hue")
    assert told_of(before, replace(after, seller_url="https://e.org/u/7")) == [
        "title: XJ for sale → XJ",
        "price: 9,000 → 8,000",
        "text: horn → jelly",
        "seller: lao_wang → jade",
        "seller's page added: https://e.org/u/7",
        "place: Hanoi → Hue",
    ]
    assert told_of(before, before) == []
    assert told_of(before, replace(before, price="")) == [
        "price removed: 9,000",
    ]


def test_white_space_and_what_changes_by_itself_are_no_change() -> None:
    before = words.post(text="old  bicycle\n", posted_raw="3 minutes ago", extra=(("views", "7"),))
    after = words.post(text="old bicycle", posted_raw="4 minutes ago", extra=(("views", "8"),))
    assert told_of(before, after) == []


def test_of_a_long_text_the_words_around_the_difference_are_shown() -> None:
    filler = "the quick brown fox jumps over the lazy dog. " * 40
    before, after = (
        words.post(text=f"{filler}three horns{filler}"),
        words.post(text=f"{filler}two horns{filler}"),
    )
    (line,) = told_of(before, after, 40)
    assert "three horns" in line
    assert "two horns" in line
    assert len(line) <= len("text:  → ") + 80
    assert line.count("…") == 4


def test_an_appended_end_is_shown() -> None:
    filler = "word " * 60
    (line,) = told_of(words.post(text=filler), words.post(text=f"{filler} SOLD"), 40)
    assert line.endswith("SOLD")


TEXT = st.text(max_size=600)


@given(TEXT, TEXT, TEXT, TEXT, st.integers(8, 400))
def test_any_edit_is_shown_within_its_bounds(head: str, old: str, new: str, tail: str, most: int) -> None:
    before, after = words.post(text=head + old + tail), words.post(text=head + new + tail)
    for change in edit(words.evidence(before), words.evidence(after)).changes:
        shown = shortened(change, most)
        assert max(map(len, shown)) <= min(most, MOST_SHOWN)
        assert shown[0] != shown[1]


def pictures(*named: tuple[str, bytes | None]) -> dict[str, object]:
    """The post that names these addresses, and what of them was had."""
    refs = tuple(PictureRef(url=f"https://e.org/{url}") for url, _ in named)
    had = tuple(
        Picture(sha256=sha256_of(body), url=f"https://e.org/{url}") for url, body in named if body is not None
    )
    return {"post": words.post(pictures=refs), "pictures": had}


def counted(before: dict[str, object], after: dict[str, object]) -> list[str]:
    found = edit(replace(words.evidence(), **before), replace(words.evidence(), **after))  # type: ignore[arg-type]
    return [told(change, 60) for change in found.changes]


def test_pictures_are_counted_by_what_the_site_names_and_what_was_had() -> None:
    before = pictures(("1", b"one"), ("2", b"two"), ("3", None), ("4", b"four"))
    after = pictures(("1", b"other"), ("3", b"three"), ("4", None), ("5", b"five"), ("6", b"six"))
    assert counted(before, after) == [
        "pictures: 2 added, 1 removed, 1 with other bytes, 1 had only now, 1 not had this time"
    ]


def test_the_same_picture_at_another_address_is_no_change() -> None:
    assert counted(pictures(("1?token=a", b"one")), pictures(("1?token=b", b"one"))) == []


def test_a_look_that_found_nothing_makes_no_picture_new() -> None:
    gone = {"observation": Observation.MISSING, "pictures": ()}
    assert told_of(words.post(), words.post(pictures=(PictureRef(url="https://e.org/1"),)), **gone) == []


def test_a_contact_is_starred_in_old_and_new_though_the_text_is_cut() -> None:
    for shift in range(60):  # wherever the cut falls
        filler = "x " * shift
        old, new = (f"{filler}horn, tel {phone} WeChat ivoryking88 {'z ' * 200}" for phone in PHONES)
        found = edit(words.evidence(words.post(text=old)), words.evidence(words.post(text=new)))
        (change,) = starred_edit(found, ("wechat:ivoryking88",)).changes
        for most in range(8, 80, 3):
            line = told(change, most)
            assert not [p for p in (*PHONES, "ivoryking88", PHONES[0][3:9], PHONES[1][3:9]) if p in line]


def test_a_difference_that_the_stars_hide_is_said() -> None:
    old, new = (words.evidence(words.post(text=f"tel {phone}")) for phone in PHONES)
    (change,) = starred_edit(edit(old, new), ()).changes
    assert told(change, 60) == "text: differs where it is starred: tel 13*******78"


async def edited(store: Store, clock: HandClock) -> tuple[str, str]:
    """A post whose first look named an account that only judging knows, and its edit, judged."""
    snapshot = look("1", clock.tick(), pictures=0)
    post = replace(snapshot.post, text="ask greenriver about it", price="9,000")
    first = await store.seal(replace(snapshot, post=post))
    judged = judgement(first, clock.tick(), Tier.HIGH)
    verdict = replace(judged.verdict, contacts=("account:greenriver",))
    await store.record(replace(judged, verdict=verdict), announce=("duty",))
    later = look("1", clock.tick(), pictures=0, observation=Observation.CHANGED, previous=first.evidence_id)
    second = await store.seal(replace(later, post=replace(post, text="ask about it", price="8,000")))
    judged = judgement(second, clock.tick(), Tier.HIGH)
    verdict = replace(judged.verdict, contacts=())
    await store.record(replace(judged, verdict=verdict), announce=("duty",))
    return first.evidence_id, second.evidence_id


async def test_the_alert_of_an_edit_carries_what_changed_and_the_contacts_of_before(
    store: Store, clock: HandClock
) -> None:
    first, _ = await edited(store, clock)
    alerts = [d.alert for d in await store.deliveries_due("duty", clock.tick(), 9)]
    assert [a.kind for a in alerts] == [AlertKind.NEW]
    await store.mark_delivered(1, clock.tick(), "r")
    (alert,) = [d.alert for d in await store.deliveries_due("duty", clock.tick(), 9)]
    assert alert.kind is AlertKind.CHANGED
    assert alert.edit is not None
    assert alert.edit.previous == first
    shown = starred_alert(alert).edit
    assert shown is not None
    assert [told(c, 60) for c in shown.changes] == [
        "price: 9,000 → 8,000",
        "text: ask gr******er about it → ask about it",
    ]


async def test_an_edit_whose_look_before_is_not_kept_claims_nothing(store: Store, clock: HandClock) -> None:
    alone = look("1", clock.tick(), pictures=0, observation=Observation.CHANGED, previous="f" * 32)
    evidence = await store.seal(alone)
    alert = await store.record(judgement(evidence, clock.tick(), Tier.HIGH), announce=())
    assert alert is not None
    assert alert.edit is None
    assert (await show(store, evidence.evidence_id)).edit is None


async def test_a_case_file_and_the_report_say_what_changed(
    store: Store, clock: HandClock, tmp_path: Path
) -> None:
    first, second = await edited(store, clock)
    assert (await show(store, first)).edit is None
    case = starred_case(await show(store, second))
    assert case.edit is not None
    assert "text: ask gr******er about it → ask about it" in [told(c, 60) for c in case.edit.changes]
    await export(store, [first, second], tmp_path / "package")
    page = (tmp_path / "package/data/report/report.html").read_text()
    assert "变更前" in page
    assert "ask gr******er about it</bdi></td><td><bdi>ask about it" in page
