"""What a package shows of cosigners is checked under the keys that the log names."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench._looks import look, watched
from bench._specimen import Authorities, Ticking
from storage import checkpoints, ledger, witness
from storage.codec import stamp
from storage.cosigners import Cosignature
from storage.export import export
from storage.keys import Signer
from storage.package.check import Verdict, check
from storage.recovery import DATABASE
from storage.store import Store
from storage.witness import Vkey
from storage.writer import Batch
from tests.fakes import tsa

pytestmark = pytest.mark.skipif(bool(tsa.missing()), reason=tsa.missing() or "-")
COURT = Signer.of(Ed25519PrivateKey.generate(), "court")
OTHER = Signer.of(Ed25519PrivateKey.generate(), "court")


def key_of(signer: Signer) -> str:
    return str(Vkey(name=signer.name, public=signer.public))


async def verdict_of(folder: Path, spoil: dict[str, str], *, signer: Signer = COURT) -> Verdict:
    """On a package whose log shows a cosignature over a stamped state, in other words where spoilt."""
    clock = Ticking()
    authorities = Authorities(folder / "authorities")
    await authorities.make()
    store = await Store.open(folder / "data", clock)
    try:
        sealed = await store.seal(look("1", clock.now()), watched=watched("1", clock.now()))
        await checkpoints.sign(store, "news")
        await authorities.stamp(store)
        with closing(sqlite3.connect(folder / "data" / DATABASE)) as rows:
            size, note = rows.execute("SELECT size, note FROM checkpoint").fetchone()
        at = clock.now().replace(microsecond=0)
        line = witness.cosignature(note, signer, at).removesuffix("\n")
        true = Cosignature(size=size, name="court", key=key_of(COURT), at=stamp(at), line=line)
        one = replace(true, **spoil)
        facts = {"size": str(one.size), "name": one.name, "key": one.key, "time": one.at, "line": one.line}

        async def job(batch: Batch) -> None:
            ledger.append(batch, "cosignature", {"facts": facts}, clock.now())

        await store.vault.submit(job)
        await export(store, [sealed.evidence_id], folder / "package")
    finally:
        await store.close()
    return check(folder / "package")


async def test_a_true_cosignature_holds(tmp_path: Path) -> None:
    verdict = await verdict_of(tmp_path, {})
    assert verdict.whole, verdict.first
    step = next(step for step in verdict.steps if step.name == "cosignatures")
    assert step.what[0].startswith("1 hold under the keys that the log names")


@pytest.mark.parametrize(
    "spoil",
    [
        {"line": "\u2014 court Zm9yZ2Vk"},
        {"key": "court+00000000+AAAA"},
        {"key": key_of(OTHER)},
        {"name": "supreme-court"},
        {"at": "2026-01-01T00:00:00.000000Z"},
    ],
)
async def test_a_forged_cosignature_does_not_hold(tmp_path: Path, spoil: dict[str, str]) -> None:
    verdict = await verdict_of(tmp_path, spoil)
    assert verdict.first.startswith("cosignatures: entry ")


async def test_a_cosignature_over_a_state_that_is_not_there_is_told(tmp_path: Path) -> None:
    verdict = await verdict_of(tmp_path, {"size": "999"})
    assert verdict.whole
    assert any("only their form was checked" in remark for remark in verdict.remarks)


async def test_a_line_by_another_key_does_not_hold(tmp_path: Path) -> None:
    verdict = await verdict_of(tmp_path, {}, signer=OTHER)
    assert verdict.first.startswith("cosignatures: entry ")
