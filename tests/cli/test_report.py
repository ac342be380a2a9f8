"""`nightjar report politeness`: limits kept or broken, from rows that a watch wrote."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len

from storage import manner_rows
from storage.manners import HostHour, Override, Pause, Taken
from storage.recovery import LOCK, Lock
from storage.store import Store
from tests.cli.kept import Command, Kept, StillClock, night
from tests.cli.test_evidence import STEERING, on_a_terminal

NIGHT = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
FORUM, LONG = "forum.example", "pictures." + "a-very-long-name-of-a-shop." * 4 + "example"
WHEN = ("--since", "2026-11-24", "--until", "2026-11-26")


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return night(tmp_path)


@pytest.fixture
def run(kept: Kept, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, kept.config)


def hour(number: int = 0, host: str = FORUM, **more: int) -> HostHour:
    """An hour of polling once a second, well-behaved unless told."""
    facts = {
        "asked": 3_412, "answered": 3_400, "not_modified": 3_300, "body_bytes": 123_456_789,
        "robots_allowed": 3_400, "busiest_second": 1, "busiest_minute": 57, "most_at_once": 1,
        "concurrency": 1, "spacing_most_us": 1_000_000, "spacing_least_us": 1_000_000,
        "closest_us": 1_000_214,
    }  # fmt: skip
    return HostHour(hour=NIGHT + timedelta(hours=number), host=host, **(facts | more))


def pause(minutes: int = 3, **more: object) -> Pause:
    at = NIGHT + timedelta(minutes=minutes)
    facts = {"host": FORUM, "status": 429, "asked_s": 120.0, "kept_s": 120.0}
    facts["next_at"] = at + timedelta(seconds=121)  # type: ignore[assignment]
    return Pause(asked_at=at, **(facts | more))  # type: ignore[arg-type]


def written(kept: Kept, *hours: HostHour, pauses: tuple[Pause, ...] = (), overrides: object = ()) -> None:
    async def write() -> None:
        store = await Store.open(kept.folder, StillClock())
        await manner_rows.add(store.vault, Taken(hours=hours, pauses=pauses, overrides=overrides))  # type: ignore[arg-type]
        await store.close()

    asyncio.run(write())


def test_a_night_within_its_limits_is_told_as_kept(run: Command, kept: Kept) -> None:
    written(kept, hour(0), hour(1), hour(1, "b.example", closest_us=500_000, spacing_least_us=500_000))
    ran = run("report", "politeness", *WHEN)
    assert ran.code == 0
    for words in (FORUM, "6,824", "97%", "247 MB", "1.000s", "1/s", "2/s-1/s", "11-24 22h"):
        assert words in ran.out
    assert "Limits and pauses were kept: none of 10,236 requests went out too soon." in ran.out
    facts = run("report", "politeness", "--json", *WHEN).facts
    assert (facts["kept"], facts["host_count"], facts["hour_count"]) == (True, 2, 3)
    forum = facts["hosts"][0]
    assert (forum["host"], forum["asked"], forum["busiest_second"]) == (FORUM, 6_824, 1)
    assert forum["not_modified_share"] == pytest.approx(0.9706, abs=1e-4)
    assert facts["hours"][0]["hour"] == "2026-11-24T21:00:00+00:00"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"too_soon": 2, "closest_us": 400_000}, "2 requests sooner after another than the limit allows"),
        ({"too_many": 1, "most_at_once": 2}, "1 request beside more others than it allows"),
        ({"in_pause": 3}, "3 requests while the host was to be left alone"),
    ],
)
def test_a_broken_limit_is_told_and_ends_with_1(
    run: Command, kept: Kept, broken: dict[str, int], words: str
) -> None:
    written(kept, hour(0), hour(1, **broken))
    ran = run("report", "politeness", *WHEN)
    assert (ran.code, words in ran.out) == (1, True)
    facts = run("report", "politeness", "--json", *WHEN)
    assert (facts.code, facts.facts["kept"]) == (1, False)
    assert [one["kept"] for one in facts.facts["hours"]] == [False, True]
    assert run("report", "politeness", "--host", "other.example", *WHEN).code == 0


def test_a_pause_is_told_as_asked_given_and_kept(run: Command, kept: Kept) -> None:
    told = (
        pause(3),
        pause(10, asked_s=7200.0, kept_s=1800.0, next_at=NIGHT + timedelta(minutes=41)),
        pause(50, status=503, asked_s=None, kept_s=15.0, next_at=None),
    )
    written(kept, hour(0, busy_429=2, busy_503=1, capped=1), pauses=told)
    ran = run("report", "politeness", *WHEN)
    assert ran.code == 0
    lines = [line.split() for line in ran.out.splitlines() if re.match(rf"{FORUM}\s+11-24 21:", line)]
    assert lines == [
        [FORUM, "11-24", "21:03:00", "429", "2m", "21:05:00", "21:05:01", "yes"],
        [FORUM, "11-24", "21:10:00", "429", "2h", "21:40:00", "21:41:00", "yes,", "cap"],
        [FORUM, "11-24", "21:50:00", "503", "no", "time", "21:50:15", "not", "yet", "yes"],
    ]
    facts = run("report", "politeness", "--json", *WHEN).facts["pauses"]
    assert [one["capped"] for one in facts] == [False, True, False]
    assert facts[0]["until"] == "2026-11-24T21:05:00+00:00"


def test_a_pause_that_was_not_kept_is_a_problem_though_its_hour_was_lost(run: Command, kept: Kept) -> None:
    written(kept, pauses=(pause(3, broken=2, next_at=NIGHT + timedelta(minutes=4)),))
    ran = run("report", "politeness", *WHEN)
    assert ran.code == 1
    assert "NO: 2" in ran.out
    assert "2 requests while the host was to be left alone" in ran.out
    assert run("report", "politeness", *WHEN, "--json").facts["kept"] is False


def test_an_override_is_told_with_reason_and_authority(run: Command, kept: Kept) -> None:
    override = Override(
        hour=NIGHT, host=FORUM, target="market", why="court order 12/26", asked=3_412,
        authorised_by="Unit 7", legal_basis="Art. 341",
    )  # fmt: skip
    written(kept, hour(robots_allowed=0, robots_overridden=3_412), overrides=(override,))
    told = " ".join(run("report", "politeness", *WHEN).out.split())
    assert "0/0/3,412" in told
    assert (
        "robots.txt not obeyed in 3,412 requests of target market, authorised by Unit 7 (Art. 341): "
        "court order 12/26" in told
    )


def test_one_host_is_told_hour_by_hour_however_it_is_written(run: Command, kept: Kept) -> None:
    written(kept, *(hour(n) for n in range(5)), hour(0, "other.example"))
    ran = run("report", "politeness", *WHEN, "--host", "Forum.Example.")
    assert "other.example" not in ran.out
    assert len(re.findall(r"^11-2\d \d\dh", ran.out, re.MULTILINE)) == 5
    none = run("report", "politeness", *WHEN, "--host", "nobody.example")
    assert (none.code, "Nothing was asked of nobody.example" in none.out) == (0, True)


def test_many_hosts_are_told_by_host_and_the_rest_is_named(run: Command, kept: Kept) -> None:
    written(kept, *(hour(n % 3, f"h{n}.example") for n in range(150)))
    told = run("report", "politeness", *WHEN).out
    assert "50 more hosts" in told
    assert "150 hours of hosts: name one by --host" in told
    assert len(run("report", "politeness", *WHEN, "--json").facts["hours"]) == 150


def test_the_usual_span_is_the_last_day(run: Command, kept: Kept) -> None:
    facts = run("report", "politeness", "--json").facts
    since, until = (datetime.fromisoformat(facts[name]) for name in ("since", "until"))
    assert timedelta(days=1) <= until - since < timedelta(days=1, hours=1)
    assert "Nothing was asked in this time" in run("report", "politeness").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "yesterday"), "'yesterday' is no time"),
        (("--until", "99999999d"), "must be"),
        (("--until", "0001-01-01"), "out of range"),
        (("--since", "2026-11-25", "--until", "2026-11-24"), "--since must be earlier than --until"),
        (("--host", "https://forum.example/"), "a host's name alone"),
        (("--host", "forum.example:8080"), "a host's name alone"),
        (("--host", ""), "a host's name alone"),
        (("--host", "é" * 70), "no name of a host"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_ends_with_2(
    run: Command, words: tuple[str, ...], told: str
) -> None:
    ran = run("report", "politeness", *words)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert told in ran.err


def test_an_unknown_report_and_a_missing_folder_are_told(run: Command, kept: Kept, tmp_path: Path) -> None:
    assert run("report", "manners").code == 2
    kept.folder.rename(tmp_path / "elsewhere")
    ran = run("report", "politeness")
    assert (ran.code, "has the watch run yet" in ran.err) == (1, True)


def test_it_reads_beside_a_running_watch(run: Command, kept: Kept) -> None:
    async def beside() -> int:
        store = await Store.open(kept.folder, StillClock())
        try:
            await manner_rows.add(store.vault, Taken(hours=(hour(),)))
            return (await asyncio.to_thread(run, "report", "politeness", "--json", *WHEN)).facts["total"][
                "asked"
            ]
        finally:
            await store.close()

    assert asyncio.run(beside()) == 3_412
    Lock(kept.folder / LOCK).release()


def test_it_fits_a_narrow_screen_and_nothing_steers_it(kept: Kept) -> None:
    written(
        kept,
        hour(0, asked=1_234_567, busy_429=12, busy_503=3, walls=2, troubles=17, tls_failures=4),
        hour(1, LONG, spacing_least_us=100_000, spacing_most_us=120_000_000, closest_us=None),
        hour(2, "\x1b[31mevil\u202e.example"),
        pauses=(
            pause(3),
            pause(10, host=LONG, asked_s=1e12, kept_s=1800.0, next_at=NIGHT + timedelta(days=1)),
        ),
    )  # fmt: skip
    told = on_a_terminal(80, "report", "--config", str(kept.config), "politeness", *WHEN)
    for line in told.splitlines():
        assert cell_len(line) <= 80, line
    assert not STEERING.search(told.replace("\r\n", "\n"))
    for words in (FORUM, "1,234,567", "12", "429", "Limits and pauses were kept"):
        assert words in told
