"""Checking the rows of cases against the log's records of them: part of `verify`, in its thread.

The records are what the log names by hash; the rows are what decides about erasing and what an
export shows. They must come to the same, and nothing may have been erased that was held then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage import casebook
from storage.casebook import Standing

if TYPE_CHECKING:
    from storage.verify import Round

_FIELDS = "title, legal_basis, officer, opened_at, closed_at, held, hold_why"


def check_erasure(run: Round, index: int) -> None:
    """What this entry erased was in no case that was open or held when it was logged."""
    kept = casebook.kept(run.book)
    for (evidence_id,) in run.rows("SELECT evidence_id FROM tombstone WHERE erasure = ?", index):
        if evidence_id in kept:
            run.fault("erasure", f"entry {index}", f"evidence {evidence_id} was erased while a case held it")


def check(run: Round) -> None:
    """Every row of a case. After the log was read."""
    rows = {number: told for number, *told in run.rows(f"SELECT number, {_FIELDS} FROM case_file")}  # noqa: S608
    for number in _in_order(rows.keys() | run.book.keys()):
        if number not in rows:
            run.fault("case", str(number), "the log tells of it, but its row is missing")
        elif number not in run.book:
            run.fault("case", str(number), "the log has no entry for it")
        else:
            _check_case(run, number, rows[number])
    _check_evidence(run)


def _in_order(numbers: set[Any]) -> list[Any]:
    return sorted(numbers, key=str)


def _check_case(run: Round, number: str, told: list[Any]) -> None:
    wanted = _as_row(run.book[number])
    for name, is_told, is_logged in zip(_FIELDS.split(", "), told, wanted, strict=True):
        if is_told != is_logged:
            run.fault("case", number, f"{name} is not what the log's records come to")


def _as_row(case: Standing) -> tuple[str | int | None, ...]:
    return (
        case.title,
        case.legal_basis,
        case.officer,
        case.opened_us,
        case.closed_us,
        int(case.held),
        case.hold_why,
    )


def _check_evidence(run: Round) -> None:
    """The evidence of every case, in the order it was added, each found by its post."""
    found: dict[Any, list[tuple[Any, Any]]] = {}
    sql = (
        "SELECT e.number, e.evidence_id, e.added_at, e.post_key, coalesce(o.post_key, '') "
        "FROM case_evidence e LEFT JOIN observation o ON o.evidence_id = e.evidence_id ORDER BY e.id"
    )
    for number, evidence_id, added_at, post_key, wanted in run.rows(sql):
        found.setdefault(number, []).append((evidence_id, added_at))
        if post_key != wanted:
            run.fault("case", str(number), f"evidence {evidence_id} stands under another post than its own")
    for number in _in_order(found.keys() | run.book.keys()):
        case = run.book.get(number)
        if found.get(number, []) != (list(case.evidence.items()) if case else []):
            run.fault("case", str(number), "its evidence is not what the log's records come to")
