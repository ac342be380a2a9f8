"""Checking what answers checkpoints, and how many there must be: part of `verify`, in its thread.

Entries of kind `beacon` say when a time stamp was asked for and came; those of kind `cosignature`
hold a signature by somebody else over a checkpoint; events say how many checkpoints there were.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage import ledger, notes, witness
from storage.codec import moment, stamp
from storage.errors import NotNote
from storage.tokens import BEACON, COSIGNATURE

if TYPE_CHECKING:
    from storage.verify import Round


def check(run: Round, index: int, kind: str, facts: Mapping[str, Any]) -> None:
    """What an entry says about checkpoints. Raises what a bent cell raises."""
    if kind == BEACON:
        _check_times(run, facts)
    elif kind == COSIGNATURE and (why := _not_cosigned(run, facts["facts"])):
        run.fault("checkpoint", f"cosignature of entry {index}", why)
    if ledger.SIGNED in facts:
        there = bisect_right(run.signed, index)
        if there < facts[ledger.SIGNED]:
            told = f"entry {index} counts {facts[ledger.SIGNED]} until then, and {there} are there"
            run.fault("checkpoint", "rows", told)


def _check_times(run: Round, facts: Mapping[str, Any]) -> None:
    """The times of a token's row; older entries do not say when it was asked for."""
    told = facts["facts"]
    sql = "SELECT asked_at, received_at FROM token WHERE size = ? AND authority = ?"
    for asked_at, received_at in run.rows(sql, int(told["size"]), told["authority"]):
        what = f"{told['size']}-{told['authority']}"
        if received_at is None or stamp(moment(received_at)) != facts["at"]:
            run.fault("time", what, "it was not received when its row says")
        if "asked_at" in told and (asked_at is None or stamp(moment(asked_at)) != told["asked_at"]):
            run.fault("time", what, "it was not asked for when its row says")


def _not_cosigned(run: Round, told: Mapping[str, str]) -> str:
    """Why a logged cosignature is none over our checkpoint, or ""."""
    rows = run.rows("SELECT note FROM checkpoint WHERE size = ?", int(told["size"]))
    if not rows:
        return f"the checkpoint of {told['size']} entries is missing"
    try:
        text, _ = notes.split_note(rows[0][0])
        vkey = witness.read_vkey(told["key"])
        at = witness.cosigned_at(f"{text}\n{told['line']}\n", vkey)
    except NotNote as error:
        return str(error)
    if (vkey.name, stamp(at)) != (told["name"], told["time"]):
        return "it names another cosigner or time than the line does"
    return ""
