"""The service itself: its state, its door, and what happens to a call on the way."""

from __future__ import annotations

import asyncio
import io
import random
import re
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from PIL import Image

from nightmarket.messenger import asides, editing, faults, forms, sending
from nightmarket.messenger.journal import Call, Edited, Shown, key_in, key_of
from nightmarket.messenger.limits import Limits
from nightmarket.messenger.mishaps import mishap
from nightmarket.messenger.people import FORWARDER, People, Press
from nightmarket.messenger.updates import Updates, first_update_id
from nightmarket.messenger.ways import Ways
from nightmarket.messenger.words import Chat, Json, Message, Refusal, Upload, User, bad, shown

TOKEN = "123456789:AAF-made_for_the_simulated_night_0000"
EPOCH = 1_767_225_600
"""Unix seconds when the service's clock was 0; only differences matter."""
Method = Callable[["Service", forms.Form], Any]
METHODS: dict[str, Method] = {
    "getme": asides.get_me, "sendmessage": sending.send_message, "sendphoto": sending.send_photo,
    "senddocument": sending.send_document, "sendmediagroup": sending.send_media_group,
    "forwardmessage": sending.forward_message, "copymessage": sending.copy_message,
    "editmessagetext": editing.edit_text, "editmessagecaption": editing.edit_caption,
    "editmessagemedia": editing.edit_media, "editmessagereplymarkup": editing.edit_markup,
    "deletemessage": editing.delete_message, "deletemessages": editing.delete_messages,
    "pinchatmessage": editing.pin, "unpinchatmessage": editing.unpin,
    "answercallbackquery": asides.answer_press, "getchat": asides.get_chat,
    "getchatmember": asides.get_chat_member, "leavechat": asides.leave_chat,
    "createforumtopic": asides.create_topic, "deleteforumtopic": asides.delete_topic,
    "getfile": asides.get_file, "sendchataction": asides.accept, "setmycommands": asides.accept,
    "deletemycommands": asides.accept, "setmydescription": asides.accept, "setchatmenubutton": asides.accept,
    "setmessagereaction": asides.accept, "logout": asides.accept, "close": asides.accept,
    "getupdates": asides.get_updates, "setwebhook": asides.set_webhook,
    "deletewebhook": asides.delete_webhook, "getwebhookinfo": asides.webhook_info,
}  # fmt: skip


class Service:
    """`async with Service(seed=1) as service:`. Time is the loop's, so virtual loops carry it along.

    answer_s: how long each answer takes. query_s: how long a press may be answered.
    """

    def __init__(
        self, *, seed: int = 1, limits: Limits | None = None, answer_s: float = 0.0, query_s: float = 60.0
    ) -> None:
        self.chance = random.Random(f"{seed} messenger")
        self.limits = limits if limits is not None else Limits()
        self.faults = faults.Faults(random.Random(f"{seed} faults"))
        self.answer_s, self.query_s, self.token = answer_s, query_s, TOKEN
        self.me = User(
            user_id=int(TOKEN.split(":", maxsplit=1)[0]),
            name="Nightjar",
            username="nightjar_bot",
            is_bot=True,
        )
        self.chats: dict[int, Chat] = {}
        self.users: dict[int, User] = {}
        self.uploads: dict[str, Upload] = {}
        self.presses: dict[str, Press] = {}
        self.calls: list[Call] = []
        self.shown: list[Shown] = []
        self.edited: list[Edited] = []
        self.people = People(self)
        self.updates = Updates(self.now, first_update_id(seed))
        self.ways = Ways()
        self.broken: set[str] = set()
        """Optional methods that this server does not have: they answer 404."""
        self.dated: Callable[[], float] | None = None
        """Unix seconds for messages, where they are to be those of a simulated night."""
        self.origin = ""
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    # --- the door -----------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """For `base_url` of a channel."""
        return f"{self.origin}/bot"

    @property
    def base_file_url(self) -> str:
        """For `base_file_url` of a channel."""
        return f"{self.origin}/file/bot"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=100_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/files/{file_id}", self._download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self.open_listener()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.updates.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def open_listener(self) -> None:
        """Listen, at the port it had before."""
        if self._runner is None:
            raise RuntimeError("not entered")
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()
        self._port = int(self._runner.addresses[0][1])
        self.origin = f"http://127.0.0.1:{self._port}"

    async def close_listener(self) -> None:
        """Refuse connections from now on, and break those that stand."""
        site, self._site = self._site, None
        if site is not None and self._runner is not None:
            await site.stop()
            for connection in list(self._runner.server.connections if self._runner.server else ()):
                if connection.transport is not None:
                    connection.transport.abort()

    # --- chats and time ---------------------------------------------------------------

    def now(self) -> float:
        """The loop's seconds."""
        return asyncio.get_running_loop().time()

    def date(self) -> int:
        """Unix seconds for messages."""
        if self.dated is not None:
            return int(self.dated())
        return EPOCH + int(self.now()) % 10_000_000

    def add_chat(self, chat_id: int, kind: str = "supergroup", **more: Any) -> Chat:
        """A chat in which the bot is. A supergroup's ids begin somewhere, as real ones do."""
        chat = Chat(chat_id=chat_id, kind=kind, **more)
        chat.next_id = 1 + self.chance.randrange(5_000)
        self.chats[chat_id] = chat
        return chat

    def chat_of(self, named: str) -> Chat:
        """By id, or @title of a public one. Raises Refusal: chat not found, or moved."""
        by_title = (c for c in self.chats.values() if f"@{c.title}" == named)
        digits = named.lstrip("-").isdigit()
        chat = self.chats.get(int(named)) if digits else next(by_title, None)
        if chat is None:
            raise bad("chat not found")
        if chat.moved_to:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.moved_to)
        return chat

    def writable(self, form: forms.Form) -> Chat:
        """The chat of a call, if the bot may write there and its topic is there. Raises Refusal."""
        chat = self.chat_of(form.text("chat_id"))
        if chat.shut:
            raise Refusal(403, f"Forbidden: {chat.shut}")
        thread = form.number("message_thread_id")
        if thread and thread not in chat.topics:
            raise bad("message thread not found")
        if thread in chat.closed_topics:
            raise bad("TOPIC_CLOSED")
        return chat

    def charge(self, chat: Chat, amount: int = 1) -> None:
        """Count a send or an edit. Raises Refusal 429."""
        if chat.kind == "channel" and not self.ways.channels_as_groups:
            return
        self.limits.charge(chat.chat_id, private=chat.kind == "private", now=self.now(), amount=amount)

    def keep(self, data: bytes, name: str = "", size: tuple[int, int] = (0, 0)) -> Upload:
        """Keep an upload; the same bytes have the same id."""
        upload = Upload.of("", data, name, size)
        file_id = f"AgAC{upload.sha256[:40]}"
        return self.uploads.setdefault(file_id, Upload.of(file_id, data, name, size))

    def keep_picture(self, data: bytes) -> Upload:
        """Keep a picture that somebody sends."""
        with Image.open(io.BytesIO(data)) as picture:
            return self.keep(data, "picture.jpg", picture.size)

    def store(self, chat: Chat, message: Message) -> None:
        """Let a message stand in its chat, and bring a channel's post into the linked group."""
        message.message_id = chat.take_id()
        message.sent_at, message.date = self.now(), self.date()
        if message.sender is None:
            message.sender = self.me
        chat.messages[message.message_id] = message
        if message.sender is self.me:
            key = key_in(message.keyboard)
            self.shown.append(
                Shown(
                    self.now(), chat.chat_id, message.message_id, key, message.form, message.silent, message
                )
            )
        if chat.kind == "channel" and chat.linked and (message.form != "photo" or self.ways.photos_forwarded):
            self._bring(chat, message, self.chats[chat.linked])

    def _bring(self, channel: Chat, post: Message, group: Chat) -> None:
        copy = Message(
            message_id=0, chat_id=group.chat_id, sender=FORWARDER, form=post.form, text=post.text,
            entities=post.entities, upload=post.upload,
        )  # fmt: skip
        automatic = {"is_automatic_forward": True, "sender_chat": channel.shown()}
        copy.forwarded = sending.origin(channel, post) | automatic
        self.store(group, copy)
        self.updates.add("message", shown(copy, group))

    # --- calls ------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.StreamResponse:
        came, name = self.now(), request.match_info["method"]
        try:
            method = self._method(request.match_info["token"], name)
            form = await forms.read(request, name)
            chat_id = form.number("chat_id") if form.text("chat_id").lstrip("-").isdigit() else 0
        except Refusal as refusal:
            self.calls.append(Call(came, name, 0, "", f"{refusal.status} {refusal.text}"))
            return answered(refusal)
        fault = self.faults.next(name, chat_id)
        if fault is not None and not fault.after:
            self._note(came, form, chat_id, fault.kind)
            return await mishap(
                fault, request, None, lambda: self.limits.hold(chat_id, came, fault.retry_after)
            )
        await asyncio.sleep(self.answer_s / 2)
        if fault is not None and fault.kind == "late-after":
            await asyncio.sleep(fault.delay_s)
        answer = await self._carried_out(method, form, came, chat_id, "" if fault is None else fault.kind)
        await asyncio.sleep(self.answer_s / 2)
        return answer if fault is None else await mishap(fault, request, answer)

    def _method(self, token: str, name: str) -> Method:
        if not re.fullmatch(r"\d+:[\w-]{20,}", token):
            raise Refusal(404, "Not Found")
        if token != self.token:
            raise Refusal(401, "Unauthorized")
        method = METHODS.get(name.lower())
        if method is None or name.lower() in self.broken:
            raise Refusal(404, "Not Found: method not found")
        return method

    async def _carried_out(
        self, method: Method, form: forms.Form, came: float, chat_id: int, fault: str
    ) -> web.Response:
        try:
            result = await self._updates(form) if method is asides.get_updates else method(self, form)
        except Refusal as refusal:
            self._note(came, form, chat_id, f"{refusal.status} {refusal.text}")
            return answered(refusal)
        number = int(result["message_id"]) if isinstance(result, dict) and "message_id" in result else 0
        self._note(came, form, chat_id, fault or "ok", number)
        return web.json_response({"ok": True, "result": result})

    def _updates(self, form: forms.Form) -> Awaitable[list[Json]]:
        kinds = form.object("allowed_updates")
        limit = form.number("limit", 100)
        return self.updates.get(form.number("offset"), limit, float(form.number("timeout")), kinds)

    def _note(self, came: float, form: forms.Form, chat_id: int, outcome: str, message_id: int = 0) -> None:
        try:
            key = key_of(form)
        except Refusal:
            key = ""
        number = message_id
        if not number and str(form.values.get("message_id", "")).isdigit():
            number = int(form.values["message_id"])
        self.calls.append(Call(came, form.method, chat_id, key, outcome, number))

    async def _download(self, request: web.Request) -> web.StreamResponse:
        upload = self.uploads.get(request.match_info["file_id"])
        if request.match_info["token"] != self.token or upload is None:
            return answered(Refusal(404, "Not Found"))
        return web.Response(body=upload.data, content_type="application/octet-stream")


def answered(refusal: Refusal) -> web.Response:
    """A refusal as the API tells it: the status is the error_code."""
    body: Json = {"ok": False, "error_code": refusal.status, "description": refusal.text}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return web.json_response(body, status=refusal.status)
