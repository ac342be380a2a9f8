"""The tag files of a package: BagIt 1.0 (RFC 8493), the seal, and the detached signatures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from storage import signatures
from storage.codec import stamp
from storage.notes import checkpoint_text
from storage.package.layout import SIGNATURES, TAGMANIFEST, VERSION, Meta, Package
from storage.signatures import Signing

BAGIT_TEXT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_KINDS = ("sig", "minisig", "sshsig", "signify")
SIGNED = tuple(f"{SIGNATURES}/tagmanifest.{kind}" for kind in _KINDS)
"""The detached signatures over the tag manifest, all by the daemon's key."""


def bag_info(meta: Meta, payload_bytes: int, payload_files: int) -> str:
    """bag-info.txt; labels without a value are left out."""
    fields = {
        "Bag-Software-Agent": meta.software,
        "Bagging-Date": meta.exported_at.date().isoformat(),
        "External-Identifier": meta.case,
        "Contact-Name": meta.officer,
        "Internal-Sender-Description": meta.why,
        "Nightjar-Legal-Basis": meta.legal_basis,
        "Payload-Oxum": f"{payload_bytes}.{payload_files}",
    }
    return "".join(f"{label}: {_on_one_line(value)}\n" for label, value in fields.items() if value.strip())


def listing(hashes: Mapping[str, str], names: Iterable[str]) -> str:
    """Lines as `sha256sum` writes and checks them, sorted by name."""
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(names))


def seal_text(package: Package, hashes: Mapping[str, str]) -> str:
    """seal.txt: what was handed over, by hash. hashes: of the tag manifest and the signatures."""
    checkpoint = checkpoint_text(
        package.origin, package.size, bytes.fromhex(package.root), package.meta.exported_at
    )
    _, size, root, _ = checkpoint.splitlines()
    head = (
        f"nightjar-package {VERSION}",
        f"origin {package.origin}",
        f"exported-at {stamp(package.meta.exported_at)}",
        f"checkpoint {size} {root}",
        f"key {package.keys.fingerprint}",
    )
    return "".join(f"{line}\n" for line in head) + listing(hashes, (TAGMANIFEST, *SIGNED))


def signed(data: bytes, signer: Signing) -> dict[str, bytes]:
    """The signature files over these bytes, by path."""
    made = (
        signer.sign(data),
        signatures.minisig(data, signer, "nightjar export").encode(),
        signatures.sshsig(data, signer).encode(),
        signatures.signify(data, signer).encode(),
    )
    return dict(zip(SIGNED, made, strict=True))


def _on_one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
