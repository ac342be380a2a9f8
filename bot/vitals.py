"""The daemon's signs of life: Prometheus metrics, /healthz and /readyz on loopback.

Numbers only. No label is ever an address, a seller or a target's name: what is watched is
not for the monitoring system, and label values from strangers have no bound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from storage.errors import ConfigError

_ALERT_BUCKETS = (0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
_LATE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)


class HostCounts(Protocol):
    """What the fetching room counts per host (frozen); only sums over all hosts are shown."""

    @property
    def answered(self) -> int: ...
    @property
    def not_modified(self) -> int: ...
    @property
    def asked_to_wait(self) -> int: ...
    @property
    def walls(self) -> int: ...
    @property
    def troubles(self) -> int: ...
    @property
    def robots_forbidden(self) -> int: ...
    @property
    def broken(self) -> int: ...
    @property
    def body_bytes(self) -> int: ...


class BlobCounts(Protocol):
    """What the blob folder counts since the start."""

    written: int
    written_bytes: int


class _Tally(Collector):
    """A counter whose values are read when they are asked for."""

    def __init__(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._family = (name, text, label)
        self._read = read

    def describe(self) -> Iterator[Metric]:
        """The name alone, so that the registry refuses a second one."""
        name, text, label = self._family
        yield CounterMetricFamily(name, text, labels=[label])

    def collect(self) -> Iterator[Metric]:
        """The values as they are now."""
        name, text, label = self._family
        family = CounterMetricFamily(name, text, labels=[label])
        for value, count in self._read().items():
            family.add_metric([value], count)
        yield family


class _Polls(Collector):
    """Polls by how they ended and how late they began.

    Plain numbers until a scrape asks: this counts hundreds of times a second, and a counter of the
    library with its lock and its children costs a tenth of a poll.
    """

    def __init__(self) -> None:
        self._ended: dict[str, int] = {}
        self._late = [0] * (len(_LATE_BUCKETS) + 1)
        self._late_s = 0.0

    def count(self, outcome: str, late_s: float) -> None:
        """One poll ended."""
        self._ended[outcome] = self._ended.get(outcome, 0) + 1
        self._late[bisect_left(_LATE_BUCKETS, late_s)] += 1
        self._late_s += late_s

    def describe(self) -> Iterator[Metric]:
        """The names alone, so that the registry refuses a second one."""
        yield CounterMetricFamily("nightjar_polls", "Polls of targets, by how they ended", labels=["outcome"])
        yield HistogramMetricFamily("nightjar_poll_lateness_seconds", "How much later than due a poll began")

    def collect(self) -> Iterator[Metric]:
        """The values as they are now."""
        polls, lateness = self.describe()
        assert isinstance(polls, CounterMetricFamily)
        assert isinstance(lateness, HistogramMetricFamily)
        for outcome, count in self._ended.items():
            polls.add_metric([outcome], count)
        names = [*(str(float(bound)) for bound in _LATE_BUCKETS), "+Inf"]
        lateness.add_metric([], list(zip(names, accumulate(self._late), strict=True)), self._late_s)
        yield polls
        yield lateness


class Vitals:
    """The metrics as attributes, and the small server that shows them.

    ready: names every reason why the daemon is not fit for the night; empty is ready. It is
    called per request on the loop, so it must be quick. port 0 takes a free one (`port`
    tells after `start`).
    """

    def __init__(self, host: str, port: int, ready: Callable[[], Sequence[str]]) -> None:
        self.host, self.port = host, port
        self._ready = ready
        self._runner: web.AppRunner | None = None
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._name_metrics()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace="nightjar", registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace="nightjar", registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, text, namespace="nightjar", registry=self.registry, buckets=buckets)

    def _name_metrics(self) -> None:
        """Straight list, one line each: this is the table of docs/operations.md."""
        self._polls = _Polls()
        self.registry.register(self._polls)
        self.capture_seconds = self._histogram(
            "capture_seconds", "From receiving a listing to a post of it sealed", _ALERT_BUCKETS
        )
        self.verdicts_total = self._counter("verdicts_total", "Verdicts recorded", "tier")
        self.judge_seconds = self._histogram(
            "judge_seconds", "From a seal to its verdict recorded", _LATE_BUCKETS
        )
        self.captures_total = self._counter("captures_total", "Sealed looks at posts", "observation")
        self.pictures_total = self._counter("pictures_total", "Pictures wanted, by what came", "outcome")
        self.capture_to_alert_seconds = self._histogram(
            "capture_to_alert_seconds", "From listing a post to its alert delivered", _ALERT_BUCKETS
        )
        self.deliveries_total = self._counter(
            "deliveries_total", "Tries to deliver an alert", "channel", "outcome"
        )
        self.vigil_looks_total = self._counter("vigil_looks_total", "Looks at posts under vigil", "presence")
        self.reloads_total = self._counter("reloads_total", "Readings of the configuration", "outcome")
        self.queue_depth = self._gauge("queue_depth", "Waiting now", "queue")
        self.loop_lag_seconds = self._gauge(
            "loop_lag_seconds", "How late the loop came to its timers lately; measured while captures wait"
        )
        self.targets = self._gauge("targets", "Targets, by health", "health")
        self.oldest_good_poll_age_seconds = self._gauge(
            "oldest_good_poll_age_seconds", "Age of the oldest last good poll of the targets due tonight"
        )
        self.targets_overdue = self._gauge("targets_overdue", "Targets that should have been polled by now")
        self.disk_troubles_total = self._counter("disk_troubles_total", "Times the disk began to refuse")
        self.not_preserved = self._gauge("not_preserved", "Captures held in memory: the disk refuses them")
        self.verified_at_seconds = self._gauge(
            "verified_at_seconds", "When the store was last verified, Unix time; 0 for never"
        )
        self.verify_faults = self._gauge("verify_faults", "Faults that the last verify found")
        self.time_stamps_total = self._counter(
            "time_stamps_total", "Requests to authorities of time, by how they ended", "authority", "outcome"
        )
        self.time_stamps_waiting = self._gauge(
            "time_stamps_waiting", "Requests for time stamps that wait for an answer", "authority"
        )
        self.time_stamp_wait_seconds = self._gauge(
            "time_stamp_wait_seconds", "For how long the oldest of them has waited", "authority"
        )
        self.disk_free_bytes = self._gauge("disk_free_bytes", "Free on the data folder's file system")

    def tally(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Show counters that a room keeps itself: `read` is called per scrape and gives value by label.

        Raises ValueError when the name is taken.
        """
        self.registry.register(_Tally(f"nightjar_{name}", text, label, read))

    def follow(self, hosts: Callable[[], Iterable[HostCounts]], blobs: BlobCounts) -> None:
        """Show what the fetching room and the blob folder count themselves. Once per instance."""
        ends = ("answered", "not_modified", "asked_to_wait", "walls", "troubles", "robots_forbidden")
        outcomes = (*ends, "broken")  # a limit or a pause: the politeness report tells whose

        def requests() -> dict[str, float]:
            rows = tuple(hosts())
            return {name: sum(getattr(row, name) for row in rows) for name in outcomes}

        self.tally("requests", "Requests to hosts, by how they ended", "outcome", requests)
        self.tally(
            "bytes",
            "Bytes of bodies read and of blobs newly kept",
            "of",
            lambda: {"bodies": sum(row.body_bytes for row in hosts()), "blobs": blobs.written_bytes},
        )
        self.tally("blobs_written", "Blobs newly kept", "of", lambda: {"all": blobs.written})

    def watch_gaps(self, count: Callable[[], int]) -> None:
        """Show how many listings rolled over between two polls. Once per instance."""
        self.tally("gaps", "Listings that showed no post known before", "of", lambda: {"listings": count()})

    # The watch counts through these (watchers/meter.py); none blocks or raises.

    def polled(self, outcome: str, late_s: float) -> None:
        """One poll ended, and began `late_s` after it was due."""
        self._polls.count(outcome, max(0.0, late_s))

    def captured(self, observation: str, took_s: float) -> None:
        """One look at a post was sealed, `took_s` after its listing was received."""
        self.captures_total.labels(observation).inc()
        self.capture_seconds.observe(took_s)

    def pictured(self, outcome: str) -> None:
        """One picture was kept, absent, hashed or undecodable."""
        self.pictures_total.labels(outcome).inc()

    def judged(self, tier: str, took_s: float) -> None:
        """One verdict was recorded, `took_s` after the seal."""
        self.verdicts_total.labels(tier).inc()
        self.judge_seconds.observe(took_s)

    def looked(self, presence: str) -> None:
        """One look of the vigil."""
        self.vigil_looks_total.labels(presence).inc()

    def queued(self, queue: str, depth: int) -> None:
        """So many wait in a queue now."""
        self.queue_depth.labels(queue).set(depth)

    def held_back(self, captures: int, lag_s: float) -> None:
        """So many captures wait for polls and newer posts, while the loop is so late."""
        self.queue_depth.labels("held_back").set(captures)
        self.loop_lag_seconds.set(lag_s)

    def delivered(self, channel: str, outcome: str, tier: str, took_s: float) -> None:
        """One try at a delivery ended, `took_s` after the capture."""
        del tier
        self.deliveries_total.labels(channel, outcome).inc()
        if outcome == "delivered":
            self.capture_to_alert_seconds.observe(took_s)

    def stamped(self, authority: str, outcome: str) -> None:
        """One request to an authority of time ended: whole, trouble or refused."""
        self.time_stamps_total.labels(authority, outcome).inc()

    def forget_stamps(self) -> None:
        """Other authorities are configured: those that are gone wait for nothing."""
        self.time_stamps_waiting.clear()
        self.time_stamp_wait_seconds.clear()

    def stamps_wait(self, authority: str, count: int, waits_s: float) -> None:
        """So many requests wait for an authority, the oldest for `waits_s`."""
        self.time_stamps_waiting.labels(authority).set(count)
        self.time_stamp_wait_seconds.labels(authority).set(waits_s)

    async def start(self) -> None:
        """Serve. Raises ConfigError when the address cannot be had."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            where = f"{self.host}:{self.port}"
            raise ConfigError(
                f"cannot listen on {where}: {error.strerror}", table="nightjar", key="metrics"
            ) from error
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the server. Twice is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        problems = self._ready()
        if not problems:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="".join(f"{' '.join(p.split())}\n" for p in problems))
