"""The hint worker's program: asks a classifier about pictures, when nobody else needs the machine.

Started by `watchers.hinting` as `python -m watchers.hint_worker`; bounded and spoken to as
`watchers.confined` says. Whatever kills it costs the one picture it had. The model is loaded with the
first job, within that job's bounds: a file of the admin's is no more trusted than a picture.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from storage.classifier import Classifier
from watchers.confined import Frame, serve

MEMORY_MAX_BYTES = 6 << 30
"""Address space: the runtime maps far more than it uses."""
JOB_MEMORY_BYTES = 1 << 30
DECODED_SIDE_PX = 256
_LEAST_URGENT = 19


def answer(head: dict[str, Any], body: bytes) -> Frame:
    """What a picture is taken for, or why it could not be said; without a picture, whether the model fits."""
    from watchers import picture_hints
    from watchers.picture_decode import Undecodable, decode

    try:
        classifier = _classifier(head["hint"])
        if not body:
            picture_hints.session(classifier).check()
            return {}, b""
        image = decode(body, "RGB", max(DECODED_SIDE_PX, picture_hints.session(classifier).side_px)).image
        return {"hints": picture_hints.hints_in(image, classifier)}, b""
    except picture_hints.Unfit as unfit:
        return {"why": str(unfit), "key": unfit.key}, b""
    except Undecodable as why:
        return {"why": str(why)}, b""
    except MemoryError:
        return {"why": "ran out of memory", "spent": True}, b""
    except Exception as error:  # noqa: BLE001 - the edge: a model's surprise is this picture's answer
        return {"why": f"classifier failed: {type(error).__name__}: {str(error)[-120:]}"}, b""


def _classifier(asked: dict[str, Any]) -> Classifier:
    """What `Classifier.asked` gave, after its way through JSON."""
    told: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in asked.items()}
    told["model"] = Path(told["model"])
    return Classifier(**told)


def prepare() -> None:
    """Give way to everything else, bound the decoders and load the runtime."""
    import onnxruntime  # noqa: F401 - what it takes is no job's

    from watchers import picture_decode

    os.nice(_LEAST_URGENT)
    picture_decode.prepare()


def main() -> None:
    """Answer frames until the daemon closes the pipe."""
    serve(
        answer,
        prepare,
        memory_max_bytes=MEMORY_MAX_BYTES,
        job_memory_bytes=JOB_MEMORY_BYTES,
        ready="hint",
    )


if __name__ == "__main__":
    main()
