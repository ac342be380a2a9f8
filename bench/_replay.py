"""pywb in front of a package's WARC: every answer is asked for again and hashed."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from bench._verifiers import clean_environment
from bench.thousand import free_port
from storage.package import layout
from storage.package.cdxj import PRINTABLE

START_S = 60.0
WITHIN_S = 30.0
Logged = dict[tuple[str, str], set[str]]
"""(address, instant to the second) -> SHA-256 of the decoded bodies that manifests name there."""


class OtherBytesError(Exception):
    """pywb gave something that no manifest names, or not all that they name."""


def agreed(folder: Path, program: Callable[[str], Path]) -> int:
    """How many bodies pywb gave with the logged hash. Raises OtherBytesError unless it is all of them.

    It tells answers apart by address and second: of several in one second it gives one, and any
    of them will do.
    """
    logged = _logged(folder)
    wanted = {(url, sha256) for (url, _), hashes in logged.items() if len(hashes) == 1 for sha256 in hashes}
    given: set[tuple[str, str]] = set()
    with _pywb(folder / layout.WARC, program) as port:
        for (url, instant), hashes in logged.items():
            sha256 = hashlib.sha256(_get(port, f"/night/{instant}id_/{url}")).hexdigest()
            if sha256 not in hashes:
                raise OtherBytesError(f"{url} at {instant}: {sha256} is not in a manifest")
            given.add((url, sha256))
    if not given >= wanted:
        raise OtherBytesError(f"{len(wanted - given)} of {len(wanted)} logged bodies were not given")
    return len(given)


def _logged(folder: Path) -> Logged:
    found: Logged = {}
    for path in sorted((folder / layout.EVIDENCE).glob("*/manifest.json")):
        for exchange in json.loads(path.read_text())["exchanges"]:
            instant = re.sub(r"\D", "", exchange["first_byte_at"])[:14]
            sha256 = exchange["body_sha256"] or hashlib.sha256(b"").hexdigest()
            found.setdefault((quote(exchange["url"], safe=PRINTABLE), instant), set()).add(sha256)
    return found


@contextmanager
def _pywb(archive: Path, program: Callable[[str], Path]) -> Iterator[int]:
    """A pywb on a port of loopback, with the archive as its collection `night`."""
    with TemporaryDirectory(prefix="nightjar-pywb-") as name:
        folder, port = Path(name), free_port()
        for words in (("init", "night"), ("add", "night", str(archive.resolve()))):
            _manage(program("wb-manager"), *words, folder=folder)
        command = [str(program("wayback")), "-b", "127.0.0.1", "-p", str(port), "-d", str(folder)]
        with (folder / "log").open("wb") as log:
            running = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=clean_environment())
        try:
            _wait(port, running)
            yield port
        finally:
            running.terminate()
            running.wait(30)


def _manage(program: Path, *words: str, folder: Path) -> None:
    done = subprocess.run(
        [str(program), *words], cwd=folder, env=clean_environment(), capture_output=True, check=False
    )
    if done.returncode:
        raise OtherBytesError(f"wb-manager {words[0]}: {done.stderr.decode(errors='replace')[-300:]}")


def _wait(port: int, running: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    while time.monotonic() - began < START_S and running.poll() is None:
        try:
            _get(port, "/")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise OtherBytesError("pywb did not start")


def _get(port: int, path: str) -> bytes:
    """The body of an answer, whatever its status; redirects are answers too."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    try:
        line.request("GET", path)
        return line.getresponse().read()
    except http.client.IncompleteRead as cut:
        return cut.partial  # the answer was cut when it came
    finally:
        line.close()
