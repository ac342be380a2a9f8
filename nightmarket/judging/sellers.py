"""Sellers as the daemon links them against the rings that the market planted.

Judged are pairs of accounts whose posts were seen: of one seller in the daemon's eyes
(precision), of one ring in the market (recall). An account is a name on a site.

Two recalls are told. Of all pairs: how much of the rings a night came to show. Of linkable pairs: how
much of that was seen. A pair is linkable when what the daemon holds of both has a contact in common, or
two pictures of the same goods (altered or not), or when others of the ring connect the two in this way.
The market writes no ring a template of its own, so wording makes nobody linkable.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from nightmarket.exports import Held
from nightmarket.model import Advert, World

Account = tuple[str, str]
"""(address of the site, name)."""
Pair = tuple[Account, Account]
PICTURES = 2
_CONTACT = re.compile(r"(?<![a-z])[a-z]{6}\d{3}(?!\d)|(?<!\d)\d{8,11}(?!\d)")
"""As `author.contact` makes them: a WeChat name, a QQ number, a telephone number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerScore:
    """Pairs of accounts: planted, of these linkable; linked, of these right, and right and linkable."""

    planted: int
    linkable: int
    linked: int
    right: int
    right_linkable: int


def score_sellers(
    world: World, told: Mapping[str, object], evidence: Mapping[str, Sequence[Held]]
) -> SellerScore:
    """told: what `sellers --all --json` says. evidence: by key of the advert. Pure."""
    accounts = {str(one["id"]): _account(one) for one in _rows(told.get("accounts"))}
    sellers = [_names(one.get("accounts")) for one in _rows(told.get("sellers"))]
    linked = pairs_of([accounts[a] for a in each if a in accounts] for each in sellers)
    seen = set(accounts.values())
    rings: dict[int, dict[Account, list[Advert]]] = {}
    address = {site.number: site.address for site in world.sites}
    for advert in world.adverts:
        account = (address[advert.site], advert.seller)
        if advert.ring and account in seen:
            rings.setdefault(advert.ring, {}).setdefault(account, []).append(advert)
    planted = pairs_of(rings.values())
    shown = [{who: _shown(adverts, evidence) for who, adverts in ring.items()} for ring in rings.values()]
    linkable = pairs_of(group for ring in shown for group in connected(ring))
    return SellerScore(
        planted=len(planted),
        linkable=len(linkable),
        linked=len(linked),
        right=len(linked & planted),
        right_linkable=len(linked & linkable),
    )


@dataclass(frozen=True, slots=True)
class Showed:
    """What an account showed in what was kept of its posts. goods: arrangements of goods in its pictures."""

    contacts: frozenset[str]
    goods: frozenset[tuple[int, int]]

    def is_alike(self, other: Showed) -> bool:
        """Whether the two have enough in common to be linked."""
        return bool(self.contacts & other.contacts) or len(self.goods & other.goods) >= PICTURES


def contacts_in(texts: Iterable[str]) -> frozenset[str]:
    """Contacts as the market writes them."""
    return frozenset(found for text in texts for found in _CONTACT.findall(text))


def _shown(adverts: Iterable[Advert], evidence: Mapping[str, Sequence[Held]]) -> Showed:
    contacts: set[str] = set()
    goods: set[tuple[int, int]] = set()
    for advert in adverts:
        looks = evidence.get(advert.key, ())
        contacts |= contacts_in(text for look in looks for text in (look.title, look.text))
        if any(len(set(look.pictures)) >= len(advert.pictures) for look in looks):
            goods |= {(picture.layout, picture.thing) for picture in advert.pictures}
    return Showed(frozenset(contacts), frozenset(goods))


def connected(shown: Mapping[Account, Showed]) -> list[list[Account]]:
    """The accounts in groups that hang together. Pure."""
    near: dict[Account, set[Account]] = defaultdict(set)
    for (one, his), (other, theirs) in combinations(shown.items(), 2):
        if his.is_alike(theirs):
            near[one].add(other)
            near[other].add(one)
    left, groups = set(shown), []
    while left:
        group, ahead = set[Account](), {min(left)}
        while ahead:
            group |= ahead
            ahead = {account for one in ahead for account in near[one]} - group
        groups.append(sorted(group))
        left -= group
    return groups


def _rows(value: object) -> list[Mapping[str, object]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _names(value: object) -> Sequence[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def _account(one: Mapping[str, object]) -> Account:
    return str(one.get("site", "")).partition(":")[0], str(one.get("name", ""))


def pairs_of(groups: Iterable[Iterable[Account]]) -> set[Pair]:
    """Every pair that stands in one group."""
    return {pair for group in groups for pair in combinations(sorted(set(group)), 2)}
