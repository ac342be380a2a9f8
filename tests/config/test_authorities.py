"""`[[authority]]`: right tables become words, every mistake says file, table and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings.authorities import TimeAuthority
from tests.config.kinds import HEAD, load, mistakes, target, write
from tests.fakes import tsa

TABLE = """
[[authority]]
name = "{name}"
url = "https://{name}.example.org/tsr"
roots = "roots.pem"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tsa.make(tmp_path / "made", "An authority")
    (tmp_path / "made" / "right-root.pem").rename(tmp_path / "roots.pem")
    return tmp_path


def two(*extra: str) -> str:
    tables = [TABLE.format(name=name) for name in ("one", "two")]
    return HEAD + target() + tables[0] + tables[1] + "\n".join(extra) + "\n"


def test_two_authorities_are_read_with_their_roots(folder: Path) -> None:
    pem = (folder / "roots.pem").read_bytes()
    found = load(write(folder, two('every = "10m"'))).authorities
    assert found == (
        TimeAuthority(name="one", url="https://one.example.org/tsr", roots=pem, every_s=300.0),
        TimeAuthority(name="two", url="https://two.example.org/tsr", roots=pem, every_s=600.0),
    )


def test_none_is_allowed(folder: Path) -> None:
    assert load(write(folder, HEAD + target())).authorities == ()


WRONG = {
    'name = "Über"': ("name", "small letters"),
    'name = "../x"': ("name", "small letters"),
    'name = "one"': ("name", "used already by [[authority]] #1"),
    'url = "https://one.example.org/tsr"': ("url", "used already by [[authority]] #1"),
    'url = "ftp://two.example.org/"': ("url", "http"),
    'url = "https://user:pw@two.example.org/"': ("url", "password"),
    'roots = "absent.pem"': ("roots", "cannot be read: No such file"),
    'roots = "~nobody-of-that-name/x"': ("roots", "cannot be read"),
    'roots = "."': ("roots", "cannot be read"),
    'roots = "config.toml"': ("roots", "no PEM file"),
    'every = "1s"': ("every", "between 10s and 1d"),
    'every = "2d"': ("every", "between 10s and 1d"),
    'intervall = "5m"': ("intervall", "unknown key"),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_key_is_told_with_its_place(folder: Path, line: str) -> None:
    key, why = WRONG[line]
    kept = [
        one
        for one in TABLE.format(name="two").splitlines()
        if one.split(" ")[0] != line.split(" ", maxsplit=1)[0]
    ]
    text = HEAD + target() + TABLE.format(name="one") + "\n".join([*kept, line]) + "\n"
    (found,) = mistakes(write(folder, text))
    assert (found.file, found.key) == ("config.toml", key)
    assert found.table.startswith("[[authority]] #2")
    assert why in found.why


def test_roots_that_have_run_out_are_told(folder: Path) -> None:
    tsa.make(folder / "old", "An authority", years=-1)
    (folder / "old" / "right-root.pem").rename(folder / "roots.pem")
    first, second = mistakes(write(folder, two()))
    assert first.key == second.key == "roots"
    assert "holds no certificate that is valid after" in first.why


def test_authorities_belong_into_the_main_file(folder: Path) -> None:
    (folder / "targets.d").mkdir()
    (folder / "targets.d" / "more.toml").write_text(TABLE.format(name="one"))
    (found,) = mistakes(write(folder, HEAD + target()))
    assert found.file == "targets.d/more.toml"
    assert "belongs into config.toml" in found.why
