"""Whether anything that is changed in a package or in a store is noticed, and nothing that is not.

Three checkers of packages must each notice every mutant: `nightjar verify`, the verify.sh that
lies in the package (here a copy from before the mutation), and the second verifier of the tests:
its short script for whatever was changed or sealed anew, with its second part for the lies of an
exporter who holds the true key.
Raw changes of a zipped package and of a live store are for `nightjar verify` alone.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import _frauds as frauds
from bench import _mutations as mutations
from bench import _spoilt_store as spoilt
from bench import _time_frauds as time_frauds
from bench._specimen import Authorities, Specimen, specimen
from bench.figures import Figure, Result
from storage.package.check import check

NAME = "mutants"
SUMMARY = "single changes of packages and stores: all are noticed, by three checkers"
SHELL = "dash" if shutil.which("dash") else "sh"
SECOND = Path(__file__).parent.parent / "tests" / "second_verifier.py"
SECOND_FRAUDS = SECOND.with_name("second_verifier_frauds.py")
CHANGES = (*mutations.BLUNT, *mutations.KEYS, *mutations.SLY)
LIES = (*frauds.FRAUDS, *time_frauds.FRAUDS)
_BASES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Whether each checker said that something does not hold."""

    what: str
    verify: bool
    script: bool
    second: bool
    short: bool = True
    """Whether the second verifier's short script did, of what is for it to notice."""

    @property
    def by_all(self) -> bool:
        """Whether no checker let it pass."""
        return self.verify and self.script and self.second and self.short


def checked(folder: Path, base: Specimen, script: Path, what: str, *, short: bool = False) -> Noticed:
    """What the three checkers say of a folder, with what a reader knows from elsewhere.

    short: ask the second verifier's short script by itself too.
    """
    return Noticed(
        what=what,
        verify=not check(folder, base.trust).whole,
        script=not by_script(folder, base, script),
        second=not by_second(folder, base),
        short=not by_second(folder, base, SECOND) if short else True,
    )


def by_script(folder: Path, base: Specimen, script: Path) -> bool:
    """The verdict of verify.sh."""
    trust = ("--admin", base.trust.admin, "--key", base.trust.key, "--tsa-roots", str(base.roots))
    done = subprocess.run(
        [SHELL, str(script), *trust, str(folder)], capture_output=True, check=False, timeout=600
    )
    return done.returncode == 0


def by_second(folder: Path, base: Specimen, script: Path = SECOND_FRAUDS) -> bool:
    """The verdict of the second verifier: whole, or of its short script."""
    known = (base.trust.admin, base.trust.key, str(base.roots))
    command = [sys.executable, "-I", str(script), str(folder), *known]
    return subprocess.run(command, capture_output=True, check=False, timeout=600).returncode == 0


def mutated(base: Specimen, folder: Path, seed: int) -> str:
    """Make mutant number `seed` of a package in `folder`; what was done."""
    chosen = random.Random(seed)
    kinds = (*CHANGES, *LIES)
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_name(f"{folder.name}-moved").unlink(missing_ok=True)
        subprocess.run(["cp", "-al", str(base.package), str(folder)], check=True)
        done = kinds[seed % len(kinds)](folder, base, chosen)
        if done:
            return done


def package_mutants(bases: list[Specimen], work: Path, count: int, seed: int) -> list[Noticed]:
    """`count` mutants, each checked by all three. Two at a time: openssl and the shell run beside."""
    script = work / "verify.sh"
    shutil.copyfile(bases[0].package / "verify.sh", script)

    def one(number: int) -> Noticed:
        base, folder = bases[number % len(bases)], work / f"mutant-{number}"
        try:
            what = mutated(base, folder, seed + number)
            short = (seed + number) % len((*CHANGES, *LIES)) < len(CHANGES)
            return checked(folder, base, script, what, short=short)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_name(f"{folder.name}-moved").unlink(missing_ok=True)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, range(count)))


def zip_mutants(base: Specimen, work: Path, count: int, seed: int) -> list[str]:
    """Raw changes of an archive that `nightjar verify` let pass."""
    whole, passed, chosen = base.package.read_bytes(), [], random.Random(seed)
    path = work / "spoiled.zip"
    for _ in range(count):
        at = chosen.randrange(len(whole))
        how = chosen.choice(("flip", "cut", "insert", "append"))
        spoiled = {
            "flip": whole[:at] + bytes([whole[at] ^ 1 << chosen.randrange(8)]) + whole[at + 1 :],
            "cut": whole[:at],
            "insert": whole[:at] + b"x" + whole[at:],
            "append": whole + whole[: at % 100 + 1],
        }[how]
        path.write_bytes(spoiled)
        if check(path, base.trust).whole:
            passed.append(f"{how} at {at} of {len(whole)}")
    return passed


async def measure(work: Path, *, count: int, untouched: int, seed: int) -> Result:
    """Make specimens, spoil them, count who noticed."""
    authorities = Authorities(work / "authorities")
    await authorities.make()
    bases = [await specimen(work / f"base-{n}", authorities, seed + n) for n in range(_BASES)]
    zipped = await specimen(work / "zipped", authorities, seed + _BASES, ending=".zip")
    found = await asyncio.to_thread(package_mutants, bases, work, count, seed)
    passed_zip = await asyncio.to_thread(zip_mutants, zipped, work, count, seed)
    stores = [await spoilt.noticed(bases[n % _BASES], work, seed + n) for n in range(count)]
    alarms = await _false_alarms(work, authorities, untouched, seed)
    missed = [one for one in found if not one.by_all]
    for one in missed:
        print(f"passed: {one}", file=sys.stderr)
    for line in (*passed_zip, *(what for what, seen in stores if not seen)):
        print(f"passed: {line}", file=sys.stderr)
    kinds = Counter(what.split(" ")[0] for what, _ in stores)
    return Result(
        (
            Figure("package_mutants", len(found), 500 if count >= 500 else None),
            Figure("noticed_by_verify", 100 * _share([one.verify for one in found]), 100, "equal", "%"),
            Figure("noticed_by_script", 100 * _share([one.script for one in found]), 100, "equal", "%"),
            Figure("noticed_by_second", 100 * _share([one.second for one in found]), 100, "equal", "%"),
            Figure(
                "noticed_by_second_short",
                100 * _share([one.short for one in found]),
                100,
                "equal",
                "%",
                "tests/second_verifier.py alone, of all but the lies of an exporter with the true key",
            ),
            Figure("zip_mutants_passed", len(passed_zip), 0, "equal", note=f"of {count} raw changes"),
            Figure("store_mutants", len(stores), note=", ".join(f"{n} {k}" for k, n in kinds.most_common())),
            Figure("store_noticed", 100 * _share([seen for _, seen in stores]), 100, "equal", "%"),
            Figure("false_alarms", alarms, 0, "equal", note=f"of {untouched} untouched, by any checker"),
        ),
        notes=(f"seed {seed}; fingerprints of admin and daemon key and the roots are given",),
    )


async def _false_alarms(work: Path, authorities: Authorities, count: int, seed: int) -> int:
    """Untouched packages, each of another store, that a checker refused; so are their stores."""
    alarms = 0
    for number in range(count):
        folder = work / f"untouched-{number}"
        one = await specimen(folder, authorities, seed + 1_000 + number)
        seen = await asyncio.to_thread(checked, one.package, one, one.package / "verify.sh", "untouched")
        alarms += seen.verify or seen.script or seen.second or not await spoilt.whole(one.data)
        shutil.rmtree(folder)
    return alarms


def _share(seen: list[bool]) -> float:
    return sum(seen) / len(seen) if seen else float("nan")


async def run(arguments: list[str]) -> Result:
    """`--count N` mutants of packages and as many of stores (500), `--untouched N` (50), `--seed N` (1)."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--untouched", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="nightjar-mutants-") as name:
        return await measure(Path(name), count=options.count, untouched=options.untouched, seed=options.seed)
