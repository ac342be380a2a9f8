"""What people type for `nightjar export`: every odd word ends in one line, with --json in one object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage.media import sniffed
from tests.cli.kept import Command, Kept, night


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return night(tmp_path_factory.mktemp("night"))


@pytest.fixture
def run(kept: Kept, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, kept.config)


@pytest.mark.parametrize(
    "odd",
    [
        (("--since", "0001-01-01T00:00+14:00"), 2, "no time"),
        (("--since", "9999-12-31T23:59-14:00"), 2, "no time"),
        (("--since", "99999999999d"), 2, "duration"),
        (("--all", "--case", "x" * 65), 1, "1 to 64"),
        (("--all", "--case", "a\nb"), 1, "1 to 64"),
        (("--all", "--out", "x" * 300), 1, "name too long"),
        (("--all", "--out", "x\0y"), 1, "no name of a file"),
        (("--all", "--out", "x\udcff"), 1, "no name of a file"),
        (("--all", "--out", "x\udcff/y"), 1, "no name of a file"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True], ids=["people", "machines"])
def test_an_odd_word_ends_in_one_line(
    run: Command, tmp_path: Path, odd: tuple[tuple[str, ...], int, str], as_json: bool
) -> None:
    words, code, why = odd
    if "--out" not in words:
        words = (*words, "--out", str(tmp_path / "package"))
    ran = run("export", *words, *(("--json",) if as_json else ()))
    assert ran.code == code, ran.err
    assert why in ran.err.lower()
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    if as_json:
        assert why in json.loads(ran.out)["message"].lower()


def test_originals_are_called_by_what_their_bytes_show_and_no_page_opens_as_one(
    run: Command, tmp_path: Path
) -> None:
    out = tmp_path / "package"
    assert run("export", "--all", "--out", str(out)).code == 0
    found = {path: sniffed(path.read_bytes()) for path in (out / "data" / "files").iterdir()}
    for path, kind in found.items():
        assert path.name.split(".", 1)[1] == {"image/jpeg": "jpg"}.get(kind, "txt")
    assert {"text/html", "image/jpeg"} <= set(found.values())
    assert run("verify", str(out)).code == 0


def test_an_encrypted_package_is_told_with_what_to_do_first(run: Command, tmp_path: Path) -> None:
    secret = tmp_path / "case.zip.age"
    secret.write_bytes(b"age-encryption.org/v1\n-> X25519 abc\n")
    ran = run("verify", str(secret))
    assert ran.code == 1
    assert "age -d -i KEYFILE -o package.zip case.zip.age" in ran.out
    secret.unlink()
    assert "there is no folder and no archive" in run("verify", str(secret)).out
