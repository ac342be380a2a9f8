"""Sums in one currency, by a bundled table with a date, so that offers can be compared. Pure."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("rates.tsv")


@cache
def _table() -> tuple[str, dict[str, Decimal]]:
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    date = next(line.split()[2] for line in lines if line.startswith("# date"))
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return date, {"EUR": Decimal(1)} | {code: Decimal(rate) for code, rate in rows}


def date() -> str:
    """The month that the table is of."""
    return _table()[0]


@cache
def currency_of(country: str) -> str:
    """The currency that prices have in a country (ISO 3166) where they name none, "" when not known."""
    if not country:
        return ""
    from babel.numbers import get_territory_currencies  # a tenth of a second, and few need it

    named = get_territory_currencies(country)
    return str(named[0]) if named else ""


def euros(amount: Decimal, currency: str) -> Decimal | None:
    """About how many euros, to two significant digits; None for a currency without a rate."""
    rate = _table()[1].get(currency)
    return None if rate is None else Decimal(f"{amount / rate:.2g}")
