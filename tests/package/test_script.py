"""verify.sh on systems that lack something or are set up oddly: it says so, and never passes unseen."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench import _mutations as mutations
from bench._specimen import Authorities, Specimen, specimen
from storage.package.check import check
from tests.fakes import tsa

pytestmark = pytest.mark.skipif(bool(tsa.missing()), reason=tsa.missing() or "-")
SHELL = shutil.which("dash") or shutil.which("sh") or "sh"
# fmt: off
TOOLS = [
    "awk", "base64", "cat", "cmp", "comm", "cp", "cut", "dirname", "find", "grep", "gzip", "head", "mkdir",
    "mktemp", "mv", "od", "openssl", "rm", "sed", "sha256sum", "sort", "tail", "tr", "wc", "xargs",
]
# fmt: on


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    return asyncio.run(made(tmp_path_factory.mktemp("made")))


async def made(folder: Path) -> Specimen:
    authorities = Authorities(folder / "authorities")
    await authorities.make()
    return await specimen(folder / "one", authorities, 1)


@pytest.fixture
def broken(one: Specimen, tmp_path: Path) -> Path:
    """A package with a file more than the lists name."""
    folder = copied(one, tmp_path)
    mutations.put(folder / "data/extra.txt", b"smuggled")
    return folder


def copied(one: Specimen, folder: Path) -> Path:
    subprocess.run(["cp", "-al", one.package, folder / "copy"], check=True)
    return folder / "copy"


def ran(one: Specimen, *words: object, cwd: Path | None = None, **environment: str) -> tuple[int, str]:
    """Exit code and all that it said."""
    command = [SHELL, str(one.package / "verify.sh"), *map(str, words)]
    env = {**os.environ, **environment}
    done = subprocess.run(
        command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout


def path_of(folder: Path, tools: list[str]) -> Path:
    """A folder with these programs alone."""
    folder.mkdir()
    for tool in tools:
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


def instead(folder: Path, tool: str, body: str) -> str:
    """A PATH on which one program is another."""
    folder.mkdir(exist_ok=True)
    (folder / tool).write_text(f"#!/bin/sh\n{body}\n")
    (folder / tool).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_it_needs_the_programs_it_names_and_no_other(one: Specimen, tmp_path: Path) -> None:
    path = path_of(tmp_path / "bin", TOOLS)
    code, said = ran(one, "--tsa-roots", one.roots, one.package, PATH=str(path))
    assert (code, "everything that was checked is whole" in said) == (0, True), said
    assert "not found" not in said


@pytest.mark.parametrize("tool", TOOLS)
def test_without_a_program_it_says_which(one: Specimen, broken: Path, tmp_path: Path, tool: str) -> None:
    path = path_of(tmp_path / "bin", [other for other in TOOLS if other != tool])
    assert ran(one, broken, PATH=str(path)) == (2, f"verify.sh: {tool} is missing\n")


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool not in ("mktemp", "openssl")])
@pytest.mark.parametrize("body", ["exit 0", "cat >/dev/null; exit 1"])
def test_a_program_that_does_not_work_lets_nothing_pass(
    one: Specimen, broken: Path, tmp_path: Path, tool: str, body: str
) -> None:
    if tool == "cat":
        body = body.replace("cat >/dev/null; ", "")
    code, said = ran(one, broken, PATH=instead(tmp_path / "bin", tool, body))
    assert code == 2, said
    assert "does not do what is needed here" in said


@pytest.mark.parametrize("body", ["exit 0", "exit 1", 'case "$*" in *-rawin*) exit 1 ;; esac; exec {} "$@"'])
def test_an_openssl_that_cannot_check_signatures_accuses_nobody(
    one: Specimen, tmp_path: Path, body: str
) -> None:
    path = instead(tmp_path / "bin", "openssl", body.format(shutil.which("openssl")))
    code, said = ran(one, one.package, PATH=path)
    assert code == 2
    assert "openssl cannot check Ed25519 signatures" in said
    assert "BROKEN" not in said


@pytest.mark.parametrize(
    ("begins", "says"),
    [
        (b"PK\x03\x04\x00\x00", "is an archive: unpack it first"),
        (b"age-encryption.org/v1\n-> X25519 x\n", "is encrypted: age -d"),
        (b"\x00\x01", "give the folder of a package"),
    ],
)
def test_a_file_in_place_of_a_folder_is_told_with_what_to_do(
    one: Specimen, tmp_path: Path, begins: bytes, says: str
) -> None:
    path = tmp_path / "-case.zip"
    path.write_bytes(begins)
    code, said = ran(one, path)
    assert (code, says in said, "BROKEN" in said) == (2, True, False), said
    code, said = ran(one, tmp_path / "none")
    assert (code, "there is no folder" in said) == (2, True), said


def test_folders_with_spaces_and_roots_without_a_last_newline_are_no_fault(
    one: Specimen, tmp_path: Path
) -> None:
    roots, scratch = tmp_path / "my roots", tmp_path / "my scratch"
    roots.mkdir()
    scratch.mkdir()
    for number, path in enumerate(sorted(one.roots.glob("*.pem"))):
        (roots / f"root {number}.pem").write_bytes(path.read_bytes().rstrip(b"\n"))
    code, said = ran(one, "--tsa-roots", roots, one.package, TMPDIR=str(scratch))
    assert code == 0, said
    assert list(scratch.iterdir()) == []


def test_fingerprints_may_be_written_with_colons_and_capitals(one: Specimen) -> None:
    pairs = ":".join(re.findall("..", one.trust.key)).upper()
    assert ran(one, "--key", pairs, "--admin", f" {one.trust.admin} ", one.package)[0] == 0
    code, said = ran(one, "--key", "00" * 32, one.package)
    assert (code, "the daemon's key is another than the one you named" in said) == (1, True)


@pytest.mark.parametrize("wrong", ["", "deadbeef", "0" * 63 + "g", "0" * 65])
@pytest.mark.parametrize("option", ["--key", "--admin"])
def test_a_fingerprint_that_is_none_is_wrong_use(one: Specimen, option: str, wrong: str) -> None:
    code, said = ran(one, option, wrong, one.package)
    assert (code, said.startswith(f"verify.sh: {option}")) == (2, True), said


def test_the_folder_that_was_named_is_checked_whatever_cdpath_says(
    one: Specimen, broken: Path, tmp_path: Path
) -> None:
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    shutil.copytree(one.package, decoy / broken.name)
    code, said = ran(one, broken.name, cwd=broken.parent, CDPATH=str(decoy))
    assert code == 1
    assert "in no list: ./data/extra.txt" in said


def test_a_full_disk_is_no_verdict(one: Specimen, broken: Path) -> None:
    for package in (one.package, broken):
        command = f'ulimit -f 8; trap "" XFSZ; exec "{SHELL}" "{one.package}/verify.sh" "{package}"'
        done = subprocess.run([SHELL, "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stdout
        assert "no room for temporary files" in done.stderr
        assert "NOT WHOLE" not in done.stdout


def test_temporary_files_never_lie_in_the_package(one: Specimen, tmp_path: Path) -> None:
    package = copied(one, tmp_path)
    before = mutations.every(package)
    assert ran(one, ".", cwd=package, TMPDIR=".")[0] == 2
    assert ran(one, package, cwd=tmp_path, TMPDIR=".")[0] == 0
    assert mutations.every(package) == before


@pytest.mark.parametrize("name", ["tagmanifest-sha256.txt", "manifest-sha256.txt", "seal.txt"])
@pytest.mark.parametrize("how", ["missing", "cut", "other lines"])
def test_a_bad_list_does_not_keep_the_other_steps_from_being_tried(
    one: Specimen, tmp_path: Path, name: str, how: str
) -> None:
    package = copied(one, tmp_path)
    data = (package / name).read_bytes()
    (package / name).unlink()
    if how != "missing":
        (package / name).write_bytes(data[:-1] if how == "cut" else data + b"anything\n")
    code, said = ran(one, package)
    broken = {line.split(" ", 1)[1].split(":")[0].strip() for line in said.splitlines() if "BROKEN" in line}
    assert code == 1
    assert f"The first thing that does not hold: files: {name}" in said
    assert {"files", "hashes"} <= broken
    assert "archive" in said
    if name == "tagmanifest-sha256.txt":
        assert broken == {"files", "hashes", "seal"}, said


def test_zero_bytes_hide_nothing(one: Specimen, tmp_path: Path) -> None:
    package = copied(one, tmp_path)
    for path, step in (
        (next(iter(package.glob("data/evidence/*/proof.tlog"))), "inclusion: "),
        (package / "data/log/entries.jsonl", "log entries: "),
        (package / "data/log/checkpoint", "checkpoint: "),
        (next(iter(package.glob("data/log/checkpoints/*"))), "consistency: "),
    ):
        data = path.read_bytes()
        for spoilt in (data[:-1] + b"\0guilty\n", data.replace(b"\n", b"\0\n", 1)):
            mutations.put(path, spoilt)
            mutations.oxum(package)
            mutations.reseal(package, one.signer)
            code, said = ran(one, package)
            assert (code, f"BROKEN  {step}" in said) == (1, True), said
        mutations.put(path, data)


def test_an_entry_of_another_kind_cannot_quote_evidence(one: Specimen, tmp_path: Path) -> None:
    package = copied(one, tmp_path)
    path = next(iter(package.glob("data/evidence/*/entry.json")))
    true = path.read_bytes().removeprefix(b"{").removesuffix(b"}")
    mutations.put(path, b'{"at":"2026-11-27T00:00:00.000000Z","facts":{' + true + b'},"kind":"gap","v":1}')
    mutations.oxum(package)
    mutations.reseal(package, one.signer)
    code, said = ran(one, package)
    assert (code, "entry.json does not name its manifest" in said) == (1, True), said


def test_it_writes_the_root_as_cards_status_and_nightjar_verify_do(one: Specimen) -> None:
    sealed = (one.package / "seal.txt").read_text().splitlines()[3]
    root = base64.b64decode(sealed.split()[2]).hex()
    assert f"leaves lead to the root {root}:" in ran(one, one.package)[1]


def test_both_checkers_say_of_what_nothing_was_left_out(one: Specimen) -> None:
    said = "no entry of the log was left out of this list of hashes (content is shown of some entries only)"
    assert said in ran(one, one.package)[1]
    (step,) = [step for step in check(one.package, one.trust).steps if step.name == "log"]
    assert said in " ".join(step.what)


def test_the_readme_of_a_package_names_the_exit_code_of_what_could_not_be_checked(one: Specimen) -> None:
    code, _ = ran(one, "--key", "no fingerprint", one.package)
    told = " ".join((one.package / "README.txt").read_text().split())
    assert (code, "0 (whole), 1 (something does not hold) or 2 (it could not be checked" in told) == (2, True)
