"""Second signals: that a post offers something, and how openly."""

from __future__ import annotations

from collections.abc import Sequence

from storage.model import Reason
from storage.text.contacts import Contact
from watchers.detect.prices import Price
from watchers.detect.rates import date, euros
from watchers.detect.terms import Found
from watchers.lexicon import Kind

_MESSENGER, _HANDLE, _PHONE, _MAIL, _FURTHER = 1.3, 0.9, 0.9, 0.6, 0.3
_PRICE, _PRICE_FIELD, _PER_WEIGHT = 0.6, 0.4, 0.4
_CUE = {"sale": 0.7, "price": 0.8, "covert": 1.4, "buy": 0.5}
_MORE = {"sale": 0.2, "price": 0.1, "covert": 0.5, "buy": 0.0}
_WHAT = {
    "sale": "wording of a sale",
    "price": "the price is not told in public",
    "covert": "wording for insiders",
    "buy": "wants to buy",
}


def sale_reasons(
    found: Found, contacts: Sequence[Contact], prices: Sequence[Price], price_field: Sequence[Price]
) -> list[Reason]:
    """Reasons for an offer: contact, price, wording. Hotlines of authorities do not count."""
    reasons = _contact_reasons([contact for contact in contacts if not contact.hotline])
    reasons += _price_reasons(prices, price_field)
    for group, weight in _CUE.items():
        phrases = found.groups(Kind.CUE, group)
        if phrases:
            more = _MORE[group] if len(phrases) > 1 else 0.0
            span = ", ".join(phrases[:5])
            reasons.append(Reason(kind="cue", what=_WHAT[group], weight=round(weight + more, 2), span=span))
    return reasons


def _contact_reasons(contacts: Sequence[Contact]) -> list[Reason]:
    """One reason per kind of contact; the first counts whole, the next a little."""
    first: dict[str, Contact] = {}
    for contact in sorted(contacts, key=lambda c: -_contact_weight(c)):
        first.setdefault(contact.kind, contact)
    return [
        Reason(
            kind="contact",
            what=contact.kind,
            weight=_contact_weight(contact) if at == 0 else _FURTHER,
            span=contact.span,
            detail=contact.value,
        )
        for at, contact in enumerate(list(first.values())[:3])
    ]


def _contact_weight(contact: Contact) -> float:
    if contact.kind == "handle":
        return _HANDLE
    if contact.is_messenger:
        return _MESSENGER
    return _PHONE if contact.kind == "phone" else _MAIL


def _price_reasons(prices: Sequence[Price], price_field: Sequence[Price]) -> list[Reason]:
    if not prices and not price_field:
        return []
    price, weight = (prices[0], _PRICE) if prices else (price_field[0], _PRICE_FIELD)
    reasons = [Reason(kind="price", what="a price", weight=weight, span=price.span, detail=said(price))]
    weighed = next((p for p in (*prices, *price_field) if p.unit.endswith("g")), None)
    if weighed:
        what = f"priced by weight ({weighed.unit})"
        reasons.append(Reason(kind="price", what=what, weight=_PER_WEIGHT, span=weighed.span))
    return reasons


def said(price: Price) -> str:
    """A sum for people and for search: "38000 CNY per g, about 4600 EUR (rates of 2025-06)"."""
    per = f" per {price.unit}" if price.unit else ""
    told = f"{price.amount.normalize():f} {price.currency}".strip() + per
    if price.by_country:
        told += " (currency of the site's country)"
    worth = euros(price.amount, price.currency) if price.currency != "EUR" else None
    return told if worth is None else f"{told}, about {worth.normalize():f} EUR (rates of {date()})"
