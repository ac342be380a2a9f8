"""How the log's cosigners stand, as `status` tells it: who signed which state of the log, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from bot.commands.out import Out, moment, on_one_line

if TYPE_CHECKING:
    from storage.cosigners import Standing

_COLUMNS = ("cosigner", "signed at", "entries", "standing")


def rows(found: Iterable[Standing], witnesses: Iterable[str] | None) -> list[dict[str, object]]:
    """One for each cosigner that is configured or has signed.

    witnesses: verifier keys of the configuration, or None when they are not known.
    """
    signed = {one.key: one for one in found}
    known = [] if witnesses is None else list(witnesses)
    return [
        _row(key, signed.get(key), witnesses is None or key in known)
        for key in (*known, *(key for key in signed if key not in known))
    ]


def _row(key: str, one: Standing | None, configured: bool) -> dict[str, object]:
    facts: dict[str, object] = {"cosigner": key.partition("+")[0], "key": key, "configured": configured}
    if one is None:
        return facts | {"size": 0, "at": None, "newest": False}
    return facts | {"size": one.size, "at": one.at, "newest": one.newest}


def show(out: Out, cosigners: list[dict[str, object]], *, tight: bool = False) -> None:
    """The table, tight on a narrow screen; nothing where nobody is configured and nobody has signed."""
    styles = ("" if row["newest"] and row["configured"] else "yellow" for row in cosigners)
    out.table(_COLUMNS, (_told(row) for row in cosigners), styles=styles, tight=tight)


def _told(row: dict[str, object]) -> tuple[object, ...]:
    name = on_one_line(row["cosigner"])
    if row["at"] is None:
        return name, "never", "-", "it has not signed yet"
    says = "the newest state of the log" if row["newest"] else "the log has gone on since"
    if not row["configured"]:
        says += " (no longer configured)"
    return name, moment(datetime.fromisoformat(str(row["at"]))), row["size"], says
