"""The result of the last whole verify, kept beside the store as `<data>/verify.json`.

Not in the database: a verify of a damaged database must be told too.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "verify.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The result of one run. whole False with faults 0: it could not be run to its end (`first` says why).

    at: when it began, ISO 8601. first: the first fault in words.
    """

    at: str
    whole: bool
    faults: int
    first: str = ""
    tree_size: int = 0
    root: str = ""
    took_s: float = 0.0


def last_result(folder: Path) -> Verified | None:
    """The result that `<folder>/verify.json` holds, or None. For threads."""
    try:
        return Verified(**json.loads((folder / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def keep_result(folder: Path, result: Verified) -> None:
    """Replace `<folder>/verify.json`. Raises OSError."""
    temporary = folder / f".{FILE}"
    temporary.write_text(json.dumps(asdict(result), sort_keys=True) + "\n")
    temporary.replace(folder / FILE)
