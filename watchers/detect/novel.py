"""Words that suspicious posts use and other posts of the same sites do not: tomorrow's code words. Pure.

Log-odds with an informative Dirichlet prior: Monroe, Colaresi, Quinn, "Fightin' Words", Political
Analysis 16 (2008), equations 15 to 22. Counted is in how many posts a word stands, not how often:
one post that repeats a word says no more than one that does not. Chinese and kana have no spaces,
so their words are runs of two to four characters; elsewhere words are words, alone and in pairs.
What the lexicon knows already, contacts, prices and digits are left out before, and here what a site's
own template says in its posts.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from storage.text.normal import views

LEAST_POSTS, LEAST_SELLERS = 3, 2
LEAST_SCORE = 1.64
"""Chance alone gives one word in twenty as much."""
PRIOR_SHARE = 0.1
"""Weight of the prior: of all words counted, so many. Chosen on made nights (docs/lexicon.md)."""
_LONGEST = 4
_TOGETHER = 0.7
"""Two words whose posts are the same to this share stand for one phrase."""
_EXAMPLES = 3
TEMPLATE_SHARE = 0.6
"""A word that stands in so many of a site's ordinary posts is the site's, not a seller's."""
_TEMPLATE_POSTS, _TEMPLATE_SELLERS = 10, 3
"""Ordinary posts of a site from which that can be said; a seller's own channel has hardly any."""
_MOST_CHARS = 4_000
_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_RUN = re.compile(rf"[{_DENSE}]+")
_KANA_ALONE = re.compile(r"[\u3040-\u309f]+")
# Thai vowels and tones are marks, which \w leaves out.
_WORD = re.compile(rf"(?:[^\W_{_DENSE}]|[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A post's text without what is known. seller: whose it is; suspicious: which side it counts on.

    site: where it stood, "" when that is not known.
    """

    text: str
    seller: str
    evidence_id: str
    suspicious: bool
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """A proposed word. score: z of the log-odds; beside: words that stand in the same posts.

    posts, background: in how many posts of either side it stands. examples: evidence ids.
    """

    term: str
    score: float
    posts: int
    sellers: int
    background: int
    beside: tuple[str, ...]
    examples: tuple[str, ...]


def words_of(text: str) -> frozenset[str]:
    """The words of a text, folded, each once."""
    seen = views(text[:_MOST_CHARS])
    folded = (seen.joined or seen.folded).text
    found: set[str] = set()
    for line in folded.split("\n"):
        for run in _RUN.finditer(line):
            found.update(_grams(run[0]))
        for part in _RUN.split(line):
            words = [w for w in _WORD.findall(part) if len(w) > 1 and not w.isdigit()]
            found.update(words)
            found.update(f"{one} {two}" for one, two in pairwise(words) if f"{one} {two}" in part)
    return frozenset(found)


def _grams(run: str) -> Iterable[str]:
    for length in range(2, _LONGEST + 1):
        for at in range(len(run) - length + 1):
            gram = run[at : at + length]
            if not _KANA_ALONE.fullmatch(gram):  # endings and particles
                yield gram


def suggested(
    writings: Sequence[Writing], *, left_out: frozenset[str] = frozenset(), most: int = 50
) -> tuple[Novelty, ...]:
    """The words that speak most of suspicious posts, at least 3 of them by 2 sellers; the surest first.

    left_out: words that were rejected, folded as `words_of` folds.
    """
    everyone = [(one, words_of(one.text)) for one in writings]
    labels = templates([pair for pair in everyone if not pair[0].suspicious])
    inside = [(one, words - labels.get(one.site, frozenset())) for one, words in everyone if one.suspicious]
    outside = [words for one, words in everyone if not one.suspicious]  # all that the others are held against
    used = Counter(word for _, words in inside for word in words)
    wanted = {word for word, count in used.items() if count >= LEAST_POSTS and word not in left_out}
    background = Counter(word for words in outside for word in words & wanted)
    totals = sum(used.values()), sum(map(len, outside))
    posts: dict[str, list[Writing]] = {word: [] for word in wanted}
    for one, words in inside:
        for word in words & wanted:
            posts[word].append(one)
    found = [
        (_score(used[word], background[word], totals), word)
        for word in wanted
        if len({one.seller for one in posts[word]}) >= LEAST_SELLERS
    ]
    found.sort(key=lambda one: (-round(one[0], 9), -len(one[1]), one[1]))
    return _told(found, posts, background, most)


def templates(ordinary: Sequence[tuple[Writing, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """By site, the words in most of its ordinary posts, whoever wrote them: labels, buttons, its name."""
    sites: dict[str, list[tuple[Writing, frozenset[str]]]] = {}
    for one, words in ordinary:
        if one.site:
            sites.setdefault(one.site, []).append((one, words))
    return {
        site: _in_most([words for _, words in posts])
        for site, posts in sites.items()
        if len(posts) >= _TEMPLATE_POSTS and len({one.seller for one, _ in posts}) >= _TEMPLATE_SELLERS
    }


def _in_most(posts: Sequence[frozenset[str]]) -> frozenset[str]:
    counts = Counter(word for words in posts for word in words)
    return frozenset(word for word, count in counts.items() if count >= TEMPLATE_SHARE * len(posts))


def _score(used: int, elsewhere: int, totals: tuple[int, int]) -> float:
    """Z of the difference of log-odds; the prior is what both sides use together."""
    inside, outside = totals
    prior = PRIOR_SHARE * (inside + outside)
    alpha = prior * (used + elsewhere) / (inside + outside)
    one, other = used + alpha, elsewhere + alpha
    odds = math.log(one / (inside + prior - one)) - math.log(other / (outside + prior - other))
    return odds / math.sqrt(1 / one + 1 / other)


def _told(
    found: Sequence[tuple[float, str]],
    posts: dict[str, list[Writing]],
    background: Counter[str],
    most: int,
) -> tuple[Novelty, ...]:
    """The best of them; a word that stands in the same posts as a better one is told beside it."""
    told: list[Novelty] = []
    supports: list[frozenset[str]] = []
    for score, word in found:
        if score < LEAST_SCORE:
            break
        support = frozenset(one.evidence_id for one in posts[word])
        same = next((at for at, other in enumerate(supports) if _is_same(support, other)), None)
        if same is not None:
            first = told[same]
            if len(first.beside) < _LONGEST:
                told[same] = _with(first, word)
            continue
        if len(told) == most:
            break
        supports.append(support)
        told.append(
            Novelty(
                term=word,
                score=round(score, 2),
                posts=len(support),
                sellers=len({one.seller for one in posts[word]}),
                background=background[word],
                beside=(),
                examples=tuple(one.evidence_id for one in posts[word][:_EXAMPLES]),
            )
        )
    return tuple(told)


def _is_same(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _TOGETHER * len(one | other)


def _with(first: Novelty, word: str) -> Novelty:
    return replace(first, beside=(*first.beside, word))
