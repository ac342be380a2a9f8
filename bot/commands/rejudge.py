"""`nightjar rejudge`: what would have alerted with other words or another model. Told, never sent.

Opens the store for reading only: no verdict, item or alert can come of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.commands.out import OK, Out, moment, on_one_line, some
from bot.commands.reader import look
from storage import looks
from storage.clock import Clock
from storage.model import Reason, Tier, Verdict
from storage.starred import starred_post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from storage.store import Store

_SHOWN = 60


class Changed(Protocol):
    """A post that would be louder or quieter."""

    @property
    def look(self) -> looks.Look: ...

    @property
    def before(self) -> Verdict: ...

    @property
    def after(self) -> Verdict: ...

    @property
    def gained(self) -> Sequence[Reason]: ...

    @property
    def lost(self) -> Sequence[Reason]: ...

    @property
    def is_up(self) -> bool: ...


class Rejudged(Protocol):
    """What came of judging again."""

    @property
    def looks(self) -> int: ...

    @property
    def posts(self) -> int: ...

    @property
    def rescored(self) -> int: ...

    @property
    def changed(self) -> Sequence[Changed]: ...

    @property
    def lexicons_before(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """From when up to when (aware, the latter excluded), and by what it is judged."""

    since: datetime
    until: datetime
    lexicon: str
    model: str
    model_counts: bool


Judging = Callable[["AsyncIterator[tuple[looks.Look, ...]]", Callable[[int], None]], Awaitable[Rejudged]]


def run(out: Out, folder: Path, clock: Clock, order: Order, judging: Judging) -> int:
    """Judge what is kept again and print what would be otherwise; exit code 0 whatever it is."""

    async def working(store: Store) -> Rejudged:
        database = store.vault.database
        total = await looks.count(database, order.since, order.until)
        with out.progress() as bar:
            task = bar.add_task("judging again", total=total)
            pages = looks.judged(database, order.since, order.until)
            return await judging(pages, lambda count: bar.advance(task, count))

    found = look(folder, clock, working)
    rows = [_facts(one) for one in found.changed]
    quiet = Tier.NONE.value
    would_alert = [row for row in rows if row["before"]["tier"] == quiet]  # type: ignore[index]
    silenced = [row for row in rows if row["after"]["tier"] == quiet]  # type: ignore[index]
    out.facts(
        {
            "since": order.since,
            "until": order.until,
            "lexicon_version": order.lexicon,
            "lexicons_before": found.lexicons_before,
            "model_version": order.model,
            "model_counts": order.model_counts,
            "looks": found.looks,
            "posts": found.posts,
            "rescored": found.rescored,
            "would_alert": would_alert,
            "silenced": silenced,
            "up": [row for row, one in zip(rows, found.changed, strict=True) if one.is_up],
            "down": [row for row, one in zip(rows, found.changed, strict=True) if not one.is_up],
        }
    )
    if not out.json:
        _print(out, order, found)
    return OK


def _facts(one: Changed) -> dict[str, object]:
    evidence = one.look.evidence
    known = (*one.before.contacts, *one.after.contacts)
    post = starred_post(evidence.post, known)
    return {
        "evidence_id": evidence.evidence_id,
        "target": evidence.target,
        "post_id": post.post_id,
        "title": post.title or post.text[:80],
        "seller": post.seller,
        "url": post.url,
        "captured_at": evidence.captured_at,
        "before": _said(one.before),
        "after": _said(one.after),
        "gained": [_reason(r) for r in one.gained],
        "lost": [_reason(r) for r in one.lost],
    }


def _said(verdict: Verdict) -> dict[str, object]:
    return {"tier": verdict.tier.value, "score": verdict.score, "products": verdict.products}


def _reason(reason: Reason) -> dict[str, object]:
    return {"kind": reason.kind, "what": reason.what, "weight": reason.weight}


def _print(out: Out, order: Order, found: Rejudged) -> None:
    loud = [one for one in found.changed if one.before.tier is Tier.NONE]
    quiet = [one for one in found.changed if one.after.tier is Tier.NONE]
    for head, each in (
        ("would have alerted", loud),
        ("would have been louder", [c for c in found.changed if c.is_up and c not in loud]),
        ("would have been quieter", [c for c in found.changed if not c.is_up and c not in quiet]),
        ("would not have alerted", quiet),
    ):
        if each:
            out.say(f"{head}: {len(each):,}", style="bold")
            out.table(
                ("evidence", "captured", "target", "was", "would be", "title", "because"),
                map(_row, each[:_SHOWN]),
            )
            if len(each) > _SHOWN:
                out.say(f"  and {len(each) - _SHOWN:,} more: see --json")
    model = f", model {order.model}" if order.model else ""
    out.say(
        f"{some(found.posts, 'post')} in {some(found.looks, 'look')} judged by {order.lexicon}{model}; "
        f"{some(len(found.changed), 'tier')} changed, {some(found.rescored, 'score')} within a tier; "
        "nothing was sent or written",
        style="bold",
    )
    if order.model and not order.model_counts:
        out.say(
            "the model weighs nothing: on its own labels the lexicon alone did as well or better",
            style="yellow",
        )


def _row(one: Changed) -> tuple[object, ...]:
    facts = _facts(one)
    gained = [f"+ {r.what}" for r in one.gained]
    lost = [f"- {r.what}" for r in one.lost]
    return (
        facts["evidence_id"],
        moment(one.look.evidence.captured_at),
        facts["target"],
        f"{one.before.tier.value} {one.before.score}",
        f"{one.after.tier.value} {one.after.score}",
        on_one_line(facts["title"], 50),
        on_one_line("; ".join((gained + lost)[:3]), 90),
    )
