"""A package in a form that nobody knows yet, sealed as it should be, is no pass for any checker."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench._looks import look
from bench.mutants import SECOND
from bot.cli import main
from storage import checkpoints
from storage.casefile import export
from tests.storage.kit import HandClock, opened

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


async def exported(folder: Path) -> Path:
    """A package of two posts, with every signature and proof by the key of their store."""
    clock = HandClock()
    async with opened(folder / "data", clock) as store:
        sealed = [await store.seal(look(post_id, clock.tick())) for post_id in ("1", "2")]
        await checkpoints.sign(store, "test")
        return await export(store, [one.evidence_id for one in sealed], folder / "package")


def refused_by(package: Path) -> dict[str, str]:
    """What each checker says that does not pass it."""
    said = {}
    for name, command in (
        ("verify.sh", ["sh", str(package / "verify.sh")]),
        ("second", [sys.executable, "-I", str(SECOND), str(package)]),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said[name] = done.stdout + done.stderr
    return said


@pytest.mark.parametrize("version", [1, 2])
async def test_manifests_of_both_known_versions_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr("storage.manifest.VERSION", version)
    package = await exported(tmp_path)
    assert main(["verify", str(package)]) == 0
    assert refused_by(package) == {}


@pytest.mark.parametrize(
    ("name", "value"), [("VERSION", 3), ("VERSION", 12), ("FORMAT", "nightjar-something")]
)
async def test_a_manifest_in_an_unknown_form_is_no_pass(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: object,
) -> None:
    monkeypatch.setattr(f"storage.manifest.{name}", value)
    package = await exported(tmp_path)
    monkeypatch.undo()
    assert main(["verify", str(package), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["first"].startswith("manifests: ")
    assert f"{value}" in told["first"]
    assert [step["name"] for step in told["steps"] if step["state"] == "broken"] == ["manifests"]
    said = refused_by(package)
    assert "manifest.json: not the version it must have" in said["verify.sh"]
    assert "NOT WHOLE: the version of " in said["second"]
