"""Step of a check: what the log shows of cosigners holds under the keys that it names.

A cosignature is over the text of a checkpoint; one over a state that is not in the package can
be looked at for its form only, which is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from storage import notes, witness
from storage.codec import stamp
from storage.errors import NotNote
from storage.package.verdict import Round
from storage.tokens import COSIGNATURE


def cosignatures(run: Round, entries: Mapping[int, str], checkpoints: Mapping[int, bytes]) -> None:
    """Every shown cosignature is one. entries: shown ones by index. No step when there is none."""
    shown = {index: entry for index, entry in entries.items() if f'"kind":"{COSIGNATURE}"' in entry}
    if not shown:
        return
    with run.step("cosignatures") as said:
        held = absent = 0
        for index, entry in shown.items():
            told = json.loads(entry)
            if told["kind"] != COSIGNATURE:
                continue
            facts = told["facts"]
            note = checkpoints.get(int(facts["size"]))
            try:
                _check(facts, note)
            except NotNote as error:
                run.bad(f"entry {index} is no cosignature: {error}")
            held, absent = held + (note is not None), absent + (note is None)
        said.append(
            f"{held} hold under the keys that the log names; ask their owners whether these are theirs"
        )
        if absent:
            run.remarks.append(
                f"{absent} cosignatures are over states not in this package: only their form was checked"
            )


def _check(facts: Mapping[str, str], note: bytes | None) -> None:
    """Raises NotNote when a cosignature is not one, or not over this checkpoint (None: not had)."""
    vkey, line = witness.read_vkey(facts["key"]), facts["line"]
    text = "-\n" if note is None else notes.split_note(note)[0]
    ((name, raw),) = notes.split_note(f"{text}\n{line}\n")[1]
    if not name == facts["name"] == vkey.name or raw[:4] != vkey.mark or len(raw) != witness.LINE_BYTES:
        raise NotNote("its line is by another cosigner than its key")
    if note is not None:
        at = witness.cosigned_at(f"{text}\n{line}\n", vkey)
        if stamp(at) != facts["time"]:
            raise NotNote("its time is another than the one signed")
