"""What holds for every test: laws are not judged by a busy machine's clock; a new store is quickly made."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes import schema

# A shared machine stalls for a second now and then: time is measured by benches, not here.
# CI decides whether a change lands, so there the examples are the same at every run.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("shared"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "shared")


@pytest.fixture(scope="session", autouse=True)
def new_databases_are_copied() -> Iterator[None]:
    """See `fakes/schema.py`."""
    with schema.copied():
        yield
