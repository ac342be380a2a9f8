"""A small, real package to look into: two posts, one hostile that vanished, with real pictures."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from PIL import Image

from bench._looks import answer, judgement, look, watched
from storage import cases
from storage.cases import Act, Order
from storage.model import (
    Lifetime,
    Observation,
    PictureCapture,
    PictureRef,
    Presence,
    Reason,
    Sighting,
    Tier,
)
from storage.package import gather
from storage.package.layout import Meta, Package
from storage.store import Store
from tests.storage.kit import HandClock

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e</bdi>\"'&"
PHONE = "138-0013-8000"


def picture(colour: str, size: tuple[int, int] = (640, 480)) -> bytes:
    """A JPEG of one colour."""
    made = io.BytesIO()
    Image.new("RGB", size, colour).save(made, "JPEG")
    return made.getvalue()


async def two_posts(store: Store, clock: HandClock) -> tuple[str, str]:
    """Evidence of a post that vanished, and of one that is up, both in case 2026-17."""
    at = clock.now()
    shots = tuple(
        PictureCapture(
            ref=PictureRef(url=f"https://e.org/{n}.jpg"),
            response=answer(f"https://e.org/{n}.jpg", data, at),
        )
        for n, data in enumerate((picture("sienna"), picture("gold", (200, 900)), b"\xff\xd8\xff no picture"))
    )
    snapshot = look("1", at, pictures=0)
    words = replace(
        snapshot.post,
        title="血料 horn " + HOSTILE,
        text=f"=cmd|' /C calc'!A0\n犀角 for sale, tel {PHONE}, 微信 horn_dealer88\n{HOSTILE}",
        seller=HOSTILE,
        price="-9,000",
    )
    first = await store.seal(replace(snapshot, post=words, pictures=shots), watched=watched("1", at))
    judged = judgement(first, clock.tick(), Tier.URGENT)
    reasons = tuple(
        Reason(kind="contact", what=kind, weight=5.0, span=value, detail=value)
        for kind, value in (("phone", "+8613800138000"), ("wechat", "horn_dealer88"))
    )
    contacts = ("phone:+8613800138000", "wechat:horn_dealer88")
    verdict = replace(judged.verdict, contacts=contacts, reasons=(*judged.verdict.reasons, *reasons))
    await store.record(replace(judged, verdict=verdict), announce=("chat",))
    for presence in (Presence.ALIVE, Presence.HOST_DOWN, Presence.GONE_404, Presence.GONE_404):
        look_ = Sighting(
            target="market", post_id="1", looked_at=clock.tick(60), presence=presence, status=404,
            control="https://e.org/2 alive", why=HOSTILE,
        )  # fmt: skip
        await store.add_sightings([look_])
    life = Lifetime(
        last_seen_at=at + timedelta(seconds=60), first_missing_at=at + timedelta(seconds=180),
        confirmations=3, missing_class="404", control="https://e.org/2 alive",
    )  # fmt: skip
    gone = replace(look("1", clock.now(), pictures=0), observation=Observation.MISSING, post=words)
    await store.seal(replace(gone, previous=first.evidence_id), announce=("chat",), lifetime=life)
    other = await store.seal(look("2", clock.tick(), pictures=1))
    new = Order(act=Act.NEW, number="2026-17", officer="badge 12", title="角 horn", legal_basis="Art. 341")
    await cases.apply(store.vault, new)
    ids = (first.evidence_id, other.evidence_id)
    await cases.apply(store.vault, Order(act=Act.ADD, number="2026-17", officer="b", evidence=ids))
    return ids


async def package_of(store: Store, clock: HandClock, work: Path, *, unmasked: bool = False) -> Package:
    """The package of both posts, with its originals lying in `work`."""
    await two_posts(store, clock)
    chosen = await cases.select(store, ["2026-17"])
    meta = Meta(
        exported_at=clock.now(), software="nightjar-watch", officer="badge 12", why="for the prosecutor",
        legal_basis="Art. 341", case="2026-17", unmasked=unmasked,
    )  # fmt: skip
    wanted = await gather.with_chains(store, chosen.evidence_ids)
    package, _ = await gather.gather(store, wanted, meta, chosen.cases, lambda: None)
    for original in package.originals.values():
        path = work / original.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.blobs.load(original.sha256))
    return package
