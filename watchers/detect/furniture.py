"""Pictures that a site puts into posts itself: "no picture yet", a shop's banner. Pure.

Two posts that show the same picture are taken for one item, so a stand-in that a shop
shows for everything without a photograph would make a bicycle as suspicious as the horn
beside it. Such a picture has one address on the site's own host in posts that have
nothing else in common; a seller who uploads a picture again gets another address.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from storage.model import Evidence

ALIKE = 0.5
"""Share of common letter pairs from which two titles speak of one thing."""
_LONGEST = 300


def is_furniture(sha256: str, one: Evidence, other: Evidence) -> bool:
    """Whether a picture that two posts show, byte for byte, is the site's own."""
    if one.target != other.target or one.post.post_id == other.post.post_id:
        return False
    shared = _addresses(sha256, one) & _addresses(sha256, other)
    if not any(_at_home(url, one.post.url) for url in shared):
        return False
    same_seller = bool(one.post.seller) and one.post.seller == other.post.seller
    return not same_seller and likeness(one.post.title, other.post.title) < ALIKE


def likeness(one: str, other: str) -> float:
    """Dice's coefficient of the letter pairs of two titles, 0 to 1; of any script."""
    left, right = _pairs(one), _pairs(other)
    return 2 * len(left & right) / (len(left) + len(right)) if left and right else 0.0


def _pairs(text: str) -> set[str]:
    letters = "".join(text.casefold().split())[:_LONGEST]
    return {letters[at : at + 2] for at in range(len(letters) - 1)}


def _addresses(sha256: str, evidence: Evidence) -> set[str]:
    return {picture.url for picture in evidence.pictures if picture.sha256 == sha256}


def _at_home(url: str, post_url: str) -> bool:
    """Whether a picture lies on the host of the post, or on a host of the same name."""
    try:
        mine, theirs = urlsplit(post_url).hostname or "", urlsplit(url).hostname or ""
    except ValueError:
        return False
    return bool(mine) and (mine == theirs or mine.split(".")[-2:] == theirs.split(".")[-2:])
