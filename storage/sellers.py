"""The words for who sells: accounts, what links two of them and why, sellers. Inference, never fact.

A seller is a set of accounts connected by links; an account that is linked to none is a seller
of its own. Every link keeps its reasons, and every reason the evidence on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storage.model import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A name on a site. name: "" for a post that names nobody, which is an account of its own."""

    account_id: str
    site: str
    name: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What an account did. alerted: posts whose verdict was loud; tier: the loudest of them."""

    posts: int
    alerted: int
    tier: Tier
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """One reason of a link. kind: contact, pictures, text, item. what: the contact, or in words.

    item: one picture of what both offer, the weakest of them. evidence: ids of looks in which one and
    the other showed it, in the order of the link.
    """

    kind: str
    what: str
    evidence: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two accounts (`one` has the smaller id) and every reason why they are taken for one seller."""

    one: str
    other: str
    because: tuple[Because, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Connected accounts. seller_id: of the account seen first; it stays while accounts join."""

    seller_id: str
    accounts: tuple[str, ...]
    posts: int
    alerted: int
    tier: Tier
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What so many accounts show that it links nobody: a site's hotline, a stock picture, set phrases.

    Of kind account: a place where many sell; accounts is then the number of its contacts.
    """

    kind: str
    what: str
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All accounts, links and sellers; the loudest sellers first."""

    accounts: dict[str, Account]
    records: dict[str, Record]
    links: tuple[Link, ...]
    sellers: tuple[Seller, ...]
    common: tuple[Common, ...] = ()
