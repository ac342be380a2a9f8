"""Notices in the language of whoever reads them. Pure.

They are kept in English, as whoever noticed something wrote them; the forms below are how it is written, and
a test finds each of them in the source. Names, numbers and what a server or a site said stay as they are. A
notice that is not known here, of a target or of the disk, is shown as it is kept.
"""

from __future__ import annotations

from functools import cache

from bot.desk.reasons import pattern
from bot.desk.tongue import Tongue, tongue

_INSIDE = ("what", "whither")
"""Places that hold a notice of their own."""


def notice_word(text: str, say: Tongue) -> str:
    """What a notice says."""
    if say.language == "en":
        return text
    for form, said in _forms(say).items():
        if found := pattern(form, shortest=True).fullmatch(text):
            facts = found.groupdict()
            return said.format(**{k: notice_word(v, say) if k in _INSIDE else v for k, v in facts.items()})
    return text


@cache
def _forms(say: Tongue) -> dict[str, str]:
    """How each notice is written, and how it is said."""
    return dict(zip(_texts(tongue("en")), _texts(say), strict=True))


def _texts(say: Tongue) -> tuple[str, ...]:
    """Longer ones before those whose places would take them in."""
    return (
        say("storm: {count} alerts wait here; they are gathered by seller, urgent ones are unaffected"),
        say("urgent alert {alert} is taken by nobody after {count} minutes: {about}"),
        say(
            "{officer}, you are on call until {ends}, after {before}: {count} alerts are taken by nobody "
            "({urgent} urgent), {taken} are taken and not resolved"
        ),
        say(
            "{officer}, you are on call until {ends}: {count} alerts are taken by nobody "
            "({urgent} urgent), {taken} are taken and not resolved"
        ),
        say("{what}; delivered within {half} s (half), {most} s (99 %)"),
        say(
            "night of {name}: {count} alerts ({urgent} urgent, {high} high, {normal} normal), "
            "{waiting} taken by nobody, {gone} posts vanished, {muted} muted"
        ),
        say("the bot is shut out of channel {name} since {at}, {count} alerts wait; {whither} ({why})"),
        say("channel {name} cannot be reached since {at}, {count} alerts wait; {whither} ({why})"),
        say("{count} alerts go to {other}"),
        say("there is no fallback"),
        say("channel {name} is told again, after {count} minutes"),
        say("channel {name} refused alert {alert} for good: {why}"),
        say("channel {name}: chat {before} is now {chat}; write it into the configuration"),
        say("channel {name} is not open: {why}"),
        say("channel {name}: {what}"),
        say("the topic is gone ({why}): alerts go to the general one"),
        say("pictures were refused as a photo and could not be sent as a file: {why}"),
        say("the bot was in chat {chat}, which is not on the list, and left it"),
        say("another process on this machine polls the bot: buttons wait for it"),
        say("another process polls the bot with the same token: end one of them"),
        say("the desk cannot reach its bot: {why}"),
        say("the desk is not open: {why}"),
        say("the classifier of [hint] is asked no more until the next start: {why}"),
        say("target {old} is called {name} now: it begins anew, vigils of the old name ended"),
        say("configuration not taken over, the old one runs on: {why}"),
    )
