"""Mutes and watched sellers at work, in the transaction that writes an alert.

An alert that a mute speaks of is kept and counted, and told to nobody; one of a watched seller
goes before all others.
kinds: `seller` (of one target), `target`, `term` (when no other term speaks). Not here: making
and ending them (`mutes`).
"""

from __future__ import annotations

from datetime import datetime

from storage.codec import micros
from storage.writer import Batch

ACTIVE = "m.starts_at IS NOT NULL AND m.starts_at <= ?2 AND m.ends_at > ?2"
_TERMS = (
    "SELECT lower(json_extract(r.value, '$.span')) AS span FROM verdict v, "
    "json_each(json_extract(v.verdict, '$.reasons')) r WHERE v.seq = a.seq "
    "AND json_extract(r.value, '$.kind') = 'term' AND json_extract(r.value, '$.weight') > 0"
)
_FITS = (
    "(m.kind = 'target' AND m.target = o.target) OR "  # noqa: S608 -- our words
    "(m.kind = 'seller' AND m.target = o.target AND m.value = json_extract(o.post, '$.seller')) OR "
    f"(m.kind = 'term' AND EXISTS ({_TERMS}) AND NOT EXISTS "
    f"(SELECT 1 FROM ({_TERMS}) WHERE span <> lower(m.value)))"
)
_HOLD = (
    "INSERT OR IGNORE INTO muted (alert_id, mute, at) SELECT a.alert_id, m.id, ?2 FROM alert a "  # noqa: S608 -- our words
    f"JOIN observation o ON o.seq = a.seq JOIN mute m ON {ACTIVE} AND ({_FITS}) "
    "WHERE a.alert_id = ?1 ORDER BY m.id LIMIT 1"
)
_DROP = "DELETE FROM delivery WHERE alert_id = ?1 AND EXISTS (SELECT 1 FROM muted WHERE alert_id = ?1)"


def hold_back(batch: Batch, alert_id: str, at: datetime) -> None:
    """Take a new alert out of the outbox again when a mute speaks of it, in its own transaction."""
    batch.many(_HOLD, (alert_id, micros(at)))
    batch.many(_DROP, (alert_id,))


_HURRY = (
    "UPDATE delivery SET rank = 0 WHERE alert_id = ?1 AND EXISTS (SELECT 1 FROM alert a "
    "JOIN observation o ON o.seq = a.seq JOIN watched_seller w ON w.target = o.target "
    "AND w.seller = json_extract(o.post, '$.seller') AND w.ended_at IS NULL WHERE a.alert_id = ?1)"
)


def hurry_watched(batch: Batch, alert_id: str) -> None:
    """Have an alert of a watched seller told before all others."""
    batch.many(_HURRY, (alert_id,))
