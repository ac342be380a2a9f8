"""A dead and a slow host among many in virtual time, for `bench restart`: what a busy machine cannot blur.

The true roster, lines, gates and watches over sites from memory; each starts a poll exactly when it may.
"""

from __future__ import annotations

from structlog.testing import capture_logs

from bench._throng import DEAD, DRIPPING
from tests.fakes.sites import World, in_world, target

GIVEN_UP_S = 20.0
"""After so long the daemon gives up on a host that says nothing, and on one that drips."""
INTERVAL_S = 10.0
SECONDS = 60.0


def lateness_p99(targets: int, hosts: int, *, ill: bool) -> float:
    """Seconds after they were due within which 99 of 100 polls of hosts that are well began."""
    late: list[float] = []
    names = [f"h{n}.example" for n in range(hosts)]
    bad = {names[DEAD], names[DRIPPING]}

    def polled(outcome: str, late_s: float) -> None:
        if outcome in ("same", "changed"):
            late.append(late_s)

    async def script(world: World) -> None:
        world.meter.polled = polled  # type: ignore[method-assign]
        if ill:
            world.sites.latency_s.update(dict.fromkeys(bad, GIVEN_UP_S))
            world.sites.fails |= bad
        pace = {"interval_s": INTERVAL_S, "day_interval_s": INTERVAL_S}
        await world.start(*(target(n, names[n % hosts], **pace) for n in range(targets)))
        await world.clock.sleep(2 * INTERVAL_S)
        late.clear()
        await world.clock.sleep(SECONDS)

    with capture_logs():
        in_world(script)
    return sorted(late)[int(len(late) * 0.99)]
