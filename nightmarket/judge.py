"""The judge: scores a night from the server's truth log against what the daemon exported.

Nothing is taken from the daemon on trust. Every figure compares bytes, instants or keys
that the server logged with what `find --json`, the ndjson file and the chat's own log
hold. The terms, exactly (docs/nightmarket.md has them at length; T is the poll interval):

posts               adverts on show at any time between start and end
L_eff               seconds in which a post could be caught: on show in its first wording,
                    within the listing pages the configuration follows, site answering,
                    watch window open, daemon not being restarted by the exam
capturable          the longest unbroken part of that time is at least 1.5 T
captured whole      the daemon holds, over all its evidence of the post: a body that the
                    server sent complete and that carried the post's full wording; the
                    first wording, character by character but for white space; and every
                    picture, each with the SHA-256 that the server sent
ceiling             mean over all posts of 1 - max(0, 1 - L_eff / T)
false deletion      reported missing at an instant at which the server had it on show
inside interval     a true end of the post lies within [last seen, first missing]
alerts expected     items with a verdict above "none": one alert each, in every channel
lost / doubled      expected but never in a channel / told again as new without being louder
precision           of items told as high or urgent, the share whose first post is illicit
recall              of capturable illicit posts, the share whose item was told
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from nightmarket import reach
from nightmarket.exports import Held, Names, Spoken, by_advert
from nightmarket.judging.alerts import AlertScore, score_alerts
from nightmarket.judging.capture import Carriers, is_whole
from nightmarket.judging.compare import compare
from nightmarket.judging.deletions import DeletionScore, score_deletions
from nightmarket.judging.items import ItemScore, score_items
from nightmarket.model import Advert, Span, World
from nightmarket.truth import Served

BANDS = (
    ("under 5 min", 0.0, 300.0),
    ("5-30 min", 300.0, 1800.0),
    ("30-120 min", 1800.0, 7200.0),
    ("over 120 min", 7200.0, 1e12),
)
CAPTURABLE_INTERVALS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibits:
    """Everything the judge is shown. channels: events by channel name, in order of arrival.

    down: stretches in which the exam had the daemon killed. faults: chat troubles.
    """

    world: World
    served: Sequence[Served]
    held: Sequence[Held]
    channels: dict[str, Sequence[Spoken]]
    down: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Captures of one group of posts. ceiling: as for the whole night."""

    posts: int
    capturable: int
    captured: int
    captured_capturable: int
    ceiling: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The verdict on a night."""

    everything: Group
    by_band: dict[str, Group]
    by_site: dict[str, Group]
    missed: tuple[str, ...]
    """Keys of capturable posts that were not captured whole, with what is lacking."""
    deletions: DeletionScore
    alerts: AlertScore
    items: ItemScore
    comparison: dict[str, float] = field(default_factory=dict)


def judge(exhibits: Exhibits) -> Score:
    """Score a night; pure."""
    world = exhibits.world
    names = Names(world)
    evidence = by_advert(names, exhibits.held)
    carriers = Carriers(exhibits.served)
    spans = reach.open_spans(world, exhibits.down)
    lacking = {a.key: is_whole(a, evidence.get(a.key, ()), carriers) for a in world.adverts}
    book = _Book(world, spans, lacking)
    catchable = {a.key for a in world.adverts if book.is_capturable(a)}
    return Score(
        everything=book.group(world.adverts),
        by_band={n: book.group(_of_band(world.adverts, low, high)) for n, low, high in BANDS},
        by_site={s.name: book.group([a for a in world.adverts if a.site == s.number]) for s in world.sites},
        missed=tuple(f"{key}: {lacking[key]}" for key in sorted(catchable) if lacking[key]),
        deletions=score_deletions(world, names, exhibits.held),
        alerts=score_alerts(world, names, exhibits.held, exhibits.channels, catchable),
        items=score_items(world, names, exhibits.held),
        comparison=compare(world, spans),
    )


@dataclass(frozen=True, slots=True)
class _Book:
    """What is known of each post when the counting begins. lacking: "" means captured whole."""

    world: World
    spans: dict[str, tuple[Span, ...]]
    lacking: dict[str, str]

    def is_capturable(self, advert: Advert) -> bool:
        least = CAPTURABLE_INTERVALS * self.world.interval_s
        return reach.longest_s(self.spans[advert.key]) >= least

    def group(self, adverts: Iterable[Advert]) -> Group:
        chosen = list(adverts)
        captured = [a for a in chosen if not self.lacking[a.key]]
        chances = [reach.chance(self.spans[a.key], self.world.interval_s) for a in chosen]
        return Group(
            posts=len(chosen),
            capturable=sum(self.is_capturable(a) for a in chosen),
            captured=len(captured),
            captured_capturable=sum(self.is_capturable(a) for a in captured),
            ceiling=sum(chances) / len(chances) if chances else 0.0,
        )


def _of_band(adverts: Iterable[Advert], low: float, high: float) -> list[Advert]:
    """Posts whose first life, as first written, lasted low..high seconds."""
    return [a for a in adverts if low <= reach.first_wording(a)[0].seconds < high]


def share(part: float, whole: float) -> float | None:
    """Part of whole, or None when there is nothing to measure."""
    return part / whole if whole else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least `percent` per cent of the values do not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    rank = ceil(len(ordered) * percent / 100)
    return ordered[min(max(rank, 1), len(ordered)) - 1]
