"""Brings a database up to this program's schema in a process of its own.

    python -P -m storage.migrating DATABASE PARENT

tortoise makes all models anew for each migration. A daemon that does so itself keeps 48 MB of memory
for as long as it lives (measured at eleven migrations; 126 MB without, 174 MB with them).
The process dies with the daemon, so that nobody else finds the folder's lock free while it writes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from storage.threads import in_thread

_PASSED_ON = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "TMPDIR")
_PR_SET_PDEATHSIG = 1
_NAME = re.compile(r"\d{4}_\w+")
_OURS = Path(__file__).resolve().parent


def known() -> frozenset[str]:
    """Names of the migrations that this program has."""
    files = (_OURS / "migrations").glob("*.py")
    return frozenset(file.stem for file in files if _NAME.fullmatch(file.stem))


def lacking(path: Path) -> bool:
    """Whether a database is not there yet or lacks a migration. What cannot be read lacks none."""
    if not path.exists():
        return True
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            applied = {row[0] for row in connection.execute("SELECT name FROM tortoise_migrations")}
    except sqlite3.Error:
        return False
    return bool(known() - applied)


async def apart(path: Path) -> None:
    """Migrate a database, if it lacks anything; the caller holds the folder's lock.

    Nothing is raised: whoever opens the database next migrates what is still lacking, and says what is wrong.
    """
    if sys.platform != "linux" or not await in_thread(lacking, path):
        return
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    paths = [str(_OURS.parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "storage.migrating", str(path), str(os.getpid())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=kept | {"PYTHONPATH": os.pathsep.join(paths)},
        )
    except OSError:
        return
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _migrate(path: Path) -> None:
    from storage.database import Database

    await (await Database.open(path, writable=True)).close()


def main(path: str, parent: str) -> None:
    """Migrate, unless the daemon has ended meanwhile. Raises StoreError."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == int(parent):
        asyncio.run(_migrate(Path(path)))


if __name__ == "__main__":
    main(*sys.argv[1:])
