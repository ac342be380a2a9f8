"""What the investigator's commands tell of a post that was deleted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.kept import Command, Kept, night


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return night(tmp_path)


@pytest.fixture
def run(kept: Kept, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, kept.config)


def test_show_of_a_deleted_post_tells_the_verdict_of_the_look_before_it(run: Command, kept: Kept) -> None:
    told = run("show", kept.gone).out
    assert f"last judged at the look {kept.sale}" in told
    assert "tier urgent, score 93" in told
    assert "13800138000" not in told
    facts = run("show", kept.gone, "--json").facts
    assert facts["verdict"] is None
    earlier = facts["earlier_verdict"]
    assert (earlier["evidence_id"], earlier["verdict"]["tier"]) == (kept.sale, "urgent")
    assert "13800138000" not in json.dumps(earlier)
    assert run("show", kept.sale, "--json").facts["earlier_verdict"] is None


@pytest.mark.parametrize(
    "words", [("犀角",), ("--contact", "13800138000"), ("--vanished",), ("--tier", "high")]
)
def test_every_form_of_find_tells_that_the_post_is_gone(
    run: Command, kept: Kept, words: tuple[str, ...]
) -> None:
    found = run("find", *words, "--json").facts["found"]
    assert found
    for one in found:
        assert one["now"] == {"state": "gone", "at": "2026-11-24T22:09:00+00:00"}
    told = run("find", *words).out
    assert re.search(r"\bnow\b", told)
    assert told.count("gone 11-24 22:09Z") == len(found)


def test_find_does_not_say_that_a_post_is_up_when_nobody_looks_at_it(run: Command, kept: Kept) -> None:
    (one,) = run("find", "bicycle", "--json").facts["found"]
    assert one["now"] == {"state": "unknown", "at": None}
    assert "unknown" in run("find", "bicycle").out
