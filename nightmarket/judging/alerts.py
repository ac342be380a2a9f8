"""Whether everybody was told, once, of the right things, and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from nightmarket.exports import Held, Names, Spoken
from nightmarket.model import Advert, Span, World

LOUDNESS = {"urgent": 0, "high": 1, "normal": 2, "none": 3, "": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertScore:
    """lost and doubled name channel and item. high_true/high_told: items told high or urgent.

    illicit: capturable illicit posts; told_illicit: those whose item was told; findable:
    those that something in the night could have given away. silent: text-free re-posts among these posts,
    of goods that were known by then (`_silent_reposts`); told_silent: those told.
    apart: items that were told as new before it was seen that they are part of another. latencies_s: from the
    bytes to the receiver, simulated, of new alerts that met no fault of the chat and are not of
    hindsight: of those nothing was known when the bytes came.
    """

    expected: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    told: int
    high_told: int
    high_true: int
    false_high: tuple[str, ...]
    illicit: int
    told_illicit: int
    findable: int
    silent: int
    told_silent: int
    apart: int
    told_by_kind: dict[str, tuple[int, int]] = field(default_factory=dict)
    latencies_s: tuple[float, ...] = ()
    longest_s: float = 0.0
    hindsight: int = 0


def score_alerts(
    world: World,
    names: Names,
    held: Sequence[Held],
    channels: Mapping[str, Sequence[Spoken]],
    catchable: AbstractSet[str],
) -> AlertScore:
    """Judge what the channels were told against the items of the evidence."""
    adverts = {advert.key: advert for advert in world.adverts}
    expected = {h.item_id or h.evidence_id for h in held if LOUDNESS.get(h.tier, 3) < 3}
    lost, doubled = [], []
    for channel, events in channels.items():
        told = {_item(e) for e in events if e.kind == "new"}
        lost += [f"{channel}: {item}" for item in sorted(expected - told)]
        doubled += [f"{channel}: {item}" for item in _doubled(events)]
    loudest = _loudest(channels)
    high = [e for e in loudest.values() if LOUDNESS.get(e.tier, 3) <= 1]
    wrong = [e for e in high if not _is_illicit(e, adverts, names)]
    items = {names.of_held(h): h.item_id for h in held if h.item_id}
    bad = [a for a in world.adverts if a.illicit and a.key in catchable]
    told_bad = [a for a in bad if items.get(a.key) in loudest]
    silent = _silent_reposts(world, bad, {names.of_held(h) for h in held if h.pictures})
    fast, longest = _latencies(world, channels)
    return AlertScore(
        expected=len(expected),
        lost=tuple(lost),
        doubled=tuple(doubled),
        told=len(loudest),
        high_told=len(high),
        high_true=len(high) - len(wrong),
        false_high=tuple(f"{names.key(e.target, e.url, e.post_id)} ({e.tier})" for e in wrong),
        illicit=len(bad),
        told_illicit=len(told_bad),
        findable=len(_findable(world, bad)),
        silent=len(silent),
        told_silent=sum(a.key in silent for a in told_bad),
        apart=len(loudest.keys() - {h.item_id or h.evidence_id for h in held}),
        told_by_kind=_by_kind(bad, told_bad),
        latencies_s=fast,
        longest_s=longest,
        hindsight=sum(event.hindsight for event in loudest.values()),
    )


def _item(event: Spoken) -> str:
    return event.item_id or event.evidence_id


def _doubled(events: Sequence[Spoken]) -> list[str]:
    """Items told again as new though not louder, and alert ids that appear twice."""
    found: list[str] = []
    loudest: dict[str, int] = {}
    ids: set[str] = set()
    for event in events:
        if event.alert_id in ids:
            found.append(f"alert {event.alert_id}")
            continue
        ids.add(event.alert_id)
        if event.kind != "new":
            continue
        loud = LOUDNESS.get(event.tier, 3)
        if _item(event) in loudest and loud >= loudest[_item(event)]:
            found.append(_item(event))
        loudest[_item(event)] = min(loud, loudest.get(_item(event), 3))
    return found


def _loudest(channels: Mapping[str, Sequence[Spoken]]) -> dict[str, Spoken]:
    """By item: the loudest new alert in any channel."""
    found: dict[str, Spoken] = {}
    for events in channels.values():
        for event in events:
            known = found.get(_item(event))
            if event.kind == "new" and (known is None or LOUDNESS[event.tier] < LOUDNESS[known.tier]):
                found[_item(event)] = event
    return found


def _is_illicit(event: Spoken, adverts: Mapping[str, Advert], names: Names) -> bool:
    advert = adverts.get(names.key(event.target, event.url, event.post_id))
    return advert is not None and advert.illicit


def _findable(world: World, bad: Sequence[Advert]) -> set[str]:
    """Illicit posts that known words, or a picture seen before, could give away."""
    known_things = set(range(1, len(world.gallery) + 1))
    found = set()
    for advert in sorted(bad, key=lambda a: a.published):
        if _has_word(advert) or advert.thing in known_things:
            found.add(advert.key)
            known_things.add(advert.thing)
    return found


def _has_word(advert: Advert) -> bool:
    return any(h.startswith(("plain:", "code:", "vague:")) for h in advert.hints)


def _silent_reposts(world: World, bad: Sequence[Advert], pictured: AbstractSet[str]) -> set[str]:
    """Those without words whose goods were known by then. pictured: adverts with pictures in evidence.

    Known: of the gallery, or of an earlier post with a known word. Goods that were only ever shown without
    one are known to nobody (facts: domain, "re-posted known image, no text").
    """
    known = set(range(1, len(world.gallery) + 1))
    wanted, found = {a.key for a in bad if a.kind == "silent"}, set()
    for advert in sorted(world.adverts, key=lambda a: a.published):
        if advert.key in wanted and advert.thing in known:
            found.add(advert.key)
        if advert.illicit and advert.key in pictured and _has_word(advert):
            known.add(advert.thing)
    return found


def _by_kind(bad: Sequence[Advert], told: Sequence[Advert]) -> dict[str, tuple[int, int]]:
    kinds = sorted({a.kind for a in bad})
    return {k: (sum(a.kind == k for a in told), sum(a.kind == k for a in bad)) for k in kinds}


def _latencies(world: World, channels: Mapping[str, Sequence[Spoken]]) -> tuple[tuple[float, ...], float]:
    """Spans from captured bytes to receiver: those outside the chat's outage, and the longest of all."""
    outages = [t.span for t in world.troubles if t.kind == "chat-down"]
    fast, longest = [], 0.0
    for events in channels.values():
        for event in events:
            if event.kind != "new" or event.hindsight or event.at is None or event.captured_at is None:
                continue
            took = (event.at - event.captured_at).total_seconds()
            longest = max(longest, took)
            if not any(_meet(span, event) for span in outages):
                fast.append(took)
    return tuple(fast), longest


def _meet(span: Span, event: Spoken) -> bool:
    """Whether an alert was on its way while the chat was down."""
    return bool(event.at and event.captured_at and event.at >= span.begin and event.captured_at <= span.end)
