"""`nightjar find`: evidence by words, contact, target, tier and time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.out import OK, Out, moment, on_one_line
from bot.commands.reader import look
from bot.discretion import log_view
from storage.clock import Clock
from storage.model import Tier

if TYPE_CHECKING:
    from storage.finding import Found, Now
    from storage.store import Store


_WIDE = 140
"""Columns of a terminal from which on the table reads well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for, named as in `storage.finding.find`; every condition given must hold.

    tier: at least as loud as this. vanished: only what is known to have vanished.
    """

    text: str = ""
    target: str = ""
    post_id: str = ""
    contact: str = ""
    item: str = ""
    since: datetime | None = None
    until: datetime | None = None
    tier: Tier | None = None
    vanished: bool = False
    limit: int = 50


def run(out: Out, folder: Path, clock: Clock, query: Query, *, viewer: str = "") -> int:
    """Print what fits, newest first. viewer: an officer who sees contacts, which is logged; "": starred."""
    found = look(folder, clock, _finding(query, viewer))
    out.facts({"found": found, "limit": query.limit, "unmasked": bool(viewer)})
    if not out.json:
        _print(out, found)
        more = f"; perhaps more: raise --limit over {query.limit}" if len(found) == query.limit else ""
        out.say(f"{len(found)} found{more}")
    return OK


def _print(out: Out, found: tuple[Found, ...]) -> None:
    """A table where there is room for it, else two lines for each; an id is never broken."""
    if out.width >= _WIDE:
        columns = ("evidence", "captured", "target", "what", "tier", "now", "title", "seller")
        out.table(columns, (_row(one) for one in found))
        return
    for one in found:
        evidence_id, captured, target, what, tier, now, title, seller = map(str, _row(one))
        out.say(f"{evidence_id}  {captured}  {f'{what}  {tier}'.strip()}")
        told = filter(None, (f"now {now}", on_one_line(target, 24), title, seller))
        out.line(f"    {' · '.join(told)}", style="" if tier else "dim")


def _finding(query: Query, viewer: str) -> Callable[[Store], Awaitable[tuple[Found, ...]]]:
    async def finding(store: Store) -> tuple[Found, ...]:
        from storage.casefile import find
        from storage.starred import starred_found

        if viewer:
            await log_view(store, viewer, f"find {query}")
        found = await find(store, **asdict(query))
        return found if viewer else tuple(starred_found(one) for one in found)

    return finding


def _now(now: Now) -> str:
    """How a post is now, and since when it is known: "gone 11-24 15:48Z" in UTC."""
    if now.at is None or now.state == "unknown":
        return now.state.value
    return f"{now.state.value} {now.at.astimezone(UTC):%m-%d %H:%MZ}"


def _row(one: Found) -> tuple[object, ...]:
    loud = "" if one.tier is Tier.NONE else f"{one.tier.value} {one.score}"
    return (
        one.evidence_id,
        moment(one.captured_at),
        one.target,
        one.observation.value,
        loud,
        _now(one.now),
        on_one_line(one.title, 60),
        on_one_line(one.seller, 30),
    )
