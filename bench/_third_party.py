"""Third-party programs for `bench forum`: installed from the package index, started, told what to do."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import _wordpress
from bench._daemon import ROOT
from bench.figures import WrongUseError

INSTALL_S = 600
START_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is installed and which module drives it. restores: it can take a deletion back.

    packages: of the package index; () for what the distribution has installed.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    restores: bool = False


PROGRAMS = {
    program.name: program
    for program in (
        Program(
            name="machina",
            module="bench._machina",
            packages=("django-machina==1.3.1", "Django==5.0.14", "setuptools<81"),
        ),
        Program(
            name="oscar",
            module="bench._oscar",
            packages=(
                "django-oscar==4.2.1",
                "Django==5.2.*",
                "sorl-thumbnail",
                "Whoosh==2.7.4",
                "setuptools<81",
            ),
            restores=True,
        ),
        Program(
            name="puput", module="bench._puput", packages=("puput==2.2.0", "setuptools<81"), restores=True
        ),
        Program(
            name="mezzanine",
            module="bench._mezzanine",
            packages=("Mezzanine==6.1.1", "Cartridge==1.3.4", "Django==4.2.*", "setuptools<81"),
            restores=True,
        ),
        Program(
            name="cartridge",
            module="bench._cartridge",
            packages=("Cartridge==1.3.4", "Mezzanine==6.1.1", "Django==4.2.*", "setuptools<81"),
            restores=True,
        ),
        Program(
            name="pelican",
            module="bench._pelican",
            packages=("pelican[markdown]==4.12.0", "pillow"),
            restores=True,
        ),
        Program(
            name="spirit",
            module="bench._spirit",
            packages=("django-spirit==0.14.3", "setuptools<81"),
            restores=True,
        ),
        Program(name="wordpress", module="bench._wordpress", packages=(), restores=True),
    )
}


def environment(program: Program, folder: Path, ready: Path | None) -> Path:
    """The Python of a new virtual environment with the program, or of one that is there already.

    Raises WrongUseError when the package index does not give the packages.
    """
    if not program.packages:
        if lacks := _wordpress.missing():
            raise WrongUseError(f"wordpress of the distribution is not here: {', '.join(lacks)}")
        return Path(sys.executable)
    if ready is not None:
        return ready / "bin" / "python"
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    print(f"installing {', '.join(program.packages)}", file=sys.stderr)
    words = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *program.packages]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        raise WrongUseError(f"the package index gave no {program.name} within {INSTALL_S} s") from None
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason given")
        raise WrongUseError(f"{program.packages[0]} cannot be installed from the package index: {last}")
    return python


class Site:
    """A running site. Deeds are done through its own code and dated on both sides."""

    def __init__(self, process: asyncio.subprocess.Process, base: str) -> None:
        self._process, self.base = process, base
        self.url = ""

    async def started(self) -> None:
        """Wait for the first answer. Raises WrongUseError when it never comes."""
        try:
            self.url = self.base + (await asyncio.wait_for(self._hear(), START_S))["url"]
        except (TimeoutError, ValueError) as error:
            raise WrongUseError(f"the program did not start: {error}") from None

    async def do(self, deed: str, **facts: Any) -> dict[str, Any]:
        """One deed; its answer with `before` and `after`, between which it happened."""
        assert self._process.stdin is not None
        before = datetime.now(UTC)
        self._process.stdin.write((json.dumps({"do": deed, **facts}) + "\n").encode())
        await self._process.stdin.drain()
        told = await asyncio.wait_for(self._hear(), START_S)
        if "error" in told:
            raise RuntimeError(f"{deed} {facts}: {told['error']}")
        return {**told, "before": before, "after": datetime.now(UTC)}

    async def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise ValueError("it ended; see its log")
        return dict(json.loads(line))


@asynccontextmanager
async def site(program: Program, python: Path, folder: Path, port: int) -> AsyncIterator[Site]:
    """The program's own server on loopback for the length of the block."""
    folder.mkdir()  # noqa: ASYNC240 -- once, before anything runs
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(python),
            "-m",
            "bench._program",
            program.module,
            str(folder),
            str(port),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=1 << 20,
        )
        try:
            running = Site(process, f"http://127.0.0.1:{port}")
            await running.started()
            yield running
        finally:
            # The end of its input is the end of a program that has children of its own.
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()
