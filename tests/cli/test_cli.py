"""The command line itself: exit codes, one line for every trouble, nothing secret, quick to start."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bot import cli
from storage.errors import DatabaseTrouble
from tests.cli.kept import CONFIG, Command

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, config)


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NIGHTJAR_")}
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *words],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_check_says_what_is_watched_and_that_all_is_right(run: Command) -> None:
    ran = run("check")
    assert ran.code == 0
    assert "market" in ran.out
    assert "no mistakes" in ran.out
    facts = run("check", "--json").facts
    assert facts["ok"] is True
    assert [t["name"] for t in facts["targets"]] == ["market", "never polled"]


def test_check_tells_every_mistake_and_ends_with_1(run: Command, config: Path) -> None:
    config.write_text(CONFIG.replace("url =", "ur =").replace('kind = "ndjson"', 'kind = "ndjsn"'))
    ran = run("check")
    assert ran.code == 1
    assert ran.out.count('did you mean "url"') == 2
    assert 'did you mean "ndjson"' in ran.out
    facts = run("check", "--json").facts
    assert facts["ok"] is False
    assert {(m["file"], m["key"]) for m in facts["mistakes"]} == {
        ("config.toml", "ur"),
        ("config.toml", "kind"),
    }
    assert all(m["line"] for m in facts["mistakes"])


def test_check_tells_a_target_past_its_review_as_a_problem(run: Command, config: Path) -> None:
    config.write_text(CONFIG.replace("2099-12-31", "2020-01-01", 1))
    ran = run("check", "--json")
    assert ran.code == 1
    assert ran.facts["expired"] == ["market"]
    assert ran.facts["mistakes"] == []
    assert "market" in run("check").out


def test_check_tells_an_open_authority_as_a_mistake_of_that_target_alone(run: Command, config: Path) -> None:
    config.write_text(CONFIG.replace('"Art. 341"', '"<the law>"', 1))
    ran = run("check", "--json")
    assert ran.code == 1
    assert ran.facts["unfilled"] == ["market"]
    assert [(m["file"], m["key"]) for m in ran.facts["mistakes"]] == [("config.toml", "legal_basis")]
    told = run("check").out
    assert "legal_basis: is still a placeholder" in told
    assert "the other targets are watched" in told


def test_check_warns_of_a_page_that_is_watched_twice_and_ends_with_0(run: Command, config: Path) -> None:
    assert run("check", "--json").facts["warnings"] == []
    config.write_text(CONFIG.replace("t.me/s/other", "T.me/s/market/"))
    ran = run("check", "--json")
    assert (ran.code, ran.facts["ok"], len(ran.facts["warnings"])) == (0, True, 1)
    told = run("check").out
    assert 'warning: config.toml: [[target]] #2 "never polled" watches the same page' in told
    assert "no mistakes" in told


def test_check_tells_that_nothing_would_be_watched(run: Command, config: Path) -> None:
    config.write_text(CONFIG.split("[[target]]")[0])
    ran = run("check")
    assert ran.code == 1
    assert "nothing is watched" in ran.out


def test_check_looks_into_further_lexicons_though_there_are_mistakes(run: Command, config: Path) -> None:
    (config.parent / "a.tsv").write_text("no\tterms\n")
    (config.parent / "b.tsv").write_text("neither\n")
    config.write_text(CONFIG.replace('data_dir = "kept"', 'lexicons = ["a.tsv", "b.tsv"]\nlog_level = "x"'))
    files = {m["file"] for m in run("check", "--json").facts["mistakes"]}
    assert files == {"config.toml", "a.tsv", "b.tsv"}


def test_check_tells_that_a_row_of_a_lexicon_is_left_out_and_all_else_taken_over(
    run: Command, config: Path
) -> None:
    """As a daemon does: before, it said that such an edit was not taken over."""
    head = "term\tlang\tkind\tproduct\tcites\ttier\tsource\tnegative\tnote\tdate\n"
    (config.parent / "a.tsv").write_text(f"{head}moonstone\ten\tcode\tivory\tI\t9\tcase 1\t\t\t2026\n")
    config.write_text(CONFIG.replace('data_dir = "kept"', 'lexicons = ["a.tsv"]'))
    ran = run("check")
    assert ran.code == 1
    assert "a.tsv: line 2: column tier: '9' is not allowed" in ran.out
    assert "1 mistake in 1 file; such rows are left out, all other terms are used" in ran.out
    (config.parent / "a.tsv").write_text("no\tterms\n")
    assert "1 mistake in 1 file; a daemon does not take this over" in run("check").out


def test_lexicon_check_tells_file_and_line(run: Command, tmp_path: Path) -> None:
    assert run("lexicon", "check").code == 0
    bad = tmp_path / "terms.tsv"
    bad.write_text("no\tterms\n")
    ran = run("lexicon", "check", str(bad), "--json")
    assert ran.code == 1
    assert "terms.tsv" in ran.facts["mistakes"][0]["file"]


def test_a_data_folder_that_cannot_be_made_is_named_with_its_key(run: Command, config: Path) -> None:
    """Failed before: a line of the log, `DiskTrouble`, and exit 1."""
    text = config.read_text(encoding="utf-8")
    (config.parent / "a file").write_text("", encoding="utf-8")
    line = next(one for one in text.splitlines() if one.startswith("data_dir"))
    config.write_text(text.replace(line, 'data_dir = "a file/data"'), encoding="utf-8")
    ran = run("run")
    assert ran.code == 2
    assert "[nightjar]: data_dir: " in ran.err
    assert "Not a directory" in ran.err


def test_run_with_a_wrong_configuration_ends_with_2_and_every_mistake(run: Command, config: Path) -> None:
    config.write_text(CONFIG.replace("url =", "ur ="))
    ran = run("run")
    assert ran.code == 2
    assert ran.err.count("ur:") == 2
    assert all(line.startswith("nightjar: config.toml: ") for line in ran.err.splitlines())


def test_a_missing_configuration_is_wrong_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ran = Command(capsys)("check", "--config", str(tmp_path / "none.toml"))
    assert ran.code == 2
    assert "no such file" in ran.err


@pytest.mark.parametrize(
    "words", [(), ("chek",), ("find", "--nonsense"), ("export", "x"), ("show",), ("--json",)]
)
def test_wrong_use_ends_with_2_and_a_line(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(list(words)) == 2
    assert "nightjar" in capsys.readouterr().err


def test_a_misspelt_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["chek"]) == 2
    assert "did you mean check?" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["demo", "test", "bench"])
def test_commands_of_a_checkout_are_pointed_to(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([word, "--seed", "1"]) == 2
    assert f"./nightjar {word}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["find", "--help"]])
def test_help_and_version_end_with_0(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    assert "nightjar" in capsys.readouterr().out


def test_a_bug_is_one_line_and_a_private_report(
    run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError(f"oh no {TOKEN}\nsecond line")

    monkeypatch.setattr(cli, "_located", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ran = run("check")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    (report,) = tmp_path.glob("nightjar-bug-*.log")
    assert report.stat().st_mode & 0o077 == 0
    text = report.read_text()
    assert "Traceback" in text
    assert TOKEN not in text + ran.err
    told = json.loads(run("check", "--json").out)
    assert (told["error"], told["message"].count("bug in nightjar")) == ("RuntimeError", 1)
    with pytest.raises(RuntimeError):
        run("check", "--debug")


def test_a_trouble_of_the_store_is_one_line_and_1(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> int:
        raise DatabaseTrouble("it is locked")

    monkeypatch.setattr(cli, "_located", locked)
    ran = run("status")
    assert (ran.code, ran.err) == (1, "nightjar: it is locked\n")
    facts = json.loads(run("status", "--json").out)
    assert facts["error"] == "DatabaseTrouble"


def test_being_interrupted_is_not_a_bug(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_located", interrupted)
    assert run("status").code == 130


def test_a_reader_that_goes_away_is_not_a_bug(config: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NIGHTJAR_")}
    check = shlex.join([sys.executable, "-m", "bot.cli", "check", "--config", str(config)])
    command = f"{check} | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=clean, capture_output=True, text=True, check=False
    )
    assert ended.returncode in (0, 141)
    assert ended.stderr == ""


def test_the_place_of_the_configuration_may_come_from_the_environment(config: Path) -> None:
    ended = process("check", "--json", NIGHTJAR_CONFIG=str(config))
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["config"] == str(config)


def test_no_secret_of_the_command_line_is_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--config", f"/x/{TOKEN}"]) == 2
    assert cli.main(["check", f"--{TOKEN}"]) == 2
    assert TOKEN not in capsys.readouterr().err


def test_check_starts_without_the_heavy_libraries() -> None:
    code = (
        "import sys; from bot import cli; cli.options.parser(cli.BODIES); "
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {
        "numpy",
        "scipy",
        "imagehash",
        "extruct",
        "dateparser",
        "telegram",
        "rich",
        "aiohttp",
        "pydantic",
        "tortoise",
    }
    assert heavy.isdisjoint(ended.stdout.split())


def test_without_a_configuration_the_next_step_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTJAR_CONFIG", raising=False)
    ran = Command(capsys)("check")
    assert ran.code == 2
    assert "copy config.example.toml to config.toml" in ran.err
    assert "--config FILE" in ran.err
