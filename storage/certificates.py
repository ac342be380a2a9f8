"""Deletion certificates: a signed note for every erasure, made from its log entry alone.

    nightjar deletion certificate v1
    origin <32 hex>
    entry <index> <leaf hash>
    erased-at <RFC 3339>
    class / rule / ordered / posts / observations / files / bytes / sightings <value>
    leaves <indexes of the log entries whose content was erased>
    <what it says, in words>

signed with the daemon's key (C2SP signed note), as `<data>/certificates/<index>.note`. Written
once; a missing one is written again by the next run. For threads.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from storage import keys, notes
from storage.errors import DatabaseTrouble, DiskTrouble

if TYPE_CHECKING:
    from storage.store import Store

FOLDER = "certificates"
TITLE = "nightjar deletion certificate v1"
_NAMES = ("class", "rule", "ordered", "posts", "observations", "files", "bytes")
_WORDS = (
    "The content of these log entries was erased: manifests, files used by nothing else, rows, "
    "search words and looks. The log keeps their hashes, which reveal nothing without the salt."
)


def text_of(origin: str, index: int, leaf_hash: str, entry: str) -> str:
    """The text of a certificate. Raises ValueError, KeyError when the entry is no erasure."""
    document = json.loads(entry)
    if document["kind"] != "erasure":
        raise ValueError(f"entry {index} is no erasure")
    facts: Mapping[str, str] = document["facts"]
    lines = (
        TITLE,
        f"origin {origin}",
        f"entry {index} {leaf_hash}",
        f"erased-at {document['at']}",
        *(f"{name} {facts[name]}" for name in _NAMES),
        f"sightings {facts['sightings_count']}",
        f"leaves {facts['leaves']}",
        _WORDS,
    )
    return "".join(f"{line}\n" for line in lines)


def write_missing(store: Store) -> list[str]:
    """Write the certificates that are not there yet; their paths. Raises StoreError."""
    folder = store.folder / FOLDER
    path = store.vault.database.path
    sql = 'SELECT "index", leaf_hash, entry FROM leaf WHERE kind = \'erasure\' ORDER BY "index"'
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            rows = connection.execute(sql).fetchall()
        missing = [row for row in rows if not (folder / f"{row[0]}.note").exists()]
        if not missing:
            return []
        signer = keys.ensure(store.folder, store.vault.origin)
        folder.mkdir(mode=0o750, exist_ok=True)
        made = [folder / f"{index}.note" for index, _, _ in missing]
        for file, (index, leaf_hash, entry) in zip(made, missing, strict=True):
            _put(file, notes.sign_note(text_of(store.vault.origin, index, leaf_hash, entry), signer))
        return [str(file) for file in made]
    except sqlite3.Error as error:
        raise DatabaseTrouble(f"{path}: {error}") from error
    except OSError as error:
        raise DiskTrouble(f"{folder}: {error}") from error


def _put(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.chmod(0o440)
    temporary.rename(path)
