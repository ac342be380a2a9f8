"""What an alert says, as a card and as an event."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.channel import Card, Manner
from bot.compose import SCHEMA, card, event
from bot.words import LIMIT, units
from storage.duty import Duty, State
from storage.edits import edit as edit_of
from storage.masking import contact, mask
from storage.model import Alert, AlertKind, Change, Edit, Lifetime, Observation, Reason, Tier
from tests.fakes import words

HOSTILE = st.text(max_size=3_000)


def test_the_first_line_stands_alone_on_a_lock_screen() -> None:
    alert = words.alert(evidence=words.evidence(words.post(price="¥3,800")))
    made = card(alert)
    assert made.text.startswith(made.headline + "\n")
    assert made.headline == "HIGH 81 rhino horn XJ ¥3,800 [market]"


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_any_seller_text_fits_the_card(title: str, text: str, seller: str, price: str) -> None:
    post = words.post(title=title, text=text, seller=seller, price=price, location=title)
    reasons = tuple(Reason(kind="term", what=text[:50], weight=0.5, span=title[:30]) for _ in range(9))
    verdict = words.verdict(reasons=reasons, contacts=(text,))
    alert = words.alert(evidence=words.evidence(post), verdict=verdict)
    made = card(alert)
    assert units(made.text) <= LIMIT
    assert all(s.offset + s.length <= units(made.text) for s in made.spans)
    assert json.loads(json.dumps(event(alert)))["facts"]["title"] == mask(title, (text,))


def test_a_deleted_post_is_told_as_an_interval_with_its_proof() -> None:
    life = Lifetime(
        last_seen_at=words.NIGHT,
        first_missing_at=words.NIGHT + timedelta(seconds=60),
        confirmations=4,
        missing_class="404",
        control="http://127.0.0.1/other",
    )
    alert = words.alert(kind=AlertKind.DELETED, revises="a" * 32, lifetime=life)
    assert "DELETED between 03-01 22:30:00Z and 03-01 22:31:00Z (404, 4 looks)" in card(alert).text
    assert event(alert)["lifetime"] == {
        "last_seen_at": "2026-03-01T22:30:00+00:00",
        "first_missing_at": "2026-03-01T22:31:00+00:00",
        "confirmations": 4,
        "missing_class": "404",
        "control": "http://127.0.0.1/other",
    }


def test_a_deleted_post_says_how_long_it_was_up() -> None:
    begun, life = words.NIGHT, Lifetime(last_seen_at=words.NIGHT, first_missing_at=words.NIGHT)
    begun -= timedelta(hours=2, minutes=13, seconds=40)
    gone = words.alert(kind=AlertKind.DELETED, revises="a" * 32, lifetime=life)
    assert gone.evidence is not None
    dated = replace(gone.evidence, post=replace(gone.evidence.post, posted_at=begun))
    plain = replace(gone.evidence, post=replace(gone.evidence.post, posted_at=None))
    later = begun + timedelta(hours=1)
    shown = card(replace(gone, evidence=dated, first_at=later)).text
    assert shown.endswith("looks) · up 2 h 13 m")
    assert "· up 1 h 13 m or longer" in card(replace(gone, evidence=plain, first_at=later)).text
    assert "· up" not in card(replace(gone, evidence=plain, first_at=None)).text
    # A site that dates its post after we had it is not believed.
    odd = replace(gone.evidence, post=replace(gone.evidence.post, posted_at=words.NIGHT))
    assert "· up 1 h 13 m or longer" in card(replace(gone, evidence=odd, first_at=later)).text


def test_a_post_that_was_up_for_a_minute_or_less_is_told_in_what_it_has() -> None:
    life = Lifetime(last_seen_at=words.NIGHT, first_missing_at=words.NIGHT)
    gone = words.alert(kind=AlertKind.DELETED, revises="a" * 32, lifetime=life)
    spans = {1: "1 s", 48: "48 s", 60: "1 m", 59 * 60 + 59: "59 m", 3_600: "1 h 0 m"}
    for seconds, span in spans.items():
        first = words.NIGHT - timedelta(seconds=seconds)
        assert card(replace(gone, first_at=first)).text.endswith(f" · up {span} or longer")
    assert "· up" not in card(replace(gone, first_at=words.NIGHT)).text


def changed(*changes: Change, **more: Any) -> Alert:
    edit = Edit(previous="e0", changes=changes)
    look = words.evidence(observation=Observation.CHANGED, previous="e0")
    return words.alert(
        **({"kind": AlertKind.CHANGED, "revises": "a" * 32, "evidence": look, "edit": edit} | more)
    )


def test_a_card_of_an_edit_says_first_what_changed() -> None:
    price = Change(what="price", before="9,000", after="8,000", ends=(5, 5))
    alert = changed(
        price,
        Change(what="pictures", counts=(("added", 1), ("removed", 2))),
        Change(what="text", after="call now"),
        Change(what="seller", before="jade", after="jade_2"),
        Change(what="place", before="Hue"),
    )
    shown = card(alert)
    lines = shown.text.split("\n")
    assert lines[0] == "HIGH 81 CHANGED (price, pictures, text) rhino horn XJ [market]"
    assert lines[1:4] == [
        "changed price: 9,000 → 8,000",
        "changed pictures: 1 added, 2 removed",
        "changed text added: call now · also seller, place",
    ]
    data = shown.text.encode("utf-16-le")
    code = [
        data[s.offset * 2 : (s.offset + s.length) * 2].decode("utf-16-le")
        for s in shown.spans
        if s.kind == "code"
    ]
    assert {"9,000", "8,000", "call now"} <= set(code)
    told = event(alert)["changes"]
    assert told[0] == {"field": "price", "before": "9,000", "after": "8,000", "counts": None}  # type: ignore[index]
    assert told[1]["counts"] == {"added": 1, "removed": 2}  # type: ignore[index]
    assert event(words.alert())["changes"] is None


def test_a_card_of_an_edit_never_claims_what_is_not_known() -> None:
    assert "changed: what it said before is no longer kept" in card(changed(edit=None)).text
    assert "changed: nothing in title, price" in card(changed()).text
    assert "changed" not in card(words.alert()).text


def test_an_edit_that_is_louder_says_what_changed_too() -> None:
    alert = changed(Change(what="price", before="1", after="2"), kind=AlertKind.NEW, revises="")
    assert "\nchanged price: 1 → 2\n" in card(alert).text


def test_an_edit_shows_no_contact() -> None:
    text = "ask jade_lady88, tel 13800138000 " * 20
    verdict = words.verdict(contacts=("wechat:jade_lady88",))
    alert = changed(Change(what="text", before=text, after=text[3:], ends=(9, 6)), verdict=verdict)
    for shown in (card(alert).text, json.dumps(event(alert), ensure_ascii=False)):
        assert "jade_lady88" not in shown
        assert "13800138000" not in shown


@given(HOSTILE, HOSTILE, HOSTILE)
def test_any_edit_fits_the_card_and_leaves_room_for_the_evidence(old: str, new: str, title: str) -> None:
    names = ("title", "price", "text", "seller", "seller's page", "place")
    before, after = words.post(title=old, price=old), words.post(title=new, price=new)
    made = edit_of(words.evidence(before), words.evidence(after))
    changes = (*made.changes, *(Change(what=name, before=old, after=new) for name in names))
    look = words.evidence(words.post(title=title, text=title), observation=Observation.CHANGED)
    alert = changed(*changes, evidence=look)
    shown = card(alert)
    assert units(shown.text) <= LIMIT
    assert all(s.offset + s.length <= units(shown.text) for s in shown.spans)
    assert look.evidence_id in shown.text
    assert shown.text.endswith("status: CHANGED")
    assert shown.text[: shown.text.index("offer: ")].count("\n") <= 4
    json.dumps(event(alert))


def test_facts_and_inference_are_kept_apart() -> None:
    told = event(words.alert())
    assert told["schema"] == SCHEMA
    assert "score" not in told["facts"]  # type: ignore[operator]
    assert told["inference"]["score"] == 81  # type: ignore[index]
    assert "why (inference):" in card(words.alert()).text


def test_contacts_are_masked_in_cards_and_events() -> None:
    alert = words.alert(verdict=words.verdict(contacts=("wechat:13800138000",)))
    assert "13800138000" not in card(alert).text
    assert "13800138000" not in json.dumps(event(alert)["inference"])


def test_no_text_of_a_card_or_an_event_shows_a_contact() -> None:
    alert = words.alert(verdict=words.verdict(contacts=("wechat:jade_lady88",)))
    assert alert.evidence is not None
    told = "ask jade_lady88, 电话1️⃣3️⃣8️⃣0️⃣0️⃣1️⃣3️⃣8️⃣0️⃣0️⃣0️⃣"
    post = replace(
        alert.evidence.post, title=told, text=told, seller=told, price=told, location=told, posted_raw=told
    )
    alert = replace(alert, evidence=replace(alert.evidence, post=post, absences=(told,)))
    for shown in (card(alert).text, json.dumps(event(alert), ensure_ascii=False)):
        assert "jade_lady88" not in shown
        assert "8️⃣0️⃣0️⃣1️⃣" not in shown


def test_cards_and_screens_star_a_contact_alike() -> None:
    alert = words.alert(verdict=words.verdict(contacts=("wechat:13800138000",)))
    assert contact("wechat:13800138000") == "wechat:13*******00"
    assert contact("wechat:13800138000") in card(alert).text
    assert event(alert)["inference"]["contacts"] == ["wechat:13*******00"]  # type: ignore[index]


def test_an_alert_names_its_place_and_root_in_the_log() -> None:
    alert = replace(words.alert(), log_size=9, log_root="5dc9da79a70659a9" * 4)
    index = alert.evidence.leaf_index if alert.evidence else -1
    assert f"\nlog #{index}, root 5dc9da79a706 of 9\n" in card(alert).text
    assert event(alert)["log"] == {"index": index, "size": 9, "root": "5dc9da79a70659a9" * 4}
    assert "root" not in card(words.alert()).text
    assert event(words.alert())["log"] is None


def test_a_possible_repeat_says_so() -> None:
    assert "possible repeat" in card(words.alert(), repeat=True).text
    assert "possible repeat" not in card(words.alert()).text


def test_a_notice_needs_no_evidence() -> None:
    bare = replace(words.alert(), kind=AlertKind.NOTICE, evidence=None, verdict=None)
    alert = replace(bare, notice="disk \x1b[31mfull")
    assert card(alert).text == "NIGHTJAR disk [31mfull"
    assert card(replace(alert, tier=Tier.URGENT)).headline


HOSTILE_TITLE = (
    "call https://evil.example/x t.me/evil evil.example @evilbot /start #horn $BTC a@mail.example "
    "tg://user?id=1 +86 139 1234 5678"
)


def _bare(made: Card) -> str:
    """The words of a card that stand outside of `code`."""
    raw = made.text.encode("utf-16-le")
    for span in made.spans:
        if span.kind == "code":
            begin, end = span.offset * 2, (span.offset + span.length) * 2
            raw = raw[:begin] + "\0".encode("utf-16-le") * span.length + raw[end:]
    return raw.decode("utf-16-le").replace("\0", "")


def _notice(words_: str) -> Alert:
    return words.alert(kind=AlertKind.NOTICE, notice=words_, evidence=None, verdict=None, item=None)


def test_nothing_that_a_stranger_wrote_can_be_tapped_in_a_notice() -> None:
    said = f"urgent alert 01a225336b22 is taken by nobody after 3 minutes: {HOSTILE_TITLE} [market]"
    made = card(_notice(said))
    assert made.text == f"NIGHTJAR {said}"
    assert not set(_bare(made)) & set("@/#$.+"), _bare(made)
    assert "is taken by nobody after 3 minutes: call" in _bare(made)


def test_a_reason_of_the_disk_on_a_card_cannot_be_tapped() -> None:
    lost = words.evidence(leaf_index=-1)
    made = card(words.alert(evidence=lost, notice=HOSTILE_TITLE))
    assert "evil.example" in made.text
    assert "evil" not in _bare(made)


def test_the_first_line_names_each_thing_once_and_what_was_concluded_not_as_a_quotation() -> None:
    reasons = (
        Reason(kind="term", what="Rhino horn: rhino horn", weight=3.9, span="Rhino horn"),
        Reason(kind="term", what="犀角: rhino horn", weight=0.6, span="犀角"),
        Reason(kind="picture", what="same picture as gallery picture k", weight=5.0),
    )
    made = card(words.alert(verdict=words.verdict(reasons=reasons)))
    assert made.headline == "HIGH 81 rhino horn 犀角 known picture [market]"
    assert "known picture" in _bare(made)
    assert "犀角" not in _bare(made).splitlines()[0]


def test_reasons_that_weigh_nothing_come_after_those_that_do() -> None:
    idle = tuple(Reason(kind="term", what=f"idle {n}", weight=0.0, span="x") for n in range(5))
    heavy = Reason(kind="contact", what="wechat", weight=1.3)
    made = card(words.alert(verdict=words.verdict(reasons=(*idle, heavy))))
    assert "why (inference): wechat (+1.30) | idle 0 (+0.00)" in made.text


def test_one_of_a_thing_is_not_told_as_several() -> None:
    life = Lifetime(
        last_seen_at=words.NIGHT,
        first_missing_at=words.NIGHT + timedelta(seconds=60),
        confirmations=1,
        missing_class="404",
        control="",
    )
    duty = Duty(alert_id="a" * 32, version=1, level=1, state=State.ESCALATED)
    made = card(words.alert(kind=AlertKind.DELETED, revises="a" * 32, lifetime=life, duty=duty)).text
    assert "(404, 1 look)" in made
    assert "nobody has taken it; passed on once" in made


def test_the_leaf_is_said_in_the_language_of_the_reader() -> None:
    assert "leaf 7" in card(words.alert()).text
    assert "leaf" not in card(words.alert(), manner=Manner(language="zh-Hans")).text


def test_the_card_of_a_post_that_is_gone_does_not_say_that_its_pictures_are() -> None:
    gone = words.evidence(observation=Observation.MISSING, pictures=(), page_sha256="")
    alert = words.alert(kind=AlertKind.DELETED, revises="a" * 32, evidence=gone)
    assert "picture" not in card(alert).text


def test_what_speaks_most_against_is_among_the_reasons_of_every_card() -> None:
    for_it = tuple(Reason(kind="term", what=f"word {n}", weight=0.5 + n, span=f"w{n}") for n in range(6))
    weak = Reason(kind="context", what="speaks of age", weight=-0.2)
    strong = Reason(kind="context", what="speaks of permits or legality", weight=-0.7)
    verdict = words.verdict(reasons=(*for_it, weak, strong))
    for made in (card(words.alert(verdict=verdict)), card(changed(verdict=verdict))):
        assert "speaks of permits or legality (-0.70)" in made.text
    assert "4 more" not in card(words.alert(verdict=verdict)).text
    assert "3 more" in card(words.alert(verdict=verdict)).text
    chinese = card(words.alert(verdict=verdict), manner=Manner(language="zh-Hans")).text
    assert "提到许可证或合法性 (-0.70)" in chinese
    alone = words.verdict(reasons=for_it)
    assert "word 4" in card(words.alert(verdict=alone)).text


def test_a_picture_that_is_only_alike_is_not_called_known() -> None:
    alike = Reason(
        kind="picture",
        what="resembles evidence 01",
        weight=2.2,
        detail="54 of 256 bits differ; review: same scene perhaps",
    )
    same = Reason(
        kind="picture", what="same picture as evidence 02", weight=0.5, detail="3 of 256 bits differ"
    )
    unsure = words.alert(verdict=words.verdict(reasons=(alike,)))
    assert card(unsure).headline == "HIGH 81 rhino horn similar picture, please compare [market]"
    assert "相似图片，请比对" in card(unsure, manner=Manner(language="zh-Hans")).headline
    both = card(words.alert(verdict=words.verdict(reasons=(alike, same)))).headline
    assert both == "HIGH 81 rhino horn known picture [market]"
