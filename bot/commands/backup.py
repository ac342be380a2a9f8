"""`nightjar backup DEST` and `nightjar restore SRC --to DATA`: a second copy, and back from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.out import OK, PROBLEM, Out, on_one_line, plain, some
from storage.clock import Clock

if TYPE_CHECKING:
    from storage.restore import Restored


def run(
    out: Out, folder: Path, dest: Path, clock: Clock, *, with_keys: bool, drop_earlier: bool = False
) -> int:
    """Bring the backup in `dest` up to date; exit code 1 when the store itself had lost files."""
    from storage.backup import backup

    with out.progress() as bar:
        tell = _telling(bar, "backing up")
        done = backup(folder, dest, clock, with_keys=with_keys, drop_earlier=drop_earlier, tell=tell)
    out.facts(plain(done) | {"whole": done.whole})
    kept = done.inventory
    out.say(
        f"{some(kept.blobs, 'file')} with {kept.bytes:,} bytes, {some(done.copied, 'file')} of them new; "
        f"log of {some(kept.size, 'entry', 'entries')}, root {kept.root[:16]}…"
    )
    if done.mended:
        out.say(f"{some(len(done.mended), 'damaged file')} of the backup copied anew", style="yellow")
    if done.removed:
        out.say(f"{some(done.removed, 'file')} that the store has erased removed from the backup")
    if not with_keys:
        out.say("the signing key is not in it: keep a copy of keys/ apart, or say --with-keys")
    for fault in kept.missing:
        out.say(on_one_line(fault), style="red")
    if not done.whole:
        out.say("the store has lost files: run nightjar verify", style="bold red")
    if kept.earlier is not None:
        out.say(
            f"the whole backup of {kept.earlier.made_at} stays beside it until one is whole again "
            "(restore --earlier), and what was erased since stays in it; --drop-earlier removes it",
            style="yellow",
        )
    return OK if done.whole else PROBLEM


def restore(
    out: Out,
    source: Path,
    folder: Path,
    clock: Clock,
    *,
    accept_rollback: str,
    accept_losses: str = "",
    earlier: bool = False,
) -> int:
    """Restore into a data folder without a database; a fault ends it and is told by the command line."""
    from storage.restore import restore as bring_back

    with out.progress() as bar:
        tell = _telling(bar, "restoring")
        done = asyncio.run(
            bring_back(
                source,
                folder,
                clock,
                accept_rollback=accept_rollback,
                accept_losses=accept_losses,
                earlier=earlier,
                tell=tell,
            )
        )
    out.facts(plain(done))
    _print(out, done, folder)
    return OK


def _print(out: Out, done: Restored, folder: Path) -> None:
    kept = done.inventory
    out.say(
        f"restored as of {kept.made_at}: {some(kept.blobs, 'file')}, {some(done.copied, 'file')} of them "
        f"copied, log of {some(kept.size, 'entry', 'entries')}; every byte, the log and its root were checked"
    )
    for name in done.lost_files:
        out.say(f"lost: {name}", style="red")
    if done.lost_files:
        out.say(f"{some(len(done.lost_files), 'file')} lost; the log names each", style="bold red")
    if done.lost is not None:
        out.say(
            f"log entries {done.lost[0]} to {done.lost[1] - 1} are lost; entry {done.entry} says so",
            style="bold yellow",
        )
    if done.unknown_from is not None:
        out.say(
            "there was no whole keys/anchor here: whether the log had more than "
            f"{some(done.unknown_from, 'entry', 'entries')} is not known; entry {done.entry} says so",
            style="bold yellow",
        )
    if done.new_key:
        out.say(f"a new key signs from now on: {done.new_key}; certify it with nightjar keys certify")
    if not done.has_key:
        out.say(
            f"there is no signing key in {folder / 'keys'}: put yours back, or make a successor in the open "
            "with nightjar keys rotate",
            style="yellow",
        )


def _telling(bar: object, what: str) -> Callable[[int, int], None]:
    from rich.progress import Progress

    assert isinstance(bar, Progress)
    task = bar.add_task(what, total=None)

    def tell(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    return tell
