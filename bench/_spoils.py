"""Ways to change a package that its checkers must notice. Each changes a copy, and one thing in it."""

from __future__ import annotations

import asyncio
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench._harvest import Case
from storage.keys import Signer
from storage.package import bagit, layout
from tests.fakes.tsa import Authority

Spoil = Callable[[Case], None]


@contextmanager
def copied(case: Case) -> Iterator[Case]:
    """A copy that may be changed, gone afterwards."""
    with TemporaryDirectory(prefix="nightjar-spoilt-") as name:
        folder = Path(name)
        shutil.copytree(case.folder, folder / "night")
        for path in (folder / "night").rglob("*"):
            path.chmod(0o750 if path.is_dir() else 0o640)
        sealed = Path(shutil.copy(case.sealed, folder / case.sealed.name))
        sealed.chmod(0o640)
        identity = Path(shutil.copy(case.identity, folder / case.identity.name))
        yield Case(folder=folder / "night", sealed=sealed, identity=identity, authority=case.authority)


def flip(path: Path, at: int | None = None) -> None:
    """Change one bit of one byte, in the middle unless told."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


def byte_of(name: str) -> Spoil:
    """One bit of a file of the package."""

    def spoil(case: Case) -> None:
        flip(case.folder / name)

    return spoil


def original(case: Case) -> None:
    """One bit of an original."""
    flip(min((case.folder / layout.FILES).iterdir()))


def missing(case: Case) -> None:
    """An original is gone."""
    min((case.folder / layout.FILES).iterdir()).unlink()


def extra(case: Case) -> None:
    """A file that nobody listed."""
    (case.folder / layout.FILES / "more.jpg").write_bytes(b"smuggled")


def other_key(case: Case) -> None:
    """All signatures made anew, with a key that is not the one in the package."""
    signer = Signer.of(Ed25519PrivateKey.generate(), "nightjar-other")
    for name, data in bagit.signed((case.folder / layout.TAGMANIFEST).read_bytes(), signer).items():
        (case.folder / name).write_bytes(data)
    (case.folder / layout.SEAL_SIGNATURE).write_bytes(signer.sign((case.folder / layout.SEAL).read_bytes()))


def stamped(case: Case) -> None:
    """A checkpoint with a token says another time."""
    path = min((case.folder / layout.CHECKPOINTS).iterdir())
    text = path.read_text()
    path.write_text(text.replace("\ntime 2", "\ntime 1", 1))


def replayed(case: Case) -> None:
    """An older token of the same authority stands in for a newer one; with one only, that of another."""
    tokens = sorted(
        (case.folder / layout.TIME).glob("*-tsa-one.tsr"), key=lambda p: int(p.name.split("-")[0])
    )
    if len(tokens) == 1:
        tokens = [tokens[0].with_name(tokens[0].name.replace("-one", "-two")), *tokens]
    shutil.copyfile(tokens[0], tokens[-1])


def foreign(case: Case) -> None:
    """A token by an authority of the same name, which brings its own root along."""
    path = min((case.folder / layout.TIME).glob("*-tsa-one.tsr"))
    impostor = Authority(case.authority, "tsa-one")
    query = path.with_suffix(".tsq").read_bytes()
    path.write_bytes(asyncio.run(impostor.stamp(query, signer="foreign")))


def payload(case: Case) -> None:
    """One bit of a body inside the web archive, which stays well-formed gzip."""
    path = case.folder / layout.WARC
    data = path.read_bytes()
    for start, end in members(data):
        record = bytearray(zlib.decompress(data[start:end], zlib.MAX_WBITS + 16))
        if b"WARC-Type: response" in record[:40] and not record.endswith(b"\r\n\r\n\r\n\r\n"):
            record[-6] ^= 1  # before the two line ends that close a record
            packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS + 16)
            path.write_bytes(data[:start] + packer.compress(record) + packer.flush() + data[end:])
            return
    raise RuntimeError("the web archive has no answer with a body")


def members(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each gzip member begins and ends; the last may be cut."""
    at = 0
    while at < len(data):
        unpacker = zlib.decompressobj(zlib.MAX_WBITS + 16)
        unpacker.decompress(data[at:])
        end = len(data) - len(unpacker.unused_data)
        yield at, end
        at = end


def cut(case: Case) -> None:
    """The end of the web archive is missing."""
    path = case.folder / layout.WARC
    path.write_bytes(path.read_bytes()[:-40])


def pages(case: Case) -> None:
    """Another page list in the WACZ."""
    _rezipped(
        case,
        "pages/pages.jsonl",
        lambda data: data.replace(b'"title": "', b'"title": "Y').replace(b'"title":"', b'"title":"Y'),
    )


def archive_in_wacz(case: Case) -> None:
    """One bit of the web archive in the WACZ."""
    _rezipped(case, "archive/nightjar.warc.gz", lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:])


def _rezipped(case: Case, name: str, change: Callable[[bytes], bytes]) -> None:
    path = case.folder / layout.WACZ
    with zipfile.ZipFile(path) as old:
        parts = {info.filename: old.read(info) for info in old.infolist()}
    parts[name] = change(parts[name])
    with zipfile.ZipFile(path, "w") as new:
        for part, data in parts.items():
            new.writestr(part, data)


def spaced(case: Case) -> None:
    """A manifest that says the same in other bytes."""
    path = min((case.folder / layout.EVIDENCE).iterdir()) / "manifest.json"
    path.write_text(path.read_text().replace('":"', '": "', 1))


def hash_as_text(case: Case) -> None:
    """The first hash of the CASE graph is a text, not hexadecimal digits."""
    _regraphed(case, lambda text: text.replace('"xsd:hexBinary"', '"xsd:string"', 1))


def no_method(case: Case) -> None:
    """The first hash of the CASE graph does not say by which method."""
    _regraphed(case, lambda text: text.replace('"uco-types:hashMethod"', '"uco-core:name"', 1))


def _regraphed(case: Case, change: Callable[[str], str]) -> None:
    path = case.folder / layout.CASE_UCO
    before = path.read_text()
    after = change(before)
    if after == before:
        raise RuntimeError("the CASE graph has another form now: change this spoil")
    path.write_text(after)


def sealed_byte(case: Case) -> None:
    """One bit of the encrypted package."""
    flip(case.sealed)


def other_identity(case: Case) -> None:
    """Somebody else's age key."""
    case.identity.write_text(f"{pyrage.x25519.Identity.generate()}\n")
