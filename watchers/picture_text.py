"""The words in a picture. Runs only inside a text worker, and only with the extra `ocr`.

RapidOCR with the models that its wheel brings (PP-OCRv6, small): Chinese, Japanese and Latin letters.
Nothing is fetched: a wheel without its models is told as such.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

RECIPE = "rapidocr-v6s-736-1"
"""What reads, and how: engine, models, longer side at which text is looked for, and our own version."""
DETECTION_SIDE_PX = 736
DECODED_SIDE_PX, LONGEST_PX = 960, 1_600
LEAST_SCORE = 0.5
_MODELS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx")
MISSING = "the extra `ocr` is not installed"


def why_off() -> str:
    """Why pictures cannot be read on this machine, or "". Imports nothing heavy."""
    found = importlib.util.find_spec("rapidocr")
    if found is None or found.origin is None or importlib.util.find_spec("onnxruntime") is None:
        return MISSING
    folder = Path(found.origin).parent / "models"
    lacking = [name for name in _MODELS if not (folder / name).is_file()]
    return f"the installed rapidocr has no model {lacking[0]}" if lacking else ""


@lru_cache(maxsize=1)
def _engine() -> Any:
    from rapidocr import RapidOCR

    folder = Path(importlib.util.find_spec("rapidocr").origin).parent / "models"  # type: ignore[union-attr, arg-type]
    one_thread = "EngineConfig.onnxruntime"
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Det.limit_side_len": DETECTION_SIDE_PX,
            "Det.limit_type": "max",
            "Det.model_path": str(folder / _MODELS[0]),
            "Rec.model_path": str(folder / _MODELS[1]),
            f"{one_thread}.intra_op_num_threads": 1,
            f"{one_thread}.inter_op_num_threads": 1,
        }
    )


def lines_in(image: Image.Image) -> tuple[str, ...]:
    """Lines of text from top to bottom; () for none. image: RGB, as decoded."""
    import numpy as np

    if max(image.size) > LONGEST_PX:
        image = image.copy()
        image.thumbnail((LONGEST_PX, LONGEST_PX))
    found = _engine()(np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1]))
    texts, scores, boxes = found.txts or (), found.scores or (), found.boxes
    if boxes is None or not len(texts):
        return ()
    rows = sorted(
        zip(boxes, texts, scores, strict=True), key=lambda row: (float(row[0][:, 1].min()), row[0][0][0])
    )
    return tuple(text.strip() for _, text, score in rows if score >= LEAST_SCORE and text.strip())


def warm_up() -> None:
    """Load the models and read nothing once, so that the first picture is as fast as the rest."""
    from PIL import Image

    lines_in(Image.new("RGB", (320, 240), "white"))
