"""Time stamps, times and signatures in packages: three checkers notice what is forged, and nothing else."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench import _mutations as mutations
from bench import _time_frauds as frauds
from bench._looks import look, watched
from bench._specimen import FIRST, SECOND, Authorities, Specimen, Ticking, specimen
from bench.mutants import SECOND_FRAUDS as SECOND_VERIFIER
from bench.mutants import SHELL
from storage import cases, checkpoints
from storage.cases import Act, Order
from storage.export import export
from storage.package import layout
from storage.package.check import Trust, check
from storage.store import Store
from tests.fakes import old_tsa, tsa

pytestmark = pytest.mark.skipif(bool(tsa.missing()), reason=tsa.missing() or "-")


@dataclass(frozen=True)
class Said:
    """What the three checkers say; faults of none when they pass."""

    verify: str
    script: str
    second: str
    remarks: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    pending: bool = False
    """Whether verify.sh says that no time stamp counts yet."""

    @property
    def whole(self) -> tuple[bool, bool, bool]:
        return not self.verify, not self.script, not self.second


def said_of(package: Path, one: Specimen, *, known: bool = True) -> Said:
    trust = one.trust if known else Trust()
    verdict = check(package, trust)
    words = ("--admin", trust.admin, "--key", trust.key, "--tsa-roots", str(one.roots)) if known else ()
    script = ran(SHELL, one.package / "verify.sh", *words, package)
    given = (trust.admin, trust.key, str(one.roots)) if known else ()
    second = ran(sys.executable, "-I", SECOND_VERIFIER, package, *given)
    faults = [
        f"{step.name}: {what}" for step in verdict.steps for what in step.what if step.state == "broken"
    ]
    return Said(
        verify="\n".join(faults),
        script=script.stdout + script.stderr if script.returncode else "",
        second=second.stderr if second.returncode else "",
        remarks=verdict.remarks,
        notes=tuple(line[8:] for line in script.stdout.splitlines() if line.startswith("note")),
        pending="; time pending" in script.stdout,
    )


def ran(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    both = Authorities(tmp_path_factory.mktemp("tsa") / "authorities")
    asyncio.run(both.make())
    return both


@pytest.fixture(scope="module")
def one(authorities: Authorities, tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    return asyncio.run(specimen(tmp_path_factory.mktemp("made") / "one", authorities, 1))


@pytest.fixture
def folder(one: Specimen, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-al", one.package, tmp_path / "copy"], check=True)
    return tmp_path / "copy"


def sealed(folder: Path, one: Specimen) -> Path:
    mutations.oxum(folder)
    mutations.reseal(folder, one.signer)
    return folder


LOGGED = (
    "is not the response that the log says",
    "is not the response that the log says",
    "another token of",
)
LEFT_OUT = ("left out: the time stamp", "left out: the time stamp", "left out")
WORDS = (
    LOGGED,
    LEFT_OUT,
    LEFT_OUT,
    ("the request has no nonce", "has no nonce", "the nonce of"),
    (*LOGGED[:2], ""),
    ("consistency: ", "consistency: ", ""),
    ("allowed_signers is another key", "data/keys/allowed_signers is not the one", "allowed_signers"),
    ("seal: ", "seal.txt has not the form", "NOT WHOLE: "),
    ("is not in its one form", "signatures/tagmanifest.", "tagmanifest."),
)


@pytest.mark.parametrize(
    ("fraud", "words"), list(zip(frauds.FRAUDS, WORDS, strict=True)), ids=range(len(WORDS))
)
def test_three_checkers_say_what_is_wrong(
    one: Specimen, folder: Path, fraud: mutations.Mutation, words: tuple[str, str, str]
) -> None:
    what = fraud(folder, one, random.Random(7))
    said = said_of(folder, one)
    assert said.whole == (False, False, False), what
    assert [
        word in text for word, text in zip(words, (said.verify, said.script, said.second), strict=True)
    ] == [
        True,
        True,
        True,
    ], said


def test_what_was_not_changed_is_whole_without_a_remark(one: Specimen) -> None:
    said = said_of(one.package, one)
    assert (said.whole, said.remarks, said.notes) == ((True, True, True), (), ())


def test_readme_and_script_name_the_key_in_use_before_the_admins(one: Specimen) -> None:
    for name in (layout.README, layout.SCRIPT):
        text = (one.package / name).read_text()
        assert 0 < text.index("--key FINGERPRINT") < text.index("--admin FINGERPRINT"), name


async def test_one_authority_under_two_names_is_not_two(authorities: Authorities, tmp_path: Path) -> None:
    doubled = Authorities(authorities.folder)
    doubled.both = dict.fromkeys((FIRST, SECOND), authorities.both[SECOND])
    two = await specimen(tmp_path / "two", doubled, 1)
    said = said_of(two.package, two)
    assert said.whole == (False, False, False)
    assert f"-{FIRST}.tsr" in said.verify
    roots = tmp_path / "roots"  # a reader's files that bear other names count for all
    roots.mkdir()
    for path in two.roots.glob("*.pem"):
        (roots / f"root-of-{path.name}").write_bytes(path.read_bytes())
    trust = replace(two.trust, roots={path.stem: path.read_bytes() for path in roots.glob("*.pem")})
    said = said_of(two.package, replace(two, roots=roots, trust=trust))
    assert said.whole == (True, True, True)
    same = f"ONE AUTHORITY, not 2: {FIRST}, {SECOND} sign by the same certificates"
    assert (said.remarks.count(same), said.notes.count(same)) == (1, 1), said


class _Expired(tsa.Authority):
    """Gave its tokens ten days ago, by a certificate that has expired since."""

    digest = "sha256"

    async def stamp(self, query: bytes, *, signer: str = "right", chained: bool = False) -> bytes:
        if signer != "right":
            return await super().stamp(query, signer=signer, chained=chained)
        at = datetime.now(UTC) - timedelta(days=10)
        return await asyncio.to_thread(
            old_tsa.stamp, self.folder, query, at, signer="expired", digest=self.digest
        )


class _Weak(_Expired):
    digest = "sha1"


@pytest.mark.parametrize("kind", [_Expired, _Weak])
async def test_a_certificate_that_has_expired_since_is_no_fault(
    authorities: Authorities, tmp_path: Path, kind: type[_Expired]
) -> None:
    both = Authorities(authorities.folder)
    both.both = {name: kind(authority.folder, name) for name, authority in authorities.both.items()}
    old = await specimen(tmp_path / "old", both, 1)
    for known in (True, False):
        said = said_of(old.package, old, known=known)
        assert said.whole == (True, True, True), said
        assert sum("its certificate has expired since" in note for note in said.notes) == 4
        for told in (said.remarks, said.notes):
            assert sum("dated" in one and "after the time stamp" in one for one in told) == 4
            assert sum("is not counted: it is signed over SHA-1" in one for one in told) == (
                4 if kind is _Weak else 0
            )
        verdict = check(old.package, old.trust if known else Trust())
        assert verdict.time_pending is (kind is _Weak)
        assert said.pending is (kind is _Weak)


def test_a_token_that_no_shown_entry_names_is_told(one: Specimen, folder: Path) -> None:
    path = folder / layout.ENTRIES
    lines = path.read_text().splitlines(keepends=True)
    named = next(line for line in lines if "beacon" in line)
    mutations.put(path, "".join(line for line in lines if line != named).encode())
    facts = json.loads(json.loads(named)["entry"])["facts"]
    said = said_of(sealed(folder, one), one)
    assert said.whole == (True, True, True)
    assert said.remarks == (
        f"no entry that is shown names these time stamps: {facts['size']}-{facts['authority']}",
    )
    assert said.notes == (
        f"no entry that is shown names the time stamp {facts['size']}-{facts['authority']}",
    )


async def test_tokens_over_older_pieces_are_not_missed(
    one: Specimen, authorities: Authorities, tmp_path: Path
) -> None:
    clock = Ticking()
    store = await Store.open(tmp_path / "data", clock)
    try:
        new = Order(act=Act.NEW, number="2026/9", title="trial", legal_basis="art. 1", officer="badge 1")
        await cases.apply(store.vault, new)
        pieces = []
        for number in range(3):
            pieces.append(
                await store.seal(look(f"{number}", clock.now()), watched=watched(f"{number}", clock.now()))
            )
            await checkpoints.sign(store, "news")
            await authorities.stamp(store)
        add = Order(act=Act.ADD, number="2026/9", evidence=(pieces[1].evidence_id,), officer="badge 1")
        await cases.apply(store.vault, await cases.whole(store, add))
        held = (await cases.select(store, ["2026/9"])).cases
        out = tmp_path / "package"
        await export(store, [pieces[1].evidence_id], out, cases=held)
    finally:
        await store.close()
    shown = (out / layout.ENTRIES).read_text().count("beacon")
    assert (shown, len(list((out / layout.TIME).glob("*.tsr")))) == (6, 2)
    trust = Trust(roots=one.trust.roots)
    verdict = check(out, trust)
    assert (verdict.whole, verdict.first) == (True, "")
    script = ran(SHELL, one.package / "verify.sh", "--tsa-roots", one.roots, out)
    assert script.returncode == 0, script.stdout
    assert ran(sys.executable, "-I", SECOND_VERIFIER, out, "", "", one.roots).returncode == 0
