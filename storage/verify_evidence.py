"""Checking rows of observations and looks against manifests and log: part of `verify`, in its thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from storage import manifest
from storage.codec import canonical, load, load_tuple, moment, stamp
from storage.erased import root_of_lines
from storage.errors import DamagedBlob
from storage.model import Lifetime, Post
from storage.observations import PICTURES_PER_EVIDENCE
from storage.sightings import key_of_line
from storage.tables import key_of

if TYPE_CHECKING:
    from storage.verify import Round

_COLUMNS = (
    "seq, evidence_id, target, post_id, observation, post, manifest_sha256, page_sha256, listing_sha256, "
    "listed_at, captured_at, sealed_at, previous, absences, lifetime, post_key"
)


_LAST_UNLOGGED = 1
"""Version of the manifests of programs that kept verdicts out of the log."""


def check_sightings(run: Round, index: int, facts: dict[str, Any]) -> None:
    """The lines of a batch of looks against the root in its entry, and whether each is found by its post."""
    rows = run.rows("SELECT line, post_key, id FROM sighting WHERE leaf = ? ORDER BY id", index)
    lines = [row[0] for row in rows]
    run.counted["sightings"] += len(lines)
    if len(lines) != facts["count"] or root_of_lines(lines) != facts["root"]:
        run.fault("sightings", f"entry {index}", "the looks no longer lead to the root in the log")
    for line, post_key, number in rows:
        if post_key != key_of_line(line):
            run.fault("sightings", f"look {number}", "its row stands under another post than its line")


def check_evidence(run: Round, index: int, facts: dict[str, Any]) -> None:
    """The rows of an observation against its entry and its manifest."""
    rows = run.rows(f"SELECT {_COLUMNS} FROM observation WHERE seq = ?", index)  # noqa: S608 -- our columns
    run.counted["evidence"] += 1
    if not rows:
        if _is_erased(run, index, str(facts["evidence_id"])):
            run.counted["erased"] += 1
        else:
            run.fault("observation", str(facts["evidence_id"]), f"row {index} is missing")
        return
    row = dict(zip(_COLUMNS.split(", "), rows[0], strict=True))
    what = str(facts["evidence_id"])
    for name in ("evidence_id", "manifest_sha256"):
        if row[name] != facts[name]:
            run.fault("observation", what, f"{name} is not the one in the log")
    try:
        kept = json.loads(run.blobs.load(str(facts["manifest_sha256"])))
    except DamagedBlob as damage:
        run.needs.hear(what, [damage.sha256])
        run.lost("manifest", what, str(facts["manifest_sha256"]), str(damage))
        return
    if why := manifest.unreadable(kept):
        run.fault("manifest", what, why)
        return
    _check_unlogged(run, index, what, kept)
    for name in _differences(run, row, kept):
        run.fault("observation", what, f"{name} is not what the manifest says")
    run.needs.hear(what, (str(file["sha256"]) for file in kept["files"]))
    own = {"sha256": facts["manifest_sha256"], "role": "manifest"}
    for file in (*kept["files"], own):
        if not run.rows("SELECT 1 FROM blob WHERE sha256 = ?", file["sha256"]):
            run.fault("manifest", what, f"its file {file['sha256']} ({file['role']}) is in no row")


def _check_unlogged(run: Round, index: int, what: str, kept: dict[str, Any]) -> None:
    """No verdict without an entry in the log, but of evidence that a program without such entries sealed."""
    if kept["version"] > _LAST_UNLOGGED and run.rows(
        "SELECT 1 FROM verdict WHERE seq = ? AND leaf IS NULL", index
    ):
        run.fault("verdict", what, "the log has no entry for it")


def _is_erased(run: Round, index: int, evidence_id: str) -> bool:
    """Whether a tombstone stands in its place, for which the log has an erasure."""
    sql = (
        "SELECT 1 FROM tombstone t JOIN leaf l ON l.\"index\" = t.erasure AND l.kind = 'erasure' "
        "WHERE t.seq = ? AND t.evidence_id = ? AND t.erasure > t.seq"
    )
    return bool(run.rows(sql, index, evidence_id))


def _differences(run: Round, row: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    """Names of fields in which an observation's rows differ from its manifest."""
    told = _as_manifest(run, row)
    return [name for name, value in told.items() if value != _from_manifest(kept, name)]


def _as_manifest(run: Round, row: dict[str, Any]) -> dict[str, object]:
    lifetime = None if row["lifetime"] is None else load(Lifetime, row["lifetime"], strict=True)
    first = row["seq"] * PICTURES_PER_EVIDENCE
    pictures = run.rows(
        "SELECT sha256, url, size_bytes FROM evidence_picture WHERE id >= ? AND id < ? ORDER BY id",
        first,
        first + PICTURES_PER_EVIDENCE,
    )
    previous = run.rows("SELECT manifest_sha256 FROM observation WHERE evidence_id = ?", row["previous"])
    return {
        "evidence_id": row["evidence_id"],
        "post_key": row["post_key"],
        "target": row["target"],
        "post_id": row["post_id"],
        "observation": row["observation"],
        "post": json.loads(canonical(manifest.post_facts(load(Post, row["post"], strict=True)))),
        "lifetime": json.loads(canonical(manifest.lifetime_facts(lifetime))),
        "times": [stamp(moment(row[name])) for name in ("listed_at", "captured_at", "sealed_at")],
        "absences": list(load_tuple(str, row["absences"])),
        "previous": [row["previous"], previous[0][0] if previous else ""],
        "bodies": [row["listing_sha256"], row["page_sha256"]],
        "pictures": [list(picture) for picture in pictures],
    }


def _from_manifest(kept: dict[str, Any], name: str) -> object:
    bodies = {e["role"]: e["body_sha256"] for e in kept["exchanges"]}
    target, post_id = kept["target"]["name"], kept["post"]["post_id"]
    of_post = {"target": target, "post_id": post_id, "post_key": key_of(target, post_id)}
    if name in of_post:
        return of_post[name]
    if name == "times":
        listed, captured, sealed = (kept["times"][n] for n in ("listed_at", "captured_at", "sealed_at"))
        return [captured if listed.startswith("absent: ") else listed, captured, sealed]
    if name == "previous":
        return [kept["previous"]["evidence_id"], kept["previous"]["manifest_sha256"]]
    if name == "bodies":
        return [bodies.get("listing", ""), bodies.get("page", "")]
    return kept[name]


def check_strays(run: Round) -> None:
    """Rows that claim a place in the log and have none there."""
    for evidence_id, seq in run.rows(
        "SELECT evidence_id, seq FROM observation o WHERE NOT EXISTS "
        "(SELECT 1 FROM leaf WHERE \"index\" = o.seq AND kind = 'evidence') LIMIT 1000"
    ):
        run.fault("observation", evidence_id, f"the log has no entry {seq} for it")
    for (leaf,) in run.rows(
        "SELECT DISTINCT leaf FROM sighting s WHERE NOT EXISTS "
        "(SELECT 1 FROM leaf WHERE \"index\" = s.leaf AND kind = 'sightings') LIMIT 1000"
    ):
        run.fault("sightings", f"entry {leaf}", "the log has no such entry")
    for (number,) in run.rows(
        "SELECT e.id FROM evidence_picture e WHERE e.seq <> e.id / ? OR NOT EXISTS "
        "(SELECT 1 FROM observation o WHERE o.seq = e.seq) LIMIT 1000",
        PICTURES_PER_EVIDENCE,
    ):
        run.fault("observation", f"picture row {number}", "no observation has it")
