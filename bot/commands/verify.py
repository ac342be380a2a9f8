"""`nightjar verify [PATH|CASE|--all]`: hash every byte again, follow every link, recompute the log.

PATH is a package, checked with nothing but itself and what the reader knows from elsewhere.
A case number checks the evidence of that case in the live store. Without either, all of it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.options import WrongUseError
from bot.commands.out import OK, PROBLEM, Out, on_one_line, plain, some
from bot.commands.reader import look
from storage.clock import Clock

if TYPE_CHECKING:
    from storage.dossier import Casefile
    from storage.package.check import Verdict
    from storage.store import Store
    from storage.verify import VerifyReport

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


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


def package(out: Out, path: Path, *, admin: str = "", key: str = "", roots: Path | None = None) -> int:
    """Check an exported folder or archive; exit code 1 when anything does not hold.

    admin, key: fingerprints; roots: a folder of PEM files. Raises WrongUseError for what is none.
    """
    from storage.package.check import Trust, check, roots_in

    try:
        trusted = roots_in(roots) if roots is not None else {}
    except (OSError, ValueError) as error:
        raise WrongUseError(f"--tsa-roots: {error}") from None
    trust = Trust(admin=_fingerprint("--admin", admin), key=_fingerprint("--key", key), roots=trusted)
    with out.progress() as bar:
        task = bar.add_task("verifying", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        verdict = check(path, trust, tell)
    told = {"whole": verdict.whole, "first": verdict.first, "time_pending": verdict.time_pending}
    out.facts(plain(verdict) | told)
    if not out.json:
        _print_verdict(out, verdict)
    return OK if verdict.whole else PROBLEM


def case(out: Out, folder: Path, clock: Clock, number: str) -> int:
    """Check the evidence of one case in the live store: files, manifests, their places in the log."""
    pieces, broken = look(folder, clock, _case_of(number))
    out.facts({"case": number, "evidence": pieces, "broken": broken, "whole": not broken})
    for fault in broken:
        out.say(on_one_line(fault), style="red")
    if broken:
        out.say(f"case {number}: {some(len(broken), 'fault')} in {some(pieces, 'piece')}", style="bold red")
        return PROBLEM
    out.say(f"case {number}: {some(pieces, 'piece')} of evidence, all as written", style="bold green")
    return OK


def _fingerprint(option: str, text: str) -> str:
    given = text.strip().lower().replace(":", "")
    if given and not _FINGERPRINT.fullmatch(given):
        raise WrongUseError(f"{option}: a fingerprint has 64 hexadecimal digits (nightjar keys show)")
    return given


def _verifying(tell: Callable[[int, int], None]) -> Callable[[Store], Awaitable[VerifyReport]]:
    async def verifying(store: Store) -> VerifyReport:
        from storage.verify import verify

        return await verify(store, tell)

    return verifying


def _case_of(number: str) -> Callable[[Store], Awaitable[tuple[int, list[str]]]]:
    async def checking(store: Store) -> tuple[int, list[str]]:
        from storage import cases, ledger
        from storage.dossier import show
        from storage.package.gather import with_chains
        from storage.tree import Frontier

        chosen = await cases.select(store, [number])
        ids = await with_chains(store, chosen.evidence_ids)
        head = await ledger.head(store.vault.database)
        leaves = await ledger.leaf_hashes(store.vault.database, head.size)
        leads = Frontier().extend(leaves).root().hex() == head.root
        broken = [] if leads else ["the log's leaves do not lead to its root"]
        for evidence_id in ids:
            broken += _faults(await show(store, evidence_id), leaves)
        records = (record for one in chosen.cases for record in one.history)
        broken += [f"entry {record.leaf}: not its record" for record in records if not record.whole]
        return len(ids), broken

    return checking


def _faults(file: Casefile, leaves: Sequence[bytes]) -> list[str]:
    """What is wrong with one piece of evidence, in words."""
    import json

    from storage.tree import leaf_hash

    evidence = file.evidence
    found = [f"{evidence.evidence_id} {f.role}: {f.trouble}" for f in file.files if f.trouble]
    entry = json.loads(file.entry)
    named = entry.get("evidence_id"), entry.get("manifest_sha256")
    if named != (evidence.evidence_id, evidence.manifest_sha256):
        found.append(f"{evidence.evidence_id}: its log entry is of another piece")
    hashed = leaf_hash(file.entry.encode())
    if leaves[evidence.leaf_index : evidence.leaf_index + 1] != [hashed]:
        found.append(f"{evidence.evidence_id}: its entry does not hash to its leaf")
    return found


def _print_verdict(out: Out, verdict: Verdict) -> None:
    for step in verdict.steps:
        for what in step.what:
            style = "red" if step.state == "broken" else "yellow" if step.state == "pending" else ""
            out.say(f"{step.state:<8}{step.name}: {on_one_line(what)}", style=style)
    for remark in verdict.remarks:
        out.say(f"note    {remark}", style="yellow")
    if verdict.whole:
        pending = "; time pending" if verdict.time_pending else ""
        out.say(f"everything that was checked is whole{pending}", style="bold green")
        return
    out.say(f"NOT WHOLE. The first thing that does not hold: {on_one_line(verdict.first)}", style="bold red")
    out.say("still holds: " + (", ".join(verdict.holds) or "nothing"))


def _print(out: Out, report: VerifyReport) -> None:
    out.say(
        f"{some(report.blobs, 'file')} with {report.bytes:,} bytes, "
        f"{some(report.evidence, 'piece')} of evidence, {some(report.sightings, 'look')}, "
        f"{some(report.tree_size, 'leaf', 'leaves')}"
    )
    out.say(f"log root {report.root}")
    out.say(
        f"{some(report.verdicts, 'verdict')}, {some(report.checkpoints, 'checkpoint')}; "
        + (f"key {report.key}, " if report.key else "no key, ")
        + (f"certified from {report.certified[:19]}Z" if report.certified else "uncertified")
    )
    if report.erased:
        out.say(f"{some(report.erased, 'piece')} of evidence erased lawfully, with entries that say so")
    out.say(f"time: {report.time}")
    for fault in report.broken:
        out.say(f"{fault.kind} {fault.what}: {on_one_line(fault.why)}", style="red")
    for remark in report.remarks:
        out.say(f"note: {on_one_line(remark)}", style="yellow")
    if report.strange:
        out.say(
            f"{some(len(report.strange), 'file')} that no row names, kept all the same; that is no fault",
            style="yellow",
        )
    if report.whole:
        out.say("everything is as it was written", style="bold green")
    else:
        out.say(f"{some(report.faults, 'fault')}: this store is not whole", style="bold red")
