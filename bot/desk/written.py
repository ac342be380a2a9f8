"""A word in place of a button: a reply "ok" or "收到" to a card takes its alert, where buttons do not work.

Nothing but these few words counts, as a whole message and in reply to one of ours that shows an alert. What
a role may, what is refused and what stands in the log are the same as with a press.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.desk.people import actor
from bot.desk.presses import said
from bot.desk.reply import Reply, plainly
from bot.desk.together import said_of, take_open
from bot.desk.tongue import Tongue
from bot.settings.custody import Officer
from storage import duties, incidents, lanes
from storage.duty import Act, Order
from storage.lane_words import Member, Shown
from storage.model import AlertKind
from storage.store import Store

SKEW, KEPT = timedelta(minutes=2), timedelta(hours=24)
"""So much may the server's clock be ahead of ours; so long it keeps updates."""
LATEST = timedelta(seconds=1)
"""Its seconds are whole."""
TAKES = frozenset({"ok", "okay", "收到", "接手"})
"""Whatever the case of the letters, and with a full stop behind or without."""


def takes(text: str) -> bool:
    """Whether a whole message is one of the words."""
    return text.strip().rstrip(".!。！").casefold() in TAKES


async def shown_by(store: Store, chat_id: int, message_id: int) -> Shown | None:
    """The alert that a message of ours shows, or None: a notice, an answer, somebody else's."""
    found = await lanes.shown_by(store.vault.database, str(chat_id), message_id)
    return None if found is None or found.kind is AlertKind.NOTICE else found


async def take(  # noqa: PLR0917 -- all that an act needs
    store: Store, shown: Shown, officer: Officer, update_id: int, written_at: datetime | None, say: Tongue
) -> Reply:
    """Take the alert for an officer whose role may; the same update does it once. Raises StoreError.

    Of a message with several, what it showed when he wrote (written_at; None: when that is not known).
    """
    if shown.kind is AlertKind.INCIDENT:
        members = seen_by(await incidents.members(store.vault, shown.alert_id), written_at, store.clock.now())
        taken = await take_open(store.vault, members, officer)
        return plainly(said_of(taken, say), f"took {taken}")
    order = Order(alert_id=shown.alert_id, act=Act.ACKNOWLEDGE, actor=actor(officer))
    done = await duties.act(store.vault, order, update_id=update_id)
    return plainly(said(done, say), done.refusal.name.lower() if done.refusal else done.duty.state.value)


def seen_by(members: Iterable[Member], written_at: datetime | None, now: datetime) -> tuple[Member, ...]:
    """Members that stood in the message when somebody answered it. Pure.

    The server's clock is believed as far as ours agrees with it; else all that stand there now count.
    """
    until = now
    if written_at is not None and -SKEW <= now - written_at <= KEPT:
        until = written_at + LATEST
    return tuple(one for one in members if one.shown_at is not None and one.shown_at <= until)
