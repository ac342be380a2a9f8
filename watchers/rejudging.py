"""What other words or another model would have said of what is kept. Reads, tells, writes nothing.

A look is judged by what was kept of it: the post as read, the hashes of its pictures, and what
these resembled then. Whether the resembled picture was loud is taken from the new verdicts as
far as they reach, in the order of sealing, as the watch itself would have had it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from storage.looks import Look
from storage.model import Reason, Target, Tier, Verdict
from storage.threads import in_thread
from watchers.detect.byname import name_told, with_name
from watchers.detect.history import KIND
from watchers.detect.unspoken import is_told_for_it, with_silence
from watchers.detect.whole import judge_whole
from watchers.lexicon import Lexicon

if TYPE_CHECKING:
    from watchers.detect.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A post that would be louder or quieter: its loudest look now. gained, lost: reasons that weigh."""

    look: Look
    before: Verdict
    after: Verdict
    gained: tuple[Reason, ...]
    lost: tuple[Reason, ...]

    @property
    def is_up(self) -> bool:
        """Whether it would be louder than it was."""
        return self.after.tier.rank < self.before.tier.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejudged:
    """What came of it. rescored: posts of the same tier with another score."""

    looks: int
    posts: int
    rescored: int
    changed: tuple[Changed, ...]
    lexicons_before: tuple[str, ...]


@dataclass(slots=True)
class _Post:
    """The loudest look of a post before and now."""

    before: Look
    after: Look
    verdict: Verdict


async def rejudged(
    pages: AsyncIterator[tuple[Look, ...]],
    lexicon: Lexicon,
    model: Model | None,
    targets: Mapping[str, Target],
    told: Callable[[int], None],
) -> Rejudged:
    """Judge every look again. targets: by name. told: gets the number of looks of each page."""
    posts: dict[str, _Post] = {}
    tiers: dict[str, Tier] = {}
    versions: dict[str, None] = {}
    looks = 0
    async for page in pages:
        verdicts = await in_thread(_judged, page, lexicon, model, targets, tiers)
        for look, verdict in zip(page, verdicts, strict=True):
            _take_in(posts, look, verdict)
            versions[look.verdict.lexicon_version] = None
        looks += len(page)
        told(len(page))
    changed = [_changed(post) for post in posts.values() if post.verdict.tier is not post.before.verdict.tier]
    changed.sort(key=lambda c: (c.after.tier.rank, -c.after.score, c.look.evidence.leaf_index))
    rescored = sum(
        p.verdict.tier is p.before.verdict.tier and p.verdict.score != p.before.verdict.score
        for p in posts.values()
    )
    return Rejudged(
        looks=looks,
        posts=len(posts),
        rescored=rescored,
        changed=tuple(changed),
        lexicons_before=tuple(versions),
    )


def _judged(
    page: Iterable[Look],
    lexicon: Lexicon,
    model: Model | None,
    targets: Mapping[str, Target],
    tiers: dict[str, Tier],
) -> list[Verdict]:
    """Verdicts on these looks; `tiers` gets each by its evidence."""
    found = []
    for look in page:
        evidence = look.evidence
        target = targets.get(evidence.target)
        hour = evidence.captured_at.astimezone(ZoneInfo(target.window.zone)).hour if target else None
        matches = tuple(replace(m, known_tier=tiers.get(m.known, m.known_tier)) for m in look.matches)
        history = [reason for reason in look.verdict.reasons if reason.kind == KIND]
        verdict = judge_whole(
            evidence.post,
            evidence.pictures,
            matches,
            lexicon,
            hour,
            history=history,
            model=model,
            country=target.country if target else "",
        )
        if is_told_for_it(look.verdict):
            verdict = with_silence(verdict, evidence.post, evidence.pictures, hour)
        if name := name_told(look.verdict):
            verdict = with_name(verdict, name)
        tiers[evidence.evidence_id] = verdict.tier
        found.append(verdict)
    return found


def _take_in(posts: dict[str, _Post], look: Look, verdict: Verdict) -> None:
    known = posts.get(look.post_key)
    if known is None:
        posts[look.post_key] = _Post(look, look, verdict)
        return
    if _loudness(look.verdict) < _loudness(known.before.verdict):
        known.before = look
    if _loudness(verdict) < _loudness(known.verdict):
        known.after, known.verdict = look, verdict


def _loudness(verdict: Verdict) -> tuple[int, int]:
    return verdict.tier.rank, -verdict.score


def _changed(post: _Post) -> Changed:
    before, after = post.before.verdict, post.verdict
    had = {(r.kind, r.what): r for r in before.reasons if r.weight}
    has = {(r.kind, r.what): r for r in after.reasons if r.weight}
    return Changed(
        look=post.after,
        before=before,
        after=after,
        gained=tuple(r for key, r in has.items() if key not in had),
        lost=tuple(r for key, r in had.items() if key not in has),
    )
