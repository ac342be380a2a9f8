"""A running daemon, edited live: a bad edit keeps the watch going and is told, a good one is taken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180.0
SPEED = 20
FEED = """<rss version="2.0"><channel><title>m</title><item><guid>p1</guid><title>an old bicycle</title>
</item></channel></rss>"""


class Heard:
    """What happened so far, in order; wakes whoever waits for more."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.all: list[str] = []

    def tell(self, what: str) -> None:
        with self._changed:
            self.all.append(what)
            self._changed.notify_all()

    def wait(self, what: str, after: int = 0, times: int = 1) -> int:
        """Wait until `what` was told so often since `after`; returns how much was told by then."""

        def enough() -> bool:
            return sum(what in one for one in self.all[after:]) >= times

        with self._changed:
            assert self._changed.wait_for(enough, PATIENCE_S), f"{what!r} never came: {self.all[-30:]}"
            return len(self.all)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def site(heard: Heard) -> Iterator[str]:
    """The address of a site that tells of every visit."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.tell(f"visit {self.path}")
            body = b"" if self.path == "/robots.txt" else FEED.encode()
            self.send_response(404 if self.path == "/robots.txt" else 200)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def daemon(heard: Heard) -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Starts `nightjar run` in simulated time, inside the night; its log is heard."""
    running: list[subprocess.Popen[str]] = []

    def start(config: Path) -> subprocess.Popen[str]:
        simulated = f"2026-11-24T22:00:00+00:00,{SPEED},{time.monotonic()}"
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "run", "--config", str(config)],
            cwd=ROOT,
            env=os.environ | {"NIGHTJAR_SIMULATION": simulated},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        threading.Thread(target=_listen, args=(process, heard), daemon=True).start()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def _listen(process: subprocess.Popen[str], heard: Heard) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        heard.tell(f"log {line}")


def configured(
    folder: Path,
    site: str,
    *,
    interval: str = "interval",
    path: str = "/feed",
    zone: str = "UTC",
    name: str = "market",
) -> Path:
    config = folder / "config.toml"
    config.write_text(
        f"""
[nightjar]
contact = "watch@example.org"
allow = ["127.0.0.1"]
metrics = ""
picture_workers = 1
[hosts."127.0.0.1"]
requests_per_s = 10
[[channel]]
kind = "ndjson"
[[target]]
name = "{name}"
kind = "rss"
url = "{site}{path}"
{interval} = "10s"
zone = "{zone}"
legal_basis = "Art. 341"
authorised_by = "Forest police"
review_after = 2099-12-31
"""
    )
    return config


def test_a_bad_live_edit_keeps_the_watch_going_and_a_good_one_is_taken(
    tmp_path: Path, site: str, heard: Heard, daemon: Callable[[Path], subprocess.Popen[str]]
) -> None:
    process = daemon(configured(tmp_path, site))
    heard.wait("visit /feed")
    configured(tmp_path, site, interval="intervall", zone="Mars")
    told = heard.wait("configuration not taken over")
    notice = next(one for one in heard.all if "configuration not taken over" in one)
    assert "intervall" in notice
    assert "Mars" in notice
    heard.wait("visit /feed", after=told, times=3)  # the watch goes on
    assert sum("configuration not taken over" in one for one in heard.all) == 1
    configured(tmp_path, site, path="/other")
    taken = heard.wait("configuration taken over")
    heard.wait("visit /other", after=taken, times=2)
    process.send_signal(signal.SIGHUP)
    taken = heard.wait("configuration taken over", after=taken)
    configured(tmp_path, site, path="/other", name="fair")
    heard.wait("target market is called fair now", after=taken)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert "not taken over" in (tmp_path / "data" / "alerts.ndjson").read_text()
