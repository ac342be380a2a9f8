"""`nightjar report politeness`: what was asked of each host against its limit, and its wishes.

Everything told was counted when it happened (`storage.manners`); nothing is read from the
configuration. Ends with 1 when a limit or a wish to be left alone was broken.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.out import OK, PROBLEM, Out, moment, on_one_line, plain, some
from bot.commands.reader import look
from bot.settings.units import spoken_s
from storage.clock import Clock

if TYPE_CHECKING:
    from storage.manner_rows import Report
    from storage.manners import HostHour, Override, Pause
    from storage.store import Store

USUAL = timedelta(days=1)
_MOST_HOSTS, _MOST_HOURS, _MOST_PAUSES = 100, 96, 50
"""Rows of each table for people; with --json there are more."""
_MOST_JSON = 20_000
_LIMITS = ("asked", "most/s", "most/min", "closest", "limit", "at once", "kept")
_ANSWERS = ("304", "bytes", "429", "503", "walls", "failed", "TLS", "robots yes/no/over")
_HOUR = ("asked", "304", "bytes", "most/s", "closest", "limit", "busy", "failed", "kept")
_PAUSES = ("host", "answered at", "by", "named", "until", "asked again", "kept")
_DAY_S = 86_400
_SHORT = 7
_BESIDE = 64
"""Columns of a line that the others need beside the host's name."""


def host_name(text: str) -> str:
    """A host as it is counted: lower case, without scheme, port or final dot. Raises ValueError."""
    name = text.strip().removesuffix(".").lower()
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    elif name.count(":") == 1:
        name = ""
    if not name or any(mark in name for mark in "/@? \t[]"):
        raise ValueError(f"--host takes a host's name alone, as in forum.example, not {text[:60]!r}")
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        raise ValueError(f"--host: {text[:60]!r} is no name of a host") from None


def run(out: Out, folder: Path, clock: Clock, *, since: datetime, until: datetime, host: str = "") -> int:
    """Tell of the hours that touch [since, until). host: of this one, or "" of all."""
    from storage.manner_rows import Span, report

    span = Span(since=since, until=until, host=host)
    most = _MOST_JSON if out.json else 0

    async def reading(store: Store) -> Report:
        return await report(
            store.vault.database,
            span,
            hosts=most or _MOST_HOSTS,
            hours=most or _MOST_HOURS,
            pauses=most or _MOST_PAUSES,
        )

    found = look(folder, clock, reading)
    out.facts(_facts(found, span.begin, until, host))
    if not out.json:
        _print(out, found, f"{moment(span.begin)} to {moment(until)}", host)
    return PROBLEM if found.broken else OK


def _facts(found: Report, since: datetime, until: datetime, host: str) -> dict[str, object]:
    return {
        "since": since,
        "until": until,
        "host": host,
        "kept": not found.broken,
        "counted_since": found.since,
        "total": _numbers(found.total),
        "hosts": [_numbers(one) for one in found.hosts],
        "host_count": found.host_count,
        "hours": [_numbers(one) for one in found.hours],
        "hour_count": found.hour_count,
        "pauses": [plain(asdict(one)) | {"until": one.until, "capped": one.capped} for one in found.pauses],
        "pause_count": found.pause_count,
        "overrides": found.overrides,
    }


def _numbers(one: HostHour) -> dict[str, object]:
    numbers: dict[str, object] = plain(asdict(one))
    return numbers | {"not_modified_share": _share(one), "broken": one.broken, "kept": not one.broken}


def _share(one: HostHour) -> float | None:
    """304s among the answers, 0..1."""
    return one.not_modified / one.answered if one.answered else None


# --- for people -----------------------------------------------------------------------------


def _print(out: Out, found: Report, span: str, host: str) -> None:
    out.say(f"{span}, whole hours (UTC)")
    if not found.hour_count:
        out.say(f"Nothing was asked{f' of {host}' if host else ''} in this time.")
    else:
        out.say(f"{some(found.total.asked, 'request')} to {some(found.host_count, 'host')}")
        _print_hosts(out, found)
        _print_hours(out, found, whole=bool(host) or found.hour_count <= _MOST_HOURS)
    _print_pauses(out, found)
    for one in found.overrides:
        out.say(_spoken(one), style="yellow", wrapped=True)
    if found.since is not None:
        out.say(f"counts go back to {moment(found.since)}", style="dim")
    if any(pause.capped for pause in found.pauses):
        out.say(
            "cap: it asked for longer than the half hour that a host may be left alone at a time",
            style="dim",
            wrapped=True,
        )
    if found.hour_count or found.broken:
        verdict, style = _verdict(found)
        out.say(verdict, style=style, wrapped=True)


def _print_hosts(out: Out, found: Report) -> None:
    styles = [_style(one) for one in found.hosts]
    out.say()
    out.table(
        ("host", *_LIMITS),
        ((_short(out, one.host), *_limits(one)) for one in found.hosts),
        styles=styles,
        tight=True,
    )
    out.say()
    out.table(
        ("host", *_ANSWERS), ((_short(out, one.host), *_answers(one)) for one in found.hosts), tight=True
    )
    if (left := found.host_count - len(found.hosts)) > 0:
        out.say(f"... and {some(left, 'more host')}: name one by --host, or take --json", style="dim")


def _print_hours(out: Out, found: Report, *, whole: bool) -> None:
    """Hour by hour, when there is room for it."""
    if not whole:
        hours = some(found.hour_count, "hour")
        out.say(f"{hours} of hosts: name one by --host, or take --json", style="dim")
        return
    rows = sorted(found.hours, key=lambda one: (one.host, one.hour))
    for host, group in groupby(rows, key=lambda one: one.host):
        hours_ = list(group)
        out.say()
        out.line(host, style="bold")
        styles = [_style(one) for one in hours_]
        out.table(("hour", *_HOUR), (_hour(one) for one in hours_), styles=styles, tight=True)
    if (left := found.hour_count - len(found.hours)) > 0:
        out.say(f"... and {some(left, 'more hour')}: take a shorter time, or --json", style="dim")


def _print_pauses(out: Out, found: Report) -> None:
    if not found.pauses:
        return
    out.say()
    out.say("Asked to leave a host alone", style="bold")
    styles = ["bold red" if one.broken else "yellow" if one.capped else "" for one in found.pauses]
    out.table(
        _PAUSES, ((_short(out, one.host), *_pause(one)) for one in found.pauses), styles=styles, tight=True
    )
    if (left := found.pause_count - len(found.pauses)) > 0:
        out.say(f"... and {left:,} more: take a shorter time, or --json", style="dim")


def _short(out: Out, host: str) -> str:
    """A host's name with its middle left out where a line has no room for it; --json has it whole."""
    name = on_one_line(host, 260)
    room = max(16, out.width - _BESIDE)
    return name if len(name) <= room else f"{name[: room // 3]}…{name[-(room - room // 3 - 1) :]}"


def _style(one: HostHour) -> str:
    return "bold red" if one.broken else ""


def _limits(one: HostHour) -> tuple[object, ...]:
    return (
        f"{one.asked:,}",
        one.busiest_second or "-",
        one.busiest_minute or "-",
        _apart(one.closest_us),
        _limit(one),
        f"{one.most_at_once}/{one.concurrency}" if one.asked else "-",
        f"NO: {one.broken:,}" if one.broken else "yes",
    )


def _answers(one: HostHour) -> tuple[object, ...]:
    return (
        _percent(one),
        _size(one.body_bytes),
        one.busy_429 or "-",
        one.busy_503 or "-",
        one.walls or "-",
        one.troubles or "-",
        one.tls_failures or "-",
        f"{one.robots_allowed:,}/{one.robots_forbidden:,}/{one.robots_overridden:,}",
    )


def _hour(one: HostHour) -> tuple[object, ...]:
    return (
        f"{one.hour.astimezone(UTC):%m-%d %H}h",
        f"{one.asked:,}",
        _percent(one),
        _size(one.body_bytes),
        one.busiest_second or "-",
        _apart(one.closest_us),
        limit if len(limit := _limit(one)) <= _SHORT else "varied",
        one.busy_429 + one.busy_503 or "-",
        one.walls + one.troubles or "-",
        f"NO: {one.broken:,}" if one.broken else "yes",
    )


def _percent(one: HostHour) -> str:
    share = _share(one)
    return "-" if share is None else f"{share:.0%}"


def _size(size_bytes: int) -> str:
    """Bytes in the largest unit that leaves a digit before the point."""
    size, units = float(size_bytes), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    for larger in units:
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 9.95 else f"{size:.1f} {unit}"


def _apart(span_us: int | None) -> str:
    if span_us is None:
        return "-"
    seconds = span_us / 1e6
    return f"{seconds:.3f}s" if seconds < 10 else spoken_s(round(seconds))


def _limit(one: HostHour) -> str:
    """The rate that was allowed; both ends when it changed in this time."""
    ends = [us for us in dict.fromkeys((one.spacing_least_us, one.spacing_most_us)) if us]
    return "-".join(_rate(us) for us in ends) or "-"


def _rate(spacing_us: int) -> str:
    per_second = 1e6 / spacing_us
    return f"{per_second:.4g}/s" if per_second >= 1 else f"1/{spacing_us / 1e6:.4g}s"


def _pause(one: Pause) -> tuple[object, ...]:
    again = "not yet" if one.next_at is None else _at(one, one.next_at)
    kept = f"NO: {one.broken:,}" if one.broken else "yes, cap" if one.capped else "yes"
    return f"{one.asked_at:%m-%d %H:%M:%S}", one.status, _wish(one.asked_s), _at(one, one.until), again, kept


def _wish(asked_s: float | None) -> str:
    if asked_s is None:
        return "no time"
    return spoken_s(round(asked_s)) if asked_s <= _DAY_S else f"{min(asked_s / _DAY_S, 999):.0f}d"


def _at(one: Pause, at: datetime) -> str:
    """A time of day; with its date on another day than the pause began."""
    return f"{at:%H:%M:%S}" if at.date() == one.asked_at.date() else f"{at:%m-%d %H:%M}"


def _spoken(one: Override) -> str:
    said = (
        f"{on_one_line(one.host, 60)}: robots.txt not obeyed in {some(one.asked, 'request')} of target "
        f"{on_one_line(one.target, 60)}, authorised by {on_one_line(one.authorised_by)}"
    )
    basis = f" ({on_one_line(one.legal_basis)})" if one.legal_basis else ""
    return f"{said}{basis}: {on_one_line(one.why)}"


def _verdict(found: Report) -> tuple[str, str]:
    """What the counts say as a whole, and its style."""
    total = found.total
    if not found.broken:
        asked = some(total.asked, "request")
        return f"Limits and pauses were kept: none of {asked} went out too soon.", "green"
    in_pause = max(total.in_pause, sum(pause.broken for pause in found.pauses))
    parts = (
        (total.too_soon, "sooner after another than the limit allows"),
        (total.too_many, "beside more others than it allows"),
        (in_pause, "while the host was to be left alone"),
    )
    told = "; ".join(f"{some(count, 'request')} {how}" for count, how in parts if count)
    return f"NOT KEPT: {told}.", "bold red"
