"""An ideal watcher: polls a world without a network and exports what a perfect daemon would.

The judge must give it full marks, and must notice every way in which its exports are
spoilt. It knows the truth, but only of the instants at which it looks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nightmarket import reach
from nightmarket.exports import Held, Spoken
from nightmarket.judge import Exhibits
from nightmarket.model import Advert, Site, World
from nightmarket.shelf import Shelf, shelves
from nightmarket.truth import Served

LAG = timedelta(seconds=2)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Night:
    world: World
    served: list[Served] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    ndjson: list[Spoken] = field(default_factory=list)
    chat: list[Spoken] = field(default_factory=list)

    def exhibits(self, **changed: object) -> Exhibits:
        given = {
            "world": self.world,
            "served": self.served,
            "held": self.held,
            "channels": {"ndjson": self.ndjson, "chat": self.chat},
        }
        return Exhibits(**(given | changed))  # type: ignore[arg-type]


def watch(world: World) -> Night:
    night = Night(world)
    for number, shelf in shelves(world).items():
        _watch_site(night, world.sites[number - 1], shelf)
    night.held.sort(key=lambda h: h.captured_at)
    for event in sorted(night.ndjson, key=lambda e: e.captured_at or world.start):
        night.chat.append(event)
    return night


def _watch_site(night: Night, site: Site, shelf: Shelf) -> None:
    world = night.world
    every = timedelta(seconds=world.interval_s)
    open_ = reach.without(
        reach.windows(site, world.start, world.end),
        [t.span for t in world.troubles if t.site == site.number and t.kind in reach.CLOSED],
    )
    seen: dict[str, datetime] = {}
    gone: set[str] = set()
    for span in open_:
        at = span.begin + timedelta(seconds=(site.number * 7) % world.interval_s)
        while at < span.end:
            for advert in shelf.on_show(at)[: site.reach]:
                if advert.key not in seen and advert.is_alive(at):
                    _capture(night, advert, at)
                    seen[advert.key] = at
            for advert in shelf.adverts:
                if advert.key in seen and not advert.is_alive(at) and advert.key not in gone:
                    gone.add(advert.key)
                    _miss(night, advert, seen[advert.key], at)
                if advert.key in seen and advert.is_alive(at):
                    seen[advert.key] = at
            at += every


def _capture(night: Night, advert: Advert, at: datetime) -> None:
    site = night.world.sites[advert.site - 1]
    body = sha(f"{advert.key} {at}")
    night.served.append(
        Served(at=at, site=site.number, path="/", status=200, kind="page", sha256=body, whole=(advert.key,))
    )
    pictures = []
    for number in range(1, len(advert.pictures) + 1):
        pictures.append(sha(f"{advert.key}#{number}"))
        night.served.append(
            Served(
                at=at,
                site=site.number,
                path="/",
                status=200,
                kind="picture",
                sha256=pictures[-1],
                picture=f"{advert.key}#{number}",
            )
        )
    said = advert.wording(at)
    night.held.append(
        Held(
            evidence_id=sha(f"evidence {advert.key}")[:32],
            target=site.name,
            post_id=advert.post_id,
            url=f"http://{site.address}:80/p/{advert.post_id}.html",
            observation="seen",
            captured_at=at,
            title=said.title,
            text=said.text,
            page_sha256=body,
            pictures=tuple(pictures),
            tier="high" if advert.illicit else "none",
            item_id=f"item-{advert.thing}" if advert.illicit else "",
        )
    )
    if advert.illicit and not any(e.item_id == f"item-{advert.thing}" for e in night.ndjson):
        _tell(night, advert, at)


def _tell(night: Night, advert: Advert, at: datetime) -> None:
    site = night.world.sites[advert.site - 1]
    night.ndjson.append(
        Spoken(
            alert_id=f"alert-{advert.thing}",
            kind="new",
            tier="high",
            item_id=f"item-{advert.thing}",
            evidence_id=sha(f"evidence {advert.key}")[:32],
            target=site.name,
            post_id=advert.post_id,
            url=f"http://{site.address}:80/p/{advert.post_id}.html",
            captured_at=at,
            at=at + LAG,
        )
    )


def _miss(night: Night, advert: Advert, last: datetime, at: datetime) -> None:
    site = night.world.sites[advert.site - 1]
    night.held.append(
        Held(
            evidence_id=sha(f"missing {advert.key}")[:32],
            target=site.name,
            post_id=advert.post_id,
            url=f"http://{site.address}:80/p/{advert.post_id}.html",
            observation="missing",
            captured_at=at + timedelta(seconds=1),
            last_seen_at=last,
            first_missing_at=at,
        )
    )
