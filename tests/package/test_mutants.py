"""Every change of a package is noticed by three checkers, and nothing that was not changed is."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench import _frauds as frauds
from bench import _mutations as mutations
from bench import _spoilt_store as spoilt
from bench._specimen import Authorities, Specimen, specimen
from bench.mutants import by_script, by_second, checked, zip_mutants
from storage.package.check import Trust, check
from tests.fakes import tsa

pytestmark = pytest.mark.skipif(bool(tsa.missing()), reason=tsa.missing() or "-")
SEED = 20261127


@pytest.fixture
async def one(tmp_path: Path) -> Specimen:
    authorities = Authorities(tmp_path / "authorities")
    await authorities.make()
    return await specimen(tmp_path / "one", authorities, SEED)


def copied(one: Specimen, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["cp", "-al", str(one.package), str(folder)], check=True)
    return folder


def ran_of(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


@pytest.mark.slow
async def test_three_checkers_notice_one_mutant_of_every_kind(one: Specimen, tmp_path: Path) -> None:
    whole = checked(one.package, one, one.package / "verify.sh", "untouched")
    assert [whole.verify, whole.script, whole.second] == [False, False, False]
    for number, kind in enumerate((*mutations.BLUNT, *mutations.KEYS, *mutations.SLY, *frauds.FRAUDS)):
        what, chosen = "", random.Random(SEED + number)
        while not what:
            folder = copied(one, tmp_path / f"mutant-{number}")
            what = kind(folder, one, chosen)
        assert checked(folder, one, one.package / "verify.sh", what).by_all, what


async def test_what_is_only_sealed_again_is_no_mutant(one: Specimen, tmp_path: Path) -> None:
    folder = copied(one, tmp_path / "again")
    mutations.reseal(folder, one.signer)
    assert check(folder, one.trust).whole
    assert by_script(folder, one, folder / "verify.sh")
    assert by_second(folder, one)


async def test_a_verdict_names_the_first_fault_and_what_still_holds(one: Specimen, tmp_path: Path) -> None:
    folder = copied(one, tmp_path / "foreign")
    assert mutations.sly(mutations.foreign_token)(folder, one, random.Random(1))
    verdict = check(folder, one.trust)
    assert verdict.first.startswith("time: ")
    assert [step.name for step in verdict.steps if step.name not in verdict.holds] == ["time"]
    ran = ran_of("sh", folder / "verify.sh", "--tsa-roots", one.roots)
    assert ran.returncode == 1
    assert "The first thing that does not hold: time: " in ran.stdout
    assert "whole   inclusion: every piece of evidence is in the log" in ran.stdout


async def test_without_known_fingerprints_it_says_that_keys_were_not_compared(one: Specimen) -> None:
    verdict = check(one.package, Trust())
    assert verdict.whole
    assert [remark.split(":")[0] for remark in verdict.remarks] == [
        "KEYS WERE NOT COMPARED",
        "ROOTS OF TIME-STAMP AUTHORITIES WERE NOT COMPARED",
    ]
    for wrong in (replace(one.trust, key="00" * 32), replace(one.trust, admin="00" * 32)):
        assert check(one.package, wrong).first.startswith("key: ")


async def test_raw_changes_of_an_archive_are_noticed(tmp_path: Path) -> None:
    authorities = Authorities(tmp_path / "authorities")
    await authorities.make()
    zipped = await specimen(tmp_path / "zipped", authorities, SEED, ending=".zip")
    assert check(zipped.package, zipped.trust).whole
    assert zip_mutants(zipped, tmp_path, 60, SEED) == []
    ran_of(sys.executable, "-m", "zipfile", "-e", zipped.package, tmp_path / "unpacked")
    assert check(tmp_path / "unpacked", zipped.trust).whole


@pytest.mark.slow
async def test_verify_notices_changes_of_a_live_store(one: Specimen, tmp_path: Path) -> None:
    assert await spoilt.whole(one.data)
    for number in range(20):
        what, seen = await spoilt.noticed(one, tmp_path, SEED + number)
        assert seen, what
