"""Step of a check: the RFC 3161 time stamps over checkpoints, and what the log says of them."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from storage import notes
from storage.errors import NotNote
from storage.package import layout
from storage.package.source import read
from storage.package.verdict import Round
from storage.timestamps import Refusal, certificates_of, check, is_weak
from storage.tokens import BEACON

_STATUS = f"{layout.TIME}/status.json"
_NOT_COMPARED = (
    "ROOTS OF TIME-STAMP AUTHORITIES WERE NOT COMPARED: give --tsa-roots with a folder of those you trust"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What the log shows. entries: texts by index; places: index of each piece of evidence here."""

    entries: Mapping[int, str]
    places: tuple[int, ...]

    def beacons(self) -> dict[str, set[str]]:
        """SHA-256 of the responses that came, by the stem of their files. Raises ValueError, KeyError."""
        found: dict[str, set[str]] = {}
        for entry in self.entries.values():
            if f'"kind":"{BEACON}"' in entry and (told := json.loads(entry))["kind"] == BEACON:
                facts = told["facts"]
                stem = f"{int(facts['size'])}-{facts['authority']}"
                found.setdefault(stem, set()).add(str(facts["sha256"]))
        return found


def time(run: Round, checkpoints: Mapping[int, bytes], logged: Logged) -> None:
    """Every token that the package says it has is there and holds; none is "pending", not broken."""
    with run.step("time") as said:
        asked = json.loads(read(run.source, _STATUS))["tokens"]
        whole = {f"{token['size']}-{token['authority']}" for token in asked if token["state"] == "whole"}
        for ending in (".tsr", ".tsq"):
            start = f"{layout.TIME}/"
            there = {
                n[len(start) : -4] for n in run.source.sizes if n.startswith(start) and n.endswith(ending)
            }
            run.wanted(there == whole, f"the files *{ending} are not those of {_STATUS}")
        checked = {stem: _checked(run, stem, checkpoints) for stem in sorted(whole)}
        held = {stem: at for stem, at in checked.items() if at}
        if held:
            said.append(f"{len(held)} time stamps hold, the first of {min(held.values())}")
            _told_apart(run, held)
        else:
            waiting = sum(token["state"] == "waiting" for token in asked)
            said += ["pending", f"time pending: no time stamp counts in this package, {waiting} asked for"]
        if whole and not run.trust.roots:
            run.remarks.append(_NOT_COMPARED)
        _as_logged(run, whole, logged)


def _checked(run: Round, stem: str, checkpoints: Mapping[int, bytes]) -> str:
    """The time in a token, or "" and a fault, or "" and a remark when it does not count."""
    size, _, authority = stem.partition("-")
    stamped = checkpoints.get(int(size))
    if stamped is None:
        run.bad(f"{stem}: its checkpoint is missing")
        return ""
    roots = run.trust.roots_of(authority) or read(run.source, f"{layout.TIME}/roots/{authority}.pem")
    request, response = (read(run.source, f"{layout.TIME}/{stem}{ending}") for ending in (".tsq", ".tsr"))
    found = check(stamped, request, response, roots)
    if isinstance(found, Refusal):
        run.bad(f"{stem}.tsr is no time stamp over its checkpoint by a trusted authority: {found.why}")
        return ""
    try:
        signed_at = notes.read_checkpoint(notes.split_note(stamped)[0]).at
    except NotNote:
        signed_at = found.at  # step "consistency" says what is wrong with it
    if signed_at > found.at + timedelta(seconds=found.accuracy_s or 0):
        run.remarks.append(
            f"{stem}.tsr: its checkpoint is dated {signed_at:%Y-%m-%d %H:%M:%S} UTC, after the time stamp "
            f"over it of {found.at:%Y-%m-%d %H:%M:%S} UTC: one of both clocks was wrong"
        )
    if is_weak(response):
        run.remarks.append(f"{stem}.tsr is not counted: it is signed over SHA-1 or MD5, which are weak")
        return ""
    return f"{found.at:%Y-%m-%d %H:%M:%S} UTC"


def _told_apart(run: Round, stems: Iterable[str]) -> None:
    """Names whose tokens bring one and the same certificate along are one authority: a remark says so."""
    names: dict[str, set[str]] = {}
    for stem in stems:
        for one in certificates_of(read(run.source, f"{layout.TIME}/{stem}.tsr")):
            names.setdefault(one, set()).add(stem.partition("-")[2])
    for same in sorted({tuple(sorted(found)) for found in names.values() if len(found) > 1}):
        run.remarks.append(f"ONE AUTHORITY, not {len(same)}: {', '.join(same)} sign by the same certificates")


def _as_logged(run: Round, whole: Iterable[str], logged: Logged) -> None:
    """Tokens are those that the log names, and the earliest over each piece was not left out."""
    beacons, sizes, unnamed = logged.beacons(), _by_authority(whole), []
    for stem in sorted(whole):
        digest = hashlib.sha256(read(run.source, f"{layout.TIME}/{stem}.tsr")).hexdigest()
        if stem not in beacons:
            unnamed.append(stem)
        elif digest not in beacons[stem]:
            run.bad(f"{stem}.tsr is not the response that the log says was received")
    if unnamed:
        run.remarks.append(f"no entry that is shown names these time stamps: {', '.join(unnamed[:5])}")
    for authority, received in _by_authority(beacons).items():
        given = sizes.get(authority, [])
        for place in logged.places:
            first, own = (_above(place, some) for some in (received, given))
            if first and not 0 < own <= first:
                run.bad(f"left out: the time stamp {first}-{authority}, which the log says was received")
                break


def _by_authority(stems: Iterable[str]) -> dict[str, list[int]]:
    """Sizes in order by authority."""
    found: dict[str, list[int]] = {}
    for stem in stems:
        size, _, authority = stem.partition("-")
        found.setdefault(authority, []).append(int(size))
    return {authority: sorted(sizes) for authority, sizes in found.items()}


def _above(place: int, sizes: list[int]) -> int:
    """The smallest of these states that holds the entry of this index, 0 when none does."""
    at = bisect_right(sizes, place)
    return sizes[at] if at < len(sizes) else 0
