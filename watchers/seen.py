"""The last listing of a target, and what a post's absence from it says. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The last full listing: its posts as (id, url) in page order, and when it was asked for and had."""

    posts: tuple[tuple[str, str], ...]
    started_at: datetime
    ended_at: datetime

    def brackets(self, post_id: str) -> bool:
        """Whether the listing is in order of number and shows older and newer posts than this one.

        Only then does its absence say something: a ranked or shuffled listing drops posts at will.
        """
        numbers = [n for n in (_number(i) for i, _ in self.posts) if n is not None]
        mine = _number(post_id)
        if mine is None or len(numbers) < 3 or len(numbers) != len(self.posts):
            return False
        ordered = numbers in (sorted(set(numbers)), sorted(set(numbers), reverse=True))
        return ordered and min(numbers) < mine < max(numbers)


def _number(post_id: str) -> int | None:
    match = re.search(r"(\d{1,18})$", post_id)
    return int(match[1]) if match else None
