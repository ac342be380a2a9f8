"""Cries out what happens in the market when it happens: the log's publish, edit and delete lines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime

from nightmarket.clockwork import Hours
from nightmarket.model import World
from nightmarket.truth import TruthLog

Line = tuple[datetime, str, dict[str, object]]


class Crier:
    """Writes each happening at its instant; what lies before the start is written at once."""

    def __init__(self, world: World, hours: Hours, log: TruthLog) -> None:
        self._world, self._hours, self._log = world, hours, log

    async def run(self) -> None:
        """Until the last happening."""
        world = self._world
        self._log.write(
            "world",
            world.start,
            seed=world.seed,
            size=world.size,
            end=world.end.isoformat(),
            interval_s=world.interval_s,
            posts=len(world.adverts),
            speed=self._hours.speed,
        )
        for at, what, facts in sorted(happenings(world), key=lambda line: (line[0], line[1])):
            left = (at - self._hours.now()).total_seconds()
            if left > 0:
                await asyncio.sleep(left)
            self._log.write(what, at, **facts)


def happenings(world: World) -> Iterator[Line]:
    """Everything that happens in a night, in no order."""
    for advert in world.adverts:
        facts: dict[str, object] = {"post": advert.key}
        yield (
            advert.published,
            "publish",
            facts
            | {
                "illicit": advert.illicit,
                "kind": advert.kind,
                "pictures": len(advert.pictures),
                "thing": advert.thing,
                "ring": advert.ring,
            },
        )
        for edit in advert.edits:
            yield edit.at, "edit", facts | {"text": edit.wording.text}
        for number, span in enumerate(advert.alive):
            if number:
                yield span.begin, "restore", facts
            yield span.end, "delete", facts | {"cause": advert.cause}
    for trouble in world.troubles:
        facts = {"site": trouble.site, "kind": trouble.kind}
        yield trouble.span.begin, "trouble", facts
        yield trouble.span.end, "clear", facts
