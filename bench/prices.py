"""Sums and contacts: the public price strings, our Asian sums, our contacts, and what is neither.

The public strings are others' (price-parser). Our own cases were written before the readers
were measured on them, and the readers were improved on them since: what they read at first
stands in tests/samples/detect/README.md and says more about unseen cases.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, Result
from storage.text.contacts import contacts
from watchers.detect.price_field import code_of, field_price
from watchers.detect.prices import prices

NAME = "prices"
SUMMARY = "sums, currencies and contacts read, in public strings and our own cases"
NEEDS_DEV = True
SAMPLES = Path(__file__).resolve().parents[1] / "tests" / "samples" / "detect"


def run(args: list[str]) -> Result:
    """Read every case once; no arguments."""
    argparse.ArgumentParser(prog="bench prices").parse_args(args)
    figures = [*_public(), *_sums("prices_asian"), *_reach("contacts")]
    return Result(tuple(figures), ('amounts must be right to the last unit; "none" must be read as none',))


def _public() -> Iterator[Figure]:
    with (SAMPLES / "price_strings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    amounts = currencies = 0
    for row in rows:
        read = field_price(row["price_string"], row["currency_hint"])
        wanted = _number(row["expected_amount"])
        amounts += (read is None) == (wanted is None) and (
            read is None or wanted is None or abs(float(read.amount) - wanted) < 1e-6
        )
        currencies += (read.currency if read else "") == code_of(row["expected_currency"])
    yield Figure("public price strings", len(rows))
    yield Figure("public: amounts right", amounts / len(rows), 0.98)
    yield Figure("public: currencies right", currencies / len(rows), 0.95)


def _sums(name: str) -> Iterator[Figure]:
    rows = _rows(name)
    right = 0
    for row in rows:
        read = [(f"{p.amount.normalize():f}", p.currency, p.unit) for p in prices(row["text"])]
        wanted = (row["amount"], row["currency"] or "", row["unit"] or "")
        right += not read if row["amount"] == "-" else wanted in read[-1:]
    yield Figure(f"{name}: cases", len(rows), 100)
    yield Figure(f"{name}: amount, currency and unit right", right / len(rows), 0.95)


def _reach(name: str) -> Iterator[Figure]:
    rows = _rows(name)
    wanted = [row for row in rows if row["found"] != "-"]
    found = sum(row["found"] in [c.key for c in contacts(row["text"])] for row in wanted)
    wrong = sum(any(c.key != row["found"] for c in contacts(row["text"])) for row in rows)
    yield Figure(f"{name}: cases", len(rows), 150)
    yield Figure(f"{name}: found", found / len(wanted), 0.95)
    yield Figure(f"{name}: wrong", wrong / len(rows), 0.01, "at most")


def _rows(name: str) -> list[dict[str, str]]:
    with (SAMPLES / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        lines = (line for line in file if not line.startswith("#"))
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def _number(written: str) -> float | None:
    try:
        return float(written.removeprefix("Decimal('").removesuffix("')"))
    except ValueError:
        return None
