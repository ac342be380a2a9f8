"""What officers said of alerts, to learn from: confirmed, or a false alarm. Reading only.

An answer is a decision (`duties`), by a button or by `nightjar answer`; it is about every post that its
card tells of. Stores from before commands made decisions have rows of their own for them; those are read
beside. The last answer about a post stands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum

from storage.codec import load
from storage.database import Database
from storage.decided import label
from storage.model import Post


class Said(StrEnum):
    """What the alert was."""

    CONFIRMED = "confirmed"
    FALSE = "false"


_SAYS = {"1": Said.CONFIRMED, "0": Said.FALSE}
"""What a decision says of a text, by its label (`decided.label`)."""


async def by_post(database: Database, keys: Sequence[str] | None = None) -> dict[str, Said]:
    """The last answer about each post, by its key; of all posts, or of those with these keys."""
    return {key: said for key, _, said in await _all(database, keys)}


async def answered(database: Database) -> tuple[tuple[Post, Said], ...]:
    """Every answered post as the alert told of it, with the last answer about it; oldest first."""
    last = {key: (post, said) for key, post, said in await _all(database)}
    return tuple((load(Post, post), said) for post, said in last.values())


async def _all(database: Database, keys: Sequence[str] | None = None) -> list[tuple[str, str, Said]]:
    """(key of the post, its words, what was said), oldest first."""
    only = "" if keys is None else "o.post_key IN (SELECT value FROM json_each(?))"
    named = () if keys is None else (json.dumps(list(keys)),)
    answers = (
        "SELECT a.at, o.post_key, o.post, a.answer, '' FROM answer a "  # noqa: S608  our own words
        f"JOIN observation o ON o.evidence_id = a.evidence_id {only and f'WHERE {only}'} ORDER BY a.leaf"
    )
    presses = (
        "SELECT d.at, o.post_key, o.post, d.outcome, d.reason FROM alert a "  # noqa: S608
        "JOIN duty d ON d.alert_id = CASE a.revises WHEN '' THEN a.alert_id ELSE a.revises END "
        "JOIN observation o ON o.seq = a.seq "
        "WHERE a.kind IN ('new', 'repost', 'changed') AND d.state = 'resolved' "
        f"{only and f'AND {only}'} ORDER BY d.at, d.rowid, a.rowid"
    )
    said = [
        (int(at), key, post, Said(answer)) for at, key, post, answer, _ in await database.rows(answers, named)
    ]
    for at, key, post, outcome, reason in await database.rows(presses, named):
        if (what := _SAYS.get(label(outcome, reason))) is not None:
            said.append((int(at), key, post, what))
    said.sort(key=lambda one: one[0])  # stable: of one instant the log's order stands
    return [(key, post, what) for _, key, post, what in said]
