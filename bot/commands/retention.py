"""`nightjar retention`: what is past its period, and erasing it.

Without `--apply` nothing is changed. Beside a running watch `--apply` leaves the order to it,
since only one process writes; it erases by itself once a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.commands.case import opened, settled
from bot.commands.out import OK, PROBLEM, Out, on_one_line, some
from bot.commands.reader import look
from storage import erasure, retention, spool
from storage.clock import Clock
from storage.erasure import Erased
from storage.errors import DatabaseTrouble
from storage.retention import Class, DuePiece, Plan, Rules
from storage.store import Store


def dry_run(out: Out, folder: Path, clock: Clock, rules: Rules, *, every: bool = False) -> int:
    """Say what is due now, by class. every: each piece of evidence as well."""

    async def planning(store: Store) -> tuple[Plan, tuple[DuePiece, ...]]:
        plan = await retention.plan(store.vault.database.path, rules, clock.now())
        return plan, await retention.due_pieces(store.vault.database, plan)

    plan, pieces = look(folder, clock, planning)
    due = plan.counts()
    out.facts(
        {
            "due": {kind.value: {"posts": due[kind][0], "looks": due[kind][1]} for kind in Class},
            "kept": {kind.value: count for kind, count in plan.kept.items()},
            "blocked": plan.blocked,
            "days": {kind.value: rules.days(kind) for kind in Class},
            "evidence": pieces,
        }
    )
    rows = (
        (kind.value, rules.days(kind) or "for ever", due[kind][0], due[kind][1], plan.kept[kind])
        for kind in Class
    )
    out.table(("class", "days", "posts due", "looks due", "posts that stay"), rows)
    if every:
        listed = ((p.evidence_id, p.kind.value, p.target, on_one_line(p.post_id, 60)) for p in pieces)
        out.table(("due", "class", "target", "post"), listed)
    elif pieces:
        out.say(f"nightjar retention --list names each of the {some(len(pieces), 'look')}", style="dim")
    if plan.blocked:
        out.say(f"{some(plan.blocked, 'post')} would be due, but a case has them")
    out.say("nothing was changed; nightjar retention --apply erases what is due")
    return OK


def apply(out: Out, folder: Path, clock: Clock, rules: Rules, officer: str) -> int:
    """Erase what is due, or have the running watch do it."""
    if not folder.is_dir():
        raise DatabaseTrouble(f"there is no data folder {folder}: has the watch run yet?")
    with out.progress() as bar:
        task = bar.add_task("erasing", total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        erased = asyncio.run(_applying(folder, clock, rules, officer, told))
    if isinstance(erased, spool.Left):
        out.facts({"left_for_the_watch": True, "taken": erased is spool.Left.TAKEN})
        if erased is not spool.Left.TAKEN:
            out.say(
                "the process that writes here has not taken the order in: see what it says", style="bold red"
            )
            return PROBLEM
        out.say("taken by the running watch, which erases what is due within a minute", style="bold")
        return OK
    out.facts(erased)
    out.say(
        f"erased {some(erased.posts, 'post')} with {some(erased.observations, 'look')}, "
        f"{some(erased.files, 'file')}, {erased.bytes:,} bytes",
        style="bold",
    )
    for path in erased.certificates:
        out.say(f"certificate {path}")
    if erased.skipped:
        out.say(f"{some(erased.skipped, 'post')} had changed meanwhile and wait for the next run")
    return OK


async def _applying(
    folder: Path, clock: Clock, rules: Rules, officer: str, told: Callable[[int, int], None]
) -> Erased | spool.Left:
    store = await opened(folder, clock)
    try:
        if store.vault.writer is None:
            event_id = await spool.leave(store.vault, erasure.ORDER, {"officer": officer})
            return (await settled(folder, clock, event_id))[0]
        await store.take_left()  # a hold that was ordered before goes before
        return await erasure.apply(store, rules, officer=officer, told=told)
    finally:
        await store.close()
