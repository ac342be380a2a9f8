from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.store import Store
from tests.storage.kit import HandClock, opened


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    async with opened(tmp_path / "data", clock) as one:
        yield one


@pytest.fixture
def copy(filled: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt, of the store that a module calls `filled`."""
    shutil.copytree(filled, tmp_path / "copy")
    return tmp_path / "copy"
