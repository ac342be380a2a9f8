"""The same night watched in other ways: slower polling, and a plain list of words.

Computed from the truth alone, in the watcher's favour: a poll that meets a post counts
as a capture, whatever errors the site would have answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from nightmarket import lingo
from nightmarket.model import Span, World


def compare(world: World, spans: Mapping[str, tuple[Span, ...]]) -> dict[str, float]:
    """Captured share at 15 and 60 minutes; precision and recall of a keyword filter on all posts."""
    found = {f"captured_every_{minutes}_min": _polled(world, spans, minutes * 60.0) for minutes in (15, 60)}
    words = {w.lower() for table in lingo.PLAIN.values() for terms in table.values() for w in terms}
    hits = [a for a in world.adverts if any(w in f"{a.first.title} {a.first.text}".lower() for w in words)]
    bad = sum(a.illicit for a in world.adverts)
    true = sum(a.illicit for a in hits)
    found["keyword_precision"] = true / len(hits) if hits else 0.0
    found["keyword_recall"] = true / bad if bad else 0.0
    return found


def _polled(world: World, spans: Mapping[str, tuple[Span, ...]], every_s: float) -> float:
    """Share of posts that a poll every `every_s` from the start meets."""
    met = 0
    for advert in world.adverts:
        met += any(_meets(span, world, every_s) for span in spans[advert.key])
    return met / len(world.adverts) if world.adverts else 0.0


def _meets(span: Span, world: World, every_s: float) -> bool:
    passed = -(-(span.begin - world.start).total_seconds() // every_s) * every_s
    return world.start + timedelta(seconds=passed) < span.end
