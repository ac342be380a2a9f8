"""Cards that turned out to be of one item: which of them goes further, and what each says of the others.

Two posts may be told apart before it is seen that they show one thing. Each card keeps its own state, since
nobody's act is ascribed to him where he did not press; but people have one thing before them:

- nobody has taken either: one goes further (`escalation`), the loudest, of these the earliest;
- one was taken: others that are not louder go no further, and say who has it;
- it was given back: time runs anew for one of them (`anew`).

A card that was resolved before they were known to be one speaks for nothing: whoever called one advert a
false alarm did not know of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage import duty_rows, outbox
from storage.codec import load_tuple, micros
from storage.duty import LAPSED, LEVELS_S, Duty, State
from storage.model import AlertKind, Tier
from storage.outbox import AlertFacts
from storage.writer import Batch

OUTCOME = "one item"
"""Of an escalation that ended because another card of the item has it."""
_CARDS = (
    "SELECT c.alert_id, c.tier, coalesce(u.state, 'new'), coalesce(u.level, 0), "
    "EXISTS (SELECT 1 FROM escalation e WHERE e.alert_id = c.alert_id AND e.done_at IS NULL "
    "AND e.due_at > ?2), "
    "EXISTS (SELECT 1 FROM delivery d WHERE d.alert_id = c.alert_id AND d.state IN ('sending', 'delivered')) "
    "FROM alert c LEFT JOIN duty u ON u.alert_id = c.alert_id WHERE c.item_id = ?1 AND c.revises = '' "
    "AND EXISTS (SELECT 1 FROM delivery d WHERE d.alert_id = c.alert_id "
    "AND d.state IN ('waiting', 'sending', 'delivered')) ORDER BY c.alert_id"
)
_ENDS = "UPDATE escalation SET done_at = ?, outcome = ? WHERE alert_id = ? AND done_at IS NULL"
_LATEST = (
    "SELECT tier, item_id, jurisdiction, tags FROM alert "
    "WHERE item_id = (SELECT item_id FROM alert WHERE alert_id = ?1) AND (alert_id = ?1 OR revises = ?1) "
    "AND kind <> 'duty' ORDER BY rowid DESC LIMIT 1"
)
_ITEM = "SELECT item_id FROM alert WHERE alert_id = ? AND item_id <> ''"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card of an item that somebody has or will have.

    going: a step of it is to come that has not lapsed. shown: people have it, or may.
    """

    alert_id: str
    tier: Tier
    state: State
    level: int
    going: bool
    shown: bool

    @property
    def is_open(self) -> bool:
        """Whether nobody has taken it."""
        return self.state in (State.NEW, State.ESCALATED)

    @property
    def first(self) -> tuple[int, str]:
        """The loudest comes first, then the earliest: ids of alerts go by time."""
        return self.tier.rank, self.alert_id

    @property
    def was_passed_to_all(self) -> bool:
        """Whether there is nobody left whom it could go to."""
        return self.is_open and self.level >= len(LEVELS_S)


async def cards(batch: Batch, item_id: str, at: datetime) -> tuple[Card, ...]:
    """The cards of an item, the earliest first; without those that were withdrawn, muted or refused."""
    return tuple(
        Card(
            alert_id=row[0],
            tier=Tier(row[1]),
            state=State(row[2]),
            level=row[3],
            going=bool(row[4]),
            shown=bool(row[5]),
        )
        for row in await batch.rows(_CARDS, (item_id, micros(at - LAPSED)))
    )


def ended(found: Sequence[Card], acted: str = "") -> tuple[str, ...]:
    """Cards that need go no further, since another has it. Pure.

    acted: the card that somebody just took, resolved or gave back, knowing the others. Then none speaks for
    them only because it was passed to all before: that one may have been put aside for the one given back.
    """
    taken = [one for one in found if one.state is State.ACKNOWLEDGED]
    taken += [one for one in found if one.alert_id == acted and not one.is_open]
    going = [one for one in found if one.is_open and one.going]
    quiet = [one for one in going if any(other.tier.rank <= one.tier.rank for other in taken)]
    left = [one for one in going if one not in quiet]
    left += [one for one in found if one.was_passed_to_all and not acted]
    first = min(left, key=lambda one: one.first, default=None)
    return tuple(one.alert_id for one in going if one in quiet or one is not first)


def anew(found: Sequence[Card]) -> Card | None:
    """Whose time runs anew when one was given back, None for nobody's. Pure.

    The loudest; of these the one that was passed on least: no step is made twice, and of one that was passed
    to all none is left. One that goes further anyway is not put off.
    """
    left = [one for one in found if one.is_open and not one.was_passed_to_all]
    first = min(left, key=lambda one: (one.tier.rank, one.level, one.alert_id), default=None)
    return None if first is None or first.going else first


async def settle(batch: Batch, item_id: str, at: datetime, acted: str = "") -> None:
    """Have one card of an item go further at most. See `ended`."""
    found = await cards(batch, item_id, at)
    for alert_id in ended(found, acted) if len(found) > 1 else ():
        await batch.run(_ENDS, (micros(at), OUTCOME, alert_id))


async def acted(batch: Batch, before: Duty, after: Duty, at: datetime) -> None:
    """Somebody acted on a card: the others of its item go on or not by that, and say it."""
    rows = await batch.rows(_ITEM, (after.alert_id,))
    found = await cards(batch, rows[0][0], at) if rows else ()
    if len(found) < 2:
        return
    if after.is_open and not before.is_open and (first := anew(found)):
        duty_rows.plan(batch, first.alert_id, at)
    await settle(batch, rows[0][0], at, after.alert_id)
    for one in found:
        if one.alert_id != after.alert_id and one.shown:
            await show(batch, one.alert_id, at)


async def show(batch: Batch, card: str, at: datetime) -> None:
    """Have a card say how it stands wherever it was told: an alert of kind DUTY revises it."""
    rows = await batch.rows(_LATEST, (card,))
    tier, item_id, jurisdiction, tags = rows[0]
    facts = AlertFacts(
        kind=AlertKind.DUTY,
        tier=Tier(tier),
        created_at=at,
        item_id=item_id,
        revises=card,
        jurisdiction=jurisdiction,
        tags=load_tuple(str, tags),
    )
    outbox.put(batch, facts, ())


# --- surely not sent ------------------------------------------------------------------

_UNSENT = (
    "SELECT a.alert_id, a.tier, a.item_id FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "
    "WHERE d.id = ? AND d.state = 'waiting' AND NOT d.uncertain AND a.revises = '' AND a.item_id <> ''"
)
OF_CARD = (
    "(SELECT x.alert_id FROM alert x WHERE x.item_id = "
    "(SELECT y.item_id FROM alert y WHERE y.alert_id = {0}) AND (x.alert_id = {0} OR x.revises = {0}))"
)
"""An alert and what revises it: by its item, since a delivery is found by its alert and not by its card."""
_ITSELF = OF_CARD.format("?1")
_NOBODY_HAS = (
    f"SELECT 1 FROM delivery WHERE card = ?1 AND alert_id IN {_ITSELF} GROUP BY card "  # noqa: S608 -- our words
    "HAVING min(state = 'waiting' AND NOT uncertain AND inside IS NULL) "
    "AND NOT EXISTS (SELECT 1 FROM duty WHERE alert_id = ?1 AND version > 0)"
)
_ALL_HAVE = (
    "SELECT 1 FROM delivery d LEFT JOIN delivery o ON o.alert_id = ?2 AND o.channel = d.channel "
    "AND o.state = 'delivered' WHERE d.alert_id = ?1 GROUP BY d.alert_id HAVING min(o.id IS NOT NULL)"
)
_SAID = (
    "SELECT 1 FROM alert r JOIN observation n ON n.seq = r.seq JOIN alert a ON a.alert_id = ?1 "
    "JOIN observation o ON o.seq = a.seq WHERE r.item_id = a.item_id AND +r.kind = 'repost' "
    "AND r.revises IN (?1, ?2) AND n.post_key = o.post_key LIMIT 1"
)
_TAKES_OVER = (
    f"UPDATE delivery SET card = ?2 WHERE card = ?1 AND alert_id <> ?1 AND alert_id IN {_ITSELF}",  # noqa: S608
    (
        "INSERT OR IGNORE INTO delivery (alert_id, card, channel, state, rank, due_at, attempts, uncertain, "  # noqa: S608
        "receipt, why) SELECT r.alert_id, ?2, d.channel, 'waiting', d.rank, r.created_at, 0, 0, '', '' "
        f"FROM alert r JOIN delivery d ON d.alert_id = ?2 WHERE r.revises = ?1 AND r.alert_id IN {_ITSELF}"
    ),
    f"UPDATE alert SET revises = ?2 WHERE revises = ?1 AND alert_id IN {_ITSELF}",  # noqa: S608 -- our words
    "UPDATE item SET card = ?2 WHERE card = ?1 AND item_id = (SELECT item_id FROM alert WHERE alert_id = ?1)",
    (
        "UPDATE delivery SET state = 'withdrawn', why = 'surely not sent; its item was found to be that of "
        "alert ' || ?2 WHERE alert_id = ?1"
    ),
    "DELETE FROM duty WHERE alert_id = ?1 AND version = 0 AND ?2 <> ''",
)


async def surely_unsent(batch: Batch, delivery_id: int, at: datetime) -> None:
    """Withdraw an alert that did not arrive, when its item was told meanwhile by another card that says so.

    Only where nobody has it, nobody acted on it, and all whom it is for have the other card, which is as
    loud, not resolved, and tells of the post. What was said of it is said of the other then.
    """
    rows = await batch.rows(_UNSENT, (delivery_id,))
    if not rows:
        return
    own, tier, item_id = rows[0]
    found = await cards(batch, item_id, at)
    for other in found:
        loud_enough = other.tier.rank <= Tier(tier).rank and other.state is not State.RESOLVED
        if other.alert_id != own and loud_enough and await _speaks_for(batch, own, other.alert_id):
            goes_on = any(one.alert_id == own and one.going for one in found) and not other.going
            for sql in _TAKES_OVER:
                await batch.run(sql, (own, other.alert_id))
            await batch.run(_ENDS, (micros(at), OUTCOME, own))
            if goes_on and other.is_open:
                duty_rows.plan(batch, other.alert_id, at)
            return


async def _speaks_for(batch: Batch, own: str, other: str) -> bool:
    return (
        bool(await batch.rows(_NOBODY_HAS, (own,)))
        and bool(await batch.rows(_ALL_HAVE, (own, other)))
        and bool(await batch.rows(_SAID, (own, other)))
    )
