"""Another page of an incident, for whoever presses its pager; the lane's next edit shows the first again."""

from __future__ import annotations

from bot.callback import Callback
from bot.channel import Card
from bot.desk.tongue import Tongue
from bot.lanes.incident import ack_all, incident_card, pager
from storage import incidents
from storage.store import Store

ACTIONS = ("page0", "page1", "page2")
"""Actions of the pager's buttons, from left to right; the version is the page they lead to."""


async def page_of(store: Store, press: Callback, key: bytes, say: Tongue) -> Card | None:
    """The page that a press leads to, with its buttons; None when it names no incident. Raises StoreError."""
    place = await incidents.incident(store.vault, press.alert_id)
    if place is None or press.action not in ACTIONS:
        return None
    members = await incidents.members(store.vault, press.alert_id)
    card = incident_card(place[1], members, page=press.version, say=say)
    keyboard = pager(press.alert_id, members, key, page=press.version)
    keyboard += ack_all(press.alert_id, members, key, say)
    return Card(headline=card.headline, text=card.text, spans=card.spans, keyboard=keyboard)
