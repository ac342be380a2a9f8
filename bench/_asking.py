"""Asking a running daemon or its sites for their own counts, for benches: never for ever.

Who does not answer in time is a figure that falls short, and the bench goes on to its end.
"""

from __future__ import annotations

import json
from typing import Any

import aiohttp

SCRAPE_S = 15.0
"""A daemon that does not show its metrics within so long has lost its loop."""
REPORT_S = 120.0
"""The sites' report of a long run is tens of megabytes."""


class UnansweredError(Exception):
    """Nobody answered in time, or not with what was asked for."""


async def _read(url: str, within_s: float) -> bytes:
    timeout = aiohttp.ClientTimeout(total=within_s)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return await answer.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
        raise UnansweredError(f"{url}: {type(trouble).__name__}") from trouble


async def scrape(port: int, within_s: float = SCRAPE_S) -> dict[str, float]:
    """The daemon's own metrics, by series. Raises UnansweredError."""
    text = (await _read(f"http://127.0.0.1:{port}/metrics", within_s)).decode()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


async def report(url: str, within_s: float = REPORT_S) -> dict[str, Any]:
    """What the sites saw, as they tell it in JSON. Raises UnansweredError."""
    return dict(json.loads(await _read(url, within_s)))
