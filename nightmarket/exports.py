"""What the daemon says it has, in the judge's own words: read from its commands and files.

`Held` is one piece of evidence as `find --json` gives it; `Spoken` one event that a
channel was given. Nothing here is believed: the judge compares it with the truth log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from nightmarket.model import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One sealed look. tier: of its verdict, "" when it has none. item_id: "" in no item."""

    evidence_id: str
    target: str
    post_id: str
    url: str
    observation: str
    captured_at: datetime
    title: str = ""
    text: str = ""
    page_sha256: str = ""
    listing_sha256: str = ""
    pictures: tuple[str, ...] = ()
    tier: str = ""
    item_id: str = ""
    last_seen_at: datetime | None = None
    first_missing_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One event in a channel. at: when the receiver had it (None: a file without times).

    hindsight: whether what it was told for was itself seen later than the post.
    """

    alert_id: str
    kind: str
    tier: str
    item_id: str
    evidence_id: str
    target: str
    post_id: str
    url: str
    captured_at: datetime | None = None
    at: datetime | None = None
    hindsight: bool = False


def read_ndjson(path: Path) -> list[Spoken]:
    """The events of the daemon's ndjson channel, in order."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        events = [json.loads(line) for line in file if line.endswith("\n")]
    return [spoken(event) for event in events if is_kept(event)]


def is_kept(event: Mapping[str, object]) -> bool:
    """False for a word from memory while the disk refused: the same is told again once it is kept."""
    return event.get("preserved") is not False


def spoken(event: Mapping[str, object], at: datetime | None = None) -> Spoken:
    """An event of schema nightjar.alert/1 (docs/alerts.md)."""
    facts, item = _part(event, "facts"), _part(event, "item")
    captured = facts.get("captured_at")
    return Spoken(
        alert_id=_text(event, "alert_id"),
        kind=_text(event, "kind"),
        tier=_text(event, "tier"),
        item_id=_text(item, "item_id"),
        evidence_id=_text(facts, "evidence_id"),
        target=_text(facts, "target"),
        post_id=_text(facts, "post_id"),
        url=_text(facts, "url"),
        captured_at=datetime.fromisoformat(str(captured)) if captured else None,
        at=at,
        hindsight=_is_hindsight(event, _text(facts, "evidence_id")),
    )


def _is_hindsight(event: Mapping[str, object], evidence_id: str) -> bool:
    """Whether it rests on a picture, or an advert of its account, that came after it. Ids go by time."""
    told = _part(event, "inference")
    known = [_text(one, "known") for one in _rows(told, "matches")]
    reasons = [_text(one, "what") for one in _rows(told, "reasons")]
    return any(one > evidence_id for one in known if len(one) == len(evidence_id)) or any(
        what.endswith("judged high since") for what in reasons
    )


def _rows(table: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    value = table.get(name)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _part(event: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = event.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(table: Mapping[str, object], name: str) -> str:
    value = table.get(name)
    return "" if value is None else str(value)


class Names:
    """Which advert of the world a watched post is, whatever the daemon calls it."""

    def __init__(self, world: World) -> None:
        self._known = {advert.key for advert in world.adverts}

    def key(self, target: str, url: str, post_id: str) -> str:
        """The advert's key, or "" when the site never had such a post.

        A site's own number for the post stands in the path of its address, or in the id.
        """
        parts = urlsplit(url)
        for source in (f"{parts.path}?{parts.query}", post_id):
            for number in re.findall(r"\d+", source):
                if f"{target}/{number}" in self._known:
                    return f"{target}/{number}"
        return ""

    def of_held(self, held: Held) -> str:
        """The advert of a piece of evidence."""
        return self.key(held.target, held.url, held.post_id)


def by_advert(names: Names, held: Iterable[Held]) -> dict[str, list[Held]]:
    """Evidence by advert, in the order given; what belongs to none stands under ""."""
    found: dict[str, list[Held]] = {}
    for one in held:
        found.setdefault(names.of_held(one), []).append(one)
    return found
