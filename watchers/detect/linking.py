"""Which accounts are one seller: by a contact, two pictures, or the wording of their adverts. Pure.

What very many accounts show says nothing about any of them: a site's own hotline, the picture
it puts into every post, its set phrases, a meme. So everything is counted first, and what is
common is told apart and links nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from storage.model import Tier
from storage.sellers import Account, Because, Common, Graph, Link, Record, Seller
from storage.traces import Shown
from watchers.detect.grams import Ints
from watchers.detect.template import VALUES, unpacked

Truths = NDArray[np.bool_]

PICTURES = 2
"""So many pictures in common link two accounts; one may be a stock photograph."""
ALIKE = 0.8
"""Share of a signature's rare values in which two texts agree."""
RARE_VALUES = 16
"""Of 64; a text with fewer is put together from set phrases."""
MOST_ACCOUNTS = 60
MOST_CONTACTS = 12
"""An account that shows more is a place where many sell, and is linked to nobody."""
FEW_ON_SITE, SHARE_OF_SITE = 8, 0.1
_NEARLY_ALL, _SOME = 0.6, 4
"""On a small site: four accounts or more that are over 60 % of all."""
_BANDS = 16
_IN_BAND = VALUES // _BANDS
_COMPARED = 8
"""Texts of a bucket against which each is compared, so that no bucket costs its square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything to link by. same: pairs of pictures that are one; evidence: id of a look."""

    accounts: Mapping[str, Account]
    records: Mapping[str, Record]
    shown: Sequence[Shown]
    same: Iterable[tuple[str, str]]
    evidence: Callable[[int], str]


def linked(seen: Seen) -> Graph:
    """Accounts, links and sellers. The same rows give the same graph, whatever their order."""
    crowd = _Crowd(seen.accounts)
    reasons: dict[tuple[str, str], list[_Reason]] = defaultdict(list)
    common: list[Common] = []
    people = _without_places(seen, common)
    for found in (
        _contacts(people, crowd, common),
        _pictures(people, crowd, common),
        _texts(people, crowd, common),
    ):
        for pair, reason in found:
            reasons[pair].append(reason)
    links = tuple(
        Link(
            one=one,
            other=other,
            because=tuple(
                Because(
                    kind=r.kind, what=r.what, evidence=(seen.evidence(r.seqs[0]), seen.evidence(r.seqs[1]))
                )
                for r in sorted(reasons[one, other], key=lambda r: (r.kind, r.what))
            ),
        )
        for one, other in sorted(reasons)
    )
    sellers = _sellers(seen.records, links)
    order = sorted(common, key=lambda c: (-c.accounts, c.kind, c.what))
    return Graph(
        accounts=dict(seen.accounts),
        records=dict(seen.records),
        links=links,
        sellers=sellers,
        common=tuple(order),
    )


def looks_named(shown: Iterable[Shown]) -> set[int]:
    """Looks that a reason may name."""
    return {one.seq for one in shown if one.kind != "post"}


@dataclass(frozen=True, slots=True)
class _Reason:
    """A reason before its looks have their ids; seqs in the order of the pair."""

    kind: str
    what: str
    seqs: tuple[int, int]


_Found = Iterator[tuple[tuple[str, str], _Reason]]


class _Crowd:
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


def _without_places(seen: Seen, common: list[Common]) -> Seen:
    """Without what accounts show that belong to many, such as a channel or a forum's robot."""
    own = Counter(one.account_id for one in seen.shown if one.kind == "contact")
    places = {account for account, count in own.items() if count > MOST_CONTACTS}
    common += [Common(kind="account", what=account, accounts=own[account]) for account in places]
    if not places:
        return seen
    return replace(seen, shown=[one for one in seen.shown if one.account_id not in places])


def _by_value(shown: Iterable[Shown], kind: str) -> dict[str, dict[str, int]]:
    """What is shown -> account -> first look."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for one in shown:
        if one.kind == kind:
            found[one.value][one.account_id] = one.seq
    return found


def _contacts(seen: Seen, crowd: _Crowd, common: list[Common]) -> _Found:
    for value, by in _by_value(seen.shown, "contact").items():
        if len(by) < 2:
            continue
        if crowd.is_common(by):
            common.append(Common(kind="contact", what=value, accounts=len(by)))
            continue
        for one, other in combinations(sorted(by), 2):
            yield (one, other), _Reason("contact", value, (by[one], by[other]))


def _pictures(seen: Seen, crowd: _Crowd, common: list[Common]) -> _Found:
    """Two different pictures in common, each shown by few."""
    sets = _Sets(seen.same)
    by_picture: dict[str, dict[str, int]] = defaultdict(dict)
    for value, by in _by_value(seen.shown, "picture").items():
        group = by_picture[sets.of(value)]
        for account, seq in by.items():
            group[account] = min(seq, group.get(account, seq))
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, by in by_picture.items():
        if len(by) < 2:
            continue
        if crowd.is_common(by):
            common.append(Common(kind="picture", what=name, accounts=len(by)))
            continue
        for pair in combinations(sorted(by), 2):
            shared[pair].append(name)
    for (one, other), names in shared.items():
        if len(names) >= PICTURES:
            first = min(names, key=lambda name: (by_picture[name][one], name))
            told = ", ".join(name[:12] for name in sorted(names)[:5])
            what = f"{len(names)} pictures in common: {told}"
            yield (one, other), _Reason("pictures", what, (by_picture[first][one], by_picture[first][other]))


class _Sets:
    """Disjoint sets of names (Tarjan), each called by its smallest."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._up: dict[str, str] = {}
        for one, other in pairs:
            self.join(one, other)

    def of(self, name: str) -> str:
        while (up := self._up.get(name, name)) != name:
            self._up[name] = self._up.get(up, up)
            name = up
        return name

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.of(one), self.of(other)))
        if low != high:
            self._up[high] = low


# --- texts --------------------------------------------------------------------------


def _texts(seen: Seen, crowd: _Crowd, common: list[Common]) -> _Found:
    """Pairs of accounts that wrote texts which agree in what is rare in them."""
    by_text = _by_value(seen.shown, "text")
    texts = sorted(by_text)
    if len(texts) < 1 or sum(len(by) for by in by_text.values()) < 2:
        return
    table = np.array([unpacked(text) for text in texts], np.int64)
    rare = _rare(table, [by_text[text] for text in texts], crowd)
    groups = _Sets(())
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
    crowd: _Crowd,
    common: list[Common],
) -> _Found:
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
            yield (one, other), _Reason("text", f"texts alike by {alike:.2f}", (-seqs[0], -seqs[1]))


def _rare(table: Ints, by: Sequence[Mapping[str, int]], crowd: _Crowd) -> Truths:
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


# --- sellers ------------------------------------------------------------------------


def _sellers(records: Mapping[str, Record], links: Iterable[Link]) -> tuple[Seller, ...]:
    sets = _Sets((link.one, link.other) for link in links)
    members: dict[str, list[str]] = defaultdict(list)
    for account in sorted(records):
        members[sets.of(account)].append(account)
    found = [_seller(each, records) for each in members.values()]
    return tuple(sorted(found, key=lambda s: (s.tier.rank, -s.alerted, -len(s.accounts), s.seller_id)))


def _seller(accounts: Sequence[str], records: Mapping[str, Record]) -> Seller:
    each = [records[account] for account in accounts]
    first = min(accounts, key=lambda account: (records[account].first_at, account))
    return Seller(
        seller_id=f"s{first}",
        accounts=tuple(sorted(accounts, key=lambda a: (records[a].first_at, a))),
        posts=sum(r.posts for r in each),
        alerted=sum(r.alerted for r in each),
        tier=min((r.tier for r in each), key=lambda tier: tier.rank, default=Tier.NONE),
        first_at=min(r.first_at for r in each),
        last_at=max(r.last_at for r in each),
    )
