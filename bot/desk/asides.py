"""What is asked about one alert: similar pictures, its evidence as a file, its case, its seller.

Used by buttons and by commands alike. Whoever looks is in the log before he sees anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.desk import findings
from bot.desk.hands import Hands
from bot.desk.keyboard import MUTE_HOURS
from bot.desk.names import waits_for_another
from bot.desk.people import actor
from bot.desk.reply import Reply, plainly
from bot.desk.server import MOST_UP_BYTES
from bot.desk.tongue import Tongue
from bot.settings.custody import Officer
from storage import duties, mutes, outbox, standing, starred
from storage.dossier import show
from storage.duty import Duty
from storage.errors import DatabaseTrouble, NightjarError
from storage.export import export
from storage.finding import Found, find
from storage.model import Evidence, PictureMatch
from storage.mutes import MuteRefused, Wish
from storage.store import Store
from storage.threads import in_thread

SIMILAR_BITS = 12
"""Distance up to which a picture counts as similar, for people to judge."""
OUTGOING = "outgoing"


class Asides:
    """Answers questions about evidence. Raises StoreError when the store cannot be read."""

    def __init__(self, store: Store, hands: Hands) -> None:
        self._store, self._hands = store, hands

    async def answer(
        self, action: str, duty: Duty, officer: Officer, update_id: int, *, say: Tongue
    ) -> Reply:
        """What a button asks for. Contacts are in full for those who may see them: it goes to them alone."""
        alert = (await outbox.load_alerts(self._store.vault.database, [duty.alert_id]))[duty.alert_id]
        evidence = alert.evidence
        if evidence is None:
            return plainly(say("This alert is no longer kept."), "no evidence")
        match action:
            case "similar":
                return await self.similar(evidence, say, unmasked=officer.sees_contacts)
            case "evidence":
                return await self.package(evidence.evidence_id, officer, say)
            case "case":
                return await self.case(evidence.evidence_id, officer, say, unmasked=officer.sees_contacts)
            case "muteyes":
                return await self.mute_seller(evidence, officer, update_id, say)
            case _:
                return await self.watch_seller(evidence, officer, say)

    async def case(self, evidence_id: str, officer: Officer, say: Tongue, *, unmasked: bool) -> Reply:
        """One piece of evidence in words, with what people did about its alerts."""
        try:
            file = await show(self._store, evidence_id, check=False)
        except DatabaseTrouble:
            return plainly(say("There is no such evidence."), "no such evidence")
        await self.log_view(officer, f"case {file.evidence.evidence_id}", unmasked=unmasked)
        shown = file if unmasked else starred.starred_case(file)
        cards = dict.fromkeys(told.alert_id for told in file.told)
        history: list[duties.Step] = []
        for card in cards:
            history += await duties.steps(self._store.vault.database, card)
        return findings.case(shown, history, say)

    async def similar(self, evidence: Evidence, say: Tongue, *, unmasked: bool) -> Reply:
        """Kept pictures that resemble those of a post."""
        found: list[PictureMatch] = []
        for picture in (await self._store.evidence(evidence.evidence_id)).pictures:
            if picture.phash:
                found += self._hands.near(picture.phash, SIMILAR_BITS)
        return await self.alike(found, say, own=evidence.evidence_id, unmasked=unmasked)

    async def alike(
        self, found: Sequence[PictureMatch], say: Tongue, *, own: str = "", unmasked: bool
    ) -> Reply:
        """Matches with what each is of."""
        titles: dict[str, Found] = {}
        nearest = sorted(found, key=lambda m: (m.distance_bits, m.known))
        for match in nearest[: findings.MOST_HITS * 2]:
            if match.known in titles or ":" in match.known:
                continue
            try:
                kept = await self._store.evidence(match.known)
            except DatabaseTrouble:
                continue
            hits = await find(self._store, target=kept.target, post_id=kept.post.post_id)
            hit = next((h for h in hits if h.evidence_id == match.known), None)
            if hit is not None:
                titles[match.known] = hit if unmasked else starred.starred_found(hit)
        return findings.similar(nearest, titles, say, own=own)

    async def package(self, evidence_id: str, officer: Officer, say: Tongue) -> Reply:
        """The exported package of a piece of evidence as a file; the export is in the log."""
        folder = self._store.folder / OUTGOING
        out = folder / f"{evidence_id[:12]}-{secrets.token_hex(4)}.zip"
        try:
            await in_thread(folder.mkdir, 0o700, exist_ok=True)
            made = await export(
                self._store, [evidence_id], out, officer=officer.name, why="asked for in the chat"
            )
            size = await in_thread(lambda: made.stat().st_size)
            if size > MOST_UP_BYTES:
                await in_thread(made.unlink)
                return plainly(
                    say(
                        "It is larger than 50 MB: export it on the machine with nightjar export {id}",
                        id=evidence_id,
                    ),
                    "too large",
                )
            data = await in_thread(_taken, made)
        except (NightjarError, OSError) as trouble:
            return plainly(say("The evidence could not be exported: {why}", why=str(trouble)), "not exported")
        words = say("Evidence {id}: unpack it and run verify.sh to check it.", id=evidence_id)
        return replace(plainly(words, "exported"), file=(f"{evidence_id}.zip", data))

    async def mute_seller(self, evidence: Evidence, officer: Officer, update_id: int, say: Tongue) -> Reply:
        """Mute the seller of a post for some hours."""
        wish = Wish(
            kind="seller",
            value=evidence.post.seller,
            target=evidence.target,
            reason=f"button, {evidence.evidence_id[:12]}",
            lasts=timedelta(hours=MUTE_HOURS),
        )
        try:
            mute = await mutes.make(self._store.vault, wish, actor(officer), update_id=update_id)
        except MuteRefused:
            return plainly(say("The post names no seller."), "no seller")
        if mute.starts_at is None:
            return plainly(waits_for_another(mute, say), "waits")
        return plainly(
            say("Muted for {hours} h; number {number}.", hours=MUTE_HOURS, number=mute.number), "muted"
        )

    async def watch_seller(self, evidence: Evidence, officer: Officer, say: Tongue) -> Reply:
        """Have the alerts of a post's seller go before all others."""
        if not evidence.post.seller:
            return plainly(say("The post names no seller."), "no seller")
        fresh = await standing.watch_seller(
            self._store.vault, evidence.target, evidence.post.seller, actor(officer)
        )
        if not fresh:
            return plainly(say("This seller is watched already."), "watched already")
        return plainly(say("Alerts of this seller go first from now on."), "seller watched")

    async def log_view(self, officer: Officer, what: str, *, unmasked: bool) -> None:
        """Put a look into the log before anything is shown."""
        shown = "yes" if unmasked else "no"
        facts = {"officer": officer.name, "account": "chat", "what": what, "unmasked": shown}
        await self._store.log_event("view", facts)


def _taken(path: Path) -> bytes:
    """The bytes of a file, which is removed."""
    data = path.read_bytes()
    path.unlink()
    return data
