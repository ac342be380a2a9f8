"""All that a chat lane looks at before it decides what it says next, in one visit to the database.

A lane looks before and after each message. As six questions, each with two turns of a loop that others
keep busy, that was a third of what a message costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storage import incidents, lanes, outbox
from storage.codec import micros, moment
from storage.lane_words import Incident, LaneState, Revision, Waiting
from storage.vault import Vault

_SENDING = "SELECT id FROM delivery WHERE channel = ? AND state = 'sending' ORDER BY id"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """sending: ids of deliveries of whose call no answer is known, the oldest first.

    waiting: what asks for a message of its own, loudest first, then oldest. incidents: those that something
    may join, or that do not show all their members yet. revisions: cards to be edited. next_at: when the
    earliest waiting delivery is due, None when nothing waits.
    """

    sending: tuple[int, ...]
    waiting: tuple[Waiting, ...]
    incidents: tuple[Incident, ...]
    revisions: tuple[Revision, ...]
    state: LaneState
    next_at: datetime | None


async def view(vault: Vault, channel: str, now: datetime) -> LaneView:
    """How it stands with a channel. Raises StoreError."""
    sending, waiting, grouped, revised, state, next_at = await vault.database.rows_each(
        (_SENDING, (channel,)),
        (lanes.WAITING, (channel, micros(now), lanes.MOST)),
        (incidents.INCIDENTS, (channel,)),
        (lanes.REVISIONS, (channel, micros(now))),
        (lanes.STATE, (channel,)),
        (outbox.NEXT_AT, (channel,)),
    )
    return LaneView(
        sending=tuple(row[0] for row in sending),
        waiting=lanes.waiting_of(waiting),
        incidents=incidents.incidents_of(grouped),
        revisions=lanes.revisions_of(revised),
        state=lanes.state_of(state),
        next_at=None if next_at[0][0] is None else moment(next_at[0][0]),
    )
