"""`nightjar judge --csv FILE` and `nightjar train`: the judges against labels, officers' or anybody's.

`judge` only tells. `train` saves a model that the next start of the watch loads; it counts in
verdicts only if cross-validation found it better than the lexicon alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.commands.out import OK, Out, some


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to judge by: a file, its columns, and in how many parts to examine a model.

    csv: None for officers' answers.
    """

    csv: Path | None
    text_columns: tuple[str, ...]
    label_column: str
    folds: int


class Figures(Protocol):
    """How well a judge did."""

    @property
    def precision(self) -> float: ...

    @property
    def recall(self) -> float: ...

    @property
    def f1(self) -> float: ...

    @property
    def precision_at_recall_95(self) -> float: ...

    @property
    def calibration_error(self) -> float | None: ...


class Compared(Protocol):
    """Lexicon and model on the same rows."""

    @property
    def rows(self) -> int: ...

    @property
    def positives(self) -> int: ...

    @property
    def lexicon(self) -> Figures: ...

    @property
    def lexicon_version(self) -> str: ...

    @property
    def model(self) -> Figures | None: ...

    @property
    def model_version(self) -> str: ...


class Learned(Protocol):
    """A trained model."""

    @property
    def version(self) -> str: ...

    @property
    def counts(self) -> bool: ...

    def write(self, path: Path) -> None: ...


def answers_order(folds: int) -> Order:
    """To learn from officers' answers alone."""
    return Order(csv=None, text_columns=(), label_column="", folds=folds)


def judge(out: Out, order: Order, compare: Callable[[Order], tuple[Compared, int]]) -> int:
    """Print what lexicon and model make of a labelled file."""
    found, unlabelled = compare(order)
    out.facts(_facts(order, found, unlabelled))
    _tell(out, found, unlabelled)
    return OK


def train(out: Out, order: Order, to: Path, teach: Callable[[Order], tuple[Learned, Compared, int]]) -> int:
    """Train on labelled rows, save the model, and say whether it will count."""
    model, found, unlabelled = teach(order)
    to.parent.mkdir(parents=True, exist_ok=True)
    model.write(to)
    facts = _facts(order, found, unlabelled)
    out.facts({**facts, "model_version": model.version, "counts": model.counts, "file": str(to)})
    _tell(out, found, unlabelled)
    does = "counts in verdicts"
    if not model.counts:
        does = "does not count in verdicts: the lexicon alone did as well or better"
    out.say(f"model {model.version} in {to}: it {does}", style="bold")
    return OK


def _facts(order: Order, found: Compared, unlabelled: int) -> dict[str, object]:
    return {
        "csv": None if order.csv is None else order.csv.name,
        "rows": found.rows,
        "positives": found.positives,
        "unlabelled": unlabelled,
        "folds": order.folds,
        "lexicon_version": found.lexicon_version,
        "model_version": found.model_version,
        "lexicon": found.lexicon,
        "model": found.model,
    }


def _tell(out: Out, found: Compared, unlabelled: int) -> None:
    left = f", {unlabelled} more without a label" if unlabelled else ""
    out.say(f"{some(found.rows, 'row')}, {found.positives} of them labelled 1{left}")
    judges = [("lexicon", found.lexicon, found.lexicon_version)]
    if found.model is not None:
        judges.append(("model", found.model, found.model_version))
    heads = ("judge", "precision", "recall", "f1", "precision at recall .95", "calibration error", "version")
    rows = [
        (
            name,
            *(f"{v:.3f}" for v in (f.precision, f.recall, f.f1, f.precision_at_recall_95)),
            _share(f),
            version,
        )
        for name, f, version in judges
    ]
    out.table(heads, rows)
    if found.model is None:
        out.say(
            "no model judged: --folds 10 examines one; --model FILE judges by one that nightjar train made"
        )


def _share(figures: Figures) -> str:
    return "-" if figures.calibration_error is None else f"{figures.calibration_error:.3f}"
