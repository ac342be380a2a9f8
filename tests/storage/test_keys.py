"""The daemon's key on disk: made, certified, put aside, damaged."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from storage import keys, notes, turning
from storage.errors import KeyTrouble, NotNote
from storage.keys import Signer
from tests.storage.kit import DUSK
from tests.storage.test_notes import need, run

ORIGIN = "fe" * 16


def turned(folder: Path) -> Signer:
    """The successor of a folder's key, in use."""
    coming = turning.make_next(folder, ORIGIN)
    assert turning.put_in_use(folder, ORIGIN) == Signer.load(folder, ORIGIN)
    assert keys.known(folder)[0].public == coming.public
    assert not (folder / "keys" / "next").exists()
    return coming


def test_a_made_key_is_private_loads_again_and_is_never_overwritten(tmp_path: Path) -> None:
    made = Signer.make(tmp_path, ORIGIN)
    secret = tmp_path / "keys" / "daemon.key"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    loaded = Signer.load(tmp_path, ORIGIN)
    assert (loaded.name, loaded.public, loaded.certificate) == (f"nightjar-{ORIGIN}", made.public, "")
    assert notes.verified(made.public, loaded.sign(b"x"), b"x")
    with pytest.raises(KeyTrouble, match="never overwritten"):
        keys.write_secret(secret, keys.read_secret(secret))


def test_openssl_reads_both_halves(tmp_path: Path) -> None:
    openssl = need("openssl")
    made = Signer.make(tmp_path, ORIGIN)
    folder = tmp_path / "keys"
    shown = run(openssl, "pkey", "-in", folder / "daemon.key", "-pubout")
    assert shown.stdout == (folder / "daemon.pub.pem").read_bytes()
    raw = run(openssl, "pkey", "-pubin", "-in", folder / "daemon.pub.pem", "-outform", "DER").stdout[-32:]
    assert raw == made.public
    assert notes.fingerprint(raw) == made.fingerprint


def test_the_secret_shows_nowhere(tmp_path: Path) -> None:
    made = Signer.make(tmp_path, ORIGIN)
    assert "private" not in repr(made).lower()
    (tmp_path / "keys" / "daemon.key").write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n")
    with pytest.raises(KeyTrouble) as told:
        Signer.load(tmp_path, ORIGIN)
    assert "c2VjcmV0" not in str(told.value)


@pytest.mark.parametrize("damage", [b"", b"\x00\xff", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
@pytest.mark.parametrize("name", ["daemon.key", "daemon.pub.pem"])
def test_a_damaged_key_file_is_told_by_name(tmp_path: Path, name: str, damage: bytes) -> None:
    Signer.make(tmp_path, ORIGIN)
    (tmp_path / "keys" / name).write_bytes(damage)
    with pytest.raises(KeyTrouble, match=name):
        Signer.load(tmp_path, ORIGIN)


def test_a_missing_key_and_an_exchanged_public_half_are_told(tmp_path: Path) -> None:
    with pytest.raises(KeyTrouble, match="missing"):
        Signer.load(tmp_path, ORIGIN)
    Signer.make(tmp_path / "one", ORIGIN)
    other = Signer.make(tmp_path / "two", ORIGIN)
    (tmp_path / "one" / "keys" / "daemon.pub.pem").write_text(notes.pem(other.public))
    with pytest.raises(KeyTrouble, match="not the public half"):
        Signer.load(tmp_path / "one", ORIGIN)


def test_an_admin_key_certifies_this_key_of_this_log_and_no_other(tmp_path: Path) -> None:
    daemon = Signer.make(tmp_path / "data", ORIGIN)
    public = keys.new_admin(tmp_path / "admin.key")
    admin = keys.admin_signer(tmp_path / "admin.key")
    note = keys.certify(tmp_path / "data", ORIGIN, admin, DUSK)
    assert keys.check_certificate(note, public, ORIGIN, daemon.public) == DUSK
    assert Signer.load(tmp_path / "data", ORIGIN).certificate == note
    assert keys.known(tmp_path / "data")[0].admin == public
    with pytest.raises(NotNote, match="another key or another log"):
        keys.check_certificate(note, public, "00" * 16, daemon.public)
    with pytest.raises(NotNote, match="another key or another log"):
        keys.check_certificate(note, public, ORIGIN, public)
    with pytest.raises(NotNote, match="not signed by the expected key"):
        keys.check_certificate(note, daemon.public, ORIGIN, daemon.public)


def test_a_signed_certificate_with_more_in_it_is_refused(tmp_path: Path) -> None:
    daemon = Signer.make(tmp_path / "data", ORIGIN)
    public = keys.new_admin(tmp_path / "admin.key")
    admin = keys.admin_signer(tmp_path / "admin.key")
    text = keys.certificate_text(ORIGIN, daemon.public, DUSK)
    for bent in (text + "and more\n", text.replace("from ", "until "), text.replace("v1", "v2"), "x\n"):
        with pytest.raises(NotNote):
            keys.check_certificate(notes.sign_note(bent, admin), public, ORIGIN, daemon.public)


def test_a_rotated_key_keeps_the_old_public_half_and_certificate_but_not_the_secret(tmp_path: Path) -> None:
    first = Signer.make(tmp_path, ORIGIN)
    keys.new_admin(tmp_path / "admin.key")
    note = keys.certify(tmp_path, ORIGIN, keys.admin_signer(tmp_path / "admin.key"), DUSK)
    second = turned(tmp_path)
    third = turned(tmp_path)
    assert [key.public for key in keys.known(tmp_path)] == [third.public, second.public, first.public]
    assert [key.number for key in keys.known(tmp_path)] == [0, 2, 1]
    assert keys.known(tmp_path)[2].certificate == note
    assert Signer.load(tmp_path, ORIGIN).certificate == ""
    assert not list((tmp_path / "keys" / "old").rglob("*.key"))


def test_a_rotation_works_when_the_secret_was_lost(tmp_path: Path) -> None:
    first = Signer.make(tmp_path, ORIGIN)
    (tmp_path / "keys" / "daemon.key").unlink()
    second = turned(tmp_path)
    assert [key.public for key in keys.known(tmp_path)] == [second.public, first.public]


def test_a_successor_that_never_came_into_use_is_thrown_away(tmp_path: Path) -> None:
    first = Signer.make(tmp_path, ORIGIN)
    turning.make_next(tmp_path, ORIGIN)
    assert Signer.load(tmp_path, ORIGIN) == first
    second = turned(tmp_path)
    assert [key.public for key in keys.known(tmp_path)] == [second.public, first.public]


def test_a_key_is_made_once_and_never_again_after_it_signed(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path, ORIGIN)
    assert keys.ensure(tmp_path, ORIGIN) == made
    (tmp_path / "keys" / "daemon.key").unlink()
    with pytest.raises(KeyTrouble, match="is gone"):
        keys.ensure(tmp_path, ORIGIN, signed_before=True)
    (tmp_path / "keys" / "anchor").write_text("a checkpoint")
    with pytest.raises(KeyTrouble, match="is gone"):
        keys.ensure(tmp_path, ORIGIN)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for another account")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    Signer.make(tmp_path, ORIGIN)
    turned(tmp_path)
    for path in (tmp_path / "keys").rglob("*"):
        assert path.stat().st_uid == 65534, path
