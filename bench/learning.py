"""Learning from labels: lexicon and model on a labelled set, by labels seen, and calibration.

The set is written by the simulated market's author, which knows neither lexicon nor model:
adverts in seven languages, disguised in part, one in eight by a code word that no lexicon
has; decoys, news, replicas and ordinary goods. `--csv` takes anybody's set instead.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

from bench.figures import Figure, Result
from nightmarket import author, lingo
from watchers.detect import training
from watchers.labelled import Labelled, examples, figures, read_labelled
from watchers.lexicon import Lexicon

NAME = "learning"
SUMMARY = "lexicon against learned model by labels seen, calibration; any labelled CSV"
NEEDS_DEV = True

_ROWS = 600
_ILLICIT = 0.4
_UNKNOWN = 0.125
_LABELS = (50, 100, 200)
_ENOUGH = 200
_DRAWS = 2
_KINDS = (("plain", 0.35), ("code", 0.45), ("vague", 0.20))
_LANGUAGES = ("zh", "zh", "zh", "en", "en", "vi", "id", "th", "ja", "zh-hant")


def run(args: list[str]) -> Result:
    """Measure; `--rows N` for less, `--csv FILE --text-columns A,B --label-column L` for a set of others."""
    parser = argparse.ArgumentParser(prog="bench learning")
    parser.add_argument("--rows", type=int, default=_ROWS)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--text-columns", default="text")
    parser.add_argument("--label-column", default="label")
    given = parser.parse_args(args)
    lexicon = Lexicon.load()
    if given.csv:
        rows = list(read_labelled(given.csv, given.text_columns.split(","), given.label_column).rows)
    else:
        rows = synthetic(given.rows)
    seen, verdicts = examples(rows, lexicon)
    wanted = [row.wanted for row in rows]
    said = [verdict.tier.value != "none" for verdict in verdicts]
    alone = figures(wanted, said, [verdict.score for verdict in verdicts])
    begun = time.process_time()
    probabilities, yes = training.cross_validated(seen, 10)
    took = time.process_time() - begun
    model = figures(wanted, yes, probabilities.tolist(), calibrated=True)
    sure = [truth for truth, p in zip(wanted, probabilities, strict=True) if 0.85 <= p < 0.95]
    return Result(
        (
            Figure("rows", len(rows)),
            Figure("share labelled 1", sum(wanted) / len(wanted)),
            Figure("lexicon: f1", alone.f1),
            Figure("lexicon: precision at recall .95", alone.precision_at_recall_95),
            Figure("model, 10-fold: f1", model.f1, alone.f1),
            Figure("model, 10-fold: precision at recall .95", model.precision_at_recall_95),
            Figure("model: calibration error", model.calibration_error or 0.0, 0.05, "at most"),
            Figure("of those said to be 0.85-0.95, right", sum(sure) / len(sure) if sure else 1.0),
            *_curve(seen, wanted, said),
            Figure("CPU of ten folds", took, unit="s"),
        ),
        (
            "the set is synthetic: on real adverts all figures are lower"
            if not given.csv
            else f"{given.csv.name}",
        ),
    )


def synthetic(count: int, seed: int = 5) -> list[Labelled]:
    """Labelled posts by the simulated market's author; the same for the same seed."""
    rng, rows = random.Random(seed), list[Labelled]()
    unknown = author.unknown_words(rng)
    while len(rows) < count:
        language = rng.choice(_LANGUAGES)
        illicit = rng.random() < _ILLICIT
        if illicit:
            new = rng.choice(unknown) if rng.random() < _UNKNOWN else ""
            kind = author.drawn(_KINDS, rng)
            product = rng.choice(sorted(lingo.PLAIN["en"]))
            draft = author.illicit(language, product, kind, rng, who=author.contact(rng), unknown=new)
        else:
            draft = author.benign(language, author.drawn(author.DECOY_MIX, rng), rng)
        rows.append(Labelled(f"{draft.wording.title}\n\n{draft.wording.text}", illicit, len(rows) + 2))
    return rows


def _curve(seen: list[training.Example], wanted: list[bool], said: list[bool]) -> list[Figure]:
    """F1 of the model less that of the lexicon on the rows not taught, by labels; means of a few draws."""
    found = []
    for labels in (n for n in _LABELS if n * 2 <= len(seen)):
        gains, scores = [], []
        for draw in range(_DRAWS):
            order = random.Random(draw).sample(range(len(seen)), len(seen))
            model = training.trained([seen[at] for at in order[:labels]], day="")
            rest = order[labels:]
            odds = [model.slope * model.raw(seen[at].seen) + model.offset for at in rest]
            truth = [wanted[at] for at in rest]
            cut = training.log_odds(model.threshold)
            ours = figures(truth, [o >= cut for o in odds], odds).f1
            scores.append(ours)
            gains.append(ours - figures(truth, [said[at] for at in rest], odds).f1)
        target = 0.0 if labels == _ENOUGH else None
        found.append(Figure(f"model after {labels} labels: f1", sum(scores) / _DRAWS))
        found.append(Figure("... more than the lexicon by", sum(gains) / _DRAWS, target))
    return found
