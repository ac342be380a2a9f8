"""Which of the daemon's calls wait for processes of its own, so that virtual time waits for them too.

What is not among them is overtaken by it: a question to the bank that took a tenth of a second once cost
an alert twenty seconds of a played night.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.jump import JumpLoop, counted_calls
from watchers.bank import Bank
from watchers.pictures import PictureWorkers
from watchers.readers import Readers

PICTURES = ("describe", "features", "probes", "overlay", "sheet")


@contextmanager
def awaited(loop: JumpLoop) -> Iterator[None]:
    """While the block runs, answers of picture workers, page readers and the bank count as owed."""
    with (
        counted_calls(loop.busy, PictureWorkers, *PICTURES),
        counted_calls(loop.busy, Readers, "parse", "detail", "alone"),
        counted_calls(loop.busy, Bank, "_ask"),
    ):
        yield
