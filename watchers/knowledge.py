"""What the watch judges by: the lexicon and the learned model, loaded with forbearance.

A bad row of a lexicon is left out and told; the rest loads. A model that does not fit is
refused and told; the one before goes on. Only a lexicon file that is none stops a start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import ConfigError
from watchers.lexicon import Lexicon

if TYPE_CHECKING:
    from watchers.detect.model import Model

MODEL_FILE = "model.txt"
"""Name of the learned model in the data folder."""
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """remarks: what was left out or refused, for the admin."""

    lexicon: Lexicon
    model: Model | None
    remarks: tuple[str, ...] = ()


def learn(lexicons: Iterable[Path], model_file: Path, before: Model | None) -> Knowledge:
    """Lexicon and model as they are on disk. before: the model in force, kept if the file is bad.

    Raises ConfigError for a lexicon file that cannot be read or has no head line.
    """
    lexicon = Lexicon.load(lexicons)
    remarks = [f"lexicon: {mistake}; the rest is loaded" for mistake in lexicon.mistakes[:_MOST_TOLD]]
    if len(lexicon.mistakes) > _MOST_TOLD:
        remarks.append(f"lexicon: {len(lexicon.mistakes) - _MOST_TOLD} more rows are left out")
    model = None
    if model_file.is_file():
        from watchers.detect.model import Model

        try:
            model = Model.read(model_file)
        except ConfigError as refused:
            model = before
            goes_on = f"model {before.version} goes on" if before else "the lexicon judges alone"
            remarks.append(f"learned model not taken over, {goes_on}: {refused}")
    return Knowledge(lexicon=lexicon, model=model, remarks=tuple(remarks))
