"""Gathering what is handed over: from ids of evidence to a `Package`, with few queries.

The checkpoint that all proofs lead to is the log as it stands, signed here by the daemon's
key: a hand-over never waits for the next regular checkpoint. It is in the anchor before
anything is handed over (`checkpoints.vouch`). Earlier checkpoints go along
when a timestamp token was made over them. Of the log's entries only those are shown that
speak of the exported evidence or of the log itself (keys, gaps, erasures, tokens, cosigners).
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from storage import checkpoints, dossier, keys, ledger
from storage.cases import Case
from storage.codec import moment
from storage.database import Database
from storage.dossier import Casefile
from storage.errors import DatabaseTrouble
from storage.media import LOOKED_AT, sniffed
from storage.model import sha256_of
from storage.package.layout import FILES, Keys, Meta, OldKey, Original, Package, Proof, Token
from storage.signatures import pem
from storage.threads import in_thread
from storage.tokens import kept_roots
from storage.tree import Tree

if TYPE_CHECKING:
    from storage.store import Store

_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/x-icon": ".ico",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/json": ".json",
    "text/html": ".txt",
    "text/xml": ".txt",
    "image/svg+xml": ".txt",
    "text/plain": ".txt",
}
"""By what the bytes show. A page is text: opened as a page it could run scripts and call its site."""
_CERTIFICATE = re.compile(r"certificate(-[0-9]+)?")
_PAGE = 10_000
_OF_THE_LOG = ("key", "erasure", "gap", "beacon", "cosignature")
_OF_EVIDENCE = ("verdict", "export")
_ID = re.compile(r"[0-9a-f]{32}")

Told = Callable[[], None]
"""Called once for every piece that was gathered."""


async def gather(
    store: Store, ids: Sequence[str], meta: Meta, cases: Sequence[Case], told: Told
) -> tuple[Package, keys.Signer]:
    """The package of these pieces (from `with_chains`), and who signs it.

    Raises DatabaseTrouble (unknown id, nothing named), RolledBack, DamagedBlob, KeyTrouble, DiskTrouble.
    """
    files = await _files(store, ids, told)
    head = await ledger.head(store.vault.database)
    leaves = await ledger.leaf_hashes(store.vault.database, head.size)
    tree = await in_thread(Tree.of, leaves)
    if tree.root.hex() != head.root:
        raise DatabaseTrouble("the log's leaves do not lead to its root: run `nightjar verify`")
    note, signer = await checkpoints.vouch(store, head)
    tokens = await _tokens(store.vault.database, [f.evidence.leaf_index for f in files], head.size)
    package = Package(
        meta=meta,
        origin=head.origin,
        keys=await in_thread(_keys, store.folder, signer),
        size=head.size,
        root=head.root,
        checkpoint=note,
        files=files,
        proofs={f.evidence.evidence_id: _proof(f, tree) for f in files},
        originals=await in_thread(_originals, store, files),
        leaves=tuple(leaves),
        entries=await _entries(store.vault.database, files, cases, head.size),
        checkpoints=await _checkpoints(store.vault.database, {t.size for t in tokens}),
        tokens=tokens,
        roots=_decoded(await in_thread(kept_roots, store.folder)),
        cases=tuple(cases),
        targets=await _targets(store.vault.database, files),
    )
    return package, signer


async def with_chains(store: Store, ids: Sequence[str]) -> list[str]:
    """These ids and those of every look at the same posts, each once, oldest first, but no erased ones.

    Raises DatabaseTrouble.
    """
    if not ids:
        raise DatabaseTrouble("nothing to export: no evidence was named")
    found: dict[str, None] = {}
    for evidence_id in ids:
        if evidence_id not in found:
            for look in await dossier.chain(store, evidence_id):
                found[look.evidence_id] = None
    sql = "SELECT evidence_id FROM tombstone WHERE evidence_id IN (SELECT value FROM json_each(?))"
    gone = {row[0] for row in await store.vault.database.rows(sql, (json.dumps(list(found)),))}
    if not found.keys() - gone:
        raise DatabaseTrouble("nothing to export: what was named has been erased")
    return sorted(found.keys() - gone)


async def _targets(database: Database, files: Sequence[Casefile]) -> dict[str, str]:
    """The targets in force at these looks, from the `config` entries of the log; no others are shown."""
    wanted = {_config_of(file) for file in files}
    found: dict[str, str] = {}
    for (entry,) in await database.rows(
        "SELECT entry FROM leaf WHERE kind = 'config' ORDER BY \"index\" DESC"
    ):
        if not wanted - found.keys():
            break
        for stanza in json.loads(entry)["facts"].get("stanzas", "").split("\n"):
            if (digest := sha256_of(stanza.encode("utf-8", "surrogatepass"))) in wanted:
                found[digest] = stanza
    return found


def _config_of(file: Casefile) -> str:
    try:
        return str(json.loads(file.manifest)["target"]["config_sha256"])
    except (ValueError, KeyError, TypeError):  # damaged: the checks say so
        return ""


def _decoded(roots: Mapping[str, bytes]) -> dict[str, str]:
    return {name: root.decode("ascii", "replace") for name, root in roots.items()}


async def _files(store: Store, ids: Iterable[str], told: Told) -> tuple[Casefile, ...]:
    files = []
    for evidence_id in ids:
        file = await dossier.show(store, evidence_id, check=False)
        if not file.manifest:
            await store.blobs.get(file.evidence.manifest_sha256)  # says what is wrong with it
        files.append(file)
        told()
    return tuple(files)


def _proof(file: Casefile, tree: Tree) -> Proof:
    index = file.evidence.leaf_index
    return Proof(index=index, leaf_hash=file.leaf_hash, path=tree.path(index))


def _keys(folder: Path, signer: keys.Signer) -> Keys:
    current, *old = keys.known(folder)
    return Keys(
        name=signer.name,
        public=signer.public,
        fingerprint=signer.fingerprint,
        certificate=current.certificate,
        admin_pem=pem(current.admin) if current.admin else "",
        old=tuple(
            OldKey(
                number=str(key.number),
                pem=pem(key.public),
                certificate=key.certificate,
                admin_pem=pem(key.admin) if key.admin else "",
            )
            for key in old
        ),
    )


def _originals(store: Store, files: Iterable[Casefile]) -> dict[str, Original]:
    """Every file but the manifests, each once; the ending is a help for people."""
    found: dict[str, Original] = {}
    for file in (f for case in files for f in case.files if f.role != "manifest"):
        if file.sha256 not in found:
            path = f"{FILES}/{file.sha256}{_ending(file.role, store.blobs.path(file.sha256))}"
            found[file.sha256] = Original(sha256=file.sha256, size_bytes=file.size_bytes, path=path)
    return found


def _ending(role: str, path: Path) -> str:
    if _CERTIFICATE.fullmatch(role):
        return ".der"
    try:
        with path.open("rb") as file:
            begins = file.read(LOOKED_AT)
    except OSError:
        return ".bin"  # copying it will say what is wrong
    return _ENDINGS.get(sniffed(begins), ".bin")


# --- the log ----------------------------------------------------------------------------


async def _entries(
    database: Database, files: Sequence[Casefile], cases: Sequence[Case], size: int
) -> tuple[tuple[int, str], ...]:
    """(index, text) of the entries that may be shown, in order."""
    shown = {file.evidence.leaf_index: file.entry for file in files}
    shown |= {record.leaf: record.entry for case in cases for record in case.history}
    ids = {str(file.evidence.evidence_id) for file in files}
    first = min(shown)
    for kind in (*_OF_THE_LOG, *_OF_EVIDENCE):
        shown |= {
            index: entry
            async for index, entry in _entries_of(database, kind, first)
            if kind in _OF_THE_LOG or not ids.isdisjoint(_ID.findall(entry))
        }
    return tuple(sorted((index, entry) for index, entry in shown.items() if index < size))


async def _entries_of(database: Database, kind: str, first: int) -> AsyncIterator[tuple[int, str]]:
    sql = 'SELECT "index", entry FROM leaf WHERE kind = ? AND "index" >= ? ORDER BY "index" LIMIT ?'
    at = first
    while page := await database.rows(sql, (kind, at, _PAGE)):
        for row in page:
            yield int(row[0]), str(row[1])
        at = int(page[-1][0]) + 1


# --- time -------------------------------------------------------------------------------


async def _tokens(database: Database, indexes: Sequence[int], size: int) -> tuple[Token, ...]:
    """By authority and piece the first whole token over it, and what is still waited for."""
    rows = await database.rows(
        "SELECT size, authority, state, id FROM token WHERE size > ? AND size <= ? ORDER BY authority, size",
        (min(indexes), size),
    )
    wanted: set[int] = set()
    for authority in {row[1] for row in rows}:
        whole = [(row[0], row[3]) for row in rows if row[1] == authority and row[2] == "whole"]
        waiting = [(row[0], row[3]) for row in rows if row[1] == authority and row[2] == "waiting"]
        for index in indexes:
            at = bisect_right(whole, (index, 1 << 62))
            kind, at = (whole, at) if at < len(whole) else (waiting, bisect_right(waiting, (index, 1 << 62)))
            wanted.update(number for _, number in kind[at : at + 1])
    return tuple([await _token(database, number) for number in sorted(wanted)])


async def _token(database: Database, number: int) -> Token:
    sql = (
        "SELECT size, authority, state, asked_at, received_at, request, response, why FROM token WHERE id = ?"
    )
    size, authority, state, asked_at, received_at, request, response, why = (
        await database.rows(sql, (number,))
    )[0]
    return Token(
        size=size,
        authority=authority,
        state=state,
        asked_at=None if asked_at is None else moment(asked_at),
        received_at=None if received_at is None else moment(received_at),
        request=bytes(request or b""),
        response=bytes(response or b""),
        why=why,
    )


async def _checkpoints(database: Database, sizes: Iterable[int]) -> dict[int, str]:
    """The notes over which tokens were asked."""
    found = {}
    for size in sorted(sizes):
        rows = await database.rows("SELECT note FROM checkpoint WHERE size = ?", (size,))
        if not rows:
            raise DatabaseTrouble(f"the checkpoint of {size} entries is missing: run `nightjar verify`")
        found[size] = str(rows[0][0])
    return found
