"""Both authorities of time away for an hour: what the watch notices of it, and what becomes of the tokens.

A real daemon, market, store and two real authorities on virtual time. The same hour is
played twice: first with the authorities answering, then with both away (half of it they
take requests and never answer, half of it they refuse connections). Adverts appear in the
same rhythm in both; polls, alerts and their delays are held side by side.
"""

from __future__ import annotations

import argparse
import asyncio
import io
from contextlib import AsyncExitStack, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Figure, Result
from storage import tokens
from storage.attested import TimeState, TimeVerdict, Token, TokenState, judge, since
from storage.casefile import verify
from storage.codec import micros
from storage.threads import in_thread
from tests.fakes import tsa
from tests.fakes.market import Market, picture
from tests.fakes.night import Night, play
from tests.fakes.tsa import Authority

NAME = "outage"
SUMMARY = "both authorities of time down for an hour: polling and alerts beside it, tokens after it"
OFFER = "XJ rhino horn carving, real, wechat 13800138000, 3800元"
START = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
EVERY_S = 180.0
"""Between two adverts."""
LONGEST_PAUSE_MINUTES = 10
"""Between two requests to an authority that is away."""
NAMES = ("stamps-a", "stamps-b")


@dataclass
class Span:
    """One stretch of the night. delays_s: from an advert's appearance to its alert delivered."""

    polls: int = 0
    longest_gap_s: float = 0.0
    adverts: int = 0
    delays_s: list[float] = field(default_factory=list)


@dataclass
class Found:
    """What the night left."""

    well: Span = field(default_factory=Span)
    away: Span = field(default_factory=Span)
    state_meanwhile: str = ""
    whole_meanwhile: int = 0
    faults_meanwhile: int = 0
    uncovered_entries: int = 0
    after: TimeVerdict = field(default_factory=lambda: TimeVerdict(state=TimeState.PENDING))
    tokens: tuple[Token, ...] = ()
    asked_about_in_outage: int = 0
    late_s: float = 0.0
    told: int = 0


def one_night(minutes: int) -> Found:
    """Play it: `minutes` well, `minutes` away, then back."""
    found = Found()

    async def script(night: Night, market: Market) -> None:
        async with AsyncExitStack() as stack:
            authorities = [await stack.enter_async_context(tsa.tsa(night.folder / name)) for name in NAMES]
            await _configure(night, market, authorities)
            market.publish("an ordinary bicycle")
            await night.run_for(minutes=3)
            found.well = await _stretch(night, market, minutes)
            await _lose(night, market, authorities, minutes, found)
            for authority in authorities:
                await authority.start()
            await night.run_for(minutes=LONGEST_PAUSE_MINUTES + 5)
            await _weigh(night, found)

    with TemporaryDirectory(prefix="nightjar-bench-") as folder, redirect_stdout(io.StringIO()):
        play(Path(folder), START, script)
    return found


async def _configure(night: Night, market: Market, authorities: list[Authority]) -> None:
    """Name the authorities; the running daemon takes the edit over."""
    tables = "".join(
        f'\n[[authority]]\nname = "{name}"\nurl = "{one.url}"\nroots = "{one.root_pem}"\n'
        for name, one in zip(NAMES, authorities, strict=True)
    )
    night.write_config(night.stanza(market.url), tables)


async def _lose(
    night: Night, market: Market, authorities: list[Authority], minutes: int, found: Found
) -> None:
    """Both away: first they are silent, then nobody listens; what is said of the time at the end of it."""
    before = {token.id for token in await tokens.all_of(night.store.vault.database)}
    for authority in authorities:
        authority.mode = "hang"
    silent = asyncio.create_task(_stretch(night, market, minutes))
    await night.run_for(minutes=minutes / 2)
    for authority in authorities:
        await authority.stop()
        authority.mode = "right"
    found.away = await silent
    asked = [t for t in await tokens.all_of(night.store.vault.database) if t.id not in before]
    found.asked_about_in_outage = len(asked)
    found.whole_meanwhile = sum(t.state is TokenState.WHOLE for t in asked)
    found.state_meanwhile = str((await _judged(night, tuple(asked))).state)
    report = await verify(night.store)
    found.faults_meanwhile = report.faults
    sql = "SELECT count(*) FROM alert WHERE kind = 'notice' AND notice LIKE 'no time stamp of %'"
    found.told = int((await night.store.vault.database.rows(sql))[0][0])


async def _stretch(night: Night, market: Market, minutes: int) -> Span:
    """Adverts in a steady rhythm; what the watch did meanwhile."""
    span, born = Span(), {}
    first, began = len(market.polls), night.clock.now()
    while (night.clock.now() - began).total_seconds() < minutes * 60:
        seed = len(market.adverts)
        number = market.publish(f"{OFFER} no {seed}", pictures=(picture(seed),))
        born[f"post-{number}"] = night.clock.now()
        await night.run_for(seconds=EVERY_S)
    polls = market.polls[first:]
    span.polls, span.adverts = len(polls), len(born)
    span.longest_gap_s = max(b - a for a, b in pairwise(polls))
    for post_id, delivered_at in await _delivered(night):
        if post_id in born:
            span.delays_s.append((delivered_at - micros(born[post_id])) / 1e6)
    return span


async def _delivered(night: Night) -> list[tuple[str, int]]:
    """(post, when its card was delivered) in microseconds."""
    sql = (
        "SELECT o.post_id, min(d.delivered_at) FROM delivery d JOIN alert a ON a.alert_id = d.alert_id "
        "JOIN observation o ON o.seq = a.seq WHERE a.kind IN ('new', 'repost') AND d.state = 'delivered' "
        "GROUP BY o.post_id"
    )
    return [(row[0], row[1]) for row in await night.store.vault.database.rows(sql)]


async def _judged(night: Night, held: tuple[Token, ...]) -> TimeVerdict:
    rows = await night.store.vault.database.rows("SELECT size, note FROM checkpoint")
    notes = {row[0]: str(row[1]).encode() for row in rows}
    roots = await in_thread(tokens.kept_roots, night.store.folder)
    return await in_thread(judge, held, notes, roots)


async def _weigh(night: Night, found: Found) -> None:
    database = night.store.vault.database
    found.tokens = await tokens.all_of(database)
    found.after = await _judged(night, found.tokens)
    found.late_s = max((t.delay_s or 0.0 for t in found.tokens if t.state is TokenState.WHOLE), default=0.0)
    last = (await database.rows("SELECT max(\"index\") FROM leaf WHERE kind = 'evidence'"))[0][0]
    found.uncovered_entries = sum(since(index, found.after) is None for index in range(int(last) + 1))


def result(found: Found, minutes: int) -> Result:
    """The figures beside their targets."""
    well, away = found.well, found.away
    waiting = sum(token.state is not TokenState.WHOLE for token in found.tokens)
    figures = (
        Figure("polls while both answer", well.polls),
        Figure("polls while both are away, share of that", away.polls / well.polls * 100, 98, unit="%"),
        Figure("longest gap between polls, both answer", well.longest_gap_s, unit="s"),
        Figure("longest gap between polls, both away", away.longest_gap_s, 66, "at most", "s"),
        Figure("adverts told while both answer", len(well.delays_s) / well.adverts * 100, 100, unit="%"),
        Figure("adverts told while both are away", len(away.delays_s) / away.adverts * 100, 100, unit="%"),
        Figure("slowest alert, both answer", max(well.delays_s, default=0.0), unit="s"),
        Figure(
            "slowest alert, both away", max(away.delays_s, default=0.0), max(well.delays_s, default=0.0) + 5,
            "at most", "s", note="from the advert's appearance; the target is the other hour's and 5 s",
        ),
        Figure("tokens asked for in the outage", found.asked_about_in_outage, 2),
        Figure("tokens received in the outage", found.whole_meanwhile, 0, "equal"),
        Figure("verify: faults in the outage", found.faults_meanwhile, 0, "equal", note="integrity whole"),
        Figure("verdict then was: time pending", found.state_meanwhile == TimeState.PENDING, 1, "equal"),
        Figure("authorities told to the admin as overdue", found.told, note="from half an hour on"),
        Figure("tokens not whole after it", waiting, 0, "equal"),
        Figure("verdict after it is: whole", found.after.state is TimeState.WHOLE, 1, "equal"),
        Figure("sealed entries that no token covers", found.uncovered_entries, 0, "equal"),
        Figure("longest delay recorded", found.late_s / 60, minutes / 2, unit="min"),
    )  # fmt: skip
    return Result(figures, (f"{len(found.tokens)} tokens of {len(NAMES)} authorities; virtual time",))


async def run(arguments: list[str]) -> Result:
    """`--minutes N` well and as long away (60). Runs its own loop in a thread."""
    parser = argparse.ArgumentParser(prog=f"./nightjar bench {NAME}", description=SUMMARY)
    parser.add_argument("--minutes", type=int, default=60)
    minutes = parser.parse_args(arguments).minutes
    return result(await asyncio.to_thread(one_night, minutes), minutes)
