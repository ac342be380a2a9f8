"""What the watch tells whoever counts: a protocol, so that counting stays out of this room."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Counts and spans of the watch; every method returns at once and never raises."""

    def polled(self, outcome: str, late_s: float) -> None:
        """One poll ended: outcome same, changed, trouble, blocked, waiting; started late by so much."""
        ...

    def captured(self, observation: str, took_s: float) -> None:
        """One snapshot was sealed, `took_s` after its listing was received."""
        ...

    def pictured(self, outcome: str) -> None:
        """One picture was fetched (kept) or not (absent), hashed or undecodable."""
        ...

    def judged(self, tier: str, took_s: float) -> None:
        """One verdict was recorded, `took_s` after the seal."""
        ...

    def looked(self, presence: str) -> None:
        """One look of the vigil."""
        ...

    def queued(self, queue: str, depth: int) -> None:
        """How many wait in a queue now."""
        ...

    def held_back(self, captures: int, lag_s: float) -> None:
        """So many captures wait for polls and newer posts, while the loop is so late."""
        ...


class Uncounted:
    """A meter for tests and trials: counts nothing."""

    def polled(self, outcome: str, late_s: float) -> None:
        """Ignore."""

    def captured(self, observation: str, took_s: float) -> None:
        """Ignore."""

    def pictured(self, outcome: str) -> None:
        """Ignore."""

    def judged(self, tier: str, took_s: float) -> None:
        """Ignore."""

    def looked(self, presence: str) -> None:
        """Ignore."""

    def queued(self, queue: str, depth: int) -> None:
        """Ignore."""

    def held_back(self, captures: int, lag_s: float) -> None:
        """Ignore."""
