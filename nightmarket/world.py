"""Makes one night from a seed: who sells what, when it appears, and how it ends.

The whole night (18:00-08:00: 600 illicit and 20,000 benign posts) is always drawn in the
same way; a slice keeps the posts alive within its hours, thinned evenly, so that mixture
and base rate stay those of the specification. Same seed and size, same world.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nightmarket import author, lingo
from nightmarket.alterations import CHANGES
from nightmarket.author import Contact, Draft
from nightmarket.model import Advert, Edit, Gone, PictureSpec, Site, Span, Style, World
from nightmarket.sites import NIGHT_ZONE, SITES
from nightmarket.troubles import troubles

ILLICIT, BENIGN = 600, 20_000
POSTS = {"hour": 600, "slice": 2_000, "full": ILLICIT + BENIGN}
EVENING = datetime(2026, 11, 21, 18, 0, tzinfo=ZoneInfo(NIGHT_ZONE))
HOURS = {"hour": (4.5, 5.5), "slice": (2.75, 6.75), "full": (0.0, 14.0)}
"""Hours after 18:00 at which a size begins and ends: 22:30-23:30, 20:45-00:45, 18:00-08:00."""
CAP_S, FLOOR_S = 9 * 3600.0, 60.0
RINGS = 8
BENIGN_HOURS = (1.6, 1.7, 1.8, 1.8, 1.7, 1.4, 1.0, 0.6, 0.35, 0.3, 0.3, 0.4, 0.7, 0.9)
"""Relative posting rate of ordinary people in the hours 18, 19 ... 07."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Birth:
    """A post before it has words: when it lives, and how it ends."""

    at: datetime
    life_s: float
    illicit: bool
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seller:
    """One account; ring 0 sells alone."""

    name: str
    site: int
    who: Contact
    ring: int


def make(seed: int, size: str = "slice") -> World:
    """The world of a seed. size: a name of `HOURS`."""
    first, last = HOURS[size]
    start, end = EVENING + timedelta(hours=first), EVENING + timedelta(hours=last)
    births = _births(random.Random(f"{seed} births"))
    births = [b for b in births if b.at < end and b.at + timedelta(seconds=b.life_s) > start]
    births = _thinned(births, POSTS[size], random.Random(f"{seed} thinning"))
    writer = _Writer(seed, start)
    adverts = _numbered([writer.advert(birth) for birth in births])
    return World(
        seed=seed,
        size=size,
        start=start,
        end=end,
        interval_s=60.0,
        sites=SITES,
        adverts=tuple(adverts),
        troubles=troubles(seed, size, start, end, SITES),
        gallery=tuple(writer.gallery),
        unknown_words=writer.unknown,
    )


def _thinned(births: list[_Birth], wanted: int, rng: random.Random) -> list[_Birth]:
    """`wanted` of them, evenly: the share of illicit posts is kept to the nearest one."""
    bad = [b for b in births if b.illicit]
    good = [b for b in births if not b.illicit]
    if len(births) <= wanted:
        return births
    keep = round(wanted * len(bad) / len(births))
    kept = rng.sample(bad, min(keep, len(bad))) + rng.sample(good, min(wanted - keep, len(good)))
    return sorted(kept, key=lambda b: (b.at, b.number))


def _births(rng: random.Random) -> list[_Birth]:
    found = []
    for number in range(ILLICIT + BENIGN):
        is_illicit = number < ILLICIT
        at = _illicit_hour(rng) if is_illicit else _benign_hour(rng)
        quick = rng.random() < 0.10
        life = math.exp(rng.gauss(math.log(8 * 60 if quick else 60 * 60), 1.2))
        found.append(
            _Birth(
                at=EVENING + timedelta(hours=at),
                life_s=min(max(life, FLOOR_S), CAP_S),
                illicit=is_illicit,
                number=number,
            )
        )
    return sorted(found, key=lambda b: (b.at, b.number))


def _illicit_hour(rng: random.Random) -> float:
    """Hours after 18:00: 85 % inside 21:00-06:00 with peaks at 22:30 and 00:30."""
    if rng.random() >= 0.85:
        outside = rng.uniform(0, 5)
        return outside if outside < 3 else outside + 9
    while True:
        hour = rng.gauss(rng.choice((4.5, 6.5)), 1.2)
        if 3 <= hour < 12:
            return hour


def _benign_hour(rng: random.Random) -> float:
    return rng.choices(range(len(BENIGN_HOURS)), BENIGN_HOURS)[0] + rng.random()


class _Writer:
    """Gives births their words, pictures and fate, in order of appearance."""

    def __init__(self, seed: int, start: datetime) -> None:
        self._start = start
        self._rng = random.Random(f"{seed} words")
        self.unknown = author.unknown_words(self._rng)
        self._things = 0
        self._posted: dict[int, list[tuple[int, PictureSpec, str]]] = {}
        self._sellers = self._people()
        self.gallery: list[PictureSpec] = []
        self._known_goods()
        self._blocks = {site.number: self._block_instants() for site in SITES}

    # --- people and their goods ---------------------------------------------------------

    def _people(self) -> list[_Seller]:
        """8 rings of 3-6 accounts over different sites, and as many who sell alone."""
        sellers = []
        for ring in range(1, RINGS + 1):
            who = author.contact(self._rng)
            homes = self._rng.sample(SITES, self._rng.randint(3, 6))
            sellers += [_Seller(name=self._name(), site=s.number, who=who, ring=ring) for s in homes]
        for _ in range(len(sellers)):
            home = self._rng.choices(SITES, [s.volume for s in SITES])[0]
            sellers.append(
                _Seller(name=self._name(), site=home.number, who=author.contact(self._rng), ring=0)
            )
        return sellers

    def _name(self) -> str:
        syllables = ("lao", "xiao", "hai", "tam", "ken", "rin", "moon", "jin", "bay", "fox", "wei", "kit")
        return "".join(self._rng.sample(syllables, 2)) + str(self._rng.randrange(10, 999))

    def _new_picture(self) -> PictureSpec:
        return PictureSpec(layout=self._rng.getrandbits(40), thing=self._rng.getrandbits(40))

    def _known_goods(self) -> None:
        """Two things of every ring are known from earlier cases: they are the gallery."""
        for ring in range(1, RINGS + 1):
            for _ in range(2):
                picture = self._new_picture()
                self.gallery.append(picture)
                self._remember(ring, picture, author.drawn(lingo.PRODUCTS, self._rng))

    def _remember(self, owner: int, picture: PictureSpec, product: str) -> int:
        self._things += 1
        self._posted.setdefault(owner, []).append((self._things, picture, product))
        return self._things

    def _owner(self, seller: _Seller) -> int:
        """Rings share their goods; a lone seller has a pool of its own (a negative number)."""
        return seller.ring or -(1 + self._sellers.index(seller))

    def _offer(self) -> tuple[_Seller, int, PictureSpec, str]:
        """Who sells what: 60 % an earlier picture altered by 1-3 operations, 40 % a new thing."""
        if self._rng.random() < 0.60:
            seller = self._rng.choice([s for s in self._sellers if self._owner(s) in self._posted])
            thing, picture, product = self._rng.choice(self._posted[self._owner(seller)])
            changes = tuple(self._rng.sample(list(CHANGES), self._rng.randint(1, 3)))
            altered = PictureSpec(
                layout=picture.layout, thing=picture.thing, changes=changes, twist=self._rng.getrandbits(16)
            )
            return seller, thing, altered, product
        seller = self._rng.choice(self._sellers)
        product = author.drawn(lingo.PRODUCTS, self._rng)
        picture = self._new_picture()
        return seller, self._remember(self._owner(seller), picture, product), picture, product

    # --- one post -----------------------------------------------------------------------

    def advert(self, birth: _Birth) -> Advert:
        """The post of a birth, without its site's number yet (see `_numbered`)."""
        return self._illicit(birth) if birth.illicit else self._benign(birth)

    def _illicit(self, birth: _Birth) -> Advert:
        rng = self._rng
        seller, thing, picture, product = self._offer()
        site = SITES[seller.site - 1]
        kind = author.drawn(author.ILLICIT_MIX, rng)
        unknown = rng.choices((*self.unknown, ""), (0.10, 0.05, 0.85))[0]
        draft = author.illicit(site.language, product, kind, rng, who=seller.who, unknown=unknown)
        extra = rng.choices((0, 1, 2), (0.6, 0.25, 0.15))[0]
        pictures = (picture, *(self._view(picture) for _ in range(extra)))
        edits: tuple[Edit, ...] = ()
        if rng.random() < 0.15:
            at = birth.at + timedelta(seconds=max(45.0, birth.life_s * rng.uniform(0.25, 0.8)))
            edits = (Edit(at=at, wording=author.wiped(site.language, rng)),)
        return self._finish(
            birth, site, seller.name, draft, edits=edits, pictures=pictures, thing=thing, ring=seller.ring
        )

    def _view(self, picture: PictureSpec) -> PictureSpec:
        """Another photograph of the same goods: other layout, same thing."""
        return PictureSpec(layout=self._rng.getrandbits(40), thing=picture.thing)

    def _benign(self, birth: _Birth) -> Advert:
        rng = self._rng
        site = rng.choices(SITES, [s.volume for s in SITES])[0]
        kind = author.drawn(author.DECOY_MIX, rng)
        draft = author.benign(site.language, kind, rng)
        count = rng.choices((0, 1, 2, 3), (0.25, 0.5, 0.2, 0.05))[0]
        pictures = tuple(self._new_picture() for _ in range(max(count, kind == "layout")))
        if kind == "layout":
            pictures = (self._lookalike(), *pictures[1:])
        edits: tuple[Edit, ...] = ()
        if rng.random() < 0.04:
            at = birth.at + timedelta(seconds=max(45.0, birth.life_s * rng.uniform(0.25, 0.8)))
            edits = (Edit(at=at, wording=author.repriced(site.language, draft.wording, rng)),)
        return self._finish(birth, site, self._name(), draft, edits=edits, pictures=pictures)

    def _lookalike(self) -> PictureSpec:
        """Same table, light and arrangement as some contraband, other goods."""
        pool = [entry for entries in self._posted.values() for entry in entries]
        return PictureSpec(layout=self._rng.choice(pool)[1].layout, thing=self._rng.getrandbits(40))

    def _finish(
        self,
        birth: _Birth,
        site: Site,
        seller: str,
        draft: Draft,
        *,
        edits: tuple[Edit, ...],
        pictures: tuple[PictureSpec, ...],
        thing: int = 0,
        ring: int = 0,
    ) -> Advert:
        alive, cause = self._fate(birth, site)
        return Advert(
            key="",
            site=site.number,
            post_id="",
            seller=seller,
            first=draft.wording,
            edits=tuple(e for e in edits if e.at < alive[0].end),
            pictures=pictures,
            alive=alive,
            cause=cause,
            illicit=birth.illicit,
            kind=draft.kind,
            product=draft.product,
            thing=thing,
            ring=ring,
            place=author.place_of(site.language, self._rng),
            hints=draft.hints,
        )

    # --- ends ---------------------------------------------------------------------------

    def _block_instants(self) -> list[datetime]:
        """When the platform sweeps: every 70-110 minutes."""
        at, found = EVENING + timedelta(minutes=self._rng.uniform(20, 90)), []
        while at < EVENING + timedelta(hours=15):
            found.append(at)
            at += timedelta(minutes=self._rng.uniform(70, 110))
        return found

    def _fate(self, birth: _Birth, site: Site) -> tuple[tuple[Span, ...], str]:
        """5 % go in blocks by the platform; 1 % of what was deleted early comes back."""
        end, cause = birth.at + timedelta(seconds=birth.life_s), "seller"
        if self._rng.random() < 0.05:
            earliest = max(birth.at + timedelta(minutes=2), self._start)
            block = next((b for b in self._blocks[site.number] if b > earliest), None)
            end, cause = (block, "platform") if block else (end, cause)
        first = Span(begin=birth.at, end=end)
        if site.gone is not Gone.CARD and birth.life_s < 5400 and self._rng.random() < 0.01:
            back = end + timedelta(minutes=self._rng.uniform(20, 40))
            again = back + timedelta(minutes=self._rng.uniform(30, 120))
            return (first, Span(begin=back, end=again)), "restored"
        return (first,), cause


def _numbered(adverts: list[Advert]) -> list[Advert]:
    """The adverts with the ids that their site gives them, in order of appearance."""
    next_id: dict[int, int] = {}
    found = []
    for advert in sorted(adverts, key=lambda a: (a.published, a.seller)):
        site = SITES[advert.site - 1]
        number = next_id.get(site.number, 1000 * site.number + 37)
        # An album takes one number for each picture, as on Telegram.
        step = max(1, len(advert.pictures)) if site.style is Style.TELEGRAM else 1 + number % 3
        next_id[site.number] = number + step
        post_id = str(number)
        found.append(replace(advert, post_id=post_id, key=f"{site.name}/{post_id}"))
    return found
