"""`nightjar lexicon check|diff|try`: are the terms right, and what do they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from bot.commands.out import OK, PROBLEM, Out, on_one_line, some
from bot.mistakes import Mistake
from storage.errors import ConfigError
from storage.model import Verdict

_SHOWN = ("kind", "products", "cites", "tier", "source", "negative", "classes", "note", "date")


class Term(Protocol):
    """What is told of a term."""

    @property
    def text(self) -> str: ...

    @property
    def lang(self) -> str: ...


class Terms(Protocol):
    """What is told of a lexicon."""

    @property
    def version(self) -> str:
        """Name of this set of terms."""
        ...

    @property
    def terms(self) -> Sequence[Term]:
        """Its terms."""
        ...

    @property
    def mistakes(self) -> tuple[ConfigError, ...]:
        """Rows that were left out."""
        ...


class Tried(Protocol):
    """What the lexicon found in a text."""

    @property
    def hits(self) -> Sequence[Any]: ...

    @property
    def contacts(self) -> tuple[str, ...]: ...

    @property
    def prices(self) -> tuple[str, ...]: ...

    @property
    def verdict(self) -> Verdict: ...


def check(out: Out, files: tuple[Path, ...], *, load: Callable[[tuple[Path, ...]], Terms]) -> int:
    """Load the shipped lexicon with `files`, each on its own and then together."""
    mistakes, broken = [], False
    for file in files:
        try:
            mistakes += [_mistake(error, file) for error in load((file,)).mistakes]
        except ConfigError as error:
            mistakes.append(_mistake(error, file))
            broken = True
    terms = None if broken else load(files)
    out.facts(
        {
            "ok": not mistakes,
            "files": files,
            "mistakes": [mistake.facts() for mistake in mistakes],
            "version": terms.version if terms else None,
            "terms": len(terms.terms) if terms else None,
        }
    )
    for mistake in mistakes:
        out.say(mistake, style="red")
    if terms is not None:
        left_out = f"{some(len(mistakes), 'row')} left out" if mistakes else "no mistakes"
        out.say(f"{some(len(terms.terms), 'term')}, version {terms.version}; {left_out}", style="bold")
    return PROBLEM if mistakes else OK


def diff(out: Out, old: Terms, new: Terms) -> int:
    """What `new` adds, takes back and changes."""
    before, after = ({(term.text, term.lang): term for term in terms.terms} for terms in (old, new))
    added = [after[key] for key in after.keys() - before.keys()]
    gone = [before[key] for key in before.keys() - after.keys()]
    changed = [
        (after[key], what)
        for key in after.keys() & before.keys()
        if (what := _changes(before[key], after[key]))
    ]
    rows = [
        *(("+", *_named(term)) for term in sorted(added, key=_order)),
        *(("-", *_named(term)) for term in sorted(gone, key=_order)),
        *(("~", term.text, term.lang, what) for term, what in sorted(changed, key=lambda c: _order(c[0]))),
    ]
    out.facts({"old": old.version, "new": new.version, "changes": rows})
    out.table(("", "term", "lang", "what"), rows)
    out.say(
        f"{old.version} to {new.version}: {len(added)} added, {len(gone)} gone, {len(changed)} changed",
        style="bold",
    )
    return OK


def tell_tried(out: Out, tried: Tried) -> int:
    """Every term of a text with view, span and surroundings, then the verdict and its reasons."""
    verdict = tried.verdict
    out.facts(
        {
            "hits": tried.hits,
            "contacts": tried.contacts,
            "prices": tried.prices,
            "score": verdict.score,
            "tier": verdict.tier,
            "reasons": verdict.reasons,
            "lexicon_version": verdict.lexicon_version,
        }
    )
    columns = ("term", "tier", "view", "as written", "stands for", "harmless by", "source")
    out.table(
        columns,
        (
            (
                h.term,
                h.tier,
                h.view,
                on_one_line(h.span, 40),
                ", ".join(h.products),
                ", ".join(h.harmless),
                h.source,
            )
            for h in tried.hits
        ),
    )
    for reason in verdict.reasons:
        out.line(f"{reason.weight:+.2f}  {reason.kind}: {reason.what} {reason.detail}")
    reach = "; ".join((*tried.contacts, *tried.prices)) or "no contact, no price"
    out.say(reach)
    out.say(
        f"score {verdict.score}, tier {verdict.tier.value}, lexicon {verdict.lexicon_version}", style="bold"
    )
    return OK


def _mistake(error: ConfigError, file: Path) -> Mistake:
    return Mistake(why=error.why, file=error.file or str(file), table=error.table, key=error.key)


def _order(term: Term) -> tuple[str, str]:
    return term.lang, term.text


def _named(term: Term) -> tuple[str, str, str]:
    said = (f"{name} {_said(getattr(term, name))}" for name in ("kind", "tier", "products", "source"))
    return term.text, term.lang, ", ".join(said)


def _changes(before: Term, after: Term) -> str:
    pairs = ((name, _said(getattr(before, name)), _said(getattr(after, name))) for name in _SHOWN)
    return "; ".join(f"{name} {old or '-'} to {new or '-'}" for name, old, new in pairs if old != new)


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
