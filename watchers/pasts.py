"""Accounts and contacts of adverts that were judged high or urgent, to be known when they post again.

Kept in memory, filled from the alerts at a start; what officers said is asked when it matters.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from storage import answers, traces
from storage.clock import Clock
from storage.codec import clean
from storage.model import Evidence, Post, Reason, Tier, Verdict
from storage.store import Store
from storage.tables import key_of
from storage.traces import alerted_since
from watchers.detect.history import Past, history_reasons
from watchers.linking import account_of, sign
from watchers.renamed import is_same_post

REMEMBERED = timedelta(days=30)
"""For so long an account's loud advert speaks about its next post."""
LOUD = (Tier.URGENT, Tier.HIGH)
_MOST_OF_ONE = 20
"""Adverts of one account or contact: beyond, they say nothing more, and a flood is kept small."""
_MOST = 100_000
_FEW, _SHARE = 6, 3
"""From so many posts on, one in so many must have been loud. A channel's or forum's own name stands in many
feeds where the seller's should: it is no account, and neither is the number of a platform."""


@dataclass(frozen=True, slots=True)
class _Advert:
    """A loud advert: when it was seen, and where."""

    at: datetime
    target: str
    post_id: str
    url: str


class Pasts:
    """`take` every verdict; `of` a post that is being judged."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._by: dict[tuple[str, str], dict[str, _Advert]] = defaultdict(dict)

    async def fill(self) -> int:
        """Read the alerts of the last days; returns how many adverts were taken."""
        count = 0
        since = self._clock.now() - REMEMBERED
        for one in await alerted_since(self._store.vault.database, since, LOUD):
            self._take(one.target, one.post_key, one.post, one.verdict, one.at)
            count += 1
        return count

    def take(self, evidence: Evidence, verdict: Verdict) -> None:
        """Remember a loud advert. Others say nothing about their account."""
        if verdict.tier in LOUD:
            key = key_of(evidence.target, evidence.post.post_id)
            self._take(evidence.target, key, evidence.post, verdict, evidence.captured_at)

    async def of(self, evidence: Evidence, verdict: Verdict) -> tuple[Reason, ...]:
        """What the account of a post, or a contact in it, has offered before.

        verdict: on the post's words alone, for its contacts. Not needed where the words are loud themselves.
        Raises DatabaseTrouble, DiskTrouble.
        """
        if verdict.tier in LOUD:
            return ()
        own = key_of(evidence.target, evidence.post.post_id)
        found: dict[str, Past] = {}
        for by, name in _names(evidence.target, own, evidence.post, verdict):
            loud = {
                k: one.at
                for k, one in self._by.get((by, name), {}).items()
                if k != own and not is_same_post(evidence, one.target, one.post_id, one.url)
            }
            if loud and await self._is_somebody(by, name, len(loud)):
                fresh = {k: at for k, at in loud.items() if self._clock.now() - at < REMEMBERED}
                found |= {k: Past(post_key=k, at=at, by=by) for k, at in fresh.items() if k not in found}
        if not found:
            return ()
        said = await answers.by_post(self._store.vault.database, tuple(found))
        past = [
            replace(one, confirmed=said.get(key) is answers.Said.CONFIRMED)
            for key, one in found.items()
            if said.get(key) is not answers.Said.FALSE
        ]
        return history_reasons(past, self._clock.now(), seen_at=evidence.captured_at)

    async def _is_somebody(self, by: str, name: str, loud: int) -> bool:
        """Whether an account or contact is one seller's, as far as its posts tell."""
        count = traces.posts_of if by == "account" else traces.looks_with
        posts = await count(self._store.vault.database, name, _SHARE * loud + _FEW)
        return posts < _FEW or posts <= _SHARE * loud

    def _take(self, target: str, key: str, post: Post, verdict: Verdict, at: datetime) -> None:
        for name in _names(target, key, post, verdict):
            ones = self._by[name]
            ones[key] = _Advert(at, target, clean(post.post_id), clean(post.url))
            if len(ones) > _MOST_OF_ONE:
                del ones[min(ones, key=lambda key: ones[key].at)]
        if len(self._by) > _MOST:
            oldest = sorted(self._by, key=lambda name: max(one.at for one in self._by[name].values()))
            for name in oldest[: _MOST // 10]:
                del self._by[name]


def _names(target: str, key: str, post: Post, verdict: Verdict) -> list[tuple[str, str]]:
    """(account or contact, its id or itself). A post without a name has no account to speak of."""
    account = account_of(post, target, key)
    signs = dict.fromkeys(filter(None, map(sign, verdict.contacts)))
    return [
        *([("account", account.account_id)] if account.name else []),
        *(("contact", one) for one in signs),
    ]
