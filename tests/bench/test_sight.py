"""One command for all parts: their figures under their names, and a part that breaks is never passed over."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from bench import sight
from bench.figures import Figure, Result, WrongUseError, as_json


def test_figures_of_a_part_come_with_its_name_target_and_notes() -> None:
    line = as_json(
        "words",
        Result((Figure("found", 0.9, 0.95), Figure("lost", math.nan, 1, "at most", "s", "why")), ("a note",)),
    )
    result = sight.told("words", line)
    assert [(f.name, f.target, f.better, f.unit, f.met) for f in result.figures] == [
        ("words: found", 0.95, "at least", "", False),
        ("words: lost", 1, "at most", "s", False),
    ]
    assert result.notes == ("words: a note",)


def test_a_part_that_breaks_is_a_figure_that_is_short(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such model' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    result = sight.run(["--only", "ocr"])
    assert not result.met
    assert result.notes == ("ocr did not run: no such model",)


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(WrongUseError, match="unknown part 'smell'"):
        sight.run(["--only", "words,smell"])


def test_every_part_is_a_bench() -> None:
    folder = Path(sight.__file__).parent
    assert all((folder / f"{part}.py").is_file() for part in sight.PARTS)
