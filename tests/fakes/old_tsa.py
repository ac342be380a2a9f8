"""Time stamps that an authority gave earlier, or in a way that `openssl ts` does not do: TSTInfo by hand.

`stamp` makes the response (RFC 3161, 2.4.2) to a request as of any time, by a certificate of
`tests.fakes.tsa`, also one whose time is over by now.
"""

from __future__ import annotations

import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

from storage import der

POLICY = bytes.fromhex("060a2b0601040183b203010d")
"""1.3.6.1.4.1.55555.1.13"""
TST_INFO = "1.2.840.113549.1.9.16.1.4"


def element(tag: int, *parts: bytes) -> bytes:
    """One element of DER around these."""
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def stamp(
    folder: Path, query: bytes, at: datetime, *, signer: str = "right", digest: str = "sha256"
) -> bytes:
    """The response to `query` as of `at` (aware UTC), accuracy one second. digest: of the signer."""
    (outer,) = der.parts(query)
    _version, imprint, *rest = (query[part.start : part.end] for part in der.inside(query, outer))
    nonce = [part for part in rest if part[0] == der.INTEGER]
    info = element(
        der.SEQUENCE,
        element(der.INTEGER, b"\x01"),
        POLICY,
        imprint,
        element(der.INTEGER, b"\x51"),
        element(0x18, f"{at:%Y%m%d%H%M%S}Z".encode()),
        element(der.SEQUENCE, element(der.INTEGER, b"\x01")),
        *nonce,
    )
    granted = element(der.SEQUENCE, element(der.INTEGER, b"\x00"))
    return element(der.SEQUENCE, granted, _signed(folder, signer, digest, info))


def _signed(folder: Path, signer: str, digest: str, info: bytes) -> bytes:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        (Path(scratch) / "info").write_bytes(info)
        command = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-cades", "-md", digest]
        command += ["-econtent_type", TST_INFO, "-outform", "DER", "-in", f"{scratch}/info"]
        command += [
            "-signer",
            str(folder / f"{signer}-leaf.pem"),
            "-inkey",
            str(folder / f"{signer}-key.pem"),
        ]
        return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
