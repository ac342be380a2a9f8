"""What telling costs: processor time and memory of the part that speaks with people, and how much it can say.

The outbox, the lanes and the channel run in a process of their own (`bench._alert_teller`) against our Bot
API server here, with limits, gathering and budgets off. Deliveries are written beforehand and fall due one
after the other, a hundred a second over ten chats, every second one with a picture; the server counts what
arrived and when.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench._alert_teller import CHATS, PICTURE, RATE, WARM
from bench._alert_worker import arise
from bench.figures import Figure
from nightmarket.messenger import TOKEN, Service
from nightmarket.messenger.limits import Limits
from storage.clock import SystemClock
from storage.store import Store
from tests.pictures.samples import jpeg

CPU_MS, RSS_MIB = 5.0, 80.0
_TELLER = (
    "import sys; from bot.lean import without_a_screen; without_a_screen(); "
    "from bench._alert_teller import main; main(sys.argv[1:])"
)
"""Begins as `nightjar run` does, before anything else is imported."""
ROOT = Path(__file__).resolve().parents[1]


def cost(messages: int) -> tuple[Figure, ...]:
    """So many messages at a hundred a second."""
    with tempfile.TemporaryDirectory(prefix="nightjar-alert-cost-") as name:
        folder = Path(name)
        (folder / PICTURE).write_bytes(jpeg(1, width=900, height=680))  # some 120 kB, as sheets are
        asyncio.run(_write(folder, messages // CHATS))
        return asyncio.run(_told(folder, messages // CHATS * CHATS))


async def _write(folder: Path, alerts: int) -> None:
    """Alerts with a delivery to each chat."""
    store = await Store.open(folder, SystemClock())
    names = tuple(f"c{number}" for number in range(CHATS))
    for number in range(alerts):
        await arise(store, number, names)
    await store.close()


async def _told(folder: Path, messages: int) -> tuple[Figure, ...]:
    async with Service(limits=Limits(on=False)) as service:
        for number in range(CHATS):
            service.add_chat(-1_001 - number)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _TELLER, str(folder), service.base_url, TOKEN),
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        said, _ = await process.communicate()
        found = json.loads(said.decode().strip().splitlines()[-1])
        shown = [one for one in service.shown if one.key]
    times = sorted(one.at for one in shown)[WARM:]
    spent = times[-1] - times[0] if len(times) > 1 else float("inf")
    keys = {(one.chat_id, one.key) for one in shown}
    return (
        Figure(
            "cost: messages that arrived, each once",
            len(keys) if len(keys) == len(shown) else -1,
            messages,
            "equal",
        ),
        Figure("cost: messages a second, sustained", (len(times) - 1) / spent, 0.98 * RATE, "at least", "/s"),
        Figure("cost: processor time a message", found["cpu_ms"], CPU_MS, "at most", "ms"),
        Figure("cost: memory of store, lanes and channel", found["rss_mib"], RSS_MIB, "at most", "MiB"),
    )
