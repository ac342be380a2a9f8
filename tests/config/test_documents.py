"""A TOML file with slips costs only the statements that have them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings.documents import MOST_BYTES, Document, load, parse


def read(text: str) -> Document:
    return parse(text, label="config.toml", path=Path("config.toml"))


BROKEN = '''
[nightjar]
contact = "a@b.c"
data_dir = C:\\x

[[target]]
name = "a"
tags = ["x",
zone = "Asia/Shanghai"
kind = rss
start = 21:00
[target.rules]
pattern = "\\d+"
deep = True

[[target]
name = "b"

[[target]]
name = "c"
name = "c2"
text = """
open
[[target]]
name = "d"
review_after = 2027-13-45
zone = “UTC”

[nightjar]
y = 1
'''


def test_each_statement_that_is_no_toml_is_told_with_its_place() -> None:
    broken = read(BROKEN).broken
    assert [(b.path, b.line) for b in broken] == [
        (("nightjar", "data_dir"), 4),
        (("target", 0, "tags"), 8),
        (("target", 0, "kind"), 10),
        (("target", 0, "start"), 11),
        (("target", 0, "rules", "pattern"), 13),
        (("target", 0, "rules", "deep"), 14),
        (("target", 1), 16),
        (("target", 2, "name"), 21),
        (("target", 2, "text"), 22),
        (("target", 3, "review_after"), 26),
        (("target", 3, "zone"), 27),
        (("nightjar",), 29),
    ]


def test_everything_beside_the_slips_is_still_read() -> None:
    tables = read(BROKEN).tables
    assert tables["nightjar"] == {"contact": "a@b.c"}
    assert tables["target"] == [
        {"name": "a", "zone": "Asia/Shanghai", "rules": {}},
        {},
        {"name": "c"},
        {"name": "d"},
    ]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("zone = Asia/Shanghai", "quotes"),
        ('pattern = "\\d+"', "single quotes"),
        ("fast = True", "small letters"),
        ("fast = yes", "small letters"),
        ("review_after = 2027-02-30", "no such date"),
        ("interval = 30s", "in quotes"),
        ("zone = “UTC”", "straight quotes"),
        ("zone =", "missing"),
        ("tags = [1,", "not closed"),
    ],
)
def test_usual_slips_get_a_hint(line: str, hint: str) -> None:
    (broken,) = read(f"[[target]]\n{line}\n").broken
    assert hint in broken.why
    assert broken.line == 2


def test_lines_of_keys_and_tables_are_known() -> None:
    document = read('[nightjar]\n\ncontact = "a"\n[[target]]\nname = "x"\n[target.rules.fields]\n"a.b" = 1\n')
    assert document.line(("nightjar", "contact")) == 3
    assert document.line(("target", 0, "kind")) == 4
    assert document.line(("target", 0, "rules", "fields", "a.b")) == 7


def test_text_over_several_lines_is_not_taken_for_keys() -> None:
    document = read('[[target]]\nname = """\nkind = "no"\n[[target]]\n"""\nkind = "rss"\n')
    assert document.broken == ()
    assert document.line(("target", 0, "kind")) == 6


@pytest.mark.parametrize("text", ["[" * 5000, "a=" + "[" * 3000, "a=" + "9" * 5000, "a.b = 1\na = 2", "\0"])
def test_toml_that_is_beyond_repair_is_told_and_not_raised(text: str) -> None:
    assert read(text).broken


def test_a_mark_of_byte_order_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbf[nightjar]\r\ncontact = "a@b.c"\r\n')
    assert load(path, "config.toml").tables == {"nightjar": {"contact": "a@b.c"}}


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"a = 'x'\nb = '\xff'", r"not UTF-8 \(line 2\)"), (b"#" * (MOST_BYTES + 1), "larger than")],
)
def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    assert load(path, "config.toml").unread
    import re

    assert re.search(why, load(path, "config.toml").unread)


def test_a_missing_file_and_a_folder_are_told_as_such(tmp_path: Path) -> None:
    assert "cannot be read" in load(tmp_path / "none.toml", "x").unread
    assert "cannot be read" in load(tmp_path, "x").unread


@given(st.text(max_size=400))
def test_no_text_ever_raises(text: str) -> None:
    read(text)


FRAGMENTS = ["[[target]]", "[nightjar]", "[target.rules]", 'name = "x"', "a = [1,", "b = {", "]", "}", '"""']
FRAGMENTS += ["c = 1", "'''", "[[target]", "[target", "x.y = 2", "# note", "", 'd = "\\q"', "= 3", 'e = """a']


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25))
def test_no_heap_of_fragments_ever_raises_and_what_is_wrong_is_told(lines: list[str]) -> None:
    import tomllib

    text = "\n".join(lines)
    document = read(text)
    try:
        expected = tomllib.loads(text)
    except ValueError:
        assert document.broken
    else:
        assert document.tables == expected
        assert not document.broken
