"""What a scrape shows of the polls, which are counted without the library's counters."""

from __future__ import annotations

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bot.vitals import Vitals


def test_polls_and_their_lateness_are_shown_as_counter_and_histogram() -> None:
    vitals = Vitals("", 0, lambda: ())
    for outcome, late_s in (("same", 0.02), ("changed", 0.5), ("same", 900.0), ("same", -1.0)):
        vitals.polled(outcome, late_s)
    families = {f.name: f for f in text_string_to_metric_families(generate_latest(vitals.registry).decode())}
    polls = {s.labels["outcome"]: s.value for s in families["nightjar_polls"].samples}
    assert polls == {"same": 3.0, "changed": 1.0}
    lateness = families["nightjar_poll_lateness_seconds"]
    assert lateness.type == "histogram"
    buckets = {s.labels["le"]: s.value for s in lateness.samples if s.name.endswith("_bucket")}
    assert (buckets["0.01"], buckets["0.025"], buckets["0.5"], buckets["300.0"]) == (1, 2, 3, 3)
    assert buckets["+Inf"] == 4
    totals = {s.name.rsplit("_", 1)[1]: s.value for s in lateness.samples if "_bucket" not in s.name}
    assert totals["count"] == 4
    assert totals["sum"] == 900.52
