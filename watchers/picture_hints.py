"""What a classifier takes a picture for. Runs only inside a hint worker, and only with the extra `ocr`.

Any ONNX model with one picture as input (NCHW or NHWC, three colours) and one number for each label as
output. Its picture is stretched to the model's square, so that nothing at an edge is cut off, and counts
from 0 to 1 before `mean` and `std`; a model that takes bytes gets them as they are.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from storage.classifier import Classifier

_COLOURS = 3
_NUMBERS = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
_ADDS_UP = 0.01
_SIDE_MOST_PX = 2_048


class Unfit(Exception):
    """The classifier cannot serve as configured. key: of `[hint]`, what is to be changed."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


class Session:
    """A loaded model. Raises Unfit when it is no classifier of pictures with these labels."""

    def __init__(self, classifier: Classifier) -> None:
        self._as, self._run = classifier, _loaded(classifier)
        inputs = self._run.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            took = ", ".join(f"{one.name} {one.shape}" for one in inputs) or "nothing"
            raise Unfit("model", f"must take one picture, four dimensions; it takes {took}"[:300])
        self._name, shape = inputs[0].name, inputs[0].shape
        self._number = _NUMBERS.get(inputs[0].type, "")
        if not self._number:
            raise Unfit("model", f"takes {inputs[0].type}; allowed: {', '.join(_NUMBERS)}")
        if isinstance(shape[0], int) and shape[0] != 1:
            raise Unfit("model", f"takes {shape[0]} pictures at once; must take one")
        self._layout = _layout(shape, classifier.layout)
        self._size = _size(shape[2:] if self._layout == "nchw" else shape[1:3], classifier.side_px)
        self.side_px = max(self._size)

    def check(self) -> None:
        """Run it on a grey picture and count what it answers. Raises Unfit."""
        from PIL import Image

        self.outputs(Image.new("RGB", self._size, "grey"))

    def outputs(self, image: Image.Image) -> np.ndarray[Any, Any]:
        """A probability for each label. Raises Unfit when there are more or fewer.

        Raises ValueError when they are no numbers, which some picture may bring about in any model.
        """
        import numpy as np

        out = self._run.run(None, {self._name: self._pixels(image)})
        if len(out) != 1:
            raise Unfit("model", f"must have one output; it has {len(out)}")
        scores = np.asarray(out[0], dtype=np.float64).ravel()
        if len(scores) != len(self._as.labels):
            raise Unfit("labels", f"has {len(self._as.labels)} labels; the model tells {len(scores)} apart")
        if not np.isfinite(scores).all():
            raise ValueError("answered with what are no numbers")
        return _probabilities(scores, softmax=self._as.softmax)

    def _pixels(self, image: Image.Image) -> np.ndarray[Any, Any]:
        import numpy as np

        pixels = np.asarray(image.convert("RGB").resize(self._size))
        if self._number != "uint8":
            scaled = (pixels / np.float32(255) - np.asarray(self._as.mean)) / np.asarray(self._as.std)
            pixels = scaled.astype(self._number)
        if self._layout == "nchw":
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels[np.newaxis])


@lru_cache(maxsize=1)
def session(classifier: Classifier) -> Session:
    """The model, loaded once. Raises Unfit."""
    return Session(classifier)


def hints_in(image: Image.Image, classifier: Classifier) -> list[tuple[str, float]]:
    """Wanted labels that are likely enough, the surest first. Raises Unfit."""
    told = zip(classifier.labels, session(classifier).outputs(image).tolist(), strict=True)
    found = [(label, p) for label, p in told if label in classifier.wanted and p >= classifier.least]
    return sorted(found, key=lambda hint: -hint[1])


def _loaded(classifier: Classifier) -> Any:
    import onnxruntime

    try:
        model = Path(classifier.model).read_bytes()
    except OSError as error:
        raise Unfit("model", f"cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(model).hexdigest() != classifier.sha256:
        raise Unfit("model", "is another file than at the start")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:  # the runtime raises classes of its own, of no common root
        raise Unfit("model", f"is no model that can be run: {str(error)[:200]}") from error


def _layout(shape: list[object], said: str) -> str:
    colours = {"nchw": shape[1], "nhwc": shape[3]}
    fit = [layout for layout, count in colours.items() if count == _COLOURS]
    if said:
        if isinstance(colours[said], int) and said not in fit:
            raise Unfit("layout", f'the model takes {shape}, which is not "{said}" with three colours')
        return said
    if len(fit) == 1:
        return fit[0]
    open_ones = [layout for layout, count in colours.items() if fit or not isinstance(count, int)]
    if not open_ones:
        raise Unfit("model", f"must take pictures of three colours; it takes {shape}")
    raise Unfit("layout", f"is required, since the model takes {shape}")


def _size(sides: list[object], said_px: int) -> tuple[int, int]:
    """Width and height of the model's input."""
    known = [side for side in sides if isinstance(side, int)]
    if any(said_px and side != said_px for side in known):
        raise Unfit("side_px", f"is {said_px}; the model takes {' x '.join(map(str, sides))}")
    if not said_px and len(known) < len(sides):
        raise Unfit("side_px", "is required, since the model does not say how large its picture is")
    height, width = (side if isinstance(side, int) else said_px for side in sides)
    if not 0 < max(height, width) <= _SIDE_MOST_PX:
        raise Unfit("model", f"takes pictures of {width} x {height}; at most {_SIDE_MOST_PX} px a side")
    return width, height


def _probabilities(scores: np.ndarray[Any, Any], *, softmax: bool | None) -> np.ndarray[Any, Any]:
    import numpy as np

    inside = bool((scores >= 0).all() and (scores <= 1 + _ADDS_UP).all())
    if softmax is None:
        softmax = not (inside and abs(float(scores.sum()) - 1) <= _ADDS_UP)
    if softmax:
        risen = np.exp(scores - scores.max())
        return np.asarray(risen / risen.sum())
    return scores.clip(0, 1)
