"""The learned model: how likely a text offers wildlife, by weights that officers' labels taught.

A plain file: one line that names the format, one line of JSON, then one line a bucket with
its rarity and its weight. The version names the day it was trained and a hash over the
weights. Reading one is pure but for the file; training is the business of `training`.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from storage.errors import ConfigError
from storage.model import Verdict
from watchers.detect.grams import BUCKETS, RECIPE, Floats, Ints, Row, named, row

FORMAT = "nightjar-model 1"
FILE_MAX_BYTES = 64_000_000
SIGNAL = 0.05
"""Weight of a signal of the score beside n-grams of length 1 together. A third, as once, cost one point of F1
on labelled tweets about ivory, none at all half a point."""
_SURE = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """Weights by bucket. slope, offset: from a sum of weights to calibrated log-odds.

    threshold: probability from which a post counts as an offer; f1, lexicon_f1: cross-validated
    on the labels it was trained on, of itself and of the lexicon alone. rows, positives: labels.
    """

    buckets: Ints
    rarity: Floats
    weights: Floats
    bias: float
    slope: float
    offset: float
    threshold: float
    trained: str
    rows: int
    positives: int
    f1: float
    lexicon_f1: float

    @property
    def counts(self) -> bool:
        """Whether it may weigh in verdicts: only when it did better than the lexicon alone."""
        return self.f1 > self.lexicon_f1

    @cached_property
    def version(self) -> str:
        """The day of training, "+", and 12 digits of a SHA-256 over everything it knows."""
        return f"{self.trained}+{hashlib.sha256(self._body().encode()).hexdigest()[:12]}"

    def log_odds(self, text: str, verdict: Verdict) -> float:
        """Calibrated log-odds that a text which the lexicon judged so is an offer."""
        return self.slope * self.raw(observed(text, verdict)) + self.offset

    def probability(self, text: str, verdict: Verdict) -> float:
        """As `log_odds`, 0 to 1."""
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, self.log_odds(text, verdict)))))

    def raw(self, seen: tuple[Row, Row]) -> float:
        """The sum of weights, before calibration."""
        grams, signals = seen
        total = self.bias
        for part, is_gram in ((grams, True), (signals, False)):
            at = np.searchsorted(self.buckets, part.buckets)
            at[at == len(self.buckets)] = 0
            known = self.buckets[at] == part.buckets if len(self.buckets) else np.zeros(len(at), bool)
            values = part.values[known]
            if is_gram:
                values = values * self.rarity[at[known]]
                values = values / max(float(np.sqrt((values**2).sum())), _SURE)
            total += float((values * self.weights[at[known]]).sum())
        return total

    def write(self, path: Path) -> None:
        """Save, whole or not at all."""
        part = path.with_name(path.name + ".part")
        part.write_text(f"{FORMAT}\n{self._body()}", encoding="utf-8")
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """A saved model. Raises ConfigError, naming the file and what does not fit."""
        try:
            with path.open("rb") as file:
                data = file.read(FILE_MAX_BYTES + 1)
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from error
        try:
            return cls._parsed(data)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ConfigError(f"is no model that fits this program: {error}", file=str(path)) from error

    @classmethod
    def _parsed(cls, data: bytes) -> Self:
        if len(data) > FILE_MAX_BYTES:
            raise ValueError(f"larger than {FILE_MAX_BYTES // 1_000_000} MB")
        magic, _, rest = data.decode("utf-8").partition("\n")
        if magic != FORMAT:
            raise ValueError(f"its first line must be {FORMAT!r}")
        head, _, body = rest.partition("\n")
        facts = json.loads(head)
        if facts["recipe"] != RECIPE or facts["buckets"] != BUCKETS:
            raise ValueError(f"made by recipe {facts['recipe']} of n-grams, this program has {RECIPE}")
        table = np.array([line.split("\t") for line in body.split("\n") if line], np.float64)
        if table.shape != (facts["weights"], 3):
            raise ValueError(f"has {len(table)} weights of the {facts['weights']} that it names")
        model = cls(
            **_head(facts), buckets=table[:, 0].astype(np.int64), rarity=table[:, 1], weights=table[:, 2]
        )
        model._refuse_nonsense(table)
        if facts["sha256"] != model._digest():
            raise ValueError("its weights were changed or cut: the SHA-256 in its head is another")
        return model

    def _refuse_nonsense(self, table: Floats) -> None:
        sums = (self.bias, self.slope, self.offset, self.threshold)
        if not np.isfinite(table).all() or not all(map(math.isfinite, sums)):
            raise ValueError("a weight is no number")
        rising = bool((np.diff(self.buckets) > 0).all())
        if not rising or self.buckets[0] < 0 or self.buckets[-1] >= BUCKETS:
            raise ValueError("its buckets are out of order or range")

    def _body(self) -> str:
        facts = {name: getattr(self, name) for name in _HEAD}
        facts |= {
            "recipe": RECIPE,
            "buckets": BUCKETS,
            "weights": len(self.weights),
            "sha256": self._digest(),
        }
        return f"{json.dumps(facts, sort_keys=True)}\n{self._lines()}"

    def _digest(self) -> str:
        head = json.dumps({name: getattr(self, name) for name in _HEAD}, sort_keys=True)
        return hashlib.sha256(f"{head}\n{self._lines()}".encode()).hexdigest()

    def _lines(self) -> str:
        table = zip(self.buckets.tolist(), self.rarity.tolist(), self.weights.tolist(), strict=True)
        return "".join(f"{bucket}\t{rarity:.4g}\t{weight:.4g}\n" for bucket, rarity, weight in table)


_HEAD = (
    *("bias", "slope", "offset", "threshold", "trained", "rows", "positives", "f1", "lexicon_f1"),
)  # fmt: skip


def _head(facts: dict[str, Any]) -> dict[str, Any]:
    head = {name: facts[name] for name in _HEAD}
    if not isinstance(head["trained"], str) or not all(
        isinstance(head[n], int | float) for n in _HEAD if n != "trained"
    ):
        raise ValueError("its second line names figures that are none")
    return head


def observed(text: str, verdict: Verdict) -> tuple[Row, Row]:
    """What the model sees of a post: its n-grams, and what the lexicon's verdict says of it."""
    return row(text), signals(verdict)


def signals(verdict: Verdict) -> Row:
    """The verdict's reasons as features, so that a model with few labels starts from the lexicon."""
    found: dict[int, float] = {}
    odds = math.log((verdict.score + 0.5) / (100.5 - verdict.score))
    found[named("score")] = SIGNAL * odds
    for reason in verdict.reasons:
        what = reason.detail.split(",")[0] if reason.kind == "term" else reason.what
        found[named(f"{reason.kind}: {what}")] = SIGNAL
    for product in verdict.products:
        found[named(f"product: {product}")] = SIGNAL
    order = sorted(found)
    return Row(np.array(order, np.int64), np.array([found[bucket] for bucket in order]))
