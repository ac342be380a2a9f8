"""The score in words: each figure beside its promise or ceiling, and what to look at next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from nightmarket.figures import Promise, Result

PROMISES = {
    # name of the figure: what it means to people
    "captured_of_capturable": "captured whole, of posts that could be (alive ≥ 1.5 intervals)",
    "captured_of_ceiling": "captured share of all posts, of its ceiling",
    "false_deletions": "living posts reported deleted",
    "deletion_inside_interval": "true instant inside the reported interval",
    "alerts_expected": "items to be told",
    "alerts_lost": "alerts lost",
    "alerts_doubled": "alerts doubled",
    "unjudged": "evidence left without a verdict",
    "precision_high": "precision of urgent and high",
    "evidence_whole": "evidence whose every file is whole",
    "verify_faults": "faults found by verify",
    "files_damaged": "damaged files found by our own hashing",
    "export_faults": "faults in an exported sample, by its own list",
}
_SHARES = frozenset(
    {
        "captured_of_capturable",
        "captured_of_ceiling",
        "deletion_inside_interval",
        "precision_high",
        "evidence_whole",
    }
)


def show(result: Result, console: Console) -> None:
    """Print the score."""
    console.print(_promises(result.promises))
    console.print(_bands(result.figures))
    for line in [*too_slow(result), *_lines(result.figures)]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _promises(promises: tuple[Promise, ...]) -> Table:
    table = Table(title="What was promised", title_justify="left", header_style="bold")
    for column in ("", "measured", "promised", ""):
        table.add_column(column)
    for one in promises:
        sign = "≤" if one.at_most else "≥"
        verdict = "[green]kept[/]" if one.kept else "[bold red]BROKEN[/]"
        table.add_row(
            PROMISES[one.name],
            _number(one.name, one.measured),
            f"{sign} {_number(one.name, one.bound)}",
            verdict,
        )
    return table


def _number(name: str, value: float | None) -> str:
    if value is None:
        return "nothing to measure"
    return percent(value) if name in _SHARES else f"{value:g}"


def percent(value: object) -> str:
    """A share for people; rounded down, so that 100 % means all."""
    if not isinstance(value, int | float):
        return "-"
    return f"{int(value * 10_000) / 100:.2f} %"


def _bands(figures: Mapping[str, object]) -> Table:
    table = Table(title="By lifetime", title_justify="left", header_style="bold")
    for column in ("posts that lived", "posts", "captured of all", "ceiling", "captured of capturable"):
        table.add_column(column)
    bands = figures["by_lifetime"]
    rows = dict(bands) if isinstance(bands, dict) else {}
    rows["all"] = {
        name: figures[name] for name in ("posts", "captured_of_all", "ceiling", "captured_of_capturable")
    }
    for name, group in rows.items():
        table.add_row(
            name,
            str(group["posts"]),
            percent(group["captured_of_all"]),
            percent(group["ceiling"]),
            percent(group["captured_of_capturable"]),
        )
    return table


def too_slow(result: Result) -> list[str]:
    """That the machine could not keep the night's pace, when it could not and something was broken.

    Else a newcomer takes for the daemon's what is the machine's.
    """
    late_s, interval_s = (result.figures.get(name) for name in ("polls_late_p99_s", "interval_s"))
    if result.kept or not isinstance(late_s, int | float) or not isinstance(interval_s, int | float):
        return []
    if late_s < interval_s / 2:
        return []
    return [
        f"too slow     this machine could not keep up: polls were up to {late_s:.0f} s of the night late.",
        "             What is broken above may be its doing. Let nothing run beside, or give it more time:",
        "             ./nightjar demo --minutes 15",
        "",
    ]


def _lines(figures: Mapping[str, object]) -> list[str]:
    told = {name: _word(name, value) for name, value in figures.items()}
    compared = figures["comparison"] if isinstance(figures["comparison"], dict) else {}
    told |= {name: percent(value) for name, value in compared.items()}
    rows = [(name, text.format_map(told)) for name, text in _ROWS]
    return [f"{name:<12} {text}" for name, text in rows] + _next_steps(figures)


_ROWS = (
    ("alerts", "{alerts_told} items told of {alerts_expected}; recall {recall_alerted} of illicit posts,"),
    ("", "ceiling {recall_ceiling}: the rest has neither known words nor a known picture"),
    ("latency", "bytes to chat p50 {latency_p50_s}, p99 {latency_p99_s} simulated, the chat's outage apart"),
    ("", "(p50 {latency_p50_real_s}, p99 {latency_p99_real_s} of real time)"),
    (
        "vanishings",
        "{deletions_reported} proven, within p50 {deletion_interval_p50_s}, p99 {deletion_interval_p99_s};",
    ),
    ("", "{deletions_reported_of_alerted} of the alerted posts that went"),
    ("re-posts", "{reposts_joined} of {reposts} joined to their item; wrong joins {wrong_joins};"),
    ("", "text-free ones told {silent_reposts_told} of {silent_reposts}; {items_told_apart} items were told"),
    ("", "as new before it was seen that they are part of another"),
    ("sellers", "{seller_pairs} pairs of accounts linked; of these in one ring {seller_precision},"),
    (
        "",
        "of the {seller_pairs_linkable} that can be told from what was kept {seller_recall_linkable}, of the",
    ),
    ("", "{seller_pairs_plain} with a contact or two pictures in common {seller_recall_plain}, of all"),
    ("", "{seller_pairs_planted} pairs of the rings {seller_recall}: many show nothing in so short a night"),
    (
        "same night",
        "polled every 15 min: {captured_every_15_min} captured; every 60 min: {captured_every_60_min};",
    ),
    ("", "plain keyword list: precision {keyword_precision}, recall {keyword_recall}"),
    ("cost", "{requests} requests; daemon {cpu_s} of processor, RSS peak {rss_peak_mb} MB, its workers"),
    ("", "{workers_rss_peak_mb} MB; polls late p99 at most {polls_late_p99_s} simulated"),
    ("kill -9", "first poll {restart_first_poll_s} (real) after it; the final stop took {stop_s}"),
)
_PERCENT = (
    "recall",
    "reposts_joined",
    "silent_reposts_told",
    "wrong_joins",
    "deletions_reported_of",
    "seller_precision",
    "seller_recall",
    "seller_recall_linkable",
    "seller_recall_plain",
)


def _word(name: str, value: object) -> str:
    """A figure for people, by its name."""
    if name.startswith(_PERCENT):
        return percent(value)
    if isinstance(value, float | int) and name.endswith("_s"):
        return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"
    if isinstance(value, float):
        return f"{value:.0f}"
    return "-" if value is None else str(value)


def _next_steps(figures: Mapping[str, object]) -> list[str]:
    config = shlex.quote(str(figures["config"]))
    return [
        "",
        f"evidence     {figures['data_dir']} ({_word('', figures['files_mb'])} MB); truth {figures['truth']}",
        "look around  ./nightjar status --config " + config,
        "             ./nightjar find --tier high --config " + config,
        "             ./nightjar show ID --config " + config,
        "             ./nightjar export ID --out case --config " + config,
        "             ./nightjar verify --config " + config,
    ]


def keep(result: Result, path: Path) -> None:
    """Write the figures beside the evidence."""
    path.write_text(json.dumps(result.figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
