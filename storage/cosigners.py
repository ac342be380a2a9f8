"""What the daemon does for its cosigners: shows its log in a folder, and picks up what they signed.

    <data>/witness/checkpoint                  the newest checkpoint that has news
    <data>/witness/consistency/<from>-<to>     proofs from states that a cosigner may have signed
    <data>/witness/cosigned/*                  put here by cosigners (by hand, rsync, a shared disk)

A cosignature that holds becomes a log entry of kind `cosignature`, so it is exported with the
log and cannot be lost apart from it. Files that hold nothing new are removed; others are
renamed and told. Nothing in that folder is ever believed unchecked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage import checkpoints, keys, ledger, notes, witness
from storage.codec import stamp
from storage.database import Database
from storage.errors import DiskTrouble, NotNote
from storage.threads import in_thread
from storage.tokens import COSIGNATURE, has_news
from storage.tree import Tree
from storage.vault import Vault
from storage.witness import Vkey
from storage.writer import Batch

FOLDER = "witness"
_CHECKPOINT, _PROOFS, _COSIGNED = "checkpoint", "consistency", "cosigned"
_MOST_PROOFS = 64
_MOST_NOTE_BYTES = 100_000
_MOST_FILES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """A cosigner's line over the checkpoint of `size`, as logged."""

    size: int
    name: str
    key: str
    at: str
    line: str


async def logged(database: Database) -> tuple[Cosignature, ...]:
    """Every cosignature in the log, in order; damaged entries are left out."""
    found = []
    for (entry,) in await database.rows(
        'SELECT entry FROM leaf WHERE kind = ? ORDER BY "index"', (COSIGNATURE,)
    ):
        try:
            facts = json.loads(entry)["facts"]
            found.append(
                Cosignature(
                    size=int(facts["size"]),
                    name=str(facts["name"]),
                    key=str(facts["key"]),
                    at=str(facts["time"]),
                    line=str(facts["line"]),
                )
            )
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The last that a cosigner signed. at: as it said (RFC 3339). newest: the log holds no news since."""

    key: str
    size: int
    at: str
    newest: bool


async def standing(database: Database) -> tuple[Standing, ...]:
    """Every cosigner that is in the log with the largest state it signed.

    What came since counts only when it is more than answers of authorities and cosigners: each
    cosignature is itself an entry, so none is ever over the very last one.
    """
    last: dict[str, Cosignature] = {}
    for one in await logged(database):
        if one.size >= last.get(one.key, one).size:
            last[one.key] = one
    end = (await ledger.head(database)).size
    return tuple(
        [
            Standing(
                key=one.key,
                size=one.size,
                at=one.at,
                newest=not await has_news(database, one.size, end),
            )
            for one in last.values()
        ]
    )


# --- showing the log ------------------------------------------------------------------------


async def show(vault: Vault) -> int:
    """Write the newest checkpoint and proofs to it; the size shown. Nothing new: nothing is written.

    Raises DiskTrouble.
    """
    newest = await checkpoints.latest(vault.database)
    folder = vault.folder / FOLDER
    shown = await _shown(vault, folder)
    if newest is None or newest.size <= shown:
        return shown
    if not await has_news(vault.database, shown, newest.size):
        return shown
    signed = [one.size for one in await logged(vault.database)]
    leaves = await ledger.leaf_hashes(vault.database, newest.size)
    await in_thread(_write, folder, newest, leaves, (*signed, shown))
    return newest.size


async def _shown(vault: Vault, folder: Path) -> int:
    """The size of the checkpoint that lies in the folder, 0 when it is none of ours: others write there."""
    try:
        text, _ = notes.split_note(await in_thread(_read, folder / _CHECKPOINT))
        size = notes.read_checkpoint(text).size
    except NotNote:
        return 0
    own = await checkpoints.of_size(vault.database, size)
    return size if own is not None and notes.split_note(own.note)[0] == text else 0


def _write(folder: Path, newest: checkpoints.Signed, leaves: Sequence[bytes], known: tuple[int, ...]) -> None:
    """Proofs first, then the checkpoint, then old proofs away: a reader finds what belongs together."""
    proofs, last = folder / _PROOFS, known[-1]
    try:
        proofs.mkdir(parents=True, exist_ok=True)
        (folder / _COSIGNED).mkdir(exist_ok=True)
        old = [tuple(map(int, file.name.split("-"))) for file in proofs.glob("*-*") if _is_proof(file)]
        starts = {start for start, _ in old} | set(known)
        wanted = sorted(s for s in starts if 0 < s < newest.size)[-_MOST_PROOFS:]
        tree = Tree.of(leaves)
        for start in wanted:
            text = notes.consistency_text(start, newest.size, tree.consistency(start))
            keys.write(proofs / f"{start}-{newest.size}", text.encode())
        keys.write(folder / _CHECKPOINT, newest.note.encode())
        for start, end in old:
            if end not in (last, newest.size):
                (proofs / f"{start}-{end}").unlink(missing_ok=True)
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error.strerror}") from error


def _is_proof(file: Path) -> bool:
    start, _, end = file.name.partition("-")
    return all(word.isascii() and word.isdigit() and len(word) < 19 for word in (start, end))


# --- picking up -------------------------------------------------------------------------------


async def pick_up(vault: Vault, trusted: Sequence[Vkey]) -> tuple[str, ...]:
    """Log every new cosignature that lies in the folder and holds; why others do not, in words.

    Raises DiskTrouble.
    """
    troubles = []
    known = {(one.size, one.key) for one in await logged(vault.database)}
    for path in await in_thread(_waiting, vault.folder / FOLDER / _COSIGNED):
        try:
            note = await in_thread(_read, path)
            found = await _checked(vault.database, note, trusted)
        except NotNote as error:
            troubles.append(f"cosigned note {path.name!r}: {error}")
            await in_thread(_put_aside, path)
            continue
        for one in found:
            if (one.size, one.key) not in known:  # a cosigner may sign the same state every hour
                await _log(vault, one)
                known.add((one.size, one.key))
        await in_thread(_remove, path)
    return tuple(troubles)


async def _checked(database: Database, note: str, trusted: Sequence[Vkey]) -> list[Cosignature]:
    """The cosignatures of trusted cosigners on a note, which must be over our own checkpoint."""
    text, signatures = notes.split_note(note)
    size = notes.read_checkpoint(text).size
    own = await checkpoints.of_size(database, size)
    if own is None or notes.split_note(own.note)[0] != text:
        raise NotNote("it is over no checkpoint of this log")
    names = {name for name, _ in signatures}
    found = []
    for vkey in trusted:
        if vkey.name not in names:
            continue
        at: datetime = witness.cosigned_at(note, vkey)
        start = f"\u2014 {vkey.name} "
        line = next(
            line for line in note.splitlines() if line.startswith(start) and _leads(line, start, vkey)
        )
        found.append(Cosignature(size=size, name=vkey.name, key=str(vkey), at=stamp(at), line=line))
    if not found:
        raise NotNote("no cosigner of the configuration signed it")
    return found


def _leads(line: str, start: str, vkey: Vkey) -> bool:
    return notes.unbase64(line.removeprefix(start))[:4] == vkey.mark


async def _log(vault: Vault, one: Cosignature) -> None:
    now = vault.clock.now()
    facts = {"size": str(one.size), "name": one.name, "key": one.key, "time": one.at, "line": one.line}

    async def job(batch: Batch) -> None:
        ledger.append(batch, COSIGNATURE, {"facts": dict(facts)}, now)

    await vault.submit(job)


def _waiting(folder: Path) -> list[Path]:
    """Files to look at, oldest name first; half-written (dot) and refused ones are passed over."""
    try:
        found = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error.strerror}") from error
    usable = [p for p in found if p.name[0] != "." and p.suffix not in (".refused", ".new") and p.is_file()]
    return usable[:_MOST_FILES]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_NOTE_BYTES + 1)
        if len(raw) > _MOST_NOTE_BYTES:
            raise NotNote("it is larger than any note")
        return raw.decode()
    except UnicodeDecodeError:
        raise NotNote("it is not UTF-8") from None
    except OSError as error:
        raise NotNote(f"it cannot be read: {error.strerror}") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error


def _put_aside(path: Path) -> None:
    try:
        path.rename(path.with_name(path.name + ".refused"))
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error
