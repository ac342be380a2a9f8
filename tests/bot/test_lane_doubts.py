"""A message of which nobody can say whether it arrived stays in doubt, whatever becomes of the next try."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightmarket.messenger import Fault
from tests.bot.lanes_kit import Lanes, night
from tests.bot.test_lanes import cards

NEXT = {
    "arrives": [],
    "is refused": [Fault(kind="429", method="sendPhoto", retry_after=2)],
    "surely does not arrive": [Fault(kind="reset-before", method="sendPhoto")],
}


@pytest.mark.parametrize("next_try", NEXT)
def test_what_may_have_arrived_says_so_whatever_becomes_of_the_next_try(
    tmp_path: Path, next_try: str
) -> None:
    """Failed before: what proved that the second try had not arrived was taken for proof of the first."""

    async def body(work: Lanes) -> None:
        await work.start()
        await work.alert()
        await work.clock.sleep(3)
        work.service.people.chatter(work.group, 40)
        lost = Fault(kind="reset-after", method="sendPhoto")
        work.service.faults.waiting = [lost, *NEXT[next_try]]
        second = await work.alert()
        await work.clock.sleep(0.4)
        work.service.people.chatter(work.group, 40)  # more than is looked at
        await work.clock.sleep(400)
        assert work.service.faults.waiting == []  # all of them were met
        told = [m for m in work.group.seen() if cards([m]) == [second.alert_id]]
        assert ["possible repeat" in m.text for m in told] == [False, True]

    night(tmp_path, body)
