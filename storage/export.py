"""Handing evidence over: a folder that a stranger can read and check with stock tools.

    report.html            what was found, for people; nothing in it runs
    README.txt             how to check this folder
    manifest-sha256.txt    every file by hash: `sha256sum -c manifest-sha256.txt`
    files/<sha256><.ext>   the original bytes, each once; the extension is a help for people
    evidence/<id>/         manifest.json (sealed), entry.json and custody.json (its place in the log),
                           watch.json (looks, lifetime), inference.json (verdict, item, alerts)
    log/head.json          size and root of the log that the proofs lead to

Written beside its final name and renamed at the end: a folder of that name is whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage import dossier, ledger, report
from storage.codec import dump, stamp
from storage.errors import DatabaseTrouble, DiskTrouble
from storage.model import sha256_of
from storage.threads import in_thread
from storage.tree import path_of

if TYPE_CHECKING:
    from storage.dossier import Casefile
    from storage.store import Store

Progressed = Callable[[int, int], None]
LIST = "manifest-sha256.txt"
_MAGIC = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"GIF8", ".gif"),
    (b"RIFF", ".webp"),
    (b"BM", ".bmp"),
)
_README = """\
This folder was exported by Nightjar. It can be checked without Nightjar.

1. Every file is as it was exported:      sha256sum -c manifest-sha256.txt
2. Every original is named by its hash:   the name of each file in files/ is the SHA-256 of its bytes
3. Every piece is in the log. evidence/<id>/entry.json is the exact log entry; its leaf hash is SHA-256
   over one zero byte and the entry. The path in custody.json leads from there to the root (RFC 6962,
   section 2.1) that was in use when this folder was written (log/head.json).
4. The entry names the SHA-256 of manifest.json, and the manifest names every file with its role.

In a shell, for one piece of evidence:
   cd evidence/<id>
   sha256sum manifest.json && cat entry.json               # the entry names that hash
   { printf '\\0'; cat entry.json; } | sha256sum            # this is leaf_hash in custody.json

manifest.json, entry.json, custody.json, watch.json are facts as recorded. inference.json is what a program
concluded from them. What is not proven stands in each manifest under not_proven.
Files in files/ come from strangers: do not open them in a program that may run them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proofs:
    """The log as a whole, for the proofs of one export."""

    size: int
    root: str
    origin: str
    leaves: list[bytes]


async def export(
    store: Store, ids: Sequence[str], out: Path, progress: Progressed | None = None, *, officer: str = ""
) -> Path:
    """Export these pieces of evidence with every other look at the same posts; the folder made.

    out must not exist. The export is an event in the log. Raises DatabaseTrouble (unknown id),
    DamagedBlob (an original is not whole: nothing is handed over), DiskTrouble.
    """
    if out.exists():  # noqa: ASYNC240 -- one stat
        raise DiskTrouble(f"{out}: is there already; an export never overwrites")
    wanted = await _with_chains(store, ids)
    proofs = await _proofs(store)
    files = [await dossier.show(store, evidence_id) for evidence_id in wanted]
    tell = progress or (lambda _done, _total: None)
    await in_thread(_write, store, files, proofs, out, tell)
    listing = sha256_of((out / LIST).read_bytes())
    facts = {"evidence": " ".join(wanted), "list_sha256": listing, "officer": officer}
    await store.log_event("export", facts)
    return out


async def _with_chains(store: Store, ids: Sequence[str]) -> list[str]:
    """These ids and those of every look at the same posts, each once, oldest first."""
    if not ids:
        raise DatabaseTrouble("nothing to export: no evidence was named")
    found: dict[str, None] = {}
    for evidence_id in ids:
        for look in await dossier.chain(store, evidence_id):
            found[look.evidence_id] = None
    return sorted(found)


async def _proofs(store: Store) -> _Proofs:
    head = await ledger.head(store.vault.database)
    leaves = await ledger.leaf_hashes(store.vault.database, head.size)
    return _Proofs(size=head.size, root=head.root, origin=head.origin, leaves=leaves)


def _write(store: Store, files: list[Casefile], proofs: _Proofs, out: Path, tell: Progressed) -> None:
    work = out.with_name(f".{out.name}.unfinished")
    try:
        shutil.rmtree(work, ignore_errors=True)
        (work / "files").mkdir(parents=True)
        names = _write_originals(store, files, work, tell)
        for file in files:
            _write_evidence(file, proofs, work, store)
        (work / "log").mkdir()
        head = {"origin": proofs.origin, "size": proofs.size, "root": proofs.root}
        _put(work / "log" / "head.json", json.dumps(head, indent=1))
        _put(work / "report.html", report.page(files, names, head))
        _put(work / "README.txt", _README)
        _put(work / LIST, "".join(_listed(work)))
        work.rename(out)
    except OSError as error:
        raise DiskTrouble(f"{out}: {error}") from error


def _write_originals(store: Store, files: list[Casefile], work: Path, tell: Progressed) -> dict[str, str]:
    """Copy every original once; its path in the folder by hash."""
    wanted = {f.sha256: None for file in files for f in file.files if f.role != "manifest"}
    names: dict[str, str] = {}
    for done, sha256 in enumerate(wanted, 1):
        data = store.blobs.load(sha256)
        ending = next((ending for magic, ending in _MAGIC if data.startswith(magic)), ".bin")
        names[sha256] = f"files/{sha256}{ending}"
        _put_bytes(work / names[sha256], data)
        tell(done, len(wanted))
    return names


def _write_evidence(file: Casefile, proofs: _Proofs, work: Path, store: Store) -> None:
    folder = work / "evidence" / file.evidence.evidence_id
    folder.mkdir(parents=True)
    _put_bytes(folder / "manifest.json", store.blobs.load(file.evidence.manifest_sha256))
    index = file.evidence.leaf_index
    _put_bytes(folder / "entry.json", file.entry.encode())
    custody = {
        "leaf_hash": file.leaf_hash,
        "leaf_index": index,
        "path": [node.hex() for node in path_of(index, proofs.leaves)],
        "tree_size": proofs.size,
        "root": proofs.root,
        "origin": proofs.origin,
        "chain": [
            {"evidence_id": k.evidence_id, "observation": k.observation, "captured_at": stamp(k.captured_at)}
            for k in file.chain
        ],
    }
    _put(folder / "custody.json", json.dumps(custody, indent=1, ensure_ascii=False))
    watch = {"lifetime": json.loads(dump(file.lifetime)), "sightings": json.loads(dump(file.sightings))}
    _put(folder / "watch.json", json.dumps(watch, indent=1, ensure_ascii=False))
    inference = {
        "note": "concluded by a program from the files; not evidence",
        "verdict": json.loads(dump(file.verdict)),
        "matches": json.loads(dump(file.matches)),
        "judged_at": json.loads(dump(file.judged_at)),
        "item": json.loads(dump(file.item)),
        "members": list(file.members),
        "told": json.loads(dump(file.told)),
    }
    _put(folder / "inference.json", json.dumps(inference, indent=1, ensure_ascii=False))


def _listed(work: Path) -> Iterable[str]:
    """Lines for sha256sum: hash, two spaces, path."""
    for path in sorted(p for p in work.rglob("*") if p.is_file() and p.name != LIST):
        yield f"{sha256_of(path.read_bytes())}  {path.relative_to(work).as_posix()}\n"


def _put(path: Path, text: str) -> None:
    _put_bytes(path, text.encode("utf-8", "replace"))


def _put_bytes(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o440)
