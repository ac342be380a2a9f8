"""`nightjar export ID... --out FOLDER`: hand evidence over, checkable with stock tools."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.out import OK, Out
from bot.commands.reader import look
from storage.clock import Clock

if TYPE_CHECKING:
    from storage.store import Store


def run(out: Out, folder: Path, clock: Clock, ids: Sequence[str], target: Path, *, officer: str = "") -> int:
    """Export to the new folder `target`; it appears whole or not at all."""
    with out.progress() as bar:
        task = bar.add_task("exporting", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        made = look(folder, clock, _exporting(ids, target, tell, officer))
    out.facts({"folder": made, "evidence": ids, "check": "sha256sum -c manifest-sha256.txt"})
    out.say(f"exported to {made}", style="bold")
    out.say("to check it without nightjar: cd there; sha256sum -c manifest-sha256.txt; see README.txt")
    return OK


def _exporting(
    ids: Sequence[str], target: Path, tell: Callable[[int, int], None], officer: str
) -> Callable[[Store], Awaitable[Path]]:
    async def exporting(store: Store) -> Path:
        from storage.export import export

        return await export(store, ids, target, tell, officer=officer)

    return exporting
