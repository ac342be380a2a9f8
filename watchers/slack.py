"""How many captures that can wait may be under way, by how late the loop comes to its work. Pure.

What stood in a target's very first listing has mostly stood there for days; polls and posts
that have just appeared cannot wait. A capture costs milliseconds of the loop and on a quick
network nothing holds it up, so ten thousand of them at a start would take the loop for
minutes, and polls would queue behind them. Here they get what is left: more at once, one by
one, while the loop is punctual, half as many each time it is late (additive increase,
multiplicative decrease, as TCP shares a line), none while it is very late; but one a second
always, so that nothing waits for ever.
"""

from __future__ import annotations

import math

TICK_S = 0.05
"""How often the loop's lateness is measured while something is held back."""
PUNCTUAL_S = 0.020
LATE_S = 0.05
"""A loop that is so late gets less to do: a poll passes through it about ten times."""
TRICKLE_S = 1.0
SMOOTH = 0.2
"""Of the newest measurement in the lateness that is shown."""


class Slack:
    """The room for captures that can wait; told of the loop's lateness by `measured`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._began_s = -math.inf
        self._room = 1
        self.lag_s = 0.0
        """How late the loop was lately."""

    def measured(self, late_s: float, under_way: int) -> None:
        """The loop came so late to a timer, with so many of these captures under way."""
        late_s = max(0.0, late_s)
        self.lag_s += (late_s - self.lag_s) * SMOOTH
        if late_s > LATE_S:
            self._room = min(self._room, under_way) // 2
        elif self._room == 0 or (late_s <= PUNCTUAL_S and self._room <= under_way):
            self._room = min(self._room + 1, self._most)

    def rested(self) -> None:
        """Nothing is held back any more, so nothing is measured."""
        self.lag_s = 0.0

    def may_begin(self, under_way: int, now_s: float) -> bool:
        """Whether one more may begin beside so many."""
        return under_way < self._room or (under_way == 0 and now_s - self._began_s >= TRICKLE_S)

    def began(self, now_s: float) -> None:
        """One began."""
        self._began_s = now_s
