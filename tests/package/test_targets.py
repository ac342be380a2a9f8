"""A package shows under whose authority its looks were made, and nothing of any other target."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench._looks import look
from bench._mutations import oxum, reseal
from bench.mutants import SECOND_FRAUDS
from storage import checkpoints, keys
from storage.casefile import export
from storage.model import sha256_of
from storage.package import layout
from storage.package.check import check
from tests.storage.kit import HandClock, opened

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
MINE = json.dumps({"authorised_by": "Unit 7", "legal_basis": "Wildlife Act s. 9", "name": "market",
             "review_after": "2099-12-31", "url": "https://e.org/"})  # fmt: skip
OTHER = json.dumps(
    {"authorised_by": "Unit 9", "legal_basis": "another law", "name": "secret", "url": "https://s.org/"}
)


async def exported(folder: Path) -> tuple[Path, keys.Signer]:
    clock = HandClock()
    async with opened(folder / "data", clock) as store:
        await store.log_event("config", {"stanzas": f"{OTHER}\n{MINE}"})
        seen = replace(look("1", clock.tick()), target_digest=sha256_of(MINE.encode()))
        sealed = await store.seal(seen)
        await checkpoints.sign(store, "test")
        package = await export(store, [sealed.evidence_id], folder / "package")
        return package, keys.ensure(store.folder, store.vault.origin, signed_before=True)


def refused_by(package: Path) -> set[str]:
    """Which of the three checkers do not pass it."""
    commands = {
        "script": ["sh", str(package / "verify.sh")],
        "second": [sys.executable, "-I", str(SECOND_FRAUDS), str(package)],
    }
    found = {
        n
        for n, words in commands.items()
        if subprocess.run(words, capture_output=True, check=False).returncode
    }
    return found if check(package).whole else {*found, "verify"}


async def test_the_target_in_force_is_shown_and_no_other(tmp_path: Path) -> None:
    package, _ = await exported(tmp_path)
    assert refused_by(package) == set()
    (path,) = (package / layout.TARGETS).iterdir()
    assert path.read_text() == MINE
    (manifest,) = package.glob("data/evidence/*/manifest.json")
    assert path.stem == json.loads(manifest.read_text())["target"]["config_sha256"]
    everything = b"".join(file.read_bytes() for file in package.rglob("*") if file.is_file())
    assert b"another law" not in everything
    report = (package / layout.REPORT).read_text()
    assert "Wildlife Act s. 9" in report
    assert "Unit 7" in report


@pytest.mark.parametrize("renamed", [False, True])
async def test_another_target_put_in_its_place_is_refused_by_all(tmp_path: Path, renamed: bool) -> None:
    package, signer = await exported(tmp_path)
    (path,) = (package / layout.TARGETS).iterdir()
    path.chmod(0o640)
    path.write_text(OTHER)
    if renamed:
        path.rename(path.with_name(f"{sha256_of(OTHER.encode())}.json"))
    oxum(package)
    reseal(package, signer)
    assert refused_by(package) == {"verify", "script", "second"}
