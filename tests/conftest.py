"""What holds for every test: laws are not judged by the clock of a busy machine."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A shared machine stalls for a second now and then: time is measured by benches, not here.
# CI decides whether a change lands, so there the examples are the same at every run.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("shared"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "shared")
