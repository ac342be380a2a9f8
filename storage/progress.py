"""How far each target has been read, so that a restart goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence

from storage.codec import clean, dump, load
from storage.model import Progress
from storage.vault import Vault
from storage.writer import Batch

_SAVE = (
    "INSERT INTO progress (target, progress) VALUES (?, ?) "
    "ON CONFLICT (target) DO UPDATE SET progress = excluded.progress"
)


async def load_all(vault: Vault) -> dict[str, Progress]:
    """Every target's progress by its name."""
    rows = await vault.database.rows("SELECT progress FROM progress ORDER BY target")
    found = (load(Progress, row[0]) for row in rows)
    return {progress.target: progress for progress in found}


async def save(vault: Vault, rows: Sequence[Progress]) -> None:
    """Upsert; one transaction with whatever else waits."""
    values = [(clean(row.target), dump(row)) for row in rows]

    async def job(batch: Batch) -> None:
        for row in values:
            batch.many(_SAVE, row)

    if values:
        await vault.submit(job)
