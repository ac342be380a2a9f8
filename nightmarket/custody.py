"""Reads what the daemon keeps as a stranger would: files by hash, and the manifests among them.

Follows docs/evidence.md only. Every file is hashed again; a file that does not hash to
its name is damaged, and nothing that it says or holds is counted for the daemon.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nightmarket.exports import Held

_NAME = re.compile(r"[0-9a-f]{64}\Z")
FORMAT = b'"format":"nightjar-evidence"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """Whole files by hash with their sizes, damaged ones by name, manifests by evidence id."""

    sizes: Mapping[str, int]
    damaged: tuple[str, ...]
    manifests: Mapping[str, Mapping[str, object]]


def inspect(folder: Path) -> Custody:
    """Hash every file of a data folder that is named by a hash."""
    sizes: dict[str, int] = {}
    damaged: list[str] = []
    manifests: dict[str, Mapping[str, object]] = {}
    for path in _named_by_hash(folder):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != path.name:
            damaged.append(path.name)
            continue
        sizes[path.name] = len(data)
        if data[:1] == b"{" and FORMAT in data:
            manifest = json.loads(data)
            manifests[str(manifest["evidence_id"])] = manifest
    return Custody(sizes=sizes, damaged=tuple(damaged), manifests=manifests)


def _named_by_hash(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            if _NAME.match(name):
                yield Path(root) / name


def held(found: list[Mapping[str, object]], custody: Custody) -> tuple[list[Held], list[str]]:
    """The evidence that `find` names, as its manifests prove it; and ids whose files are not whole."""
    pieces, broken = [], []
    for row in found:
        manifest = custody.manifests.get(str(row["evidence_id"]))
        if manifest is None or not _is_whole(manifest, custody):
            broken.append(str(row["evidence_id"]))
            continue
        pieces.append(_held(row, manifest))
    return sorted(pieces, key=lambda h: h.captured_at), broken


def _is_whole(manifest: Mapping[str, object], custody: Custody) -> bool:
    files = manifest.get("files")
    if not isinstance(files, list):
        return False
    return all(custody.sizes.get(file["sha256"]) == file["size_bytes"] for file in files)


def _held(row: Mapping[str, object], manifest: Mapping[str, object]) -> Held:
    post, times, life = (_table(manifest, name) for name in ("post", "times", "lifetime"))
    bodies = {str(f["role"]): str(f["sha256"]) for f in _list(manifest, "files")}
    return Held(
        evidence_id=str(manifest["evidence_id"]),
        target=str(_table(manifest, "target")["name"]),
        post_id=str(post["post_id"]),
        url=str(post["url"]),
        observation=str(manifest["observation"]),
        captured_at=_moment(times["captured_at"]),
        title=str(post["title"]),
        text=str(post["text"]),
        page_sha256=bodies.get("page", ""),
        listing_sha256=bodies.get("listing", ""),
        pictures=tuple(sha for role, sha in bodies.items() if re.fullmatch(r"picture-\d+", role)),
        tier=str(row["tier"]),
        item_id=str(row["item_id"] or ""),
        last_seen_at=_moment(life["last_seen_at"]) if life.get("last_seen_at") else None,
        first_missing_at=_moment(life["first_missing_at"]) if life.get("first_missing_at") else None,
    )


def _table(manifest: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = manifest.get(name)
    return value if isinstance(value, dict) else {}


def _list(manifest: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    value = manifest.get(name)
    return value if isinstance(value, list) else []


def _moment(text: object) -> datetime:
    return datetime.fromisoformat(str(text))
