"""A whole night of the simulated market in memory: every post judged as the watch judges it.

No network and no store: 20,600 posts in half a minute instead of a night. Pictures are painted
and hashed where something could hang on them (illicit posts and their lookalikes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from nightmarket import world
from nightmarket.model import Advert, PictureSpec, World
from nightmarket.pictures import paint
from storage.model import Picture, PictureMatch, Post, Sha256, Tier, Verdict, sha256_of
from storage.sellers import Graph
from storage.tables import key_of
from storage.traces import Judged, PostSeen, Shown, record
from watchers.detect.linking import Seen, linked
from watchers.detect.score import judge
from watchers.lexicon import Lexicon
from watchers.linking import account_of, traced
from watchers.picture_worker import describe

_LOOKED_UP_BITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One post of the night with what judging makes of it."""

    advert: Advert
    look: Judged
    matches: tuple[PictureMatch, ...]

    @property
    def verdict(self) -> Verdict:
        """Of the post as it was first seen."""
        return self.look.verdict

    @property
    def account_id(self) -> str:
        """Of who posted it."""
        return account_of(self.look.post, self.look.target, self.look.post_key).account_id


@dataclass(slots=True)
class _Shelf:
    """Hashes seen so far: (hash, sha256, name, tier)."""

    rows: list[tuple[int, Sha256, str, Tier]] = field(default_factory=list)

    def near(self, picture: Picture) -> PictureMatch | None:
        wanted = int(picture.phash, 16)
        found = [
            PictureMatch(
                sha256=picture.sha256, known=name, known_sha256=sha256, distance_bits=bits, known_tier=tier
            )
            for value, sha256, name, tier in self.rows
            if (bits := (wanted ^ value).bit_count()) <= _LOOKED_UP_BITS
        ]
        return min(found, key=lambda m: (m.distance_bits, m.known_tier.rank), default=None)

    def add(self, picture: Picture, name: str, tier: Tier) -> None:
        if picture.phash:
            self.rows.append((int(picture.phash, 16), picture.sha256, name, tier))


def night(seed: int, lexicon: Lexicon, *, benign_in: int = 1) -> tuple[World, tuple[Made, ...]]:
    """The full night of a seed, in order of appearance. benign_in: of innocent posts, one in so many."""
    made = world.make(seed, "full")
    sites = {site.number: site for site in made.sites}
    adverts = [a for n, a in enumerate(made.adverts) if a.illicit or n % benign_in == 0]
    shelf, found = _Shelf(), list[Made]()
    for number, spec in enumerate(made.gallery):
        shelf.add(_described(spec), f"gallery:known-{number:02d}", Tier.HIGH)
    for seq, advert in enumerate(adverts):
        said, site = advert.first, sites[advert.site]
        post = Post(
            post_id=advert.post_id,
            url=f"http://{site.address}/{advert.post_id}",
            title=said.title,
            text=said.text,
            price=said.price,
            seller=advert.seller,
            location=advert.place,
        )
        painted = advert.pictures if advert.illicit or advert.kind == "layout" else ()
        pictures = tuple(_described(spec) for spec in painted)
        matches = tuple(m for p in pictures if p.phash and (m := shelf.near(p)) is not None)
        verdict = judge(post, pictures, matches, lexicon, advert.published.hour)
        for picture in pictures:
            shelf.add(picture, f"{seq:032x}", verdict.tier)
        look = Judged(
            seq=seq,
            leaf=seq,
            target=site.name,
            post_key=key_of(site.name, advert.post_id),
            post=post,
            verdict=verdict,
            pictures=tuple(p.sha256 for p in pictures if p.phash),
        )
        found.append(Made(advert=advert, look=look, matches=matches))
    return made, tuple(found)


def _described(spec: PictureSpec) -> Picture:
    data = paint(spec)
    head = describe(data, large=False)
    return Picture(sha256=sha256_of(data), phash=str(head.get("phash", "")))


def graph(made: Sequence[Made]) -> Graph:
    """Who sells, from these posts alone."""
    found = traced(one.look for one in made)
    seen = [Shown(kind=t.kind, value=t.value, account_id=t.account_id, seq=t.seq) for t in found.traces]
    by_account: dict[str, list[PostSeen]] = {}
    for one in made:
        at = one.advert.published
        post = PostSeen(tier=one.verdict.tier, first_at=at, last_at=at + timedelta(minutes=1))
        by_account.setdefault(one.account_id, []).append(post)
    return linked(
        Seen(
            accounts=found.accounts,
            records={key: record(posts) for key, posts in by_account.items()},
            shown=seen,
            same=[(m.sha256, m.known_sha256) for one in made for m in one.matches if m.is_sure],
            evidence=lambda seq: f"{seq:032x}",
        )
    )
