"""The buttons of a card where no desk takes presses: one, that names the alert. Pure.

Every message of ours must carry its alert in a button: by it a lost answer is found again. What
takes presses puts buttons with actions in its place.
"""

from __future__ import annotations

from bot.callback import Callback, write
from bot.channel import Button, Keyboard
from storage.model import Alert


def reference(alert: Alert, key: bytes) -> Keyboard:
    """One button with the last digits of the alert's id."""
    data = write(Callback(alert_id=alert.alert_id, action="ref"), key)
    return ((Button(label=f"№ {alert.alert_id[-8:]}", data=data),),)
