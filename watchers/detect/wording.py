"""Accounts whose adverts are written by one template. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from storage.sellers import Common
from storage.traces import Shown
from watchers.detect.crowd import Crowd, Found, Ground, Sets, by_value
from watchers.detect.grams import Ints
from watchers.detect.template import VALUES, unpacked

Truths = NDArray[np.bool_]

ALIKE = 0.8
"""Share of a signature's rare values in which two texts agree."""
RARE_VALUES = 16
"""Of 64; a text with fewer is put together from set phrases."""
_BANDS = 16
_IN_BAND = VALUES // _BANDS
_COMPARED = 8
"""Texts of a bucket against which each is compared, so that no bucket costs its square."""


def texts_alike(shown: Iterable[Shown], crowd: Crowd, common: list[Common]) -> Found:
    """Pairs of accounts that wrote texts which agree in what is rare in them."""
    by_text = by_value(shown, "text")
    texts = sorted(by_text)
    if len(texts) < 1 or sum(len(by) for by in by_text.values()) < 2:
        return
    table = np.array([unpacked(text) for text in texts], np.int64)
    rare = _rare(table, [by_text[text] for text in texts], crowd)
    groups = Sets(())
    for at, other in _candidates(table):
        if _alike(table, rare, at, other) >= ALIKE:
            groups.join(str(at), str(other))
    members: dict[str, list[int]] = defaultdict(list)
    for at in range(len(texts)):
        members[groups.of(str(at))].append(at)
    for each in members.values():
        yield from _of_template(each, [by_text[text] for text in texts], (table, rare), crowd, common)


def _of_template(
    texts: Sequence[int],
    by_text: Sequence[Mapping[str, int]],
    signatures: tuple[Ints, Truths],
    crowd: Crowd,
    common: list[Common],
) -> Found:
    """Links among the accounts that wrote texts of one template."""
    wrote: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for at in texts:
        for account, seq in by_text[at].items():
            wrote[account].append((at, seq))
    if len(wrote) < 2:
        return
    if crowd.is_common(wrote):
        common.append(Common(kind="text", what=f"{len(texts)} texts alike", accounts=len(wrote)))
        return
    for one, other in combinations(sorted(wrote), 2):
        alike, seqs = max(
            (_alike(*signatures, mine, theirs), (-seq, -their_seq))
            for mine, seq in wrote[one][:_COMPARED]
            for theirs, their_seq in wrote[other][:_COMPARED]
        )
        if alike >= ALIKE:
            yield (one, other), Ground("text", f"texts alike by {alike:.2f}", (-seqs[0], -seqs[1]))


def _rare(table: Ints, by: Sequence[Mapping[str, int]], crowd: Crowd) -> Truths:
    """Which values of each signature few accounts have."""
    rare = np.ones(table.shape, bool)
    several = np.array([len(each) > 1 for each in by])
    for place in range(table.shape[1]):
        order = np.argsort(table[:, place], kind="stable")
        edges = np.flatnonzero(np.diff(table[order, place])) + 1
        starts, ends = np.append(0, edges), np.append(edges, len(order))
        told = np.add.reduceat(several[order], starts) + (ends - starts > 1) > 0
        for start, end in zip(starts[told], ends[told], strict=True):
            same = order[start:end]
            if crowd.is_common({account for at in same for account in by[at]}):
                rare[same, place] = False
    return rare


def _alike(table: Ints, rare: Truths, one: int, other: int) -> float:
    """Share of the rare values in which two texts agree; 0 where there are too few."""
    if one == other:
        return 1.0 if int(rare[one].sum()) >= RARE_VALUES else 0.0
    told = rare[one] | rare[other]
    count = int(told.sum())
    if count < RARE_VALUES:
        return 0.0
    return float((table[one] == table[other])[told].sum() / count)


def _candidates(table: Ints) -> Iterator[tuple[int, int]]:
    """Pairs that agree in one of sixteen bands of four values, each once."""
    told: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        part = np.ascontiguousarray(table[:, band * _IN_BAND : (band + 1) * _IN_BAND])
        for at, row in enumerate(part):
            before = buckets[row.tobytes()]
            for other in before[:_COMPARED]:
                if (other, at) not in told:
                    told.add((other, at))
                    yield other, at
            before.append(at)
