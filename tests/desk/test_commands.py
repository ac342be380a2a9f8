"""Commands: what each answers, to whom, in which language, and what it leaves in the log."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from PIL import Image

from bot.desk.asking import lasting, split_command
from bot.desk.desk import COMMANDS
from nightmarket.messenger import Fault
from storage import cases, mutes
from storage.cases import Order as CaseOrder
from storage.model import EvidenceId, PictureMatch, Tier, sha256_of
from tests.desk.kit import CHEN, LI, STRANGER, SUN, WANG, ZHAO, Work, at_work, user
from tests.storage.test_duty import alerted


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(file, "JPEG")
    return file.getvalue()


async def text_of(work: Work, words: str, who: object = LI, **more: object) -> str:
    found = await work.say(words, who, **more)  # type: ignore[arg-type]
    assert len(found) == 1, [m.text for m in found]
    return found[0].text


def test_status_says_how_the_watch_is(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        told = await text_of(work, "/status")
        assert "The watch is well" in told
        assert "1 target: 1 ok" in told
        assert "log of " in told
        assert "监视正常" in await text_of(work, "/status", WANG)

    at_work(tmp_path, script)


def test_tonight_counts_and_names_what_nobody_has_taken(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        _, card = await work.card()
        await alerted(work.store, 2, Tier.HIGH)
        await work.press(card, LI, "Acknowledge")
        told = await text_of(work, "/tonight")
        assert "alerts: 1 urgent, 1 high" in told
        assert "1 acknowledged" in told
        assert "1 new" in told
        assert "2 posts captured, 0 vanished" in told
        assert told.count("HIGH") == 1
        assert "URGENT" not in told

    at_work(tmp_path, script)


def test_find_by_words_number_and_address_stars_contacts_for_who_may_not_see_them(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert = await alerted(work.store, 1, Tier.HIGH, text="rhino horn, tel 13800138000")
        assert alert.evidence is not None
        short = alert.evidence.evidence_id[:12]
        for words in ("rhino", "138-0013-8000", "http://127.0.0.1/p1"):
            if words.startswith("http"):
                sql = "SELECT count(*) FROM watched WHERE url = ?"
                assert (await work.store.vault.database.rows(sql, (words,)))[0][0] == 1
            assert short in await text_of(work, f"/find {words}"), words
        assert await text_of(work, "/find zebra") == "Nothing was found."
        views = "SELECT record FROM record WHERE kind = 'view' ORDER BY leaf"
        facts = [json.loads(r[0])["facts"] for r in await work.store.vault.database.rows(views)]
        assert [f["what"] for f in facts][:2] == ["find rhino", "find 138-0013-8000"]
        assert {f["officer"] for f in facts} == {"Li"}

    at_work(tmp_path, script)


def test_contacts_are_full_for_role_and_place_alone(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert = await alerted(work.store, 1, Tier.HIGH, title="horn", seller="tel 13800138000")
        assert alert.evidence is not None
        words = f"/case {alert.evidence.evidence_id[:10]}"
        assert "13800138000" not in await text_of(work, words, LI)
        assert "13800138000" in await text_of(work, words, WANG)
        assert "13800138000" not in await text_of(work, words, WANG, chat=work.group)
        views = "SELECT record FROM record WHERE kind = 'view' ORDER BY leaf"
        facts = [json.loads(r[0])["facts"] for r in await work.store.vault.database.rows(views)]
        assert [(f["officer"], f["unmasked"]) for f in facts] == [
            ("Li", "no"),
            ("Wang", "yes"),
            ("Wang", "no"),
        ]

    at_work(tmp_path, script)


def test_a_picture_sent_to_the_bot_is_looked_up_with_its_distance(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert = await alerted(work.store, 1, Tier.HIGH)
        assert alert.evidence is not None
        known = alert.evidence.evidence_id
        match = PictureMatch(
            sha256=sha256_of(b"a"), known=known, known_sha256=sha256_of(b"b"), distance_bits=4
        )
        gallery = PictureMatch(
            sha256=sha256_of(b"a"),
            known="gallery:horn.jpg",
            known_sha256=sha256_of(b"c"),
            distance_bits=2,
            label="horn",
        )
        work.near = (match, gallery)
        for words in ("", "/find"):
            told = await text_of(work, words, picture=jpeg())
            assert "4 of 64 bits differ" in told
            assert known[:12] in told
            assert told.index("2 of 64") < told.index("4 of 64")
        kept = work.service.keep_picture(jpeg())
        file = {"file_id": kept.file_id, "file_unique_id": "u", "mime_type": "image/png"}
        sent = {"message_id": 77, "date": 5, "chat": work.own(LI).shown(), "from": user(LI).shown()}
        work.service.updates.add("message", sent | {"document": file})  # as a file, not recompressed
        await work.soon()
        assert "4 of 64 bits differ" in work.own(LI).seen()[-1].text
        work.near = ()
        assert "No kept picture" in await text_of(work, "", picture=jpeg())
        assert await work.say("", LI, work.group, picture=jpeg()) == []  # in a group only when asked for

    at_work(tmp_path, script)


def test_a_case_is_shown_by_its_number(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert = await alerted(work.store, 1, Tier.HIGH)
        assert alert.evidence is not None
        new = CaseOrder(act=cases.Act.NEW, number="7/26", officer="Li", title="horns", legal_basis="s. 9")
        await cases.apply(work.store.vault, new)
        add = CaseOrder(
            act=cases.Act.ADD, number="7/26", officer="Li", evidence=(alert.evidence.evidence_id,)
        )
        await cases.apply(work.store.vault, add)
        told = await text_of(work, "/case 7/26")
        assert "Case 7/26 horns" in told
        assert EvidenceId(alert.evidence.evidence_id) in told
        assert await text_of(work, "/case nothing") == "There is no such evidence."

    at_work(tmp_path, script)


def test_evidence_goes_to_the_officer_alone_as_a_package_that_is_logged(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert = await alerted(work.store, 1, Tier.HIGH)
        assert alert.evidence is not None
        found = await work.say(f"/evidence {alert.evidence.evidence_id[:10]}", WANG, work.group)
        told = {message.chat_id: message for message in found}
        assert set(told) == {WANG.telegram, work.group.chat_id}
        assert told[WANG.telegram].upload is not None
        assert told[work.group.chat_id].upload is None
        assert told[work.group.chat_id].text in ("Sent to you in private.", "已私下发给您。")
        leaves = await work.store.vault.database.rows("SELECT count(*) FROM leaf WHERE kind = 'export'")
        assert leaves[0][0] == 1

    at_work(tmp_path, script)


def test_a_tip_is_captured_at_once_and_answered_to_who_gave_it(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        before = work.clock.now()
        told = await text_of(work, "/report https://market.example/9")
        assert "Captured" in told
        assert (work.clock.now() - before).total_seconds() <= 10
        assert "could not be captured: the site" in await text_of(work, "/report https://refused.example/")
        assert "Which page?" in await text_of(work, "/report javascript:alert(1)")
        for url in ("https://market.example/9?session_id=4", "https://me:secret@market.example/9"):
            told = await text_of(work, f"/report {url}")
            assert "holds a log-in, a key or a session" in told
            assert "secret" not in told
        assert len(work.captures) == 2

    at_work(tmp_path, script)


def test_a_target_is_added_only_with_by_whose_right(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert "By whose right?" in await text_of(work, "/watch https://m.example/list", ZHAO)
        for words, lacking in (
            ("https://m.example/list", "legal basis, authorised by, review date"),
            ("https://m.example/list; todo; x; soon", "legal basis, review date"),
            ("https://m.example/list; Act; order 114; 31.12.2027", "review date"),
            ("m.example/list; Act; order 114; 2027-06-30", "address (http:// or https://, without a log-in)"),
        ):
            told = await text_of(work, f"/watch {words}", ZHAO)
            assert told.splitlines()[-1] == f"lacking or not understood: {lacking}"
        assert work.added == []
        words = "/watch https://m.example/list; Wildlife Act s. 9; Unit 7, order 114; 2027-06-30"
        assert "Your role may not" in await text_of(work, words, LI)
        assert "market-2 was added" in await text_of(work, words, ZHAO)
        assert work.added[0].review_after == date(2027, 6, 30)
        assert work.added[0].authorised_by == "Unit 7, order 114"

    at_work(tmp_path, script)


def test_mutes_need_reason_and_end_and_a_second_person_when_long(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert "/mute seller NAME @ TARGET" in await text_of(work, "/mute everything")
        assert "a mute needs a reason" in await text_of(work, "/mute term xj 12h")
        for words in ("target markt", "seller jade lady @ markt"):  # it would hold nothing back
            assert await text_of(work, f"/mute {words} 3h why") == "There is no target markt."
        assert "number 1" in await text_of(work, "/mute seller jade lady @ market 12h antique shop")
        assert "a second one agrees" in await text_of(work, "/mute target market 3d fair week")
        assert "role" in await text_of(work, "/mute agree 2", CHEN)
        assert "Agreed" in await text_of(work, "/mute agree 2", ZHAO)
        told = await text_of(work, "/mutes")
        assert "Mutes: 2" in told
        assert "antique shop" in told
        assert await text_of(work, "/mute lift 1") == "Lifted."
        found = await mutes.listed(work.store.vault.database, work.clock.now())
        assert [(m.kind, m.value, m.second) for m in found] == [("target", "market", "Zhao")]
        assert [f["act"] for f in await work.actions()] == [
            "mute", "mute", "command mute", "agree to mute", "lift mute",
        ]  # fmt: skip

    at_work(tmp_path, script)


def test_whoever_asks_a_command_for_more_than_he_may_stands_in_the_log(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        await text_of(work, "/mute target market 3d fair week", ZHAO)
        for words, who in (
            ("/watch https://m.example/list; Wildlife Act; order 114; 2027-06-30", LI),
            ("/mute agree 1", CHEN),
            ("/mute agree 1", ZHAO),
            ("/oncall swap Wang 2h", LI),
            ("/evidence 01a2", LI),
        ):
            await text_of(work, words, who)
        told = [(f["act"], f["actor"], f["role"], f["refused"]) for f in (await work.actions())[1:]]
        assert told == [
            ("command watch", "Li", "officer", "may not watch"),
            ("command mute", "Chen", "officer", "may not agree"),
            ("command mute", "Zhao", "supervisor", "a second person must agree"),
            ("command oncall", "Li", "officer", "may not swap"),
            ("command evidence", "Li", "officer", "may not evidence"),
        ]

    at_work(tmp_path, script)


def test_on_call_is_shown_taken_and_swapped(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        told = await text_of(work, "/oncall", SUN)
        assert "On call: Chen" in told
        assert "in turn: Chen, Wang, Li" in told
        assert "Your role" in await text_of(work, "/oncall take 4h", SUN)
        for words in ("take 4 hours", "take 4hours", "take until eight"):
            assert (await text_of(work, f"/oncall {words}", LI)).startswith("/oncall take 4h")
        assert "On call: Chen" in await text_of(work, "/oncall", SUN)
        assert "Li is on call until 03-02 02:30Z" in await text_of(work, "/oncall take 4h", LI)
        assert "Your role" in await text_of(work, "/oncall swap Wang", CHEN)  # it is not his to give
        assert "Wang is on call" in await text_of(work, "/oncall swap wang 2h", LI)
        assert "Nobody of this name" in await text_of(work, "/oncall swap Sun 2h", ZHAO)
        assert [(f["before"], f["after"]) for f in await work.actions() if f["act"] == "on call"] == [
            ("Chen", "Li"),
            ("Li", "Wang"),
        ]

    at_work(tmp_path, script)


def test_what_the_server_did_not_take_is_not_said_to_be_sent(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card()
        assert alert.evidence is not None
        refusal = Fault(kind="400", method="sendDocument", text="Bad Request: file is too big", times=2)
        work.service.faults.waiting = [refusal]
        pressed = await work.press(card, WANG, "Evidence")
        assert (pressed.answer, pressed.alert) == (
            "It may not have arrived: ask again if nothing came.",
            True,
        )
        told = await text_of(work, f"/evidence {alert.evidence.evidence_id}", WANG, chat=work.group)
        assert told == "It may not have arrived: ask again if nothing came."
        assert work.own(WANG).seen() == []

    at_work(tmp_path, script)


def test_a_chat_s_language_is_set_and_stays_over_a_restart(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert "/lang zh-Hans" in await text_of(work, "/lang")
        assert await text_of(work, "/lang zh", chat=work.group) == "今后使用简体中文。"
        await work.stop()
        await work.start()
        await work.soon()
        assert "监视" in await text_of(work, "/status", chat=work.group)
        assert "The watch" in await text_of(work, "/status")
        await text_of(work, "/lang en", chat=work.group)
        told = [(f["chat"], f["before"], f["after"]) for f in await work.actions() if f["act"] == "language"]
        group = str(work.group.chat_id)
        assert told == [(group, "as configured", "zh-Hans"), (group, "zh-Hans", "en")]

    at_work(tmp_path, script)


def test_reasons_states_and_tiers_are_told_in_the_reader_s_language(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert, card = await work.card(Tier.HIGH)
        await work.press(card, LI, "Acknowledge")
        assert alert.evidence is not None
        told = await text_of(work, f"/case {alert.evidence.evidence_id}", WANG)
        for words in ("高 ", "发现", "Li: 接手 (未接手 → 已接手)"):
            assert words in told
        assert "1 高" in await text_of(work, "/tonight", WANG)
        assert "1 正常" in await text_of(work, "/status", WANG)
        assert "没有编号为 7 的静音" in await text_of(work, "/mute lift 7", WANG)
        assert "There is no" not in await text_of(work, "/mute agree 7", WANG)
        assert "静音需要写明理由" in await text_of(work, "/mute target market 3h", WANG)
        assert "there is no mute 7" in await text_of(work, "/mute lift 7")

    at_work(tmp_path, script)


def test_commands_of_others_and_for_other_bots_are_passed_over(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert await work.say("/status", STRANGER, work.group) == []
        assert await work.say("/status@other_bot", LI, work.group) == []
        assert await work.say("good morning", LI, work.group) == []
        assert "/help says" in await text_of(work, "/dance")
        assert "The watch" in await text_of(work, "/status@nightjar_bot", chat=work.group)
        (anonymous,) = await work.say("/status", LI, work.group, as_chat=True)
        assert "anonymously" in anonymous.text
        assert [f["refused"] for f in await work.actions()] == ["not on the list"]

    at_work(tmp_path, script)


def test_help_names_every_command(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        told = await text_of(work, "/help")
        assert all(f"/{name} " in told for name in COMMANDS if name != "start")
        assert await text_of(work, "/start") == told

    at_work(tmp_path, script)


HOSTILE = "</code><b>/status @here https://evil.example \u202e\u0000 \U0001f468\u200d\U0001f469 " * 30


def test_hostile_words_break_and_link_to_nothing(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        alert = await alerted(work.store, 1, Tier.HIGH, title=HOSTILE, seller=HOSTILE, text=HOSTILE)
        assert alert.evidence is not None
        for words in (f"/case {alert.evidence.evidence_id}", "/tonight", "/find evil"):
            (message,) = await work.say(words, LI)
            covered = set()
            for entity in message.entities:
                if entity["type"] == "code":
                    covered |= set(range(entity["offset"], entity["offset"] + entity["length"]))
            raw = message.text.encode("utf-16-le")
            at = 0
            while (at := message.text.find("evil.example", at)) >= 0:
                offset = len(message.text[:at].encode("utf-16-le")) // 2
                assert offset in covered
                at += 1
            assert len(raw) // 2 <= 4_096
            assert not message.preview
        for words in ("/find " + HOSTILE, "/mute term " + HOSTILE + " 2h " + HOSTILE, "/case " + HOSTILE):
            assert len(await work.say(words, LI)) == 1
        assert work.told == []

    at_work(tmp_path, script)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("seller x @ m 12h why not", ("seller x @ m", timedelta(hours=12), "why not")),
        ("target m 1d12h a", ("target m", timedelta(hours=36), "a")),
        ("take 90m", ("take", timedelta(minutes=90), "")),
        ("4h", ("", timedelta(hours=4), "")),
        ("x 12hours", ("x 12hours", None, "")),
        ("", ("", None, "")),
    ],
)
def test_a_duration_is_found_in_what_was_written(
    words: str, found: tuple[str, timedelta | None, str]
) -> None:
    assert lasting(words) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/find rhino horn", ("find", "rhino horn")),
        ("/FIND@Nightjar_Bot\nx", ("find", "x")),
        ("/find@other x", None),
        ("find x", None),
        ("", None),
        ("/", None),
    ],
)
def test_a_command_is_read_as_telegram_writes_it(text: str, found: tuple[str, str] | None) -> None:
    assert split_command(text, "nightjar_bot") == found


def test_an_officer_is_one_user() -> None:
    assert user(LI).user_id == LI.telegram
