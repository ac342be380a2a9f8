"""What a check of a package says: step by step, what holds, what does not, what was not checked."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from storage.errors import StoreError
from storage.package.source import Source

_TOLD = 20
Progressed = Callable[[int, int], None]
EXPECTED = (
    StoreError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    RecursionError,
    ArithmeticError,
    zlib.error,
)
"""What hostile bytes may raise in code that reads them; MemoryError and bugs of other kinds may not."""


class State(StrEnum):
    """How a step ended. PENDING: nothing is wrong, but time stamps are still to come."""

    WHOLE = "whole"
    BROKEN = "broken"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. what: in words; of a broken step what does not hold: the first 20, and how many more."""

    name: str
    state: State
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The whole verdict. remarks: what the reader must know, such as keys that were not compared."""

    steps: tuple[Step, ...]
    remarks: tuple[str, ...]
    bytes: int
    files: int

    @property
    def whole(self) -> bool:
        """Whether everything that was checked holds."""
        return bool(self.steps) and all(step.state is not State.BROKEN for step in self.steps)

    @property
    def first(self) -> str:
        """The first thing that does not hold, or ""."""
        broken = next((step for step in self.steps if step.state is State.BROKEN), None)
        return "" if broken is None else f"{broken.name}: {broken.what[0]}"

    @property
    def holds(self) -> tuple[str, ...]:
        """The names of the steps that hold."""
        return tuple(step.name for step in self.steps if step.state is not State.BROKEN)

    @property
    def time_pending(self) -> bool:
        """Whether no time stamp has been checked yet."""
        return any(step.state is State.PENDING for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the reader knows from elsewhere. Fingerprints in hex, "" not given.

    roots: PEM of the time-stamp roots that the reader trusts, by the name of their file without
    ending; none: those in the package are taken.
    """

    admin: str = ""
    key: str = ""
    roots: Mapping[str, bytes] = field(default_factory=dict)

    def roots_of(self, authority: str) -> bytes:
        """The PEM file that bears an authority's name, or all when none does: one is not two by two names."""
        return self.roots.get(authority) or b"\n".join(self.roots.values())


@dataclass(slots=True, kw_only=True)
class Round:
    """One check in progress. The fields below `trust` are filled by the steps, in their order."""

    source: Source
    trust: Trust
    tell: Progressed
    steps: list[Step] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    more: int = 0
    listed: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    size: int = 0
    root: bytes = b""
    daemon: bytes = b""

    def bad(self, why: str) -> None:
        """Something in this step does not hold. Words are kept of the first 20, a count of the others."""
        if len(self.faults) >= _TOLD:
            self.more += 1
            return
        self.faults.append("".join(c if c.isprintable() else "·" for c in why)[:400])

    def wanted(self, condition: object, why: str) -> None:
        """`bad(why)` unless the condition is true."""
        if not condition:
            self.bad(why)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Run a step; put what it found into the list. Whatever hostile bytes raise is a fault of it."""
        said: list[str] = []
        self.faults, self.more = [], 0
        try:
            yield said
        except EXPECTED as error:
            missing = isinstance(error, KeyError)
            self.bad(f"missing: {error.args[0]}" if missing else f"cannot be read: {error}")
        pending = said[:1] == ["pending"]
        state = State.BROKEN if self.faults else State.PENDING if pending else State.WHOLE
        rest = [f"and {self.more:,} more"] if self.more else []
        what = [*self.faults, *rest] if self.faults else said[1:] if pending else said
        self.steps.append(Step(name=name, state=state, what=tuple(what)))
