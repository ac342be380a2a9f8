"""The night's chat as a process: the Bot API for the daemon, and the page for people.

    python -m nightmarket.messenger --seed N --speed S

It prints one JSON line with the addresses, waits for the time triple on standard input, takes a new
triple whenever one comes, and serves until that input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from nightmarket.clockwork import Hours, scaled_loop
from nightmarket.messenger.cast import PEOPLE, gather
from nightmarket.messenger.service import Service
from nightmarket.messenger.window import Window

QUERY_REAL_S, PATIENCE_REAL_S = 60.0, 10.0
"""So long a press may be answered, and is its answer waited for: people live in real time."""


async def serve(arguments: argparse.Namespace) -> None:
    """Open both doors, say where, serve until standard input ends."""
    speed = float(arguments.speed)
    async with (
        Service(seed=arguments.seed, query_s=QUERY_REAL_S * speed) as service,
        Window(service, PEOPLE, port=arguments.port, patience_s=PATIENCE_REAL_S * speed) as window,
    ):
        gather(service)
        told = {
            "base_url": service.base_url,
            "base_file_url": service.base_file_url,
            "page": window.address,
        }
        print(json.dumps(told), flush=True)
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            hours = Hours.parse(line.decode().strip())
            service.dated = lambda hours=hours: hours.now().timestamp()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="nightmarket.messenger")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=lambda: scaled_loop(arguments.speed)) as runner:
        try:
            runner.run(serve(arguments))
        except KeyboardInterrupt:
            sys.exit(130)


if __name__ == "__main__":
    main()
