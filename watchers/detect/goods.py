"""Accounts that show the same goods: two pictures in common, or one of the thing that both offer. Pure.

Two pictures: one may be a stock photograph, two are seldom. One is enough only where it is of contraband
that both were caught offering with it, and nothing says that one took it from the other or both from
elsewhere: few accounts have ever shown it, people were told of each of them and loudly of one, and the two
name no different ways to reach them. It stays the weakest of all reasons, and is told as such.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from storage.sellers import Common
from storage.traces import OFFERED, PICTURED, TOLD, Shown
from watchers.detect.crowd import Crowd, Found, Ground, Pair, Sets, by_value

PICTURES = 2
"""So many pictures in common link two accounts; one may be a stock photograph."""
FEW_SHOW = 6
"""Accounts that may ever have shown a picture which links by itself; what more show goes round."""

_KINDS = (PICTURED, TOLD, OFFERED)


@dataclass(frozen=True, slots=True)
class _Photograph:
    """One picture, altered or not. shown, told: account -> its first look that did. loud: of one at least."""

    name: str
    shown: Mapping[str, int]
    told: Mapping[str, int]
    loud: bool

    @property
    def is_of_few(self) -> bool:
        """Whether it is nobody's but of those who offer what is on it."""
        return self.loud and len(self.shown) <= FEW_SHOW and len(self.told) == len(self.shown)


def goods_alike(
    shown: Sequence[Shown], same: Iterable[tuple[str, str]], crowd: Crowd, common: list[Common]
) -> Found:
    """Pairs that two pictures link, or one thing. same: pairs of pictures that are one."""
    reach = _ways(shown)
    shared: dict[Pair, list[_Photograph]] = defaultdict(list)
    for photograph in _photographs(shown, Sets(same)):
        if crowd.is_common(photograph.shown):
            common.append(Common(kind="picture", what=photograph.name, accounts=len(photograph.shown)))
            continue
        for pair in combinations(sorted(photograph.shown), 2):
            shared[pair].append(photograph)
    for pair, photographs in shared.items():
        if len(photographs) >= PICTURES:
            yield pair, _of_several(pair, photographs)
        elif photographs[0].is_of_few and not _apart(*(reach.get(account, {}) for account in pair)):
            yield pair, _of_one(pair, photographs[0])


def _photographs(shown: Sequence[Shown], sets: Sets) -> list[_Photograph]:
    """Those that several accounts showed."""
    found: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: {kind: {} for kind in _KINDS})
    for at, kind in enumerate(_KINDS):
        for value, by in by_value(shown, kind).items():
            groups = found[sets.of(value)]
            for account, seq in by.items():
                for group in _KINDS[: at + 1]:  # what was told was shown
                    groups[group][account] = min(seq, groups[group].get(account, seq))
    return [
        _Photograph(name, groups[PICTURED], groups[TOLD], loud=bool(groups[OFFERED]))
        for name, groups in found.items()
        if len(groups[PICTURED]) > 1
    ]


def _of_several(pair: Pair, photographs: Sequence[_Photograph]) -> Ground:
    first = min(photographs, key=lambda p: (p.shown[pair[0]], p.name))
    told = ", ".join(name[:12] for name in sorted(p.name for p in photographs)[:5])
    what = f"{len(photographs)} pictures in common: {told}"
    return Ground("pictures", what, _looks(first.shown, pair))


def _of_one(pair: Pair, photograph: _Photograph) -> Ground:
    whose = f"picture {photograph.name[:12]}, shown by {len(photograph.shown)} accounts"
    return Ground("item", f"both offer what is on {whose}", _looks(photograph.told, pair))


def _ways(shown: Iterable[Shown]) -> dict[str, dict[str, set[str]]]:
    """How each account is reached: account -> kind of contact -> contacts."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in shown:
        if one.kind == "contact":
            kind, _, value = one.value.partition(":")
            found[one.account_id][kind].add(value)
    return found


def _apart(one: Mapping[str, set[str]], other: Mapping[str, set[str]]) -> bool:
    """Whether two name different contacts of a kind and none in common: who takes a picture puts his own."""
    kinds = [kind for kind in one if kind in other]
    return bool(kinds) and not any(one[kind] & other[kind] for kind in kinds)


def _looks(by: Mapping[str, int], pair: Pair) -> tuple[int, int]:
    return by[pair[0]], by[pair[1]]
