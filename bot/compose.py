"""What an alert says: as a card for people and as an event for programs. Pure.

Facts come first and inference is named as such; seller text always stands in a `code`
span, so that no @name, link or /command in it can be tapped. Not here: sending.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from bot.channel import Card
from bot.words import Text, plain
from storage.edits import pieces, shortened
from storage.model import Alert, AlertKind, Change, Edit, Evidence, Lifetime, Verdict
from storage.starred import starred_alert

SCHEMA = "nightjar.alert/1"
"""Version of `event`; described in docs/alerts.md. Additions keep it, changes raise it."""

_STATUS = {
    AlertKind.NEW: "UP",
    AlertKind.REPOST: "RE-POSTED",
    AlertKind.CHANGED: "CHANGED",
    AlertKind.DELETED: "DELETED",
    AlertKind.REAPPEARED: "UP AGAIN",
}
_MOST_REASONS, _FEW_REASONS = 5, 2
"""The card of an edit gives room to what changed: the reasons are in the case file."""
_MOST_CHANGES, _MOST_OF_A_CHANGE = 3, 32
_MOST_OF_AN_EVENT = 200


def card(alert: Alert, sheet: bytes = b"", *, repeat: bool = False) -> Card:
    """An alert in at most 1,024 UTF-16 units; the first line stands alone on a lock screen.

    repeat: the same alert may have been told before; the card then says so.
    """
    alert = starred_alert(alert)
    if alert.kind is AlertKind.NOTICE or alert.evidence is None or alert.verdict is None:
        text = Text().add("NIGHTJAR ", "bold").add(plain(alert.notice, 900))
        return Card(headline=text.text, text=text.text, spans=text.spans)
    text = Text()
    _headline(text, alert, alert.evidence, alert.verdict)
    headline = text.text
    if repeat:
        text.line().add("possible repeat: the answer to an earlier try was lost", "italic")
    _changed(text, alert)
    _offer(text, alert.evidence)
    _why(text, alert.verdict, most=_MOST_REASONS if alert.edit is None else _FEW_REASONS)
    _times(text, alert.evidence)
    _proof(text, alert.evidence, alert.notice)
    _log(text, alert, alert.evidence)
    _status(text, alert)
    return Card(headline=headline, text=text.text, spans=text.spans, sheet=sheet)


def _headline(text: Text, alert: Alert, evidence: Evidence, verdict: Verdict) -> None:
    if not preserved(evidence):
        text.add("NOT PRESERVED ", "bold")
    text.add(f"{alert.tier.upper()} {verdict.score}", "bold")
    if alert.kind is not AlertKind.NEW:
        text.add(f" {_STATUS[alert.kind]}", "bold")
    if alert.edit is not None and alert.edit.changes:
        text.add(f" ({', '.join(c.what for c in alert.edit.changes[:_MOST_CHANGES])})")
    if verdict.products:
        text.add(f" {plain(', '.join(verdict.products), 40)}")
    words = [r for r in verdict.reasons if r.kind in ("term", "picture")][:2]
    for reason in words:
        shown = reason.span or reason.what if reason.kind == "term" else "known picture"
        text.add(" ").add(plain(shown, 24), "code")
    if evidence.post.price:
        text.add(" ").add(plain(evidence.post.price, 20), "code")
    text.add(f" [{evidence.target}]")


def _changed(text: Text, alert: Alert) -> None:
    """What an edit changed, in at most three lines: the first thing that is asked of a changed post."""
    if alert.edit is None:
        if alert.kind is AlertKind.CHANGED:
            text.line().add("changed: what it said before is no longer kept")
        return
    told, more = alert.edit.changes[:_MOST_CHANGES], alert.edit.changes[_MOST_CHANGES:]
    if not told:
        text.line().add("changed: nothing in title, price, pictures, text, seller or place")
    for change in told:
        text.line().add("changed ")
        for words, of_site in pieces(change, _MOST_OF_A_CHANGE):
            text.add(plain(words, _MOST_OF_A_CHANGE) if of_site else words, "code" if of_site else "")
    if more:
        text.add(f" · also {', '.join(change.what for change in more)}")


def _offer(text: Text, evidence: Evidence) -> None:
    post = evidence.post
    shown = plain(post.title or post.text, 120)
    text.line().add("offer: ").add(shown or "(no text, pictures only)", "code" if shown else "")
    if post.seller:
        text.line().add("seller: ").add(plain(post.seller, 60), "code")
    if post.location:
        text.line().add("place: ").add(plain(post.location, 60), "code")


def _why(text: Text, verdict: Verdict, *, most: int) -> None:
    text.line().add("why (inference): ")
    for number, reason in enumerate(verdict.reasons[:most]):
        text.add(" | " if number else "").add(plain(reason.what, 60)).add(f" ({reason.weight:+.2f})")
    if len(verdict.reasons) > most:
        text.add(f" | {len(verdict.reasons) - most} more")
    if verdict.contacts:
        text.line().add("contact: ").add(plain(", ".join(verdict.contacts[:3]), 100), "code")
    text.line().add(f"lexicon {plain(verdict.lexicon_version, 40)}")


def _times(text: Text, evidence: Evidence) -> None:
    text.line()
    if evidence.post.posted_at is not None:
        text.add(f"posted {_utc(evidence.post.posted_at)} · ")
    if evidence.was_listed:
        lag = (evidence.captured_at - evidence.listed_at).total_seconds()
        text.add(f"listed {_utc(evidence.listed_at)} · captured {_utc(evidence.captured_at)} (+{lag:.1f} s)")
    else:
        text.add(f"captured {_utc(evidence.captured_at)}")


def preserved(evidence: Evidence) -> bool:
    """Whether it is kept and in the log; while the disk refuses, captures are told from memory."""
    return evidence.leaf_index >= 0


def _proof(text: Text, evidence: Evidence, notice: str) -> None:
    pictures = len(evidence.pictures)
    parts = [
        f"{pictures} picture{'s' if pictures != 1 else ''}",
        "page" if evidence.page_sha256 else "no page",
    ]
    if not preserved(evidence):
        text.line().add(f"NOT PRESERVED: {plain(notice, 160)}", "bold")
        text.line().add("told from memory; once it is kept, it is told again with its evidence id")
        return
    if notice:
        text.line().add(plain(notice, 160), "bold")
    text.line().add("evidence ").add(evidence.evidence_id, "code")
    text.add(f" · sha256 {evidence.manifest_sha256[:12]} · leaf {evidence.leaf_index} · {', '.join(parts)}")
    if evidence.absences:
        text.line().add(f"missing: {plain('; '.join(evidence.absences), 120)}")


def _log(text: Text, alert: Alert, evidence: Evidence) -> None:
    """Place and root in the log: whoever keeps the message can later show that the log was changed."""
    if alert.log_root:
        text.line().add(f"log #{evidence.leaf_index}, root {alert.log_root[:12]} of {alert.log_size}")


def _status(text: Text, alert: Alert) -> None:
    text.line().add("status: ").add(_STATUS[alert.kind], "bold")
    if alert.kind is AlertKind.DELETED and alert.lifetime is not None:
        text.add(f" {vanished(alert.lifetime)}")
    elif alert.kind is AlertKind.REPOST and alert.item is not None:
        text.add(f" · {alert.item.members} posts of this item")


def vanished(life: Lifetime) -> str:
    """When a post vanished, in words: an interval, with how it was shown."""
    if life.first_missing_at is None:
        return f"last seen {_utc(life.last_seen_at)}"
    return (
        f"between {_utc(life.last_seen_at)} and {_utc(life.first_missing_at)} "
        f"({life.missing_class}, {life.confirmations} looks)"
    )


def _utc(at: datetime) -> str:
    return at.strftime("%m-%d %H:%M:%SZ")


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
            {"sha256": m.sha256, "known": m.known, "distance_bits": m.distance_bits, "label": m.label}
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
