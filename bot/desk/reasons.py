"""Reasons of a verdict and names of products in the language of whoever reads them. Pure.

They are kept in English, as the judge gave them; the forms below are how it says them, and a test finds
in the judge's source that it says nothing else. Terms, labels and ids in them stay as they are. A text
that is not known here (of an older version, a product of somebody's own lexicon) is shown as it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from bot.desk.tongue import Tongue
from storage.model import Reason

_PARTS = re.compile(r"\{(\w+)\}")
_NUMBERS = frozenset({"count", "all", "probability"})


def product_word(product: str, say: Tongue) -> str:
    """A product, as a column of the lexicon names it."""
    return say(product)


def product_words(products: str, say: Tongue) -> str:
    """Several products in one text, with a comma between."""
    return ", ".join(product_word(one, say) for one in products.split(", "))


def why_word(reason: Reason, say: Tongue) -> str:
    """What a reason says."""
    what = reason.what
    if say.language == "en":
        return what
    if reason.kind == "term":
        term, parted, products = what.rpartition(": ")
        return f"{term}: {product_words(products, say)}" if parted else what
    if reason.kind == "contact" and what in (ways := _ways(say)):
        return ways[what]
    known = _plain(say)
    if what in known:
        return known[what]
    for form, said in _forms(say).items():
        if found := pattern(form).fullmatch(what):
            return said.format(**_facts(found.groupdict(), say))
    return what


def _facts(found: Mapping[str, str], say: Tongue) -> dict[str, str]:
    told = dict(found)
    if "product" in told:
        told["product"] = product_word(told["product"], say)
    if "label" in told:  # product, case and name, those that there are
        product, parted, rest = told["label"].partition(", ")
        told["label"] = f"{product_word(product, say)}{parted}{rest}" if parted else product
    return told


@cache
def pattern(form: str, *, shortest: bool = False) -> re.Pattern[str]:
    """What a form looks like when its places are filled in. shortest: an earlier place takes little."""
    any_text = ".+?" if shortest else ".+"
    parts = _PARTS.split(form)
    made = [
        f"(?P<{part}>{r'[0-9.]+' if part in _NUMBERS else any_text})" if at % 2 else re.escape(part)
        for at, part in enumerate(parts)
    ]
    return re.compile("".join(made), re.DOTALL)


def _ways(say: Tongue) -> dict[str, str]:
    """Kinds of contacts (`storage.text.contacts`), and where else one was found."""
    return {
        "wechat": say("wechat"),
        "qq": say("qq"),
        "telegram": say("telegram"),
        "whatsapp": say("whatsapp"),
        "line": say("line"),
        "zalo": say("zalo"),
        "kakao": say("kakao"),
        "messenger": say("messenger"),
        "instagram": say("instagram"),
        "discord": say("discord"),
        "signal": say("signal"),
        "viber": say("viber"),
        "wickr": say("wickr"),
        "snapchat": say("snapchat"),
        "skype": say("skype"),
        "vk": say("vk"),
        "kik": say("kik"),
        "imo": say("imo"),
        "email": say("email"),
        "phone": say("phone"),
        "handle": say("handle"),
        "QR code in a picture": say("QR code in a picture"),
    }


def _plain(say: Tongue) -> dict[str, str]:
    """Reasons without any place to fill in; long, since it is one table."""
    return {
        # how it offers
        "wording of a sale": say("wording of a sale"),
        "the price is not told in public": say("the price is not told in public"),
        "wording for insiders": say("wording for insiders"),
        "wants to buy": say("wants to buy"),
        "a price": say("a price"),
        "named as a worked or raw piece": say("named as a worked or raw piece"),
        "names a piece and not what it is made of": say("names a piece and not what it is made of"),
        "spelled so that a search misses it": say("spelled so that a search misses it"),
        "a word parted by characters that nobody sees": say("a word parted by characters that nobody sees"),
        "what it is made of is called as in a post told tonight": say(
            "what it is made of is called as in a post told tonight"
        ),
        "two characters parted by a sign": say("two characters parted by a sign"),
        "a picture with emoji in place of words": say("a picture with emoji in place of words"),
        "emoji in place of words": say("emoji in place of words"),
        "words in a picture": say("words in a picture"),
        "posted at night": say("posted at night"),
        "seen at night": say("seen at night"),
        # what speaks against it
        "worded like news or a court report": say("worded like news or a court report"),
        "worded like a conservation appeal": say("worded like a conservation appeal"),
        "worded like teaching or a museum": say("worded like teaching or a museum"),
        "said to be a replica or another material": say("said to be a replica or another material"),
        "speaks of a replica elsewhere": say("speaks of a replica elsewhere"),
        "speaks of permits or legality": say("speaks of permits or legality"),
        "names a permit number": say("names a permit number"),
        "speaks of mammoth or fossil material": say("speaks of mammoth or fossil material"),
        "speaks of age": say("speaks of age"),
        # how sure it is
        "pictures and not a word, by night, where nearly all others write": say(
            "pictures and not a word, by night, where nearly all others write"
        ),
        "no text: judged by its pictures alone": say("no text: judged by its pictures alone"),
        "hardly a word beside a known picture": say("hardly a word beside a known picture"),
        "hardly a word beside a known account": say("hardly a word beside a known account"),
        "the text names no product": say("the text names no product"),
        "everything it names is explained, nothing belies it: below high": say(
            "everything it names is explained, nothing belies it: below high"
        ),
        "papers and age are to be looked at: not below normal": say(
            "papers and age are to be looked at: not below normal"
        ),
        "the likeness is to be looked at: below high": say("the likeness is to be looked at: below high"),
        "told for its account alone: below high": say("told for its account alone: below high"),
        "no word for goods is known in it: below high": say("no word for goods is known in it: below high"),
        "a long text: only head and tail were read": say("a long text: only head and tail were read"),
        "could not be judged: please look": say("could not be judged: please look"),
        "1 advert by this account judged high before": say("1 advert by this account judged high before"),
        "1 advert by this contact judged high before": say("1 advert by this contact judged high before"),
        "1 advert by this account judged high since": say("1 advert by this account judged high since"),
        "1 advert by this contact judged high since": say("1 advert by this contact judged high since"),
    }


def _forms(say: Tongue) -> dict[str, str]:
    """Reasons with places to fill in; what has further words of its own stands before what takes any."""
    return {
        "{count} adverts by this account judged high before": say(
            "{count} adverts by this account judged high before"
        ),
        "{count} adverts by this contact judged high before": say(
            "{count} adverts by this contact judged high before"
        ),
        "{count} adverts by this account judged high since": say(
            "{count} adverts by this account judged high since"
        ),
        "{count} adverts by this contact judged high since": say(
            "{count} adverts by this contact judged high since"
        ),
        "{count} of {all} pictures could not be compared": say(
            "{count} of {all} pictures could not be compared"
        ),
        "learned model: {probability} likely an offer": say("learned model: {probability} likely an offer"),
        "a classifier of yours says: {seen} {probability} (hint)": say(
            "a classifier of yours says: {seen} {probability} (hint)"
        ),
        "priced by weight ({unit})": say("priced by weight ({unit})"),
        "very likely the same picture as gallery picture {label}": say(
            "very likely the same picture as gallery picture {label}"
        ),
        "very likely the same picture as evidence {number}": say(
            "very likely the same picture as evidence {number}"
        ),
        "same picture as gallery picture {label}": say("same picture as gallery picture {label}"),
        "same picture as evidence {number}": say("same picture as evidence {number}"),
        "resembles gallery picture {label}": say("resembles gallery picture {label}"),
        "resembles evidence {number}": say("resembles evidence {number}"),
        "harmless wording near {term}": say("harmless wording near {term}"),
        "{term} only as part of a harmless word": say("{term} only as part of a harmless word"),
        "speaks of {product}": say("speaks of {product}"),
    }
