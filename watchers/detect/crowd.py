"""Who shows what, and what so many show that it says nothing about any of them. Pure.

linking --asks--> crowd <--asks-- goods, wording
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from storage.sellers import Account
from storage.traces import Shown

MOST_ACCOUNTS = 60
FEW_ON_SITE, SHARE_OF_SITE = 8, 0.1
_NEARLY_ALL, _SOME = 0.6, 4
"""On a small site: four accounts or more that are over 60 % of all."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A reason before its looks have their ids; seqs in the order of the pair."""

    kind: str
    what: str
    seqs: tuple[int, int]


Pair = tuple[str, str]
"""Two accounts, the smaller id first."""
Found = Iterator[tuple[Pair, Ground]]


class Crowd:
    """How many accounts each site has, and what is too many of them."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._site = {key: account.site for key, account in accounts.items()}
        self._size = Counter(self._site.values())

    def is_common(self, accounts: Iterable[str]) -> bool:
        """Whether so many show it that it belongs to nobody, or to a site."""
        each = list(accounts)
        if len(each) > MOST_ACCOUNTS:
            return True
        on_site = Counter(self._site[account] for account in each)
        return any(self._is_of_site(count, self._size[site]) for site, count in on_site.items())

    @staticmethod
    def _is_of_site(count: int, size: int) -> bool:
        many = count > max(FEW_ON_SITE, SHARE_OF_SITE * size)
        return many or (count >= _SOME and count > _NEARLY_ALL * size and size > _SOME)


def by_value(shown: Iterable[Shown], kind: str) -> dict[str, dict[str, int]]:
    """What is shown -> account -> first look."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for one in shown:
        if one.kind == kind:
            found[one.value][one.account_id] = one.seq
    return found


class Sets:
    """Disjoint sets of names (Tarjan), each called by its smallest."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._up: dict[str, str] = {}
        for one, other in pairs:
            self.join(one, other)

    def of(self, name: str) -> str:
        """The smallest name of its set."""
        while (up := self._up.get(name, name)) != name:
            self._up[name] = self._up.get(up, up)
            name = up
        return name

    def join(self, one: str, other: str) -> None:
        """Make one set of two."""
        low, high = sorted((self.of(one), self.of(other)))
        if low != high:
            self._up[high] = low
