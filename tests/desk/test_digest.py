"""The morning digest: once a night over restarts, every alert in its table, nothing in it can be run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from bot.desk import plots, rota
from bot.desk.digest import night_due, table_of
from bot.desk.notices import notice_word
from bot.desk.rota import Rota, Shift
from bot.desk.tongue import tongue
from storage import digests, mutes
from storage.duty import Actor
from storage.model import Tier
from storage.mutes import Wish
from tests.desk.kit import GROUP, LI, Work, at_work
from tests.storage.test_duty import alerted

EVENING = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)


def due(now: datetime, zone: str = "UTC") -> tuple[date, datetime] | None:
    rotas = Rota(zone=zone, since=date(2026, 1, 5), shifts=(Shift(officers=("Li",)),))
    found = night_due(now, "06:30", zone, lambda at: rota.night_began(rotas, at))
    return None if found is None else (found.evening, found.begins)


@pytest.mark.parametrize(
    ("at", "evening"),
    [
        ("2026-03-02 06:29", None),
        ("2026-03-02 06:30", date(2026, 3, 1)),
        ("2026-03-02 12:29", date(2026, 3, 1)),
        ("2026-03-02 12:30", None),
        ("2026-03-29 06:30", date(2026, 3, 28)),
        ("2026-10-25 06:30", date(2026, 10, 24)),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Shanghai"])
def test_a_night_is_due_from_half_past_six_for_six_hours(at: str, evening: date | None, zone: str) -> None:
    local = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))
    found = due(local.astimezone(UTC), zone)
    assert (found is None) == (evening is None)
    if found is not None:
        assert found[0] == evening
        assert found[1].astimezone(ZoneInfo(zone)).strftime("%H:%M") == "21:00"


def night(tmp_path: Path, script: object) -> None:
    at_work(tmp_path, script, start=EVENING)  # type: ignore[arg-type]


async def until_morning(work: Work, minute: int = 31) -> None:
    morning = datetime(2026, 3, 2, 6, minute, tzinfo=UTC)
    await work.soon((morning - work.clock.now()).total_seconds())


def files(work: Work) -> list[tuple[str, bytes]]:
    return [(m.upload.name, m.upload.data) for m in work.group.seen() if m.upload is not None]


def test_the_digest_counts_names_and_lists_every_alert_once(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        work.rota = Rota(zone="UTC", since=date(2026, 1, 5), shifts=(Shift(officers=("Li",)),))
        wish = Wish(kind="seller", value="loud", target="market", reason="shop", lasts=timedelta(hours=20))
        await mutes.make(work.store.vault, wish, Actor(id=5001, name="Li"))
        await work.soon()
        _, card = await work.card(Tier.HIGH, 1)
        await alerted(work.store, 2, Tier.NORMAL, title="=HYPERLINK(1) tel 13800138000")
        await alerted(work.store, 3, Tier.HIGH, seller="loud")
        await work.press(card, LI, "Acknowledge")
        before = len(work.group.seen())
        await until_morning(work, 29)
        assert len(work.group.seen()) == before
        await until_morning(work, 32)
        text = next(m.text for m in work.group.seen()[before:] if m.text.startswith("Night of"))
        assert "Night of 2026-03-01" in text
        assert "by tier: 1 high, 1 normal" in text
        assert "muted: 1" in text
        assert "13800138000" not in text
        name, data = files(work)[0]
        assert name == "nightjar-2026-03-01.csv"
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
        assert len(rows) == 3
        assert [row["state"] for row in rows] == ["acknowledged", "new", "new"]
        assert [row["muted"] for row in rows] == ["False", "False", "True"]
        assert rows[1]["title"].startswith("'=")
        assert "13800138000" not in data.decode()
        notices = (
            "SELECT a.notice, d.channel FROM alert a JOIN delivery d ON d.alert_id = a.alert_id "
            "WHERE a.kind = 'notice' AND d.channel NOT LIKE 'direct%'"
        )
        told = [tuple(row) for row in await work.store.vault.database.rows(notices)]
        assert [channel for _, channel in told] == ["chat", "file"]
        assert "night of 2026-03-01: 2 alerts (0 urgent, 1 high, 1 normal), 1 taken by nobody" in told[0][0]
        assert notice_word(told[0][0], tongue("zh-Hans")).startswith(
            "2026-03-01 之夜：2 条警报（紧急 0，高 1，一般 1）"
        )
        seen = len(work.group.seen())
        await work.stop()
        await work.start()
        await work.soon(3_600)
        assert len(work.group.seen()) == seen

    night(tmp_path, script)


def test_a_stop_over_the_morning_is_made_up_for(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        await alerted(work.store, 1, Tier.HIGH)
        await work.stop()
        await until_morning(work, 59)
        await work.start()
        await work.soon(5)
        assert [name for name, _ in files(work)][:1] == ["nightjar-2026-03-01.csv"]

    night(tmp_path, script)


def test_a_server_that_is_down_gets_the_table_later_and_the_notice_goes_once(tmp_path: Path) -> None:
    async def script(work: Work) -> None:
        await alerted(work.store, 1, Tier.HIGH)
        await until_morning(work, 25)
        await work.service.close_listener()
        await until_morning(work, 40)
        await work.service.open_listener()
        await until_morning(work, 50)
        assert len(files(work)) >= 1
        rows = await work.store.vault.database.rows("SELECT count(*) FROM alert WHERE kind = 'notice'")
        assert rows[0][0] == 1
        assert work.service.chats[GROUP].shut == ""

    night(tmp_path, script)


def line(**more: object) -> digests.Line:
    given: dict[str, object] = dict.fromkeys(
        ("alert_id", "products", "target", "title", "seller", "price"), "x"
    )
    given |= {"evidence_id": "e", "state": "new", "actor": "", "reason": "", "muted": False, "score": 1}
    given |= {
        "tier": "high",
        "created_at": EVENING,
        "delivered_at": None,
        "vanished_at": None,
        "lived_s": None,
    }
    return digests.Line(**(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@x", '"\n=1', "\u202e=x", "a,b\r\n=c"])
def test_no_cell_of_the_table_is_a_formula(hostile: str) -> None:
    (row,) = csv.DictReader(io.StringIO(table_of([line(title=hostile, seller=hostile)]).decode("utf-8-sig")))
    assert row["title"][:1] not in tuple("=+-@")
    assert "\n" not in row["title"]


def test_pictures_are_drawn_where_the_library_is_and_left_out_where_it_is_not() -> None:
    shown = [line(lived_s=600 * n, products="rhino horn 犀角") for n in range(5)]
    made = plots.drawn(shown, "2026-03-01")
    assert plots.drawn([], "2026-03-01") == b""
    assert made.startswith(b"\x89PNG") if plots.available() else made == b""


@pytest.mark.skipif(not plots.available(), reason="the extra plots is not installed")
def test_a_chart_is_upright_and_its_letters_are_read_on_a_telephone() -> None:
    with Image.open(io.BytesIO(plots.drawn([line(lived_s=600)], "2026-03-01"))) as made:
        assert made.height > made.width
