"""Pictures and not a word, by night: how those sell who were told that words are searched for. Pure.

Text-free adverts are the growing part of the trade (domain facts, finding 3). What such a picture shows
no rule here knows, and so it is told quietly, to be looked at, and only where others write: on a board of
pictures silence says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.model import Picture, Post, Reason, Tier, Verdict
from watchers.detect.score import NIGHT_HOURS, told_quietly
from watchers.detect.silence import is_silent

WHAT = "pictures and not a word, by night, where nearly all others write"
_LONGEST = 1_000
"""Characters: whoever writes more is not silent, and to look through it costs."""
_LEAST_SIDE = 160
"""Pixels: smaller ones are a site's signs and faces."""


def is_unspoken(post: Post, pictures: Sequence[Picture], verdict: Verdict) -> bool:
    """Whether a post is pictures of something, and no word of its own."""
    shown = any(picture.phash and min(picture.width, picture.height) >= _LEAST_SIDE for picture in pictures)
    return shown and len(post.text) <= _LONGEST and is_silent(post, verdict.reasons)


def is_told_for_it(verdict: Verdict) -> bool:
    """Whether a verdict holds this reason: how usual silence was on a target is known at that time alone."""
    return any(reason.what == WHAT for reason in verdict.reasons)


def with_silence(
    verdict: Verdict, post: Post, pictures: Sequence[Picture], local_hour: int | None
) -> Verdict:
    """The verdict on a post of a target where few are silent; the same where it is told anyhow, or speaks."""
    if verdict.tier is not Tier.NONE or local_hour not in NIGHT_HOURS:
        return verdict
    if not is_unspoken(post, pictures, verdict):
        return verdict
    return told_quietly(verdict, Reason(kind="context", what=WHAT, weight=0.0))
