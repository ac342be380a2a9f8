"""From judged looks to sellers: what each look shows is kept, and linked whenever somebody asks.

Behind the verdict, never on its way: `Linker` follows the log a page at a time, in a thread.
Whoever asks gets what was kept and, worked out on the spot, what was not taken in yet.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from storage import traces
from storage.clock import Clock
from storage.database import Database
from storage.errors import StoreError
from storage.model import Post, Tier, Verdict
from storage.search import fold
from storage.sellers import Account, Graph
from storage.store import Store
from storage.threads import in_thread
from storage.traces import OFFERED, PICTURED, TOLD, Judged, Shown, Trace
from watchers.detect.score import text_of

log = structlog.get_logger(__name__)

RECIPE = "4"
"""Of accounts, contacts, pictures and signatures; another number makes all traces anew."""
EVERY_S = 20.0
PAGE = 100
BREATH_S = 0.2
"""Between two pages, so that a long catching up leaves the processor to the night."""
_MOST_CONTACTS, _MOST_PICTURES = 20, 40
_SHARED_HOSTS = frozenset({"t.me", "telegram.me"})
"""Hosts of many who know nothing of each other: there the first part of the path is the site."""
_LONG_ID, _LONG_WORD = 6, 7
_PICTURED = {Tier.URGENT: OFFERED, Tier.HIGH: OFFERED, Tier.NORMAL: TOLD}
_OFFERS = frozenset({"contact", "price", "cue"})
"""Kinds of reasons that an advert has. News and appeals, which many copy, have none of them."""
_NOT_AN_ADVERT = ("worded like news", "worded like a conservation", "worded like teaching")


@dataclass(slots=True)
class Traced:
    """What looks showed. leaf: log entry of the last verdict among them, -1 when there is none."""

    accounts: dict[str, Account] = field(default_factory=dict)
    traces: list[Trace] = field(default_factory=list)
    leaf: int = -1


_TIME_BESIDE = re.compile(
    r"(?<=\S) [·•|—–] (?:(?=[^·•|—–]*\d)[^·•|—–]{1,40}"
    r"|(?:a |an )?(?:minute|hour|day) ago|just now|now|today|yesterday|刚刚|剛剛|刚才|今天|昨天|前天"
    r"|vừa xong|hôm nay|hôm qua|baru saja|hari ini|kemarin|semalam|เมื่อสักครู่|วันนี้|เมื่อวาน)$",
    re.IGNORECASE,
)
"""What many lists write behind a name, in one element with it: "ann · 1h ago". A post's own page does not."""


def traced(looks: Iterable[Judged]) -> Traced:
    """What these looks show, about a millisecond each; at most 62 rows a look. Pure."""
    found = Traced()
    for look in looks:
        account = account_of(look.post, look.target, look.post_key)
        found.accounts[account.account_id] = account
        found.traces += _traces(look, account.account_id)
        found.leaf = look.leaf
    return found


def account_of(post: Post, target: str, post_key: str) -> Account:
    """Who posted it: a name on a site. A post without a name is an account of its own."""
    # A channel of many names its writers beside each message; the channel is no seller.
    author = next((value for name, value in post.extra if name == "author"), "")
    name = _TIME_BESIDE.sub("", " ".join((author or post.seller).split()))[:200]
    site = _site(post.url) or target
    whose = f"{site}\0{fold(name)}" if name else f"{site}\0\0{post_key}"
    key = hashlib.sha256(whose.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return Account(account_id=key, site=site, name=name, url=post.seller_url or ("" if name else post.url))


def sign(contact: str) -> str:
    """A contact as two posts can have it in common, or "": a number is one in every messenger.

    A name counts across messengers only with a digit; letters alone must be long ("tg recipes").
    """
    kind, _, value = contact.partition(":")
    value = value.casefold().strip()
    if not value or kind == "site":
        return ""
    if kind == "email":
        number, _, host = value.partition("@")
        return f"qq:{number}" if host == "qq.com" and number.isdigit() else f"email:{value}"
    if kind == "qq":
        return f"qq:{value}"
    if value.lstrip("+").isdigit():
        return f"phone:{value}" if len(value) > _LONG_ID else ""
    if len(value) >= _LONG_ID and any(c.isdigit() for c in value):
        return f"id:{value}"
    return f"{kind}:{value}" if len(value) >= _LONG_WORD or not value.isalpha() else ""


def _traces(look: Judged, account: str) -> list[Trace]:
    from watchers.detect import template  # with NumPy, which a start need not wait for

    values = [("post", look.post_key)]
    signs = dict.fromkeys(filter(None, map(sign, look.verdict.contacts)))
    values += [("contact", one) for one in list(signs)[:_MOST_CONTACTS]]
    # Who writes about an advert prints its photograph, is told for that, and offers nothing.
    pictured = PICTURED if _is_about_adverts(look.verdict) else _PICTURED.get(look.verdict.tier, PICTURED)
    values += [(pictured, one) for one in look.pictures[:_MOST_PICTURES]]
    if _is_advert(look.verdict):
        signature = template.signature(text_of(look.post), look.verdict.contacts)
        values += [("text", template.packed(signature))] if signature else []
    return [Trace(seq=look.seq, account_id=account, kind=kind, value=value) for kind, value in values]


def _is_advert(verdict: Verdict) -> bool:
    """Whether a text offers something: what does not is copied by people who know nothing of each other."""
    return any(reason.kind in _OFFERS for reason in verdict.reasons) and not _is_about_adverts(verdict)


def _is_about_adverts(verdict: Verdict) -> bool:
    """Whether it is news, an appeal or teaching."""
    return any(reason.what.startswith(_NOT_AN_ADVERT) for reason in verdict.reasons)


def _site(url: str) -> str:
    """The host of a post's page, without "www." and "m."; on shared hosts with the channel."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
        if host in _SHARED_HOSTS:
            path = [part for part in parts.path.split("/") if part not in ("", "s")]
            return f"{host}/{path[0].casefold()}" if path else host
    except ValueError:
        return ""
    return f"{host}:{parts.port}" if host and _port(parts.netloc) else host


def _port(netloc: str) -> bool:
    return netloc.rpartition(":")[2].isdigit() and netloc.count(":") == 1


class Linker:
    """Keeps the traces of what was judged. `run` ends only by cancellation; a restart goes on."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def run(self) -> None:
        """Follow the log for ever; a trouble of the store is told and tried again."""
        while True:
            try:
                await self.catch_up()
            except StoreError as trouble:
                log.warning("sellers are not followed for now", why=str(trouble))
            await self._clock.sleep(EVERY_S)

    async def catch_up(self) -> int:
        """Take in everything judged so far; how many looks. Raises StoreError."""
        database, count = self._store.vault.database, 0
        leaf = await traces.mark(database, RECIPE)
        if leaf < 0:
            await traces.forget_all(self._store.vault)
        while looks := await traces.judged_after(database, leaf, PAGE):
            found = await in_thread(traced, looks)
            await traces.keep(self._store.vault, RECIPE, found.leaf, found.accounts.values(), found.traces)
            leaf, count = found.leaf, count + len(looks)
            await self._clock.sleep(BREATH_S)
        return count


async def graph(store: Store, *, anew: bool = False, told: Callable[[int], None] = lambda _: None) -> Graph:
    """Who sells, as of now. anew: from evidence and verdicts alone, whatever was kept.

    told: called with the number of looks worked out so far.
    """
    database = store.vault.database
    leaf = -1 if anew else await traces.mark(database, RECIPE)
    kept = leaf >= 0
    accounts = await traces.accounts(database) if kept else {}
    shown = await traces.shown(database) if kept else []
    count = 0
    while looks := await traces.judged_after(database, leaf, PAGE):
        found = await in_thread(traced, looks)
        accounts |= found.accounts
        shown += [Shown(kind=t.kind, value=t.value, account_id=t.account_id, seq=t.seq) for t in found.traces]
        leaf, count = found.leaf, count + len(looks)
        told(count)
    return await _linked(database, accounts, _first(shown))


def _first(shown: Sequence[Shown]) -> list[Shown]:
    """Each thing of an account once, in its first look."""
    first: dict[tuple[str, str, str], Shown] = {}
    for one in sorted(shown, key=lambda s: s.seq):
        first.setdefault((one.kind, one.value, one.account_id), one)
    return list(first.values())


async def _linked(database: Database, accounts: dict[str, Account], shown: list[Shown]) -> Graph:
    from watchers.detect import linking

    posts = await traces.posts(database)
    by_account: dict[str, list[traces.PostSeen]] = defaultdict(list)
    for one in shown:
        if one.kind == "post" and one.value in posts:
            by_account[one.account_id].append(posts[one.value])
    records = {account: traces.record(seen) for account, seen in by_account.items()}
    kept = [one for one in shown if one.account_id in records]
    ids = await traces.evidence_ids(database, linking.looks_named(kept))
    same = await traces.same_pictures(database)
    seen = linking.Seen(
        accounts={key: account for key, account in accounts.items() if key in records},
        records=records,
        shown=kept,
        same=same,
        evidence=lambda seq: ids.get(seq, ""),
    )
    return await asyncio.to_thread(linking.linked, seen)
