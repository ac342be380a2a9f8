"""Part of a check: which of the earlier daemon keys in a package count.

Anybody can put a public key into `data/keys/old`, and sign what he likes with its other half.
So a key counts only when the log itself names it, in an entry that is shown, or when the admin
whose fingerprint the reader knows from elsewhere certified it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from storage import keys
from storage.errors import NotNote
from storage.package import layout
from storage.package.check_keys import public_key
from storage.package.source import read
from storage.package.verdict import Round
from storage.signatures import fingerprint

_OLD = re.compile(rf"({layout.KEYS}/old/[1-9][0-9]*)/daemon\.pub\.pem", re.ASCII)
_NAMES = ("old", "new", "key")
"""Fields of a `key` entry that are fingerprints of daemon keys."""


def old_keys(run: Round, entries: dict[int, str]) -> list[bytes]:
    """The earlier keys that count. entries: those that are shown and hash to their leaves.

    Raises NotNote, ValueError, KeyError for what is none.
    """
    named, found = _named(entries.values()), []
    for name in sorted(run.source.sizes):
        if match := _OLD.fullmatch(name):
            public = public_key(run, name)
            certified = _certified(run, match[1], public)
            if certified or fingerprint(public) in named:
                found.append(public)
    return found


def _named(entries: Iterable[str]) -> set[str]:
    """The fingerprints of all daemon keys that the log speaks of."""
    told = [json.loads(entry) for entry in entries if '"kind":"key"' in entry]
    return {one["facts"].get(name, "") for one in told if one["kind"] == "key" for name in _NAMES} - {""}


def _certified(run: Round, folder: str, public: bytes) -> bool:
    """Whether the reader's own admin certified it. A certificate that its admin key denies is a fault."""
    note, own = f"{folder}/{keys.CERTIFICATE}", f"{folder}/{keys.ADMIN}"
    if note not in run.source.sizes or own not in run.source.sizes:
        return False
    admin = public_key(run, own)
    try:
        keys.check_certificate(read(run.source, note).decode(), admin, run.origin, public)
    except NotNote as error:
        run.bad(f"{note}: {error}")
        return False
    return fingerprint(admin) == run.trust.admin
