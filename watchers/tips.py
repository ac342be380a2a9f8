"""A page that somebody reports: captured at once, through the same fetching, guard and manners as all.

No target stands behind it, so nothing is polled; the post is judged like any other. What has not
come within `TIP_S` is noted as absent.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime

from storage.errors import FeedTrouble
from storage.model import Authority, Evidence, HostLimit, Observation, Post, Target, Watched
from watchers.capture import Capture, Errand, run_within
from watchers.feed import load
from watchers.kit import Kit, kept_row, seal

TIP_S = 60.0
"""Seconds for page and pictures; sealing comes after. Whoever reported it is answered before that."""
TARGET = "tips"
_KIND = "html"


async def capture(kit: Kit, url: str, who: str, limit: HostLimit, asked_at: datetime) -> Evidence:
    """Capture an address now. Raises FeedTrouble when its page cannot be had, StoreError.

    What was captured of it since it was asked for is given as it is: a stop came before that was written
    down.
    """
    now, feed = kit.clock.now(), load(_KIND)
    target = Target(
        name=TARGET,
        kind=_KIND,
        url=url,
        authority=Authority(legal_basis="reported page", authorised_by=who, review_after=date.max),
        rules=feed.Settings(),
        host_limit=limit,
    )
    post = Post(post_id=hashlib.sha256(url.encode()).hexdigest()[:24], url=url)
    before = await kit.store.known(TARGET, [post.post_id])
    row = before.get(post.post_id)
    if row is not None and row.evidence_id:
        kept = await kit.store.evidence(row.evidence_id)
        if kept.captured_at >= asked_at:
            return kept
    observation = Observation.SEEN if row is None or not row.evidence_id else Observation.CHANGED
    errand = Errand(
        target=target,
        feed=feed,
        post=post,
        observation=observation,
        listing=None,
        listed_at=now,
        previous=row.evidence_id if row is not None else "",
    )
    job = Capture(errand, kit.fetches, kit.readers, kit.clock)
    snapshot = await run_within(job, TIP_S)
    if snapshot.page is None:
        raise FeedTrouble(url, "; ".join(snapshot.absences) or "the page did not come", retry_after_s=60.0)
    first = row or Watched(
        target=TARGET,
        post_id=post.post_id,
        url=url,
        digest="",
        evidence_id="",  # type: ignore[arg-type]  # filled in by the seal
        first_seen_at=now,
        last_seen_at=now,
    )
    evidence = await seal(kit, snapshot, kept_row(first, job))
    await kit.submit(evidence)
    return evidence
