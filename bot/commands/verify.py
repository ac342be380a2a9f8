"""`nightjar verify`: hash every byte again, follow every link, recompute the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.out import OK, PROBLEM, Out, on_one_line, plain, some
from bot.commands.reader import look
from storage.clock import Clock

if TYPE_CHECKING:
    from storage.store import Store
    from storage.verify import VerifyReport


def run(out: Out, folder: Path, clock: Clock) -> int:
    """Check everything; exit code 1 when anything is not as it was written."""
    with out.progress() as bar:
        task = bar.add_task("verifying", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        report = look(folder, clock, _verifying(tell))
    out.facts(plain(report) | {"whole": report.whole})
    if not out.json:
        _print(out, report)
    return OK if report.whole else PROBLEM


def _verifying(tell: Callable[[int, int], None]) -> Callable[[Store], Awaitable[VerifyReport]]:
    async def verifying(store: Store) -> VerifyReport:
        from storage.verify import verify

        return await verify(store, tell)

    return verifying


def _print(out: Out, report: VerifyReport) -> None:
    out.say(
        f"{some(report.blobs, 'file')} with {report.bytes:,} bytes, "
        f"{some(report.evidence, 'piece')} of evidence, {some(report.sightings, 'look')}, "
        f"{some(report.tree_size, 'leaf', 'leaves')}"
    )
    out.say(f"log root {report.root}")
    for fault in report.broken:
        out.say(f"{fault.kind} {fault.what}: {on_one_line(fault.why)}", style="red")
    if report.strange:
        out.say(
            f"{some(len(report.strange), 'file')} that no row names, kept all the same; that is no fault",
            style="yellow",
        )
    if report.whole:
        out.say("everything is as it was written", style="bold green")
    else:
        out.say(f"{some(report.faults, 'fault')}: this store is not whole", style="bold red")
