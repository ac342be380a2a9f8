"""Sly mutations of a package that leave every hash, proof and signature whole, and lie all the same.

Made by somebody who holds the daemon's key, as those of `SLY` in `_mutations`: originals where
nobody looks for them, records of cases in other words, keys that nobody vouched for.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench._mutations import put, sly
from bench._specimen import Specimen
from storage import notes
from storage.keys import Signer
from storage.package import layout
from storage.signatures import pem
from storage.tree import Tree


def substituted(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """An original gone, other bytes of that length under its name in a folder beside."""
    path = chosen.choice(sorted((folder / layout.FILES).iterdir()))
    size = path.stat().st_size
    path.unlink()
    put(folder / f"{layout.FILES}X" / path.name[:64], bytes(size))
    return f"{path.name} substituted from another folder"


def record(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A record of a case in other words, with or without the true one, or an entry that the log has not."""
    path = folder / layout.CASE_JSON
    told = json.loads(path.read_bytes())
    history = told["cases"][0]["history"]
    one, how = chosen.choice(history), chosen.choice(("altered", "altered beside the true one", "blank"))
    if how == "altered beside the true one":
        one = dict(one)
        history.insert(0, one)
    one["record"] = "" if how == "blank" else one["record"].replace("badge 1", "badge 9")
    _rewrite(path, told)
    return f"a record of a case is {how}"


def entry(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """An entry of a case at a place where the log has another."""
    path = folder / layout.CASE_JSON
    told = json.loads(path.read_bytes())
    one = chosen.choice(told["cases"][0]["history"])
    one["entry"] = one["entry"].replace('"kind":"case"', '"kind":"hold"')
    _rewrite(path, told)
    return "an entry of a case is another"


def no_record(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """The history of a case left out, or the whole document, while the log shows that it acted."""
    path = folder / layout.CASE_JSON
    told = json.loads(path.read_bytes())
    how = chosen.choice(("one record", "all cases", "all words", "the file"))
    if how == "one record":
        del told["cases"][0]["history"][0]
    _rewrite(path, {**told, "cases": []} if how == "all cases" else told)
    if how == "all words":
        put(path, chosen.choice((b"null\n", b"{}\n", b"[]\n", b"")))
    if how == "the file":
        path.unlink()
    return f"{how} left out of case.json"


def _rewrite(path: Path, told: object) -> None:
    """In the form of an export, so that only the words are others."""
    put(path, json.dumps(told, indent=1, ensure_ascii=False).encode() + b"\n")


def foreign_old_key(folder: Path, specimen: Specimen, chosen: random.Random) -> str:
    """An earlier state with its true root and a date of choice, by a key that only the package calls old."""
    signer = Signer.of(Ed25519PrivateKey.generate(), specimen.signer.name)
    leaves = [bytes.fromhex(line) for line in (folder / layout.LEAVES).read_text().split()]
    there = {int(path.name) for path in (folder / layout.CHECKPOINTS).iterdir()}
    size = chosen.choice(sorted(set(range(1, len(leaves))) - there))
    origin = specimen.signer.name.removeprefix("nightjar-")
    at = notes.time_of("2001-01-01T00:00:00.000000Z")
    text = notes.checkpoint_text(origin, size, Tree.of(leaves[:size]).root, at)
    put(folder / layout.CHECKPOINTS / str(size), notes.sign_note(text, signer).encode())
    proof = notes.consistency_text(size, len(leaves), Tree.of(leaves).consistency(size))
    put(folder / layout.CONSISTENCY / f"{size}-{len(leaves)}", proof.encode())
    put(folder / layout.KEYS / "old" / "77" / "daemon.pub.pem", pem(signer.public).encode())
    return f"the state of {size} is by a foreign old key"


def stray(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A file that is listed, in a place that packages do not have."""
    name = chosen.choice(("data/GUILTY/proof.txt", "data/log/checkpoints/final", "data/extra.txt"))
    put(folder / name, b"smuggled\n")
    return f"{name} added to the list"


def empty_folder(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """A folder with nothing in it but its name."""
    name = chosen.choice(("data/GUILTY", "data/evidence/0123", "signatures/more/and/more"))
    (folder / name).mkdir(parents=True)
    return f"{name} is an empty folder"


def padded(folder: Path, _: Specimen, chosen: random.Random) -> str:
    """NULs after the web archive, which gunzip passes over without a word."""
    path = folder / layout.WARC
    put(path, path.read_bytes() + bytes(chosen.randint(1, 600)))
    return "NULs after the web archive"


FRAUDS = tuple(
    map(
        sly,
        (substituted, record, entry, no_record, foreign_old_key, stray, empty_folder, padded),
    )
)
