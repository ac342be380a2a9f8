"""What an alert says: as a card for people and as an event for programs. Pure.

Facts come first and inference is named as such; seller text always stands in a `code`
span, so that no @name, link or /command in it can be tapped. Not here: sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from bot.channel import BARE, Card, Manner
from bot.desk.keyboard import keyboard
from bot.desk.names import count_word, field_word, gone_word, loud, reason_word
from bot.desk.notices import notice_word
from bot.desk.reasons import product_word, why_word
from bot.desk.tongue import Tongue, tongue
from bot.veil import needs_veil
from bot.words import LIMIT, Text, plain
from storage.duty import Duty, Outcome, State
from storage.edits import pieces, shortened
from storage.model import (
    Alert,
    AlertKind,
    Change,
    Edit,
    Evidence,
    Lifetime,
    Likeness,
    Observation,
    Reason,
    Verdict,
)
from storage.starred import starred_alert

SCHEMA = "nightjar.alert/1"
"""Version of `event`; described in docs/alerts.md. Additions keep it, changes raise it."""

_MOST_REASONS, _FEW_REASONS = 5, 2
"""The card of an edit gives room to what changed: the reasons are in the case file."""
_MOST_CHANGES, _MOST_OF_A_CHANGE = 3, 32
_MOST_OF_AN_EVENT = 200
_LAST = 380
"""Units kept for the end of a card: how the post is, and who has taken the alert."""


def card(
    alert: Alert,
    sheet: bytes = b"",
    *,
    repeat: bool = False,
    marked: bool = False,
    manner: Manner = BARE,
    sent_at: datetime | None = None,
) -> Card:
    """An alert in at most 1,024 UTF-16 units; the first line stands alone on a lock screen.

    repeat: the same alert may have been told before; the card then says so. marked: the alert's
    id stands in it, so that a copy of the card tells which alert it is. sent_at: when the card was or
    is sent, None when that is not known. What is cut when it is long is the middle: how the post is now
    and who has taken it stand in every card.
    """
    say = tongue(manner.language, manner.zone)
    alert = starred_alert(alert)
    alert = replace(alert, kind=alert.shows or alert.kind)  # what people did changes nothing of the post
    if alert.kind is AlertKind.NOTICE or alert.evidence is None or alert.verdict is None:
        text = Text().add("NIGHTJAR ", "bold").add_quiet(plain(notice_word(alert.notice, say), 900))
        _mark(text, alert, marked=marked)
        return Card(headline=text.text, text=text.text, spans=text.spans)
    last = _last(alert, say)
    text = Text(LIMIT - last.size)
    _headline(text, alert, alert.evidence, alert.verdict, say=say)
    headline = text.text
    if repeat:
        text.line().add(say("possible repeat: the answer to an earlier try was lost"), "italic")
    _mark(text, alert, marked=marked)
    _changed(text, alert, say)
    _offer(text, alert.evidence, say)
    _why(text, alert.verdict, most=_MOST_REASONS if alert.edit is None else _FEW_REASONS, say=say)
    _times(text, alert.evidence, sent_at, say)
    _proof(text, alert.evidence, alert.notice, say)
    _log(text, alert, alert.evidence, say)
    whole = Text().join(text).join(last)
    buttons = keyboard(alert.duty, manner.key, say) if alert.duty is not None and manner.key else ()
    return Card(
        headline=headline,
        text=whole.text,
        spans=whole.spans,
        sheet=sheet,
        keyboard=buttons,
        veiled=bool(sheet) and needs_veil(alert),
        veil_note=say("may show a dead animal: blurred here; whole in the evidence"),
    )


def _mark(text: Text, alert: Alert, *, marked: bool) -> None:
    if marked:
        text.line().add("alert ").add(alert.alert_id, "code")


def _is_now(kind: AlertKind, say: Tongue) -> str:
    """How a post is, in a word."""
    words = {
        AlertKind.REPOST: say("RE-POSTED"),
        AlertKind.CHANGED: say("CHANGED"),
        AlertKind.DELETED: say("DELETED"),
        AlertKind.REAPPEARED: say("UP AGAIN"),
        AlertKind.READ: say("PICTURES READ"),  # whether it is up was not looked at
        AlertKind.HINTED: say("HINT"),
    }
    return words.get(kind, say("UP"))


def _headline(text: Text, alert: Alert, evidence: Evidence, verdict: Verdict, *, say: Tongue) -> None:
    if not preserved(evidence):
        text.add(f"{say('NOT PRESERVED')} ", "bold")
    text.add(f"{loud(alert.tier, say)} {verdict.score}", "bold")
    if alert.kind is not AlertKind.NEW:
        text.add(f" {_is_now(alert.kind, say)}", "bold")
    if alert.edit is not None and alert.edit.changes:
        text.add(f" ({', '.join(field_word(c.what, say) for c in alert.edit.changes[:_MOST_CHANGES])})")
    if verdict.products:
        text.add(f" {plain(', '.join(product_word(one, say) for one in verdict.products), 40)}")
    for shown, kind in _signs(verdict, say):
        text.add(" ").add(plain(shown, 24) if kind else shown, kind)
    if evidence.post.price:
        text.add(" ").add(plain(evidence.post.price, 20), "code")
    text.add(f" [{evidence.target}]")


def _signs(verdict: Verdict, say: Tongue) -> list[tuple[str, str]]:
    """The two foremost signs for the first line: seller's words as `code`, what was concluded plain.

    Each once: a word that is the product's name already stands there.
    """
    told = {product_word(one, say).casefold() for one in verdict.products}
    likenesses = [reason for reason in verdict.reasons if reason.kind == "picture"]
    is_sure = any(Likeness.REVIEW.value not in reason.detail for reason in likenesses)
    picture = say("known picture") if is_sure else say("similar picture, please compare")
    signs: dict[str, str] = {}
    for reason in verdict.reasons:
        if reason.kind == "picture":
            signs[picture] = ""
        elif reason.kind == "term":
            span = reason.span or why_word(reason, say)
            if span.casefold() not in told:
                signs[span] = "code"
                told.add(span.casefold())
    return list(signs.items())[:2]


def _changed(text: Text, alert: Alert, say: Tongue) -> None:
    """What an edit changed, in at most three lines: the first thing that is asked of a changed post."""
    if alert.edit is None:
        if alert.kind is AlertKind.CHANGED:
            text.line().add(say("changed: what it said before is no longer kept"))
        return
    told, more = alert.edit.changes[:_MOST_CHANGES], alert.edit.changes[_MOST_CHANGES:]
    if not told:
        text.line().add(say("changed: nothing in title, price, pictures, text, seller or place"))
    for change in told:
        text.line().add(say("changed")).add(" ")
        for words, of_site in _pieces(change, say):
            text.add(plain(words, _MOST_OF_A_CHANGE) if of_site else words, "code" if of_site else "")
    if more:
        text.add(" · ").add(
            say("also {fields}", fields=", ".join(field_word(change.what, say) for change in more))
        )


def _pieces(change: Change, say: Tongue) -> tuple[tuple[str, bool], ...]:
    """As `storage.edits.pieces`, our own words in the reader's language."""
    field = field_word(change.what, say)
    if change.counts:
        counted = ", ".join(f"{count} {count_word(word, say)}" for word, count in change.counts)
        return ((f"{field}: {counted}", False),)
    told = pieces(change, _MOST_OF_A_CHANGE)
    before, after = shortened(change, _MOST_OF_A_CHANGE)
    if not before or not after:
        verb = say("added") if after else say("removed")
        return ((f"{field} {verb}: ", False), *told[1:])
    if before == after:  # the stars hide the difference
        return ((f"{field}: {say('differs where it is starred')}: ", False), *told[1:])
    return ((f"{field}: ", False), *told[1:])


def _offer(text: Text, evidence: Evidence, say: Tongue) -> None:
    post = evidence.post
    shown = plain(post.title or post.text, 120)
    text.line().add(say("offer")).add(": ")
    text.add(shown or say("(no text, pictures only)"), "code" if shown else "")
    if post.seller:
        text.line().add(say("seller")).add(": ").add(plain(post.seller, 60), "code")
    if post.location:
        text.line().add(say("place")).add(": ").add(plain(post.location, 60), "code")


def _why(text: Text, verdict: Verdict, *, most: int, say: Tongue) -> None:
    text.line().add(say("why (inference)")).add(": ")
    for number, reason in enumerate(_foremost(verdict.reasons, most)):
        text.add(" | " if number else "").add(plain(why_word(reason, say), 60)).add(
            f" ({reason.weight:+.2f})"
        )
    if len(verdict.reasons) > most:
        text.add(" | ").add(say("{count} more", count=len(verdict.reasons) - most))
    if verdict.contacts:
        text.line().add(say("contact")).add(": ").add(plain(", ".join(verdict.contacts[:3]), 100), "code")
    text.line().add(say("lexicon {version}", version=plain(verdict.lexicon_version, 40)))


def _foremost(reasons: Sequence[Reason], most: int) -> tuple[Reason, ...]:
    """So many of the reasons, as they were found, those that weigh before others.

    What speaks most against is among them, or people would act on half of what is known.
    """
    ordered = sorted(reasons, key=lambda reason: reason.weight == 0)
    against = min((one for one in ordered if one.weight < 0), key=lambda one: one.weight, default=None)
    shown, rest = ordered[:most], ordered[most:]
    if against is not None and any(one is against for one in rest):
        shown[-1] = against
    return tuple(shown)


def _times(text: Text, evidence: Evidence, sent_at: datetime | None, say: Tongue) -> None:
    text.line()
    if evidence.post.posted_at is not None:
        text.add(say("posted {at}", at=say.second(evidence.post.posted_at))).add(" · ")
    captured = say("captured {at}", at=say.second(evidence.captured_at))
    if sent_at is not None and evidence.captured_at > sent_at:
        text.add(say("last look {at}", at=say.second(evidence.captured_at)))  # of a post that is told already
    elif evidence.was_listed:
        lag = (evidence.captured_at - evidence.listed_at).total_seconds()
        text.add(say("listed {at}", at=say.second(evidence.listed_at))).add(f" · {captured} (+{lag:.1f} s)")
    else:
        text.add(captured)
    if sent_at is not None:
        text.add(" · ").add(say("sent {at}", at=say.second(sent_at)))


def preserved(evidence: Evidence) -> bool:
    """Whether it is kept and in the log; while the disk refuses, captures are told from memory."""
    return evidence.leaf_index >= 0


def _proof(text: Text, evidence: Evidence, notice: str, say: Tongue) -> None:
    count = len(evidence.pictures)
    pictures = say("1 picture") if count == 1 else say("{count} pictures", count=count)
    page = say("page") if evidence.page_sha256 else say("no page")
    kept = f"{pictures}, {page}"
    if evidence.observation is Observation.MISSING and not count:  # it is gone: nothing is lacking
        kept = page if evidence.page_sha256 else ""
    if not preserved(evidence):
        text.line().add(say("NOT PRESERVED"), "bold").add_quiet(f": {plain(notice, 160)}", "bold")
        text.line().add(say("told from memory; once it is kept, it is told again with its evidence id"))
        return
    if notice:
        text.line().add_quiet(plain(notice, 160), "bold")
    text.line().add(say("evidence")).add(" ").add(evidence.evidence_id, "code")
    leaf = say("leaf {leaf}", leaf=evidence.leaf_index)
    text.add(f" · sha256 {evidence.manifest_sha256[:12]} · {leaf}" + (f" · {kept}" if kept else ""))
    if evidence.absences:
        text.line().add(say("missing: {what}", what=plain("; ".join(evidence.absences), 120)))


def _log(text: Text, alert: Alert, evidence: Evidence, say: Tongue) -> None:
    """Place and root in the log: whoever keeps the message can later show that the log was changed."""
    if alert.log_root:
        root, size = alert.log_root[:12], alert.log_size
        text.line().add(
            say("log #{index}, root {root} of {size}", index=evidence.leaf_index, root=root, size=size)
        )


def _last(alert: Alert, say: Tongue) -> Text:
    """How the post is now, who has taken the alert, and which other is of its item: the end of every card."""
    text = Text(_LAST)
    text.line().add(say("status")).add(": ").add(_is_now(alert.kind, say), "bold")
    if alert.kind is AlertKind.DELETED and alert.lifetime is not None:
        text.add(f" {vanished(alert.lifetime, say)}").add(lasted(alert, say))
    elif alert.kind is AlertKind.REPOST and alert.item is not None:
        text.add(" · ").add(say("{count} posts of this item", count=alert.item.members))
    if alert.duty is not None and alert.duty.version:
        _taken(text.line(), alert.duty, say)
    if alert.same is not None:
        number, at = alert.same.alert_id[:12], say.clock(alert.same.created_at)
        text.line().add(say("same item as alert {number} of {at}", number=number, at=at))
        if alert.same.duty is not None and alert.same.duty.version:
            _taken(text.add(": "), alert.same.duty, say)
    return text


def _taken(text: Text, duty: Duty, say: Tongue) -> None:
    who, when = plain(duty.actor, 40), "" if duty.at is None else say.clock(duty.at)
    match duty.state:
        case State.ACKNOWLEDGED:
            text.add(say("taken by {who} at {when}", who=who, when=when), "bold")
        case State.RESOLVED:
            ended = {
                Outcome.CONFIRMED: say("confirmed by {who} at {when}", who=who, when=when),
                Outcome.FALSE_POSITIVE: say("false positive, by {who} at {when}", who=who, when=when),
                Outcome.DUPLICATE: say("duplicate, by {who} at {when}", who=who, when=when),
            }
            text.add(ended.get(duty.outcome, ""), "bold")
            if duty.reason:
                text.add(f" ({plain(reason_word(duty.reason, say), 60)})")
        case State.ESCALATED:
            once = say("nobody has taken it; passed on once")
            often = say("nobody has taken it; passed on {times} times", times=duty.level)
            text.add(once if duty.level == 1 else often, "bold")
        case State.NEW:
            text.add(say("given back by {who} at {when}", who=who, when=when), "bold")


def vanished(life: Lifetime, say: Tongue) -> str:
    """When a post vanished, in words: an interval, with how it was shown."""
    if life.first_missing_at is None:
        return say("last seen {at}", at=say.second(life.last_seen_at))
    looks = life.confirmations
    return say(
        "between {first} and {last} ({how}, {looks})",
        first=say.second(life.last_seen_at),
        last=say.second(life.first_missing_at),
        how=gone_word(life.missing_class, say),
        looks=say("1 look") if looks == 1 else say("{count} looks", count=looks),
    )


def lasted(alert: Alert, say: Tongue) -> str:
    """How long a post that vanished was up, as far as is known: " · up 2 h 13 m", or ""."""
    if alert.lifetime is None or alert.evidence is None:
        return ""
    seen, first, posted = alert.lifetime.last_seen_at, alert.first_at, alert.evidence.post.posted_at
    since = posted if posted is not None and (first is None or posted <= first) else first
    if since is None or since > seen:
        return ""
    seconds = int((seen - since).total_seconds())
    if not seconds:  # seen once: how long is not known at all
        return ""
    span = _span(seconds, say)
    up = say("up {span}", span=span) if since == posted else say("up {span} or longer", span=span)
    return f" · {up}"


def _span(seconds: int, say: Tongue) -> str:
    """How long something was, in its two largest units at most."""
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return say("{seconds} s", seconds=rest)
    if minutes < 60:
        return say("{minutes} m", minutes=minutes)
    return say("{hours} h {minutes} m", hours=minutes // 60, minutes=minutes % 60)


def event(alert: Alert) -> dict[str, object]:
    """An alert as a JSON object of schema `SCHEMA`: strings, numbers, lists, null."""
    alert = starred_alert(alert)
    told: dict[str, object] = {
        "schema": SCHEMA,
        "alert_id": alert.alert_id,
        "kind": alert.kind.value,
        "tier": alert.tier.value,
        "created_at": alert.created_at.isoformat(),
        "revises": alert.revises or None,
        "notice": alert.notice or None,
        "jurisdiction": alert.jurisdiction or None,
        "tags": list(alert.tags),
        "item": None,
        "preserved": None,
        "facts": None,
        "changes": None if alert.edit is None else _changes(alert.edit),
        "inference": None,
        "lifetime": None,
        "log": None,
        "duty": None if alert.duty is None else _duty(alert.duty),
        "same_item_as": None if alert.same is None else alert.same.alert_id,
    }
    if alert.item is not None:
        told["item"] = {"item_id": alert.item.item_id, "members": alert.item.members}
    if alert.evidence is not None:
        told["facts"] = _facts(alert.evidence)
        told["preserved"] = preserved(alert.evidence)
    if alert.verdict is not None:
        told["inference"] = _inference(alert)
    if alert.log_root:
        index = None if alert.evidence is None else alert.evidence.leaf_index
        told["log"] = {"index": index, "size": alert.log_size, "root": alert.log_root}
    if alert.lifetime is not None:
        told["lifetime"] = _lifetime(alert.lifetime)
    return told


def _duty(duty: Duty) -> dict[str, object]:
    return {
        "state": duty.state.value,
        "version": duty.version,
        "level": duty.level,
        "actor": duty.actor or None,
        "at": None if duty.at is None else duty.at.isoformat(),
        "outcome": duty.outcome.value or None,
        "reason": duty.reason or None,
    }


def _facts(evidence: Evidence) -> dict[str, object]:
    post = evidence.post
    return {
        "evidence_id": evidence.evidence_id,
        "target": evidence.target,
        "host": urlsplit(post.url).netloc,
        "observation": evidence.observation.value,
        "post_id": post.post_id,
        "url": post.url,
        "title": post.title,
        "text": post.text[:2_000],
        "seller": post.seller,
        "price": post.price,
        "location": post.location,
        "posted_raw": post.posted_raw,
        "posted_at": post.posted_at.isoformat() if post.posted_at else None,
        "listed_at": evidence.listed_at.isoformat() if evidence.was_listed else None,
        "captured_at": evidence.captured_at.isoformat(),
        "sealed_at": evidence.sealed_at.isoformat(),
        "manifest_sha256": evidence.manifest_sha256,
        "leaf_index": evidence.leaf_index,
        "page_sha256": evidence.page_sha256 or None,
        "pictures": [p.sha256 for p in evidence.pictures],
        "absences": list(evidence.absences),
    }


def _changes(edit: Edit) -> list[dict[str, object]]:
    return [_change(change) for change in edit.changes]


def _change(change: Change) -> dict[str, object]:
    """Texts around the first difference, each at most 200 characters; of pictures, counts."""
    if change.counts:
        return {"field": change.what, "before": None, "after": None, "counts": dict(change.counts)}
    before, after = shortened(change, _MOST_OF_AN_EVENT)
    return {"field": change.what, "before": before, "after": after, "counts": None}


def _inference(alert: Alert) -> dict[str, object]:
    verdict = alert.verdict
    if verdict is None:
        return {}
    return {
        "score": verdict.score,
        "tier": verdict.tier.value,
        "products": list(verdict.products),
        "lexicon_version": verdict.lexicon_version,
        "reasons": [
            {"kind": r.kind, "what": r.what, "weight": r.weight, "span": r.span, "detail": r.detail}
            for r in verdict.reasons
        ],
        "contacts": list(verdict.contacts),
        "matches": [
            {
                "sha256": m.sha256,
                "known": m.known,
                "distance_bits": m.distance_bits,
                "label": m.label,
                "likeness": m.likeness.value,
                "by": m.by,
                "points": m.points,
                "differing_percent": m.differing_percent,
                "turned": m.turned,
            }
            for m in alert.matches
        ],
    }


def _lifetime(life: Lifetime) -> dict[str, object]:
    return {
        "last_seen_at": life.last_seen_at.isoformat(),
        "first_missing_at": life.first_missing_at.isoformat() if life.first_missing_at else None,
        "confirmations": life.confirmations,
        "missing_class": life.missing_class,
        "control": life.control,
    }
