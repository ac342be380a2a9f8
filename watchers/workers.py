"""One worker process under supervision: a place in a pool, one job at a time.

The daemon never reads what can hurt it in its own process. A job goes over a pipe to a
program built on `watchers.confined`; one that crashes, hangs or eats memory is killed,
and its job's caller learns how it ended. Who queues jobs and what they mean is the
business of `pictures` and `readers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_LENGTHS = struct.Struct(">II")
_START_S = 30.0
"""Real seconds for a worker to import its libraries (0.5-1 s when the machine is idle)."""
_HEAD_MAX_BYTES = 1_000_000
_PASSED_ON = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONHOME", "TMPDIR")


class Died(Exception):
    """The worker process ended in the middle of a job; the text says how.

    spent: it was ended for its use of the processor, so that another try would end alike.
    """

    def __init__(self, how: str, *, spent: bool = False) -> None:
        super().__init__(how)
        self.spent = spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of a job that may be lost. facts: what was answered, or why nothing was; None: no time.

    lost: it cost the process, which another takes the place of at the next job.
    """

    facts: dict[str, object] | None
    lost: bool = False


@dataclass(slots=True)
class _Running:
    """A live process and its two pipes."""

    process: asyncio.subprocess.Process
    to: asyncio.StreamWriter
    back: asyncio.StreamReader
    ready: bool = False


class Worker:
    """One place in the pool: at most one process, replaced when it dies.

    called, reader: what the process and what it runs are called where its end is told.
    answer_max_bytes: a longer answer is taken for the process's end, unread. start_s: for its imports.
    """

    def __init__(
        self,
        program: str,
        speed: float,
        *,
        called: str,
        reader: str,
        answer_max_bytes: int,
        start_s: float = _START_S,
    ) -> None:
        self._program, self._speed, self._start_s = program, speed, start_s
        self._called, self._reader, self._most = called, reader, answer_max_bytes
        self._running: _Running | None = None
        self._killed: list[_Running] = []
        self.jobs = 0

    @property
    def pid(self) -> int:
        """The process id, or 0 when none lives."""
        running = self._running
        return running.process.pid if running and running.process.returncode is None else 0

    async def launch(self) -> None:
        """Start the process, if none lives. Raises Died when the system refuses one."""
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
            raise Died(f"no {self._called} could be started: {error.strerror}") from error
        assert process.stdin
        assert process.stdout
        self._running, self.jobs = _Running(process, process.stdin, process.stdout), 0

    def take_over(self, other: Worker) -> None:
        """Go on with the process of another place, which then has none. This one's must have ended."""
        self._running, other._running = other._running, None
        self.jobs = 0

    async def ask(
        self, head: dict[str, object], body: bytes, deadline_s: float
    ) -> tuple[dict[str, object], bytes]:
        """One question, one answer. Raises TimeoutError (real seconds) or Died."""
        await self.launch()
        running = self._running
        assert running
        try:
            if not running.ready:
                async with asyncio.timeout(self._start_s * self._speed):
                    await _receive(running.back, self._most)
                running.ready = True
            async with asyncio.timeout(deadline_s * self._speed):
                text = json.dumps(head).encode()
                running.to.write(_LENGTHS.pack(len(text), len(body)) + text)
                running.to.write(body)
                await running.to.drain()
                answer = await _receive(running.back, self._most)
        except (OSError, asyncio.IncompleteReadError) as error:
            # TimeoutError is an OSError too, and means a hang, not a death.
            if isinstance(error, TimeoutError):
                raise
            raise await self._cause(running) from error
        self.jobs += 1
        return answer

    async def answered(self, head: dict[str, object], body: bytes, deadline_s: float) -> Answered:
        """As `ask`, of what may be lost; a process that died of it, hung or spent itself is ended."""
        try:
            facts, _ = await self.ask(head, body, deadline_s)
        except TimeoutError:
            await self.end()
            return Answered(facts=None, lost=True)
        except Died as loss:
            await self.end()
            return Answered(facts={"why": str(loss)}, lost=True)
        except asyncio.CancelledError:
            self.kill()
            raise
        if facts.get("spent"):
            await self.end()
        return Answered(facts=facts, lost=bool(facts.get("spent")))

    async def _cause(self, running: _Running) -> Died:
        """How the process ended; it has closed its pipe already."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0 * self._speed):
                await running.process.wait()
        code = running.process.returncode
        if code is None or code >= 0:
            return Died(f"{self._called} ended (exit status {code})")
        if -code == signal.SIGXCPU:
            return Died("used up its processor time", spent=True)
        return Died(f"{self._reader} crashed ({signal.Signals(-code).name})")

    def kill(self) -> None:
        """End the process at once, without waiting; the next `launch` starts another."""
        running, self._running = self._running, None
        if running:
            self._killed.append(running)
            running.to.close()
            if running.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    running.process.kill()

    async def end(self) -> None:
        """Kill the process and see it gone. Harmless when none lives."""
        self.kill()
        while self._killed:
            running = self._killed.pop()
            await _drain(running.back)
            await running.process.wait()


async def _receive(stream: asyncio.StreamReader, most: int) -> tuple[dict[str, object], bytes]:
    """One frame of a process that is not trusted: nothing is read that is longer than expected."""
    head_bytes, body_bytes = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
    if head_bytes > _HEAD_MAX_BYTES or body_bytes > most:
        raise Died(f"answered with {head_bytes + body_bytes:,} bytes")
    try:
        head = json.loads(await stream.readexactly(head_bytes))
    except (ValueError, RecursionError) as error:
        raise Died("answered with no frame") from error
    if not isinstance(head, dict):
        raise Died("answered with no frame")
    return head, await stream.readexactly(body_bytes)


async def _drain(stream: asyncio.StreamReader) -> None:
    """Read a killed process's pipe to its end.

    An answer that was too long is still in it, and asyncio's `wait` does not return before
    (CPython issue 119710).
    """
    with contextlib.suppress(OSError):
        while True:
            try:
                if not await stream.read(1 << 16):
                    return
            except RuntimeError:  # its asker is still reading, and comes to the end of it soon
                await asyncio.sleep(0)


def _environment() -> dict[str, str]:
    """A bare environment: no tokens reach the process that reads hostile bytes."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    rooms = str(Path(__file__).resolve().parent.parent)
    paths = [rooms, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    # One thread each: the pool is the parallelism, and every arena costs address space.
    quiet = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return kept | quiet | {"PYTHONPATH": os.pathsep.join(paths)}
