"""The web archive of a package as one file that a browser can open: WACZ 1.1.1.

    archive/nightjar.warc.gz    the WARC of the package
    indexes/index.cdx.gz, .idx  where each answer stands in it (cdxj.py), read from the WARC itself
    pages/pages.jsonl           one line per look at a post
    datapackage.json            every file by SHA-256; datapackage-digest.json: its own hash

The specification is Webrecorder's (specs.webrecorder.net/wacz/1.1.1). `signedData` is left out:
its two forms cannot name the key of this store, and the seal of the package covers the file.
Stored, not compressed, as the specification asks; the same package gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from storage.dossier import Casefile
from storage.errors import DamagedBlob
from storage.model import sha256_of
from storage.package import layout
from storage.package.cdxj import PRINTABLE, Capture, index
from storage.starred import shown_to_all

VERSION = "1.1.1"
_WARC = "archive/nightjar.warc.gz"
_CHUNK = 1 << 20
_MOST_TEXT = 20_000
_ROLES = ("page", "listing")
"""Where the text of a look was read: its own page, or the listing when it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One line of pages.jsonl. at: RFC 3339, the WARC-Date of the answer that is shown."""

    page_id: str
    url: str
    at: str
    title: str
    text: str = ""


def write_wacz(work: Path, package: layout.Package) -> None:
    """Write data/wacz/nightjar.wacz from the WARC of the package. Raises OSError, DamagedBlob."""
    target = work / layout.WACZ
    target.parent.mkdir(parents=True, exist_ok=True)
    files = shown_to_all(package.files, unmasked=package.meta.unmasked)  # titles and texts are no original
    pack(
        target,
        work / layout.WARC,
        [page for file in files if (page := _page(file)) is not None],
        at=package.meta.exported_at,
        about={
            "title": f"Nightjar {package.meta.case or package.origin}",
            "description": "Answers to public requests, as received. The package's seal covers this file.",
            "software": package.meta.software,
        },
    )


def pack(target: Path, warc: Path, pages: Sequence[Page], *, at: datetime, about: Mapping[str, str]) -> None:
    """Write a WACZ over one WARC. about: further fields of datapackage.json. Raises OSError, DamagedBlob."""
    blocks, places = index(captures_of(warc), Path(_WARC).name)
    parts = {
        "indexes/index.cdx.gz": blocks,
        "indexes/index.idx": places,
        "pages/pages.jsonl": page_list(pages),
    }
    resources = [_resource(_WARC, *_measured(warc))]
    resources += [_resource(path, sha256_of(data), len(data)) for path, data in parts.items()]
    datapackage = _json(
        {
            "profile": "data-package",
            "wacz_version": VERSION,
            **about,
            "created": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "resources": resources,
        }
    )
    digest = _json({"path": "datapackage.json", "hash": f"sha256:{sha256_of(datapackage)}"})
    parts |= {"datapackage.json": datapackage, "datapackage-digest.json": digest}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        # The size is told first: a Zip64 field in the local header, where none is needed, leads
        # ReplayWeb.page to the wrong bytes (measured with 2.4.6).
        largest = _entry(_WARC, at)
        largest.file_size = warc.stat().st_size
        with warc.open("rb") as source, archive.open(largest, "w") as out:
            shutil.copyfileobj(source, out, _CHUNK)
        for path, data in parts.items():
            archive.writestr(_entry(path, at), data)


def captures_of(warc: Path) -> tuple[Capture, ...]:
    """Every answer in a WARC with its place. Raises DamagedBlob when it cannot be read, OSError."""
    try:
        with warc.open("rb") as source, warc.open("rb") as again:
            return tuple(_captures(ArchiveIterator(source), again))
    except (ArchiveLoadFailed, ValueError, EOFError, zlib.error) as error:
        raise DamagedBlob(warc.name, f"the web archive cannot be read: {error}") from error


def _captures(records: ArchiveIterator, again: BinaryIO) -> Iterator[Capture]:
    offset = size_bytes = 0
    for record in records:
        kind, head = record.rec_type, record.rec_headers
        records.read_to_end(record)
        offset, size_bytes = records.get_record_offset(), records.get_record_length()
        if kind != "response" or record.http_headers is None:
            continue
        again.seek(offset)
        yield Capture(
            url=head.get_header("WARC-Target-URI"),
            at=head.get_header("WARC-Date"),
            mime=_mime(record.http_headers.get_header("Content-Type", "")),
            status=record.http_headers.get_statuscode(),
            payload_digest=head.get_header("WARC-Payload-Digest"),
            record_digest=f"sha256:{sha256_of(again.read(size_bytes))}",
            offset=offset,
            size_bytes=size_bytes,
        )
    # The reader says nothing of an archive that is cut.
    last = zlib.decompressobj(zlib.MAX_WBITS + 16)
    again.seek(offset)
    last.decompress(again.read())
    if not last.eof or last.unused_data:
        raise ValueError("it does not end with a whole record")


def _mime(content_type: str) -> str:
    return content_type.split(";", 1)[0].strip().lower() or "unk"


def page_list(pages: Iterable[Page]) -> bytes:
    """The text of pages.jsonl."""
    lines = [_line({"format": "json-pages-1.0", "id": "pages", "title": "Every look at a post"})]
    for page in pages:
        facts = {"id": page.page_id, "url": page.url, "ts": page.at, "title": page.title, "text": page.text}
        lines.append(_line(facts))
    return b"".join(lines)


def _page(file: Casefile) -> Page | None:
    """The line of one look; None when nothing came in which the post could be shown."""
    try:
        exchanges = json.loads(file.manifest)["exchanges"]
        found = {
            str(e["role"]): (str(e["url"]), str(e["first_byte_at"] or e["started_at"])) for e in exchanges
        }
    except (ValueError, KeyError, TypeError) as error:
        name = str(file.evidence.manifest_sha256)
        raise DamagedBlob(name, f"the manifest is not of its form: {error!r}") from error
    shown = next((found[role] for role in _ROLES if role in found), None)
    if shown is None:
        return None
    post, url = file.evidence.post, quote(shown[0], safe=PRINTABLE)
    title = f"{file.evidence.observation.value}: {post.title or post.post_id}"
    page_id = str(file.evidence.evidence_id)
    return Page(page_id=page_id, url=url, at=shown[1], title=title, text=post.text[:_MOST_TEXT])


def _resource(path: str, sha256: str, size_bytes: int) -> dict[str, str | int]:
    return {"name": Path(path).name, "path": path, "hash": f"sha256:{sha256}", "bytes": size_bytes}


def _measured(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def _entry(path: str, at: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, at.timetuple()[:6])
    entry.create_system, entry.external_attr = 3, 0o100644 << 16
    return entry


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def _line(facts: Mapping[str, str]) -> bytes:
    return json.dumps(facts, ensure_ascii=False).encode() + b"\n"
