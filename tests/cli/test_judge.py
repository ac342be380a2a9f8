"""`nightjar judge`, `train` and `lexicon try|diff` on files as people make them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bot.cli import main
from tests.detect.posts import labelled


def table(path: Path, *, part: str = ",", encoding: str = "utf-8", rows: int = 80) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=part)
    writer.writerow(["id", "title", "body", "is_ivory"])
    both = labelled("tune")
    for at, (illicit, _, _, said) in enumerate([*both[: rows // 2], *both[-rows // 2 :]]):
        writer.writerow([at, said[:8], said, int(illicit)])
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def judged(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object], str]:
    code = main([*words, "--json"])
    printed = capsys.readouterr()
    return code, json.loads(printed.out) if printed.out else {}, printed.err


COLUMNS = ("--text-columns", "title,body", "--label-column", "is_ivory")


@pytest.mark.parametrize(("part", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")])
def test_lexicon_and_model_are_compared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, part: str, encoding: str
) -> None:
    path = table(tmp_path / "ads.csv", part=part, encoding=encoding)
    code, facts, _ = judged(capsys, "judge", "--csv", str(path), *COLUMNS, "--folds", "4")
    assert code == 0
    assert facts["rows"] == 80
    for name in ("lexicon", "model"):
        found = facts[name]
        assert isinstance(found, dict)
        assert {"precision", "recall", "f1", "precision_at_recall_95"} <= found.keys()
        assert 0.5 < found["f1"] <= 1.0


def test_without_folds_the_lexicon_judges_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, facts, _ = judged(capsys, "judge", "--csv", str(table(tmp_path / "ads.csv")), *COLUMNS)
    assert facts["model"] is None


def test_missing_columns_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = table(tmp_path / "ads.csv")
    code, _, told = judged(
        capsys, "judge", "--csv", str(path), "--text-columns", "titel,body", "--label-column", "y"
    )
    assert code == 2
    assert "no column 'titel', 'y'; its columns: id, title, body, is_ivory" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file is empty"),
        ("title,body,is_ivory\na,b,maybe\n", "line 2: column is_ivory: 'maybe' must be 0 or 1"),
        ("title,body,is_ivory\n", "no labelled row"),
        ("title,body,is_ivory\na,b,\n", "no labelled row"),
        ("title,body,is_ivory\na,b,1\nc,d,1\n", "too few for 10 folds"),
    ],
)
def test_bad_files_are_told_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / "ads.csv"
    path.write_text(content)
    code, _, said = judged(capsys, "judge", "--csv", str(path), *COLUMNS, "--folds", "10")
    assert code == 2
    assert told in said


def test_odd_rows_are_judged(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    odd = [
        "x" * 1_000_000,
        "\u202e\u0000象牙\ud83d".encode("utf-8", "replace").decode(),
        "🐘" * 5_000,
        "",
        "עברית ivory",
    ]
    path = tmp_path / "ads.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "label"])
        writer.writerows([text, at % 2] for at, text in enumerate(odd * 3))
    words = ("judge", "--csv", str(path), "--text-columns", "body", "--label-column", "label", "--folds", "3")
    code, facts, _ = judged(capsys, *words)
    assert (code, facts["rows"]) == (0, 15)


def test_train_saves_a_model_that_judge_can_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, model = table(tmp_path / "ads.csv"), tmp_path / "model.txt"
    code, made, _ = judged(capsys, "train", "--csv", str(path), *COLUMNS, "--folds", "3", "--out", str(model))
    assert code == 0
    assert isinstance(made["counts"], bool)
    _, facts, _ = judged(capsys, "judge", "--csv", str(path), *COLUMNS, "--model", str(model))
    assert facts["model_version"] == made["model_version"]
    model.write_text("nonsense")
    code, _, told = judged(capsys, "judge", "--csv", str(path), *COLUMNS, "--model", str(model))
    assert code == 2
    assert "no model that fits" in told


def test_try_tells_term_view_and_span(capsys: pytest.CaptureFixture[str]) -> None:
    code, facts, _ = judged(capsys, "lexicon", "try", "老象*牙手镯 3.8万 微信 abc12345")
    hits = facts["hits"]
    assert code == 0
    assert isinstance(hits, list)
    assert (hits[0]["term"], hits[0]["view"], hits[0]["span"]) == ("象牙", "V3", "象*牙")
    assert facts["contacts"] == ["wechat:abc12345"]
    assert facts["prices"] == ["38000"]


def test_diff_tells_what_a_file_changes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "extra.tsv"
    path.write_text(
        "# version 3\nterm\tlang\tkind\tproduct\tcites\ttier\tsource\tnegative\tnote\tdate\n"
        "moonstuff\ten\tcode\tivory\tI\t2\tcase 4\t\t\t2026\nivory\ten\tname\tivory\tI\t2\tcase 4\t\t\t2026\n"
    )
    _, facts, _ = judged(capsys, "lexicon", "diff", str(path))
    changes = facts["changes"]
    assert isinstance(changes, list)
    assert [change[:2] for change in changes] == [["+", "moonstuff"], ["~", "ivory"]]
    assert "tier 4 to 2" in changes[1][3]
