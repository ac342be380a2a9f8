"""A cosigner signs a log that goes on, refuses one that went back or forked, and says why."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from storage import checkpoints, cosigners, keys, notes, tree, witness
from storage.errors import DiskTrouble, KeyTrouble, NoCosignature, NotNote
from storage.keys import Signer
from storage.store import Store
from storage.witness import Vkey
from tests.storage.kit import DUSK, NOBODY, HandClock, as_nobody, opened

ORIGIN = "ab" * 16
AT = datetime(2026, 11, 24, 22, tzinfo=UTC)
LEAVES = [tree.leaf_hash(str(n).encode()) for n in range(50)]


@pytest.fixture
def log_signer() -> Signer:
    return Signer.of(Ed25519PrivateKey.generate(), notes.log_name(ORIGIN))


@pytest.fixture
def folder(tmp_path: Path, log_signer: Signer) -> Path:
    witness.make(tmp_path / "cosigner", "witness.example", log_signer.public)
    return tmp_path / "cosigner"


def checkpoint(signer: Signer, leaves: list[bytes], origin: str = ORIGIN) -> str:
    return notes.sign_note(notes.checkpoint_text(origin, len(leaves), tree.root_of(leaves), AT), signer)


def proof(first: int, leaves: list[bytes]) -> str:
    return notes.consistency_text(first, len(leaves), tree.consistency(first, leaves))


def vkey_of(folder: Path) -> Vkey:
    signer, _ = witness.load(folder)
    return Vkey(name=signer.name, public=signer.public)


def test_a_cosignature_is_what_the_specification_says(folder: Path, log_signer: Signer) -> None:
    note = checkpoint(log_signer, LEAVES[:7])
    cosigned = witness.cosign(folder, note, None, AT)
    text, signatures = notes.split_note(cosigned)
    assert cosigned.startswith(note)
    name, raw = signatures[-1]
    vkey = vkey_of(folder)
    assert (name, raw[:4], len(raw)) == ("witness.example", vkey.mark, 4 + 8 + 64)
    seconds = int(AT.timestamp())
    assert int.from_bytes(raw[4:12], "big") == seconds
    message = b"cosignature/v1\ntime " + str(seconds).encode() + b"\n" + text.encode()
    Ed25519PublicKey.from_public_bytes(vkey.public).verify(raw[12:], message)  # raises unless it holds
    assert witness.cosigned_at(cosigned, vkey) == AT
    assert notes.open_note(cosigned, log_signer.name, log_signer.public) == text


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not installed")
def test_openssl_checks_a_cosignature(folder: Path, log_signer: Signer, tmp_path: Path) -> None:
    cosigned = witness.cosign(folder, checkpoint(log_signer, LEAVES[:7]), None, AT)
    text, signatures = notes.split_note(cosigned)
    message = f"cosignature/v1\ntime {int(AT.timestamp())}\n{text}".encode()
    (tmp_path / "key.pem").write_text(notes.pem(vkey_of(folder).public))
    (tmp_path / "signature").write_bytes(signatures[-1][1][12:])
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(tmp_path / "key.pem")]
    command += ["-sigfile", str(tmp_path / "signature"), "-in", str(tmp_path / "message")]
    codes = []
    for signed in (message, message.replace(b"time 1", b"time 2")):
        (tmp_path / "message").write_bytes(signed)
        codes.append(subprocess.run(command, capture_output=True, check=False).returncode)
    assert codes == [0, 1]


def test_a_log_that_goes_on_is_cosigned_at_every_growth(folder: Path, log_signer: Signer) -> None:
    witness.cosign(folder, checkpoint(log_signer, LEAVES[:1]), None, AT)
    for first, second in ((1, 2), (2, 7), (7, 8), (8, 8), (8, 50)):
        grown = LEAVES[:second]
        given = proof(first, grown) if first < second else None
        cosigned = witness.cosign(folder, checkpoint(log_signer, grown), given, AT)
        assert witness.cosigned_at(cosigned, vkey_of(folder)) == AT
        assert witness.load(folder)[1].size == second


def refused(folder: Path, note: str, given: str | None) -> str:
    """Why it is refused; nothing that was seen changes by it."""
    before = witness.load(folder)[1]
    with pytest.raises(NoCosignature) as refusal:
        witness.cosign(folder, note, given, AT)
    assert witness.load(folder)[1] == before
    return str(refusal.value)


def test_every_wrong_turn_of_the_log_is_refused_with_its_reason(folder: Path, log_signer: Signer) -> None:
    witness.cosign(folder, checkpoint(log_signer, LEAVES[:20]), None, AT)
    changed = [*LEAVES[:5], tree.leaf_hash(b"altered"), *LEAVES[6:30]]
    assert "went back" in refused(folder, checkpoint(log_signer, LEAVES[:19]), None)
    assert "forked" in refused(folder, checkpoint(log_signer, changed[:20]), None)
    grown = checkpoint(log_signer, LEAVES[:30])
    assert "offers no proof" in refused(folder, grown, None)
    assert "does not go on" in refused(folder, checkpoint(log_signer, changed), proof(20, changed))
    assert "does not go on" in refused(folder, grown, proof(19, LEAVES[:30]))
    assert "does not go on" in refused(folder, grown, proof(20, LEAVES[:31]))
    assert "cannot be read" in refused(folder, grown, "garbage")
    other = Signer.of(Ed25519PrivateKey.generate(), notes.log_name(ORIGIN))
    assert "not signed by the expected key" in refused(
        folder, checkpoint(other, LEAVES[:30]), proof(20, LEAVES[:30])
    )
    elsewhere = "cd" * 16
    foreign = Signer.of(log_signer._private, notes.log_name(elsewhere))
    assert "of another log" in refused(folder, checkpoint(foreign, LEAVES[:30], elsewhere), None)
    for broken in ("", "x", grown[:-30], grown.replace("30\n", "31\n", 1), "\n\n\n"):
        assert "the checkpoint is refused" in refused(folder, broken, None)


def test_a_new_key_of_the_log_is_trusted_by_hand_only(folder: Path, log_signer: Signer) -> None:
    witness.cosign(folder, checkpoint(log_signer, LEAVES[:20]), None, AT)
    new = Signer.of(Ed25519PrivateKey.generate(), notes.log_name(ORIGIN))
    note, given = checkpoint(new, LEAVES[:30]), proof(20, LEAVES[:30])
    refused(folder, note, given)
    witness.trust(folder, new.public)
    witness.cosign(folder, note, given, AT)
    assert "went back" in refused(folder, checkpoint(new, LEAVES[:3]), None)


def test_a_damaged_state_is_refused_and_never_begun_anew(folder: Path, log_signer: Signer) -> None:
    for damage in (b"", b"{}", b'{"log_key": "zz"}', b"\xff"):
        (folder / "state.json").write_bytes(damage)
        with pytest.raises(KeyTrouble, match="is damaged"):
            witness.cosign(folder, checkpoint(log_signer, LEAVES[:1]), None, AT)
    with pytest.raises(KeyTrouble, match="is there already"):
        witness.make(folder, "witness.example", log_signer.public)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a+b+c", "a b+00000000+AAAA", "w+00000000+" + base64.b64encode(b"\x04" + b"k" * 32).decode()],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NotNote):
        witness.read_vkey(text)


def test_a_verifier_key_is_read_back(folder: Path) -> None:
    assert witness.read_vkey(str(vkey_of(folder))) == vkey_of(folder)
    ours = Vkey(name="n", public=b"k" * 32)
    as_note_key = (
        str(ours).replace(base64.b64encode(b"\x04" + b"k" * 32).decode(), "")
        + base64.b64encode(b"\x01" + b"k" * 32).decode()
    )
    with pytest.raises(NotNote, match="0x04"):
        witness.read_vkey(as_note_key)


def test_a_cosignature_with_another_time_or_bit_does_not_hold(folder: Path, log_signer: Signer) -> None:
    cosigned = witness.cosign(folder, checkpoint(log_signer, LEAVES[:7]), None, AT)
    vkey = vkey_of(folder)
    start, _, mark = cosigned.rstrip("\n").rpartition(" ")
    raw = bytearray(base64.b64decode(mark))
    for at in (11, 12, 40, 75):
        changed = bytearray(raw)
        changed[at] ^= 1
        with pytest.raises(NotNote, match="does not hold"):
            witness.cosigned_at(f"{start} {base64.b64encode(changed).decode()}\n", vkey)
    with pytest.raises(NotNote, match="not cosigned by"):
        witness.cosigned_at(checkpoint(log_signer, LEAVES[:7]), vkey)
    short = base64.b64encode(raw[:70]).decode()
    with pytest.raises(NotNote, match="does not hold"):
        witness.cosigned_at(f"{start} {short}\n", vkey)


# --- the daemon's side ------------------------------------------------------------------------


async def news(store: Store) -> int:
    await store.log_event("view", {"of": "nothing"})
    return (await checkpoints.sign(store, "news")).size


def outside(store: Store, folder: Path) -> Callable[[], Awaitable[int]]:
    """A cosigner that looks at the store's folder as another host would; the size it signed."""

    async def look() -> int:
        shown = store.folder / cosigners.FOLDER
        note = (shown / "checkpoint").read_text()
        size = notes.read_checkpoint(notes.split_note(note)[0]).size
        seen = witness.load(folder)[1]
        path = shown / "consistency" / f"{seen.size}-{size}"
        given = path.read_text() if path.exists() else None
        cosigned = witness.cosign(folder, note, given, AT + timedelta(seconds=size))
        (shown / "cosigned" / f"one-{size}").write_text(cosigned)
        return size

    return look


@pytest.fixture
async def cosigner(store: Store, tmp_path: Path) -> Path:
    await news(store)
    public = keys.read_public(store.folder / "keys" / "daemon.pub.pem")
    witness.make(tmp_path / "cosigner", "witness.example", public)
    return tmp_path / "cosigner"


async def test_the_daemon_shows_proofs_and_logs_what_was_cosigned(store: Store, cosigner: Path) -> None:
    look, trusted = outside(store, cosigner), [vkey_of(cosigner)]
    sizes = []
    for _ in range(4):
        await news(store)
        await cosigners.show(store.vault)
        sizes.append(await look())
        assert await cosigners.pick_up(store.vault, trusted) == ()
    found = await cosigners.logged(store.vault.database)
    assert [one.size for one in found] == sizes
    for one in found:
        own = await checkpoints.of_size(store.vault.database, one.size)
        assert own is not None
        assert witness.cosigned_at(f"{own.note}{one.line}\n", trusted[0]) == AT + timedelta(seconds=one.size)
    assert list((store.folder / "witness" / "cosigned").iterdir()) == []


async def test_answers_alone_are_not_shown_again(store: Store, cosigner: Path) -> None:
    look, trusted = outside(store, cosigner), [vkey_of(cosigner)]
    await news(store)
    shown = await cosigners.show(store.vault)
    await look()
    await cosigners.pick_up(store.vault, trusted)
    await checkpoints.sign(store, "news")  # over the cosignature alone
    assert await cosigners.show(store.vault) == shown
    await look()
    await cosigners.pick_up(store.vault, trusted)
    assert len(await cosigners.logged(store.vault.database)) == 1


async def test_a_shown_checkpoint_that_somebody_replaced_is_shown_anew(store: Store, cosigner: Path) -> None:
    shown = await cosigners.show(store.vault)
    path = store.folder / "witness" / "checkpoint"
    right = path.read_text()
    path.write_text(right.replace(f"\n{shown}\n", "\n99999999\n", 1))
    await cosigners.show(store.vault)
    assert path.read_text() == right


async def test_a_cosigner_whose_answer_was_lost_still_finds_its_proof(store: Store, cosigner: Path) -> None:
    look = outside(store, cosigner)
    await news(store)
    await cosigners.show(store.vault)
    await look()
    (store.folder / "witness" / "cosigned").joinpath(f"one-{witness.load(cosigner)[1].size}").unlink()
    for _ in range(3):
        await news(store)
        await cosigners.show(store.vault)
    assert await look() == witness.load(cosigner)[1].size


async def test_wrong_notes_are_put_aside_and_told(store: Store, cosigner: Path, log_signer: Signer) -> None:
    await news(store)
    await cosigners.show(store.vault)
    look = outside(store, cosigner)
    size = await look()
    box = store.folder / "witness" / "cosigned"
    good = (box / f"one-{size}").read_text()
    (box / f"one-{size}").unlink()
    stranger = [Vkey(name="other.example", public=b"k" * 32)]
    wrong = {
        "a": b"\xff\xfe",
        "b": b"x" * 200_000,
        "c": good.replace(f"\n{size}\n", f"\n{size + 1}\n", 1).encode(),
        "d": good[:-8].encode() + b"AAAAAA==\n"[-5:],
        "e": checkpoint(log_signer, LEAVES[:3]).encode(),
        "f": (await checkpoints.of_size(store.vault.database, size)).note.encode(),  # type: ignore[union-attr]
    }
    for name, raw in wrong.items():
        (box / name).write_bytes(raw)
    told = await cosigners.pick_up(store.vault, [vkey_of(cosigner)])
    assert len(told) == len(wrong)
    assert sorted(path.name for path in box.iterdir()) == [f"{name}.refused" for name in sorted(wrong)]
    assert await cosigners.pick_up(store.vault, [vkey_of(cosigner)]) == ()
    (box / "good").write_text(good)
    assert "no cosigner of the configuration" in (await cosigners.pick_up(store.vault, stranger))[0]
    assert await cosigners.logged(store.vault.database) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
async def test_a_note_that_cannot_be_removed_is_a_trouble_of_the_disk() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 -- one call, before anything runs
        async with opened(Path(folder) / "data") as store:
            await news(store)
            cosigner = Path(folder) / "cosigner"
            public = keys.read_public(store.folder / "keys" / "daemon.pub.pem")
            witness.make(cosigner, "witness.example", public)
            await cosigners.show(store.vault)
            await outside(store, cosigner)()
            for path in (store.folder, *store.folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            os.chown(store.folder / "witness" / "cosigned", 0, 0)
            with as_nobody(), pytest.raises(DiskTrouble, match="Permission denied"):
                await cosigners.pick_up(store.vault, [vkey_of(cosigner)])


async def test_a_log_put_back_to_an_earlier_state_gets_no_cosignature(tmp_path: Path) -> None:
    """The roll-back that even the anchor cannot show: the whole data folder was put back."""
    clock = HandClock(DUSK)
    store = await Store.open(tmp_path / "data", clock)
    await news(store)
    await store.close()
    shutil.copytree(tmp_path / "data", tmp_path / "yesterday")
    store = await Store.open(tmp_path / "data", clock)
    public = keys.read_public(store.folder / "keys" / "daemon.pub.pem")
    witness.make(tmp_path / "cosigner", "w", public)
    await news(store)
    await news(store)
    await cosigners.show(store.vault)
    await outside(store, tmp_path / "cosigner")()
    await store.close()
    back = await Store.open(tmp_path / "yesterday", clock)
    for _ in range(4):
        await news(back)
    await cosigners.show(back.vault)
    (back.folder / "witness" / "consistency").mkdir(exist_ok=True)
    with pytest.raises(NoCosignature, match="offers no proof"):
        await outside(back, tmp_path / "cosigner")()
    await back.close()
