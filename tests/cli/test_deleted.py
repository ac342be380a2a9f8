"""What the investigator's commands tell of a post that was deleted."""

from __future__ import annotations

import json
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
