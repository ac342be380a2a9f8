"""The manifest of one sealed look: every byte by hash, every fact, no inference.

Pure: a snapshot in, canonical JSON and the files it names out. The format is specified in
docs/evidence.md and schema/manifest.schema.json; change these, `VERSION` and this file
together. What is not known says "absent: why". Not here: one exchange (exchanges.py).
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from storage.clock import ClockFacts, local_zone
from storage.codec import Plain, canonical, stamp
from storage.collection import Collection, collection_facts, dependencies, software_facts
from storage.exchanges import Files, exchanges_of
from storage.model import (
    Lifetime,
    Observation,
    Picture,
    PictureCapture,
    Post,
    Response,
    Sha256,
    Snapshot,
    Watched,
    sha256_of,
)

FORMAT = "nightjar-evidence"
VERSION = 2
READABLE = (1, 2)
"""Versions that this program checks."""
SCHEMA = Path(__file__).parent / "schema" / "manifest.schema.json"
"""The published JSON Schema of version 2."""
NOT_PROVEN = (
    (
        "That the site, or the named seller, published these bytes: TLS does not sign content. "
        "What is recorded is that this program received them over the named connection at the named times."
    ),
    (
        "That the post held nothing else: only what was asked for was received; what is known to be "
        "missing stands under absences."
    ),
    "That the clock of this machine was right: times are its own unless a timestamp says otherwise.",
    (
        "Fields under post and account are a reading of the files, or in a missing look of the files of "
        "the looks before it; the files themselves are the evidence."
    ),
)
_CONTEXT: dict[str, Plain] = {
    "parent_thread": "absent: not asked for; what the page shows of it is in the page",
    "seller_profile": "absent: not asked for",
    "matches": "absent: an inference; it stands apart, in the verdict",
}
_CONTENT: dict[str, Plain] = {
    "rendering": "absent: no browser is run; pages are kept as received",
    "extracted_text": "post.text",
    "perceptual_hashes": "absent: derived afterwards from the picture files",
}
_INTEGRITY: dict[str, Plain] = {
    "log_entry": "absent: the entry of kind evidence names this manifest's SHA-256",
    "signatures": "absent: checkpoints of the log are signed, not single manifests",
    "timestamps": "absent: tokens are asked for over checkpoints of the log",
}
_NOT_LISTED = "absent: this look came from no listing that showed the post"
_REPEATED = "absent: the post is no longer shown; post and account repeat what was last read of it"
_METHOD = "HTTP GET as an anonymous visitor: no log-in of a person, no cookie jar, no scripts run"
MOST_PICTURES = 4_096
"""Pictures of one look that are listed as such; more are kept as files only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What sealing knows beyond the snapshot. previous_manifest: hash of the one it follows, or "".

    clock: facts of the clock of all times. watched: the vigil's row of the post, or None.
    """

    evidence_id: str
    origin: str
    salt: str
    sealed_at: datetime
    monotonic_s: float
    clock: ClockFacts
    collection: Collection = field(default_factory=Collection)
    previous_manifest: str = ""
    lifetime: Lifetime | None = None
    watched: Watched | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The manifest's bytes with all files to keep, the manifest among them."""

    manifest: bytes
    manifest_sha256: Sha256
    files: dict[Sha256, bytes]
    pictures: tuple[Picture, ...]
    page_sha256: str
    listing_sha256: str
    absences: tuple[str, ...]


def unreadable(document: Mapping[str, object]) -> str:
    """Why this program cannot say what a manifest means, or ""; a later form may mean something else."""
    form, version = document.get("format"), document.get("version")
    if form == FORMAT and version in READABLE:
        return ""
    return f"it is {str(form)[:40]} version {str(version)[:20]}, which this program does not know"


def build(snapshot: Snapshot, about: Circumstances) -> Sealed:
    """The manifest of a snapshot. CPU: hashes all bytes once, so call it in a thread."""
    files = Files()
    exchanges = [told for role, answer in _answers(snapshot) for told in exchanges_of(role, answer, files)]
    files.keep("dependencies", dependencies())
    pictures = _pictures(snapshot.pictures, files)
    absences = (*snapshot.absences, *_picture_absences(snapshot.pictures))
    document: dict[str, Plain] = {
        **_heading(snapshot, about),
        "access": _access(exchanges),
        "post": post_facts(snapshot.post),
        "account": _account(snapshot.post),
        "platform_time": _platform_time(snapshot.post),
        "pictures": [[p.sha256, p.url, p.size_bytes] for p in pictures],
        "exchanges": list(exchanges),
        "files": files.roles,
        "context": {"listing": _listing(snapshot), **_CONTEXT},
        "content": _content(snapshot),
        "integrity": _INTEGRITY,
        "absences": list(absences),
        "not_proven": list(NOT_PROVEN),
    }
    manifest = canonical(document)
    name = sha256_of(manifest)
    return Sealed(
        manifest=manifest,
        manifest_sha256=name,
        files={**files.blobs, name: manifest},
        pictures=pictures,
        page_sha256=_body_name(snapshot.page, files),
        listing_sha256=_body_name(snapshot.listing, files),
        absences=absences,
    )


def _heading(snapshot: Snapshot, about: Circumstances) -> dict[str, Plain]:
    zone = local_zone(about.sealed_at)
    return {
        "format": FORMAT,
        "version": VERSION,
        "evidence_id": about.evidence_id,
        "origin": about.origin,
        "salt": about.salt,
        "software": software_facts(),
        "collection": {**collection_facts(about.collection, zone), "clock": clock_facts(about.clock)},
        "target": {
            "name": snapshot.target,
            "config_sha256": snapshot.target_digest,
            "kind": snapshot.feed_kind or "absent: not told",
            "url": snapshot.feed_url or "absent: not told",
        },
        "robots_override": snapshot.robots_override,
        "observation": snapshot.observation.value,
        "previous": {"evidence_id": snapshot.previous, "manifest_sha256": about.previous_manifest},
        "lifetime": lifetime_facts(about.lifetime),
        "life_cycle": _life_cycle(about.watched),
        "times": {
            "listed_at": stamp(snapshot.listed_at) if shown_by_listing(snapshot) else _NOT_LISTED,
            "captured_at": stamp(snapshot.captured_at),
            "sealed_at": stamp(about.sealed_at),
            "sealed_monotonic_us": round(about.monotonic_s * 1_000_000),
        },
    }


def shown_by_listing(snapshot: Snapshot) -> bool:
    """Whether the look came from a listing that showed the post: not from its own page, not its absence."""
    return snapshot.listing is not None and snapshot.observation is not Observation.MISSING


def _content(snapshot: Snapshot) -> dict[str, Plain]:
    if snapshot.observation is not Observation.MISSING:
        return _CONTENT
    return {**_CONTENT, "extracted_text": _REPEATED}


def clock_facts(clock: ClockFacts) -> dict[str, Plain]:
    """Source and offset of the clock; integers are microseconds."""
    absent = f"absent: {clock.absent or 'not known'}"
    known = clock.synchronised is not None
    return {
        "source": clock.source,
        "read_at": stamp(clock.read_at),
        "synchronised": ("yes" if clock.synchronised else "no") if known else absent,
        "offset_us": absent if clock.offset_us is None else clock.offset_us,
        "max_error_us": absent if clock.max_error_us is None else clock.max_error_us,
    }


def _life_cycle(watched: Watched | None) -> Plain:
    """What the vigil knew of the post when this look was sealed."""
    if watched is None:
        return "absent: the post had no row in the vigil"
    return {
        "first_seen_at": stamp(watched.first_seen_at),
        "last_seen_at": stamp(watched.last_seen_at),
        "first_missing_at": _stamp_or(watched.first_missing_at, "absent: not missing"),
        "missing_looks": watched.missing_looks,
        "looks": watched.looks,
    }


def _access(exchanges: list[dict[str, Plain]]) -> Plain:
    """How the files were reached, step by step, for readers: the exchanges in order of time."""
    steps = sorted(
        (str(told["started_at"]), str(told["role"]), f"GET {told['url']} answered {told['status']}")
        for told in exchanges
    )
    agents = sorted({agent for told in exchanges if (agent := _agent(str(told["request_base64"])))})
    return {
        "method": _METHOD,
        "user_agent": [*agents] or "absent: no request head was kept",
        "steps": [f"{at} {role}: {what}" for at, role, what in steps] or "absent: nothing was received",
    }


def _agent(request_base64: str) -> str:
    head = b64decode(request_base64)
    at = head.lower().find(b"\r\nuser-agent:")
    return head[at + 13 :].partition(b"\r\n")[0].strip().decode("latin-1") if at >= 0 else ""


def post_facts(post: Post) -> dict[str, Plain]:
    """A post as plain strings; times as RFC 3339, "" when not known."""
    return {
        "post_id": post.post_id,
        "url": post.url,
        "title": post.title,
        "text": post.text,
        "seller": post.seller,
        "seller_url": post.seller_url,
        "price": post.price,
        "location": post.location,
        "posted_raw": post.posted_raw,
        "posted_at": _stamp_or(post.posted_at, ""),
        "edited": "yes" if post.edited else "no",
        "pictures": [{"url": p.url, "role": p.role, "alt": p.alt, "key": p.key} for p in post.pictures],
        "extra": [[name, value] for name, value in post.extra],
    }


def _account(post: Post) -> Plain:
    named = dict(post.extra)
    return {
        "handle": post.seller or "absent: the feed shows none",
        "url": post.seller_url or "absent: the feed shows none",
        "id": named.get("seller_id") or named.get("account_id") or "absent: the feed shows none",
    }


def _platform_time(post: Post) -> Plain:
    unread = "absent: not understood" if post.posted_raw else "absent: the site shows none"
    return {
        "posted_raw": post.posted_raw or "absent: the site shows none",
        "posted_at": _stamp_or(post.posted_at, unread),
    }


def _listing(snapshot: Snapshot) -> str:
    return (
        "exchange listing" if snapshot.listing is not None else "absent: this look asked the post's own page"
    )


def lifetime_facts(lifetime: Lifetime | None) -> dict[str, Plain]:
    """A lifetime as plain strings and integers; {} when there is none."""
    if lifetime is None:
        return {}
    return {
        "last_seen_at": stamp(lifetime.last_seen_at),
        "first_missing_at": _stamp_or(lifetime.first_missing_at, ""),
        "confirmations": lifetime.confirmations,
        "missing_class": lifetime.missing_class,
        "control": lifetime.control,
    }


def _answers(snapshot: Snapshot) -> Iterable[tuple[str, Response]]:
    if snapshot.listing is not None:
        yield "listing", snapshot.listing
    if snapshot.page is not None:
        yield "page", snapshot.page
    for number, picture in enumerate(snapshot.pictures, 1):
        if picture.response is not None:
            yield f"picture-{number}", picture.response


def _picture_absences(pictures: tuple[PictureCapture, ...]) -> Iterable[str]:
    for number, picture in enumerate(pictures, 1):
        if picture.response is None or picture.absent:
            yield f"picture-{number} {picture.ref.url}: {picture.absent or 'not fetched'}"


def _pictures(captures: tuple[PictureCapture, ...], files: Files) -> tuple[Picture, ...]:
    """The pictures whose bytes came, in order."""
    found = tuple(
        Picture(sha256=files.name(c.response.body), url=c.ref.url, size_bytes=len(c.response.body))
        for c in captures
        if c.response is not None and c.response.body
    )
    return found[:MOST_PICTURES]


def _body_name(answer: Response | None, files: Files) -> str:
    return files.name(answer.body) if answer is not None and answer.body else ""


def _stamp_or(value: datetime | None, instead: str) -> str:
    return instead if value is None else stamp(value)
