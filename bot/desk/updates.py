"""Where updates come from: long polling or a webhook. Both keep each one before anybody acts on it.

Polling: the next call confirms what the last one brought, so an update is confirmed only after it
is durable. One process polls a bot at a time; a lock file keeps a second one on this machine from
it, the server's 409 one elsewhere. The webhook listens on loopback behind a proxy and takes what
carries the secret.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import IO

import structlog
from aiohttp import web

from bot.answers import is_update_id
from bot.desk.people import People
from bot.desk.server import Server, ServerTrouble
from storage import inbox
from storage.clock import Clock
from storage.errors import DiskTrouble
from storage.inbox import Letter
from storage.store import Store

log = structlog.get_logger(__name__)

PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
CONFLICT_PAUSE_S = 15.0
QUICK_S = 0.2
SILENT = timedelta(days=6)
"""After a week without updates their ids begin anew, anywhere (core.telegram.org/bots/api#update)."""
MOST_UPDATE_BYTES = 1_000_000
Moved = Callable[[int, int], Awaitable[None]]
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 -- a header's name


def letter(update_id: int, body: str, people: People) -> Letter:
    """An update as it is kept: a stranger's without its text, which nobody will read."""
    try:
        update = json.loads(body)
        if _concerns(update, people):
            return Letter(update_id=update_id, body=body)
        return Letter(update_id=update_id, body=_to_leave(update))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Letter(update_id=update_id, body="")


def _concerns(update: Mapping[str, object], people: People) -> bool:
    """Whether it is from somebody, or from a chat, that is known; or says where the bot was put."""
    for kind in ("message", "callback_query", "my_chat_member"):
        one = update.get(kind)
        if not isinstance(one, dict):
            continue
        if kind == "my_chat_member":
            return True
        message = one.get("message", {}) if kind == "callback_query" else one
        chat = message.get("chat", {}).get("id", 0)
        sender = one.get("from", {}).get("id", 0)
        known = people.officer(sender) is not None
        # A press or a command in a chat on the list is answered, by refusal if need be.
        return known or (chat != sender and people.allows_chat(chat))
    return False


def move_in(body: str, people: People) -> tuple[int, int] | None:
    """(before, now) when an update says that a chat on the list has moved. A later one may say so again."""
    try:
        message = json.loads(body).get("message") or {}
        chat_id = message.get("chat", {}).get("id")
        before, now = message.get("migrate_from_chat_id", chat_id), message.get("migrate_to_chat_id", chat_id)
    except (ValueError, AttributeError, RecursionError):
        return None
    if type(before) is not int or type(now) is not int or before == now:
        return None
    return (before, now) if people.allows_chat(before) and not people.allows_chat(now) else None


async def follow(bodies: Iterable[str], people: Callable[[], People], moved: Moved) -> None:
    """Have moves known before anything that comes from the new chat is looked at. Raises DiskTrouble."""
    for body in bodies:
        if (move := move_in(body, people())) is not None:
            await moved(*move)


def _to_leave(update: Mapping[str, object]) -> str:
    """Of what comes from a group that is not on the list, its number alone: the bot leaves it."""
    for kind in ("message", "callback_query"):
        one = update.get(kind)
        if isinstance(one, dict):
            chat = (one.get("message", {}) if kind == "callback_query" else one).get("chat", {})
            if chat.get("type") in ("group", "supergroup", "channel"):
                return json.dumps({"leave": int(chat["id"])})
    return ""


def to_leave(body: str) -> int | None:
    """The chat that a kept update says must be left, or None."""
    try:
        found = json.loads(body).get("leave")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, int) else None


class PollerLock:
    """Held by the one process on this machine that polls a bot."""

    def __init__(self, bot_id: str, folder: Path | None = None) -> None:
        name = f"nightjar-{os.getuid()}-bot-{bot_id}.lock"
        self._path = (folder or Path(tempfile.gettempdir())) / name
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Whether this process may poll. Twice is harmless."""
        if self._file is not None:
            return True
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.fdopen(os.open(self._path, flags, 0o600), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let another process poll. Twice is harmless."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


class Polling:
    """Fetches updates, keeps them, and wakes whoever acts on them. `run` ends by cancellation."""

    def __init__(
        self,
        store: Store,
        server: Server,
        clock: Clock,
        people: Callable[[], People],
        *,
        came: Callable[[], None],
        moved: Moved,
        tell_admin: Callable[[str], Awaitable[None]],
        lock: PollerLock | None = None,
    ) -> None:
        self._store, self._server, self._clock, self._people = store, server, clock, people
        self._came, self._moved, self._tell_admin = came, moved, tell_admin
        self._lock = lock or PollerLock(server.bot_id)
        self._told = False
        self._failures = 0
        self._heard_at = clock.now()

    async def run(self) -> None:
        """Poll for ever; troubles of the line are waited out."""
        try:
            await self._alone()
            # Without an offset the server tells what nobody confirmed; what is kept already stays as it
            # is. One from an earlier run may be above all that comes: another bot, or ids begun anew.
            offset, fresh = None, True
            while True:
                try:
                    if fresh:
                        await self._server.use_polling()
                        fresh = False
                    offset = await self.once(offset)
                    self._failures = 0
                except (ServerTrouble, DiskTrouble) as trouble:
                    await self._wait(trouble)
        finally:
            self._lock.release()

    async def once(self, offset: int | None) -> int | None:
        """One poll; the next offset. Raises ServerTrouble, DiskTrouble (then nothing is confirmed)."""
        began = self._clock.monotonic()
        found = await self._server.updates(offset)
        now = self._clock.now()
        if not found:
            if offset is not None and now - self._heard_at > SILENT:
                return None
            if self._clock.monotonic() - began < QUICK_S:  # this server does not keep polls open
                await self._clock.sleep(QUICK_S)
            return offset
        await follow((body for _, body in found), self._people, self._moved)
        self._heard_at = now
        people = self._people()
        letters = [letter(number, body, people) for number, body in found]
        if not await inbox.keep(self._store.vault, letters):  # all were kept before: one that takes no offset
            await self._clock.sleep(PAUSE_S)
        self._came()
        return max(number for number, _ in found) + 1

    async def _alone(self) -> None:
        while not self._lock.take():
            if not self._told:
                self._told = True
                await self._tell_admin("another process on this machine polls the bot: buttons wait for it")
            await self._clock.sleep(CONFLICT_PAUSE_S)

    async def _wait(self, trouble: Exception) -> None:
        conflict = isinstance(trouble, ServerTrouble) and trouble.conflict
        if conflict and not self._told:
            self._told = True
            await self._tell_admin("another process polls the bot with the same token: end one of them")
        asked = getattr(trouble, "retry_after_s", None)
        pause = CONFLICT_PAUSE_S if conflict else min(PAUSE_S * 2**self._failures, LONGEST_PAUSE_S)
        self._failures = min(self._failures + 1, 6)
        log.warning("updates were not had", why=str(trouble), pause_s=asked or pause)
        await self._clock.sleep(asked or pause)


class Webhook:
    """Takes updates by POST. `run` listens until it is cancelled; `port` is known once it listens."""

    def __init__(
        self,
        store: Store,
        people: Callable[[], People],
        *,
        listen: tuple[str, int],
        secret: str,
        came: Callable[[], None],
        moved: Moved,
    ) -> None:
        """secret: "" takes everything, for trials; the address is on loopback in any case."""
        self._store, self._people, self._listen = store, people, listen
        self._secret, self._came, self._moved = secret, came, moved
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        app = web.Application(client_max_size=MOST_UPDATE_BYTES)
        app.router.add_post("/{tail:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._listen).start()
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening. Twice is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "")
        if self._secret and not hmac.compare_digest(
            given.encode("utf-8", "surrogateescape"), self._secret.encode()
        ):
            log.warning("a post without the webhook's secret was refused")
            return web.Response(status=403)
        try:
            body = (await request.read()).decode()
            number = json.loads(body)["update_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return web.Response(status=400)
        if not is_update_id(number):
            return web.Response(status=400)
        try:
            await follow([body], self._people, self._moved)
            await inbox.keep(self._store.vault, [letter(number, body, self._people())])
        except DiskTrouble as trouble:  # it comes again
            log.warning("an update was not kept", why=str(trouble))
            return web.Response(status=503)
        self._came()
        return web.Response()
