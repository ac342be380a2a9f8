"""Writes what posts say: wares in plain words, in code, in hints, in silence; and decoys.

Each function draws from one seeded generator and returns a `Draft`: wording, and hints
that name what in it could give the post away (for the judge's notes, never served).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from nightmarket import everyday, lingo
from nightmarket.disguise import disguise
from nightmarket.model import Wording

ILLICIT_MIX = (("plain", 0.25), ("code", 0.35), ("vague", 0.15), ("silent", 0.25))
"""Shares of wording kinds (domain facts, section 7)."""
DECOY_MIX = (
    ("colour", 0.10),
    ("lookalike", 0.10),
    ("news", 0.10),
    ("replica", 0.05),
    ("layout", 0.05),
    ("ordinary", 0.60),
)
DISGUISED_SHARE = 0.30
SILENT_TITLES = {
    "zh": ("看图", "如图", "图上", "."),
    "zh-hant": ("看圖", "如圖", "."),
    "ja": ("写真参照", "."),
    "vi": ("như hình", "."),
    "id": ("lihat foto", "."),
    "th": ("ตามรูป", "."),
    "en": ("see picture", "as pictured", "."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How a seller is reached; shared by the accounts of a ring."""

    wx: str
    qq: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one post will say, and why it could be found."""

    wording: Wording
    kind: str
    product: str = ""
    hints: tuple[str, ...] = ()


def drawn(mix: tuple[tuple[str, float], ...], rng: random.Random) -> str:
    """One name of a table of (name, share)."""
    return rng.choices([name for name, _ in mix], [share for _, share in mix])[0]


def contact(rng: random.Random) -> Contact:
    """A made-up way to reach somebody; the numbers belong to ranges that look real."""
    letters = "abcdefghijkmnpqrstuvwxyz"
    wx = "".join(rng.choices(letters, k=6)) + f"{rng.randrange(1000):03d}"
    return Contact(
        wx=wx, qq=str(rng.randrange(10**7, 10**10)), phone=f"1{rng.choice('3578')}{rng.randrange(10**9):09d}"
    )


def illicit(
    language: str, product: str, kind: str, rng: random.Random, *, who: Contact, unknown: str
) -> Draft:
    """A ware for sale. unknown: a code word nobody knows yet, used in place of the term, or ""."""
    if kind == "silent":
        return _silent(language, product, rng)
    table = {"plain": lingo.PLAIN, "code": lingo.CODE, "vague": lingo.VAGUE}[kind]
    term, product = _term(table, language, product, rng)
    hints = [f"{kind}:{term}"]
    if unknown:
        term, hints = unknown, [f"unknown:{unknown}"]
    if rng.random() < DISGUISED_SHARE:
        other, way = disguise(term, rng)
        if other:
            term = other
            hints.append(f"way:{way}")
    form = _pick(lingo.FORMS, language, rng)
    price = _price(language, rng, 80, 9000)
    said = [f"{term} {form}", _pick(lingo.PITCH, language, rng)]
    if kind == "vague" or rng.random() < 0.6:
        said.append(price)
        hints.append("price")
    if kind == "vague" or rng.random() < 0.55:
        said.append(_reach(language, who, rng))
        hints.append("contact")
    title = f"{term} {form}" if rng.random() < 0.7 else form
    text = _sentence(language).join(said)
    return Draft(
        wording=Wording(title=title, text=text, price=price), kind=kind, product=product, hints=tuple(hints)
    )


def _silent(language: str, product: str, rng: random.Random) -> Draft:
    """No text, or emoji only: the picture must speak."""
    emoji = rng.choice(lingo.EMOJI)
    title = rng.choice(SILENT_TITLES.get(language, SILENT_TITLES["en"]))
    return Draft(wording=Wording(title=title, text=emoji), kind="silent", product=product, hints=("silent",))


def _term(
    table: dict[str, dict[str, tuple[str, ...]]], language: str, product: str, rng: random.Random
) -> tuple[str, str]:
    """A term for the product in this language, or the nearest product that has one."""
    words = table.get(language) or table["en"]
    if product not in words:
        product = next(iter(words))
    return rng.choice(words[product]), product


def benign(language: str, kind: str, rng: random.Random) -> Draft:
    """An innocent post of the given decoy kind."""
    place = _pick(lingo.PLACES, language, rng)
    if kind == "news":
        title = _pick(everyday.NEWS, language, rng)
        body = _pick(everyday.NEWS_BODY, language, rng)
        return Draft(wording=Wording(title=title, text=f"{title}{_sentence(language)}{body}"), kind=kind)
    table = {"colour": everyday.COLOUR, "lookalike": everyday.LOOKALIKE, "replica": everyday.REPLICA}
    thing = _pick(table.get(kind, everyday.ORDINARY), language, rng)
    price = _price(language, rng, 20, 3000)
    said = [thing, _pick(everyday.CONDITION, language, rng)]
    if rng.random() < 0.7:
        said.append(price)
    if rng.random() < 0.4:
        said.append(_reach(language, contact(rng), rng))
    if rng.random() < 0.5:
        said.append(place)
    return Draft(wording=Wording(title=thing, text=_sentence(language).join(said), price=price), kind=kind)


def wiped(language: str, rng: random.Random) -> Wording:
    """What is left after the seller wiped the text and left the picture."""
    return Wording(
        title=rng.choice(SILENT_TITLES.get(language, SILENT_TITLES["en"])),
        text=_pick(lingo.WIPED, language, rng),
    )


def repriced(language: str, wording: Wording, rng: random.Random) -> Wording:
    """The same offer, cheaper: an innocent edit."""
    price = _price(language, rng, 10, 2500)
    return Wording(title=wording.title, text=f"{wording.text}{_sentence(language)}→ {price}", price=price)


def unknown_words(rng: random.Random) -> tuple[str, str]:
    """Two code words that no lexicon holds, new for every seed."""
    first, second = "冰云霜松雾砂藕茶糯晴", "条片膏糖豆丝粒钻皮芯"
    pairs = [a + b for a in first for b in second]
    one, two = rng.sample(pairs, 2)
    return one, two


def place_of(language: str, rng: random.Random) -> str:
    """Where the goods are."""
    return _pick(lingo.PLACES, language, rng)


def _pick(table: dict[str, tuple[str, ...]], language: str, rng: random.Random) -> str:
    return rng.choice(table.get(language) or table["en"])


def _price(language: str, rng: random.Random, low: int, high: int) -> str:
    return _pick(lingo.MONEY, language, rng).format(n=rng.randrange(low, high))


def _reach(language: str, who: Contact, rng: random.Random) -> str:
    return _pick(lingo.CONTACT, language, rng).format(wx=who.wx, qq=who.qq, phone=who.phone)


def _sentence(language: str) -> str:
    return {"zh": ",", "zh-hant": ",", "ja": "。"}.get(language, ". ")
