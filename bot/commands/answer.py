"""`nightjar answer ALERT confirm|false|duplicate`: decides by a command what a card's buttons decide.

One path: the same states, refusals and log entries, and the card in the chat says it. Who decides is the
account of this machine, or whoever `--as` names; an officer of the configuration may no more than his role.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.case import WAITED_S, opened, settled
from bot.commands.out import OK, PROBLEM, Out
from bot.desk.people import may
from bot.discretion import NotAllowedError
from storage import orders, spool
from storage.clock import Clock
from storage.duty import Act, Actor, Order
from storage.errors import CaseRefused, DatabaseTrouble

if TYPE_CHECKING:
    from bot.settings.custody import Officer

SAYS = {"confirm": Act.CONFIRM, "false": Act.FALSE, "duplicate": Act.DUPLICATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is to be kept. alert: a beginning of its id or of its evidence's. officer: None of none."""

    alert: str
    act: Act
    name: str
    officer: Officer | None = None
    reason: str = ""

    def order(self, alert_id: str) -> Order:
        """The order about the alert. Raises NotAllowedError, CaseRefused."""
        role = self.officer.role if self.officer is not None else ""
        if self.officer is not None and not may(self.officer, self.act):
            raise NotAllowedError(f"answer: {self.name} is a {role}, and that role may not do it")
        actor = Actor(id=orders.AT_THE_MACHINE, name=self.name, role=role)
        return orders.checked(Order(alert_id=alert_id, act=self.act, actor=actor, reason=self.reason))


def run(out: Out, folder: Path, clock: Clock, answer: Answer) -> int:
    """Decide, or have the running watch do it; exit code 1 when it is refused or waits."""
    if not folder.is_dir():
        raise DatabaseTrouble(f"there is no data folder {folder}: has the watch run yet?")
    answer.order("")  # a mistake in the words is told before anything is opened
    order, evidence_id, state, why = asyncio.run(_answering(folder, clock, answer))
    if state is spool.Left.REFUSED:
        raise CaseRefused(why)
    is_kept = state is spool.Left.TAKEN
    out.facts(
        {
            "alert_id": order.alert_id,
            "evidence_id": evidence_id,
            "act": order.act,
            "actor": order.actor.name,
            "role": order.actor.role,
            "reason": order.reason,
            "recorded": is_kept,
        }
    )
    if not is_kept:
        out.say(
            f"alert {order.alert_id}: the answer IS NOT KEPT YET: the process that writes here has not "
            f"taken it in for {WAITED_S:g} s. It waits in {folder / spool.FOLDER}",
            style="bold red",
        )
        return PROBLEM
    out.say(
        f"alert {order.alert_id}: {order.act.value} by {order.actor.name}, recorded in the log", style="bold"
    )
    return OK


async def _answering(folder: Path, clock: Clock, answer: Answer) -> tuple[Order, str, spool.Left, str]:
    store = await opened(folder, clock)
    try:
        alert_id, evidence_id = await orders.find(store.vault.database, answer.alert)
        order = answer.order(alert_id)
        if store.vault.writer is not None:
            await store.take_left()  # what was ordered before comes before
            await orders.carry_out(store.vault, order)
            return order, evidence_id, spool.Left.TAKEN, ""
        event_id = await spool.leave(store.vault, orders.KIND, orders.facts(order))
        return order, evidence_id, *await settled(folder, clock, event_id)
    finally:
        await store.close()
