"""How far each target has been read, so that a restart goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from json.encoder import encode_basestring
from math import isfinite
from operator import attrgetter

from storage.codec import clean, dump, load, stamp
from storage.model import Pace, Progress
from storage.vault import Vault
from storage.writer import Batch

_SAVE = (
    "INSERT INTO progress (target, progress) VALUES (?, ?) "
    "ON CONFLICT (target) DO UPDATE SET progress = excluded.progress"
)
_RARE = ("failures", "gap_at", "gaps", "listing_digest", "reason", "retry_at", "validators", "extra")
_RARE_OF = attrgetter(*_RARE)
_SAYS_NOTHING = _RARE_OF(Progress(target=""))


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
    """A row as it is kept, for `load`. What says nothing, as most of it does of most targets, is left out.

    Written out: with ten thousand targets nearly every poll ends here. `codec.dump` takes nearly three times
    as long, and shorter rows share a page of the database with more others.
    """
    if not (isfinite(row.achieved_interval_s) and isfinite(row.usual_yield)):
        return dump(row)
    polled = _at(row.last_poll_at)
    good = polled if row.last_good_at is row.last_poll_at else _at(row.last_good_at)
    return (
        f'{{"target":{_quoted(row.target)},"health":{_quoted(row.health)},"polls":{row.polls},'
        f'"last_poll_at":{polled},"last_good_at":{good},'
        f'"not_modified":{row.not_modified},"bytes_read":{row.bytes_read},"late_polls":{row.late_polls},'
        f'"posts_seen":{row.posts_seen},"last_yield":{row.last_yield},'
        f'"usual_yield":{_number(row.usual_yield)},"achieved_interval_s":{_number(row.achieved_interval_s)},'
        f'"pace":{_pace(row.pace)}{_rare(row)}}}'
    )


def _rare(row: Progress) -> str:
    values = _RARE_OF(row)
    if values == _SAYS_NOTHING:
        return ""
    told = zip(_RARE, values, _SAYS_NOTHING, strict=True)
    return "".join(f',"{name}":{dump(value)}' for name, value, nothing in told if value != nothing)


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
