"""A classifier of pictures as an admin named it in `[hint]`, and what its answers stand under."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A classifier as configured. model: an ONNX file; sha256: of it, when the configuration was read.

    labels: what each of its outputs means, in their order; wanted: those that are hints. least:
    probability from which on. layout: "nchw" or "nhwc", side_px: of its square input, each only where
    the model leaves it open ("", 0). mean, std: of red, green and blue, 0..1. softmax: whether its
    outputs are made probabilities; None: unless they add up to one.
    """

    model: Path
    sha256: str
    labels: tuple[str, ...]
    wanted: tuple[str, ...]
    least: float = 0.5
    layout: str = ""
    side_px: int = 0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    softmax: bool | None = None

    def asked(self) -> dict[str, object]:
        """As it goes to the process that runs it."""
        return asdict(self) | {"model": str(self.model)}

    @property
    def recipe(self) -> str:
        """What stands beside its answers: another model, label or limit has another. Not where it lies."""
        text = json.dumps(self.asked() | {"model": ""}, sort_keys=True)
        return f"hint-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
