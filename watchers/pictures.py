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
import json
import os
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.clock import Clock
from storage.model import Picture, Sha256

_LENGTHS = struct.Struct(">II")
_START_S = 30.0
"""Real seconds for a worker to import its libraries (0.5-1 s when the machine is idle)."""
_JOBS_PER_WORKER = 2000
_PASSED_ON = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONHOME", "TMPDIR")


class _Died(Exception):
    """The worker process ended in the middle of a job; the text says how."""


class PictureWorkers:
    """`count` supervised processes. Use from one event loop; safe for many tasks at once.

    A job waits for a free worker first (bounded by the jobs before it times
    `deadline_s`); its own deadline, in real seconds whatever the clock's speed, begins
    when a worker takes it. Cancelling a caller in the middle replaces the worker.
    """

    def __init__(
        self, count: int, clock: Clock, *, deadline_s: float = 10.0, program: str = "watchers.picture_worker"
    ) -> None:
        self.restarts = 0
        self._deadline_s, self._speed = deadline_s, clock.speed
        self._workers = [_Worker(program, clock.speed) for _ in range(max(1, count))]
        self._free: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        for worker in self._workers:
            self._free.put_nowait(worker)
        self._closed = False

    async def start(self) -> None:
        """Launch the processes without waiting for them to be ready (they import for 0.5 s)."""
        for worker in self._workers:
            with contextlib.suppress(_Died):
                await worker.launch()

    async def close(self) -> None:
        """End every process; jobs under way answer that the workers were closed. Twice is harmless."""
        self._closed = True
        for worker in self._workers:
            await worker.end()

    def pids(self) -> tuple[int, ...]:
        """Process ids of the living workers, for status and metrics."""
        return tuple(worker.pid for worker in self._workers if worker.pid)

    async def describe(self, data: bytes, *, sha256: Sha256, url: str = "") -> Picture:
        """Size, format and perceptual hashes of `data`. Never raises for a bad picture.

        `undecodable` says why there is no hash; `note` what else an officer should know:
        "truncated", "animated: first frame", or "flat: no hash" for a picture too plain
        to be told from others (its hashes are "", so that it never matches).
        """
        facts, _ = await self._do({"do": "describe"}, data)
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
        )

    async def sheet(self, pictures: Sequence[bytes], framed: int | None = None) -> bytes:
        """A contact sheet JPEG of the first nine pictures, sides <= 1280 px, tile `framed` in red.

        b"" when there is no picture or the sheet could not be made.
        """
        if not pictures:
            return b""
        shown = pictures[:9]
        head: dict[str, object] = {"do": "sheet", "sizes": [len(data) for data in shown], "framed": framed}
        return (await self._do(head, b"".join(shown)))[1]

    async def _do(self, head: dict[str, object], body: bytes) -> tuple[Mapping[str, object], bytes]:
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
        self, worker: _Worker, head: dict[str, object], body: bytes
    ) -> tuple[Mapping[str, object], bytes]:
        if self._closed:
            return {"undecodable": "picture workers are closed"}, b""
        job = head | {"cpu_s": max(1, round(self._deadline_s))}
        try:
            facts, answer = await worker.ask(job, body, self._deadline_s)
        except TimeoutError:
            await self._replace(worker)
            return {"undecodable": f"took longer than {self._deadline_s:g} s"}, b""
        except _Died as death:
            await self._replace(worker)
            why = "picture workers are closed" if self._closed else str(death)
            return {"undecodable": why, "died": True}, b""
        except asyncio.CancelledError:
            worker.kill()
            raise
        if facts.get("spent") or worker.jobs >= _JOBS_PER_WORKER:
            await self._replace(worker)
        return facts, answer

    async def _replace(self, worker: _Worker) -> None:
        await worker.end()
        if not self._closed:
            self.restarts += 1
            with contextlib.suppress(_Died):
                await worker.launch()


@dataclass(slots=True)
class _Running:
    """A live process and its two pipes."""

    process: asyncio.subprocess.Process
    to: asyncio.StreamWriter
    back: asyncio.StreamReader
    ready: bool = False


class _Worker:
    """One place in the pool: at most one process, replaced when it dies."""

    def __init__(self, program: str, speed: float) -> None:
        self._program, self._speed = program, speed
        self._running: _Running | None = None
        self.jobs = 0

    @property
    def pid(self) -> int:
        """The process id, or 0 when none lives."""
        running = self._running
        return running.process.pid if running and running.process.returncode is None else 0

    async def launch(self) -> None:
        """Start the process, if none lives. Raises _Died when the system refuses one."""
        if self.pid:
            return
        await self.end()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", self._program),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise _Died(f"no picture worker could be started: {error.strerror}") from error
        assert process.stdin
        assert process.stdout
        self._running, self.jobs = _Running(process, process.stdin, process.stdout), 0

    async def ask(
        self, head: dict[str, object], body: bytes, deadline_s: float
    ) -> tuple[dict[str, object], bytes]:
        """One question, one answer. Raises TimeoutError (real seconds) or _Died."""
        await self.launch()
        running = self._running
        assert running
        try:
            if not running.ready:
                async with asyncio.timeout(_START_S * self._speed):
                    await _receive(running.back)
                running.ready = True
            async with asyncio.timeout(deadline_s * self._speed):
                text = json.dumps(head).encode()
                running.to.write(_LENGTHS.pack(len(text), len(body)) + text)
                running.to.write(body)
                await running.to.drain()
                answer = await _receive(running.back)
        except (OSError, asyncio.IncompleteReadError) as error:
            # TimeoutError is an OSError too, and means a hang, not a death.
            if isinstance(error, TimeoutError):
                raise
            raise _Died(await self._cause(running)) from error
        self.jobs += 1
        return answer

    async def _cause(self, running: _Running) -> str:
        """How the process ended, in words; it has closed its pipe already."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0 * self._speed):
                await running.process.wait()
        code = running.process.returncode
        if code is None or code >= 0:
            return f"picture worker ended (exit status {code})"
        if -code == signal.SIGXCPU:
            return "used up its processor time"
        return f"decoder crashed ({signal.Signals(-code).name})"

    def kill(self) -> None:
        """End the process at once, without waiting; the next `launch` starts another."""
        running, self._running = self._running, None
        if running:
            running.to.close()
            if running.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    running.process.kill()

    async def end(self) -> None:
        """Kill the process and see it gone. Harmless when none lives."""
        running = self._running
        self.kill()
        if running:
            await running.process.wait()


async def _receive(stream: asyncio.StreamReader) -> tuple[dict[str, object], bytes]:
    head_bytes, body_bytes = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
    head = json.loads(await stream.readexactly(head_bytes))
    return head, await stream.readexactly(body_bytes)


def _environment() -> dict[str, str]:
    """A bare environment: no tokens reach the process that reads hostile bytes."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    rooms = str(Path(__file__).resolve().parent.parent)
    paths = [rooms, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    # One thread each: the pool is the parallelism, and every arena costs address space.
    quiet = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return kept | quiet | {"PYTHONPATH": os.pathsep.join(paths)}


def _text(facts: Mapping[str, object], key: str) -> str:
    value = facts.get(key, "")
    return value if isinstance(value, str) else ""


def _number(facts: Mapping[str, object], key: str) -> int:
    value = facts.get(key, 0)
    return value if isinstance(value, int) else 0
