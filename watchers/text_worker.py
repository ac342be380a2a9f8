"""The text worker's program: reads the words in pictures, when nobody else needs the machine.

Started by `watchers.picture_reading` as `python -m watchers.text_worker`; bounded and spoken to as
`watchers.confined` says. Whatever kills it costs the one picture it had.
"""

from __future__ import annotations

import os

from watchers.confined import Frame, serve

MEMORY_MAX_BYTES = 6 << 30
"""Address space: the runtime maps far more than it uses."""
JOB_MEMORY_BYTES = 1 << 30
_LEAST_URGENT = 19


def answer(head: dict[str, object], body: bytes) -> Frame:
    """The lines of one picture, or why it could not be read."""
    from watchers.picture_decode import Undecodable, decode
    from watchers.picture_text import DECODED_SIDE_PX, lines_in

    if head.get("do") != "read":
        return {"why": "unknown job"}, b""
    try:
        return {"words": list(lines_in(decode(body, "RGB", DECODED_SIDE_PX).image))}, b""
    except Undecodable as why:
        return {"why": str(why)}, b""
    except MemoryError:
        return {"why": "ran out of memory", "spent": True}, b""
    except Exception as error:  # noqa: BLE001 - the edge: an engine's surprise is this picture's answer
        return {"why": f"reader failed: {type(error).__name__}: {str(error)[-120:]}"}, b""


def prepare() -> None:
    """Give way to everything else, bound the decoders and load the models."""
    from watchers import picture_decode, picture_text

    os.nice(_LEAST_URGENT)
    picture_decode.prepare()
    picture_text.warm_up()


def main() -> None:
    """Answer frames until the daemon closes the pipe."""
    serve(
        answer,
        prepare,
        memory_max_bytes=MEMORY_MAX_BYTES,
        job_memory_bytes=JOB_MEMORY_BYTES,
        ready="text",
    )


if __name__ == "__main__":
    main()
