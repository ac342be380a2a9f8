"""New words: code words that no lexicon has, planted in made nights, and their rank in the nightly list.

The market uses one unknown word in about 10 % of its illicit posts, another in 5 %. Nobody tells
the watch which posts are illicit: a post counts as suspicious by its verdict, by a known
picture, or by a seller whom others of his posts gave away.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median

from bench import _made
from bench.figures import Figure, Result
from storage.model import Tier
from watchers.detect.novel import Novelty, suggested
from watchers.detect.picture import is_known
from watchers.lexicon import Lexicon
from watchers.suggesting import Seen, writings

NAME = "newwords"
SUMMARY = "planted code words in the list of proposed words of made nights: 10 % and 5 % of illicit posts"
NEEDS_DEV = True

MOST = 100
WANTED = ((0, 20), (1, 50))
"""Which of the planted words, and among how many of the first it must be."""


def run(args: list[str]) -> Result:
    """Measure `--seeds 1,2,3`; the worst night counts. `--short`: one, with a tenth of its innocents."""
    parser = argparse.ArgumentParser(prog="bench newwords")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--short", action="store_true")
    given = parser.parse_args(args)
    seeds = [1] if given.short else [int(seed) for seed in given.seeds.split(",")]
    lexicon = Lexicon.load()
    ranks: list[list[int]] = [[], []]
    shares: list[list[float]] = [[], []]
    pools: list[float] = []
    notes = []
    for seed in seeds:
        world, made = _made.night(seed, lexicon, benign_in=10 if given.short else 1)
        seen = posts(made)
        found = suggested(list(writings(seen, lexicon, offenders=_offenders(seen))), most=MOST)
        for number, word in enumerate(world.unknown_words):
            ranks[number].append(rank(found, word))
            using = sum(f"unknown:{word}" in one.advert.hints for one in made)
            shares[number].append(using / sum(one.advert.illicit for one in made))
        pools.append(sum(one.is_suspicious for one in seen))
        notes.append(f"seed {seed}: " + ", ".join(one.term for one in found[:20]))
    figures = [Figure("nights", len(seeds)), Figure("suspicious posts a night", median(pools))]
    for number, best in WANTED:
        share = median(shares[number])
        figures.append(Figure(f"word {number + 1}: share of illicit posts", share))
        figures.append(Figure(f"word {number + 1}: rank, worst night", max(ranks[number]), best, "at most"))
    return Result(tuple(figures), tuple(notes))


def posts(made: Sequence[_made.Made]) -> list[Seen]:
    """The night as words are sought in it, sellers as they were linked."""
    graph = _made.graph(made)
    seller_of = {account: seller.seller_id for seller in graph.sellers for account in seller.accounts}
    return [
        Seen(
            evidence_id=f"{one.look.seq:032x}",
            site=one.look.target,
            seller=seller_of[one.account_id],
            post=one.look.post,
            verdict=one.verdict,
            resembles=any(is_known(m) and m.is_sure for m in one.matches),
        )
        for one in made
    ]


def _offenders(seen: Sequence[Seen]) -> frozenset[str]:
    """Sellers with a loud post among theirs."""
    return frozenset(one.seller for one in seen if one.verdict.tier in (Tier.URGENT, Tier.HIGH))


def rank(found: Sequence[Novelty], word: str) -> int:
    """Where a word stands in the list, alone or in a phrase that holds it; beyond the end: one more."""
    for at, one in enumerate(found, start=1):
        if word == one.term or word in one.beside:
            return at
    return len(found) + 1
