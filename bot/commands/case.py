"""`nightjar case ...`: open a case, add evidence, hold it against erasure, close it, look at it.

Works beside a running watch, which then does what is ordered here within seconds, and
without one. The acting officer is named, or the account of this machine is.
"""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path

from bot.commands.out import OK, PROBLEM, Out, moment, on_one_line, some
from bot.commands.reader import look
from storage import cases, spool
from storage.cases import Case, Handed, Order
from storage.clock import Clock
from storage.errors import CaseRefused, DatabaseTrouble, InUse
from storage.store import Store
from storage.threads import in_thread

WAITED_S = 15.0
_STEP_S = 0.25


def acting(officer: str) -> str:
    """Who acts: the officer as named, else the account that runs the command."""
    if officer.strip():
        return officer.strip()
    try:
        return f"account {getpass.getuser()}"
    except (KeyError, OSError):
        return "account unknown"


def act(out: Out, folder: Path, clock: Clock, order: Order) -> int:
    """Do what is ordered, or have the running watch do it; exit code 1 when it is refused or waits."""
    if not folder.is_dir():
        raise DatabaseTrouble(f"there is no data folder {folder}: has the watch run yet?")
    state, why = asyncio.run(_acting(folder, clock, order))
    if state is spool.Left.REFUSED:
        raise CaseRefused(why)
    out.facts({"case": order.number, "act": order.act, "recorded": state is spool.Left.TAKEN})
    if state is spool.Left.WAITING:
        out.say(
            f"case {order.number}: {order.act.value} IS NOT IN FORCE YET: the process that writes here "
            f"has not taken it in for {WAITED_S:g} s. It waits in {folder / spool.FOLDER}; "
            "see what the watch says",
            style="bold red",
        )
        return PROBLEM
    out.say(f"case {order.number}: {order.act.value}, recorded in the log", style="bold")
    return OK


async def _acting(folder: Path, clock: Clock, order: Order) -> tuple[spool.Left, str]:
    store = await opened(folder, clock)
    try:
        ready = await cases.whole(store, order)
        if store.vault.writer is not None:
            await store.take_left()  # what was ordered before comes before
            await cases.apply(store.vault, ready)
            return spool.Left.TAKEN, ""
        event_id = await spool.leave(store.vault, ready.kind, ready.facts())
        return await settled(folder, clock, event_id)
    finally:
        await store.close()


async def opened(folder: Path, clock: Clock) -> Store:
    """The store for writing, or for reading when another process writes already. Raises StoreError."""
    try:
        return await Store.open(folder, clock)
    except InUse:
        return await Store.open_reader(folder, clock)


async def settled(folder: Path, clock: Clock, event_id: str) -> tuple[spool.Left, str]:
    """What became of an event, looked at until the watch took it, for at most 15 s."""
    for _ in range(round(WAITED_S / _STEP_S)):
        state, why = spool.became(folder, event_id)
        if state is not spool.Left.WAITING:
            return state, why
        await clock.sleep(_STEP_S * clock.speed)
    return spool.Left.WAITING, ""


def show(out: Out, folder: Path, clock: Clock, number: str) -> int:
    """Print a case with its evidence, history and exports; exit code 1 when its records are not whole."""

    async def showing(store: Store) -> tuple[Case, tuple[Handed, ...]]:
        found = await cases.one(store.vault.database, number)
        left = await in_thread(spool.peek, folder, "export")
        return found, await cases.exports(store.vault.database, found, left)

    case, exports = look(folder, clock, showing)
    out.facts(cases.document(case) | {"exports": exports})
    if not out.json:
        _print(out, case)
        _print_exports(out, exports)
    return OK if all(record.whole for record in case.history) else PROBLEM


def _print(out: Out, case: Case) -> None:
    out.say(f"Case {case.number}: {on_one_line(case.title)}", style="bold")
    rows = (
        ("legal basis", case.legal_basis),
        ("opened", f"{moment(case.opened_at)} by {case.officer}"),
        ("closed", moment(case.closed_at)),
        ("hold", f"yes: {case.hold_why}" if case.held else "no"),
    )
    for name, value in rows:
        out.say(f"  {name + ':':<14} {on_one_line(value, 400)}")
    out.table(("evidence",), ((evidence_id,) for evidence_id in case.evidence))
    history = (
        (r.leaf, moment_of(r.facts, r.entry), r.facts.get("act", "erased"), r.facts.get("officer", ""),
         on_one_line(r.facts.get("why", ""), 80))
        for r in case.history
    )  # fmt: skip
    out.table(("log entry", "at", "act", "officer", "why"), history)


def _print_exports(out: Out, exports: tuple[Handed, ...]) -> None:
    if not exports:
        out.say("nothing of it was exported", style="dim")
        return
    rows = (
        ("not yet" if e.leaf is None else e.leaf, e.exported_at[:19] + "Z",
         on_one_line(e.name, 60), e.pieces, e.officer,
         "encrypted" if e.recipients else "open", on_one_line(e.why, 80))
        for e in exports
    )  # fmt: skip
    out.table(("log entry", "exported at", "name", "pieces of it", "officer", "form", "why"), rows)


def moment_of(facts: dict[str, str], entry: str) -> str:
    """When an act happened: as the command said, else as the log entry does."""
    import json

    return str(facts.get("happened_at") or json.loads(entry)["at"])


def listed(out: Out, folder: Path, clock: Clock) -> int:
    """Print every case, the latest first."""

    async def listing(store: Store) -> tuple[Case, ...]:
        return await cases.listed(store.vault.database)

    found = look(folder, clock, listing)
    out.facts({"cases": [cases.document(case) for case in found]})
    rows = (
        (c.number, moment(c.opened_at), "closed" if c.closed_at else "open", "hold" if c.held else "",
         len(c.evidence), on_one_line(c.title, 60))
        for c in found
    )  # fmt: skip
    out.table(("case", "opened", "state", "", "evidence", "title"), rows)
    out.say(some(len(found), "case"))
    return OK
