"""Words of the domain with sensible defaults, for tests that care about one field."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from storage.model import (
    Alert,
    AlertId,
    AlertKind,
    Authority,
    Delivery,
    Evidence,
    EvidenceId,
    Item,
    ItemId,
    Observation,
    Picture,
    Post,
    Reason,
    Response,
    Target,
    Tier,
    Verdict,
    sha256_of,
)

NIGHT = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
AUTHORITY = Authority(legal_basis="Wildlife Act s. 9", authorised_by="Unit 7", review_after=date(2027, 1, 1))


def target(name: str = "market", url: str = "http://127.0.0.1/", kind: str = "rss", **more: Any) -> Target:
    return Target(name=name, kind=kind, url=url, authority=AUTHORITY, **({"rules": None} | more))


def post(post_id: str = "p1", **more: Any) -> Post:
    return Post(**({"post_id": post_id, "url": f"http://127.0.0.1/{post_id}", "title": "XJ for sale"} | more))


def response(body: bytes = b"<html>", **more: Any) -> Response:
    given: dict[str, Any] = {
        "url": "http://127.0.0.1/",
        "requested_url": "http://127.0.0.1/",
        "status": 200,
        "body": body,
        "started_at": NIGHT,
        "first_byte_at": NIGHT,
        "ended_at": NIGHT,
    }
    return Response(**(given | more))


def evidence(post_: Post | None = None, **more: Any) -> Evidence:
    given: dict[str, Any] = {
        "evidence_id": EvidenceId("0" * 31 + "1"),
        "target": "market",
        "observation": Observation.SEEN,
        "post": post_ or post(),
        "manifest_sha256": sha256_of(b"manifest"),
        "leaf_index": 7,
        "listed_at": NIGHT,
        "captured_at": NIGHT,
        "sealed_at": NIGHT,
        "pictures": (Picture(sha256=sha256_of(b"p"), url="http://127.0.0.1/p.jpg"),),
        "page_sha256": sha256_of(b"page"),
    }
    return Evidence(**(given | more))


def verdict(tier: Tier = Tier.HIGH, score: int = 81, **more: Any) -> Verdict:
    given: dict[str, Any] = {
        "score": score,
        "tier": tier,
        "reasons": (Reason(kind="term", what='"XJ" (rhino horn, tier 5)', weight=1.2, span="XJ"),),
        "products": ("rhino horn",),
        "lexicon_version": "2026.11+abcdef",
    }
    return Verdict(**(given | more))


def alert(number: int = 1, **more: Any) -> Alert:
    given: dict[str, Any] = {
        "alert_id": AlertId(f"{number:032x}"),
        "kind": AlertKind.NEW,
        "tier": Tier.HIGH,
        "created_at": NIGHT,
        "item": Item(item_id=ItemId("i1"), tier=Tier.HIGH, first_evidence=EvidenceId("e1")),
        "evidence": evidence(),
        "verdict": verdict(),
    }
    return Alert(**(given | more))


def delivery(number: int = 1, **more: Any) -> Delivery:
    told = more.pop("alert", None) or alert(number)
    given: dict[str, Any] = {"delivery_id": number, "channel": "c", "alert": told}
    return Delivery(**(given | more))


def told(delivery_: Delivery, **more: Any) -> Delivery:
    """The same delivery of an alert that differs in these fields."""
    return replace(delivery_, alert=replace(delivery_.alert, **more))
