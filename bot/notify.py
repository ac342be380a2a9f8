"""Tells systemd how the daemon is: ready, reloading, stopping, still alive. Nothing else.

The protocol is one datagram of NAME=VALUE lines to $NOTIFY_SOCKET (sd_notify(3)); without
that variable every call is a cheap no. A supervisor that cannot be reached never harms
the watch: errors are answers, not exceptions.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

from storage.clock import Clock


class Systemd:
    """The supervisor as named by the environment, or nobody."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # "@name" is an abstract socket: the kernel spells it with a leading NUL.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environment)
        """Seconds between two pings, half of what the unit allows; None: no watchdog asked for."""

    def tell(self, *lines: str) -> bool:
        """Send NAME=VALUE lines as one datagram; whether it went out. Never blocks, never raises."""
        if not self._address.startswith(("/", "\0")):
            return False
        message = "\n".join(line.replace("\n", " ") for line in lines)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
                door.setblocking(False)
                door.sendto(message.encode("utf-8", "replace"), self._address)
        except (OSError, ValueError):
            return False
        return True

    def ready(self, status: str = "") -> bool:
        """Started, or done with a reload."""
        return self.tell("READY=1", *_status(status))

    def reloading(self, monotonic_s: float) -> bool:
        """Reading the configuration anew, since `monotonic_s` of the machine's own clock."""
        return self.tell("RELOADING=1", f"MONOTONIC_USEC={int(monotonic_s * 1_000_000)}")

    def stopping(self, status: str = "") -> bool:
        """Stopping by own will."""
        return self.tell("STOPPING=1", *_status(status))

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self.tell(f"STATUS={text}")

    def watchdog(self) -> bool:
        """Still alive."""
        return self.tell("WATCHDOG=1")


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={text}",) if text else ()


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Half of WATCHDOG_USEC, as sd_watchdog_enabled(3) advises; None when meant for another process."""
    wanted = environment.get("WATCHDOG_PID")
    if wanted and wanted != str(os.getpid()):
        return None
    limit = environment.get("WATCHDOG_USEC", "")
    return int(limit) / 2_000_000 if limit.isascii() and limit.isdigit() and int(limit) > 0 else None


async def keep_alive(systemd: Systemd, clock: Clock, alive: Callable[[], bool]) -> None:
    """Ping for as long as `alive` says so; returns at once when no watchdog was asked for.

    Runs on the watch's own loop, so a stuck loop stops the pings and systemd restarts the
    daemon. `alive` turning false does the same on purpose.
    """
    if systemd.watchdog_s is None:
        return
    while True:
        if alive():
            systemd.watchdog()
        await clock.sleep(systemd.watchdog_s)
