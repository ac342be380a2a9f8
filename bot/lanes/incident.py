"""The message of an incident: counts, the newest members, and a pager to all of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.callback import MOST_VERSION, Callback, write
from bot.channel import Button, Card, Keyboard
from bot.desk.names import loud, tier_word
from bot.desk.reasons import product_word
from bot.desk.tongue import Tongue, tongue
from bot.lanes.coalesce import EVERYTHING, URGENT
from bot.words import Text, plain
from storage.lane_words import Member
from storage.masking import contact, mask

_ENGLISH = tongue("en")
ACK_ALL = "ackall"
"""The action of the button that takes all of an incident."""
PAGE = 12
LIMIT = 4_096
"""UTF-16 units of a message without a picture (core.telegram.org/bots/api#sendmessage)."""


def incident_card(
    key: str, members: Sequence[Member], *, page: int = 0, repeat: bool = False, say: Tongue = _ENGLISH
) -> Card:
    """Newest first, `PAGE` on a page; the first line stands alone on a lock screen."""
    text = Text(LIMIT)
    _headline(text, key, members, say)
    headline = text.text
    if repeat:
        text.line().add(say("possible repeat: the answer to an earlier try was lost"), "italic")
    newest = sorted(members, key=lambda one: (one.tier.rank, -one.created_at.timestamp()))
    page = min(page, pages(members) - 1)
    for one in newest[page * PAGE : (page + 1) * PAGE]:
        _line(text, one, say)
    if pages(members) > 1:
        text.line().add(say("page {page} of {pages}", page=page + 1, pages=pages(members)), "italic")
    return Card(headline=headline, text=text.text, spans=text.spans)


def pager(alert_id: str, members: Sequence[Member], key: bytes, *, page: int = 0) -> Keyboard:
    """Buttons to the pages before and after; the version of their data is the page they lead to."""
    last = pages(members) - 1
    page = min(page, last)
    before, after = (page - 1) % (last + 1), (page + 1) % (last + 1)
    labels = (("‹", before), (f"{page + 1}/{last + 1}", page), ("›", after)) if last else (("1/1", 0),)
    return (
        tuple(
            Button(
                label=label, data=write(Callback(alert_id=alert_id, action=f"page{place}", version=to), key)
            )
            for place, (label, to) in enumerate(labels)
        ),
    )


def ack_all(alert_id: str, members: Sequence[Member], key: bytes, say: Tongue = _ENGLISH) -> Keyboard:
    """A button that takes all that are open; its version is how many members it was shown with."""
    waiting = sum(one.open for one in members)
    if not waiting:
        return ()
    shown = Callback(alert_id=alert_id, action=ACK_ALL, version=min(len(members), MOST_VERSION))
    return ((Button(label=say("Acknowledge all ({count})", count=waiting), data=write(shown, key)),),)


def pages(members: Sequence[Member]) -> int:
    """How many pages there are, at least one."""
    return min(max(1, -(-len(members) // PAGE)), MOST_VERSION)


def _headline(text: Text, key: str, members: Sequence[Member], say: Tongue) -> None:
    tiers = Counter(one.tier.value for one in members)
    loudest = min((one.tier for one in members), key=lambda tier: tier.rank, default=None)
    text.add(f"{loud(loudest, say) if loudest else ''} {say('INCIDENT')} ", "bold")
    text.add(say("{count} posts", count=len(members)), "bold").add(": ")
    text.add(plain(_label(key, say), 60), "code")
    gone = sum(one.status == "deleted" for one in members)
    named = ", ".join(f"{count} {tier_word(tier, say)}" for tier, count in sorted(tiers.items()))
    text.line().add(named).add(" · ")
    text.add(say("{up} up · {gone} deleted", up=len(members) - gone, gone=gone))
    if waiting := sum(one.open for one in members):
        text.add(" · ").add(say("{count} taken by nobody", count=waiting))
    if members:
        first, last = (f(one.created_at for one in members) for f in (min, max))
        text.add(" · ").add(say("{first} to {last}", first=say.minute(first), last=say.minute(last)))


def _label(key: str, say: Tongue) -> str:
    """What the members have in common, contacts starred."""
    kind, _, value = key.partition(" ")
    match kind:
        case "contact":
            return f"{say('contact')} {contact(value)}"
        case "seller":
            return f"{say('seller')} {mask(value)}"
        case _:
            known = {EVERYTHING: say("the whole watch"), URGENT: say("urgent alerts")}
            return known.get(key) or mask(key)


def _line(text: Text, one: Member, say: Tongue) -> None:
    text.line().add(
        f"{say.minute(one.created_at)} {loud(one.tier, say)} ", "bold" if one.tier.rank == 0 else ""
    )
    text.add(plain(mask(one.title[:200]), 60) or say("(no text)"), "code")
    if one.price:
        text.add(" ").add(plain(one.price, 16), "code")
    text.add(f" [{plain(one.target, 24)}] {product_word(one.product, say)} {one.evidence_id[-12:]}")
    if one.status != "up":
        text.add(f" {_status(one.status, say)}", "bold")


def _status(status: str, say: Tongue) -> str:
    known = {"deleted": say("DELETED"), "changed": say("CHANGED"), "reappeared": say("UP AGAIN")}
    return known.get(status, status.upper())
