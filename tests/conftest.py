"""What holds for every test: laws are not judged by a busy machine's clock, a new store is quickly made,
and what one test did to the process is undone before the next.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes import process, schema

# A shared machine stalls for a second now and then: time is measured by benches, not here.
# CI decides whether a change lands, so there the examples are the same at every run.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("shared"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "shared")


SLOW_FIRST = (
    "tests/night/test_demo.py",
    "tests/bench/test_many.py",
    "tests/bench/test_alerts.py",
    "tests/bench/test_liars.py",
    "tests/bench/test_growth.py",
    "tests/night/test_outage.py",
    "tests/packaging/test_wheel.py",
)
"""Files whose single tests take longest, much of it waiting: last, one of them would keep the others idle."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow files first; what pytest-randomly made of the order stays otherwise."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW_FIRST))


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: a look for cycles need not go through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def new_databases_are_copied() -> Iterator[None]:
    """See `fakes/schema.py`."""
    with schema.copied():
        yield


@pytest.fixture(autouse=True)
def the_process_is_as_it_was() -> Iterator[None]:
    """See `fakes/process.py`: after a bench that hears errors only the next test had no warnings."""
    with process.as_it_was():
        yield
