"""Checking a package that may be damaged, cut, substituted or made to harm: a verdict, never an error.

Works on the folder or archive alone, without a store and without a network. The steps and
their order are those of verify.sh and docs/evidence.md; a step that fails does not keep the
later ones from being tried, so that the verdict says what still holds. Blocks: for threads.
"""

from __future__ import annotations

from pathlib import Path

from storage.package import check_case, check_cosigned, check_files, check_keys, check_log, check_time
from storage.package.source import Source, Unfit, opened
from storage.package.verdict import Progressed, Round, State, Step, Trust, Verdict

__all__ = ["State", "Step", "Trust", "Verdict", "check", "roots_in"]


def check(path: Path, trust: Trust | None = None, progress: Progressed | None = None) -> Verdict:
    """Check the package at `path`. progress: called with (bytes done, bytes in all)."""
    try:
        with opened(path) as source:
            return _run(source, trust or Trust(), progress or (lambda _done, _total: None))
    except (Unfit, OSError) as error:
        step = Step(name="form", state=State.BROKEN, what=(str(error),))
        return Verdict(steps=(step,), remarks=(), bytes=0, files=0)


def roots_in(folder: Path) -> dict[str, bytes]:
    """All PEM files of a folder, for `Trust.roots`. Raises OSError, Unfit when there is none."""
    found = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.pem"))}
    if not any(found.values()):
        raise Unfit(f"{folder}: no *.pem file in it")
    return found


def _run(source: Source, trust: Trust, tell: Progressed) -> Verdict:
    run = Round(source=source, trust=trust, tell=tell)
    check_files.files(run)
    check_files.hashes(run)
    check_files.bag(run)
    check_keys.seal(run)
    check_keys.key(run)
    kept = check_log.manifests(run)
    hashed = check_log.entries(run, kept)
    leaves = check_log.log(run)
    note = check_log.checkpoint(run)
    check_log.inclusion(run, hashed, leaves, note)
    entries = check_log.shown(run, leaves)
    check_case.cases(run, leaves, entries)
    check_case.left_out(run, kept, entries)
    checkpoints = check_log.consistency(run, leaves, entries)
    check_cosigned.cosignatures(run, entries, checkpoints)
    indexes = {leaf: index for index, leaf in enumerate(leaves)}
    places = tuple(indexes[leaf] for leaf in hashed.values() if leaf in indexes)
    check_time.time(run, checkpoints, check_time.Logged(entries=entries, places=places))
    check_files.archive(run)
    sizes = source.sizes.values()
    return Verdict(steps=tuple(run.steps), remarks=tuple(run.remarks), bytes=sum(sizes), files=len(sizes))
