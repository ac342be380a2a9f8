"""Writing a package: every file once, hashed once, sealed, fsynced together, renamed at the end.

A folder or archive of the final name is whole; what a crash leaves is called
`.NAME.unfinished` and swept by the next export of that name. Blocks: for threads.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.resources import files as resources
from pathlib import Path

from storage import cases
from storage.blobs import Blobs
from storage.codec import dump, stamp
from storage.dossier import Casefile
from storage.keys import Signer
from storage.manifest import SCHEMA
from storage.model import sha256_of
from storage.notes import consistency_text, proof_text
from storage.package import bagit, layout, zipform
from storage.package.encrypt import encrypt
from storage.package.layout import Package, Token
from storage.package.readme import README
from storage.signatures import allowed_signers, minisign_public, pem, signify_public
from storage.starred import shown_to_all
from storage.tree import Tree

Told = Callable[[], None]
Part = Callable[[Path, Package], None]
_FSYNC_THREADS = 8
_CHUNK = 1 << 20


@dataclass(slots=True)
class _Work:
    """The package being written. hashes: of every file whose bytes passed through here."""

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, data: bytes, sha256: str = "") -> None:
        """Write a new file, read-only. sha256: when the caller knows it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o440)
        self.hashes[name] = sha256 or sha256_of(data)

    def text(self, name: str, text: str) -> None:
        self.put(name, text.encode("utf-8", "replace"))

    def json(self, name: str, document: object) -> None:
        self.text(name, json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    def names(self) -> list[str]:
        return sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())

    def hash_rest(self) -> None:
        """Hash what the parts wrote."""
        for name in set(self.names()) - set(self.hashes):
            (self.folder / name).chmod(0o440)
            with (self.folder / name).open("rb") as file:
                self.hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A package that only has to be renamed. Hashes in hex, "" of what there is not."""

    path: Path
    seal_sha256: str
    archive_sha256: str = ""
    encrypted_sha256: str = ""


def write(package: Package, signer: Signer, blobs: Blobs, out: Path, told: Told) -> Made:
    """Write beside `out` and make it durable.

    out: a folder, or an archive when it ends in .zip or .zip.age. Raises DamagedBlob, OSError.
    """
    work = _Work(unfinished(out, ".folder"))
    sweep(out)
    work.folder.mkdir(parents=True)
    for original in package.originals.values():
        work.put(original.path, blobs.load(original.sha256), original.sha256)
        told()
    _write_evidence(work, package)
    _write_targets(work, package)
    _write_log(work, package)
    _write_keys(work, package)
    _write_time(work, package)
    work.json(layout.CASE_JSON, _case(package))
    work.put(layout.SCHEMA, SCHEMA.read_bytes())
    for part in _parts():
        part(work.folder, package)
        told()
    _seal(work, package, signer)
    made = Made(path=work.folder, seal_sha256=work.hashes[layout.SEAL])
    if out.suffix.lower() in {".zip", ".age"}:
        made = _packed(work, package, out, made)
    else:
        _fsync_all(work.folder)
    told()
    return made


def _packed(work: _Work, package: Package, out: Path, made: Made) -> Made:
    """The folder as one archive, encrypted when there are recipients."""
    path = unfinished(out, ".zip")
    with path.open("xb") as archive:
        zipform.write(archive, ((name, work.folder / name) for name in work.names()))
        os.fchmod(archive.fileno(), 0o440)
        archive.flush()
        os.fsync(archive.fileno())
    shutil.rmtree(work.folder)
    if package.meta.recipients:
        done = encrypt(path, unfinished(out, ".age"), package.meta.recipients)
        path.unlink()
        made = replace(made, archive_sha256=done.plain_sha256, encrypted_sha256=done.cipher_sha256)
        return replace(made, path=unfinished(out, ".age"))
    with path.open("rb") as archive:
        return replace(made, path=path, archive_sha256=hashlib.file_digest(archive, "sha256").hexdigest())


def _parts() -> tuple[Part, ...]:
    """What is made from the others, in this order (layout.py). Imported here: heavy libraries."""
    from storage.package import case_uco, report, table, wacz, warc

    return table.write_table, case_uco.write_case, warc.write_warc, wacz.write_wacz, report.write_report


def steps(package: Package) -> int:
    """How often `write` calls `told`."""
    return len(package.originals) + len(_parts()) + 1


def unfinished(out: Path, kind: str) -> Path:
    """Where a package is written before it gets its name."""
    return out.with_name(f".{out.name}{kind}.unfinished")


def sweep(out: Path) -> None:
    """Remove what an earlier, interrupted export of that name left."""
    shutil.rmtree(unfinished(out, ".folder"), ignore_errors=True)
    for kind in (".zip", ".age"):
        unfinished(out, kind).unlink(missing_ok=True)


# --- facts ------------------------------------------------------------------------------


def _write_evidence(work: _Work, package: Package) -> None:
    for file in package.files:
        folder = f"{layout.EVIDENCE}/{file.evidence.evidence_id}"
        proof = package.proofs[file.evidence.evidence_id]
        work.put(f"{folder}/manifest.json", file.manifest.encode(), file.evidence.manifest_sha256)
        work.text(f"{folder}/entry.json", file.entry)
        work.text(f"{folder}/proof.tlog", proof_text(proof.index, proof.path, package.checkpoint))
        (shown,) = shown_to_all((file,), unmasked=package.meta.unmasked)
        work.json(f"{folder}/watch.json", _watch(shown))
        work.json(f"{folder}/inference.json", _inference(shown, masked=not package.meta.unmasked))


def _write_targets(work: _Work, package: Package) -> None:
    for digest, stanza in package.targets.items():
        work.put(f"{layout.TARGETS}/{digest}.json", stanza.encode("utf-8", "surrogatepass"), digest)


def _watch(file: Casefile) -> dict[str, object]:
    """The looks at the post, and its lifetime."""
    return {
        "chain": [
            {"evidence_id": k.evidence_id, "observation": k.observation, "captured_at": stamp(k.captured_at)}
            for k in file.chain
        ],
        "lifetime": json.loads(dump(file.lifetime)),
        "sightings": json.loads(dump(file.sightings)),
    }


def _inference(file: Casefile, *, masked: bool) -> dict[str, object]:
    return {
        "note": "concluded by a program from the files; not evidence",
        "contacts": "masked" if masked else "as found",
        "verdict": json.loads(dump(file.verdict)),
        "matches": json.loads(dump(file.matches)),
        "judged_at": json.loads(dump(file.judged_at)),
        "item": json.loads(dump(file.item)),
        "members": list(file.members),
        "told": json.loads(dump(file.told)),
    }


def _write_log(work: _Work, package: Package) -> None:
    work.text(layout.CHECKPOINT, package.checkpoint)
    work.text(layout.LEAVES, "".join(f"{leaf.hex()}\n" for leaf in package.leaves))
    entries = ({"index": index, "entry": entry} for index, entry in package.entries)
    lines = (json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    work.text(layout.ENTRIES, "".join(f"{line}\n" for line in lines))
    tree = Tree.of(package.leaves) if package.checkpoints else None
    for size, note in package.checkpoints.items():
        work.text(f"{layout.CHECKPOINTS}/{size}", note)
        if tree is not None and size < package.size:
            proof = consistency_text(size, package.size, tree.consistency(size))
            work.text(f"{layout.CONSISTENCY}/{size}-{package.size}", proof)


def _write_keys(work: _Work, package: Package) -> None:
    keys = package.keys
    work.text(f"{layout.KEYS}/daemon.pub.pem", pem(keys.public))
    work.text(f"{layout.KEYS}/daemon.minisign.pub", minisign_public(keys.public))
    work.text(f"{layout.KEYS}/daemon.signify.pub", signify_public(keys.public))
    work.text(f"{layout.KEYS}/allowed_signers", allowed_signers(keys.public))
    if keys.certificate and keys.admin_pem:
        work.text(f"{layout.KEYS}/certificate.note", keys.certificate)
        work.text(f"{layout.KEYS}/admin.pub.pem", keys.admin_pem)
    for old in keys.old:
        work.text(f"{layout.KEYS}/old/{old.number}/daemon.pub.pem", old.pem)
        if old.certificate:
            work.text(f"{layout.KEYS}/old/{old.number}/certificate.note", old.certificate)
            if old.admin_pem:
                work.text(f"{layout.KEYS}/old/{old.number}/admin.pub.pem", old.admin_pem)


def _write_time(work: _Work, package: Package) -> None:
    for token in package.tokens:
        if token.state == "whole":
            work.put(f"{layout.TIME}/{token.stem}.tsq", token.request)
            work.put(f"{layout.TIME}/{token.stem}.tsr", token.response)
    for authority, root in package.roots.items():
        work.text(f"{layout.TIME}/roots/{authority}.pem", root)
    work.json(f"{layout.TIME}/status.json", {"tokens": [_asked(token) for token in package.tokens]})


def _asked(token: Token) -> dict[str, object]:
    asked, received = token.asked_at, token.received_at
    delay = (received - asked).total_seconds() if asked is not None and received is not None else None
    return {
        "size": token.size,
        "authority": token.authority,
        "state": token.state,
        "asked_at": "" if asked is None else stamp(asked),
        "received_at": "" if received is None else stamp(received),
        "delay_ms": None if delay is None else round(delay * 1000),
        "why": token.why,
    }


def _case(package: Package) -> dict[str, object]:
    meta = package.meta
    return {
        "format": "nightjar-package",
        "version": layout.VERSION,
        "exported_at": stamp(meta.exported_at),
        "software": meta.software,
        "officer": meta.officer,
        "why": meta.why,
        "legal_basis": meta.legal_basis,
        "case": meta.case,
        "origin": package.origin,
        "checkpoint": {"size": package.size, "root": package.root},
        "key": package.keys.fingerprint,
        "certified": "yes" if package.keys.certificate else "no",
        "evidence": [file.evidence.evidence_id for file in package.files],
        "cases": [cases.document(case) for case in package.cases],
    }


# --- sealing ----------------------------------------------------------------------------


def _seal(work: _Work, package: Package, signer: Signer) -> None:
    """Tag files, lists, signatures and the seal over all of it."""
    work.hash_rest()
    payload = [name for name in work.hashes if name.startswith("data/")]
    size = sum((work.folder / name).stat().st_size for name in payload)
    work.text(layout.BAGIT, bagit.BAGIT_TEXT)
    work.text(layout.BAG_INFO, bagit.bag_info(package.meta, size, len(payload)))
    work.text(layout.README, README)
    work.put(layout.SCRIPT, resources("storage.package").joinpath("sh", "verify.sh").read_bytes())
    work.text(layout.MANIFEST, bagit.listing(work.hashes, payload))
    tags = (layout.BAGIT, layout.BAG_INFO, layout.MANIFEST, layout.README, layout.SCRIPT)
    listed = bagit.listing(work.hashes, tags)
    work.text(layout.TAGMANIFEST, listed)
    for name, data in bagit.signed(listed.encode(), signer).items():
        work.put(name, data)
    seal = bagit.seal_text(package, work.hashes)
    work.text(layout.SEAL, seal)
    work.put(layout.SEAL_SIGNATURE, signer.sign(seal.encode()))


def _fsync_all(folder: Path) -> None:
    """Every file and folder, side by side: a journal commits them together."""
    with ThreadPoolExecutor(_FSYNC_THREADS, thread_name_prefix="fsync") as pool:
        deque(pool.map(_fsync, (folder, *folder.rglob("*"))), maxlen=0)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
