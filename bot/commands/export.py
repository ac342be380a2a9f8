"""`nightjar export (CASE|ID ...|--since T|--all) --out PATH`: a package that anybody can check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.case import acting
from bot.commands.out import OK, Out, some
from bot.commands.reader import look
from storage.cases import checked_number
from storage.clock import Clock
from storage.keys import known

if TYPE_CHECKING:
    from storage.cases import Selection
    from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is handed over, to whom and why. words: case numbers or evidence ids."""

    words: tuple[str, ...]
    out: Path
    since: datetime | None = None
    everything: bool = False
    officer: str = ""
    why: str = ""
    legal_basis: str = ""
    case: str = ""
    recipients: tuple[str, ...] = ()
    unmasked: bool = False


def run(out: Out, folder: Path, clock: Clock, wanted: Wanted) -> int:
    """Export to the new folder or archive; it appears whole or not at all. Raises StoreError, CaseRefused."""
    if wanted.case:
        checked_number(wanted.case)
    with out.progress() as bar:
        task = bar.add_task("exporting", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        made, chosen, looks = look(folder, clock, _exporting(wanted, tell))
    facts = {"package": made, "evidence": list(chosen.evidence_ids), "erased": list(chosen.erased)}
    out.facts(facts | {"cases": [case.number for case in chosen.cases], "looks": looks})
    named = f"{some(len(chosen.evidence_ids), 'piece')} of evidence"
    more = f", with all looks at the same posts {looks:,}" if looks != len(chosen.evidence_ids) else ""
    out.say(f"exported {named}{more}, to {made}", style="bold")
    if chosen.erased:
        out.say(f"{some(len(chosen.erased), 'piece')} had been erased", style="yellow")
    if made.suffix == ".age":
        out.say("to open it: age -d -i KEYFILE -o package.zip " + made.name)
    there = "unpack it" if made.is_file() else "cd there"
    key = known(folder)[0].fingerprint
    out.say(f"to check it without nightjar: {there}; sh verify.sh --key {key}; see README.txt")
    out.say("whoever checks it must have that fingerprint from you by another way than the package")
    return OK


def _exporting(
    wanted: Wanted, tell: Callable[[int, int], None]
) -> Callable[[Store], Awaitable[tuple[Path, Selection, int]]]:
    async def exporting(store: Store) -> tuple[Path, Selection, int]:
        from storage.cases import select
        from storage.export import export
        from storage.package.gather import with_chains

        chosen = await select(store, wanted.words, since=wanted.since, everything=wanted.everything)
        basis = wanted.legal_basis or "; ".join(filter(None, (case.legal_basis for case in chosen.cases)))
        made = await export(
            store,
            chosen.evidence_ids,
            wanted.out,
            tell,
            officer=acting(wanted.officer),
            why=wanted.why,
            legal_basis=basis,
            case=wanted.case,
            cases=chosen.cases,
            recipients=wanted.recipients,
            unmasked=wanted.unmasked,
        )
        return made, chosen, len(await with_chains(store, chosen.evidence_ids))

    return exporting
