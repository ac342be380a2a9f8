"""The bank's worker: one process that holds the points of all known pictures and compares.

Started by `watchers.bank` as `python -m watchers.bank_worker`; bounded and spoken to as
`watchers.confined` says. It never sees a stranger's bytes: points come from picture workers, and
are looked at for their form before they are used. What it holds is lost with it, and given again.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from watchers.confined import Frame, serve

if TYPE_CHECKING:
    from watchers.picture_bank import PictureBank

MEMORY_MAX_BYTES = 6 << 30
"""Address space: 50,000 pictures take 3 GB."""
JOB_MEMORY_BYTES = 5 << 30

_BANK: list[PictureBank] = []


def answer(head: dict[str, object], body: bytes) -> Frame:
    """Do one job: "add" gives the number of the picture, "ask" those that share points."""
    from watchers.picture_features import unpacked

    try:
        match head["do"]:
            case "add":
                return {"number": _BANK[0].add(unpacked(body))}, b""
            case "ask":
                shared = _BANK[0].ask_all([unpacked(part) for part in _parted(body, head["sizes"])])
                rows = [[s.picture, s.points, int(s.mirrored), round(100 * s.differing)] for s in shared]
                return {"shared": rows}, b""
    except MemoryError:
        return {"failed": "ran out of memory", "spent": True}, b""
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is, it is this job's answer
        return {"failed": f"{type(error).__name__}: {str(error)[:120]}"}, b""
    return {"failed": "unknown job"}, b""


def _parted(body: bytes, sizes: object) -> list[bytes]:
    """The parts of a body that stand one after the other."""
    assert isinstance(sizes, list)
    ends = list(accumulate(sizes, initial=0))
    return [body[begin:end] for begin, end in pairwise(ends)]


def prepare() -> None:
    """Import what the first question needs."""
    from watchers.picture_bank import PictureBank

    _BANK.append(PictureBank())


def main() -> None:
    """Answer frames until the daemon closes the pipe."""
    serve(
        answer,
        prepare,
        memory_max_bytes=MEMORY_MAX_BYTES,
        job_memory_bytes=JOB_MEMORY_BYTES,
        ready="bank",
    )


if __name__ == "__main__":
    main()
