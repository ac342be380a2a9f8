"""An outage of both authorities of time, in short: the bench of that name must meet its targets."""

from __future__ import annotations

import pytest

from bench import outage
from tests.fakes import tsa


@pytest.mark.slow
@pytest.mark.skipif(bool(tsa.missing()), reason=tsa.missing() or "-")
def test_the_watch_notices_nothing_and_the_tokens_come_later() -> None:
    result = outage.result(outage.one_night(6), 6)
    assert [figure for figure in result.figures if not figure.met] == []
