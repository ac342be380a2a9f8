"""Taking what an incident shows at once: each alert is an act of its own, by its state.

Whoever asks again, or an update that comes again after a kill, takes what is left.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.desk.people import actor
from bot.desk.tongue import Tongue
from bot.settings.custody import Officer
from storage import duties
from storage.duty import Act, Order
from storage.lane_words import Member
from storage.vault import Vault


async def take_open(vault: Vault, members: Iterable[Member], officer: Officer) -> int:
    """Take for an officer, whose role may, those that nobody has; how many it were. Raises StoreError."""
    taken = 0
    for member in members:
        duty = await duties.state(vault.database, member.alert_id) if member.open else None
        if duty is not None and duty.is_open:
            order = Order(
                alert_id=duty.alert_id, act=Act.ACKNOWLEDGE, actor=actor(officer), version=duty.version
            )
            taken += (await duties.act(vault, order)).refusal is None
    return taken


def said_of(taken: int, say: Tongue) -> str:
    """What whoever took them is told."""
    return say("{count} are yours.", count=taken) if taken else say("Nothing of it is open any more.")
