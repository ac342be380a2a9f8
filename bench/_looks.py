"""Made-up looks at made-up posts, for the benches and tests of the store. Not real evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.model import (
    Connection,
    Evidence,
    EvidenceId,
    Judgement,
    Observation,
    PictureCapture,
    PictureRef,
    Post,
    Reason,
    Response,
    Snapshot,
    Tier,
    Verdict,
    Watched,
)

TARGET = "market"
CERTIFICATE = b"0\x82 a certificate in DER form"


@contextmanager
def data_folder() -> Iterator[Path]:
    """A data folder that is gone afterwards."""
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        yield Path(name) / "data"


def bytes_of(seed: str, size: int) -> bytes:
    """`size` bytes that look like a compressed picture and are the same for the same seed."""
    return hashlib.shake_128(seed.encode()).digest(size)


def answer(url: str, body: bytes, at: datetime) -> Response:
    """A whole answer over HTTP/1.1 with its exact wire bytes."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return Response(
        url=url,
        requested_url=url,
        status=200,
        reason="OK",
        headers=(("Content-Length", str(len(body))),),
        body=body,
        wire=head + body,
        wire_request=f"GET {url} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode(),
        framing="exact",
        connection=Connection(peer="192.0.2.7:443", tls_version="TLSv1.3", certificate_der=CERTIFICATE),
        started_at=at,
        first_byte_at=at,
        ended_at=at,
        elapsed_s=0.25,
    )


def post(post_id: str, *, pictures: int = 1) -> Post:
    """A post with a Chinese and an English word of the trade."""
    url = f"https://example.org/{post_id}"
    refs = tuple(PictureRef(url=f"{url}/{n}.jpg") for n in range(pictures))
    return Post(
        post_id=post_id,
        url=url,
        title=f"血料手串 {post_id}",
        text=f"XY jelly, number {post_id}",
        seller="夜市老王",
        price="¥1,200",
        posted_raw="3分钟前",
        pictures=refs,
    )


def look(
    post_id: str,
    at: datetime,
    *,
    pictures: int = 1,
    picture_bytes: int = 2_000,
    observation: Observation = Observation.SEEN,
    previous: str = "",
) -> Snapshot:
    """A whole snapshot: listing, page and pictures, all with wire bytes."""
    words = post(post_id, pictures=pictures)
    captures = tuple(
        PictureCapture(ref=ref, response=answer(ref.url, bytes_of(f"{at}{ref.url}", picture_bytes), at))
        for ref in words.pictures
    )
    return Snapshot(
        target=TARGET,
        target_digest="0" * 64,
        observation=observation,
        post=words,
        listing=answer("https://example.org/", b"<ul><li>listing of the minute</ul>", at),
        page=answer(words.url, f"<p>{words.title} {at}".encode() + bytes_of(words.url, 3_000), at),
        pictures=captures,
        listed_at=at,
        captured_at=at,
        previous=previous,
    )


def watched(post_id: str, at: datetime) -> Watched:
    """The vigil row of a post seen once at `at`."""
    return Watched(
        target=TARGET,
        post_id=post_id,
        url=f"https://example.org/{post_id}",
        digest="0" * 64,
        evidence_id=EvidenceId(""),
        first_seen_at=at,
        last_seen_at=at,
        next_look_at=at,
    )


def verdict(tier: Tier = Tier.HIGH) -> Verdict:
    """A verdict of that tier with one reason and one contact."""
    return Verdict(
        score={"urgent": 95, "high": 75, "normal": 45, "none": 5}[tier.value],
        tier=tier,
        reasons=(Reason(kind="term", what="blood amber", weight=60.5, span="血料", detail="tier 2"),),
        products=("hornbill",),
        lexicon_version="7",
        contacts=("phone:138-0013-8000", "wx:yeshi_laowang"),
    )


def judgement(evidence: Evidence, at: datetime, tier: Tier = Tier.HIGH) -> Judgement:
    """A judgement with a perceptual hash for every picture."""
    pictures = tuple(
        replace(p, width=640, height=480, format="JPEG", phash=p.sha256[:16], dhash=p.sha256[16:32])
        for p in evidence.pictures
    )
    return Judgement(evidence=evidence, verdict=verdict(tier), pictures=pictures, judged_at=at)
