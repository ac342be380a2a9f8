"""`nightjar lexicon suggest`: words that only suspicious posts use, for a person to accept or reject."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.commands.out import OK, Out, on_one_line, some
from bot.commands.reader import look
from storage import masking
from storage.clock import Clock

if TYPE_CHECKING:
    from storage.store import Store

_WIDE = 60


class Novelty(Protocol):
    """A proposed word."""

    @property
    def term(self) -> str: ...

    @property
    def score(self) -> float: ...

    @property
    def posts(self) -> int: ...

    @property
    def sellers(self) -> int: ...

    @property
    def background(self) -> int: ...

    @property
    def beside(self) -> Sequence[str]: ...

    @property
    def examples(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What was found. suspicious, background: posts on either side; texts: of the examples, by evidence."""

    words: Sequence[Novelty]
    suspicious: int
    background: int
    texts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """From when up to when, and how many words at most."""

    since: datetime
    until: datetime
    most: int


Step = Callable[[int, int], None]


def run(
    out: Out,
    folder: Path,
    clock: Clock,
    order: Order,
    propose: Callable[[Store, Order, Step], Awaitable[Proposed]],
) -> int:
    """Print the words, the surest first, each with examples; contacts in them are starred."""

    async def proposing(store: Store) -> Proposed:
        with out.progress() as bar:
            task = bar.add_task("reading posts", total=None)
            return await propose(
                store, order, lambda done, total: bar.update(task, completed=done, total=total)
            )

    found = look(folder, clock, proposing)
    rows = [_facts(word, found.texts) for word in found.words]
    out.facts(
        {
            "since": order.since,
            "until": order.until,
            "suspicious": found.suspicious,
            "background": found.background,
            "words": rows,
        }
    )
    columns = ("word", "score", "posts", "sellers", "elsewhere", "with it", "for example")
    out.table(columns, (_row(word, found.texts) for word in found.words))
    out.say(
        f"{some(len(rows), 'word')} of {some(found.suspicious, 'suspicious post')} against "
        f"{found.background:,} others of the same sites; "
        "nightjar lexicon accept WORD --product P, or reject WORD",
        style="bold",
    )
    return OK


def _facts(word: Novelty, texts: dict[str, str]) -> dict[str, object]:
    return {
        "term": word.term,
        "score": word.score,
        "posts": word.posts,
        "sellers": word.sellers,
        "background": word.background,
        "beside": word.beside,
        "examples": [{"evidence_id": e, "text": masking.mask(texts.get(e, ""))} for e in word.examples],
    }


def _row(word: Novelty, texts: dict[str, str]) -> tuple[object, ...]:
    text = masking.mask(texts.get(word.examples[0], "")) if word.examples else ""
    at = max(0, text.casefold().find(word.term) - _WIDE // 3)
    example = on_one_line(text[at : at + _WIDE], _WIDE)
    return (
        word.term,
        f"{word.score:.1f}",
        word.posts,
        word.sellers,
        word.background,
        on_one_line(", ".join(word.beside), 40),
        example,
    )


def accepted(out: Out, term: object, path: Path, *, is_new_product: bool) -> int:
    """Say that a word is a term now. term: as `watchers.lexicon.Term`."""
    out.facts({"accepted": term, "file": path})
    out.say(f"{getattr(term, 'text', term)!r} is a term of tier 4 now, in {path}", style="bold")
    if is_new_product:
        out.say("no other term has that product: check its spelling", style="yellow")
    out.say("a running watch takes it up within seconds; see also nightjar rejudge")
    return OK


def rejected(out: Out, word: str, *, was_accepted: bool) -> int:
    """Say that a word will not be proposed again."""
    out.facts({"rejected": word, "was_accepted": was_accepted})
    taken_back = "; it was a term and is taken back" if was_accepted else ""
    out.say(f"{word!r} will not be proposed again{taken_back}", style="bold")
    return OK
