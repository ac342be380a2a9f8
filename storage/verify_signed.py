"""Checking what is signed and what the log names by hash only: part of `verify`, in its thread.

Every checkpoint must be the note it says it is, by a key of this folder that the log named,
with the root that the log really had at that size; no key may sign after its successor did.
The anchor beside the database must be a state that the log had, too. Certificates must hold, and those that
the log speaks of must be there. Every verdict must be the text that its entry names, and so
must every private record.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import casebook, certificates, keys, notes, spool, verdicts
from storage.anchor import SIGNED_BEFORE
from storage.anchor import read as read_anchor
from storage.codec import load, load_tuple, moment, stamp
from storage.errors import KeyTrouble, NotNote
from storage.keys import PublicKey
from storage.model import PictureMatch, Verdict, sha256_of
from storage.notes import Checkpoint
from storage.succession import KIND as KEY
from storage.succession import state_of
from storage.tree import EMPTY_ROOT, Frontier

if TYPE_CHECKING:
    from storage.verify import Round

_EXPORTED = "SELECT 1 FROM leaf WHERE kind = 'export' AND \"index\" >= ? LIMIT 1"
"""An export signs the state that it hands over, without a row, and is logged after it."""
_MOST_SUBJECT = 64
"""What is longer is no case number, and may be the subject of none."""
_NAMED = (
    "SELECT seq, score, tier, verdict, matches, judged_at, record FROM verdict WHERE leaf = ?1 UNION ALL "
    "SELECT seq, score, tier, verdict, matches, judged_at, record FROM verdict_before WHERE leaf = ?1"
)


@dataclass(kw_only=True)
class Statements:
    """What is gathered on the way through the log.

    roots: of the sizes that checkpoints speak of, as recomputed, with the peaks. named: keys
    that the log says were in use. certified: keys that it says were certified. abandoned:
    whether a roll-back was admitted.
    """

    sizes: frozenset[int] = frozenset()
    roots: dict[int, tuple[str, str]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    certified: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    """Keys that stand in the log as a whole: no file needs to have them, unless they signed."""
    first_verdict: int | None = None
    abandoned: bool = False

    def pass_by(self, frontier: Frontier) -> None:
        """The log has been read up to here."""
        if frontier.size in self.sizes:
            peaks = "".join(peak.hex() for peak in frontier.peaks)
            self.roots[frontier.size] = frontier.root().hex(), peaks

    def hear(self, kind: str, index: int, facts: Mapping[str, Any]) -> None:
        """Take in what an entry says about keys and verdicts."""
        if kind == verdicts.KIND and self.first_verdict is None:
            self.first_verdict = index
        elif kind == KEY and isinstance(told := facts.get("facts"), dict):
            self.named |= {str(told[name]) for name in ("old", "new", "key") if told.get(name)}
            self.abandoned = self.abandoned or bool(told.get("abandoned"))
            if told.get("act") == "certified":
                self.certified.add(str(told.get("key")))
            if told.get("act") == "successor" and told.get("new") == _fingerprint_of(told.get("new_ed25519")):
                self.shown.add(str(told["new"]))


def _fingerprint_of(ed25519: object) -> str:
    try:
        return notes.fingerprint(base64.b64decode(str(ed25519), validate=True))
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What stood outside the database before the look at it began: it can only be behind, never ahead."""

    folder: Path
    anchor: Checkpoint | None
    odd: str
    known: tuple[PublicKey, ...]
    trouble: str
    certificates: tuple[str, ...]
    """Names of the deletion certificates, which are written after their log entry, and once."""
    exported: frozenset[str]
    """What waiting exports signed, "size root" each: beside no watch they wait for its next start."""


def before(folder: Path) -> Before:
    """Read anchor and keys. Never raises for their content."""
    anchor, odd = read_anchor(folder)
    try:
        known, trouble = keys.known(folder), ""
    except KeyTrouble as error:
        known, trouble = (), str(error)
    found = tuple(sorted(path.name for path in (folder / certificates.FOLDER).glob("*.note")))
    return Before(
        folder=folder,
        anchor=anchor,
        odd=odd,
        known=known,
        trouble=trouble,
        certificates=found,
        exported=frozenset(event.get("checkpoint", "") for event in spool.peek(folder, "export")),
    )


def sizes(run: Round, outside: Before) -> frozenset[int]:
    """Sizes that checkpoints and the anchor speak of."""
    anchor = () if outside.anchor is None else (outside.anchor.size,)
    return frozenset((*anchor, *(row[0] for row in run.rows("SELECT size FROM checkpoint"))))


# --- checkpoints and keys -------------------------------------------------------------------------


def check_signed(run: Round, outside: Before, said: Statements, origin: str) -> None:
    """Every checkpoint, the anchor and the keys. After the log was read."""
    rows = run.rows("SELECT size, root, at, note, frontier FROM checkpoint ORDER BY size")
    said.roots.setdefault(0, (EMPTY_ROOT.hex(), ""))
    by: list[int] = []
    for size, root, at, note, peaks in rows:
        run.counted["checkpoints"] += 1
        what = f"of {size} entries"
        if (root, peaks) != said.roots.get(size):
            run.fault("checkpoint", what, "its root is not the one the log had at that size")
        try:
            key = _signer_of(note, origin, outside.known)
            wanted = Checkpoint(origin=origin, size=size, root=bytes.fromhex(root), at=moment(at))
            if notes.read_checkpoint(notes.split_note(note)[0]) != wanted:
                run.fault("checkpoint", what, "the signed text is not what its row says")
        except (NotNote, ValueError, TypeError, OverflowError) as error:
            run.fault("checkpoint", what, str(error))
            continue
        by.append(key.number)
        if said.named and key.fingerprint not in said.named:
            run.fault("checkpoint", what, f"by a key that the log never named: {key.fingerprint}")
    _check_order(run, by)
    _check_anchor(run, outside, said, origin, signed=bool(rows))
    _check_keys(run, outside, said, origin, signed=bool(rows))


def _signer_of(note: str | bytes, origin: str, known: tuple[PublicKey, ...]) -> PublicKey:
    """Which of our keys signed it. Raises NotNote with the reason of the one in use."""
    why: NotNote | None = None
    for key in known:
        try:
            notes.open_note(note, notes.log_name(origin), key.public)
        except NotNote as error:
            why = why or error
        else:
            return key
    raise why or NotNote("there is no key to check it with")


def opened_by_any(note: bytes, origin: str, known: tuple[PublicKey, ...]) -> str:
    """The text of a note that one of our keys signed. Raises NotNote."""
    _signer_of(note, origin, known)
    return notes.split_note(note)[0]


def _check_order(run: Round, by: list[int]) -> None:
    """Numbers of keys in order of size: 1, 2, ... and 0, the one in use, last."""
    ages = [number or len(by) + 1_000_000 for number in by]
    if ages != sorted(ages):
        run.fault("checkpoint", "order", "a key signed after its successor had signed")


def _check_anchor(run: Round, outside: Before, said: Statements, origin: str, *, signed: bool) -> None:
    """Of a checkpoint, or of an export in between: either way the log had that root."""
    if outside.odd:
        run.fault("checkpoint", "anchor", outside.odd)
    anchor = outside.anchor
    if anchor is None:
        if signed and not outside.odd:
            run.fault("checkpoint", "anchor", "missing, so a roll-back would not be noticed")
        elif not signed and (told := run.rows(SIGNED_BEFORE)):
            index, kind = told[0]
            why = f"entry {index} ({kind}) shows that the log was signed, but every checkpoint is missing"
            run.fault("checkpoint", "anchor", f"it and all rows: {why}")
    elif not signed:
        run.fault("checkpoint", "anchor", "it is there, but the database holds no checkpoint at all")
    elif anchor.size not in said.roots:
        run.fault("checkpoint", "anchor", f"the log does not reach its {anchor.size} entries: rolled back?")
    elif (anchor.origin, anchor.root.hex()) != (origin, said.roots[anchor.size][0]):
        run.fault("checkpoint", "anchor", f"the log had another root at {anchor.size} entries: rolled back?")
    elif anchor.size > max(run.signed, default=0) and not run.rows(_EXPORTED, anchor.size):
        run.remarks.append(_without_row(anchor, outside.exported))


def _without_row(anchor: Checkpoint, exported: frozenset[str]) -> str:
    signed = f"of {anchor.size} entries, signed {stamp(anchor.at)}"
    named = f"the newest checkpoint, {signed}, stands in keys/anchor"
    if f"{anchor.size} {anchor.root.hex()}" in exported:
        waits = f"its entry waits in {spool.FOLDER}/ for the next start"
        return f"{named}: an export signed it while no watch ran; {waits}"
    return f"{named} and in no row: the row was removed, or a crash kept it from being written"


def _check_keys(run: Round, outside: Before, said: Statements, origin: str, *, signed: bool) -> None:
    if outside.trouble:
        run.fault("key", "file", outside.trouble)
        return
    if signed and not any(key.number == 0 for key in outside.known):
        run.fault("key", keys.PUBLIC, "missing, though checkpoints were signed")
    held = set()
    for key in outside.known:
        state = state_of(key, origin)
        if state.trouble:
            run.fault("key", key.fingerprint, f"its certificate: {state.trouble}")
        elif state.certified:
            held.add(key.fingerprint)
    for name in sorted(said.certified - held):
        run.fault("key", name, "the log says it was certified, but there is no certificate that holds")
    there = {key.fingerprint for key in outside.known} | said.shown
    for name in sorted(said.named - there):
        run.fault("key", name, "the log names it, but its public half is missing")


# --- what entries name by hash --------------------------------------------------------------------


def check_verdict(run: Round, index: int, facts: Mapping[str, Any]) -> None:
    """The verdict of an entry: its record, and the row that people are shown."""
    what = f"of evidence {facts['evidence_id']}"
    run.counted["verdicts"] += 1
    rows = run.rows(_NAMED, index)
    if not rows:
        if not _is_erased(run, str(facts["evidence_id"])):
            run.fault("verdict", what, f"the row of entry {index} is missing")
        return
    seq, score, tier, text, matches, judged_at, record = rows[0]
    if record is None or sha256_of(record.encode("utf-8", "surrogatepass")) != facts["record_sha256"]:
        run.fault("verdict", what, "the record is not the one the log names")
        return
    named = run.rows("SELECT evidence_id FROM observation WHERE seq = ?", seq)
    verdict = load(Verdict, text, strict=True)
    again = verdicts.text_of(
        str(facts["evidence_id"]),
        str(json.loads(record)["salt"]),
        verdict,
        load_tuple(PictureMatch, matches, strict=True),
        moment(judged_at),
    )
    if again.decode() != record or (score, tier) != (verdict.score, verdict.tier.value):
        run.fault("verdict", what, "the row is not what the record says")
    if not named or named[0][0] != facts["evidence_id"]:
        run.fault("verdict", what, "it stands at another piece of evidence")


def _is_erased(run: Round, evidence_id: str) -> bool:
    return bool(run.rows("SELECT 1 FROM tombstone WHERE evidence_id = ?", evidence_id))


def check_record(run: Round, index: int, facts: Mapping[str, Any]) -> None:
    """The facts of a private entry, which the log names by hash only. Nothing ever erases them."""
    rows = run.rows("SELECT record, subject FROM record WHERE leaf = ?", index)
    if not rows:
        run.fault("record", f"entry {index}", "the facts it names are missing")
        return
    record, subject = rows[0]
    if sha256_of(record.encode("utf-8", "surrogatepass")) != facts["facts_sha256"]:
        run.fault("record", f"entry {index}", "the facts are not the ones the log names")
        return
    told = json.loads(record)["facts"]
    number = told.get("case", "")
    if subject != number and not (subject == "" and len(number) > _MOST_SUBJECT):
        run.fault("record", f"entry {index}", "its row stands under another case than its facts")
    if facts["kind"] in casebook.KINDS:
        casebook.act_on(run.book, told, casebook.entry_at_us(facts))


def check_strays(run: Round, said: Statements) -> None:
    """Verdicts and records that claim a place in the log and have none there."""
    for seq, leaf in run.rows(
        "SELECT seq, leaf FROM verdict v WHERE leaf IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM leaf WHERE \"index\" = v.leaf AND kind = 'verdict') LIMIT 1000"
    ):
        run.fault("verdict", f"row {seq}", f"the log has no entry {leaf} for it")
    for leaf, seq in run.rows(
        "SELECT leaf, seq FROM verdict_before b WHERE NOT EXISTS "
        "(SELECT 1 FROM leaf WHERE \"index\" = b.leaf AND kind = 'verdict') "
        "OR NOT EXISTS (SELECT 1 FROM verdict v WHERE v.seq = b.seq AND v.leaf > b.leaf) LIMIT 1000"
    ):
        run.fault("verdict", f"row {seq}", f"entry {leaf} was set aside, and the log has none in its place")
    for (seq,) in run.rows(
        "SELECT seq FROM verdict v WHERE leaf IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM observation o WHERE o.seq = v.seq) LIMIT 1000"
    ):
        run.fault("verdict", f"row {seq}", "the log has no entry for it, and there is no such evidence")
    if said.first_verdict is not None:
        sql = "SELECT seq FROM verdict WHERE leaf IS NULL AND seq > ? LIMIT 1000"
        for (seq,) in run.rows(sql, said.first_verdict):
            run.fault("verdict", f"row {seq}", "the log has no entry for it")
    for (leaf,) in run.rows(
        'SELECT leaf FROM record r WHERE NOT EXISTS (SELECT 1 FROM leaf l WHERE l."index" = r.leaf '
        "AND l.kind = r.kind) LIMIT 1000"
    ):
        run.fault("record", f"entry {leaf}", "the log has no such entry")
