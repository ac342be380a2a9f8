"""The store at a glance: every target, every channel's outbox, the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import cosigners, ledger, progress, tokens
from storage.model import Progress

if TYPE_CHECKING:
    from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStatus:
    """A target's progress beside what is kept of it."""

    progress: Progress
    posts: int
    matched: int
    open_vigils: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStatus:
    """How a channel's outbox stands."""

    channel: str
    waiting: int
    sending: int
    delivered: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The store at a glance. root: RFC 6962, hex.

    stamps: the time stamps of each authority. cosigned: the last signature of each cosigner.
    """

    targets: tuple[TargetStatus, ...]
    channels: tuple[ChannelStatus, ...]
    evidence: int
    unjudged: int
    items: int
    tree_size: int
    root: str
    origin: str
    stamps: tuple[tokens.AuthorityTokens, ...] = ()
    cosigned: tuple[cosigners.Standing, ...] = ()


async def status(store: Store) -> Status:
    """Every target with its counts, every channel's outbox, and the size of what is kept."""
    database = store.vault.database
    head = await ledger.head(database)
    counts = (
        "SELECT (SELECT count(*) FROM observation), "
        "(SELECT count(*) FROM observation WHERE judged = 0), (SELECT count(*) FROM item)"
    )
    evidence, unjudged, items = (await database.rows(counts))[0]
    return Status(
        targets=await _targets(store),
        channels=await _channels(store),
        evidence=evidence,
        unjudged=unjudged,
        items=items,
        tree_size=head.size,
        root=head.root,
        origin=head.origin,
        stamps=await tokens.standing(database),
        cosigned=await cosigners.standing(database),
    )


async def _targets(store: Store) -> tuple[TargetStatus, ...]:
    sql = (
        "SELECT target, count(*), sum(matched), sum(NOT closed AND next_look_at IS NOT NULL) "
        "FROM watched GROUP BY target"
    )
    counted = {row[0]: tuple(row)[1:] for row in await store.vault.database.rows(sql)}
    rows = await progress.load_all(store.vault)
    names = sorted(rows.keys() | counted.keys())
    found = []
    for name in names:
        posts, matched, open_vigils = counted.get(name, (0, 0, 0))
        row = rows.get(name) or Progress(target=name)
        found.append(TargetStatus(progress=row, posts=posts, matched=matched, open_vigils=open_vigils))
    return tuple(found)


async def _channels(store: Store) -> tuple[ChannelStatus, ...]:
    sql = (
        "SELECT channel, sum(state = 'waiting'), sum(state = 'sending'), sum(state = 'delivered'), "
        "sum(state = 'dead') FROM delivery GROUP BY channel ORDER BY channel"
    )
    return tuple(
        ChannelStatus(channel=channel, waiting=waiting, sending=sending, delivered=delivered, dead=dead)
        for channel, waiting, sending, delivered, dead in await store.vault.database.rows(sql)
    )
