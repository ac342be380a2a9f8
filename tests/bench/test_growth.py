"""Short forms of the benches of growth and soak, and what they must be able to see."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from bench import growth, soak
from bench._many import Sample
from bench._stored import make
from bench.soak import Look
from storage import ledger
from storage.clock import SystemClock
from storage.store import Store
from storage.tree import root_of


async def test_a_made_database_is_as_the_store_would_have_left_it(tmp_path: Path) -> None:
    await make(tmp_path / "data", 2_000)
    store = await Store.open(tmp_path / "data", SystemClock())
    try:
        database = store.vault.database
        head = await ledger.head(database)
        hashes = await ledger.leaf_hashes(database, head.size)
        assert head.size == len(hashes) >= 4_000
        assert root_of(hashes).hex() == head.root
        assert sum([len(page) async for page in store.pictures()]) == 2_000
        rows = await database.rows("SELECT evidence_id FROM observation ORDER BY seq LIMIT 1 OFFSET 1234")
        evidence = await store.evidence(rows[0][0])
        assert (evidence.post.title, len(evidence.pictures)) == ("血料手串 1234", 1)
        assert (await store.known(evidence.target, [evidence.post.post_id])) == {}  # its key is made up
        odd = await database.rows("PRAGMA integrity_check")
        assert odd[0][0] == "ok"
    finally:
        await store.close()


def test_captures_are_measured_beside_few_and_more_stored_posts() -> None:
    result = growth.run(["--targets", "1", "--posts", "500,20000", "--captures", "40"])
    by_name = {figure.name: figure for figure in result.figures}
    assert by_name["stores in which every capture has its verdict"].met
    ratio = by_name["a capture beside 20,000 stored posts costs, beside 500 (processor)"]
    assert 0.3 < ratio.value < 2.5


async def test_polls_are_counted_and_cost_something() -> None:
    cost = await growth.poll_cost(100, 4.0)
    assert 0.00005 < cost.cpu_s < 0.01
    assert 80 < cost.per_s < 120
    assert 0.9 < cost.unmodified <= 1.1


def test_a_poll_that_brought_the_whole_listing_is_told_from_one_that_did_not() -> None:
    before = Sample(
        at_s=0.0, cpu_s=0.0, children_cpu_s=0.0, buckets={0.1: 10.0, math.inf: 20.0}, unmodified=5.0
    )
    after = replace(before, buckets={0.1: 90.0, math.inf: 120.0}, unmodified=30.0)
    assert growth.share_unmodified(before, after) == 0.25
    assert math.isnan(growth.share_unmodified(after, after))


LOOK = Look(
    at_s=0.0, cpu_s=0.0, memory_mb=100.0, workers_mb=50.0, files=200, wal_mb=4.0,
    buckets={0.01: 0.0, 0.1: 0.0, math.inf: 0.0},
)  # fmt: skip


def looks(*, late_from: int = 10**6, megabytes_each: float = 0.0, files_each: float = 0.0) -> list[Look]:
    """An hour's looks; from one on a tenth of the polls are later than a hundredth of a second."""
    made, late, polls = [], 0.0, 0.0
    for n in range(soak.LOOKS + 1):
        polls += 100.0
        late += 10.0 if n >= late_from else 0.0
        made.append(
            replace(
                LOOK,
                at_s=30.0 * n,
                memory_mb=100.0 + megabytes_each * n,
                files=200 + int(files_each * n),
                buckets={0.01: polls - late, 0.1: polls, math.inf: polls},
            )
        )
    return made


def short(made: list[Look]) -> set[str]:
    """Names of the figures that fall short."""
    return {figure.name for figure in soak.drift(made) if not figure.met}


def test_a_steady_daemon_meets_every_figure_of_the_soak() -> None:
    assert short(looks()) == set()


def test_what_creeps_is_seen() -> None:
    assert short(looks(megabytes_each=0.1)) == {"memory growth in the second half"}
    assert short(looks(late_from=90)) == {"start lateness p99, last quarter of first"}
    assert short(looks(files_each=1.0)) == {"most open files, second half of first"}


async def test_a_soak_of_seconds_runs_to_its_end() -> None:
    result = await soak.run(["--minutes", "0.1", "--targets", "20", "--interval", "5", "--posts-per-s", "1"])
    by_name = {figure.name: figure for figure in result.figures}
    assert by_name["exit code after SIGTERM"].met
    assert by_name["looks at the daemon that were not answered in time"].met
    assert by_name["polls per second"].value > 2
