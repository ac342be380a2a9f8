"""A real forum, shop or blog that somebody else wrote, watched from `add` to `verify`.

The program comes from the package index into an environment of its own, runs its own
server on loopback, and is changed through its own code while the daemon watches: posts
are published, edited, deleted, put back, answered and read. The bench knows when, and
looks for each in what was kept. About five minutes. Exit code 2 without a package index.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench._daemon import HEAD, program, stop
from bench._kept import Kept, Plan, figures
from bench._third_party import PROGRAMS, Site, environment, site
from bench.figures import Result, WrongUseError
from bench.thousand import free_port

NAME = "forum"
SUMMARY = "a third-party forum, shop or blog from the package index: what is kept of its posts"
PLANTED = 16
"""Posts before the watch; a page of every program holds more."""
FOUND_WITHIN_S = 120.0
DEEDS_WITHIN_S = 330.0
REST_S = 20.0


@dataclass(slots=True)
class Night:
    """One run: where everything is, and what was done."""

    config: Path
    port: int
    target: str = ""
    plan: Plan = field(default_factory=Plan)


async def run(args: list[str]) -> Result:
    """Watch one program: `--program NAME` of `PROGRAMS`, `--environment DIR` to reuse one."""
    parser = argparse.ArgumentParser(prog="bench forum")
    parser.add_argument("--program", choices=tuple(PROGRAMS), default="machina")
    parser.add_argument("--environment", type=Path, help="a virtual environment that has the program")
    parser.add_argument("--keep", type=Path, help="a new folder in which everything stays")
    options = parser.parse_args(args)
    chosen = PROGRAMS[options.program]
    with TemporaryDirectory(prefix="nightjar-bench-") as name:
        folder = options.keep or Path(name)
        folder.mkdir(exist_ok=True)
        python = await asyncio.to_thread(environment, chosen, Path(name), options.environment)
        night = Night(config=folder / "config.toml", port=free_port())
        async with site(chosen, python, folder / "site", night.port) as there:
            await watched(night, there, restores=chosen.restores)
        return await judged(night, " ".join(chosen.packages) or chosen.name)


async def watched(night: Night, there: Site, *, restores: bool) -> None:
    """Plant, add, try, run; do the deeds and wait until they must have been seen."""
    for number in range(1, PLANTED + 1):
        night.plan.posts[number] = await there.do("new", number=number, answers=(number % 5) * 5)
    await add(night, there.url)
    log = night.config.parent / "log"
    async with program("bot.cli", "run", "--config", str(night.config), log=log) as daemon:
        await until(night, "first captures", FOUND_WITHIN_S, lambda kept: len(kept.numbers()) >= PLANTED)
        await asyncio.sleep(REST_S)
        await deeds(night.plan, there)
        await until(night, "edits and deletions", DEEDS_WITHIN_S, lambda kept: kept.has_all(night.plan))
        if restores:
            await restored(night, there)
        await asyncio.sleep(REST_S)
        night.plan.exit_code = await stop(daemon)


async def add(night: Night, url: str) -> None:
    """`add --write`, what an admin fills in, and `try` on the target as it is then written."""
    limits = '\n[hosts."127.0.0.1"]\nrequests_per_s = 6\nconcurrency = 2\n'
    night.config.write_text(HEAD.format(workers=1) + limits)
    stanza = night.config.parent / "targets.d" / "site.toml"
    told = await command(night, "add", url, "--write", str(stanza))
    if "name" not in told:
        raise WrongUseError(f"nightjar add {url} said {told}")
    night.target = str(told["name"])
    night.plan.notes.append(f"add: {told['kind']} {told['url']}: {told['why']}")
    text = stanza.read_text()
    for pattern, line in (
        (r'legal_basis = ".*"', 'legal_basis = "bench on loopback"'),
        (r'authorised_by = ".*"', 'authorised_by = "bench"'),
        (r'review_after = ".*"', "review_after = 2999-01-01"),
        (r'interval = ".*', 'interval = "5s"\nday_interval = "5s"\nvigil_sample = 1.0'),
    ):
        text, changed = re.subn(rf"(?m)^{pattern}", line, text, count=1)
        if not changed:
            raise RuntimeError(f"add wrote no line {pattern}")
    stanza.write_text(text)
    tried = await command(night, "try", night.target)
    night.plan.notes.append(
        f"try: {len(tried['posts'])} posts; not found: {', '.join(tried['missing']) or '-'}"
    )


async def deeds(plan: Plan, there: Site) -> None:
    """New, edited, deleted, answered and read posts; each remembered with its instants."""
    number = PLANTED + 1
    plan.posts[number] = plan.new[number] = await there.do("new", number=number, answers=0)
    for number, words in (
        (8, {"text": "Price is now 900."}),
        (5, {"text": "Sold the first one.", "title": True}),
    ):
        if "title" in words:
            words["title"] = f"{plan.posts[number]['title']} reduced"
        plan.edited[number] = await there.do("edit", id=plan.posts[number]["id"], **words)
    for number in (10, 11):
        plan.deleted[number] = await there.do("delete", id=plan.posts[number]["id"])
    for number in (3, 3, 3, 12):
        await there.do("answer", id=plan.posts[number]["id"])


async def restored(night: Night, there: Site) -> None:
    """Put one deleted post back and wait until that is seen."""
    number = 10
    night.plan.restored[number] = await there.do("restore", id=night.plan.posts[number]["id"])
    await until(night, "the post put back", 180.0, lambda kept: "reappeared" in kept.kinds(number))


async def until(night: Night, what: str, within_s: float, enough: Callable[[Kept], bool]) -> None:
    """Ask `find` every five seconds until there is enough, or the time is over."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        await asyncio.sleep(5)
        # On a busy machine the first question may come before there is a store: then there is no "found".
        if enough(Kept((await command(night, "find", "--limit", "2000")).get("found", []))):
            break
    print(f"{what}: waited {time.monotonic() - began:.0f} s", file=sys.stderr)


async def command(night: Night, *words: str) -> dict[str, Any]:
    """What a command says with --json. Raises WrongUseError when it says nothing that is JSON."""
    async with program("bot.cli", *words, "--json", "--config", str(night.config)) as process:
        out, _ = await asyncio.wait_for(process.communicate(), 120)
    try:
        return dict(json.loads(out))
    except ValueError:
        raise WrongUseError(f"nightjar {' '.join(words)} said {out[:300]!r}") from None


async def judged(night: Night, package: str) -> Result:
    """Compare what was done with what find, show, the alert file and verify tell."""
    kept = Kept((await command(night, "find", "--limit", "2000"))["found"])
    wanted = {row["evidence_id"] for row in kept.rows}
    cases = {one: await command(night, "show", one) for one in sorted(wanted)}
    alerts = [
        json.loads(line)
        for path in night.config.parent.glob("data/*.ndjson")
        for line in path.read_text().splitlines()
    ]
    whole = bool((await command(night, "verify"))["whole"])
    notes = (f"program: {package}", *night.plan.notes, *kept.oddities(night.plan, cases))
    return Result(figures(night.plan, kept, cases, alerts, whole=whole), notes)
