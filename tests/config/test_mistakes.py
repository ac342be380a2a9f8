"""Every kind of mistake, over several files in one directory, is told in one run of `check`."""

from __future__ import annotations

import pytest

from bench import mistakes as bench
from bench.planted import IN_MAIN, MORE, TARGETS

KINDS = [plant.what for _, plant in IN_MAIN]
KINDS += [plant.what for _, plants in MORE.values() for _, plant in plants]
KINDS += [one.plant.what for targets in TARGETS.values() for one in targets]
KINDS += ["target name used twice", "host that cannot keep up", "file that is not read"]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Kind of mistake -> whether the one run told it where it stands."""
    folder = tmp_path_factory.mktemp("mistakes")
    expected = bench.plant(folder)
    code, reports = bench.checked(folder / "config.toml")
    assert code == 1
    missed, false = bench.compared(expected, reports)
    assert [report["message"] for report in false] == []
    wrong = {one.plant.what for one in missed}
    return {one.plant.what: one.plant.what not in wrong for one in expected}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_with_its_file_table_and_key(kind: str, told: dict[str, bool]) -> None:
    assert told[kind]


def test_there_are_enough_kinds_and_each_is_another() -> None:
    assert len(KINDS) == len(set(KINDS)) >= bench.WANTED_KINDS


def test_the_bench_keeps_its_promises() -> None:
    outcome = bench.run([])
    assert outcome.met, outcome.notes
