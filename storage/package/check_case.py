"""Steps of a check: the records of cases, and whether looks that the package names were left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from storage.erased import spans
from storage.model import sha256_of
from storage.package import layout
from storage.package.source import read
from storage.package.verdict import EXPECTED, Round
from storage.tree import leaf_hash

_ACTS = ("case", "hold")
"""Kinds of entries that are shown only along with the records of their case."""
_NAMED = 5


def cases(run: Round, leaves: list[bytes], entries: Mapping[int, str]) -> None:
    """Every record of a case is the one that its entry names, and no act that is shown lacks its record.

    entries: those that are shown and hash to their leaves.
    """
    with run.step("cases") as said:
        text, seen = read(run.source, layout.CASE_JSON).decode(), set()
        told = json.loads(text)
        # Another form of the same words may show some readers another record than others.
        plain = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
        run.wanted(plain == text, f"{layout.CASE_JSON} is not in the form of an export")
        run.wanted(told["origin"] == run.origin, f"{layout.CASE_JSON} is of another store")
        gone = list(_erased(entries.values()))
        for case in told.get("cases", []):
            for one in case["history"]:
                _record(run, one, leaves, gone)
                facts = json.loads(one["record"])["facts"] if one["record"] else {"case": case["number"]}
                run.wanted(facts["case"] == case["number"], f"the record of {one['leaf']} is of another case")
                seen.add(one["leaf"])
        for index, entry in entries.items():
            if index not in seen and json.loads(entry)["kind"] in _ACTS:
                run.bad(f"entry {index} is an act on a case whose record was left out")
        said.append(f"{len(seen)} records of cases are those that the log names")


def _record(run: Round, one: Mapping[str, Any], leaves: list[bytes], gone: list[tuple[int, int]]) -> None:
    """One item of a history: leaf, kind, entry, record. gone: spans of erased entries."""
    leaf, entry, record = one["leaf"], one["entry"], one["record"]
    told = json.loads(entry)
    holds = type(leaf) is int and 0 <= leaf < len(leaves) and leaf_hash(entry.encode()) == leaves[leaf]
    run.wanted(holds and told["kind"] == one["kind"], f"the log has another entry than {leaf} of a case")
    if record:
        named = told["facts_sha256"] == sha256_of(record.encode())
        run.wanted(named, f"the record of entry {leaf} is not the one the log names")
    else:
        lawful = any(first <= leaf <= last for first, last in gone)
        run.wanted(lawful, f"the record of entry {leaf} is blank, and no erasure that is shown names it")


def _erased(entries: Iterable[str]) -> Iterable[tuple[int, int]]:
    """(first, last) index of all entries whose content was erased by a shown erasure. Raises ValueError."""
    for entry in entries:
        if '"kind":"erasure"' in entry and (told := json.loads(entry))["kind"] == "erasure":
            yield from spans(told["facts"]["leaves"])


def left_out(run: Round, ids: Iterable[str], entries: Mapping[int, str]) -> None:
    """A remark when manifests or `watch.json` name looks at the same posts that are not in the package."""
    there, named = set(ids), set()
    for one in there:
        try:
            told = json.loads(read(run.source, f"{layout.EVIDENCE}/{one}/manifest.json"))
            named.add(str(told["previous"]["evidence_id"]))
            watch = json.loads(read(run.source, f"{layout.EVIDENCE}/{one}/watch.json"))
            named |= {str(look["evidence_id"]) for look in watch["chain"]}
        except EXPECTED:
            continue  # step "manifests" judges manifests; watch.json is a working copy
    missing = sorted(named - there - {""})
    if not missing:
        return
    try:
        gone = sum(last - first + 1 for first, last in _erased(entries.values()))
    except EXPECTED:
        gone = 0
    why = f"{gone} were erased lawfully, says the log" if gone else "no erasure that is shown took them"
    some = ", ".join(missing[:_NAMED])
    run.remarks.append(f"LEFT OUT: {len(missing)} looks that the package names are not in it ({some}); {why}")
