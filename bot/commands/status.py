"""`nightjar status`: how every target and channel does, and how much is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.clock_words import clock_line, is_doubtful
from bot.commands import cosigned, status_pace
from bot.commands.out import OK, Out, moment, on_one_line, plain, some
from bot.commands.reader import look
from bot.settings.units import spoken_s
from storage.clock import Clock, ClockFacts, Timekeeping
from storage.model import Target

if TYPE_CHECKING:
    from storage.casefile import Status, TargetStatus
    from storage.readings import Standing
    from storage.tokens import AuthorityTokens
    from storage.verified import Verified

_EXACT_BELOW_S = 60
_COLUMNS = (
    "target", "health", "last good poll", "ago", "interval", "catches", "posts", "yield", "vigils", "reason",
)  # fmt: skip
_NARROW_COLUMNS = ("target", "health", "last good", "asked/kept", "catches", "posts", "yield", "vigils")
_WIDE = 150
"""Columns of a terminal from which on the tables have room for reasons."""
_WELL = {"ok": "", "paused": "dim", "new": "dim"}


def run(
    out: Out,
    folder: Path,
    clock: Clock,
    *,
    targets: Mapping[str, Target],
    unfilled: Mapping[str, str] | None = None,
    witnesses: Sequence[str] | None = None,
    remark: str = "",
    kept: ClockFacts | None = None,
) -> int:
    """Tell the state of `folder`. targets: as configured now; remark: why they are not known, or "".

    unfilled: name -> why, of configured targets that are left out. witnesses: verifier keys of
    the cosigners as configured, or None when they are not known. kept: what is known of the machine's
    clock, else it is asked now.
    """
    from storage.casefile import status
    from storage.readings import last_standing
    from storage.recovery import is_written
    from storage.verified import last_result

    found = look(folder, clock, status)
    now = clock.now()
    rows = [_facts(row, targets.get(row.progress.target), now) for row in found.targets]
    rows += [_unseen(target) for name, target in targets.items() if name not in _names(found)]
    rows = _left_out(rows, unfilled or {})
    running, kept = is_written(folder), kept or Timekeeping(clock).facts()
    rows.sort(key=lambda row: (row["health"] in _WELL, row["target"]))  # the unwell first
    out.facts(
        {
            "at": now,
            "data_dir": folder,
            "running": running,
            "targets": rows,
            "expected_tonight": _expected(found, targets),
            "channels": found.channels,
            "evidence": found.evidence,
            "unjudged": found.unjudged,
            "items": found.items,
            "tree_size": found.tree_size,
            "root": found.root,
            "time_stamps": found.stamps,
            "cosigners": cosigned.rows(found.cosigned, witnesses),
            "verified": last_result(folder),
            "reading": last_standing(folder),
            "clock": kept,
            "remark": remark,
        }
    )
    if not out.json:
        _print(out, found, rows, status_pace.sentence(_expected(found, targets)), now)
        if remark:
            out.say(remark, style="yellow")
        cosigned.show(out, cosigned.rows(found.cosigned, witnesses), tight=out.width < _WIDE)
        _print_verified(out, last_result(folder))
        _print_reading(out, last_standing(folder))
        out.say(clock_line(kept), style="bold red" if is_doubtful(kept) else "dim", wrapped=True)
        if not running:
            out.say("THE WATCH IS NOT RUNNING: what stands above is how it was left", style="bold red")
    return OK


def _print_reading(out: Out, standing: Standing | None) -> None:
    """Whether words in pictures are read, and how far behind that is."""
    if standing is None:
        return
    if standing.hints_off:
        out.say(f"the classifier of [hint] is not asked: {standing.hints_off}", style="dim")
    elif standing.hinted:
        out.say(
            f"the classifier of [hint] was asked about {some(standing.hinted, 'picture')} since the start"
        )
    if standing.why_off:
        out.say(f"words in pictures are not read: {standing.why_off}", style="dim")
        return
    behind = f", the oldest for {_span(standing.oldest_s)}" if standing.waiting else ""
    left = f", {standing.left_out} left out" if standing.left_out else ""
    read = some(standing.read, "picture")
    out.say(f"words in pictures: {read} read since the start; {standing.waiting} posts wait{behind}{left}")


def _print_verified(out: Out, last: Verified | None) -> None:
    """What the daily verify found."""
    if last is None:
        out.say("the store was not verified by the watch yet", style="dim")
        return
    at = moment(datetime.fromisoformat(last.at))
    if last.whole:
        out.say(f"verified {at}: whole, {some(last.tree_size, 'leaf', 'leaves')}")
    else:
        out.say(f"verified {at}: NOT WHOLE: {on_one_line(last.first)}", style="bold red")


def _names(found: Status) -> set[str]:
    return {row.progress.target for row in found.targets}


def _facts(row: TargetStatus, target: Target | None, now: datetime) -> dict[str, object]:
    """A target's progress with what only the configuration knows; lag_s: since the last good poll."""
    progress = row.progress
    lag_s = (now - progress.last_good_at).total_seconds() if progress.last_good_at else None
    facts: dict[str, object] = plain(progress)
    return facts | {
        "interval_s": target.interval_s if target else None,
        "lag_s": lag_s,
        "posts": row.posts,
        "matched": row.matched,
        "open_vigils": row.open_vigils,
        "configured": target is not None,
        **status_pace.facts(progress, now),
    }


def _expected(found: Status, targets: Mapping[str, Target]) -> dict[str, object]:
    """What all that are configured are expected to catch and to miss in a night."""
    rows = [row.progress for row in found.targets if not targets or row.progress.target in targets]
    return status_pace.all_paces(rows)


def _unseen(target: Target) -> dict[str, object]:
    """A target that is configured and was never polled."""
    return {"target": target.name, "health": "new", "interval_s": target.interval_s, "configured": True}


def _left_out(rows: list[dict[str, object]], unfilled: Mapping[str, str]) -> list[dict[str, object]]:
    """The rows with those of targets that are left out, whatever the watch last said of them."""
    known = {str(row["target"]): row for row in rows}
    for name, why in unfilled.items():
        told: dict[str, object] = {"target": name, "health": "unfilled", "reason": why, "configured": True}
        told["expected_share"] = 0.0
        known[name] = known.get(name, {}) | told
    return list(known.values())


def _print(out: Out, found: Status, rows: list[dict[str, object]], expected: str, now: datetime) -> None:
    _print_targets(out, rows)
    if expected:
        out.say(expected, wrapped=True)
    channels = ("channel", "waiting", "sending", "delivered", "given up")
    told = ((c.channel, c.waiting, c.sending, c.delivered, c.dead) for c in found.channels)
    out.table(channels, told, tight=out.width < _WIDE)
    if out.width < _WIDE:
        out.say()
    out.say(
        f"{some(found.evidence, 'piece')} of evidence, {some(found.items, 'item')}, "
        f"{found.unjudged} not judged yet"
    )
    out.say(f"log of {some(found.tree_size, 'leaf', 'leaves')}, root {found.root[:16]}…")
    _print_stamps(out, found.stamps, now)


def _print_targets(out: Out, rows: list[dict[str, object]]) -> None:
    """Every target in a row; on a narrow screen without what "ago" says too, and the reasons below."""
    styles = [_WELL.get(str(row["health"]), "red") for row in rows]
    if out.width >= _WIDE:
        out.table(_COLUMNS, map(_row, rows), styles=styles)
        return
    out.table(_NARROW_COLUMNS, map(_narrow, rows), styles=styles, tight=True)
    _print_reasons(out, ((row["target"], _remark(row)) for row in rows))
    out.say()


def _narrow(row: dict[str, object]) -> tuple[object, ...]:
    target, _, _, ago, _, caught, posts, yielded, vigils, _ = _row(row)
    asked, kept = _span(row.get("interval_s")), _span(row.get("achieved_interval_s"))
    return target, row["health"], ago, f"{asked}/{kept}", caught, posts, yielded, vigils


def _remark(row: dict[str, object]) -> str:
    gone = "" if row["configured"] else "no longer configured"
    return "; ".join(filter(None, (gone, status_pace.remark(row), _reason(row))))


def _reason(row: dict[str, object]) -> str:
    """The watch's own words, but for those of a gap, which is told with its time."""
    reason = on_one_line(row.get("reason", ""))
    return "" if reason.startswith("gap: ") else reason


def _print_reasons(out: Out, named: Iterable[tuple[object, str]]) -> None:
    for name, why in named:
        if why:
            out.say(f"{name}: {why}", style="yellow", wrapped=True)


def _print_stamps(out: Out, stamps: tuple[AuthorityTokens, ...], now: datetime) -> None:
    """Who stamped the log's checkpoints with the time, and for how long something has been waited for."""
    if not stamps:
        out.say("no authority has been asked for a time stamp", style="dim")
        return
    columns = ("authority", "whole", "last", "waiting", "for", "refused", "reason")
    rows = [_stamp_row(one, now) for one in stamps]
    styles = [_stamp_style(one) for one in stamps]
    if out.width >= _WIDE:
        out.table(columns, rows, styles=styles)
        return
    out.table(columns[:-1], (row[:-1] for row in rows), styles=styles, tight=True)
    _print_reasons(out, ((one.authority, on_one_line(one.why)) for one in stamps))


def _stamp_row(one: AuthorityTokens, now: datetime) -> tuple[object, ...]:
    last = moment(one.last_received_at) if one.last_received_at else "-"
    waits_s = (now - one.waiting_since).total_seconds() if one.waiting_since else 0.0
    return (one.authority, one.whole, last, one.waiting, _span(waits_s), one.refused, on_one_line(one.why))


def _stamp_style(one: AuthorityTokens) -> str:
    return "yellow" if one.waiting or one.refused else ""


def _row(row: dict[str, object]) -> tuple[object, ...]:
    last = row.get("last_good_at")
    at = moment(datetime.fromisoformat(str(last))) if last else "-"
    asked, achieved = _span(row.get("interval_s")), _span(row.get("achieved_interval_s"))
    usual = row.get("usual_yield")
    return (
        row["target"],
        row["health"] if row["configured"] else f"{row['health']} (no longer configured)",
        at,
        _span(row.get("lag_s")),
        f"{asked}, achieved {achieved}",
        status_pace.share(row),
        row.get("posts", 0),
        f"{row.get('last_yield', 0)} of {usual:.0f}" if isinstance(usual, float) else "-",
        row.get("open_vigils", 0),
        "; ".join(filter(None, (status_pace.remark(row), _reason(row)))),
    )


def _span(value: object) -> str:
    """Seconds in words; whole ones when they are many."""
    if not isinstance(value, float | int) or value <= 0:
        return "-"
    return spoken_s(round(value, 1) if value < _EXACT_BELOW_S else round(value))
