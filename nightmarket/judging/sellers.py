"""Sellers as the daemon links them against the rings that the market planted.

Judged are pairs of accounts of which evidence is held: of one seller in the daemon's eyes (precision), of
one ring in the market (recall). An account is a name on a site; one whose name the daemon could not
read counts all the same, since the market knows it.

Three recalls are told. Of all pairs: how much of the rings a night came to show. Of linkable pairs: how
much was seen of what a careful person could see with both accounts' posts side by side, whatever our rules
are: a contact in common, or one photograph of the same goods, however altered; or others of the ring connect
the two so. Of plain pairs: of those with a contact or two such photographs in common, which issue 5
asks for. The market gives a ring neither a template nor prices, places or hours of its own, and shows other
views of goods once only; so nothing else makes anybody linkable.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from urllib.parse import urlsplit

from nightmarket.exports import Held
from nightmarket.model import Advert, World

Account = tuple[str, str]
"""(address of the site, name)."""
Pair = tuple[Account, Account]
PICTURES, PLAIN_PICTURES = 1, 2
_CONTACT = re.compile(r"(?<![a-z])[a-z]{6}\d{3}(?!\d)|(?<!\d)\d{8,11}(?!\d)")
"""As `author.contact` makes them: a WeChat name, a QQ number, a telephone number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerScore:
    """Pairs of accounts: planted, of these linkable and plain; linked, of these right, and right of each."""

    planted: int
    linkable: int
    plain: int
    linked: int
    right: int
    right_linkable: int
    right_plain: int


def score_sellers(
    world: World, told: Mapping[str, object], evidence: Mapping[str, Sequence[Held]]
) -> SellerScore:
    """told: what `sellers --all --json` says. evidence: by key of the advert. Pure."""
    address = {site.number: site.address for site in world.sites}
    posters = {(address[a.site], a.key.rpartition("/")[2]): a.seller for a in world.adverts}
    accounts = {str(one["id"]): _account(one, posters) for one in _rows(told.get("accounts"))}
    sellers = [_names(one.get("accounts")) for one in _rows(told.get("sellers"))]
    linked = pairs_of([accounts[a] for a in each if a in accounts] for each in sellers)
    rings: dict[int, dict[Account, list[Advert]]] = {}
    for advert in world.adverts:
        account = (address[advert.site], advert.seller)
        if advert.ring and evidence.get(advert.key):
            rings.setdefault(advert.ring, {}).setdefault(account, []).append(advert)
    planted = pairs_of(rings.values())
    shown = [{who: _shown(adverts, evidence) for who, adverts in ring.items()} for ring in rings.values()]
    linkable = pairs_of(group for ring in shown for group in connected(ring))
    plain = pairs_of(group for ring in shown for group in connected(ring, pictures=PLAIN_PICTURES))
    return SellerScore(
        planted=len(planted),
        linkable=len(linkable),
        plain=len(plain),
        linked=len(linked),
        right=len(linked & planted),
        right_linkable=len(linked & linkable),
        right_plain=len(linked & plain),
    )


@dataclass(frozen=True, slots=True)
class Showed:
    """What an account showed in what was kept of its posts. goods: arrangements of goods in its pictures."""

    contacts: frozenset[str]
    goods: frozenset[tuple[int, int]]

    def is_alike(self, other: Showed, pictures: int) -> bool:
        """Whether the two have a contact, or so many pictures, in common."""
        return bool(self.contacts & other.contacts) or len(self.goods & other.goods) >= pictures


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


def connected(shown: Mapping[Account, Showed], pictures: int = PICTURES) -> list[list[Account]]:
    """The accounts in groups that hang together by contacts, or so many pictures. Pure."""
    near: dict[Account, set[Account]] = defaultdict(set)
    for (one, his), (other, theirs) in combinations(shown.items(), 2):
        if his.is_alike(theirs, pictures):
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


def _account(one: Mapping[str, object], posters: Mapping[tuple[str, str], str]) -> Account:
    """posters: who posted, by address of the site and number of the post.

    A post whose page was gone before its name could be read is an account of its own in the daemon's eyes,
    known by its address; whoever posted it did so under his name.
    """
    site, name = str(one.get("site", "")).partition(":")[0], str(one.get("name", ""))
    numbers = re.findall(r"\d+", urlsplit(str(one.get("url", ""))).path) if not name else ()
    return site, name or next((posters[site, n] for n in numbers if (site, n) in posters), "")


def pairs_of(groups: Iterable[Iterable[Account]]) -> set[Pair]:
    """Every pair that stands in one group."""
    return {pair for group in groups for pair in combinations(sorted(set(group)), 2)}
