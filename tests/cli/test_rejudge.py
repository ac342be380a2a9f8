"""`nightjar rejudge`: other words over what is kept. It tells, and changes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.judged import Said, fill, later
from tests.cli.kept import CONFIG, Command

HEAD = "# version trial\nterm\tlang\tkind\tproduct\tcites\ttier\tsource\tnegative\tnote\tdate\n"
NEW_WORD = HEAD + "月光石料\tzh\tcode\tivory\tI\t1\tcase 114\t\t\t2026-11\n"
TAKEN_BACK = HEAD + "".join(
    f"{term}\ten\toff\thawksbill\tI\t2\t\t\t\t\n" for term in ("hawksbill shell", "hawksbill")
)
POSTS = (
    Said("月光石料 手镯 微信 moonfox77", picture=b"bangle"),
    Said(".", picture=b"bangle", at=later(5)),
    Said("hawksbill shell comb", at=later(10)),
    Said("old bicycle, 20 gears", at=later(15)),
    Said("月光石料 再来一件", at=later(60 * 24 * 3)),
)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The posts, sealed and judged once for all tests; each has a copy."""
    folder = tmp_path_factory.mktemp("night") / "kept"
    fill(folder, POSTS)
    return folder


@pytest.fixture
def run(night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    shutil.copytree(night, tmp_path / "kept")
    return Command(capsys, config)


def _lexicon(folder: Path, text: str, name: str = "trial.tsv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


SPAN = ("--since", "2026-11-24", "--until", "2026-11-25")


def test_the_same_words_change_nothing(run: Command) -> None:
    facts = run("rejudge", *SPAN, "--json").facts
    assert (facts["posts"], facts["looks"]) == (4, 4)
    assert facts["up"] == facts["down"] == []


def test_a_new_word_would_have_alerted_and_so_would_the_picture_it_makes_known(
    run: Command, tmp_path: Path
) -> None:
    facts = run("rejudge", *SPAN, "--lexicon", _lexicon(tmp_path, NEW_WORD), "--json").facts
    assert [row["post_id"] for row in facts["would_alert"]] == ["n1", "n0"] or [
        row["post_id"] for row in facts["would_alert"]
    ] == ["n0", "n1"]
    assert all(row["before"]["tier"] == "none" != row["after"]["tier"] for row in facts["up"])
    word = next(row for row in facts["up"] if row["post_id"] == "n0")
    assert any("月光石料" in reason["what"] for reason in word["gained"])
    assert "moonfox77" not in str(facts)
    assert facts["lexicon_version"] != facts["lexicons_before"][0]


def test_a_word_taken_back_would_not_have_alerted(run: Command, tmp_path: Path) -> None:
    told = run("rejudge", *SPAN, "--lexicon", _lexicon(tmp_path, TAKEN_BACK))
    assert told.code == 0
    assert "would not have alerted: 1" in told.out
    assert "nothing was sent or written" in told.out


def test_a_stretch_of_time_ends_before_until(run: Command, tmp_path: Path) -> None:
    words = _lexicon(tmp_path, NEW_WORD)
    facts = run(
        "rejudge", "--since", "2026-11-25", "--until", "2026-11-28", "--lexicon", words, "--json"
    ).facts
    assert [row["post_id"] for row in facts["would_alert"]] == ["n4"]


def test_a_file_takes_the_place_of_the_configured_one_of_its_name(run: Command, tmp_path: Path) -> None:
    _lexicon(tmp_path, NEW_WORD, "terms.tsv")
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.replace("[nightjar]", '[nightjar]\nlexicons = ["terms.tsv"]'), encoding="utf-8")
    assert run("rejudge", *SPAN, "--json").facts["would_alert"]
    (tmp_path / "new").mkdir()
    edited = _lexicon(tmp_path / "new", HEAD, "terms.tsv")
    assert run("rejudge", *SPAN, "--lexicon", edited, "--json").facts["would_alert"] == []


def test_nothing_is_written(run: Command, tmp_path: Path) -> None:
    def rows() -> list[object]:
        with closing(sqlite3.connect(tmp_path / "kept" / "nightjar.db")) as base:
            tables = [
                name
                for (name,) in base.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'search'"
                )
            ]
            return [base.execute(f"SELECT * FROM {name}").fetchall() for name in sorted(tables)]

    before = rows()
    run("rejudge", *SPAN, "--lexicon", _lexicon(tmp_path, NEW_WORD))
    assert rows() == before
    assert not list((tmp_path / "kept" / "events").glob("*"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "soon"), "is no time"),
        (("--since", "1h", "--until", "2h"), "earlier than --until"),
        (("--since", "1h", "--lexicon", "none.tsv"), "cannot be read"),
        (("--since", "1h", "--model", "none.txt"), "cannot be read"),
    ],
)
def test_wrong_use_is_told_in_one_line(run: Command, words: tuple[str, ...], told: str) -> None:
    ran = run("rejudge", *words)
    assert ran.code == 2
    assert told in ran.err
    assert "Traceback" not in ran.err
