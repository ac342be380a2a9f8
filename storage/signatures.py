"""One Ed25519 key in the forms that other people's programs read: pure, no I/O, no clock.

openssl (SubjectPublicKeyInfo PEM and 64 raw bytes), minisign (its legacy algorithm "Ed"),
signify (OpenBSD), and OpenSSH's `ssh-keygen -Y` (PROTOCOL.sshsig, namespace `nightjar`).
All but OpenSSH's sign the bytes themselves; that one signs a SHA-512 of them under a
namespace. Not here: the notes of C2SP (`storage/notes.py`).
"""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from storage.errors import NotNote

IDENTITY = "nightjar"
"""The OpenSSH namespace, and who signs in `allowed_signers`."""
_SSH_KIND = b"ssh-ed25519"
_SSH_MAGIC = b"SSHSIG"
_SSH_WIDTH = 70


class Signing(Protocol):
    """What signs: `storage.keys.Signer`, or a key in a test."""

    @property
    def name(self) -> str:
        """The key's name in signature lines."""
        ...

    @property
    def public(self) -> bytes:
        """The 32 raw bytes of the public key."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The 64 raw bytes of the Ed25519 signature (RFC 8032)."""
        ...


def verified(public: bytes, signature: bytes, data: bytes) -> bool:
    """True when `signature` (64 bytes) over `data` is by the key; false for keys that are none."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def fingerprint(public: bytes) -> str:
    """SHA-256 of the 32 raw bytes of the public key, hex."""
    return hashlib.sha256(public).hexdigest()


# --- openssl ------------------------------------------------------------------------------


def pem(public: bytes) -> str:
    """The key as openssl reads it: `openssl pkeyutl -verify -rawin -pubin -inkey FILE`."""
    key = Ed25519PublicKey.from_public_bytes(public)
    kinds = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(*kinds).decode()


def from_pem(text: str | bytes) -> bytes:
    """The 32 raw bytes of a public key that `pem` wrote. Raises NotNote for anything else."""
    try:
        key = serialization.load_pem_public_key(text.encode() if isinstance(text, str) else text)
    except (ValueError, TypeError, UnicodeEncodeError) as error:
        raise NotNote("a public key is not PEM") from error
    except Exception as error:  # UnsupportedAlgorithm and what the parser's lower floors may raise
        raise NotNote(f"a public key cannot be read: {type(error).__name__}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise NotNote("a public key is not Ed25519")
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


# --- minisign and signify -----------------------------------------------------------------


def minisig(data: bytes, signer: Signing, comment: str) -> str:
    """The file `minisign -V -x` reads; `comment` is one line and signed with it (trusted comment).

    Raises NotNote when the comment is not one line.
    """
    if "\n" in comment or "\r" in comment:
        raise NotNote("the comment of a minisign signature is one line")
    signature = signer.sign(data)
    over_both = signer.sign(signature + comment.encode())
    first = _signify_form(f"signature from {signer.name}", signer.public, signature)
    return f"{first}trusted comment: {comment}\n{_base64(over_both)}\n"


def signify(data: bytes, signer: Signing) -> str:
    """The file `signify -V -x` reads."""
    return _signify_form(f"verify with {signer.name}.pub", signer.public, signer.sign(data))


def minisign_public(public: bytes) -> str:
    """The public key file for `minisign -V -p`; minisign shows the key number from its last byte on."""
    number = _key_number(public)[::-1].hex().upper()
    return _signify_form(f"minisign public key {number}", public, public)


def signify_public(public: bytes) -> str:
    """The public key file for `signify -V -p`."""
    return _signify_form("nightjar public key", public, public)


def _key_number(public: bytes) -> bytes:
    """Eight bytes that tell keys apart; random in those programs, taken from the key here."""
    return hashlib.sha256(public).digest()[:8]


def _signify_form(comment: str, public: bytes, payload: bytes) -> str:
    return f"untrusted comment: {comment}\n{_base64(b'Ed' + _key_number(public) + payload)}\n"


# --- OpenSSH --------------------------------------------------------------------------------


def sshsig(data: bytes, signer: Signing) -> str:
    """The armoured file `ssh-keygen -Y verify -n nightjar -I nightjar -s FILE` reads."""
    parts = _string(IDENTITY.encode()), _string(b""), _string(b"sha512")
    signed = _SSH_MAGIC + b"".join(parts) + _string(hashlib.sha512(data).digest())
    signature = _string(_SSH_KIND) + _string(signer.sign(signed))
    version = (1).to_bytes(4, "big")
    key = _string(_ssh_key(signer.public))
    text = _base64(_SSH_MAGIC + version + key + b"".join(parts) + _string(signature))
    lines = [text[at : at + _SSH_WIDTH] for at in range(0, len(text), _SSH_WIDTH)]
    return "\n".join(("-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""))


def allowed_signers(public: bytes) -> str:
    """The file `ssh-keygen -Y verify -f` reads: the identity `nightjar` may sign in its namespace only."""
    key = f"{_SSH_KIND.decode()} {_base64(_ssh_key(public))}"
    return f'{IDENTITY} namespaces="{IDENTITY}" {key} {IDENTITY}\n'


def _ssh_key(public: bytes) -> bytes:
    return _string(_SSH_KIND) + _string(public)


def _string(raw: bytes) -> bytes:
    """RFC 4251, section 5: length in four bytes, then the bytes."""
    return len(raw).to_bytes(4, "big") + raw


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
