"""Task groups that end with a block instead of with their tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class _BlockEnded(Exception):
    """Ends a task group from inside."""


def _end() -> None:
    raise _BlockEnded


@asynccontextmanager
async def ending_group() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose tasks are cancelled and awaited when the block ends.

    A task that fails ends the block, as in any task group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
            _end()
    except* _BlockEnded:
        pass
