"""Asking a classifier of the admin's own about pictures, behind the verdicts: hints, never verdicts.

    picture_reading --look(pictures)--> Hinting --pipe--> watchers.hint_worker
                                           `--> store.keep_hints

It shares the line of the reading, so that a post is judged again once for both. A picture is asked about
once, however often it is posted. A model that crashes, hangs or eats memory costs that picture's hint.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence

import structlog

from storage import hints
from storage.classifier import Classifier
from storage.model import Hint, Picture
from storage.store import Store
from watchers.picture_text import MISSING
from watchers.workers import Died, Worker

log = structlog.get_logger(__name__)

PROGRAM = "watchers.hint_worker"
_START_S, _DEADLINE_S, _CPU_S = 60.0, 120.0, 20
"""In real seconds: it runs when nobody else does. Loading the model is within those of its first job."""
_ANSWER_MAX_BYTES = 100_000


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

    Off where none is named, the extra is not installed or the model turns out to be unfit: then `look`
    does nothing and `why_off` says so, "" where none is named.
    """

    def __init__(
        self,
        store: Store,
        classifier: Classifier | None,
        *,
        program: str = PROGRAM,
        off: str | None = None,
        cpu_s: int = _CPU_S,
    ) -> None:
        self._store, self._classifier, self._cpu_s = store, classifier, cpu_s
        self._recipe = classifier.recipe if classifier is not None else ""
        self.why_off = why_off(classifier) if off is None else off
        self._worker = _worker(program, store.clock.speed)
        self.hinted = 0

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
        facts = await self._ask(data)
        if facts is None:  # the machine is too busy now; the next start finds it
            return False
        if facts.get("key"):
            self.why_off = f"[hint] {facts['key']}: {facts['why']}"
            log.error("the classifier is off", why=self.why_off)
            return False
        taken_for = _told(facts.get("hints"))
        await self._store.keep_hints(sha256, recipe, taken_for, str(facts.get("why", "")))
        self.hinted += 1
        return bool(taken_for)

    async def _ask(self, data: bytes) -> dict[str, object] | None:
        """About one picture, None when there was no time; a process that died of it is replaced."""
        assert self._classifier is not None
        head: dict[str, object] = {"hint": self._classifier.asked(), "cpu_s": self._cpu_s}
        try:
            facts, _ = await self._worker.ask(head, data, _DEADLINE_S)
        except TimeoutError:
            await self._worker.end()
            return None
        except Died as loss:
            await self._worker.end()
            return {"why": str(loss)}
        except asyncio.CancelledError:
            self._worker.kill()
            raise
        if facts.get("spent"):
            await self._worker.end()
        return facts

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
