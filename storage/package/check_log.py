"""Steps of a check: manifests, their entries, the log's tree, checkpoints, earlier states."""

from __future__ import annotations

import json
import re
from typing import Any

from storage import manifest, notes
from storage.codec import canonical
from storage.errors import NotNote
from storage.model import sha256_of
from storage.notes import Checkpoint
from storage.package import layout
from storage.package.check_old import old_keys
from storage.package.source import Unfit, read
from storage.package.verdict import Round
from storage.tree import Frontier, check_consistency, leaf_hash, root_by_path

_FILES = f"{layout.FILES}/"
_FIVE = ("entry.json", "inference.json", "manifest.json", "proof.tlog", "watch.json")
_FOLDER = re.compile(rf"{layout.EVIDENCE}/([0-9a-f]{{32}})/([a-z.]+)", re.ASCII)
_NUMBERED = re.compile(rf"{layout.CHECKPOINTS}/([1-9][0-9]{{0,14}})", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def document(data: bytes) -> dict[str, Any]:
    """A canonical JSON object. Raises Unfit for any other form of the same words."""
    found = json.loads(data)
    if not isinstance(found, dict) or canonical(found) != data:
        raise Unfit("not an object in canonical form")
    return found


def manifests(run: Round) -> dict[str, str]:
    """Every manifest names originals that are there, and no original is without one. SHA-256 by id."""
    kept: dict[str, str] = {}
    with run.step("manifests") as said:
        ids = _ids(run)
        run.wanted(ids, "there is no evidence")
        originals = {
            n.removeprefix(_FILES).partition(".")[0]: size
            for n, size in run.source.sizes.items()
            if n.startswith(_FILES)
        }
        named: dict[str, int] = {}
        configs: set[str] = set()
        previous: dict[str, tuple[str, str]] = {}
        for one in ids:
            data = read(run.source, f"{layout.EVIDENCE}/{one}/manifest.json")
            kept[one] = sha256_of(data)
            try:
                told = document(data)
                why = manifest.unreadable(told)
                run.wanted(not why, f"{one}: its manifest cannot be judged: {why}")
                own = told["evidence_id"], told["origin"]
                run.wanted(own == (one, run.origin), f"{one}: its manifest is of another look or store")
                configs.add(str(told["target"]["config_sha256"]))
                named |= {str(file["sha256"]): int(file["size_bytes"]) for file in told["files"]}
                previous[one] = told["previous"]["evidence_id"], told["previous"]["manifest_sha256"]
            except (ValueError, TypeError, KeyError) as error:
                run.bad(f"{one}: its manifest cannot be read: {error}")
        for digest, size in named.items():
            run.wanted(
                originals.get(digest) == size, f"named, but not among the originals: {digest}, {size} bytes"
            )
        for digest in sorted(set(originals) - set(named)):
            run.bad(f"an original that no manifest names: {digest}")
        _targets(run, configs)
        for one, (before, digest) in previous.items():
            run.wanted(kept.get(before, digest) == digest, f"{one}: the look before it is another one")
        said.append(f"{len(kept)} manifests name {len(originals)} originals, each is there")
    return kept


def _targets(run: Round, named: set[str]) -> None:
    """The text of each target lies under its SHA-256, and a manifest names it."""
    for name in sorted(run.source.sizes):
        if name.startswith(f"{layout.TARGETS}/"):
            digest = name.removeprefix(f"{layout.TARGETS}/").removesuffix(".json")
            run.wanted(sha256_of(read(run.source, name)) == digest, f"{name} is not what it is named after")
            run.wanted(digest in named, f"{name}: a target that no manifest names")


def _ids(run: Round) -> list[str]:
    """The folders of evidence; each must have its five files."""
    found: dict[str, list[str]] = {}
    for name in sorted(run.source.sizes):
        if name.startswith(f"{layout.EVIDENCE}/"):
            match = _FOLDER.fullmatch(name)
            if match is None:
                run.bad(f"not a file of evidence: {name}")
            else:
                found.setdefault(match[1], []).append(match[2])
    for one, names in found.items():
        run.wanted(tuple(names) == _FIVE, f"{one} has not the five files it must have")
    return sorted(found)


def entries(run: Round, kept: dict[str, str]) -> dict[str, bytes]:
    """Every entry names its manifest. Leaf hashes by id."""
    leaves: dict[str, bytes] = {}
    with run.step("entries") as said:
        for one, digest in kept.items():
            data = read(run.source, f"{layout.EVIDENCE}/{one}/entry.json")
            told = document(data)
            own = told["kind"], told["evidence_id"], told["manifest_sha256"]
            run.wanted(own == ("evidence", one, digest), f"{one}: its entry does not name its manifest")
            leaves[one] = leaf_hash(data)
        said.append("every entry names the SHA-256 of its manifest")
    return leaves


def log(run: Round) -> list[bytes]:
    """All leaf hashes lead to the sealed root."""
    leaves: list[bytes] = []
    with run.step("log") as said:
        lines = read(run.source, layout.LEAVES).decode("ascii").split("\n")
        if lines.pop() or not all(map(_HASH.fullmatch, lines)):
            run.bad(f"{layout.LEAVES} is no list of hashes")
            return leaves
        leaves = [bytes.fromhex(line) for line in lines]
        run.wanted(len(leaves) == run.size, f"{len(leaves)} leaves, but the checkpoint is of {run.size}")
        root = Frontier().extend(leaves).root()
        run.wanted(root == run.root, "the leaves do not lead to the root in seal.txt")
        said.append(
            f"{run.size} leaves lead to the root {root.hex()}: no entry of the log was left out of this list "
            "of hashes (content is shown of some entries only)"
        )
    return leaves


def checkpoint(run: Round) -> str:
    """The checkpoint is signed and the one that the seal names; its note."""
    note = ""
    with run.step("checkpoint") as said:
        note = read(run.source, layout.CHECKPOINT).decode()
        text = notes.open_note(note, notes.log_name(run.origin), run.daemon)
        found = notes.read_checkpoint(text)
        own = found.origin, found.size, found.root
        run.wanted(
            own == (run.origin, run.size, run.root), "the checkpoint is not the one that seal.txt names"
        )
        said.append(f"the state of {found.size} entries is signed by the daemon's key")
    return note


def inclusion(run: Round, hashed: dict[str, bytes], leaves: list[bytes], note: str) -> None:
    """Every proof leads from its entry to that checkpoint."""
    with run.step("inclusion") as said:
        run.wanted(hashed, "there is no entry to look for")
        for one, leaf in hashed.items():
            try:
                proof = notes.read_proof(read(run.source, f"{layout.EVIDENCE}/{one}/proof.tlog"))
                leads = root_by_path(leaf, proof.index, run.size, proof.path) == run.root
                run.wanted(leads and proof.note == note, f"{one}: its proof does not lead to the checkpoint")
                run.wanted(leaves[proof.index] == leaf, f"{one}: its leaf is another in {layout.LEAVES}")
            except (NotNote, ValueError, IndexError) as error:
                run.bad(f"{one}: {error}")
        said.append("every piece of evidence is in the log")


def shown(run: Round, leaves: list[bytes]) -> dict[int, str]:
    """The entries that are shown hash to their leaves. The texts of those that do, by index."""
    found: dict[int, str] = {}
    with run.step("log entries") as said:
        lines = read(run.source, layout.ENTRIES).decode().split("\n")
        run.wanted(not lines.pop() and lines, f"{layout.ENTRIES} is cut or empty")
        before = -1
        for line in lines:
            told = json.loads(line)
            index, entry = told["index"], told["entry"]
            plain = json.dumps({"index": index, "entry": entry}, ensure_ascii=False, separators=(",", ":"))
            run.wanted(
                type(index) is int and index > before and plain == line,
                "an entry is not in its form or order",
            )
            holds = 0 <= index < len(leaves) and leaf_hash(entry.encode()) == leaves[index]
            run.wanted(holds, f"entry {index} does not hash to its leaf")
            before = index
            found |= {index: entry} if holds else {}
        said.append(f"{len(lines)} entries of the log hash to their leaves")
    return found


def consistency(run: Round, leaves: list[bytes], entries: dict[int, str]) -> dict[int, bytes]:
    """Every other checkpoint is a signed beginning of this log. Notes by size."""
    found: dict[int, bytes] = {}
    with run.step("consistency") as said:
        keys = [run.daemon, *old_keys(run, entries)]
        roots = _roots(leaves, {int(m[1]) for n in run.source.sizes if (m := _NUMBERED.fullmatch(n))})
        for name in sorted(n for n in run.source.sizes if n.startswith(f"{layout.CHECKPOINTS}/")):
            match = _NUMBERED.fullmatch(name)
            if match is None:
                run.bad(f"not a checkpoint: {name}")
                continue
            size = int(match[1])
            found[size] = read(run.source, name)
            state = _opened(run, found[size], keys)
            own = state is not None and (state.origin, state.size, state.root) == (
                run.origin,
                size,
                roots.get(size),
            )
            run.wanted(own, f"{name} is not a signed earlier state of this log")
            if state is not None and size < run.size:
                _grown(run, state)
        proofs = {n for n in run.source.sizes if n.startswith(f"{layout.CONSISTENCY}/")}
        wanted = {f"{layout.CONSISTENCY}/{size}-{run.size}" for size in found if size < run.size}
        run.wanted(proofs == wanted, "checkpoints and consistency proofs are not the same states")
        said.append(f"{len(found)} earlier or equal states are beginnings of this log")
    return found


def _roots(leaves: list[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The roots of the first so many leaves, in one pass."""
    frontier, roots = Frontier(), {}
    for leaf in leaves if sizes else ():
        frontier = frontier.append(leaf)
        if frontier.size in sizes:
            roots[frontier.size] = frontier.root()
    return roots


def _opened(run: Round, note: bytes, keys: list[bytes]) -> Checkpoint | None:
    """The checkpoint in a note by one of these keys, or None."""
    for public in keys:
        try:
            return notes.read_checkpoint(notes.open_note(note, notes.log_name(run.origin), public))
        except NotNote:
            continue
    return None


def _grown(run: Round, state: Checkpoint) -> None:
    name = f"{layout.CONSISTENCY}/{state.size}-{run.size}"
    proof = notes.read_consistency(read(run.source, name))
    sizes = proof.first, proof.second
    grown = check_consistency(state.size, run.size, state.root, run.root, proof.path)
    run.wanted(sizes == (state.size, run.size) and grown, f"{name} does not show that the log only grew")
