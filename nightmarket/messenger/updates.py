"""What the bot is told: a queue with rising ids, long polling, and a webhook."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from nightmarket.messenger.words import Json, Refusal

KEPT_S = 86_400.0
"""Updates that nobody fetched are dropped after a day."""
MOST = 100
AGAIN_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Update:
    """at: the service's seconds. kind: message, callback_query, my_chat_member ..."""

    update_id: int
    at: float
    kind: str
    body: Json

    def shown(self) -> Json:
        """As an `Update` object."""
        return {"update_id": self.update_id, self.kind: self.body}


class Updates:
    """The queue of one bot. An update goes when a later offset is asked for, or a webhook took it."""

    def __init__(self, now: Callable[[], float], first_id: int) -> None:
        self._now, self._next_id = now, first_id
        self.waiting: list[Update] = []
        self.url = self.last_error = ""
        self.posted = 0
        self._secret = ""
        self._news = asyncio.Event()
        self._poller = 0
        self._task: asyncio.Task[None] | None = None

    def add(self, kind: str, body: Json) -> int:
        """Tell the bot something; the update's id."""
        update = Update(self._next_id, self._now(), kind, body)
        self._next_id += 1
        self.waiting.append(update)
        self._news.set()
        return update.update_id

    async def get(self, offset: int, limit: int, timeout_s: float, kinds: list[str] | None) -> list[Json]:
        """Method getUpdates. Raises Refusal 409 beside a webhook, and when a later call takes over."""
        if self.url:
            raise Refusal(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete "
                "the webhook first",
            )
        self._poller += 1
        mine, until = self._poller, self._now() + timeout_s
        self._news.set()  # whoever waits sees that it was taken over
        self._confirm(offset)
        while True:
            if mine != self._poller:
                raise Refusal(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance "
                    "is running",
                )
            found = self._due(offset, kinds)[: min(max(limit, 1), MOST)]
            left = until - self._now()
            if found or left <= 0:
                return [update.shown() for update in found]
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    def _confirm(self, offset: int) -> None:
        if offset > 0:
            self.waiting = [update for update in self.waiting if update.update_id >= offset]
        elif offset < 0:
            self.waiting = self.waiting[offset:]

    def _due(self, offset: int, kinds: list[str] | None) -> list[Update]:
        old = self._now() - KEPT_S
        self.waiting = [update for update in self.waiting if update.at > old]
        due = [u for u in self.waiting if u.update_id >= offset or offset <= 0]
        return [u for u in due if not kinds or u.kind in kinds]

    def set_webhook(self, url: str, secret: str, *, drop: bool) -> None:
        """Post updates to `url` from now on; "" goes back to polling."""
        self.url, self._secret, self.last_error = url, secret, ""
        if drop:
            self.waiting.clear()
        self._stop()
        if url:
            self._task = asyncio.create_task(self._post(), name="webhook")

    async def _post(self) -> None:
        """One after the other, each until the bot answers 2xx."""
        failures = 0
        async with aiohttp.ClientSession(trust_env=False) as session:
            while True:
                if not self.waiting:
                    self._news.clear()
                    await self._news.wait()
                    continue
                update = self.waiting[0]
                headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret} if self._secret else {}
                try:
                    async with session.post(self.url, json=update.shown(), headers=headers) as answer:
                        taken = 200 <= answer.status < 300
                        self.last_error = "" if taken else f"Wrong response from the webhook: {answer.status}"
                except aiohttp.ClientError as error:
                    taken, self.last_error = False, f"Connection failed: {type(error).__name__}"
                if taken:
                    failures = 0
                    self.posted += 1
                    if update in self.waiting:
                        self.waiting.remove(update)
                else:
                    await asyncio.sleep(AGAIN_S[min(failures, len(AGAIN_S) - 1)])
                    failures += 1

    def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """End the webhook's task."""
        task = self._task
        self._stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)


def first_update_id(seed: int) -> int:
    """Where a bot's ids begin: somewhere, the same for the same seed."""
    return 100_000_000 + int.from_bytes(hashlib.sha256(f"{seed} updates".encode()).digest()[:3])
