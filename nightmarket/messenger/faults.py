"""What goes wrong on order, by method, count and chance."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

KINDS = frozenset(
    {
        "429",
        "400",
        "403",
        "slow",
        "late-after",
        "html-after",
        "cut-after",
        "stall-after",
        "wrong-length-after",
    }
    | {f"{kind}-{side}" for kind in ("500", "502", "reset", "hang") for side in ("before", "after")}
)
"""before: nothing was done; after: it was done, and the answer is what is lost.

500: JSON as the API answers; 502, html: a page of the proxy before it (html with status 200); cut: JSON
that ends early; late: it is done only after delay_s, and then nobody is answered; stall: a chunk, then
nothing; wrong-length: Content-Length beyond what comes.
"""


@dataclass(slots=True, kw_only=True)
class Fault:
    """kind: see KINDS. method: lower or mixed case, "" any. chat_id: 0 any.

    times: how often it strikes, None for ever. chance: of striking at all, 0..1.
    retry_after: seconds of a 429. delay_s: of slow, late, stall and hang. text: of 400 and 403.
    """

    kind: str
    method: str = ""
    chat_id: int = 0
    times: int | None = 1
    chance: float = 1.0
    retry_after: int = 3
    delay_s: float = 3_600.0
    text: str = "Bad Request"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}")

    @property
    def after(self) -> bool:
        """Whether the call is carried out all the same."""
        return self.kind.endswith("-after") or self.kind == "slow"


@dataclass(slots=True)
class Faults:
    """Those in force, in order; the first that strikes is met."""

    chance: random.Random
    waiting: list[Fault] = field(default_factory=list)
    met: int = 0

    def next(self, method: str, chat_id: int) -> Fault | None:
        """The fault that this call meets, or None."""
        for fault in self.waiting:
            if fault.method.lower() not in ("", method.lower()) or fault.chat_id not in (0, chat_id):
                continue
            if fault.chance < 1.0 and self.chance.random() >= fault.chance:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
            self.met += 1
            return fault
        return None
