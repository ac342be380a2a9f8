"""A word in place of a button: a reply "ok" or "收到" to a card takes its alert, where buttons do not work.

Nothing but these few words counts, as a whole message and in reply to one of ours that shows an alert. What
a role may, what is refused and what stands in the log are the same as with a press.
"""

from __future__ import annotations

from bot.desk.people import actor
from bot.desk.presses import said
from bot.desk.reply import Reply, plainly
from bot.desk.tongue import Tongue
from bot.settings.custody import Officer
from storage import duties, lanes
from storage.duty import Act, Order
from storage.lane_words import Shown
from storage.model import AlertKind
from storage.store import Store

TAKES = frozenset({"ok", "okay", "收到", "接手"})
"""Whatever the case of the letters, and with a full stop behind or without."""


def takes(text: str) -> bool:
    """Whether a whole message is one of the words."""
    return text.strip().rstrip(".!。！").casefold() in TAKES


async def shown_by(store: Store, chat_id: int, message_id: int) -> Shown | None:
    """The alert that a message of ours shows, or None: a notice, an answer, somebody else's."""
    found = await lanes.shown_by(store.vault.database, str(chat_id), message_id)
    return None if found is None or found.kind is AlertKind.NOTICE else found


async def take(store: Store, shown: Shown, officer: Officer, update_id: int, say: Tongue) -> Reply:
    """Take the alert for an officer whose role may; the same update does it once. Raises StoreError."""
    if shown.kind is AlertKind.INCIDENT:  # how many it showed when he read it, a word does not say
        return plainly(say("This message shows several alerts: only its button takes them."), "incident")
    order = Order(alert_id=shown.alert_id, act=Act.ACKNOWLEDGE, actor=actor(officer))
    done = await duties.act(store.vault, order, update_id=update_id)
    return plainly(said(done, say), done.refusal.name.lower() if done.refusal else done.duty.state.value)
