"""What a post is told as when its pictures were looked at: words that were read, or no more than a hint."""

from __future__ import annotations

from dataclasses import replace

from storage.model import AlertKind, Hint, Reason, Tier, Verdict
from tests.pictures.test_hints import hinted
from watchers.detect.hint import with_hints
from watchers.picture_reading import _kind_of

HORN = Reason(kind="term", what="rhino horn", weight=2.0)
NEWS = Reason(kind="context", what="a seizure report", weight=-1.0)
BEFORE = Verdict(score=55, tier=Tier.NORMAL, reasons=(HORN, NEWS))
HINTS = hinted(Hint(label="horn", probability=0.9))


def test_a_hint_alone_is_told_as_a_hint() -> None:
    assert _kind_of(with_hints(BEFORE, HINTS), BEFORE) is AlertKind.HINTED


def test_a_louder_verdict_is_no_hint_though_all_its_reasons_were_known() -> None:
    """Failed before: a term that spoke against it was taken out of the lexicon while its pictures waited."""
    louder = replace(BEFORE, score=75, tier=Tier.HIGH, reasons=(HORN,))
    assert _kind_of(with_hints(louder, HINTS), BEFORE) is AlertKind.READ
