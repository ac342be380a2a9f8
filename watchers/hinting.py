"""Asking a classifier of the admin's own about pictures, behind the verdicts: hints, never verdicts.

    picture_reading --look(pictures)--> Hinting --pipe--> watchers.hint_worker
                                           `--> store.keep_hints

It shares the line of the reading, so that a post is judged again once for both. A picture is asked about
once, however often it is posted. A model that crashes, hangs or eats memory costs that picture's hint; one
that does so at every picture is asked no more in this run.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Awaitable, Callable, Sequence

import structlog

from storage import hints
from storage.classifier import Classifier
from storage.model import Hint, Picture
from storage.store import Store
from watchers.picture_text import MISSING
from watchers.workers import Answered, Died, Worker

log = structlog.get_logger(__name__)

PROGRAM = "watchers.hint_worker"
_START_S, _DEADLINE_S, _CPU_S = 60.0, 120.0, 20
"""In real seconds: it runs when nobody else does. Loading the model is within those of its first job."""
_ANSWER_MAX_BYTES = 100_000
MOST_LOSSES = 3
"""In a row: each costs up to 20 s of the processor, and the words in pictures wait meanwhile."""


def why_off(classifier: Classifier | None) -> str:
    """Why no classifier can be asked on this machine, or "". Imports nothing heavy."""
    if classifier is None or importlib.util.find_spec("onnxruntime") is not None:
        return ""
    return MISSING


async def unfit(classifier: Classifier, *, cpu_s: int = _CPU_S) -> tuple[str, str] | None:
    """Key of `[hint]` and why the classifier cannot be asked, or None. Loads and runs it, in a worker."""
    if why := why_off(classifier):
        return "model", f"cannot be run: {why} (./nightjar extra ocr)"
    worker = _worker(PROGRAM, 1.0)
    try:
        facts, _ = await worker.ask({"hint": classifier.asked(), "cpu_s": cpu_s}, b"", _DEADLINE_S)
    except (Died, TimeoutError) as loss:
        return "model", f"cannot be run: {loss or 'no answer in time'}"
    finally:
        await worker.end()
    return (str(facts.get("key") or "model"), str(facts["why"])) if "why" in facts else None


async def _to_nobody(_why: str) -> None:
    """Nobody is told."""


def _worker(program: str, speed: float) -> Worker:
    return Worker(
        program,
        speed,
        called="hint worker",
        reader="classifier",
        answer_max_bytes=_ANSWER_MAX_BYTES,
        start_s=_START_S,
    )


class Hinting:
    """A classifier and its one process. Use from one task; `end` may be called twice.

    Off where none is named, the extra is not installed, the model turns out to be unfit or costs its process
    again and again: then `look` does nothing and `why_off` says so, "" where none is named. tell: gets why,
    once, when that is found out while it runs.
    """

    def __init__(
        self,
        store: Store,
        classifier: Classifier | None,
        *,
        program: str = PROGRAM,
        off: str | None = None,
        cpu_s: int = _CPU_S,
        tell: Callable[[str], Awaitable[None]] = _to_nobody,
    ) -> None:
        self._store, self._classifier, self._cpu_s, self._tell = store, classifier, cpu_s, tell
        self._recipe = classifier.recipe if classifier is not None else ""
        self.why_off = why_off(classifier) if off is None else off
        self._worker = _worker(program, store.clock.speed)
        self.hinted = 0
        self._losses = 0

    @property
    def recipe(self) -> str:
        """Of what is asked, "" when nothing is."""
        return "" if self.why_off else self._recipe

    async def look(self, pictures: Sequence[Picture]) -> bool:
        """Ask about those that were not yet; whether any is taken for what was wanted. Raises StoreError."""
        if not self.recipe:
            return False
        found = False
        names = [picture.sha256 for picture in pictures]
        done = await hints.asked_before(self._store.vault.database, self.recipe, names)
        for sha256 in dict.fromkeys(names):
            if sha256 not in done and self.recipe:
                found |= await self._picture(self.recipe, sha256, await self._store.blobs.get(sha256))
        return found

    async def _picture(self, recipe: str, sha256: str, data: bytes) -> bool:
        assert self._classifier is not None
        head: dict[str, object] = {"hint": self._classifier.asked(), "cpu_s": self._cpu_s}
        answered = await self._worker.answered(head, data, _DEADLINE_S)
        facts = answered.facts
        if facts is not None and facts.get("key"):
            await self._give_up(f"[hint] {facts['key']}: {facts['why']}")
            return False
        taken_for = _told(facts.get("hints")) if facts is not None else []
        if facts is not None:  # else the next start finds it
            await self._store.keep_hints(sha256, recipe, taken_for, str(facts.get("why", "")))
            self.hinted += 1
        await self._count(answered)
        return bool(taken_for)

    async def _count(self, answered: Answered) -> None:
        """Give up a model that costs its process at every picture."""
        self._losses = self._losses + 1 if answered.lost else 0
        if self._losses >= MOST_LOSSES:
            why = "no answer in time" if answered.facts is None else str(answered.facts.get("why", ""))
            await self._give_up(f"{self._losses} pictures in a row cost its process; the last one: {why}")

    async def _give_up(self, why: str) -> None:
        self.why_off = why
        log.error("the classifier is off", why=why)
        await self._worker.end()
        await self._tell(why)

    async def end(self) -> None:
        """End the process, which the next picture starts again."""
        await self._worker.end()


def _told(hints: object) -> list[Hint]:
    """The hints of an answer; its process is not trusted."""
    pairs = [pair for pair in hints if isinstance(pair, list)] if isinstance(hints, list) else []
    return [
        Hint(label=label, probability=round(p, 3))
        for label, p in (pair for pair in pairs if len(pair) == 2)
        if isinstance(label, str) and isinstance(p, float) and 0 <= p <= 1
    ]
