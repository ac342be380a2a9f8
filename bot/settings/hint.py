"""`[hint]`: a classifier of the admin's own. Only its files: whether it runs, `check` asks a worker."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bot.mistakes import nearest, shown
from bot.settings.documents import Document
from bot.settings.gather import single
from bot.settings.keys import HintKeys
from bot.settings.shapes import Fault, read_table
from bot.settings.sift import Sift
from storage.classifier import Classifier
from storage.codec import clean

_MODEL_MOST_BYTES = 600_000_000
"""More does not fit into the process that runs it."""
_LABELS_MOST_BYTES, _LABELS_MOST, _LABEL_MOST_CHARS = 1_000_000, 10_000, 80


class _Unusable(Exception):
    """A file cannot serve; the text says why."""


def read_hint(document: Document, sift: Sift, folder: Path) -> Classifier | None:
    """The classifier, None without a sound table or with a file that cannot serve, which is told."""
    if "hint" not in document.tables:
        return None
    reading = read_table(single(document, "hint", sift), HintKeys)
    sift.add_all(document, ("hint",), reading.faults)
    keys = reading.value
    if not isinstance(keys, HintKeys):
        return None
    model, sha256 = folder / keys.model, ""
    labels: tuple[str, ...] = ()
    faults: list[Fault] = []
    try:
        model = _file(folder, keys.model)
        sha256 = _digest(model)
    except _Unusable as unusable:
        faults.append(Fault(path=("model",), why=str(unusable)))
    try:
        labels = _labels(_file(folder, keys.labels))
    except _Unusable as unusable:
        faults.append(Fault(path=("labels",), why=str(unusable)))
    faults += [_strange(one, labels) for one in keys.wanted if labels and one not in labels]
    sift.add_all(document, ("hint",), faults)
    return None if faults else _classifier(keys, model, sha256, labels)


def _strange(wanted: str, labels: tuple[str, ...]) -> Fault:
    why = f"{shown(wanted)} is none of the labels"
    return Fault(path=("wanted",), why=why, nearest=nearest(wanted, labels))


def _classifier(keys: HintKeys, model: Path, sha256: str, labels: tuple[str, ...]) -> Classifier:
    return Classifier(
        model=model,
        sha256=sha256,
        labels=labels,
        wanted=keys.wanted or labels,
        least=keys.least,
        layout=keys.layout or "",
        side_px=keys.side_px or 0,
        mean=keys.mean,
        std=keys.std,
        softmax=keys.softmax,
    )


def _file(folder: Path, name: str) -> Path:
    """A named file that is there. Raises _Unusable."""
    try:
        file = folder / Path(name).expanduser()
    except RuntimeError as error:  # "~nobody"
        raise _Unusable(f"cannot be read: {error}") from error
    if not file.is_file():
        raise _Unusable(f"cannot be read: there is no file {shown(str(file))}")
    return file


def _digest(model: Path) -> str:
    """SHA-256 of the model's bytes, which are not looked into here. Raises _Unusable."""
    try:
        with model.open("rb") as file:
            if not 0 < model.stat().st_size <= _MODEL_MOST_BYTES:
                raise _Unusable("is empty, or larger than 600 MB")
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _Unusable(f"cannot be read: {error.strerror or error}") from error


def _labels(file: Path) -> tuple[str, ...]:
    """The labels, one a line. Raises _Unusable."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_LABELS_MOST_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise _Unusable(f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _Unusable("is no text in UTF-8") from error
    lines = tuple(" ".join(clean(line).split()) for line in text.rstrip().splitlines())
    if not text.strip() or len(lines) > _LABELS_MOST or len(text) > _LABELS_MOST_BYTES:
        raise _Unusable(f"must have a label on each line, at most {_LABELS_MOST:,}")
    for number, line in enumerate(lines, 1):
        if not 0 < len(line) <= _LABEL_MOST_CHARS or not line.isprintable():
            raise _Unusable(f"line {number} is no label: 1 to {_LABEL_MOST_CHARS} characters")
    return lines
