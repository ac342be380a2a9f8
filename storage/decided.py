"""What officers decided about alerts, as labelled texts: what `nightjar train` can learn from.

Confirmed is an offer (1). A replica, a plant and another sense of the word are none (0). An antique
or a permitted piece is an offer all the same, and "other" says nothing: both stay without a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from storage import outbox, starred
from storage.codec import micros, moment
from storage.duty import Outcome
from storage.model import Alert
from storage.threads import in_thread

if TYPE_CHECKING:
    from storage.store import Store

_NONE = frozenset({"replica", "synthetic", "word"})
_PAGE = 500
_DECIDED = (
    "SELECT alert_id, outcome, reason, at, '', rowid FROM duty "
    "WHERE state = 'resolved' AND outcome <> 'duplicate' AND at >= ?1 UNION ALL "
    # Of stores from before commands made decisions: there every false alarm was none.
    "SELECT alert_id, CASE answer WHEN 'confirmed' THEN 'confirmed' ELSE 'false positive' END, reason, at, "
    "CASE answer WHEN 'confirmed' THEN '1' ELSE '0' END, leaf FROM answer a WHERE at >= ?1 "
    "AND leaf = (SELECT max(leaf) FROM answer b WHERE b.evidence_id = a.evidence_id) ORDER BY 4, 6"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One alert that was resolved; its words are starred. label: "1", "0", or "" when it says nothing."""

    evidence_id: str
    title: str
    text: str
    label: str
    outcome: str
    reason: str
    decided_at: datetime


def label(outcome: str, reason: str) -> str:
    """What a decision says about the text. Pure."""
    if outcome == Outcome.CONFIRMED.value:
        return "1"
    why = reason.partition(":")[0].strip()  # at a command line more words may follow
    return "0" if outcome == Outcome.FALSE_POSITIVE.value and why in _NONE else ""


async def decided(store: Store, since: datetime | None = None) -> tuple[Decided, ...]:
    """Every alert that was resolved and no duplicate, in the order of the decisions."""
    rows = await store.vault.database.rows(_DECIDED, (0 if since is None else micros(since),))
    found: list[Decided] = []
    for start in range(0, len(rows), _PAGE):
        page = [tuple(row)[:5] for row in rows[start : start + _PAGE]]
        alerts = await outbox.load_alerts(store.vault.database, [str(row[0]) for row in page])
        found += await in_thread(_read, page, alerts)
    return tuple(found)


def _read(rows: Sequence[tuple[str, str, str, int, str]], alerts: dict[str, Alert]) -> list[Decided]:
    """The rows with the words of their posts; starring many takes seconds."""
    found = []
    for alert_id, outcome, reason, at, old in rows:
        evidence = starred.starred_alert(alerts[alert_id]).evidence if alert_id in alerts else None
        if evidence is not None:
            one = Decided(
                evidence_id=evidence.evidence_id,
                title=evidence.post.title,
                text=evidence.post.text,
                label=old or label(outcome, reason),
                outcome=outcome,
                reason=reason,
                decided_at=moment(at),
            )
            found.append(one)
    return found
