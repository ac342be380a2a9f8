"""Chat lanes and a Bot API server with manners of its own: nothing is lost, doubled or stuck."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightmarket.messenger import Expected, Fault, report
from storage.model import Tier
from tests.bot.lanes_kit import GROUP, Lanes, night
from tests.fakes.otherapi import Manners, OtherApi

MANNERS = {
    "plain": Manners(),
    "refusals with status 200": Manners(refusals_as_200=True),
    "JSON called HTML": Manners(html=True),
    "other order and unknown fields": Manners(shuffled=True),
    "without optional fields": Manners(sparse=True),
    "in slow pieces": Manners(chunked=True),
    "429 without its seconds": Manners(bare_429=True),
    "photos too large for the proxy": Manners(least_photo=1_000),
    "uploads cut off": Manners(broken=3),
    "methods that are not there": Manners(absent=("deleteMessage", "forwardMessage", "setMyCommands")),
    "the same edit is no error": Manners(same_is_fine=True),
    "all at once": Manners(refusals_as_200=True, html=True, shuffled=True, sparse=True, chunked=True),
}
FAULTS = ("429", "500-before", "500-after", "502-after", "cut-after", "reset-after", "reset-before")


@pytest.mark.parametrize("name", MANNERS)
def test_over_faults_and_kills_each_alert_is_seen_once(tmp_path: Path, name: str) -> None:
    async def body(work: Lanes) -> None:
        expected: dict[str, Expected] = {}
        async with OtherApi(work.service, MANNERS[name]):
            await work.start()
            await work.clock.sleep(3)  # the ids of the chat are known before anything can be lost
            await work.kill()
            for number in range(8):
                work.service.faults.waiting = [
                    Fault(kind=FAULTS[number % len(FAULTS)], method=m)
                    for m in ("sendPhoto", "sendMessage")[number % 2 :]
                ]
                await work.start(grace_s=2.0)
                tier = Tier.URGENT if number % 2 else Tier.HIGH
                alert = await work.alert(tier)
                expected[alert.alert_id] = Expected(chat_id=GROUP, rank=tier.rank)
                await work.clock.sleep(0.1 + 0.31 * number)
                await work.kill()
                work.service.people.chatter(work.group, number % 3)
            work.service.faults.waiting = []
            await work.start(grace_s=2.0)
            await work.clock.sleep(400)
        inside = dict(await work.rows("SELECT alert_id, inside FROM delivery WHERE inside IS NOT NULL"))
        found = report(
            work.service,
            {k: Expected(chat_id=GROUP, rank=w.rank, inside=inside.get(k, "")) for k, w in expected.items()},
        )
        assert (found.lost, found.doubled, found.silent) == ((), (), ())
        assert await work.rows("SELECT state, why FROM delivery WHERE state <> 'delivered'") == []
        assert not any("possible repeat" in m.text for m in work.group.seen())

    night(tmp_path, body)
