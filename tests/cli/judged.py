"""A store of posts that were really judged, for commands that judge again or learn from what was judged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from storage.clock import Clock
from storage.model import (
    Alert,
    Judgement,
    Picture,
    PictureCapture,
    PictureMatch,
    PictureRef,
    Post,
    Sha256,
    Tier,
    sha256_of,
)
from storage.store import Store
from tests.cli.kept import START, StillClock, answer, snapshot
from watchers.detect.score import judge
from watchers.lexicon import Lexicon


@dataclass(frozen=True)
class Said:
    """One post: what it says, who says it, and the picture beside it (b"" for none)."""

    text: str
    seller: str = "lao12"
    picture: bytes = b""
    at: datetime = START


async def keep(
    store: Store, number: int, said: Said, lexicon: Lexicon, seen: dict[bytes, str]
) -> Alert | None:
    """Seal, judge and record a post, as the watch would. seen: evidence by picture, so far."""
    url = f"https://market.example/{number}"
    refs = (PictureRef(url=f"{url}.jpg"),) if said.picture else ()
    post = Post(post_id=f"n{number}", url=url, text=said.text, seller=said.seller, pictures=refs)
    captured = tuple(PictureCapture(ref=ref, response=answer(said.picture)) for ref in refs)
    plain = snapshot(replace(post, pictures=()))
    sealed = await store.seal(
        replace(plain, post=post, pictures=captured, captured_at=said.at, listed_at=said.at)
    )
    sha256 = sha256_of(said.picture)
    pictures = (Picture(sha256=sha256, phash=sha256[:16], dhash="0" * 16),) if said.picture else ()
    known = await store.evidence(seen[said.picture]) if said.picture and said.picture in seen else None
    matches = () if known is None else (await _match(store, sha256, known.evidence_id),)
    verdict = judge(post, pictures, matches, lexicon, 22)
    seen.setdefault(said.picture, sealed.evidence_id)
    judgement = Judgement(
        evidence=sealed, verdict=verdict, pictures=pictures, matches=matches, judged_at=said.at
    )
    return await store.record(judgement, announce=())


async def _match(store: Store, sha256: Sha256, known: str) -> PictureMatch:
    sql = "SELECT tier FROM verdict v JOIN observation o ON o.seq = v.seq WHERE o.evidence_id = ?"
    (row,) = await store.vault.database.rows(sql, (known,))
    return PictureMatch(
        sha256=sha256, known=known, known_sha256=sha256, distance_bits=0, known_tier=Tier(row[0])
    )


def fill(folder: Path, posts: Sequence[Said], clock: Clock | None = None) -> list[str]:
    """Keep these posts in a new store; the ids of the alerts they raised ("" for none)."""

    async def filling() -> list[str]:
        store = await Store.open(folder, clock or StillClock())
        try:
            lexicon, seen, told = Lexicon.load(), dict[bytes, str](), []
            for number, said in enumerate(posts):
                alert = await keep(store, number, said, lexicon, seen)
                told.append("" if alert is None else str(alert.alert_id))
            return told
        finally:
            await store.close()

    return asyncio.run(filling())


def later(minutes: float) -> datetime:
    """So many minutes into the night."""
    return START + timedelta(minutes=minutes)
