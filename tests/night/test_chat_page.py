"""The page of the night's chat: what people see of it, that they can press, and that no word can do harm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nightmarket.messenger import Service, User
from nightmarket.messenger.markup import words
from nightmarket.messenger.window import Window
from nightmarket.messenger.words import Chat, Message, Upload
from tests.fakes.jump import JumpLoop, run_jumping
from tests.pictures.samples import jpeg

GROUP = -1001
LI, CHEN = User(user_id=11, name="Li"), User(user_id=12, name="Chen")
DATA = "a1:" + "a" * 32 + ":ack:0:00000000"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;b&gt;\u202egnp.exe\u2066 javascript:x"
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "link",
        "script",
        "body",
        "nav",
        "main",
        "header",
        "section",
        "article",
    ),
    *(
        "div",
        "form",
        "input",
        "select",
        "option",
        "label",
        "button",
        "span",
        "a",
        "b",
        "i",
        "u",
        "s",
        "p",
        "h1",
    ),
    *("code", "q", "img"),
}


class Read(HTMLParser):
    """What a browser would make of a page. words: all of them; said: those in messages."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.words = self.said = ""
        self._inside = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._inside += tag == "article"
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag == "article"

    def handle_data(self, data: str) -> None:
        self.words += data
        self.said += data if self._inside else ""

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [a for t, a in self.found if t == tag and wanted.items() <= a.items()]


class Reader:
    """A browser without a script, or with one: `json`."""

    def __init__(self, service: Service, window: Window, session: aiohttp.ClientSession) -> None:
        self.service, self.window, self.session = service, window, session

    @property
    def group(self) -> Chat:
        return self.service.chats[GROUP]

    async def get(self, path: str, **more: Any) -> tuple[aiohttp.ClientResponse, str]:
        async with self.session.get(self.window.address.rstrip("/") + path, **more) as answer:
            return answer, (await answer.read()).decode("utf-8", "replace")

    async def page(self, path: str = f"/chat/{GROUP}") -> Read:
        answer, text = await self.get(path)
        assert answer.status == 200, text
        return Read(text)

    async def post(self, path: str, fields: dict[str, str], **more: Any) -> tuple[int, str]:
        url = self.window.address.rstrip("/") + path
        async with self.session.post(url, data=fields, **more) as answer:
            return answer.status, await answer.text()

    def card(self, text: str = "URGENT 92 ivory", **more: Any) -> Message:
        keyboard = [
            [{"text": "Acknowledge", "callback_data": DATA}],
            [{"text": "Similar", "callback_data": "s"}],
        ]
        given: dict[str, Any] = {"keyboard": keyboard} | more
        message = Message(message_id=0, chat_id=GROUP, sender=self.service.me, text=text, **given)
        self.service.store(self.group, message)
        return message


def read(body: Callable[[Reader], Coroutine[Any, Any, None]]) -> None:
    async def main(_loop: JumpLoop) -> None:
        async with (
            Service() as service,
            Window(service, (LI, CHEN)) as window,
            aiohttp.ClientSession() as session,
        ):
            service.add_chat(GROUP, title="Night watch")
            service.add_chat(LI.user_id, "private", title="Li")
            await body(Reader(service, window, session))

    run_jumping(main)


async def a_bot_answers(service: Service, text: str, *, alert: bool = False) -> None:
    """The next press that comes."""
    for _ in range(500):
        await asyncio.sleep(0.01)
        if service.presses:
            break
    for press in service.presses.values():
        press.answered_at, press.answer, press.alert = service.now(), text, alert


def test_a_card_shows_its_words_picture_buttons_edits_and_pin() -> None:
    async def body(reader: Reader) -> None:
        data = jpeg(1, width=120, height=90)
        card = reader.card(
            "URGENT 92 ivory\nseller: jade",
            form="photo",
            upload=reader.service.keep(data, "a.jpg", (120, 90)),
            entities=[
                {"type": "bold", "offset": 0, "length": 9},
                {"type": "code", "offset": 24, "length": 4},
            ],
        )
        card.edits, card.silent, reader.group.pinned = 3, True, card.message_id
        page = await reader.page()
        assert "URGENT 92" in page.words
        for words_ in ("3 times", "no sound", "pinned", "Night watch", "Acknowledge"):
            assert words_ in page.words
        assert page.all("button", name="data", value=DATA)
        (picture,) = page.all("img")
        answer, _ = await reader.get(picture["src"])
        assert answer.content_type == "image/jpeg"
        assert page.all("option", value="12")
        await reader.post("/say", {"chat": str(GROUP), "as": "12", "text": "look at this"})
        assert "look at this" in (await reader.page()).words

    read(body)


def test_a_hidden_picture_is_seen_only_when_it_is_tapped() -> None:
    async def body(reader: Reader) -> None:
        upload = reader.service.keep(jpeg(1), "a.jpg", (120, 90))
        card = reader.card(form="photo", upload=upload)
        assert "tap to see" not in (await reader.page()).words
        card.spoiler = True
        page = await reader.page()
        assert page.all("label", **{"class": "photo hidden"})
        assert "tap to see" in page.words

    read(body)


def test_a_press_reaches_the_bot_and_its_answer_the_person() -> None:
    async def body(reader: Reader) -> None:
        card = reader.card()
        fields = {"chat": str(GROUP), "message": str(card.message_id), "as": "12", "data": DATA}
        bot = asyncio.create_task(a_bot_answers(reader.service, "It is yours.", alert=True))
        status, text = await reader.post("/press", fields, headers={"Accept": "application/json"})
        await bot
        assert (status, text) == (200, '{"said": "It is yours.", "box": true}')
        (update,) = reader.service.updates.waiting
        assert update.kind == "callback_query"
        assert update.body["data"] == DATA
        assert update.body["from"]["id"] == CHEN.user_id
        status, text = await reader.post(
            "/press", fields
        )  # without the script: the page anew, with the answer
        assert status == 200
        assert "the bot has not answered" in Read(text).words

    read(body)


def test_in_a_private_chat_only_its_owner_presses_and_writes() -> None:
    async def body(reader: Reader) -> None:
        own = str(LI.user_id)
        await reader.post("/say", {"chat": own, "as": str(CHEN.user_id), "text": "/status"})
        (update,) = reader.service.updates.waiting
        assert update.body["from"]["id"] == LI.user_id
        page = await reader.page(f"/chat/{own}")
        assert [one["value"] for one in page.all("option")] == [own]

    read(body)


def test_news_come_without_loading_the_page_anew() -> None:
    async def body(reader: Reader) -> None:
        _, first = await reader.get(f"/chat/{GROUP}/news?version=")
        version = first.split('"version": "')[1].split('"')[0]
        _, same = await reader.get(f"/chat/{GROUP}/news?version={version}")
        assert '"html": null' in same
        card = reader.card("something new")
        _, news = await reader.get(f"/chat/{GROUP}/news?version={version}")
        assert "something new" in news
        assert f'"{GROUP}": 1' in news
        version = news.split('"version": "')[1].split('"')[0]
        card.edits, card.text = 1, "something else"
        _, edited = await reader.get(f"/chat/{GROUP}/news?version={version}")
        assert "something else" in edited

    read(body)


def test_older_messages_are_a_link_away() -> None:
    async def body(reader: Reader) -> None:
        cards = [reader.card(f"card number {n:03d}") for n in range(100)]
        page = await reader.page()
        assert "card number 099" in page.said
        assert "card number 001" not in page.said
        (older,) = [a["href"] for a in page.all("a", **{"class": "older"})]
        page = await reader.page(older)
        assert "card number 001" in page.said
        assert "card number 099" not in page.said
        only = await reader.page(f"/chat/{GROUP}?only={cards[5].message_id},{cards[7].message_id}")
        assert "card number 005" in only.said
        assert "card number 006" not in only.said
        assert not only.all("form", id="say")

    read(body)


def test_no_word_of_anybody_becomes_markup_and_nothing_leads_outside() -> None:
    async def body(reader: Reader) -> None:
        service, group = reader.service, reader.group
        group.title, group.shut = EVIL, EVIL
        kinds = ("bold", "text_link", "code", "spoiler", "text_mention", "blockquote")
        links = [{"type": kind, "offset": 2, "length": 300, "url": f"javascript:{EVIL}"} for kind in kinds]
        keyboard = [
            [{"text": EVIL, "callback_data": '"><script>'}, {"text": EVIL, "url": "https://evil.example"}]
        ]
        first = reader.card(EVIL, entities=links, keyboard=keyboard)
        group.pinned = first.message_id
        reader.card(EVIL, form="document", upload=service.keep(b"<script>", EVIL), reply_to=first.message_id)
        service.people.say(group, User(user_id=13, name=EVIL), f"/find {EVIL} https://evil.example @evilname")
        answer, text = await reader.get(f"/chat/{GROUP}?said=%3Cscript%3E")
        page = Read(text)
        assert page.tags <= TAGS, page.tags - TAGS
        assert len(page.all("script")) == 1
        assert not [name for _, attrs in page.found for name in attrs if name.startswith("on")]
        led = [a[key] for _, a in page.found for key in ("href", "src", "action") if key in a]
        assert [where for where in led if not where.startswith(("/", "#"))] == []
        assert not [where for where in led if where.startswith("//")]
        assert page.words.count("<script>alert(1)</script>") >= 6
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    read(body)


def test_a_file_of_a_stranger_is_saved_and_never_run() -> None:
    async def body(reader: Reader) -> None:
        for data, name in (
            (b"<html><script>", "a.html"),
            (b"<svg onload=alert(1)>", "a.svg"),
            (b"GIF89a", "a.jpg"),
        ):
            upload = reader.service.keep(data, name)
            answer, _ = await reader.get(f"/upload/{upload.file_id}")
            assert answer.content_type == "application/octet-stream"
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        status, _ = await reader.post("/say", {"chat": str(GROUP), "text": "x" * 5_000})
        assert status == 400
        form = aiohttp.FormData({"chat": str(GROUP), "text": "/find"})
        form.add_field("picture", b"no picture", filename="a.jpg")
        async with reader.session.post(reader.window.address + "say", data=form) as answer:
            assert answer.status == 400
        assert reader.group.seen() == []

    read(body)


def test_other_pages_and_other_names_are_turned_away() -> None:
    async def body(reader: Reader) -> None:
        card = reader.card()
        fields = {"chat": str(GROUP), "message": str(card.message_id), "data": DATA}
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
            status, _ = await reader.post("/press", fields, headers=headers)
            assert status == 403
        answer, _ = await reader.get("/", headers={"Host": "evil.example"})
        assert answer.status == 403
        assert reader.service.updates.waiting == []

    read(body)


def test_what_is_not_there_is_not_found() -> None:
    async def body(reader: Reader) -> None:
        card = reader.card()
        for path in (
            "/chat/5",
            "/chat/x",
            "/chat/--1",
            "/chat/1e9",
            "/upload/x",
            "/look/..%2fpage.py",
            "/look/x",
        ):
            assert (await reader.get(path))[0].status == 404, path
        gone = {"chat": str(GROUP), "message": str(card.message_id), "data": DATA}
        for wrong in ({"chat": "7"}, {"message": "9"}, {"message": "-"}, {"data": ""}, {"data": "x" * 65}):
            assert (await reader.post("/press", gone | wrong))[0] == 404, wrong
        reader.service.people.delete(reader.group, card.message_id)
        assert (await reader.post("/press", gone))[0] == 404
        assert "Acknowledge" not in (await reader.page()).words

    read(body)


KINDS = st.sampled_from(["bold", "italic", "code", "pre", "text_link", "spoiler", "url", "mention", "x"])
ENTITIES = st.lists(
    st.fixed_dictionaries({"type": KINDS, "offset": st.integers(0, 30), "length": st.integers(1, 30)}),
    max_size=6,
)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40), ENTITIES)
def test_markup_says_exactly_the_text_whatever_its_entities(
    text: str, entities: list[dict[str, Any]]
) -> None:
    said = Read(words(text, entities))
    # entities may cut a surrogate pair: such halves cannot be shown
    assert said.words.replace("\ufffd", "") == text.replace("\ufffd", "") or any(
        ord(c) > 0xFFFF for c in text
    )
    assert said.tags <= {"b", "i", "code", "span"}


def test_entities_count_in_utf_16() -> None:
    assert words("🦏 horn", [{"type": "bold", "offset": 3, "length": 4}]) == "🦏 <b>horn</b>"
    both = [{"type": "bold", "offset": 0, "length": 4}, {"type": "code", "offset": 2, "length": 4}]
    assert words("abcdef", both) == "<b>ab</b><b><code>cd</code></b><code>ef</code>"


def test_what_a_client_would_make_tappable_is_marked_outside_of_code() -> None:
    tapped = words("see @somebody at https://x.example", [])
    assert tapped.count('class="tap"') == 2
    quiet = words("see @somebody", [{"type": "code", "offset": 0, "length": 13}])
    assert "tap" not in quiet


def test_the_pictures_of_the_chat_are_there_in_both_languages_small_and_in_the_manual() -> None:
    folder = Path(__file__).resolve().parents[2] / "docs"
    manual = (folder / "alerts.md").read_text()
    for name in ("card", "taken", "incident", "digest", "status", "find"):
        for language in ("en", "zh"):
            file = folder / "pictures" / f"chat-{name}-{language}.png"
            assert file.stat().st_size < 150_000
            with Image.open(file) as picture:
                assert 300 <= picture.width <= 780
            assert f"pictures/{file.name}" in manual


def test_an_upload_is_shown_by_its_bytes_and_not_by_its_name() -> None:
    from nightmarket.messenger.page import picture_type

    assert picture_type(Upload.of("f", b"\xff\xd8\xff\xe0", "a.html")) == "image/jpeg"
    assert picture_type(Upload.of("f", b"<html>", "a.jpg")) == ""
