"""A whole night with a cosigner on another host: every visit it finds a log that went on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bot.witnessing import LOOK_S
from storage import cosigners, keys, notes, witness
from storage.casefile import verify
from storage.witness import Vkey
from tests.fakes.market import Market
from tests.fakes.night import Night, play

START = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)


def visit(night: Night, state: Path) -> int:
    """What the other host does every half hour; the size it signed."""
    shared = night.folder / "data" / "witness"
    note = (shared / "checkpoint").read_text()
    size = notes.read_checkpoint(notes.split_note(note)[0]).size
    seen = witness.load(state)[1]
    proof = shared / "consistency" / f"{seen.size}-{size}"
    cosigned = witness.cosign(state, note, proof.read_text() if proof.exists() else None, night.clock.now())
    (shared / "cosigned" / str(size)).write_text(cosigned)
    return size


def test_a_night_is_cosigned_from_another_host(tmp_path: Path) -> None:
    state = tmp_path / "cosigner"

    async def script(night: Night, market: Market) -> None:
        await night.run_for(seconds=30)
        witness.make(state, "w.example", keys.read_public(night.folder / "data" / "keys" / "daemon.pub.pem"))
        signer, _ = witness.load(state)
        vkey = Vkey(name=signer.name, public=signer.public)
        named = f'witnesses = ["{vkey}"]\n\n[hosts.'
        night.config.write_text(night.config.read_text().replace("\n[hosts.", named, 1))
        signed = []
        for number in range(4):
            market.publish(f"XJ rhino horn carving no {number}, 3800元")
            await night.run_for(minutes=15)
            if number == 2:
                await night.stop()
                await night.start()
            else:
                signed.append(visit(night, state))
        await night.run_for(seconds=2 * LOOK_S)
        logged = await cosigners.logged(night.store.vault.database)
        assert [one.size for one in logged] == signed == sorted(set(signed))
        assert (await verify(night.store)).whole

    play(tmp_path, START, script)
