"""The datagrams to systemd, read back from real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.notify import Systemd, keep_alive
from storage.clock import SystemClock


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A bound datagram socket, and its address as systemd would write it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@nightjar-{os.getpid()}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(name.replace("@", "\0", 1) if request.param == "abstract" else name)
        door.settimeout(5)
        yield door, name


def test_every_state_is_told_in_the_words_of_sd_notify(supervisor: tuple[socket.socket, str]) -> None:
    door, name = supervisor
    systemd = Systemd({"NOTIFY_SOCKET": name})
    assert systemd.ready("12 targets")
    assert systemd.reloading(12.5)
    assert systemd.status("polling")
    assert systemd.watchdog()
    assert systemd.stopping()
    assert [door.recv(4096).decode() for _ in range(5)] == [
        "READY=1\nSTATUS=12 targets",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "STATUS=polling",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_a_status_cannot_smuggle_in_a_second_assignment(supervisor: tuple[socket.socket, str]) -> None:
    door, name = supervisor
    Systemd({"NOTIFY_SOCKET": name}).status("fine\nSTOPPING=1 \ud800")
    assert door.recv(4096) == b"STATUS=fine STOPPING=1 ?"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "vsock:2:1234", "@" + "x" * 300, "relative"])
def test_a_supervisor_that_is_not_there_costs_nothing(address: str) -> None:
    assert Systemd({"NOTIFY_SOCKET": address}).ready() is False


def test_a_full_socket_does_not_block_the_watch(supervisor: tuple[socket.socket, str]) -> None:
    _, name = supervisor
    systemd = Systemd({"NOTIFY_SOCKET": name})
    answers = [systemd.watchdog() for _ in range(2_000)]
    assert answers[0] is True
    assert answers[-1] is False


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_ping_comes_twice_per_allowed_span(environment: dict[str, str], expected: float | None) -> None:
    assert Systemd(environment).watchdog_s == expected


async def test_pings_stop_when_the_watch_is_no_longer_alive(supervisor: tuple[socket.socket, str]) -> None:
    door, name = supervisor
    systemd = Systemd({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000"})
    looks: list[bool] = []

    def alive() -> bool:
        looks.append(len(looks) < 3)
        if len(looks) == 10:
            raise asyncio.CancelledError
        return looks[-1]

    with pytest.raises(asyncio.CancelledError):
        await keep_alive(systemd, SystemClock(), alive)
    door.setblocking(False)
    pings = [door.recv(64) for _ in range(3)]
    assert pings == [b"WATCHDOG=1"] * 3
    with pytest.raises(BlockingIOError):
        door.recv(64)


async def test_without_a_watchdog_nobody_waits() -> None:
    await asyncio.wait_for(keep_alive(Systemd({}), SystemClock(), lambda: True), 60)
