"""Checking what is said to be erased against the log: part of `verify`, in its thread.

A tombstone, or a look that is only a hash, is believed when the log has an entry of kind
`erasure` that names it. Anything else that is missing is damage. A deletion certificate must
be the text that its entry makes, signed by a key of this folder; a missing one is no fault,
since the next run writes it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from storage import certificates
from storage.erased import erasure_of, root_of_hashes, spans
from storage.errors import NotNote
from storage.verify_signed import Before, opened_by_any

if TYPE_CHECKING:
    from storage.verify import Round


def check(run: Round, outside: Before) -> None:
    """Every tombstone, every erased look, every erasure and every certificate of one."""
    named = {index: _facts(run, index, entry) for index, entry in _erasures(run)}
    _check_tombstones(run, named)
    _check_looks(run, named)
    for name in outside.certificates:
        if why := _not_certified(run, outside, name):
            run.fault("erasure", f"certificate {name}", why)


def _not_certified(run: Round, outside: Before, name: str) -> str:
    """Why a deletion certificate is none of this log, or ""."""
    try:
        note = (outside.folder / certificates.FOLDER / name).read_bytes()
        origin = str(run.rows("SELECT origin FROM head")[0][0])
        text = opened_by_any(note, origin, outside.known)
        if run.said.abandoned:  # of a state that was given up in the open: the log need not have it
            return ""
        index = int(name.removesuffix(".note"))
        rows = run.rows("SELECT leaf_hash, entry FROM leaf WHERE \"index\" = ? AND kind = 'erasure'", index)
        if not rows:
            return "the log has no such erasure"
        is_its = text == certificates.text_of(origin, index, *rows[0])
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        return f"cannot be read: {error!r}"
    except NotNote as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if is_its else "it is not what its log entry says"


def _erasures(run: Round) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in run.rows("SELECT \"index\", entry FROM leaf WHERE kind = 'erasure'")]


def _facts(run: Round, index: int, entry: str) -> dict[str, str]:
    try:
        facts = json.loads(entry)["facts"]
        list(spans(facts["leaves"]))
        return {name: str(facts[name]) for name in ("leaves", "sightings_count", "sightings_root")}
    except (ValueError, TypeError, KeyError, AttributeError):
        run.fault("log", f"entry {index}", "this erasure cannot be read")
        return {"leaves": "", "sightings_count": "0", "sightings_root": ""}


def _check_tombstones(run: Round, named: dict[int, dict[str, str]]) -> None:
    stones: dict[int, dict[int, str]] = {}
    for seq, evidence_id, erasure in run.rows("SELECT seq, evidence_id, erasure FROM tombstone"):
        stones.setdefault(erasure, {})[seq] = evidence_id
    for erasure in sorted(stones.keys() | named.keys()):
        leaves = named.get(erasure, {}).get("leaves", "")
        told = {n for first, last in spans(leaves) for n in range(first, min(last, erasure) + 1)}
        found = stones.get(erasure, {})
        for seq in sorted(found.keys() - told)[:100]:
            run.fault("observation", found[seq], f"erasure {erasure} in the log does not name it")
        for seq in sorted(told - found.keys())[:100]:
            run.fault(
                "observation", f"entry {seq}", f"erased by entry {erasure}, but its tombstone is missing"
            )
    for evidence_id, seq in run.rows(
        "SELECT o.evidence_id, o.seq FROM observation o JOIN tombstone t ON t.seq = o.seq LIMIT 100"
    ):
        run.fault("observation", evidence_id, f"entry {seq} is erased, but its row is there")


def _check_looks(run: Round, named: dict[int, dict[str, str]]) -> None:
    hashes: dict[int, list[str]] = {}
    for number, line in run.rows("SELECT id, line FROM sighting WHERE line LIKE '#%' ORDER BY id"):
        mark = erasure_of(line)
        if mark is None:
            run.fault("sightings", f"look {number}", "cannot be read")
        else:
            hashes.setdefault(mark[0], []).append(mark[1])
    for erasure in sorted(hashes.keys() | named.keys()):
        found, facts = hashes.get(erasure, []), named.get(erasure, {})
        told = (facts.get("sightings_count", "0"), facts.get("sightings_root", root_of_hashes([])))
        if (str(len(found)), root_of_hashes(found)) != told:
            run.fault("sightings", f"erasure {erasure}", "the erased looks are not those that the log names")
