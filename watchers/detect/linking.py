"""Which accounts are one seller: by a contact, their goods, or the wording of their adverts. Pure.

What very many accounts show says nothing about any of them: a site's own hotline, the picture
it puts into every post, its set phrases, a meme. So everything is counted first, and what is
common is told apart and links nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from storage.model import Tier
from storage.sellers import Account, Because, Common, Graph, Link, Record, Seller
from storage.traces import Shown
from watchers.detect.crowd import Crowd, Found, Ground, Pair, Sets, by_value
from watchers.detect.goods import goods_alike
from watchers.detect.wording import texts_alike

MOST_CONTACTS = 12
"""An account that shows more is a place where many sell, and is linked to nobody."""


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
    crowd = Crowd(seen.accounts)
    reasons: dict[Pair, list[Ground]] = defaultdict(list)
    common: list[Common] = []
    people = _without_places(seen, common)
    for found in (
        _contacts(people, crowd, common),
        goods_alike(people.shown, people.same, crowd, common),
        texts_alike(people.shown, crowd, common),
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


def _without_places(seen: Seen, common: list[Common]) -> Seen:
    """Without what accounts show that belong to many, such as a channel or a forum's robot."""
    own = Counter(one.account_id for one in seen.shown if one.kind == "contact")
    places = {account for account, count in own.items() if count > MOST_CONTACTS}
    common += [Common(kind="account", what=account, accounts=own[account]) for account in places]
    if not places:
        return seen
    return replace(seen, shown=[one for one in seen.shown if one.account_id not in places])


def _contacts(seen: Seen, crowd: Crowd, common: list[Common]) -> Found:
    for value, by in by_value(seen.shown, "contact").items():
        if len(by) < 2:
            continue
        if crowd.is_common(by):
            common.append(Common(kind="contact", what=value, accounts=len(by)))
            continue
        for one, other in combinations(sorted(by), 2):
            yield (one, other), Ground("contact", value, (by[one], by[other]))


def _sellers(records: Mapping[str, Record], links: Iterable[Link]) -> tuple[Seller, ...]:
    sets = Sets((link.one, link.other) for link in links)
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
