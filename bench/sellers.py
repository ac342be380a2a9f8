"""Sellers: accounts linked on made nights against the rings that the market planted.

A ring is 3 to 6 accounts on different sites that share contacts and goods; as many accounts
sell alone, and every innocent post is somebody else's. Judged is each pair of accounts that
are one seller in the graph (precision) or in the market (recall).
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

from bench import _made
from bench.figures import Figure, Result
from watchers.lexicon import Lexicon
from watchers.linking import traced

NAME = "sellers"
SUMMARY = "accounts linked to sellers against the planted rings: precision, recall, cost a post"
NEEDS_DEV = True

Pairs = set[tuple[str, str]]


def run(args: list[str]) -> Result:
    """Measure `--seeds 1,2,3`; over all nights. `--short`: one, with a tenth of its innocents."""
    parser = argparse.ArgumentParser(prog="bench sellers")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--short", action="store_true")
    given = parser.parse_args(args)
    seeds = [1] if given.short else [int(seed) for seed in given.seeds.split(",")]
    lexicon = Lexicon.load()
    right, linked, planted, posts, cpu_s, link_s = 0, 0, 0, 0, 0.0, 0.0
    kinds: Counter[str] = Counter()
    for seed in seeds:
        _, made = _made.night(seed, lexicon, benign_in=10 if given.short else 1)
        begun = time.process_time()
        traced(one.look for one in made)
        cpu_s += time.process_time() - begun
        begun = time.process_time()
        graph = _made.graph(made)
        link_s = max(link_s, time.process_time() - begun)
        found = pairs_of(seller.accounts for seller in graph.sellers)
        truth = pairs_of(rings(made))
        right, linked, planted = right + len(found & truth), linked + len(found), planted + len(truth)
        posts += len(made)
        kinds.update(because.kind for link in graph.links for because in link.because)
    figures = (
        Figure("posts", posts),
        Figure("pairs of accounts planted", planted),
        Figure("pairs linked: precision", right / linked if linked else float("nan"), 0.9),
        Figure("pairs linked: recall", right / planted if planted else float("nan"), 0.9),
        *(Figure(f"reasons: {kind}", count) for kind, count in sorted(kinds.items())),
        Figure("CPU to keep what a post shows", cpu_s / posts * 1_000, 3.0, "at most", "ms"),
        Figure("CPU to link a whole night", link_s, unit="s"),
    )
    return Result(figures, ("pictures count as one at 5 bits of phash, as the watch compares them",))


def rings(made: Sequence[_made.Made]) -> list[list[str]]:
    """Accounts by the ring that the market planted."""
    found: dict[int, dict[str, None]] = {}
    for one in made:
        if one.advert.ring:
            found.setdefault(one.advert.ring, {})[one.account_id] = None
    return [list(each) for each in found.values()]


def pairs_of(groups: Iterable[Iterable[str]]) -> Pairs:
    """Every pair of names that stand in one group."""
    return {pair for group in groups for pair in combinations(sorted(group), 2)}
