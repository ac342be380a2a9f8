"""Walls: answers that stand in front of the page instead of being it. Pure.

A wall is named only on strong marks: a status or header that says so, the address of a
log-in page after a redirect, the machinery of a known challenge, or a title that asks
for one on a page with little else. An ordinary page with a log-in link, or with a
captcha in its comment form, is not a wall.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.model import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """kind: challenge, captcha, login or forbidden. whole_host: the host bars us, not only this page."""

    kind: str
    why: str
    whole_host: bool = False


def wall(response: Response) -> Wall | None:
    """The wall that `response` is, or None."""
    if response.status == 401:
        return Wall(kind="login", why="answered 401")
    if response.status in (403, 407, 451):
        return Wall(kind="forbidden", why=f"answered {response.status}")
    return None


def soft_404(response: Response, title: str = "") -> bool:
    """Whether a page answered 200 only to say that its post is gone."""
    return False
