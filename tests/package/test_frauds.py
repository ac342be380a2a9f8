"""What somebody with the daemon's key could hide in a package that is sealed as it should be."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import _frauds as frauds
from bench import _mutations as mutations
from bench._looks import look
from bench._specimen import Authorities, Specimen, specimen
from bench.mutants import SECOND_FRAUDS, by_script, by_second
from storage import cases, checkpoints, keys, notes
from storage.casefile import export
from storage.cases import Act, Order
from storage.keys import Signer
from storage.model import Observation
from storage.package import layout
from storage.package.check import State, Verdict, check
from storage.signatures import pem
from tests.fakes import tsa
from tests.storage.kit import HandClock, opened

pytestmark = pytest.mark.skipif(bool(tsa.missing()), reason=tsa.missing() or "-")
ROTATED = 20261127
SCRIPT = Path(layout.__file__).parent / "sh" / "verify.sh"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    """A package of a store that has had two daemon keys, with a case and time stamps."""
    folder = tmp_path_factory.mktemp("frauds")

    async def made() -> Specimen:
        authorities = Authorities(folder / "authorities")
        await authorities.make()
        return await specimen(folder / "one", authorities, ROTATED)

    return asyncio.run(made())


@pytest.fixture
def copy(one: Specimen, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-al", str(one.package), str(tmp_path / "copy")], check=True)
    return tmp_path / "copy"


def broken(verdict: Verdict) -> list[str]:
    return [step.name for step in verdict.steps if step.state is State.BROKEN]


def sealed_again(folder: Path, one: Specimen) -> Path:
    mutations.oxum(folder)
    mutations.reseal(folder, one.signer)
    return folder


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("substituted", "files"),
        ("record", "cases"),
        ("entry", "cases"),
        ("no_record", "cases"),
        ("foreign_old_key", "consistency"),
        ("stray", "files"),
        ("empty_folder", "files"),
        ("padded", "archive"),
    ],
)
def test_three_checkers_notice_every_fraud(
    one: Specimen, copy: Path, kind: str, step: str, seed: int
) -> None:
    change: Callable[[Path, Specimen, random.Random], str] = getattr(frauds, kind)
    what = mutations.sly(change)(copy, one, random.Random(seed))
    assert step in broken(check(copy, one.trust)), what
    assert not by_script(copy, one, SCRIPT), what
    assert not by_second(copy, one), what


def test_an_original_is_only_what_lies_among_the_originals(one: Specimen, copy: Path) -> None:
    mutations.sly(frauds.substituted)(copy, one, random.Random(1))
    assert "manifests" in broken(check(copy, one.trust))


def test_every_fraud_is_one_of_the_mutants() -> None:
    assert len(frauds.FRAUDS) == 8


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"record": "', '"record":"{}","record": "'),
        ('     "record": ', '     "\\u0072ecord": "x",\n     "record": '),
        ('     "kind": "case",', '     "kind": "case",\n     "entry" : "{}",'),
        ('"}"\n    }', '"}", "record": "{}"\n    }'),
    ],
)
def test_no_second_record_hides_in_another_form_of_json(
    one: Specimen, copy: Path, old: str, new: str
) -> None:
    text = (copy / layout.CASE_JSON).read_text()
    assert old in text
    mutations.put(copy / layout.CASE_JSON, text.replace(old, new, 1).encode())
    sealed_again(copy, one)
    assert broken(check(copy, one.trust)) == ["cases"]
    assert not by_script(copy, one, SCRIPT)


# --- old keys ---------------------------------------------------------------------------------


def passes(folder: Path, one: Specimen) -> bool:
    """Whether all three let it pass."""
    return check(folder, one.trust).whole and by_script(folder, one, SCRIPT) and by_second(folder, one)


def test_an_old_key_goes_along_with_the_admin_who_certified_it(one: Specimen) -> None:
    old = one.package / layout.KEYS / "old" / "1"
    assert sorted(path.name for path in old.iterdir()) == [keys.ADMIN, keys.CERTIFICATE, keys.PUBLIC]
    assert passes(one.package, one)


def test_packages_from_before_old_keys_had_their_admin_still_pass(one: Specimen, copy: Path) -> None:
    (copy / layout.KEYS / "old" / "1" / keys.ADMIN).unlink()
    assert passes(sealed_again(copy, one), one)


def test_a_certificate_of_an_old_key_holds_under_the_admin_beside_it(one: Specimen, copy: Path) -> None:
    other = Signer.of(Ed25519PrivateKey.generate(), keys.ADMIN_NAME)
    mutations.put(copy / layout.KEYS / "old" / "1" / keys.ADMIN, pem(other.public).encode())
    sealed_again(copy, one)
    assert broken(check(copy, one.trust)) == ["consistency"]
    assert not by_script(copy, one, SCRIPT)


def test_an_old_key_that_the_log_does_not_name_counts_by_the_admin_that_the_reader_knows(
    one: Specimen, copy: Path
) -> None:
    admin = keys.admin_signer(one.data.parent / "admin.key")
    signer = Signer.of(Ed25519PrivateKey.generate(), one.signer.name)
    origin = signer.name.removeprefix("nightjar-")
    frauds.foreign_old_key(copy, one, random.Random(1))
    state = max((copy / layout.CHECKPOINTS).iterdir(), key=lambda path: path.stat().st_mtime_ns)
    mutations.put(state, notes.sign_note(notes.split_note(state.read_text())[0], signer).encode())
    old = copy / layout.KEYS / "old" / "77"
    note = notes.sign_note(
        keys.certificate_text(origin, signer.public, notes.time_of("2001-01-01T00:00:00.000000Z")), admin
    )
    mutations.put(old / keys.PUBLIC, pem(signer.public).encode())
    mutations.put(old / keys.CERTIFICATE, note.encode())
    mutations.put(old / keys.ADMIN, pem(admin.public).encode())
    sealed_again(copy, one)
    unknown = replace(one, trust=replace(one.trust, admin=""))
    assert check(copy, one.trust).whole
    assert by_script(copy, one, SCRIPT)
    assert broken(check(copy, unknown.trust)) == ["consistency"]
    assert not by_script(copy, unknown, SCRIPT)


# --- looks that were left out -----------------------------------------------------------------


async def test_a_look_that_was_left_out_is_remarked(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        first = await store.seal(look("1", clock.tick()))
        again = replace(look("1", clock.tick()), observation=Observation.CHANGED)
        second = await store.seal(replace(again, previous=first.evidence_id))
        await checkpoints.sign(store, "test")
        package = await export(store, [second.evidence_id], tmp_path / "package")
        signer = Signer.load(store.folder, store.vault.origin)
    assert not [remark for remark in check(package).remarks if "LEFT OUT" in remark]
    assert "LEFT OUT" not in said_by_script(package)
    for path in (package, *package.rglob("*")):
        path.chmod(0o750 if path.is_dir() else 0o640)
    shutil.rmtree(package / layout.EVIDENCE / str(first.evidence_id))
    told = json.loads((package / layout.EVIDENCE / str(second.evidence_id) / "manifest.json").read_bytes())
    named = {file["sha256"] for file in told["files"]}
    for path in (package / layout.FILES).iterdir():
        if path.name[:64] not in named:
            path.unlink()
    mutations.oxum(package)
    mutations.reseal(package, signer)
    verdict = check(package)
    assert verdict.whole
    assert [str(first.evidence_id) in remark for remark in verdict.remarks if "LEFT OUT" in remark] == [True]
    assert f"LEFT OUT: 1 looks that the package names are not in it ({first.evidence_id})" in said_by_script(
        package
    )


# --- honest packages --------------------------------------------------------------------------

ODD = (
    'a "record": "x", "kind":"hold" \\u0041 \\" {[,]} \\',
    "two\nlines\t\x7f\u2028\x01 血料",
    '"}',
    "\\",
    'x","record":"y',
)


async def test_records_of_cases_may_say_anything(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        sealed = await store.seal(look("1", clock.tick()))
        for number, odd in enumerate(ODD):
            orders = (
                Order(act=Act.NEW, number=f"7/{number}", officer=odd, title=odd, legal_basis=odd),
                Order(act=Act.ADD, number=f"7/{number}", officer="b", evidence=(str(sealed.evidence_id),)),
                Order(act=Act.HOLD, number=f"7/{number}", officer=odd, why=odd),
                Order(act=Act.RELEASE, number=f"7/{number}", officer="b", why=odd),
                Order(act=Act.CLOSE, number=f"7/{number}", officer="b", why=odd),
            )
            for order in orders:
                await cases.apply(store.vault, order)
        chosen = await cases.select(store, [f"7/{number}" for number in range(len(ODD))])
        package = await export(
            store, chosen.evidence_ids, tmp_path / "package", officer=ODD[1], why=ODD[0], cases=chosen.cases
        )
    steps = {step.name: step for step in check(package).steps}
    assert steps["cases"].what == ("25 records of cases are those that the log names",)
    assert "cases: 25 records of cases are those that the log names" in said_by_script(package)
    assert said_by_second(package).startswith("whole: ")


async def test_a_package_without_a_case_has_a_document_without_records(tmp_path: Path) -> None:
    clock = HandClock()
    async with opened(tmp_path / "data", clock) as store:
        sealed = await store.seal(look("1", clock.tick()))
        package = await export(store, [sealed.evidence_id], tmp_path / "package")
    assert check(package).whole
    assert "cases: 0 records of cases" in said_by_script(package)


def said_by_second(package: Path) -> str:
    command = [sys.executable, "-I", str(SECOND_FRAUDS), str(package)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def said_by_script(package: Path) -> str:
    done = subprocess.run(["sh", str(SCRIPT), str(package)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout
