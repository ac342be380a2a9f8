"""Orders about alerts that come from a command and not from a button: the same acts.

A command names the alert, or its evidence, by a beginning of the id. Where the watch is running the
order is left for it (`spool`) as the facts below, and carried out like any press (`duties.act`).
"""

from __future__ import annotations

from collections.abc import Mapping

from storage import duties
from storage.codec import clean
from storage.database import Database
from storage.duties import Done
from storage.duty import FALSE_REASONS, MOST_REASON, Act, Actor, Order, Refusal
from storage.errors import CaseRefused, DatabaseTrouble
from storage.vault import Vault

KIND = duties.KIND
AT_THE_MACHINE = -1
"""In place of a Telegram user id: the name was given at the command line, by an account of the machine."""
RESOLVING = (Act.CONFIRM, Act.FALSE, Act.DUPLICATE)
_OF_POST = (
    "SELECT a.alert_id, o.evidence_id, asked.evidence_id FROM observation asked "
    "JOIN observation o ON o.post_key = asked.post_key JOIN alert a ON a.seq = o.seq "
    "WHERE asked.evidence_id >= ?1 AND asked.evidence_id < ?1 || 'g' "
    "AND a.kind IN ('new', 'repost', 'changed', 'read', 'hinted') ORDER BY a.created_at, a.seq"
)
_OLD_ACT, _OLD_ANSWERS = "answer", {"confirmed": Act.CONFIRM, "false": Act.FALSE}
"""What commands left before they made decisions: act, alert, evidence, answer, officer, reason."""


def facts(order: Order) -> dict[str, str]:
    """What is left for the watch; empty fields are left out."""
    named = {
        "act": order.act.value,
        "alert": order.alert_id,
        "actor": order.actor.name,
        "role": order.actor.role,
        "reason": order.reason,
    }
    return {name: clean(value) for name, value in named.items() if value}


def is_order(event: Mapping[str, str]) -> bool:
    """Whether something that was left is an order about an alert."""
    acts = {act.value for act in RESOLVING} | {_OLD_ACT}
    return event.get("kind") == KIND and event.get("act") in acts


def order_of(told: Mapping[str, str]) -> Order:
    """The order that `facts` wrote. Raises CaseRefused when it is none, or is not complete."""
    try:
        if told["act"] == _OLD_ACT:
            return _old(told)
        actor = Actor(id=AT_THE_MACHINE, name=told["actor"], role=told.get("role", ""))
        act = Act(told["act"])
        return checked(Order(alert_id=told["alert"], act=act, actor=actor, reason=told.get("reason", "")))
    except (KeyError, ValueError) as error:
        raise CaseRefused(f"this is no answer about an alert: {error}") from error


def _old(told: Mapping[str, str]) -> Order:
    act, reason = _OLD_ANSWERS[told["answer"]], told.get("reason", "")
    if act is Act.FALSE and reason.partition(":")[0] not in FALSE_REASONS:
        reason = f"other: {reason}" if reason else "other"
    actor = Actor(id=AT_THE_MACHINE, name=told["officer"])
    return checked(Order(alert_id=told["alert"], act=act, actor=actor, reason=reason))


def checked(order: Order) -> Order:
    """The order itself. Raises CaseRefused: nobody named, too long, or a false alarm without its reason.

    After the reason of a false alarm more words may stand: "replica: resin, says the seller".
    """
    if not order.actor.name.strip() or max(len(order.actor.name), len(order.reason)) > MOST_REASON:
        raise CaseRefused(f"an answer needs a name; names and reasons have at most {MOST_REASON} characters")
    if order.act is Act.FALSE and order.reason.partition(":")[0].strip() not in FALSE_REASONS:
        raise CaseRefused(f"a false alarm needs a reason: {', '.join(FALSE_REASONS)}")
    return order


async def carry_out(vault: Vault, order: Order, *, event: Mapping[str, str] | None = None) -> Done:
    """As a press of a button does it. event: event_id and happened_at of one that was left.

    Raises CaseRefused with the reason when nothing was changed; the log has that too. One event acts
    once, however often it is taken in.
    """
    number = None if event is None else -int(event["event_id"][-15:], 16)  # updates of a chat are above 0
    done = await duties.act(vault, order, update_id=number, event=event)
    if done.refusal is not None:
        raise CaseRefused(refused(done))
    return done


def refused(done: Done) -> str:
    """Why an order changed nothing, and who was first."""
    by = f", {done.duty.outcome.value} by {done.duty.actor}" if done.duty.outcome else ""
    return f"{(done.refusal or Refusal.UNKNOWN).value}{by}"


async def find(database: Database, word: str) -> tuple[str, str]:
    """(alert id, evidence id) of a beginning of either. Raises DatabaseTrouble: none, or several.

    Another look at a post that was alerted stands for the post's last alert, whose evidence is given.
    """
    wanted = clean(word.strip().rstrip("….").lower())
    sql = (
        "SELECT a.alert_id, o.evidence_id FROM alert a JOIN observation o ON o.seq = a.seq "
        "WHERE {0} >= ?1 AND {0} < ?1 || 'g' AND a.kind IN ('new', 'repost', 'changed', 'read', 'hinted') "
        "ORDER BY a.created_at"
    )
    for column in ("a.alert_id", "o.evidence_id"):
        rows = await database.rows(sql.format(column), (wanted,)) if wanted else []
        if len({row[0] for row in rows}) > 1 and column == "a.alert_id":
            raise DatabaseTrouble(f"several alerts begin with {word!r}: give more of the id")
        if len({row[1] for row in rows}) > 1:
            raise DatabaseTrouble(f"several pieces of evidence begin with {word!r}: give more of the id")
        if rows:
            return str(rows[-1][0]), str(rows[-1][1])
    rows = await database.rows(_OF_POST, (wanted,)) if wanted else []
    if len({row[2] for row in rows}) > 1:
        raise DatabaseTrouble(f"several pieces of evidence begin with {word!r}: give more of the id")
    if rows:
        return str(rows[-1][0]), str(rows[-1][1])
    raise DatabaseTrouble(f"there is no alert {word!r}, and no alerted evidence of that id")
