"""A whole daemon with a desk: from a post on a site to a button on a telephone and back, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from nightmarket.messenger import TOKEN, Fault, Message, Service, User
from nightmarket.messenger.faults import KINDS
from nightmarket.messenger.limits import Limits
from storage.model import HostLimit
from tests.fakes.jump import JumpLoop, run_jumping
from tests.fakes.market import Market, picture
from tests.fakes.night import HEAD, Night
from tests.fakes.otherapi import Manners, OtherApi
from tests.fakes.processes import awaited
from tests.fakes.site import FakeSite
from watchers import tips

HANGING = {"hang-before", "hang-after", "slow", "late-after", "stall-after"}
"""Faults that keep a caller waiting: the library's time-outs say the same as a reset then."""
DUSK = datetime(2026, 11, 24, 20, 55, tzinfo=UTC)
GROUP = -1001
LI, CHEN = User(user_id=5001, name="Li"), User(user_id=5002, name="Chen")
DESK = """
[[channel]]
name = "chat"
kind = "telegram"
chat_id = -1001
token_file = "token"
base_url = "{base_url}"
base_file_url = "{base_file_url}"

[[officer]]
name = "Li"
role = "investigator"
telegram = 5001

[[officer]]
name = "Chen"
role = "supervisor"
telegram = 5002
language = "zh-Hans"

[desk]
channel = "chat"
fallback = "file"

[rota]
since = 2026-11-02
officers = ["Li", "Chen"]
"""


class Duty:
    """One night with a chat. Chen is on call in the week of `DUSK` (the fourth since `since`)."""

    def __init__(self, night: Night, market: Market, service: Service) -> None:
        self.night, self.market, self.service = night, market, service

    def cards(self, chat_id: int = GROUP) -> list[Message]:
        return [m for m in self.service.chats[chat_id].seen() if m.keyboard or "status:" in m.text]

    async def card(self, chat_id: int = GROUP) -> Message:
        for _ in range(40):
            if found := self.cards(chat_id):
                return found[-1]
            await self.night.run_for(seconds=5)
        raise AssertionError([m.text for m in self.service.chats[chat_id].seen()])

    async def press(self, message: Message, who: User, button: str) -> str:
        chat = self.service.chats[message.chat_id]
        pressed = self.service.people.press(chat, message.message_id, who, button)
        await self.night.run_for(seconds=2)
        return pressed.answer


def on_duty(
    folder: Path,
    script: Callable[[Duty], Awaitable[None]],
    *,
    log_level: str = "info",
    manners: Manners | None = None,
) -> None:
    async def main(loop: JumpLoop) -> None:
        with (
            awaited(loop),
        ):
            async with (
                FakeSite() as site,
                Service(limits=Limits(on=False)) as service,
                OtherApi(service, manners or Manners()),
            ):
                service.add_chat(GROUP)
                for user in (LI, CHEN):
                    service.add_chat(user.user_id, kind="private", title=user.name)
                market = Market(site)
                market.open()
                night = Night(loop, folder, DUSK, "UTC")
                desk = DESK.format(base_url=service.base_url, base_file_url=service.base_file_url)
                (folder / "token").write_text(TOKEN)
                (folder / "token").chmod(0o600)
                head = HEAD.replace("[nightjar]", f'[nightjar]\nlog_level = "{log_level}"')
                night.config.write_text(head + desk + night.stanza(market.url))
                await night.start()
                try:
                    await night.run_for(minutes=6)
                    await script(Duty(night, market, service))
                finally:
                    await night.stop()

    run_jumping(main)


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_an_urgent_post_is_taken_on_the_telephone_and_every_card_says_so(tmp_path: Path) -> None:
    async def script(duty: Duty) -> None:
        duty.market.publish(
            "犀牛角 rhino horn for sale",
            "rhino horn 200 g, WeChat jadehorn88, ship tonight",
            pictures=(picture(1),),
        )
        card = await duty.card()
        assert card.form == "photo"
        assert card.labels()[0] == "Acknowledge"
        assert card.text.splitlines()[0].startswith("URGENT")
        own = await duty.card(CHEN.user_id)
        assert own.labels()[0] == "接手"
        assert own.text.splitlines()[0].startswith("紧急")
        assert "jadehorn88" not in card.text + own.text
        assert await duty.press(card, LI, "Acknowledge") == "It is yours."
        await duty.night.run_for(seconds=30)
        card, own = await duty.card(), await duty.card(CHEN.user_id)
        assert "taken by Li at 2" in card.text
        assert "Li 于 2" in own.text
        assert card.labels()[:2] == ["Take back", "Escalate"]
        duty.market.remove(1)
        await duty.night.run_for(minutes=40)
        card = await duty.card()
        assert "DELETED" in card.text
        assert "taken by Li at 2" in card.text
        assert "Confirm" in card.labels()
        await duty.press(card, LI, "Confirm")
        await duty.night.run_for(seconds=30)
        card = duty.cards()[-1]
        assert "confirmed by Li" in card.text
        assert card.labels() == []
        events = duty.night.alerts()
        assert [e["kind"] for e in events if e["kind"] in ("new", "duty", "deleted")] == [
            "new",
            "duty",
            "deleted",
            "duty",
        ]
        assert events[-1]["duty"]["outcome"] == "confirmed"

    on_duty(tmp_path, script)


def test_a_server_with_manners_of_its_own_and_a_group_that_moves_change_nothing(tmp_path: Path) -> None:
    async def script(duty: Duty) -> None:
        service = duty.service
        duty.market.publish(
            "犀牛角 rhino horn", "rhino horn 200 g, WeChat jadehorn88", pictures=(picture(1),)
        )
        card = await duty.card()
        assert await duty.press(card, LI, "Acknowledge") == "It is yours."
        new = service.people.upgrade(service.chats[GROUP], -1_009)
        new.next_id = 1
        service.people.say(new, User(user_id=900, name="Member"), "here we are")
        await duty.night.run_for(seconds=10)
        assert new.shut == ""
        duty.market.publish("象牙 ivory", "象牙 ivory 90 g, WeChat tusk20", pictures=(picture(2),))
        for _ in range(40):
            await duty.night.run_for(seconds=5)
            if found := [m for m in new.seen() if m.keyboard]:
                break
        (second,) = found
        assert second.text.splitlines()[0].startswith(("URGENT", "HIGH"))
        assert await duty.press(second, LI, "Acknowledge") == "It is yours."
        await duty.night.run_for(seconds=30)
        assert "taken by Li" in second.text
        duty.market.remove(1)  # of the card in the group before: told anew, written over nothing
        await duty.night.run_for(minutes=40)
        assert "象牙" in second.text
        assert any("DELETED" in m.text for m in new.seen() if m is not second)

    strange = Manners(refusals_as_200=True, html=True, shuffled=True, sparse=True, absent=("deleteWebhook",))
    on_duty(tmp_path, script, manners=strange)


def test_what_nobody_takes_wakes_the_next_officer_over_a_kill(tmp_path: Path) -> None:
    async def script(duty: Duty) -> None:
        duty.market.publish(
            "犀牛角 rhino horn for sale",
            "rhino horn 200 g, WeChat jadehorn88, ship tonight",
            pictures=(picture(1),),
        )
        await duty.card()
        await duty.card(CHEN.user_id)
        assert duty.cards(LI.user_id) == []
        await duty.night.kill()
        await duty.night.start()
        await duty.night.run_for(minutes=4)
        card = await duty.card(LI.user_id)
        assert not card.silent
        assert "passed on once" in (await duty.card()).text
        assert len(duty.cards()) == 1
        await duty.press(card, LI, "Acknowledge")
        await duty.night.run_for(minutes=20)
        assert "taken by Li" in (await duty.card()).text

    on_duty(tmp_path, script)


def test_a_tip_and_a_new_target_from_the_chat_go_the_whole_way(tmp_path: Path) -> None:
    async def script(duty: Duty) -> None:
        people, own = duty.service.people, duty.service.chats[CHEN.user_id]
        number = duty.market.publish("tiger bone wine", "tiger bone, call me", pictures=(picture(2),))
        page = duty.market.site.url(f"/post/{number}")
        began = duty.night.clock.now()
        people.say(own, CHEN, f"/report {page}")
        for _ in range(20):
            await duty.night.run_for(seconds=1)
            if found := [m for m in own.seen() if "已取证" in m.text or "无法取证" in m.text]:
                break
        assert found, [m.text for m in own.seen()]
        assert (duty.night.clock.now() - began).total_seconds() <= 10
        people.say(own, CHEN, f"/watch {duty.market.url}; Wildlife Act s. 9; Unit 7; 2028-06-30")
        await duty.night.run_for(minutes=2)
        written = tmp_path / "targets.d" / "chat.toml"
        assert written.exists(), [m.text for m in own.seen()]
        assert 'authorised_by = "Unit 7"' in written.read_text()
        rows = await duty.night.store.vault.database.rows("SELECT record FROM record WHERE kind = 'action'")
        assert [json.loads(r[0]) for r in rows] == []
        people.say(own, CHEN, "/status")
        await duty.night.run_for(seconds=5)
        assert "2 个目标" in own.seen()[-1].text

    on_duty(tmp_path, script)


def test_the_end_of_a_slow_tip_is_told_once_though_the_daemon_was_killed(tmp_path: Path) -> None:
    async def script(duty: Duty) -> None:
        people, own = duty.service.people, duty.service.chats[CHEN.user_id]
        asked: list[float] = []

        async def slow(_request: web.Request) -> web.Response:
            asked.append(asyncio.get_running_loop().time())
            await asyncio.sleep(14)
            return web.Response(
                text="<h1>tiger bone wine</h1><p>虎骨酒 call me</p>", content_type="text/html"
            )

        duty.market.site.script("/slow", slow)
        page, began = duty.market.site.url("/slow"), duty.night.clock.now()
        people.say(own, CHEN, f"/report {page}")
        await duty.night.run_for(seconds=11)
        assert "需要更长时间" in own.seen()[-1].text
        await duty.night.kill()
        await duty.night.start()
        await duty.night.run_for(minutes=2)
        late = [m.text for m in own.seen() if "举报的页面" in m.text]
        assert len(late) == 1, [m.text for m in own.seen()]
        assert "判断结果" in late[0]
        daemon = duty.night.daemon
        assert daemon is not None
        assert len(asked) == 2
        kept = await tips.capture(daemon.kit, page, "Chen", HostLimit(), began)
        assert kept.evidence_id in late[0]
        assert len(asked) == 2  # what was captured for this report already is not asked for again
        again = await tips.capture(daemon.kit, page, "Chen", HostLimit(), duty.night.clock.now())
        assert again.evidence_id != kept.evidence_id
        await duty.night.kill()
        await duty.night.start()
        await duty.night.run_for(minutes=2)
        assert [m.text for m in own.seen() if "举报的页面" in m.text] == late

    on_duty(tmp_path, script)


def test_a_word_in_reply_to_a_card_takes_it_after_a_restart_too(tmp_path: Path) -> None:
    async def script(duty: Duty) -> None:
        text = "rhino horn 200 g, WeChat jadehorn88, ship tonight"
        duty.market.publish("犀牛角 rhino horn for sale", text, pictures=(picture(1),))
        card = await duty.card()
        own = await duty.card(CHEN.user_id)
        await duty.night.kill()
        await duty.night.start()
        await duty.night.run_for(seconds=30)
        people, chats = duty.service.people, duty.service.chats
        people.say(chats[CHEN.user_id], CHEN, "收到", reply_to=own.message_id)
        await duty.night.run_for(seconds=30)
        assert "taken by Chen at " in (await duty.card()).text
        people.say(chats[GROUP], LI, "ok", reply_to=card.message_id)
        await duty.night.run_for(seconds=5)
        assert chats[GROUP].seen()[-1].text.startswith("Already done by Chen at ")

    on_duty(tmp_path, script)


def test_an_edit_of_the_configuration_counts_at_the_next_press(tmp_path: Path) -> None:
    async def script(duty: Duty) -> None:
        text = "rhino horn 200 g, WeChat jadehorn88, ship tonight"
        duty.market.publish("犀牛角 rhino horn for sale", text, pictures=(picture(1),))
        card = await duty.card()
        config = duty.night.config
        whole = config.read_text()
        config.write_text(
            whole.replace('role = "investigator"', 'role = "viewer"').replace('"Li", "Chen"', '"Chen"')
        )
        await duty.night.run_for(seconds=90)
        assert await duty.press(card, LI, "Acknowledge") == "Your role may not do that."
        config.write_text(whole)
        await duty.night.run_for(seconds=90)
        assert await duty.press(await duty.card(), LI, "Acknowledge") == "It is yours."

    on_duty(tmp_path, script)


def test_the_token_is_nowhere_but_in_its_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def script(duty: Duty) -> None:
        duty.market.publish(
            "犀牛角 rhino horn for sale", "rhino horn 200 g, WeChat jadehorn88", pictures=(picture(1),)
        )
        card = await duty.card()
        duty.service.faults.waiting = [Fault(kind=kind) for kind in sorted(KINDS - HANGING)]
        for number in range(len(duty.service.faults.waiting)):
            duty.market.publish(f"ivory {number}", f"象牙 ivory {number} g, WeChat jadehorn{number}")
        await duty.night.run_for(minutes=20)
        assert not duty.service.faults.waiting
        await duty.service.close_listener()
        await duty.night.run_for(minutes=3)
        await duty.service.open_listener()
        await duty.night.run_for(minutes=3)
        duty.service.token = f"1{TOKEN}"  # the real one is refused from now on
        await duty.press(card, LI, "Acknowledge")
        await duty.night.run_for(minutes=3)

    on_duty(tmp_path, script, log_level="debug")
    secret = TOKEN.split(":")[1].encode()
    told = capfd.readouterr()
    assert secret not in (told.out + told.err).encode()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "token":
            assert secret not in path.read_bytes(), path
