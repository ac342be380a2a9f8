"""The morning digest: what the night brought, who took what, and every alert in a table.

Told once for each night, by its date, over any restart: the notice goes through the outbox, the
table as a file to the desk's chat. A file whose answer got lost may come twice; its name says of
which night it is.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.desk import plots
from bot.desk.names import loud, state_word, tier_word
from bot.desk.reasons import product_words
from bot.desk.reply import CAPTION, Reply, of
from bot.desk.server import Server, ServerTrouble
from bot.desk.tongue import Tongue
from bot.words import Text, plain
from storage import digests
from storage.clock import Clock
from storage.digests import Line
from storage.errors import StoreError
from storage.store import Store
from storage.threads import in_thread

log = structlog.get_logger(__name__)

LOOK_S = 60.0
LATE = timedelta(hours=6)
"""A digest that a stop prevented is made up for within this time."""
_MOST_NAMED = 12
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One night to tell of: from dusk to when the digest is due, by the date of its evening."""

    evening: date
    begins: datetime
    ends: datetime


def night_due(now: datetime, at: str, zone: str, dusk: Callable[[datetime], datetime]) -> Night | None:
    """The night whose digest is due at `now`, or None. at: local time of the digest. Pure.

    dusk: when the night around an instant, or the last before it, began.
    """
    local = now.astimezone(ZoneInfo(zone))
    hours, minutes = int(at[:2]), int(at[3:])
    due = local.replace(hour=hours, minute=minutes, second=0, microsecond=0)
    if not due <= local < due + LATE:
        return None
    begins = dusk(due)
    return Night(evening=begins.astimezone(ZoneInfo(zone)).date(), begins=begins, ends=due)


class Digest:
    """The loop of one daemon. `run` ends by cancellation."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        server: Server,
        *,
        at: Callable[[], tuple[str, str]],
        dusk: Callable[[datetime], datetime],
        announce: Callable[[], tuple[str, ...]],
        chat: Callable[[], tuple[int | str, Tongue]],
        spoke: Callable[[], None],
    ) -> None:
        """at: (local time, zone). announce: channels that get the notice. chat: where the table goes."""
        self._store, self._clock, self._server = store, clock, server
        self._at, self._dusk, self._announce, self._chat = at, dusk, announce, chat
        self._spoke = spoke

    async def run(self) -> None:
        """Tell each morning, for ever. A store in trouble makes it late."""
        while True:
            try:
                await self.once()
            except StoreError as trouble:
                log.warning("the digest waits", why=str(trouble))
            await self._clock.sleep(LOOK_S)

    async def once(self) -> bool:
        """Tell what is due now; whether anything was. Raises StoreError."""
        at, zone = self._at()
        night = night_due(self._clock.now(), at, zone, self._dusk)
        if night is None:
            return False
        name = night.evening.isoformat()
        if await self._is_done(name):
            return False
        found = await digests.lines(self._store, night.begins, night.ends)
        if await digests.told(self._store.vault, name, summary(name, found), self._announce()):
            self._spoke()
        if await digests.files_wait(self._store.vault.database, name):
            await self._send(name, found)
        return True

    async def _is_done(self, name: str) -> bool:
        rows = await self._store.vault.database.rows("SELECT files_at FROM digest WHERE night = ?", (name,))
        return bool(rows) and rows[0][0] is not None

    async def _send(self, name: str, found: Sequence[Line]) -> None:
        chat_id, say = self._chat()
        table = replace(words(name, found, say), file=(f"nightjar-{name}.csv", table_of(found)))
        if not await self._sent(chat_id, table):
            return  # it is tried again at the next look
        await digests.files_went(self._store.vault, name)
        picture = await in_thread(plots.drawn, found, name, say.zone)
        if picture:
            await self._sent(
                chat_id, Reply(text=say("Night of {name}", name=name), file=(f"nightjar-{name}.png", picture))
            )

    async def _sent(self, chat_id: int | str, reply: Reply) -> bool:
        try:
            return await self._server.send(chat_id, reply)
        except ServerTrouble as trouble:
            log.warning("the digest's table was not sent", why=str(trouble))
            return False


def summary(name: str, found: Sequence[Line]) -> str:
    """The night in a line, for every channel. Pure."""
    tiers = Counter(line.tier for line in found if not line.muted)
    waiting = [line for line in found if line.state in ("new", "escalated") and not line.muted]
    muted, gone = sum(line.muted for line in found), sum(line.vanished_at is not None for line in found)
    told = (
        f"night of {name}: {sum(tiers.values())} alerts ({tiers['urgent']} urgent, {tiers['high']} high, "
        f"{tiers['normal']} normal), {len(waiting)} taken by nobody, {gone} posts vanished, {muted} muted"
    )
    took = sorted((one.delivered_at - one.created_at).total_seconds() for one in found if one.delivered_at)
    if not took:
        return told
    half, most = took[len(took) // 2], took[int(len(took) * 0.99)]
    return f"{told}; delivered within {half:.1f} s (half), {most:.1f} s (99 %)"


def words(name: str, found: Sequence[Line], say: Tongue) -> Reply:
    """The digest for the chat: counts, and what nobody took. Pure."""
    text = Text(CAPTION).add(say("Night of {name}", name=name), "bold")
    shown = [line for line in found if not line.muted]
    for title, counted in (
        (say("by tier"), Counter(tier_word(line.tier, say) for line in shown)),
        (say("by state"), Counter(state_word(line.state, say) for line in shown)),
        (say("by product"), Counter(product_words(line.products, say) or "—" for line in shown)),
        (say("by site"), Counter(line.target for line in shown)),
    ):
        told = ", ".join(f"{number} {plain(what, 30)}" for what, number in counted.most_common(6))
        text.line().add(title).add(f": {told or '0'}")
    text.line().add(say("muted: {count}", count=sum(line.muted for line in found)))
    lived = sorted(line.lived_s for line in shown if line.lived_s is not None)
    if lived:
        middle = lived[len(lived) // 2] // 60
        text.line().add(
            say("{count} vanished, half of them within {minutes} minutes", count=len(lived), minutes=middle)
        )
    waiting = [line for line in shown if line.state in ("new", "escalated")]
    if waiting:
        text.line().add(say("Nobody has taken:"), "bold")
    for line in waiting[:_MOST_NAMED]:
        text.line().add(line.evidence_id[:12], "code").add(
            f" {say.clock(line.created_at)} {loud(line.tier, say)} "
        )
        text.add(plain(line.title, 60) or "—", "code")
    if len(waiting) > _MOST_NAMED:
        text.line().add(say("… and {count} more", count=len(waiting) - _MOST_NAMED))
    return of(text, "digest")


def table_of(found: Sequence[Line]) -> bytes:
    """Every alert as a row of CSV (UTF-8 with a mark, as spreadsheets want it). Pure.

    Cells that a spreadsheet would take for a formula begin with an apostrophe.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    names = [field.name for field in fields(Line)]
    writer.writerow(names)
    for line in found:
        facts = asdict(line)
        writer.writerow([_cell(facts[name]) for name in names])
    return b"\xef\xbb\xbf" + file.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = plain(str(value), 500)
    return f"'{text}" if text[:1] in tuple("=+-@") else text
