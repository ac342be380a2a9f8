"""From a played night to its figures and the promises they keep or break.

`FIGURES` of the JSON object are listed in docs/nightmarket.md. A figure that nothing was
measured for is null, and a promise about it counts as broken: silence is no success.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightmarket import custody, reach
from nightmarket.config import Places
from nightmarket.course import Course
from nightmarket.daemon import ask
from nightmarket.exports import Held, Names, Spoken, by_advert, is_kept, read_ndjson, spoken
from nightmarket.judge import Exhibits, Group, Score, judge, percentile, share
from nightmarket.judging.sellers import score_sellers
from nightmarket.truth import Told, read_served, read_told

MOST_EVIDENCE = 999_999
SAMPLES = 12
"""Pieces of evidence whose export is checked file by file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise of the product: what was measured, what was promised, whether it was kept."""

    name: str
    measured: float | None
    bound: float
    at_most: bool
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All figures (JSON-able), the promises, and the full score behind them."""

    figures: dict[str, object]
    promises: tuple[Promise, ...]
    score: Score

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(promise.kept for promise in self.promises)


def collect(course: Course) -> Result:
    """Ask the daemon for everything it has, look at its files, and judge."""
    places = course.places
    found = ask(places, "find", "--limit", str(MOST_EVIDENCE))["found"]
    rows = found if isinstance(found, list) else []
    verified, status = ask(places, "verify"), ask(places, "status")
    files = custody.inspect(places.data)
    held, broken = custody.held(rows, files)
    told = read_told(places.truth)
    exhibits = Exhibits(
        world=course.world,
        served=read_served(places.truth),
        held=held,
        channels={"file": read_ndjson(places.data / "alerts.ndjson"), "chat": _taken_in(told)},
        down=tuple(course.down),
    )
    score = judge(exhibits)
    figures = _figures(course, score) | _custody_figures(verified, files, broken, len(rows))
    evidence = by_advert(Names(course.world), held)
    figures |= _linked(course, ask(places, "sellers", "--all"), evidence)
    figures |= {"unjudged": status.get("unjudged"), "items": status.get("items")}
    figures |= _handed_over(places, [h.evidence_id for h in held])
    figures |= _costs(course, exhibits, told)
    return Result(figures=figures, promises=promises(figures), score=score)


def _taken_in(told: list[Told]) -> list[Spoken]:
    """What the chat took in, once for each idempotency key."""
    return [spoken(one.event, one.at) for one in told if one.first and is_kept(one.event)]


def _figures(course: Course, score: Score) -> dict[str, object]:
    """The keys that the issue names, and the ones that explain them."""
    everything, alerts, items = score.everything, score.alerts, score.items
    gone = score.deletions
    speed = course.hours.speed
    p50, p99 = percentile(alerts.latencies_s, 50), percentile(alerts.latencies_s, 99)
    return {
        "seed": course.world.seed,
        "size": course.world.size,
        "interval_s": course.world.interval_s,
        "speed": speed,
        "posts": everything.posts,
        "capturable": everything.capturable,
        "captured": everything.captured,
        "captured_of_capturable": share(everything.captured_capturable, everything.capturable),
        "captured_of_all": share(everything.captured, everything.posts),
        "ceiling": everything.ceiling,
        "captured_of_ceiling": share(share(everything.captured, everything.posts) or 0.0, everything.ceiling),
        "missed": list(score.missed[:500]),
        "deletions_reported": gone.reported,
        "false_deletions": len(gone.false) + len(gone.unknown),
        "false_deletion_posts": [*gone.false, *gone.unknown][:20],
        "deletion_inside_interval": gone.inside_share,
        "deletion_outside_posts": list(gone.outside[:20]),
        "deletion_interval_p50_s": percentile(gone.widths_s, 50),
        "deletion_interval_p99_s": percentile(gone.widths_s, 99),
        "deletions_reported_of_alerted": share(gone.watched_reported, gone.watched_gone),
        "alerts_expected": alerts.expected,
        "alerts_lost": len(alerts.lost),
        "alerts_doubled": len(alerts.doubled),
        "alert_faults": [*alerts.lost[:10], *alerts.doubled[:10]],
        "alerts_told": alerts.told,
        "alerts_by_hindsight": alerts.hindsight,
        "high_told": alerts.high_told,
        "precision_high": share(alerts.high_true, alerts.high_told),
        "false_high": list(alerts.false_high[:20]),
        "recall_alerted": share(alerts.told_illicit, alerts.illicit),
        "recall_ceiling": share(alerts.findable, alerts.illicit),
        "recall_by_kind": {k: f"{told} of {all_}" for k, (told, all_) in alerts.told_by_kind.items()},
        "silent_reposts": alerts.silent,
        "silent_reposts_told": share(alerts.told_silent, alerts.silent),
        "items_told_apart": alerts.apart,
        "latency_p50_s": p50,
        "latency_p99_s": p99,
        "latency_p50_real_s": p50 / speed if p50 is not None else None,
        "latency_p99_real_s": p99 / speed if p99 is not None else None,
        "latency_longest_s": alerts.longest_s,
        "reposts_joined": share(items.joined, items.reposts),
        "reposts": items.reposts,
        "wrong_joins": share(len(items.wrong), items.posts),
        "wrong_join_posts": list(items.wrong[:20]),
        "by_lifetime": {name: group_figures(group) for name, group in score.by_band.items()},
        "by_site": {name: group_figures(group) for name, group in score.by_site.items()},
        "comparison": dict(score.comparison),
    }


def _linked(
    course: Course, told: Mapping[str, object], evidence: Mapping[str, Sequence[Held]]
) -> dict[str, object]:
    """Accounts that the daemon takes for one seller, against the rings of the market."""
    score = score_sellers(course.world, told, evidence)
    return {
        "seller_pairs": score.linked,
        "seller_pairs_planted": score.planted,
        "seller_pairs_linkable": score.linkable,
        "seller_pairs_plain": score.plain,
        "seller_precision": share(score.right, score.linked),
        "seller_recall": share(score.right, score.planted),
        "seller_recall_linkable": share(score.right_linkable, score.linkable),
        "seller_recall_plain": share(score.right_plain, score.plain),
    }


def group_figures(group: Group) -> dict[str, object]:
    """A group of posts as figures."""
    return {
        "posts": group.posts,
        "capturable": group.capturable,
        "captured_of_capturable": share(group.captured_capturable, group.capturable),
        "captured_of_all": share(group.captured, group.posts),
        "ceiling": group.ceiling,
    }


def _custody_figures(
    verified: Mapping[str, object], files: custody.Custody, broken: list[str], evidence: int
) -> dict[str, object]:
    """What verify says, beside what our own hashing found."""
    return {
        "evidence": evidence,
        "evidence_whole": share(evidence - len(broken), evidence),
        "evidence_broken": broken[:20],
        "verify_whole": verified.get("whole"),
        "verify_faults": verified.get("faults"),
        "files": len(files.sizes),
        "files_mb": sum(files.sizes.values()) / 1e6,
        "files_damaged": len(files.damaged),
    }


def _handed_over(places: Places, ids: list[str]) -> dict[str, object]:
    """Export a sample and check it with nothing but its own list of hashes."""
    chosen = sampled(ids)
    if not chosen:
        return {"exported": 0, "export_faults": None}
    folder = places.folder / "sample-export"
    if folder.exists():  # the night is judged again
        shutil.rmtree(folder)
    ask(places, "export", *chosen, "--out", str(folder))
    faults = export_faults(folder)
    return {"exported": len(chosen), "export_faults": len(faults), "export_fault_files": faults[:20]}


def _costs(course: Course, exhibits: Exhibits, told: list[Told]) -> dict[str, object]:
    meter, counters, places = course.meter, course.counters, course.places
    by_host: dict[int, int] = {}
    for one in exhibits.served:
        by_host[one.site] = by_host.get(one.site, 0) + 1
    return {
        "requests": len(exhibits.served),
        "requests_of_busiest_host": max(by_host.values(), default=0),
        "chat_repeats_by_key": sum(not one.first for one in told),
        "polls": counters.total("polls_total"),
        "polls_late_p99_s": counters.quantile("poll_lateness_seconds", 99),
        "polls_within_5s": counters.share_within("poll_lateness_seconds", "5.0"),
        "rss_peak_mb": meter.rss_peak_mb,
        "workers_rss_peak_mb": meter.workers_peak_mb,
        "cpu_s": meter.cpu_s,
        "market_cpu_s": meter.market_cpu_s,
        "restarts": len(course.down),
        "restart_first_poll_s": max(course.restarts_real_s, default=None),
        "restart_subtracted_s": reach.total_s(course.down),
        "stop_s": course.stop_real_s,
        "notes": list(course.notes),
        "data_dir": str(places.data),
        "config": str(places.config),
        "truth": str(places.truth),
    }


def promises(figures: Mapping[str, object]) -> tuple[Promise, ...]:
    """The promises of issue 2, must-show 1, on these figures."""
    return (
        _least("captured_of_capturable", figures, 0.99),
        _least("captured_of_ceiling", figures, 0.97),
        _most("false_deletions", figures, 0),
        _least("deletion_inside_interval", figures, 1.0),
        _least("alerts_expected", figures, 1),
        _most("alerts_lost", figures, 0),
        _most("alerts_doubled", figures, 0),
        _most("unjudged", figures, 0),
        _least("precision_high", figures, 0.90),
        _least("evidence_whole", figures, 1.0),
        _most("verify_faults", figures, 0),
        _most("files_damaged", figures, 0),
        _most("export_faults", figures, 0),
    )


def _measured(name: str, figures: Mapping[str, object]) -> float | None:
    value = figures.get(name)
    return float(value) if isinstance(value, int | float) else None


def _least(name: str, figures: Mapping[str, object], bound: float) -> Promise:
    measured = _measured(name, figures)
    kept = measured is not None and measured >= bound
    return Promise(name=name, measured=measured, bound=bound, at_most=False, kept=kept)


def _most(name: str, figures: Mapping[str, object], bound: float) -> Promise:
    measured = _measured(name, figures)
    kept = measured is not None and measured <= bound
    return Promise(name=name, measured=measured, bound=bound, at_most=True, kept=kept)


def sampled(ids: list[str]) -> list[str]:
    """Evidence ids spread evenly over the night."""
    step = max(1, len(ids) // SAMPLES)
    return ids[::step][:SAMPLES]


def export_faults(folder: Path) -> list[str]:
    """Files of an export whose hash differs from its manifest-sha256.txt, or that it does not name."""
    named: dict[str, str] = {}
    for line in (folder / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        named[name.removeprefix("*").removeprefix("./")] = digest
    faults = []
    for name, digest in named.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            faults.append(name)
    return faults if named else ["manifest-sha256.txt names nothing"]
