"""Labelled adverts in a CSV file: read, judged by the lexicon, judged by a model, compared.

Anybody's file: a column or more of text, one of labels (`labels` reads it). What is printed
can be held against any other tool on the same file. Not for evidence: nothing here is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.errors import ConfigError
from storage.model import Post, Tier, Verdict
from watchers.detect import training
from watchers.detect.model import Model, observed
from watchers.detect.score import judge, odds_of
from watchers.labels import rows_of
from watchers.lexicon import Lexicon

_FIELD_BREAK = "\n" * 8
"""As `score.text_of` parts fields: no term reaches over it."""
_RECALL = 0.95
_BINS = 10


@dataclass(frozen=True, slots=True)
class Labelled:
    """One row: its text, whether it is an offer of wildlife, and its line in the file."""

    text: str
    wanted: bool
    line: int


@dataclass(frozen=True, slots=True)
class Read:
    """A file's rows. unlabelled: rows left out because their label is empty."""

    rows: tuple[Labelled, ...]
    unlabelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How well a judge did. NaN never: 0.0 where nothing was said or wanted."""

    precision: float
    recall: float
    f1: float
    precision_at_recall_95: float
    calibration_error: float | None = None
    """Mean gap between probability and share of offers, over ten bins of equally many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Lexicon and model on the same rows. model None: there was none to judge by."""

    rows: int
    positives: int
    lexicon: Figures
    lexicon_version: str
    model: Figures | None
    model_version: str = ""


def read_labelled(path: Path, text_columns: Sequence[str], label_column: str) -> Read:
    """Rows of a table with a head line. Raises ConfigError naming columns, or line and value."""
    rows, unlabelled = [], 0
    for row in rows_of(path, text_columns, label_column):
        if row.wanted is None:
            unlabelled += 1
        else:
            text = _FIELD_BREAK.join(part for part in row.texts if part.strip())
            rows.append(Labelled(text, row.wanted, row.line))
    if not rows:
        raise ConfigError("holds no labelled row", file=str(path))
    return Read(tuple(rows), unlabelled)


def examples(rows: Sequence[Labelled], lexicon: Lexicon) -> tuple[list[training.Example], list[Verdict]]:
    """Each row as a model sees it, and the lexicon's verdict on it."""
    verdicts = [_verdict(row.text, lexicon) for row in rows]
    seen = [
        training.Example(observed(row.text, verdict), row.wanted, row.text.casefold())
        for row, verdict in zip(rows, verdicts, strict=True)
    ]
    return seen, verdicts


def compared(
    rows: Sequence[Labelled], lexicon: Lexicon, *, folds: int = 0, model: Model | None = None
) -> Compared:
    """Lexicon against a model: one of the other folds, or `model`. Raises ConfigError for too few labels."""
    seen, verdicts = examples(rows, lexicon)
    wanted = [row.wanted for row in rows]
    learned, version = None, ""
    if folds:
        _enough(wanted, folds)
        probabilities, said = training.cross_validated(seen, folds)
        learned = figures(wanted, said, probabilities.tolist(), calibrated=True)
        version = f"{folds}-fold"
    elif model is not None:
        said_so = [model.probability(row.text, verdict) for row, verdict in zip(rows, verdicts, strict=True)]
        learned = figures(wanted, [p >= model.threshold for p in said_so], said_so, calibrated=True)
        version = model.version
    return Compared(
        rows=len(rows),
        positives=sum(wanted),
        lexicon=figures(wanted, [v.tier is not Tier.NONE for v in verdicts], [_odds(v) for v in verdicts]),
        lexicon_version=lexicon.version,
        model=learned,
        model_version=version,
    )


def taught(rows: Sequence[Labelled], lexicon: Lexicon, *, folds: int, day: str) -> tuple[Model, Compared]:
    """A model from all rows, and what cross-validation says of its kind. Raises ConfigError."""
    found = compared(rows, lexicon, folds=folds)
    assert found.model is not None
    seen, _ = examples(rows, lexicon)
    model = training.trained(seen, day=day, f1=found.model.f1, lexicon_f1=found.lexicon.f1)
    return model, found


def figures(
    wanted: Sequence[bool], said: Sequence[bool], ranks: Sequence[float], *, calibrated: bool = False
) -> Figures:
    """Precision, recall and F1 of yes and no; precision of the ranking where it finds 95 %."""
    right = sum(yes and truth for yes, truth in zip(said, wanted, strict=True))
    precision = right / sum(said) if any(said) else 0.0
    recall = right / sum(wanted) if any(wanted) else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return Figures(
        precision=round(precision, 4),
        recall=round(recall, 4),
        f1=round(f1, 4),
        precision_at_recall_95=round(precision_at_recall(wanted, ranks, _RECALL), 4),
        calibration_error=round(calibration_error(wanted, ranks), 4) if calibrated else None,
    )


def precision_at_recall(wanted: Sequence[bool], ranks: Sequence[float], recall: float) -> float:
    """The best precision of "all that rank at least so" among those cuts that find `recall` of the offers."""
    total, right, best = sum(wanted), 0, 0.0
    order = sorted(range(len(ranks)), key=lambda at: -ranks[at])
    for count, at in enumerate(order, start=1):
        right += wanted[at]
        is_cut = count == len(order) or ranks[order[count]] != ranks[at]  # equal ranks cannot be parted
        if is_cut and total and right / total >= recall - 1e-9:
            best = max(best, right / count)
    return best


def calibration_error(wanted: Sequence[bool], probabilities: Sequence[float]) -> float:
    """Mean of |mean probability - share of offers| over ten bins with equally many rows."""
    truth, said = np.array(wanted, float), np.array(probabilities, float)
    bins = np.array_split(np.argsort(said, kind="stable"), _BINS)
    return float(sum(abs(said[b].mean() - truth[b].mean()) * len(b) for b in bins if len(b)) / len(said))


# --- judging ---------------------------------------------------------------


def _verdict(text: str, lexicon: Lexicon) -> Verdict:
    return judge(Post(post_id="row", url="https://example.org/row", text=text), (), (), lexicon, None)


def _odds(verdict: Verdict) -> float:
    """The score before rounding, so that rows of one score are still ranked."""
    return round(odds_of(verdict), 6)


def _enough(wanted: Sequence[bool], folds: int) -> None:
    rarer = min(sum(wanted), len(wanted) - sum(wanted))
    if rarer < 2 or len(wanted) < folds:
        raise ConfigError(
            f"{len(wanted)} rows, {sum(wanted)} of them labelled 1: too few for {folds} folds"
            " (two of each label, and a row a fold)"
        )
