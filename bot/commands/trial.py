"""`nightjar try URL|NAME`: one look at a site, and a table of what a target yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.commands.out import OK, PROBLEM, Out
from bot.commands.site import Opened, Site, look, passing
from bot.glance import Visitor
from bot.table import Tried, show
from storage.clock import Clock
from storage.errors import FeedTrouble
from storage.model import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A kind that the admin named, in the form of a recognition."""

    kind: str
    url: str
    rules: Mapping[str, object] = field(default_factory=dict)
    why: str = "as asked"


def run(
    out: Out,
    clock: Clock,
    *,
    opened: Opened,
    visitor: Visitor,
    subject: Target | str,
    kind: str = "",
    details: int = 3,
) -> int:
    """Try a configured target, or an address with its best kind (or the one named).

    details: how many posts' own pages are read. Exit code 1 when it yields no posts.
    """

    async def trying(site: Site) -> Tried:
        target = subject
        if isinstance(target, str):
            found = Asked(kind=kind, url=target) if kind else await _best(site, target)
            target = passing(found, site, visitor)
        return await site.trial(target, details=details)

    with out.waiting("asking the site"):
        tried = look(opened, visitor, clock, trying)
    show(tried, out)
    if isinstance(subject, str) and tried.works:
        out.say(f"to watch it: nightjar add {subject}")
    return OK if tried.works else PROBLEM


async def _best(site: Site, url: str) -> Asked:
    ways = await site.recognise(url)
    if not ways:
        raise FeedTrouble(url, NOTHING)
    return Asked(kind=ways[0].kind, url=ways[0].url, rules=ways[0].rules, why=ways[0].why)


NOTHING = (
    "no list of posts was recognised; name the kind with --kind, or write the target by hand "
    "with kind html and selectors (docs/configuration.md)"
)
