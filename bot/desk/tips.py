"""Pages that officers report: captured at once, answered within ten seconds, and what comes later told once.

A report is a row before anything is done (`storage.tips`). Captures run here and not in the command, which
waits for them as long as its answer may take; whatever is not known by then follows in a notice through
the outbox, to the chat where it was asked. After a restart the rows say what is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.desk import names
from bot.desk.asking import Asked
from bot.desk.hands import Hands, HandsRefused
from bot.desk.reply import Reply, begun, of, plainly
from bot.desk.tongue import Tongue
from bot.settings.checks import web_address
from bot.words import plain
from storage import tips
from storage.clock import Clock
from storage.errors import StoreError
from storage.model import Tier
from storage.store import Store
from storage.tips import Tip

log = structlog.get_logger(__name__)

ANSWER_S = 8.0
"""So long a command waits for the capture: its answer is promised within ten."""
VERDICT_S = 1.0
"""So long it waits for the verdict of what was captured, so that nine are the most."""
GLANCE_S = 0.1
LOOK_S, IDLE_S, PAUSE_S = 1.0, 30.0, 2.0
AT_ONCE = 4
"""Pages captured side by side."""
MOST_WHY = 400


class Tips:
    """One desk's reports. `run` ends by cancellation; what it leaves is taken up by the next one."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        hands: Hands,
        *,
        tongue: Callable[[Tip], Tongue],
        channel: Callable[[Tip], str],
        spoke: Callable[[], None],
    ) -> None:
        """tongue, channel: in which language, and through which channel, the officer of a report is told."""
        self._store, self._clock, self._hands = store, clock, hands
        self._tongue, self._channel, self._spoke = tongue, channel, spoke
        self._news = asyncio.Event()
        self._under_way: set[int] = set()
        self._places = asyncio.Semaphore(AT_ONCE)

    # --- the command --------------------------------------------------------------------

    async def report(self, asked: Asked, say: Tongue) -> Reply:
        """Take a report and answer with what is known in time. Raises StoreError."""
        given = asked.words.split()[0] if asked.words else ""
        try:
            url = web_address(given)
        except ValueError:
            if given.casefold().startswith(("http://", "https://")):
                return plainly(_not_taken(say), "address refused")
            return plainly(say("Which page? /report https://…"), "no address")
        tip = Tip(
            update_id=asked.update_id,
            url=url,
            officer=asked.officer.name,
            user_id=asked.officer.telegram,
            chat_id=asked.chat_id,
            asked_at=self._clock.now(),
        )
        await tips.begin(self._store.vault, tip)
        self._news.set()
        tip = await self._until(tip, ANSWER_S, lambda now: now.is_over or bool(now.evidence_id))
        if not tip.is_over and tip.evidence_id:
            tip = await self._until(tip, VERDICT_S, lambda now: now.is_over)
        await tips.answered(self._store.vault, tip.update_id, told=tip.is_over)
        self._news.set()
        return await self._answer(tip, say)

    async def _until(self, tip: Tip, within_s: float, is_so: Callable[[Tip], bool]) -> Tip:
        """How far the report is once something is so, at the latest after some seconds."""
        found = tip
        try:
            async with asyncio.timeout(within_s):
                while not is_so(found):
                    await self._clock.sleep(GLANCE_S)
                    found = await tips.look(self._store.vault.database, tip.update_id) or tip
        except TimeoutError:
            pass
        return found

    async def _answer(self, tip: Tip, say: Tongue) -> Reply:
        if tip.why:
            return plainly(say("It could not be captured: {why}", why=tip.why), "not captured")
        if not tip.evidence_id:
            return plainly(
                say("It takes longer: a message follows once it is captured and judged."), "under way"
            )
        kept = await self._store.evidence(tip.evidence_id)
        text = begun().add(say("Captured"), "bold").add(" ").add(kept.evidence_id, "code")
        text.line().add(plain(kept.post.title or kept.post.text, 120) or "—", "code")
        text.line().add(say("{count} pictures; leaf {leaf}", count=len(kept.pictures), leaf=kept.leaf_index))
        for absence in kept.absences[:3]:
            text.line().add(say("missing: {what}", what=plain(absence, 150)))
        text.line().add(ending(tip, say) or say("It is being judged: a message follows."))
        return of(text, "captured")

    # --- capturing, and telling what came later ---------------------------------------------

    async def run(self) -> None:
        """Capture what is reported and tell what nobody was answered, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                try:
                    for tip in await tips.uncaptured(self._store.vault.database):
                        if tip.update_id not in self._under_way:
                            self._under_way.add(tip.update_id)
                            group.create_task(self._capture(tip))
                    is_open = await self._tell()
                except StoreError as trouble:
                    log.warning("reports wait: the store would not be read", why=str(trouble))
                    is_open = True
                await self._rest(LOOK_S if is_open else IDLE_S)

    async def _rest(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._news.wait()
        except TimeoutError:
            return

    async def _capture(self, tip: Tip) -> None:
        """Capture one page; a refusal ends the report, a store in trouble puts it off."""
        vault = self._store.vault
        try:
            async with self._places:
                kept = await self._hands.tip(tip.url, tip.officer, tip.asked_at)
            await tips.captured(vault, tip.update_id, kept.evidence_id)
        except HandsRefused as refused:
            await self._refused(tip, names.why(refused, self._tongue(tip)))
        except StoreError as trouble:
            log.warning("a report waits: the store would not take it", why=str(trouble))
            await self._clock.sleep(PAUSE_S)
        except Exception as bug:  # as with an update: it costs this report, not the desk
            log.error("a report met a fault of ours", update=tip.update_id, exc_info=bug)
            await self._refused(tip, f"{type(bug).__name__}")
        finally:
            self._under_way.discard(tip.update_id)
            self._news.set()

    async def _refused(self, tip: Tip, why: str) -> None:
        try:
            await tips.refused(self._store.vault, tip.update_id, plain(why, MOST_WHY) or "—")
        except StoreError as trouble:  # it is asked again
            log.warning("a report waits: the store would not take it", why=str(trouble))
            await self._clock.sleep(PAUSE_S)

    async def _tell(self) -> bool:
        """Tell how reports ended whose command was answered before; whether any is still open."""
        found = await tips.untold(self._store.vault.database, self._clock.now())
        for tip in found:
            if tip.is_over:
                words = late_words(tip, self._tongue(tip))
                if await tips.tell(self._store.vault, tip, words, self._channel(tip)):
                    self._spoke()
        return bool(self._under_way) or any(not tip.is_over for tip in found)


def _not_taken(say: Tongue) -> str:
    return say("This address is not taken: it holds a log-in, a key or a session, or cannot be read.")


def ending(tip: Tip, say: Tongue) -> str:
    """What judging said of it; "" while it was not judged. Pure."""
    if tip.verdict is None:
        return ""
    if tip.verdict.tier is Tier.NONE:
        return say("Nothing suspicious was found in it (score {score}).", score=tip.verdict.score)
    tier = names.tier_word(tip.verdict.tier, say)
    if not tip.alert_id:
        return say("It was judged: {tier}, score {score}.", tier=tier, score=tip.verdict.score)
    return say(
        "It was judged: {tier}, score {score}; alert {alert} tells it.",
        tier=tier,
        score=tip.verdict.score,
        alert=tip.alert_id[:12],
    )


def late_words(tip: Tip, say: Tongue) -> str:
    """How a report ended, for whoever was answered before that. No word of the page stands in it. Pure."""
    whose = say(
        "{name}, of what you reported at {at}:", name=plain(tip.officer, 60), at=say.minute(tip.asked_at)
    )
    if tip.why:
        return f"{whose} {say('It could not be captured: {why}', why=tip.why)}"
    kept = say("It is captured: evidence {id}.", id=tip.evidence_id)
    return f"{whose} {kept} {ending(tip, say)}"
