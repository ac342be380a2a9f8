"""Notes, checkpoints and proofs: the published example, real openssl and ssh-keygen, hostile forms."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bench._verifiers import VerifierMissingError, debian
from storage import notes
from storage.errors import NotNote
from storage.keys import Signer
from storage.tree import leaf_hash, path_of, root_of

ORIGIN = "0123456789abcdef" * 2
NAME = f"nightjar-{ORIGIN}"
SIGNER = Signer.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), NAME)
STRANGER = Signer.of(Ed25519PrivateKey.from_private_bytes(bytes(32)), NAME)
AT = datetime(2026, 11, 24, 2, 14, 0, 5, tzinfo=UTC)
LEAVES = [leaf_hash(str(n).encode()) for n in range(7)]
TEXT = notes.checkpoint_text(ORIGIN, 7, root_of(LEAVES), AT)
NOTE = notes.sign_note(TEXT, SIGNER)


def need(program: str) -> str:
    try:
        return str(debian(program))
    except VerifierMissingError as missing:
        pytest.skip(str(missing))


def run(*command: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=given, capture_output=True, timeout=120, check=False)


# --- the standard's own example ------------------------------------------------------------


def test_the_example_of_the_standard_has_the_key_hash_of_its_published_key() -> None:
    # golang.org/x/mod/sumdb/note: PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
    key = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    assert notes.key_hash("PeterNeumann", key).hex() == "c74f20a3"
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    mark = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    assert notes.open_note(f"{text}\n\u2014 PeterNeumann {mark}\n", "PeterNeumann", key) == text


# --- other people's programs -----------------------------------------------------------------


def test_openssl_verifies_a_checkpoint_split_by_stock_tools(tmp_path: Path) -> None:
    openssl, sh = need("openssl"), need("sh")
    (tmp_path / "note").write_text(NOTE)
    (tmp_path / "key.pem").write_text(notes.pem(SIGNER.public))
    (tmp_path / "foreign.pem").write_text(notes.pem(STRANGER.public))
    split = (
        'cd "$1"; sed -n "/^$/q;p" note > text; '
        'sed -n "\\$s/.* //p" note | openssl base64 -d -A | tail -c 64 > sig'
    )
    assert run(sh, "-c", split, "sh", tmp_path).returncode == 0
    verify: list[str | Path] = [openssl, "pkeyutl", "-verify", "-rawin", "-pubin", "-in", tmp_path / "text"]
    sig: list[str | Path] = ["-sigfile", tmp_path / "sig", "-inkey"]
    assert run(*verify, *sig, tmp_path / "key.pem").returncode == 0
    assert run(*verify, *sig, tmp_path / "foreign.pem").returncode != 0
    (tmp_path / "text").write_text(TEXT.replace("\n7\n", "\n8\n"))
    assert run(*verify, *sig, tmp_path / "key.pem").returncode != 0


def test_ssh_keygen_verifies_under_the_namespace_and_refuses_changes(tmp_path: Path) -> None:
    program = need("ssh-keygen")
    (tmp_path / "allowed").write_text(notes.allowed_signers(SIGNER.public))
    (tmp_path / "sig").write_text(notes.sshsig(b"the manifest\n", SIGNER))

    def verify(data: bytes, namespace: str = "nightjar") -> int:
        command: list[str | Path] = [program, "-Y", "verify", "-f", tmp_path / "allowed", "-I", "nightjar"]
        return run(*command, "-n", namespace, "-s", tmp_path / "sig", given=data).returncode

    assert verify(b"the manifest\n") == 0
    assert verify(b"the manifest.\n") != 0
    assert verify(b"the manifest\n", "file") != 0
    (tmp_path / "sig").write_text(notes.sshsig(b"the manifest\n", STRANGER))
    assert verify(b"the manifest\n") != 0


def test_minisign_verifies_when_installed(tmp_path: Path) -> None:
    program = need("minisign")
    (tmp_path / "data").write_bytes(b"the manifest\n")
    (tmp_path / "pub").write_text(notes.minisign_public(SIGNER.public))
    (tmp_path / "sig").write_text(notes.minisig(b"the manifest\n", SIGNER, "nightjar export"))
    command: list[str | Path] = [
        program,
        "-V",
        "-p",
        tmp_path / "pub",
        "-x",
        tmp_path / "sig",
        "-m",
        tmp_path / "data",
    ]
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert b"nightjar export" in done.stdout
    (tmp_path / "data").write_bytes(b"the manifest.\n")
    assert run(*command).returncode != 0


def test_signify_verifies_when_installed(tmp_path: Path) -> None:
    program = need("signify-openbsd")
    (tmp_path / "data").write_bytes(b"the manifest\n")
    (tmp_path / "pub").write_text(notes.signify_public(SIGNER.public))
    (tmp_path / "sig").write_text(notes.signify(b"the manifest\n", SIGNER))
    command: list[str | Path] = [
        program,
        "-V",
        "-p",
        tmp_path / "pub",
        "-x",
        tmp_path / "sig",
        "-m",
        tmp_path / "data",
    ]
    assert run(*command).returncode == 0
    (tmp_path / "data").write_bytes(b"the manifest.\n")
    assert run(*command).returncode != 0


def test_minisign_and_signify_files_have_the_published_layout() -> None:
    lines = notes.minisig(b"data", SIGNER, "when and what").split("\n")
    raw, over_both = base64.b64decode(lines[1]), base64.b64decode(lines[3])
    assert (len(raw), raw[:2], lines[2]) == (74, b"Ed", "trusted comment: when and what")
    assert notes.verified(SIGNER.public, raw[10:], b"data")
    assert notes.verified(SIGNER.public, over_both, raw[10:] + b"when and what")
    key = base64.b64decode(notes.minisign_public(SIGNER.public).split("\n")[1])
    assert key == b"Ed" + raw[2:10] + SIGNER.public
    assert base64.b64decode(notes.signify(b"data", SIGNER).split("\n")[1]) == raw
    with pytest.raises(NotNote, match="one line"):
        notes.minisig(b"data", SIGNER, "two\nlines")


# --- round trips and refusals ------------------------------------------------------------------


def test_a_checkpoint_comes_back_as_it_was() -> None:
    point = notes.read_checkpoint(notes.open_note(NOTE.encode(), NAME, SIGNER.public))
    assert (point.origin, point.size, point.root, point.at) == (ORIGIN, 7, root_of(LEAVES), AT)


def test_a_proof_comes_back_as_it_was() -> None:
    for leaves in (LEAVES, LEAVES[:1]):
        path = path_of(0, leaves)
        proof = notes.read_proof(notes.proof_text(0, path, NOTE).encode())
        assert (proof.index, proof.path, proof.note) == (0, path, NOTE)
    growth = notes.read_consistency(notes.consistency_text(3, 7, LEAVES[:3]))
    assert (growth.first, growth.second, growth.path) == (3, 7, tuple(LEAVES[:3]))


def test_a_note_of_another_key_is_refused_even_under_the_same_name() -> None:
    foreign = notes.sign_note(TEXT, STRANGER)
    with pytest.raises(NotNote, match="not signed by the expected key"):
        notes.open_note(foreign, NAME, SIGNER.public)
    # with the four bytes of the expected key in front, it is the signature that fails
    line = foreign.split("\n")[-2]
    raw = notes.key_hash(NAME, SIGNER.public) + base64.b64decode(line.split(" ")[2])[4:]
    forged = foreign.replace(line.split(" ")[2], base64.b64encode(raw).decode())
    with pytest.raises(NotNote, match="does not hold"):
        notes.open_note(forged, NAME, SIGNER.public)


def test_signatures_of_others_beside_ours_are_passed_over() -> None:
    cosigned = (
        NOTE + notes.sign_note(TEXT, Signer.of(Ed25519PrivateKey.generate(), "witness")).split("\n\n")[1]
    )
    assert notes.open_note(cosigned, NAME, SIGNER.public) == TEXT


@pytest.mark.parametrize(
    "bend",
    [
        lambda note: note[:-1],
        lambda note: note + "\n",
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\u2014", "-"),
        lambda note: note.replace("\n", "\r\n"),
        lambda note: note.split("\n\n")[0] + "\n\n",
        lambda note: "\n" + note.split("\n\n")[1],
        lambda note: note.replace(NAME + " ", NAME + "+ "),
        lambda note: note[:-3] + "\n",
        lambda note: note[:-2] + "!\n",
        lambda note: note.replace("\n7\n", "\n07\n"),
        lambda note: note.replace("\n7\n", "\n\uff17\n"),
        lambda note: note + note.split("\n\n")[1] * 70,
        lambda note: "\ud800" + note,
        lambda note: note * 5000,
    ],
)
def test_a_note_with_any_defect_of_form_is_not_a_note(bend: Callable[[str], str]) -> None:
    with pytest.raises(NotNote):
        notes.open_note(bend(NOTE), NAME, SIGNER.public)


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
def test_a_note_with_any_changed_byte_is_refused(at: int, change: int) -> None:
    raw = bytearray(NOTE.encode())
    raw[at] ^= change
    with pytest.raises(NotNote):
        notes.open_note(bytes(raw), NAME, SIGNER.public)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("nightjar-", "night-"),
        TEXT.replace("\n7\n", "\n07\n"),
        TEXT.replace("\n7\n", "\n-7\n"),
        TEXT.replace("\n7\n", "\n\u0667\n"),
        TEXT.replace("\n7\n", "\n" + "9" * 5000 + "\n"),
        TEXT.replace("=\n", "\n"),
        TEXT.replace("time ", "at "),
        TEXT.replace("Z\n", "+00:00\n"),
        TEXT.replace("-24T", "-32T"),
        TEXT + "another line\n",
        "\n".join(TEXT.split("\n")[:3]) + "\n",
        TEXT[:-1],
        "",
    ],
)
def test_a_text_that_is_nearly_a_checkpoint_is_none(text: str) -> None:
    with pytest.raises(NotNote):
        notes.read_checkpoint(text)


@given(st.binary(max_size=300) | st.text(alphabet="\n \u2014=+ Aa0\ud800\x00t", max_size=200))
def test_no_bytes_at_all_raise_anything_but_the_stated_error(raw: bytes | str) -> None:
    text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    for read in (
        lambda: notes.open_note(raw, NAME, SIGNER.public),
        lambda: notes.read_checkpoint(text),
        lambda: notes.read_proof(raw),
        lambda: notes.read_consistency(raw),
        lambda: notes.from_pem(raw),
    ):
        with pytest.raises(NotNote):
            read()
    for nearly in (
        lambda: notes.read_proof(f"{notes.PROOF}\nindex {text}\n\n{NOTE}"),
        lambda: notes.read_consistency(f"{notes.CONSISTENCY} {text}\n"),
        lambda: notes.from_pem(f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"),
    ):
        with suppress(NotNote):  # "0" makes an index
            nearly()


def test_a_key_of_another_kind_is_not_taken_from_a_pem_file(tmp_path: Path) -> None:
    openssl = need("openssl")
    key = run(openssl, "ecparam", "-name", "prime256v1", "-genkey", "-noout").stdout
    with pytest.raises(NotNote, match="not Ed25519"):
        notes.from_pem(run(openssl, "pkey", "-pubout", given=key).stdout)
    assert notes.from_pem(notes.pem(SIGNER.public)) == SIGNER.public
