"""What is asked about an item, its cards and a night is found by an index, however much there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage import digests, membership, pointers, twins
from tests.storage.kit import opened

ASKED = (
    digests._SPOKE,
    membership._FOUNDED,
    membership._NEEDS_NO_WORD,
    membership._OF_PICTURE,
    *membership._MOVES,
    pointers._OTHERS,
    twins._ALL_HAVE,
    twins._CARDS,
    twins._LATEST,
    twins._NOBODY_HAS,
    twins._SAID,
    twins._UNSENT,
    *twins._TAKES_OVER,
)
OF_ALL = re.compile(r"SCAN (?!json_each|CONSTANT|\d)|AUTOMATIC|alert_kind \(kind=\?\)")
"""A whole table, an index of it made for one question, or every alert of a kind."""


@pytest.mark.parametrize("sql", ASKED)
async def test_no_question_about_one_item_reads_all_there_is(tmp_path: Path, sql: str) -> None:
    """Failed before: a card's load read every alert there ever was, a quarter of a second of 100,000."""
    numbered = len(set(re.findall(r"\?\d", sql)))
    values = [""] * (numbered or sql.count("?"))
    async with opened(tmp_path / "data") as store:
        plan = await store.vault.database.rows(f"EXPLAIN QUERY PLAN {sql}", values)
    assert [str(row[3]) for row in plan if OF_ALL.search(str(row[3]))] == []
