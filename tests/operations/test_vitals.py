"""The signs of life, asked for over a real socket."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.vitals import Vitals
from storage.blobs import Blobs
from storage.errors import ConfigError
from storage.model import sha256_of
from watchers.hostbook import HostBook
from watchers.meter import Meter


class Asked:
    """A running `Vitals` and the problems it is to report."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.vitals = Vitals("127.0.0.1", 0, lambda: self.problems)

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.vitals.port}{path}") as answer,
        ):
            return answer.status, await answer.text()


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    asked = Asked()
    await asked.vitals.start()
    yield asked
    await asked.vitals.stop()


async def test_alive_is_not_the_same_as_ready(asked: Asked) -> None:
    assert await asked.get("/readyz") == (200, "ready\n")
    asked.problems = ["store: 2 rows\nlack blobs", "poll: oldest is 400 s old"]
    assert await asked.get("/readyz") == (503, "store: 2 rows lack blobs\npoll: oldest is 400 s old\n")
    assert await asked.get("/healthz") == (200, "alive\n")


async def test_counts_reach_the_metrics_page_in_prometheus_form(asked: Asked) -> None:
    meter: Meter = asked.vitals
    meter.polled("changed", 0.2)
    meter.captured("seen", 1.5)
    meter.pictured("kept")
    meter.judged("high", 0.1)
    meter.looked("404")
    meter.queued("capture", 7)
    asked.vitals.deliveries_total.labels("telegram", "delivered").inc()
    status, text = await asked.get("/metrics")
    samples = {
        (s.name, *sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }
    assert status == 200
    assert samples["nightjar_polls_total", ("outcome", "changed")] == 1
    assert samples["nightjar_captures_total", ("observation", "seen")] == 1
    assert samples["nightjar_queue_depth", ("queue", "capture")] == 7
    assert samples["nightjar_poll_lateness_seconds_count",] == 1
    assert samples["nightjar_deliveries_total", ("channel", "telegram"), ("outcome", "delivered")] == 1
    assert ("process_resident_memory_bytes",) in samples


def test_no_label_can_hold_an_address_or_a_person() -> None:
    vitals = Vitals("127.0.0.1", 0, tuple)
    labels = {label for metric in vars(vitals).values() for label in getattr(metric, "_labelnames", ())}
    assert labels == {
        "outcome", "observation", "channel", "presence", "queue", "health", "tier", "authority",
    }  # fmt: skip


async def test_counters_that_a_room_keeps_itself_are_read_at_each_scrape(asked: Asked) -> None:
    kept = {"new": 1.0, "known": 0.0}
    asked.vitals.tally("blobs", "Blobs wanted", "outcome", lambda: kept)
    kept["new"] = 5
    assert 'nightjar_blobs_total{outcome="new"} 5.0' in (await asked.get("/metrics"))[1]
    with pytest.raises(ValueError, match="Duplicated"):
        asked.vitals.tally("blobs", "again", "outcome", dict)


async def test_what_hosts_and_blobs_count_is_summed_and_names_no_host(asked: Asked, tmp_path: Path) -> None:
    book, blobs = HostBook(), Blobs(tmp_path)
    for host, answered in (("a.example", 2), ("b.example", 3)):
        book.of(host).answered = answered
        book.of(host).body_bytes = 10
        book.of(host).too_soon = answered == 3
    blobs.prepare()
    await blobs.keep({sha256_of(data): data for data in (b"page", b"picture")})
    await blobs.keep({sha256_of(b"page"): b"page"})
    asked.vitals.follow(lambda: (book.facts(host) for host in book.hosts()), blobs)
    text = (await asked.get("/metrics"))[1]
    await blobs.close()
    assert 'nightjar_requests_total{outcome="answered"} 5.0' in text
    assert 'nightjar_requests_total{outcome="broken"} 1.0' in text
    assert 'nightjar_bytes_total{of="bodies"} 20.0' in text
    assert 'nightjar_bytes_total{of="blobs"} 11.0' in text
    assert 'nightjar_blobs_written_total{of="all"} 2.0' in text
    assert "example" not in text


async def test_two_daemons_do_not_share_numbers() -> None:
    one, other = Vitals("127.0.0.1", 0, tuple), Vitals("127.0.0.1", 0, tuple)
    one.captured("seen", 1.0)
    assert other.captures_total.labels("seen")._value.get() == 0


async def test_a_taken_port_is_named_with_its_key_and_stopping_twice_is_harmless() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        vitals = Vitals("127.0.0.1", port, tuple)
        with pytest.raises(ConfigError, match=rf"nightjar: metrics: cannot listen on 127\.0\.0\.1:{port}"):
            await vitals.start()
        await vitals.stop()
    vitals = Vitals("127.0.0.1", 0, tuple)
    await vitals.start()
    await vitals.stop()
    await vitals.stop()


def test_the_operations_manual_names_every_series_and_no_other() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    table = text.split("Series worth an alarm", 1)[1].split("No label is ever", 1)[0]
    first_cells = " ".join(re.findall(r"^\| (.+?) \|", table, re.MULTILINE))
    named = set(re.findall(r"`([a-z_]+)(?:\{[a-z,]+\})?`", first_cells))
    vitals = Vitals("127.0.0.1", 0, tuple)
    vitals.follow(tuple, Blobs(Path()))
    vitals.watch_gaps(int)
    known = {
        sample
        for family in vitals.registry.collect()
        if family.name.startswith("nightjar_")
        for sample in [family.name.removeprefix("nightjar_") + ("_total" if family.type == "counter" else "")]
    }
    assert named == known
