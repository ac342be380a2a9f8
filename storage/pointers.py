"""Which other card tells of the same item: what a card says of the others."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from storage import duty_rows
from storage.codec import moment
from storage.database import Database
from storage.duty import Duty, State
from storage.model import SameItem

# Only of what people have, or may have by now: nobody is sent to a card that never came. CROSS has
# the cards come first, and the others by their item.
_OTHERS = (
    "SELECT c.alert_id, s.alert_id, s.created_at FROM alert c CROSS JOIN alert s ON s.item_id = c.item_id "
    "AND s.alert_id <> c.alert_id AND s.revises = '' "
    "WHERE c.item_id <> '' AND c.alert_id IN (SELECT value FROM json_each(?)) AND EXISTS (SELECT 1 "
    "FROM delivery d WHERE d.alert_id = s.alert_id AND d.state IN ('sending', 'delivered')) ORDER BY 2"
)

HAS_OTHERS = (
    "EXISTS (SELECT 1 FROM alert p CROSS JOIN alert s ON s.item_id = p.item_id AND s.alert_id <> p.alert_id "
    "AND s.revises = '' WHERE p.alert_id = iif(a.revises = '', a.alert_id, a.revises) AND p.item_id <> '')"
)
"""Of alert `a`: whether its card may have to say something of another, so that `of_cards` is worth asking."""


async def of_cards(
    database: Database, cards: Collection[str], duties: Mapping[str, Duty]
) -> dict[str, SameItem]:
    """What each of these cards says of another. duties: of these cards."""
    rows = await database.rows(_OTHERS, (json.dumps(sorted(cards)),)) if cards else ()
    theirs = await duty_rows.of_cards(database, [row[1] for row in rows]) if rows else {}
    others: dict[str, list[SameItem]] = {}
    for card, other, created_at in rows:
        told = SameItem(alert_id=other, created_at=moment(created_at), duty=theirs.get(other))
        others.setdefault(card, []).append(told)
    chosen = {card: pointer(card, duties.get(card), some) for card, some in others.items()}
    return {card: one for card, one in chosen.items() if one is not None}


def pointer(card: str, own: Duty | None, others: Sequence[SameItem]) -> SameItem | None:
    """The card that this one points at: whoever has the item, else the earliest. Pure.

    One points at a later one only while somebody has that and nobody itself. Ids go by time.
    """
    taken = [one for one in others if one.duty is not None and one.duty.version and not one.duty.is_open]
    nobodys = own is None or own.is_open
    told = [one for one in taken if nobodys or one.alert_id < card]
    if told:
        return min(told, key=lambda one: (_is_done(one), one.alert_id > card, one.alert_id))
    return min((one for one in others if one.alert_id < card), key=lambda one: one.alert_id, default=None)


def _is_done(one: SameItem) -> bool:
    """Whoever resolved one may have known nothing of the others; whoever has one does."""
    return one.duty is not None and one.duty.state is State.RESOLVED
