"""Precision, recall and speed of the detector on labelled adverts.

"tune" was looked at while the weights were set; "held out" was not. Both are short texts
by one author (`tests/samples/detect`), kinder than the web. Precision is given at a base
rate of 3 % illicit posts.
"""

from __future__ import annotations

import argparse
import time

from bench.figures import Figure, Result
from storage.model import Post, Tier
from tests.detect.posts import labelled
from tests.detect.test_disguises import DISGUISES, found
from watchers.detect.score import judge
from watchers.lexicon import Lexicon

NAME = "detect"
SUMMARY = "precision and recall on labelled adverts, disguises seen through, posts a second"
NEEDS_DEV = True
BASE_RATE = 0.03


def run(args: list[str]) -> Result:
    """Judge both sample sets; no arguments."""
    argparse.ArgumentParser(prog="bench detect").parse_args(args)
    lexicon = Lexicon.load()
    figures = []
    for name in ("tune", "held_out"):
        figures += _figures(name, lexicon)
    seen = sum(found(text, term) for text, term in DISGUISES.values())
    figures.append(Figure("disguises seen through, of 26", seen, 24))
    figures.append(_speed(lexicon))
    return Result(tuple(figures), notes=(f"lexicon {lexicon.version}: {len(lexicon.terms)} terms",))


def _figures(name: str, lexicon: Lexicon) -> list[Figure]:
    judged = [(illicit, _tier(text, lexicon)) for illicit, _, _, text in labelled(name)]
    wanted = [tier for illicit, tier in judged if illicit]
    others = [tier for illicit, tier in judged if not illicit]
    loud, false = _loud(wanted), _loud(others)
    precision = BASE_RATE * loud / (BASE_RATE * loud + (1 - BASE_RATE) * false)
    return [
        Figure(f"{name}: recall, any tier", _any(wanted), 0.95),
        Figure(f"{name}: recall, high and urgent", loud),
        Figure(f"{name}: precision, high and urgent, at 3 %", precision, 0.90),
        Figure(f"{name}: innocent posts with any alert", _any(others)),
    ]


def _tier(text: str, lexicon: Lexicon) -> Tier:
    return judge(Post(post_id="1", url="https://example.org/1", text=text), (), (), lexicon, 22).tier


def _any(tiers: list[Tier]) -> float:
    return sum(tier is not Tier.NONE for tier in tiers) / len(tiers)


def _loud(tiers: list[Tier]) -> float:
    return sum(tier.rank <= Tier.HIGH.rank for tier in tiers) / len(tiers)


def _speed(lexicon: Lexicon) -> Figure:
    texts = [text for name in ("tune", "held_out") for _, _, _, text in labelled(name)]
    begun = time.perf_counter()
    for text in texts:
        _tier(text, lexicon)
    return Figure("posts judged a second, one core", len(texts) / (time.perf_counter() - begun), 200)
