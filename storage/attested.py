"""What the time stamps of checkpoints prove together: whole, time pending, or broken and why.

Pure but for the programs of `storage.timestamps`. Works on words, wherever they were read:
rows of the live store or files of a package. For threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from storage.timestamps import Refusal, Stamp, check, is_weak


class TokenState(StrEnum):
    """How a request stands."""

    WAITING = "waiting"
    WHOLE = "whole"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A time stamp asked of an authority over the note of the checkpoint of `size`.

    request, response: DER as sent and received, b"" until then. asked_at: when it was first
    asked for. why: the last trouble, or why it is refused. attempts: requests sent.
    """

    size: int
    authority: str
    state: TokenState
    request: bytes = b""
    response: bytes = b""
    asked_at: datetime | None = None
    received_at: datetime | None = None
    due_at: datetime | None = None
    attempts: int = 0
    why: str = ""
    id: int = 0

    @property
    def delay_s(self) -> float | None:
        """Seconds from first asking to the answer, or None without one."""
        if self.asked_at is None or self.received_at is None:
            return None
        return (self.received_at - self.asked_at).total_seconds()


class TimeState(StrEnum):
    """What can be said of the time of a log."""

    WHOLE = "whole"
    PENDING = "time pending"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """A token that holds, with the time it names."""

    token: Token
    stamp: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeVerdict:
    """What the tokens prove. why: what is missing or broken; attested: the tokens that hold, by size."""

    state: TimeState
    why: str = ""
    attested: tuple[Attested, ...] = ()

    def __str__(self) -> str:
        """As people read it: "whole", "time pending: ...", "broken: ..."."""
        return f"{self.state}: {self.why}" if self.why else str(self.state)


def judge(
    tokens: Iterable[Token],
    notes: Mapping[int, bytes],
    roots: Mapping[str, bytes],
    *,
    program: str | None = None,
) -> TimeVerdict:
    """Check every token that was received as whole; pending when none is there yet.

    notes: the exact bytes of checkpoint notes by size. roots: PEM by authority. program: as
    in `timestamps.check`. Waiting and refused tokens never break anything: they prove nothing.
    A token over SHA-1 must hold as well, but is not counted: whoever makes collisions could have made it.
    """
    ordered = sorted(tokens, key=lambda token: (token.size, token.authority))
    held, broken, weak = [], [], []
    for token in ordered:
        if token.state is not TokenState.WHOLE:
            continue
        found = _checked(token, notes, roots, program)
        if isinstance(found, Stamp) and is_weak(token.response):
            weak.append(f"{token.size}-{token.authority}")
        elif isinstance(found, Stamp):
            held.append(Attested(token=token, stamp=found))
        else:
            broken.append(f"time stamp {token.size}-{token.authority}: {found.why}")
    if broken:
        return TimeVerdict(state=TimeState.BROKEN, why="; ".join(broken), attested=tuple(held))
    uncounted = f"not counted, signed over SHA-1: {', '.join(weak)}" if weak else ""
    if held:
        return TimeVerdict(state=TimeState.WHOLE, why=uncounted, attested=tuple(held))
    return TimeVerdict(state=TimeState.PENDING, why=uncounted or _missing(ordered))


def _checked(
    token: Token, notes: Mapping[int, bytes], roots: Mapping[str, bytes], program: str | None
) -> Stamp | Refusal:
    if token.size not in notes:
        return Refusal("its checkpoint is missing")
    if token.authority not in roots:
        return Refusal("the root of its authority is missing")
    return check(notes[token.size], token.request, token.response, roots[token.authority], program=program)


def _missing(tokens: list[Token]) -> str:
    """Why there is no time yet."""
    if not tokens:
        return "no authority was asked for a time stamp"
    waiting = [token for token in tokens if token.state is TokenState.WAITING]
    if not waiting:
        return "every answer of the authorities was refused"
    said = next((token.why for token in reversed(waiting) if token.why), "")
    names = ", ".join(sorted({token.authority for token in waiting}))
    return f"{names} asked and not answered yet" + (f" ({said})" if said else "")


def since(index: int, verdict: TimeVerdict) -> Attested | None:
    """The token that shows earliest that the log entry of `index` existed, or None.

    A token over a checkpoint of size n covers the entries 0 to n - 1; their inclusion proof leads there.
    """
    covering = [one for one in verdict.attested if one.token.size > index]
    return min(covering, key=lambda one: one.stamp.at, default=None)
