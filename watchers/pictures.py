"""Picture workers: decode and hash pictures in processes of their own, and outlive them.

The daemon itself never decodes a stranger's bytes and never imports a picture library.
Each worker takes one job at a time over a pipe. One that crashes, hangs or eats memory
is killed and replaced; its job answers with the reason in `Picture.undecodable`, and no
other job notices. The bytes are the caller's and are never touched.

    capture/judging --describe(bytes)--> PictureWorkers --pipe--> watchers.picture_worker

Not here: fetching, storing, comparing pictures.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from storage.clock import Clock
from storage.model import Picture, Sha256
from watchers.workers import Died, Worker

_JOBS_PER_WORKER = 2000
_SHEET_MAX_BYTES = 16_000_000
"""Of one answer; a contact sheet has a few hundred kilobytes."""


class PictureWorkers:
    """`count` supervised processes. Use from one event loop; safe for many tasks at once.

    A job waits for a free worker first (bounded by the jobs before it times
    `deadline_s`); its own deadline, in real seconds whatever the clock's speed, begins
    when a worker takes it. Cancelling a caller in the middle replaces the worker.

    large: held while a job runs that needs much memory; share it with whatever else needs much.
    """

    def __init__(
        self,
        count: int,
        clock: Clock,
        *,
        deadline_s: float = 10.0,
        large: asyncio.Lock | None = None,
        program: str = "watchers.picture_worker",
    ) -> None:
        self.restarts = 0
        self._large = large or asyncio.Lock()
        self._deadline_s, self._speed = deadline_s, clock.speed
        self._workers = [_place(program, clock) for _ in range(max(1, count))]
        self._spare = _place(program, clock)
        """A process that has imported all it needs, to take the place of one that dies."""
        self._free: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        for worker in self._workers:
            self._free.put_nowait(worker)
        self._closed = False

    async def start(self) -> None:
        """Launch the processes without waiting for them to be ready (they import for 0.5 s)."""
        for worker in (*self._workers, self._spare):
            with contextlib.suppress(Died):
                await worker.launch()

    async def close(self) -> None:
        """End every process; jobs under way answer that the workers were closed. Twice is harmless."""
        self._closed = True
        for worker in (*self._workers, self._spare):
            await worker.end()

    def pids(self) -> tuple[int, ...]:
        """Process ids of the living workers, for status and metrics."""
        return tuple(worker.pid for worker in self._workers if worker.pid)

    async def describe(self, data: bytes, *, sha256: Sha256, url: str = "") -> Picture:
        """Size, format, perceptual hashes and QR codes of `data`. Never raises for a bad picture.

        `undecodable` says why there is no hash; `note` what else an officer should know:
        "truncated", "animated: 5 frames seen", or "flat: no hash" for a picture too plain
        to be told from others (its hashes are "", so that it never matches).
        """
        facts, _ = await self._do({"do": "describe", "codes": True}, data)
        return Picture(
            sha256=sha256,
            url=url,
            size_bytes=len(data),
            width=_number(facts, "width"),
            height=_number(facts, "height"),
            format=_text(facts, "format"),
            phash=_text(facts, "phash"),
            dhash=_text(facts, "dhash"),
            undecodable=_text(facts, "undecodable"),
            note=_text(facts, "note"),
            pdqs=_texts(facts, "pdqs"),
            quality=_number(facts, "quality"),
            recipe=_text(facts, "recipe"),
            codes=_texts(facts, "codes"),
        )

    async def features(self, data: bytes, *, asked: bool) -> tuple[bytes, ...]:
        """The points of a picture for the bank (`watchers.picture_features`), once more without its writing.

        asked: of one that is asked about, each as it is and mirrored; else of a known one, which needs no
        mirroring. None of a bad picture. Never raises for one.
        """
        facts, body = await self._do({"do": "features", "asked": asked}, data)
        ends = list(accumulate(_numbers(facts, "sizes"), initial=0))
        return tuple(body[begin:end] for begin, end in pairwise(ends))

    async def probes(self, data: bytes) -> tuple[str, ...]:
        """Hashes of what a picture may have been before it was cut or turned (`watchers.picture_probes`).

        None of a bad picture. Never raises for one.
        """
        facts, _ = await self._do({"do": "probes"}, data)
        return _texts(facts, "probes")

    async def overlay(self, asked: bytes, known: bytes) -> tuple[int, int]:
        """How many parts are seen where a picture and a known one fit, and how many per cent of them differ.

        0 and 100 when they fit nowhere, or one cannot be decoded. Never raises for that.
        """
        facts, _ = await self._do({"do": "overlay", "split": len(asked)}, asked + known)
        return (_number(facts, "parts"), _number(facts, "differing")) if "parts" in facts else (0, 100)

    async def sheet(
        self, pictures: Sequence[bytes], framed: Sequence[int] = (), known: Sequence[int] = ()
    ) -> bytes:
        """A contact sheet JPEG of the first nine pictures, sides <= 1280 px, tiles `framed` in red.

        known: tiles that are no pictures of the post; they get a blue frame and say so. b"" when there is
        no picture or the sheet could not be made.
        """
        if not pictures:
            return b""
        shown = pictures[:9]
        sizes = [len(data) for data in shown]
        head: dict[str, object] = {"do": "sheet", "sizes": sizes, "framed": list(framed)}
        head["known"] = list(known)
        return (await self._do(head, b"".join(shown)))[1]

    async def _do(self, head: dict[str, object], body: bytes) -> tuple[Mapping[str, object], bytes]:
        """One job, asked again alone when the worker says that it needs much memory."""
        facts, answer = await self._on_next(head, body)
        if facts.get("large"):
            async with self._large:
                facts, answer = await self._on_next(head | {"large": True}, body)
        return facts, answer

    async def _on_next(self, head: dict[str, object], body: bytes) -> tuple[Mapping[str, object], bytes]:
        """One job on the next free worker; tried once more when the first one died of it."""
        worker = await self._free.get()
        try:
            facts, answer = await self._try(worker, head, body)
            if facts.get("died") and not self._closed:
                # Most deaths are not the picture's fault (out of memory elsewhere, a kill).
                facts, answer = await self._try(worker, head, body)
        finally:
            self._free.put_nowait(worker)
        return facts, answer

    async def _try(
        self, worker: Worker, head: dict[str, object], body: bytes
    ) -> tuple[Mapping[str, object], bytes]:
        if self._closed:
            return {"undecodable": "picture workers are closed"}, b""
        job = head | {"cpu_s": max(1, round(self._deadline_s))}
        try:
            facts, answer = await worker.ask(job, body, self._deadline_s)
        except TimeoutError:
            await self._replace(worker)
            return {"undecodable": f"took longer than {self._deadline_s:g} s"}, b""
        except Died as death:
            await self._replace(worker)
            why = "picture workers are closed" if self._closed else str(death)
            return {"undecodable": why, "died": True}, b""
        except asyncio.CancelledError:
            worker.kill()
            raise
        if facts.get("spent") or worker.jobs >= _JOBS_PER_WORKER:
            await self._replace(worker)
        return facts, answer

    async def _replace(self, worker: Worker) -> None:
        await worker.end()
        if not self._closed:
            self.restarts += 1
            with contextlib.suppress(Died):
                if self._spare.pid:
                    worker.take_over(self._spare)
                await worker.launch()
                await self._spare.launch()


def _place(program: str, clock: Clock) -> Worker:
    return Worker(
        program,
        clock.speed,
        called="picture worker",
        reader="decoder",
        answer_max_bytes=_SHEET_MAX_BYTES,
    )


def _text(facts: Mapping[str, object], key: str) -> str:
    value = facts.get(key, "")
    return value if isinstance(value, str) else ""


def _texts(facts: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = facts.get(key, ())
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _numbers(facts: Mapping[str, object], key: str) -> tuple[int, ...]:
    value = facts.get(key, ())
    return tuple(number for number in value if isinstance(number, int)) if isinstance(value, list) else ()


def _number(facts: Mapping[str, object], key: str) -> int:
    value = facts.get(key, 0)
    return value if isinstance(value, int) else 0
