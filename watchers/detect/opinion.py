"""What the learned model adds to a verdict: one more named reason, bounded. Pure.

The model has seen the lexicon's score among its signals, so its calibrated log-odds stand
in place of the score, not beside it: the reason's weight is the difference. It is bounded,
so that no weight taught by a few labels silences a sure term, and a known picture is never
talked away. Where the lexicon found nothing at all, a very sure model may show the post to
people, no louder than normal.
"""

from __future__ import annotations

import math
from dataclasses import replace

from storage.model import Reason, Tier, Verdict
from watchers.detect.model import Model

_MOST = 2.5
"""Log-odds that the model may move a score by."""
_SURE = 0.9
_LOUDEST_ALONE = -0.2
"""Log-odds of score 45: normal."""


def with_opinion(verdict: Verdict, text: str, model: Model, odds: float) -> tuple[Reason, ...]:
    """The model's reason for or against, or none. odds: of the verdict, before rounding."""
    if not model.counts or not text.strip():
        return ()
    learned = model.log_odds(text, verdict)
    probability = 1 / (1 + math.exp(-max(-30.0, min(30.0, learned))))
    about = any(reason.weight > 0 for reason in verdict.reasons)
    if about:
        low = 0.0 if any(r.kind == "picture" and r.weight > 0 for r in verdict.reasons) else -_MOST
        weight = max(low, min(_MOST, learned - odds))
    elif probability >= _SURE:
        weight = max(0.0, _LOUDEST_ALONE - odds)
    else:
        return ()
    what = f"learned model: {probability:.2f} likely an offer"
    return (Reason(kind="model", what=what, weight=round(weight, 2), detail=f"model {model.version}"),)


def opined(verdict: Verdict, opinion: tuple[Reason, ...], score: int, tier: Tier) -> Verdict:
    """The verdict with the opinion among its reasons."""
    return (
        replace(verdict, reasons=(*verdict.reasons, *opinion), score=score, tier=tier) if opinion else verdict
    )
