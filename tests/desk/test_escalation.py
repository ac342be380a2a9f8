"""What nobody takes goes further at 3, 6 and 12 minutes, over a kill too, and never once it is taken."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.desk.escalation import ahead
from bot.desk.notices import notice_word
from bot.desk.people import People, actor
from bot.desk.rota import Rota, Shift, Turn
from bot.desk.tongue import tongue
from bot.settings.custody import Officer
from storage import standing
from storage.codec import moment
from storage.duty import State
from storage.model import Tier
from tests.desk.kit import CHEN, LI, PEOPLE, WANG, ZHAO, Work, at_work
from tests.storage.test_duty import alerted

NIGHTS = Rota(
    zone="UTC",
    since=date(2026, 1, 12),
    shifts=(Shift(officers=("Chen", "Li"), start="21:00", end="06:00"),),
)
"""Chen's week, and nobody by day."""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def told(work: Work) -> list[tuple[str, float]]:
    """(channel, seconds after the alert) of every direct or fallback delivery, in order."""
    sql = "SELECT d.channel, d.due_at FROM delivery d WHERE d.channel <> 'chat' ORDER BY d.due_at, d.channel"
    rows = await work.store.vault.database.rows(sql)
    return [(row[0], (moment(row[1]) - work.born).total_seconds()) for row in rows]  # type: ignore[attr-defined]


def test_the_next_officer_at_three_minutes_the_second_and_supervisors_at_six_all_at_twelve(
    tmp_path: Path,
) -> None:
    async def script(work: Work) -> None:
        await work.soon(17.3)
        work.born = work.clock.now()  # type: ignore[attr-defined]
        alert = await alerted(work.store, 1, Tier.URGENT)
        await alerted(work.store, 2, Tier.HIGH)
        await work.soon(900)
        found = await told(work)
        first = dict(reversed(found))
        # Chen is on call in this week, so Wang is next, Li after him.
        assert first["direct:5002"] == pytest.approx(180, abs=2)
        assert first["direct:5001"] == pytest.approx(360, abs=2)
        assert first["direct:5003"] == pytest.approx(360, abs=2)
        assert first["direct:5005"] == pytest.approx(720, abs=2)
        assert first["pager"] == pytest.approx(720, abs=2)
        duty = await work.duty(alert)
        assert (duty.state, duty.level, duty.actor) == (State.ESCALATED, 3, "clock")
        assert [f["level"] for f in await work.actions()] == ["1", "2", "3"]
        assert all(f["actor"] == "clock" for f in await work.actions())

    at_work(tmp_path, script)


@pytest.mark.parametrize("taken_after_s", [10, 179, 200, 400])
def test_nothing_goes_further_once_somebody_took_it(tmp_path: Path, taken_after_s: int) -> None:
    async def script(work: Work) -> None:
        _, card = await work.card()
        await work.soon(taken_after_s - 2)
        await work.press(card, CHEN, "Acknowledge")
        before = len(await work.actions())
        await work.soon(1_500)
        assert len(await work.actions()) == before
        rows = await work.store.vault.database.rows("SELECT count(*) FROM escalation WHERE done_at IS NULL")
        assert rows[0][0] == 0

    at_work(tmp_path, script)


@pytest.mark.parametrize("down_s", [(100, 30), (170, 20), (170, 300)])
def test_a_kill_in_between_makes_it_late_by_the_stop_at_most_and_tells_once(
    tmp_path: Path, down_s: tuple[int, int]
) -> None:
    runs, stays_down = down_s

    async def script(work: Work) -> None:
        work.born = work.clock.now()  # type: ignore[attr-defined]
        await alerted(work.store, 1, Tier.URGENT)
        await work.soon(runs)
        await work.stop()
        await work.soon(stays_down)
        await work.start()
        await work.soon(5)
        due = max(180.0, runs + stays_down)
        await work.soon(max(0.0, due - runs - stays_down) + 2)
        steps = [f for f in await work.actions() if f["act"] == "escalate"]
        assert len(steps) == 1
        (at,) = {at for _, at in await told(work)}
        assert at == pytest.approx(due, abs=2)

    at_work(tmp_path, script)


def test_a_turn_taken_in_the_chat_changes_who_is_next(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        await work.say("/oncall take 4h", LI, work.group)
        await alerted(work.store, 1, Tier.URGENT)
        await work.soon(185)
        sql = (
            "SELECT d.channel FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "
            "WHERE d.channel LIKE 'direct%' AND a.kind = 'new'"
        )
        rows = await work.store.vault.database.rows(sql)
        assert [row[0] for row in rows] == ["direct:5005"]

    at_work(tmp_path, script)


def test_whoever_comes_on_call_is_told_what_is_open(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        await alerted(work.store, 1, Tier.HIGH)
        await work.soon(5)
        ends = work.clock.now() + timedelta(minutes=30)
        await standing.take_turn(work.store.vault, "Li", ends, actor(LI), before="Chen")
        await work.soon(25)
        rows = await work.store.vault.database.rows(
            "SELECT a.notice, d.channel FROM alert a JOIN delivery d ON d.alert_id = a.alert_id "
            "WHERE a.kind = 'notice' ORDER BY d.id"
        )
        assert [row[1] for row in rows] == ["direct:5001"]
        assert rows[0][0].startswith("Li, you are on call until")
        assert "1 alerts are taken by nobody (0 urgent)" in rows[0][0]
        await work.soon(1_830)
        rows = await work.store.vault.database.rows(
            "SELECT channel FROM delivery WHERE channel LIKE 'direct%'"
        )
        assert [row[0] for row in rows][-1] == "direct:5005"

    at_work(tmp_path, script)


def test_whoever_comes_on_call_after_hours_without_anybody_is_told_at_that_instant(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert work.front is not None
        await alerted(work.store, 1, Tier.HIGH)
        await work.soon(30)
        assert work.front.escalation.on_call == ""
        await work.soon((NOON + timedelta(hours=9, seconds=1) - work.clock.now()).total_seconds())
        assert work.front.escalation.on_call == "Chen"  # no urgent alert of the first seconds misses him
        sql = (
            "SELECT a.notice, d.channel FROM alert a JOIN delivery d ON d.alert_id = a.alert_id "
            "WHERE a.kind = 'notice' AND d.channel LIKE 'direct%'"
        )
        told = [tuple(row) for row in await work.store.vault.database.rows(sql)]
        assert [channel for _, channel in told] == ["direct:5005"]
        assert told[0][0].startswith("Chen, you are on call until 03-02 06:00Z: 1 alerts are taken by nobody")
        assert notice_word(told[0][0], tongue("zh-Hans")).startswith("Chen，您值班至 03-02 06:00Z：1 条警报")

    at_work(tmp_path, script, start=NOON, rota=NIGHTS)


def test_a_turn_that_is_taken_counts_for_the_next_alert(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        assert work.front is not None
        await work.soon(30.3)
        await work.say("/oncall take 4h", LI)
        assert work.front.escalation.on_call == "Li"

    at_work(tmp_path, script)


def test_while_nobody_is_on_call_whoever_is_next_is_the_first_to_be_told(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        await alerted(work.store, 1, Tier.URGENT)
        await work.soon(185)
        sql = "SELECT channel FROM delivery WHERE channel LIKE 'direct%' AND channel <> 'direct:5001'"
        assert [row[0] for row in await work.store.vault.database.rows(sql)] == ["direct:5005"]

    at_work(tmp_path, script, start=NOON, rota=NIGHTS)


def test_without_a_rota_it_goes_to_whoever_may_act() -> None:
    few = People(officers=(LI, Officer(name="Zhao", role="supervisor", telegram=5003)))
    assert ahead(1, (), few, "").tell == ("direct:5003",)
    assert ahead(3, (), few, "pager").tell == ("direct:5001", "direct:5003")
    assert ahead(3, (), few, "pager").remind == ("pager",)
    names = ("Chen", "Wang", "Li")
    assert ahead(1, names, PEOPLE, "pager") == ahead(1, names, PEOPLE, "")
    assert ahead(2, names, PEOPLE, "").tell == (f"direct:{LI.telegram}", f"direct:{ZHAO.telegram}")
    assert f"direct:{WANG.telegram}" in ahead(3, names, PEOPLE, "").tell
    assert Turn(starts=moment(0), ends=moment(1), officer="").officer == ""
