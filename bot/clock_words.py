"""What is known of the machine's clock, in one line for people. Pure."""

from __future__ import annotations

from storage.clock import ClockFacts

_US = 1_000_000


def is_doubtful(facts: ClockFacts) -> bool:
    """Whether the kernel says that nothing keeps its clock right."""
    return facts.synchronised is False


def clock_line(facts: ClockFacts) -> str:
    """Whether the clock is synchronised, and its largest error."""
    if facts.synchronised is None:
        return f"clock: not known whether it is synchronised: {facts.absent}"
    error = f"largest error {_span(facts.max_error_us)}"
    if facts.synchronised:
        return f"clock: synchronised, {error}"
    return f"clock: NOT synchronised, {error}; every stamp says so: let a time service set it"


def _span(error_us: int | None) -> str:
    if error_us is None:
        return "not known"
    return f"{error_us / _US:.1f} s" if error_us >= _US else f"{error_us / 1000:.1f} ms"
