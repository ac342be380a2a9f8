"""The hostile servers of the facts, one by one: each refused or bounded, in little memory."""

from __future__ import annotations

from bench.hostile import alone, servers, told_alone
from tests.fakes.hostile import cases


async def test_the_cases_of_the_facts_end_as_stated_and_take_little_memory() -> None:
    known = cases()
    only = [name for name, case in known.items() if not case.by_time] + ["slow drip"]
    async with servers() as (ports, good_port):
        met = await alone(known, ports, good_port, only)
    assert {name: said for name, right, said, _ in met if not right} == {}
    short = [figure.name for figure in told_alone(met) if not figure.met]
    assert short == []
