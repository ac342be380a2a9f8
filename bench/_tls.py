"""A certificate authority of a bench's own, and certificates of it for loopback addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


def certify(folder: Path, addresses: Iterable[str]) -> tuple[Path, Path]:
    """Write `ca.pem`, and ADDRESS.pem (key, certificate) for each into `sites`; gives file and folder.

    One certificate for all would hold hundreds of names, which every handshake would have to carry.
    """
    authority, issuer = ec.generate_private_key(ec.SECP256R1()), _name("Nightjar bench authority")
    root = (
        _builder(issuer, issuer, authority.public_key(), datetime.now(UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_signs_certificates(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )
    trusted, sites = folder / "ca.pem", folder / "sites"
    trusted.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    sites.mkdir(exist_ok=True)
    for address in addresses:
        (sites / f"{address}.pem").write_bytes(_site(address, authority, issuer))
    return trusted, sites


def _site(address: str, authority: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.IPAddress(ipaddress.ip_address(address))]
    leaf = (
        _builder(_name("Nightjar bench site"), issuer, key.public_key(), datetime.now(UTC))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
        )
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    own = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return own + leaf.public_bytes(pem)


def _name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - DAY,
        not_valid_after=now + DAY,
    )


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
