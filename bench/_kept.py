"""What `bench forum` did to a site, beside what was kept of it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from bench.figures import Figure
from storage.masking import mask

_NUMBER = re.compile(r"\bno (\d+)\b")
Facts = dict[str, Any]


@dataclass(slots=True)
class Plan:
    """The deeds by the number of the post, each with what the program answered and its instants."""

    posts: dict[int, Facts] = field(default_factory=dict)
    new: dict[int, Facts] = field(default_factory=dict)
    edited: dict[int, Facts] = field(default_factory=dict)
    deleted: dict[int, Facts] = field(default_factory=dict)
    restored: dict[int, Facts] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    exit_code: int = -1

    def expected(self, number: int) -> list[str]:
        """The observations that a post must have, in order."""
        kinds = ["seen"]
        kinds += ["changed"] if number in self.edited else []
        kinds += ["missing"] if number in self.deleted else []
        return kinds + (["reappeared"] if number in self.restored else [])


class Kept:
    """The rows of `find`, oldest first, by the number in the title of the post."""

    def __init__(self, rows: list[Facts]) -> None:
        self.rows = rows[::-1]
        self.by_number: dict[int, list[Facts]] = defaultdict(list)
        self.strange: list[Facts] = []
        for row in self.rows:
            found = _NUMBER.search(row["title"])
            (self.by_number[int(found[1])] if found else self.strange).append(row)

    def numbers(self) -> set[int]:
        """Which posts were kept at all."""
        return set(self.by_number)

    def kinds(self, number: int) -> list[str]:
        """The observations of one post in order."""
        return [row["observation"] for row in self.by_number.get(number, [])]

    def has_all(self, plan: Plan) -> bool:
        """Whether every deed has left a trace, right or wrong."""
        return all(set(plan.expected(n)) <= set(self.kinds(n)) for n in plan.posts)

    def oddities(self, plan: Plan, cases: dict[str, Facts]) -> list[str]:
        """Where the observations are not those expected, and what of a new post is not whole."""
        told = [
            f"post {n}: {', '.join(self.kinds(n)) or 'nothing'} instead of {', '.join(plan.expected(n))}"
            for n in sorted(plan.posts.keys() | self.numbers())
            if n not in plan.posts or self.kinds(n) != plan.expected(n)
        ]
        told += [f"no post of the site: {row['title'][:60]!r} {row['url']}" for row in self.strange[:10]]
        for n in plan.posts:
            rows = self.by_number.get(n)
            if rows and (lacks := lacking(plan.posts[n], cases[rows[0]["evidence_id"]])):
                told.append(f"post {n} lacks {', '.join(lacks)}")
        return told


def lacking(post: Facts, case: Facts) -> list[str]:
    """What of a post is not in its evidence: its page, title, text, seller, pictures."""
    had = case["evidence"]
    roles = [file["role"] for file in case["files"] if not file["trouble"]]
    wrong = {
        "page": not any(role == "page" for role in roles),
        "title": words(had["post"]["title"]) != words(post["title"]),
        # Screens star contacts: so must what they are held against.
        "text": words(mask(post["text"], ())) not in words(had["post"]["text"]),
        "seller": words(post["seller"]) not in words(had["post"]["seller"]),
        "pictures": len(had["pictures"]) < post["pictures"],
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def words(text: str) -> str:
    """Letters and figures alone: themes change quotes, dashes and white space."""
    return re.sub(r"\W+", " ", text).strip().casefold()


def chained(kept: Kept, cases: dict[str, Facts], number: int, kind: str) -> bool:
    """Whether an observation follows the evidence of the same post before it."""
    rows = kept.by_number.get(number, [])
    for before, row in pairwise(rows):
        if row["observation"] == kind:
            return bool(cases[row["evidence_id"]]["evidence"]["previous"] == before["evidence_id"])
    return False


def brackets(case: Facts | None, alert: Facts | None, deed: Facts) -> bool:
    """Whether a recorded deletion is an interval that holds the true instant.

    case: the evidence of the deletion, None when there is none. alert: what was told of it;
    a post that was put back has the interval there only.
    """
    life = (alert or {}).get("lifetime") or (case or {}).get("lifetime")
    if case is None or not life or not life["first_missing_at"]:
        return False
    last, first = (datetime.fromisoformat(life[key]) for key in ("last_seen_at", "first_missing_at"))
    return bool(last <= deed["after"] and first >= deed["before"] and first > last)


def _deletion(
    kept: Kept, cases: dict[str, Facts], alerts: list[Facts], number: int
) -> tuple[Facts | None, Facts | None]:
    """The evidence of a deletion, and the alert that told of it."""
    row = next((r for r in kept.by_number.get(number, []) if r["observation"] == "missing"), None)
    if row is None:
        return None, None
    told = [a for a in alerts if a["kind"] == "deleted" and a["facts"]["evidence_id"] == row["evidence_id"]]
    return cases[row["evidence_id"]], told[0] if told else None


def figures(
    plan: Plan, kept: Kept, cases: dict[str, Facts], alerts: list[Facts], *, whole: bool
) -> tuple[Figure, ...]:
    """Done, and kept."""
    first = {n: cases[kept.by_number[n][0]["evidence_id"]] for n in plan.posts if n in kept.by_number}
    complete = sum(not lacking(plan.posts[n], case) for n, case in first.items())
    new = sum(n in first and not lacking(post, first[n]) for n, post in plan.new.items())
    edits = sum(chained(kept, cases, n, "changed") for n in plan.edited)
    deletions = sum(brackets(*_deletion(kept, cases, alerts, n), deed) for n, deed in plan.deleted.items())
    back = sum(chained(kept, cases, n, "reappeared") for n in plan.restored)
    false = sum("missing" in kept.kinds(n) and n not in plan.deleted for n in kept.numbers())
    needless = sum(max(0, len(kept.kinds(n)) - len(plan.expected(n))) for n in plan.posts)
    ids = {n: {row["post_id"] for row in rows} for n, rows in kept.by_number.items()}
    told = {(a["kind"], str((a["facts"] or {}).get("title"))) for a in alerts}
    loud = [n for n in plan.posts if n in first and (first[n]["verdict"] or {}).get("tier", "none") != "none"]
    alerted = {
        int(m[1]) for kind, title in told if kind in {"new", "repost"} and (m := _NUMBER.search(title))
    }
    return (
        Figure("posts found", len(first), len(plan.posts), "equal"),
        Figure(
            "posts kept whole", complete, len(plan.posts), "equal", "", "page, title, text, seller, pictures"
        ),
        Figure("new posts kept whole", new, len(plan.new), "equal"),
        Figure("edits recorded and chained", edits, len(plan.edited), "equal"),
        Figure("deletions that hold the true instant", deletions, len(plan.deleted), "equal"),
        Figure("posts put back and seen", back, len(plan.restored), "equal"),
        Figure("false deletions", false, 0, "equal"),
        Figure("needless observations", needless, 0, "equal"),
        Figure("posts with two ids", sum(len(one) > 1 for one in ids.values()), 0, "equal"),
        Figure("evidence of no post", len(kept.strange), 0, "equal"),
        Figure("suspicious posts in the alert file", len(alerted & set(loud)), len(loud), "equal"),
        Figure("store whole by verify", float(whole), 1, "equal"),
        Figure("exit code after SIGTERM", plan.exit_code, 0, "equal"),
    )
