"""How many captures that can wait may begin, by how late the loop comes to its work. Pure.

What stood in a target's very first listing has mostly stood there for days; polls and posts
that have just appeared cannot wait. A capture costs milliseconds of the loop and on a quick
network nothing holds it up, so ten thousand of them at a start would take the loop for
minutes, and polls would queue behind them. Here they get what is left: so many a second, more
while the loop is punctual, fewer each time it is late (additive increase, multiplicative
decrease, as TCP shares a line), and one a second always, so that nothing waits for ever. It
is a pace and no number at once: a capture that waits for a slow disk costs the loop nothing.
"""

from __future__ import annotations

TICK_S = 0.05
"""How often the loop's lateness is measured while something is held back."""
PUNCTUAL_S = 0.020
LATE_S = 0.05
"""A loop that is so late gets less to do: a poll passes through it about ten times."""
AT_FIRST_PER_S = 20.0
LEAST_PER_S = 1.0
MOST_PER_S = 1_000.0
MORE_PER_S = 1.0
"""Added at each punctual tick ..."""
LESS = 0.7
"""... and what is left of it at a late one."""
AT_ONCE = 5
"""Captures that may begin without pace between two measurements of a loop that is in time, at first; as many
more each time that it stays so, as where nothing but a slow network holds them up."""
MOST_AT_ONCE = 80
SMOOTH = 0.2
"""Of the newest measurement in the lateness that is shown."""


class Slack:
    """The pace of captures that can wait; told of the loop's lateness by `measured`."""

    def __init__(self, now_s: float) -> None:
        self.per_s = AT_FIRST_PER_S
        self._saved, self._at_s = 1.0, now_s
        self.lag_s = 0.0
        """How late the loop was lately."""
        self._late, self._begun, self._at_once = False, 0, AT_ONCE

    def measured(self, late_s: float) -> None:
        """The loop came so late to a timer."""
        late_s = max(0.0, late_s)
        self._late = late_s > LATE_S
        if late_s > PUNCTUAL_S:
            self._at_once = AT_ONCE
        elif self._begun >= self._at_once:
            self._at_once = min(self._at_once + AT_ONCE, MOST_AT_ONCE)
        self._begun = 0
        self.lag_s += (late_s - self.lag_s) * SMOOTH
        if self._late:
            self.per_s = max(LEAST_PER_S, self.per_s * LESS)
        elif late_s <= PUNCTUAL_S and self._saved < 1.0:  # it is the pace that holds them back
            self.per_s = min(self.per_s + MORE_PER_S, MOST_PER_S)

    def rested(self) -> None:
        """Nothing is held back any more, so nothing is measured."""
        self.lag_s, self._late, self._begun, self._at_once = 0.0, False, 0, AT_ONCE

    @property
    def spares(self) -> bool:
        """Whether the loop was in time when it was last measured, and few have begun since."""
        return not self._late and self._begun < self._at_once

    def may_begin(self, now_s: float) -> bool:
        """Whether one more may begin; what was not used is kept for a tick or two."""
        most = max(1.0, 2 * TICK_S * self.per_s)
        self._saved = min(most, self._saved + max(0.0, now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        return self._saved >= 1.0

    def began(self) -> None:
        """One began."""
        self._saved = max(0.0, self._saved - 1.0)
        self._begun += 1
