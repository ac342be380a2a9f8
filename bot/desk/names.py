"""Words of the store in the language of whoever reads them: tiers, states, acts, looks, fields. Pure.

What is kept stays in English, the language of evidence and log; only what is shown is translated. A
word that is not known here is shown as it is kept.
"""

from __future__ import annotations

from bot.desk.tongue import Tongue
from storage.errors import Worded
from storage.mutes import Mute


def waits_for_another(mute: Mute, say: Tongue) -> str:
    """That a mute holds nothing back until a second person agrees."""
    return say(
        "Mute {number} would be more than a day of a week by one person: a second one agrees with "
        "/mute agree {number}",
        number=mute.number,
    )


def loud(tier: str, say: Tongue) -> str:
    """A tier at the head of a line."""
    return {"urgent": say("URGENT"), "high": say("HIGH"), "normal": say("NORMAL")}.get(tier, tier.upper())


def tier_word(tier: str, say: Tongue) -> str:
    """A tier within a line."""
    known = {"urgent": say("urgent"), "high": say("high"), "normal": say("normal"), "none": say("none")}
    return known.get(tier, tier)


def state_word(state: str, say: Tongue) -> str:
    """How far people are with an alert, or how it was resolved."""
    known = {
        "new": say("new"),
        "acknowledged": say("acknowledged"),
        "escalated": say("escalated"),
        "resolved": say("resolved"),
        "confirmed": say("confirmed"),
        "false positive": say("false positive"),
        "duplicate": say("duplicate"),
    }
    return known.get(state, state)


def act_word(act: str, say: Tongue) -> str:
    """What somebody did about an alert."""
    known = {
        "acknowledge": say("acknowledge"),
        "unacknowledge": say("take back"),
        "escalate": say("escalate"),
        "confirm": say("confirm"),
        "false positive": say("false positive"),
        "duplicate": say("duplicate"),
    }
    return known.get(act, act)


def reason_word(reason: str, say: Tongue) -> str:
    """Why an alert was none (`storage.duty.FALSE_REASONS`), or what somebody wrote, as it is."""
    known = {
        "antique": say("antique or permit"),
        "replica": say("replica"),
        "synthetic": say("plant or synthetic"),
        "word": say("other sense of the word"),
        "other": say("other"),
    }
    return known.get(reason, reason)


def look_word(observation: str, say: Tongue) -> str:
    """Why a look at a post was kept."""
    known = {
        "seen": say("seen"),
        "changed": say("changed"),
        "reappeared": say("reappeared"),
        "missing": say("missing"),
    }
    return known.get(observation, observation)


def gone_word(how: str, say: Tongue) -> str:
    """By what a post counts as gone: a status (404, 410) as it is, the rest in words."""
    known = {
        "soft404": say("the page says so"),
        "skipped": say("its neighbours stand, it does not"),
    }
    return known.get(how, how)


def field_word(field: str, say: Tongue) -> str:
    """A field of a post that an edit may change (`storage.edits`)."""
    known = {
        "title": say("title"),
        "price": say("price"),
        "pictures": say("pictures"),
        "text": say("text"),
        "seller": say("seller"),
        "seller's page": say("seller's page"),
        "place": say("place"),
    }
    return known.get(field, field)


def count_word(word: str, say: Tongue) -> str:
    """What happened to pictures in an edit (`storage.edits`)."""
    known = {
        "added": say("added"),
        "removed": say("removed"),
        "with other bytes": say("with other bytes"),
        "had only now": say("had only now"),
        "not had this time": say("not had this time"),
    }
    return known.get(word, word)


def mute_word(kind: str, say: Tongue) -> str:
    """What a mute keeps back."""
    return {"seller": say("seller"), "target": say("target"), "term": say("term")}.get(kind, kind)


def health_word(health: str, say: Tongue) -> str:
    """How a target is."""
    known = {
        "ok": say("ok"),
        "new": say("not polled yet"),
        "failing": say("failing"),
        "blocked": say("blocked"),
        "forbidden": say("forbidden by the site"),
        "waiting": say("waiting"),
        "paused": say("paused"),
        "expired": say("review overdue"),
        "unfilled": say("not filled in"),
    }
    return known.get(health, health)


def why(refused: Worded, say: Tongue) -> str:
    """The reason of a refusal; what is quoted in it stays as it is."""
    return say(refused.form, **refused.facts)
