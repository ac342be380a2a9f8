"""`nightjar show ID`: everything about one piece of evidence, facts apart from conclusions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands.out import OK, PROBLEM, Out, moment, on_one_line, some
from bot.commands.reader import look
from bot.discretion import NOTICE, log_view, starred_case
from storage.clock import Clock
from storage.model import Observation, Verdict

if TYPE_CHECKING:
    from storage.casefile import Casefile
    from storage.store import Store

_MOST_TEXT = 2_000
_MOST_OF_A_CHANGE = 100


def run(out: Out, folder: Path, clock: Clock, evidence_id: str, *, viewer: str = "") -> int:
    """Print a case file; exit code 1 when one of its files is damaged. An id may be cut short.

    viewer: an officer who sees contacts; "": they are starred. Either way the look is logged.
    """
    case = look(folder, clock, _showing(evidence_id, viewer))
    damaged = [file for file in case.files if file.trouble]
    out.facts(case)
    if not out.json:
        _received(out, case)
        _watched(out, case)
        _concluded(out, case)
        _kept(out, case)
        if not viewer:
            out.say(NOTICE, style="dim")
    return PROBLEM if damaged else OK


def _showing(evidence_id: str, viewer: str) -> Callable[[Store], Awaitable[Casefile]]:
    async def showing(store: Store) -> Casefile:
        from storage.casefile import show

        case = await show(store, evidence_id)
        await log_view(store, viewer, f"show {case.evidence.evidence_id}")
        return case if viewer else starred_case(case)

    return showing


def _pairs(out: Out, pairs: Iterable[tuple[str, object]]) -> None:
    for name, value in pairs:
        if value not in ("", None):
            out.say(f"  {name + ':':<14} {on_one_line(value, 400)}")


def _received(out: Out, case: Casefile) -> None:
    evidence, post = case.evidence, case.evidence.post
    out.say(f"Evidence {evidence.evidence_id}", style="bold")
    out.say("What was received", style="bold underline")
    _pairs(
        out,
        (
            ("observation", evidence.observation.value),
            ("target", evidence.target),
            ("post", post.post_id),
            ("address", post.url),
            ("title", post.title),
            ("seller", post.seller),
            ("price", post.price),
            ("location", post.location),
            ("posted", f"{post.posted_raw} ({moment(post.posted_at)})" if post.posted_raw else ""),
            ("listed", moment(evidence.listed_at) if evidence.was_listed else ""),
            ("captured", moment(evidence.captured_at)),
            ("sealed", f"{moment(evidence.sealed_at)}, leaf {evidence.leaf_index}"),
        ),
    )
    if post.text:
        cut = "…" if len(post.text) > _MOST_TEXT else ""
        out.say("\n".join(f"  | {line}" for line in post.text[:_MOST_TEXT].splitlines()) + cut)
    _changed(out, case)
    rows = (
        (p.sha256[:16], p.size_bytes, p.format, f"{p.width}x{p.height}", p.undecodable)
        for p in evidence.pictures
    )
    out.table(("picture", "bytes", "format", "size", "trouble"), rows)
    for absence in evidence.absences:
        out.say(f"  not had: {on_one_line(absence)}", style="yellow")


def _changed(out: Out, case: Casefile) -> None:
    """What this look changed against the one before it."""
    from storage.edits import told

    if case.evidence.observation is not Observation.CHANGED:
        return
    if case.edit is None:
        out.say("  changed: what it said before is no longer kept")
        return
    out.say(f"  changed since {case.edit.previous}")
    for change in case.edit.changes:
        out.say(f"    {on_one_line(told(change, _MOST_OF_A_CHANGE), 400)}")
    if not case.edit.changes:
        out.say("    nothing in title, price, pictures, text, seller or place")


def _watched(out: Out, case: Casefile) -> None:
    out.say("How long it was up", style="bold underline")
    life = case.lifetime
    if life is not None and life.first_missing_at is not None:
        out.say(
            f"  vanished between {moment(life.last_seen_at)} and {moment(life.first_missing_at)} "
            f"({life.missing_class}, {life.confirmations} confirmations; control: {life.control or '-'})"
        )
        for one in case.doubted:
            at = moment(one.looked_at)
            out.say(f"  an earlier look, {at} ({one.presence.value}), does not count: {one.against}")
    elif life is not None:
        out.say(f"  up when last seen, {moment(life.last_seen_at)}")
    rows = ((look_.observation.value, moment(look_.captured_at), look_.evidence_id) for look_ in case.chain)
    out.table(("observation", "captured", "evidence"), rows)
    out.say(f"  {some(len(case.sightings), 'look')} in the vigil")


def _concluded(out: Out, case: Casefile) -> None:
    out.say("What was concluded", style="bold underline")
    earlier = case.earlier_verdict
    if case.verdict is not None:
        _judged(out, case.verdict, moment(case.judged_at))
    elif earlier is not None:
        out.say(f"  not judged itself, for the post was gone; last judged at the look {earlier.evidence_id}:")
        _judged(out, earlier.verdict, moment(earlier.judged_at))
    else:
        out.say("  not judged")
    if case.item is not None:
        out.say(
            f"  item {case.item.item_id} with {some(case.item.members, 'post')}: {', '.join(case.members)}"
        )
    told = (
        (t.channel, t.kind.value, t.tier.value, t.state, moment(t.delivered_at), t.why) for t in case.told
    )
    out.table(("told to", "alert", "tier", "state", "delivered", "why"), told)


def _judged(out: Out, verdict: Verdict, at: str) -> None:
    about = f", {', '.join(verdict.products)}" if verdict.products else ""
    out.say(f"  tier {verdict.tier.value}, score {verdict.score}{about}; judged {at}")
    rows = ((r.kind, f"{r.weight:+g}", r.what, on_one_line(r.span, 60), r.detail) for r in verdict.reasons)
    out.table(("because of", "weight", "what", "in the text", "detail"), rows)


def _kept(out: Out, case: Casefile) -> None:
    out.say("What is kept", style="bold underline")
    rows = ((f.role, f.size_bytes, f.sha256, f.trouble or "whole") for f in case.files)
    out.table(("file", "bytes", "SHA-256", "state"), rows)
    out.say(f"  leaf hash {case.leaf_hash}")
