"""Posts for the detection tests, and the lexicon they are judged by."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from storage.model import PictureMatch, Post, Sha256, Tier, Verdict
from watchers.detect.score import judge
from watchers.lexicon import Lexicon

SAMPLES = Path(__file__).parents[1] / "samples" / "detect"


@cache
def shipped() -> Lexicon:
    return Lexicon.load()


def verdict(text: str = "", *matches: PictureMatch, hour: int | None = 22, seller: str = "") -> Verdict:
    post = Post(post_id="1", url="https://example.org/1", text=text, seller=seller)
    return judge(post, (), matches, shipped(), hour)


def match(bits: int, tier: Tier = Tier.HIGH, known: str = "evidence-1", picture: str = "a") -> PictureMatch:
    return PictureMatch(
        sha256=Sha256(picture * 64),
        known=known,
        known_sha256=Sha256("b" * 64),
        distance_bits=bits,
        known_tier=tier,
        label="tusk" if known.startswith("gallery:") else "",
    )


def labelled(name: str) -> list[tuple[bool, str, str, str]]:
    """Rows of a sample file: (illicit, language, kind, text)."""
    with (SAMPLES / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["label"] == "illicit", row["lang"], row["kind"], row["text"]) for row in rows]
