"""Names to addresses, off the loop and bounded, with the answers kept for the evidence.

The loop's own thread pool has a handful of threads: a few dead name servers would
hold everybody's look-ups. Here each look-up has a thread of its own, at most
`LOOKUPS` at a time, and none of them keeps the program from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult

LOOKUPS = 64
_REMEMBERED = 4_096

Lookup = Callable[[str, int, int], list[tuple[int, str]]]
"""(host, port, family) -> (family, address) pairs, blocking; raises OSError."""


def system_lookup(host: str, port: int, family: int) -> list[tuple[int, str]]:
    """The machine's own resolver (getaddrinfo), TCP only."""
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [(family, str(sockaddr[0])) for family, _, _, _, sockaddr in found]


class Resolver(AbstractResolver):
    """An aiohttp resolver over a blocking look-up. `answers(host)` is what was told last."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._slots = asyncio.Semaphore(LOOKUPS)
        self._answers: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def answers(self, host: str) -> tuple[str, ...]:
        """The addresses last told for `host`; empty when it was never asked (an IP literal)."""
        return self._answers.get(host, ())

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of `host`. Raises OSError when there are none."""
        async with self._slots:
            pairs = await _in_thread(self._lookup, host, port, int(family))
        if not pairs:
            raise OSError(f"{host} has no address")
        self._remember(host, tuple(dict.fromkeys(address for _, address in pairs)))
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=found, proto=0,
                flags=int(socket.AI_NUMERICHOST | socket.AI_NUMERICSERV),
            )
            for found, address in pairs
        ]  # fmt: skip

    def _remember(self, host: str, addresses: tuple[str, ...]) -> None:
        self._answers[host] = addresses
        self._answers.move_to_end(host)
        if len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)

    async def close(self) -> None:
        """Nothing to release: threads end by themselves."""


async def _in_thread(lookup: Lookup, host: str, port: int, family: int) -> list[tuple[int, str]]:
    """Run `lookup` in a thread that does not outlive the program."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[tuple[int, str]]] = loop.create_future()

    def settle(pairs: list[tuple[int, str]], error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(pairs)
        else:
            answer.set_exception(error)

    def work() -> None:
        pairs: list[tuple[int, str]] = []
        error: Exception | None = None
        try:
            pairs = lookup(host, port, family)
        except Exception as trouble:  # noqa: BLE001  handed to the waiting task, nothing is lost
            error = trouble
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(settle, pairs, error)

    threading.Thread(target=work, name=f"lookup {host}", daemon=True).start()
    return await answer
