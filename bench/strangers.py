"""Programs that we did not write check an exported night, and notice when it was changed.

The night is small and real: answers over TLS in every form of HTTP, edits, deletions, two
authorities of time (`_harvest`). Each checker must agree with the export, and must refuse every
change made for it to see. The checkers come from package registries at the first run.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench._harvest import Case, harvest, harvest_of
from bench._spoils import copied
from bench._strangers import STRANGERS, DisagreesError, Stranger
from bench._verifiers import VerifierMissingError
from bench.figures import Figure, Result

NAME = "strangers"
SUMMARY = "other people's verifiers agree with an export, and refuse changed ones"
NEEDS_DEV = True


async def run(arguments: Sequence[str]) -> Result:
    """`--posts N` in the night (24), or `--data FOLDER` one that was watched; `--only NAME` one checker."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--posts", type=int, default=24)
    parser.add_argument("--data", type=Path, help="a data folder of the daemon, of a demo for one, instead")
    parser.add_argument("--only", choices=[stranger.name for stranger in STRANGERS])
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        if options.data is None:
            case, told = (
                await harvest(Path(name), options.posts),
                f"{options.posts} posts over TLS on loopback",
            )
        else:
            case = await harvest_of(Path(name), options.data, options.posts)
            told = "posts of a night that the daemon watched"
        chosen = [stranger for stranger in STRANGERS if options.only in (None, stranger.name)]
        figures: list[Figure] = []
        for stranger in chosen:
            figures += await asyncio.to_thread(asked, stranger, case)
        looks = sum(1 for _ in (case.folder / "data" / "evidence").iterdir())
    return Result(tuple(figures), (f"{told}, {looks} looks",))


def asked(stranger: Stranger, case: Case) -> list[Figure]:
    """Two figures of one checker: that it agrees, and how many changed packages it refuses."""
    print(f"asking {stranger.name}", file=sys.stderr)
    agrees, refuses = f"{stranger.name}: agrees", f"{stranger.name}: refuses"
    try:
        checked = stranger.check(case)
    except VerifierMissingError as missing:
        return [Figure(agrees, float("nan"), 1, "equal", note=f"not asked: {missing.why}")]
    except DisagreesError as error:
        return [Figure(agrees, 0, 1, "equal", note=" ".join(str(error).split()))]
    accepted = [what for what, _ in stranger.spoils.items() if refusal(stranger, case, what) is None]
    note = f"accepted: {', '.join(accepted)}" if accepted else ", ".join(stranger.spoils)
    count = len(stranger.spoils)
    return [
        Figure(agrees, 1, 1, "equal", note=f"{checked} checked"),
        Figure(refuses, count - len(accepted), count, "equal", note=note),
    ]


def refusal(stranger: Stranger, case: Case, what: str) -> str | None:
    """What a checker says of a package changed in that way; None when it accepts it."""
    with copied(case) as changed:
        stranger.spoils[what](changed)
        try:
            stranger.check(changed)
        except DisagreesError as error:
            return str(error)
    return None
