"""The buttons under a card, by the state of its alert. Pure.

All that a press needs stands in its data (`bot.callback`), so buttons work after any restart.
Menus (reasons, "are you sure") take the place of the buttons and give it back.
"""

from __future__ import annotations

from bot.callback import Callback, write
from bot.channel import Button, Keyboard
from bot.desk.tongue import Tongue
from storage.duty import FALSE_REASONS, Act, Duty, State

ACTS = {
    "ack": Act.ACKNOWLEDGE,
    "unack": Act.UNACKNOWLEDGE,
    "esc": Act.ESCALATE,
    "ok": Act.CONFIRM,
    "dup": Act.DUPLICATE,
    **{f"fp{reason}"[:11]: Act.FALSE for reason in FALSE_REASONS},
}
"""Actions of callback data that change the state."""
REASONS = {f"fp{reason}"[:11]: reason for reason in FALSE_REASONS}
MENUS = ("fp", "mute", "watch", "back")
"""Actions that only show other buttons."""
ASKS = ("similar", "evidence", "case", "muteyes", "watchyes")
MUTE_HOURS = 12
"""How long the button mutes a seller; /mute takes any time."""


def keyboard(duty: Duty, key: bytes, say: Tongue) -> Keyboard:
    """The buttons of an alert in this state; none once it is resolved."""
    label = {
        "ack": say("Acknowledge"),
        "unack": say("Take back"),
        "esc": say("Escalate"),
        "ok": say("Confirm"),
        "fp": say("False positive"),
        "similar": say("Similar"),
        "evidence": say("Evidence"),
        "case": say("Case"),
        "watch": say("Watch seller"),
        "mute": say("Mute seller"),
    }
    match duty.state:
        case State.RESOLVED:
            return ()
        case State.ACKNOWLEDGED:
            rows: tuple[tuple[str, ...], ...] = (
                ("unack", "esc"),
                ("ok", "fp"),
                ("similar", "evidence", "case"),
            )
        case _:
            rows = (("ack", "esc"), ("ok", "fp"), ("similar", "evidence", "case"), ("watch", "mute"))
    return _rows(rows, label, duty, key)


def menu(action: str, duty: Duty, key: bytes, say: Tongue) -> Keyboard:
    """What takes the place of the buttons after `fp`, `mute` or `watch`; the buttons again after `back`."""
    back = say("Back")
    match action:
        case "fp":
            label = {
                "fpantique": say("Antique or permit"),
                "fpreplica": say("Replica"),
                "fpsynthetic": say("Plant or synthetic"),
                "fpword": say("Other sense of the word"),
                "fpother": say("Other"),
                "dup": say("Duplicate"),
                "back": back,
            }
            rows: tuple[tuple[str, ...], ...] = (
                ("fpantique", "fpreplica"),
                ("fpsynthetic", "fpword"),
                ("dup", "fpother", "back"),
            )
        case "mute":
            label = {"muteyes": say("Yes, mute for {hours} h", hours=MUTE_HOURS), "back": back}
            rows = (("muteyes", "back"),)
        case "watch":
            label = {"watchyes": say("Yes, watch this seller"), "back": back}
            rows = (("watchyes", "back"),)
        case _:
            return keyboard(duty, key, say)
    return _rows(rows, label, duty, key)


def _rows(rows: tuple[tuple[str, ...], ...], label: dict[str, str], duty: Duty, key: bytes) -> Keyboard:
    return tuple(
        tuple(
            Button(
                label=label[action],
                data=write(Callback(alert_id=duty.alert_id, action=action, version=duty.version), key),
            )
            for action in row
        )
        for row in rows
    )
