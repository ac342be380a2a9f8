"""How far each target has been read, so that a restart goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from json.encoder import encode_basestring
from math import isfinite

from storage.codec import clean, dump, load, stamp
from storage.model import Pace, Progress, Validators
from storage.vault import Vault
from storage.writer import Batch

_SAVE = (
    "INSERT INTO progress (target, progress) VALUES (?, ?) "
    "ON CONFLICT (target) DO UPDATE SET progress = excluded.progress"
)


async def load_all(vault: Vault) -> dict[str, Progress]:
    """Every target's progress by its name."""
    rows = await vault.database.rows("SELECT progress FROM progress ORDER BY target")
    found = (load(Progress, row[0]) for row in rows)
    return {progress.target: progress for progress in found}


async def save(vault: Vault, rows: Sequence[Progress]) -> None:
    """Upsert; one transaction with whatever else waits."""
    values = [(clean(row.target), text_of(row)) for row in rows]

    async def job(batch: Batch) -> None:
        for row in values:
            batch.many(_SAVE, row)

    if values:
        await vault.submit(job)


def text_of(row: Progress) -> str:
    """A row as it is kept: what `codec.dump` makes of it.

    Written out: with ten thousand targets nearly every poll ends here, and it takes a third of the time.
    """
    if not (isfinite(row.achieved_interval_s) and isfinite(row.usual_yield)):
        return dump(row)
    return (
        f'{{"achieved_interval_s":{_number(row.achieved_interval_s)},"bytes_read":{row.bytes_read},'
        f'"extra":{dump(row.extra) if row.extra else "[]"},"failures":{row.failures},'
        f'"gap_at":{_at(row.gap_at)},"gaps":{row.gaps},"health":{_quoted(row.health)},'
        f'"last_good_at":{_at(row.last_good_at)},"last_poll_at":{_at(row.last_poll_at)},'
        f'"last_yield":{row.last_yield},"late_polls":{row.late_polls},'
        f'"listing_digest":{_quoted(row.listing_digest)},"not_modified":{row.not_modified},'
        f'"pace":{_pace(row.pace)},"polls":{row.polls},"posts_seen":{row.posts_seen},'
        f'"reason":{_quoted(row.reason)},"retry_at":{_at(row.retry_at)},"target":{_quoted(row.target)},'
        f'"usual_yield":{_number(row.usual_yield)},"validators":{_validators(row.validators)}}}'
    )


def _quoted(text: str) -> str:
    return encode_basestring(clean(text))


def _number(number: float) -> str:
    # Not `repr`: NumPy's numbers name their kind in theirs.
    return float.__repr__(number) if isinstance(number, float) else str(number)


def _at(at: datetime | None) -> str:
    return "null" if at is None else f'"{stamp(at)}"'


def _pace(pace: Pace | None) -> str:
    if pace is None:
        return "null"
    if not all(map(isfinite, (pace.interval_s, pace.configured_s, pace.met, pace.posts))):
        return dump(pace)
    return (
        f'{{"configured_s":{_number(pace.configured_s)},"interval_s":{_number(pace.interval_s)},'
        f'"met":{_number(pace.met)},"posts":{_number(pace.posts)},"short":{_quoted(pace.short)}}}'
    )


def _validators(held: Validators) -> str:
    return f'{{"etag":{_quoted(held.etag)},"last_modified":{_quoted(held.last_modified)}}}'
