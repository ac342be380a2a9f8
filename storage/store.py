"""The front door of what is kept: one object, opened by one writing process or by readers.

Every method is durable when it returns, may be cancelled at any instant, and raises only
`StoreError`s (DiskTrouble, DamagedBlob, DatabaseTrouble). The work is done in the files
named by its groups.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from storage import (
    evidence,
    hints,
    items,
    ledger,
    observations,
    outbox,
    progress,
    readings,
    recovery,
    renewals,
    sightings,
    spool,
    vigils,
)
from storage.blobs import Blobs
from storage.clock import Clock
from storage.model import (
    Alert,
    AlertKind,
    Delivery,
    Evidence,
    Hint,
    Judgement,
    Lifetime,
    Polls,
    Progress,
    Sighting,
    Snapshot,
    Tier,
    Watched,
)
from storage.observations import JudgedPage
from storage.similar import Seen
from storage.vault import Vault


class Store:
    """An open data folder. Use `open` or `open_reader`, and `close` at the end."""

    def __init__(self, folder: Path, vault: Vault, keeper: recovery.Keeper) -> None:
        self.folder = folder
        self.blobs: Blobs = vault.blobs
        self.clock: Clock = vault.clock
        self.vault = vault
        self._keeper = keeper
        self._glances = spool.Glances()

    @classmethod
    async def open(cls, folder: Path, clock: Clock, *, sparing: bool = False) -> Store:
        """Open for writing: take the folder's lock, migrate, sweep what a crash left.

        sparing: migrate in a process of its own, for a process that lives long.
        Raises DatabaseTrouble when another process writes here or the database is damaged
        or newer than this program, RolledBack when the log is older or other than a signed
        checkpoint, DiskTrouble when the folder cannot be written.
        """
        vault, keeper = await recovery.open_for_writing(folder, clock, sparing=sparing)
        return cls(folder, vault, keeper)

    @classmethod
    async def open_reader(cls, folder: Path, clock: Clock) -> Store:
        """Open for reading beside a live writer; methods that write raise DatabaseTrouble.

        Raises DatabaseTrouble when there is no database or it is of another version.
        """
        vault, keeper = await recovery.open_for_reading(folder, clock)
        return cls(folder, vault, keeper)

    async def close(self) -> None:
        """Finish what was begun, write what is queued, release the lock. Twice is harmless."""
        await self._keeper.close(self.vault)

    async def damage(self) -> tuple[str, ...]:
        """What is wrong, in words; empty means healthy. Looks for the files of rows, not into them."""
        return await self._keeper.damage(self.vault)

    @property
    def quarantine(self) -> tuple[str, ...]:
        """Blobs found at start that no row names: kept, never deleted silently."""
        return self._keeper.quarantine

    @property
    def odd(self) -> str:
        """What was odd about keys and newest checkpoint at start, or ""."""
        return self._keeper.odd

    # --- evidence -----------------------------------------------------------------

    async def seal(
        self,
        snapshot: Snapshot,
        *,
        watched: Watched | None = None,
        announce: tuple[str, ...] = (),
        lifetime: Lifetime | None = None,
    ) -> Evidence:
        """Make a snapshot durable: blobs, then one transaction. What has begun is finished.

        watched: the post's vigil row; seal fills in its evidence_id. announce, lifetime: for
        MISSING and REAPPEARED looks, which revise the card of an alerted item there.
        """
        work = evidence.seal(self.vault, snapshot, watched=watched, announce=announce, lifetime=lifetime)
        return await self.vault.finish(work)

    async def evidence(self, evidence_id: str) -> Evidence:
        """One piece of evidence, its pictures with hashes once recorded. Raises DatabaseTrouble."""
        return await observations.one(self.vault, evidence_id)

    async def post_keys(self, ids: Collection[str]) -> dict[str, str]:
        """The key of the post of each piece of evidence; ids that are unknown or erased are left out."""
        return await observations.post_keys(self.vault, ids)

    async def places(self, ids: Collection[str]) -> dict[str, observations.Place]:
        """The post of each piece of evidence; ids that are unknown or erased are left out."""
        return await observations.places(self.vault, ids)

    async def unjudged(self, limit: int = 500) -> tuple[Evidence, ...]:
        """Evidence that waits for a verdict, oldest first; MISSING looks never do."""
        return await observations.unjudged(self.vault, limit)

    async def judged_lately(self, before: int | None, limit: int) -> JudgedPage:
        """Looks that were judged, the newest first. before: as the last page told, None at first."""
        return await observations.judged_lately(self.vault, before, limit)

    # --- verdicts, items ------------------------------------------------------------

    async def record(
        self,
        judgement: Judgement,
        *,
        announce: tuple[str, ...],
        jurisdiction: str = "",
        tags: tuple[str, ...] = (),
        too_soon: bool = False,
    ) -> Alert | None:
        """Keep a verdict with its item and alert in one transaction.

        Idempotent by evidence: recording again changes nothing and gives the same alert.
        too_soon: not all known pictures were gathered, so that it waits to be judged again (`late`).
        """
        return await items.record(
            self.vault,
            judgement,
            announce=announce,
            jurisdiction=jurisdiction,
            tags=tags,
            too_soon=too_soon,
        )

    async def renew(
        self,
        judgement: Judgement,
        *,
        announce: tuple[str, ...],
        jurisdiction: str = "",
        tags: tuple[str, ...] = (),
        kind: AlertKind = AlertKind.READ,
    ) -> Alert | None:
        """Put a verdict in place of the one there is, which is set aside; what people are told of it.

        kind: of what is told where the item has spoken already.
        """
        return await renewals.renew(
            self.vault, judgement, announce=announce, jurisdiction=jurisdiction, tags=tags, kind=kind
        )

    async def keep_reading(self, sha256: str, recipe: str, words: Sequence[str], why: str = "") -> None:
        """Keep what was read in a picture, or why nothing could be."""
        await readings.keep(self.vault, sha256, recipe, words, why)

    async def keep_hints(self, sha256: str, recipe: str, found: Sequence[Hint], why: str = "") -> None:
        """Keep what a classifier took a picture for, or why it could not be asked."""
        await hints.keep(self.vault, sha256, recipe, found, why)

    def pictures(self) -> AsyncIterator[list[Seen]]:
        """Every hashed picture with the evidence it is in, oldest first, many at a time."""
        return items.pictures(self.vault)

    # --- progress and vigil ---------------------------------------------------------

    async def load_progress(self) -> dict[str, Progress]:
        """How far each target was read, by name."""
        return await progress.load_all(self.vault)

    async def save_progress(self, rows: Sequence[Progress]) -> None:
        """Upsert progress rows."""
        await progress.save(self.vault, rows)
        await self._glances.glance(self.vault)

    async def known(self, target: str, post_ids: Sequence[str]) -> dict[str, Watched]:
        """The rows of these posts, by post id; unknown ones are left out."""
        return await vigils.known(self.vault, target, post_ids)

    async def save_watched(self, rows: Sequence[Watched]) -> None:
        """Upsert vigil rows. `matched` stays set, evidence is the last sealed, what was erased stays away."""
        await vigils.save(self.vault, rows)

    async def vigils_due(self, now: datetime, limit: int = 200) -> tuple[Watched, ...]:
        """Posts to be looked at by `now`, longest overdue first."""
        return await vigils.due(self.vault, now, limit)

    async def next_look(self) -> datetime | None:
        """When the earliest look of the vigil is due, or None."""
        return await vigils.next_at(self.vault)

    async def vigils_open(self, target: str) -> tuple[Watched, ...]:
        """Posts of a target whose vigil is not closed."""
        return await vigils.open_of(self.vault, target)

    async def hasten(
        self, target: str, post_ids: Sequence[str], now: datetime, *, only_watched: bool = False
    ) -> None:
        """Have these posts looked at by `now`. only_watched: leave those without an open vigil alone."""
        await vigils.hasten(self.vault, target, post_ids, now, only_watched=only_watched)

    async def add_sightings(self, sightings_: Sequence[Sighting], polls: Sequence[Polls] = ()) -> None:
        """Keep dated looks and polls: one transaction, one leaf of the log for all of them."""
        await sightings.add(self.vault, sightings_, polls)

    # --- outbox -----------------------------------------------------------------------

    async def deliveries_due(self, channel: str, now: datetime, limit: int = 50) -> tuple[Delivery, ...]:
        """What the channel is to be told now: urgent first, then by time, revisions after their card."""
        return await outbox.due(self.vault, channel, now, limit)

    async def next_delivery(self, channel: str) -> datetime | None:
        """When the channel's earliest waiting delivery is due, or None when nothing waits."""
        return await outbox.next_at(self.vault, channel)

    async def mark_sending(self, delivery_id: int, at: datetime) -> None:
        """Write down the intent before calling the channel."""
        await outbox.mark_sending(self.vault, delivery_id, at)

    async def mark_delivered(self, delivery_id: int, at: datetime, receipt: str) -> None:
        """The channel said so."""
        await outbox.mark_delivered(self.vault, delivery_id, at, receipt)

    async def mark_waiting(
        self, delivery_id: int, retry_at: datetime, why: str, *, uncertain: bool = False
    ) -> None:
        """Try again at `retry_at`; uncertain stays set once it was."""
        await outbox.mark_waiting(self.vault, delivery_id, retry_at, why, uncertain=uncertain)

    async def mark_dead(self, delivery_id: int, why: str) -> None:
        """Give a delivery up; what revises it will stand alone."""
        await outbox.mark_dead(self.vault, delivery_id, why)

    async def stuck(self, channel: str) -> tuple[Delivery, ...]:
        """Deliveries that a crash left between intent and answer; they may have arrived."""
        return await outbox.stuck(self.vault, channel)

    async def notify(self, text: str, *, announce: tuple[str, ...], tier: Tier = Tier.HIGH) -> Alert:
        """A NOTICE to these channels; the same text within the hour gives the earlier one."""
        return await outbox.notify(self.vault, text, announce, tier)

    # --- log ----------------------------------------------------------------------------

    async def log_event(self, kind: str, facts: Mapping[str, str]) -> int:
        """A leaf for a config load, an export, a view; its index.

        On a store opened for reading the event is left for the watch to log: then -1. Kinds
        that are for few eyes (`records.PRIVATE`) name their facts by hash in the log.
        """
        if self.vault.writer is None:
            await spool.leave(self.vault, kind, facts)
            return -1
        return await spool.log(self.vault, kind, facts)

    async def take_left(self) -> int:
        """Take in what commands beside the watch left (`spool`); how many events."""
        return await self._glances.take(self.vault)

    def heard(self, kind: str) -> bool:
        """Whether an event of this kind was taken in since this was asked last."""
        if kind not in self._glances.heard:
            return False
        self._glances.heard.discard(kind)
        return True

    def refused(self) -> tuple[str, ...]:
        """What was left and could not be done since this was asked last, in words for the admin."""
        words, self._glances.refused = tuple(self._glances.refused), []
        return words

    async def root(self) -> tuple[int, str]:
        """Tree size and RFC 6962 root hash (hex) as committed."""
        head = await ledger.head(self.vault.database)
        return head.size, head.root
