"""From judged looks to proposed words: which posts are suspicious, and what in them is not known yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from storage import answers, looks
from storage.looks import Look
from storage.model import Post, Tier, Verdict
from storage.store import Store
from storage.text.contacts import contacts_in
from storage.threads import in_thread
from watchers.detect.novel import Novelty, Writing, suggested
from watchers.detect.picture import is_known
from watchers.detect.prices import prices_in
from watchers.detect.score import text_of
from watchers.detect.terms import find
from watchers.lexicon import Lexicon
from watchers.linking import account_of, graph

_LOUD = (Tier.URGENT, Tier.HIGH)
_FREE_TEXT_CHARS = 40
"""A further field of so much text is somebody's words; shorter ones are the site's ("views", "just now")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A post to look for words in. site: what its background is; answer: of an officer, or ""."""

    evidence_id: str
    site: str
    seller: str
    post: Post
    verdict: Verdict
    resembles: bool
    answer: str = ""

    @property
    def is_suspicious(self) -> bool:
        """By an officer's word, else by a known picture or a high verdict."""
        if self.answer:
            return self.answer == "confirmed"
        return self.resembles or self.verdict.tier in _LOUD

    @property
    def is_background(self) -> bool:
        """Whether nothing speaks against it; a post of tier normal is on neither side."""
        return self.answer == "false" or (not self.is_suspicious and self.verdict.tier is Tier.NONE)


def seen_of(look: Look, seller: str, answer: str) -> Seen:
    """A look as words are sought in it."""
    return Seen(
        evidence_id=look.evidence.evidence_id,
        site=look.evidence.target,
        seller=seller,
        post=look.evidence.post,
        verdict=look.verdict,
        resembles=any(is_known(m) and m.is_sure for m in look.matches),
        answer=answer,
    )


def writings(
    seen: Sequence[Seen],
    lexicon: Lexicon,
    *,
    offenders: Iterable[str] = (),
) -> Iterator[Writing]:
    """Suspicious posts, and the background of the same sites. offenders: sellers known for loud posts."""
    known = frozenset(offenders)
    suspicious = {
        one.evidence_id for one in seen if one.is_suspicious or (one.seller in known and not one.answer)
    }
    sites = {one.site for one in seen if one.evidence_id in suspicious}
    for one in seen:
        text = own_words(one.post)
        if one.evidence_id in suspicious:
            yield _writing(one, unknown_part(text, lexicon), suspicious=True)
        elif one.site in sites and one.is_background:
            yield _writing(one, text, suspicious=False)


def _writing(one: Seen, text: str, *, suspicious: bool) -> Writing:
    return Writing(
        text=text, seller=one.seller, evidence_id=one.evidence_id, suspicious=suspicious, site=one.site
    )


def own_words(post: Post) -> str:
    """What the seller wrote: title, text and captions, and of further fields those that are texts."""
    texts = tuple(("", value) for _, value in post.extra if len(value) >= _FREE_TEXT_CHARS)
    return text_of(replace(post, extra=texts))


def unknown_part(text: str, lexicon: Lexicon) -> str:
    """A text with a line break in the place of terms, wordings, contacts and sums that are known."""
    found = find(lexicon, text)
    raw = found.views.raw
    spans = [(hit.start, hit.end) for hit in found.hits]
    # A form of one character (片, 糖) may be half of the word that is looked for.
    spans += [(word.start, word.end) for word in found.words if word.end - word.start > 1]
    spans += [(c.start, c.end) for c in contacts_in(found.views.folded, raw)]
    spans += [(p.start, p.end) for p in prices_in(found.views.folded, raw)]
    parts, at = [], 0
    for start, end in sorted(spans):
        if start >= at:
            parts.append(raw[at:start])
        at = max(at, end)
    return "\n".join((*parts, raw[at:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """Proposed words, what they were counted on, and the texts of the examples by evidence."""

    words: tuple[Novelty, ...]
    suspicious: int
    background: int
    texts: dict[str, str]


async def proposals(
    store: Store,
    lexicon: Lexicon,
    since: datetime,
    until: datetime,
    *,
    most: int,
    left_out: frozenset[str],
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> Proposals:
    """Words of the posts captured from `since` up to `until`, each post in its longest form."""
    database = store.vault.database
    total = await looks.count(database, since, until)
    people = await graph(store)
    seller_of = {account: seller.seller_id for seller in people.sellers for account in seller.accounts}
    said = await answers.by_post(database)
    posts: dict[str, Seen] = {}
    done = 0
    async for page in looks.judged(database, since, until):
        for look in page:
            key = look.post_key
            account = account_of(look.evidence.post, look.evidence.target, key).account_id
            seen = seen_of(look, seller_of.get(account, account), said[key].value if key in said else "")
            posts[key] = _fuller(posts.get(key), seen)
        done += len(page)
        told(done, total)
    offenders = frozenset(s.seller_id for s in people.sellers if s.tier in _LOUD)
    return await in_thread(_proposed, list(posts.values()), lexicon, offenders, left_out, most)


def _fuller(before: Seen | None, seen: Seen) -> Seen:
    """Of two looks at a post the one with more to read, suspicious if either is: sellers wipe their texts."""
    if before is None:
        return seen
    longer = max(before, seen, key=lambda one: len(text_of(one.post)))
    louder = min(before.verdict, seen.verdict, key=lambda verdict: verdict.tier.rank)
    return replace(longer, verdict=louder, resembles=before.resembles or seen.resembles)


def _proposed(
    seen: Sequence[Seen], lexicon: Lexicon, offenders: frozenset[str], left_out: frozenset[str], most: int
) -> Proposals:
    each = list(writings(seen, lexicon, offenders=offenders))
    words = suggested(each, left_out=left_out, most=most)
    named = {evidence_id for word in words for evidence_id in word.examples}
    return Proposals(
        words=words,
        suspicious=sum(one.suspicious for one in each),
        background=sum(not one.suspicious for one in each),
        texts={one.evidence_id: text_of(one.post) for one in seen if one.evidence_id in named},
    )
