"""The file of accepted words: a lexicon that needs no line in config.toml."""

from __future__ import annotations

from pathlib import Path

OBSERVED = "observed.tsv"
"""In the data folder; `nightjar lexicon accept` and `reject` write it, and it is read last."""


def with_observed(files: tuple[Path, ...], data_dir: Path) -> tuple[Path, ...]:
    """Lexicon files and, once there are accepted words, the file of those."""
    path = data_dir / OBSERVED
    return (*files, path) if path.is_file() and path not in files else files
