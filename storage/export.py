"""Handing evidence over: a package that a stranger can check with stock tools (docs/evidence.md).

The form stands in `storage/package/`. Written beside its final name, logged, and renamed at
the end: a folder or archive of that name is whole, and no export goes without its entry.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from storage.codec import clean, stamp
from storage.errors import DiskTrouble
from storage.package.encrypt import checked_recipients
from storage.package.layout import Meta, Package
from storage.threads import in_thread
from storage.version import VERSION

if TYPE_CHECKING:
    from storage.cases import Case
    from storage.package.write import Made
    from storage.store import Store

Progressed = Callable[[int, int], None]


async def export(
    store: Store,
    ids: Sequence[str],
    out: Path,
    progress: Progressed | None = None,
    *,
    officer: str = "",
    why: str = "",
    legal_basis: str = "",
    case: str = "",
    cases: Sequence[Case] = (),
    recipients: Sequence[str] = (),
    unmasked: bool = False,
) -> Path:
    """Export these pieces of evidence with every other look at the same posts; what was made.

    out must not exist: a folder, or an archive when it ends in .zip. recipients: age public keys;
    then the archive is encrypted to them and its name ends in .age. cases: go along with their
    history; case: their numbers when not given. unmasked: contacts are readable in what people
    read. The export is an entry in the log. Raises DatabaseTrouble (unknown id), DamagedBlob (an
    original is not whole: nothing is handed over), CaseRefused (a recipient), KeyTrouble, DiskTrouble.
    """
    from storage.package import gather, write

    if recipients:
        checked_recipients(recipients)
    out = _named(out, encrypted=bool(recipients))
    _refuse_taken(out)
    meta = Meta(
        exported_at=store.clock.now(),
        software=f"nightjar-watch {VERSION}",
        officer=officer,
        why=why,
        legal_basis=legal_basis,
        case=case or ", ".join(one.number for one in cases),
        recipients=tuple(recipients),
        unmasked=unmasked,
    )
    count = _Count(progress)
    wanted = await gather.with_chains(store, ids)
    count.total = len(wanted) * 2
    package, signer = await gather.gather(store, wanted, meta, cases, count.step)
    count.total = len(wanted) + write.steps(package)
    try:
        made = await in_thread(write.write, package, signer, store.blobs, out, count.step)
        await store.log_event("export", _facts(package, made, out))
        await in_thread(_publish, made.path, out)
    except OSError as error:
        raise DiskTrouble(f"{out}: {error}") from error
    finally:
        await in_thread(write.sweep, out)
    return out


def _refuse_taken(out: Path) -> None:
    """Raises DiskTrouble when something is there already, or nothing can ever be."""
    name = str(out)
    if "\0" in name or name != clean(name):  # bytes that are no UTF-8: the name stands in the log
        raise DiskTrouble(f"{name!r} is no name of a file")
    try:
        taken = out.exists() or out.is_symlink()
    except OSError as error:
        raise DiskTrouble(f"{out}: {error.strerror}") from error
    if taken:
        raise DiskTrouble(f"{out}: is there already; an export never overwrites")


class _Count:
    """Counts what is done; called from the loop and from one thread at a time."""

    def __init__(self, progress: Progressed | None) -> None:
        self.progress, self.done, self.total = progress, 0, 0

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


def _named(out: Path, *, encrypted: bool) -> Path:
    if not encrypted:
        return out
    bare = out.with_suffix("") if out.suffix == ".age" else out
    bare = bare if bare.suffix == ".zip" else bare.with_name(bare.name + ".zip")
    return bare.with_name(bare.name + ".age")


def _facts(package: Package, made: Made, out: Path) -> dict[str, str]:
    """What the log says about the export."""
    meta = package.meta
    return {
        "evidence": " ".join(str(file.evidence.evidence_id) for file in package.files),
        "exported_at": stamp(meta.exported_at),
        "name": out.name,
        "checkpoint": f"{package.size} {package.root}",
        "officer": meta.officer,
        "why": meta.why,
        "legal_basis": meta.legal_basis,
        "case": meta.case,
        "unmasked": "yes" if meta.unmasked else "no",
        "recipients": " ".join(meta.recipients),
        "seal_sha256": made.seal_sha256,
        "archive_sha256": made.archive_sha256,
        "encrypted_sha256": made.encrypted_sha256,
    }


def _publish(made: Path, out: Path) -> None:
    """The final name, durable. `rename` would replace an empty folder: looked at once more."""
    if out.exists():
        raise FileExistsError(f"{out} appeared meanwhile")
    made.rename(out)
    folder = os.open(out.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
