"""`[hint]`: a right table becomes a classifier, every mistake says file, table and key."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from storage.classifier import Classifier
from tests.cli.kept import CONFIG, Command
from tests.config.kinds import HEAD, load, mistakes, target, write
from tests.pictures.onnx_models import reddest
from watchers.hinting import why_off

TABLE = '[hint]\nmodel = "m.onnx"\nlabels = "l.txt"\n'
MODEL = reddest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.onnx").write_bytes(MODEL)
    (tmp_path / "l.txt").write_text("\ufeffred  thing\r\n象\nblue thing\n\n", encoding="utf-8")
    return tmp_path


def with_hint(folder: Path, *extra: str) -> Path:
    return write(folder, HEAD + TABLE + "\n".join(extra) + "\n" + target())


def test_a_classifier_is_read_with_its_labels(folder: Path) -> None:
    found = load(
        with_hint(folder, 'wanted = ["象"]', "least = 0.8", "mean = [0.5, 0.5, 0.5]", "side_px = 16")
    ).hint
    labels = ("red thing", "象", "blue thing")
    sha256 = hashlib.sha256(MODEL).hexdigest()
    assert found == Classifier(
        model=folder / "m.onnx",
        sha256=sha256,
        labels=labels,
        wanted=("象",),
        least=0.8,
        side_px=16,
        mean=(0.5, 0.5, 0.5),
    )
    plain = load(with_hint(folder)).hint
    assert plain is not None
    assert plain.wanted == labels
    assert plain.recipe != found.recipe


def test_none_is_allowed(folder: Path) -> None:
    assert load(write(folder, HEAD + target())).hint is None


@pytest.mark.parametrize(
    ("wrong", "key", "why"),
    [
        ('model = "absent.onnx"', "model", "cannot be read"),
        ('model = "~nobody-of-that-name/x"', "model", "cannot be read"),
        ('model = "."', "model", "cannot be read"),
        ('model = "empty"', "model", "is empty"),
        ('labels = "absent.txt"', "labels", "cannot be read"),
        ('labels = "m.gbk"', "labels", "no text in UTF-8"),
        ('labels = "empty"', "labels", "must have a label"),
        ('labels = "gap.txt"', "labels", "line 2 is no label"),
        ('wanted = ["red thin"]', "wanted", "none of the labels"),
        ("least = 0", "least", "more than 0"),
        ("std = [1, 0, 1]", "std", "three numbers above 0"),
        ('layout = "chw"', "layout", "nchw"),
        ("sidepx = 3", "sidepx", "unknown key"),
    ],
)
def test_a_mistake_says_file_table_and_key(folder: Path, wrong: str, key: str, why: str) -> None:
    (folder / "empty").touch()
    (folder / "gap.txt").write_text("a\n\nb\n")
    (folder / "m.gbk").write_bytes("红".encode("gbk"))
    lines = [line for line in TABLE.splitlines() if not line.startswith(f"{key} ")]
    path = write(folder, HEAD + "\n".join([*lines, wrong]) + "\n" + target())
    (found,) = mistakes(path)
    assert (found.file, found.table, found.key) == ("config.toml", "[hint]", key)
    assert why in str(found)


def checked(folder: Path, capsys: pytest.CaptureFixture[str], labels: str) -> tuple[int, list[str]]:
    (folder / "l.txt").write_text(labels)
    path = folder / "config.toml"
    path.write_text(CONFIG.replace("[[channel]]", f"{TABLE}\n[[channel]]", 1), encoding="utf-8")
    ran = Command(capsys, path)("check", "--json")
    return ran.code, ran.facts["problems"]


OFF = why_off(Classifier(model=Path(), sha256="", labels=(), wanted=()))


@pytest.mark.skipif(not OFF, reason="the extra `ocr` is installed")
def test_check_says_that_the_extra_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, problems = checked(folder, capsys, "a\nb\nc\n")
    assert code == 1
    assert problems == [
        "config.toml: [hint]: model: cannot be run: the extra `ocr` is not installed (./nightjar extra ocr)"
    ]


@pytest.mark.skipif(bool(OFF), reason=f"no classifier can be asked: {OFF}")
def test_check_loads_the_model_and_counts_its_labels(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(folder, capsys, "a\nb\nc\n") == (0, [])
    code, problems = checked(folder, capsys, "a\nb\n")
    assert code == 1
    assert problems == ["config.toml: [hint]: labels: has 2 labels; the model tells 3 apart"]
