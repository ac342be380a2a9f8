"""Which files only some posts use: there is no index of uses, so manifests are searched for hashes.

Every file of a look is named in its manifest. What the manifests of all other posts name
stays. Part of erasing.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storage.errors import DamagedBlob, DiskTrouble
from storage.threads import in_thread

if TYPE_CHECKING:
    from storage.store import Store

_SHA256 = re.compile(rb'"([0-9a-f]{64})"')


async def candidates(store: Store, keys: Sequence[str]) -> frozenset[str]:
    """Every file that these posts' manifests name, the manifests too."""
    sql = (
        "SELECT manifest_sha256 FROM observation WHERE post_key IN (SELECT value FROM json_each(?)) "
        "UNION SELECT sha256 FROM evidence_picture WHERE seq IN "
        "(SELECT seq FROM observation WHERE post_key IN (SELECT value FROM json_each(?)))"
    )
    named = json.dumps(list(keys))
    rows = await store.vault.database.rows(sql, (named, named))
    return await in_thread(named_by, store, [row[0] for row in rows])


def named_by(store: Store, names: Iterable[str]) -> frozenset[str]:
    """These files, and all that those of them which are manifests name. For threads."""
    found: set[str] = set()
    for name in names:
        found.add(name)
        with contextlib.suppress(DamagedBlob):  # its own files then stay: better too many than too few
            data = store.blobs.load(name)
            if data.startswith(b"{"):
                found |= {match.decode() for match in _SHA256.findall(data)}
    return frozenset(found)


def used_by_others(
    store: Store, wanted: frozenset[str], keys: Sequence[str], after: int
) -> tuple[set[str], int]:
    """Which of these the manifests of other posts name, of looks after leaf `after`; the last one read.

    In a thread with a connection of its own. Raises DamagedBlob, DiskTrouble.
    """
    used: set[str] = set()
    doomed = frozenset(keys)
    path = store.vault.database.path
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        last = after
        sql = "SELECT seq, post_key, manifest_sha256 FROM observation WHERE seq > ? ORDER BY seq LIMIT 2000"
        while wanted and (page := connection.execute(sql, (last,)).fetchall()):
            for last, key, manifest in page:  # noqa: B007 -- the last one is where to go on
                if key not in doomed:
                    named = {match.decode() for match in _SHA256.findall(_bytes(store, manifest))}
                    used |= wanted & (named | {manifest})
    return used, last


def _bytes(store: Store, manifest: str) -> bytes:
    """A manifest that stays, unhashed: to know what it names is enough here."""
    try:
        return store.blobs.path(manifest).read_bytes()
    except FileNotFoundError:
        raise DamagedBlob(manifest, "the file is missing: nothing is erased before it is back") from None
    except OSError as error:
        raise DiskTrouble(f"{manifest}: {error}") from error


async def sizes(store: Store, names: Iterable[str]) -> dict[str, int]:
    """Bytes of those that have a row, by name."""
    sql = "SELECT sha256, size_bytes FROM blob WHERE sha256 IN (SELECT value FROM json_each(?))"
    return {row[0]: row[1] for row in await store.vault.database.rows(sql, (json.dumps(sorted(names)),))}
