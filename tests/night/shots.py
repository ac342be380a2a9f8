"""Makes the pictures of the chat in docs/pictures: a night with a real daemon, its page in a real browser.

    python -m tests.night.shots [--out DIR] [--browser chromium] [--lang en]

The night is played in virtual time against our own Bot API server, then the page of its chat is served
and photographed at the width of a telephone. Needs Chromium (Debian: chromium, fonts-noto-cjk) for the
photographs, and the extra `plots` for the digest's charts, which are missing without it.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from PIL import Image, ImageChops

from nightmarket.messenger import TOKEN, Message, Service, User
from nightmarket.messenger.limits import Limits
from nightmarket.messenger.window import Window
from nightmarket.model import PictureSpec
from nightmarket.pictures import paint
from tests.fakes.jump import JumpLoop, run_jumping
from tests.fakes.market import Market
from tests.fakes.night import HEAD, Night
from tests.fakes.processes import awaited
from tests.fakes.site import FakeSite

EVENING = datetime(2026, 11, 24, 4, 20, tzinfo=UTC)
GROUP = -1001
OUT = Path(__file__).resolve().parents[2] / "docs" / "pictures"
LANGUAGES = {"en": "Li", "zh-Hans": "陈"}
WIDTH, TALL, SCALE = 390, 4_000, 2
MOST_BYTES, BROWSER_S = 150_000, 120
DESK = """
[[channel]]
name = "chat"
kind = "telegram"
chat_id = -1001
token_file = "token"
base_url = "{base_url}"
base_file_url = "{base_file_url}"

[[chat]]
id = -1001
language = "{language}"

[[officer]]
name = "{name}"
role = "investigator"
telegram = 5001
language = "{language}"

[desk]
channel = "chat"
language = "{language}"

[rota]
since = 2026-11-02
officers = ["{name}"]
"""


class Stalls(Market):
    """The market of tests, which says of each post who sells it."""

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        items = [
            {
                "id": f"post-{a.number}",
                "url": self.site.url(f"/post/{a.number}"),
                "title": a.title,
                "text": a.text,
                "seller": a.seller,
                "price": a.price,
            }
            for a in self._listed()
        ]
        return web.json_response({"posts": items})


@dataclass
class Told:
    """What a night left: the chats, and what is photographed together as it stood then, by picture."""

    service: Service
    shots: dict[str, tuple[Message, ...]]


@dataclass
class Scene:
    """A night in one language, as it goes."""

    night: Night
    market: Stalls
    service: Service
    officer: User
    told: Told

    def seen(self, chat_id: int = GROUP) -> list[Message]:
        """What stands in a chat."""
        return self.service.chats[chat_id].seen()

    async def card(self, words: str) -> Message:
        """The card that holds these words, once it is there."""
        for _ in range(120):
            if found := [m for m in self.seen() if words in m.text and m.keyboard]:
                return found[-1]
            await self.night.run_for(seconds=5)
        raise AssertionError(f"no card with {words!r}: {[m.text for m in self.seen()]}")

    async def press(self, message: Message, button: int) -> None:
        """Press the n-th button and let the card be edited."""
        chat = self.service.chats[message.chat_id]
        self.service.people.press(chat, message.message_id, self.officer, button)
        await self.night.run_for(seconds=45)

    async def ask(self, name: str, *questions: str) -> None:
        """Commands and their answers in the officer's own chat, as one picture."""
        own = self.service.chats[self.officer.user_id]
        before = own.next_id
        for question in questions:
            self.service.people.say(own, self.officer, question)
            await self.night.run_for(seconds=20)
            last = own.seen()[-1]
            assert last.sender is self.service.me, f"no answer to {question}: does another run poll this bot?"
        self.shot(name, [m for m in own.seen() if m.message_id >= before])

    def shot(self, name: str, messages: Sequence[Message]) -> None:
        """Have these messages photographed as they are now."""
        assert messages, name
        self.told.shots[name] = tuple(copy(one) for one in messages)


async def evening(scene: Scene) -> None:
    """A new card, one that was taken and whose post vanished, an incident, answers, the digest."""
    market, night = scene.market, scene.night
    market.publish(
        "犀牛角手串 XJ 老料",
        "犀牛角 rhino horn 120 g，老料，微信 jadehorn88，今晚发货",
        pictures=tuple(paint(PictureSpec(layout=7, thing=n)) for n in (1, 2)),
        seller="jade_lady",
        price="¥3,800",
    )
    card = await scene.card("XJ")
    scene.shot("card", [card])
    await night.run_for(minutes=3)
    tusk = market.publish(
        "象牙吊坠 果冻料",
        "ivory pendant, 18 g, call 139 1234 5678",
        pictures=(paint(PictureSpec(layout=11, thing=5)),),
        seller="old_things",
        price="¥1,200",
    )
    second = await scene.card("old_things")
    await scene.press(second, 0)
    market.adverts[tusk].price = "¥900"
    await night.run_for(minutes=12)
    market.remove(tusk)
    await night.run_for(minutes=20)
    scene.shot("taken", [await scene.card("old_things")])
    await scene.ask("status", "/status", "/tonight")
    await scene.ask("find", "/find 犀牛角", f"/case {_evidence(card)}", "/oncall")
    for number in range(22):
        market.publish(
            f"XY 果冻 吊坠 {12 + number} g",
            f"XY 果冻 吊坠 {12 + number} g，{number + 1} 号，微信 xystall77",
            seller="xy_stall",
            price="私聊",
        )
    await night.run_for(minutes=6)
    for number in (tusk + 12, tusk + 14):
        market.remove(number)
    await night.run_for(minutes=25)
    scene.shot("incident", [m for m in scene.seen() if "›" in m.labels()][:1])
    before = scene.service.chats[GROUP].next_id
    while night.clock.now().hour < 6 or night.clock.now().minute < 34:
        await night.run_for(minutes=1)
    scene.shot("digest", [m for m in scene.seen() if m.message_id >= before and m.form == "document"])


def _evidence(card: Message) -> str:
    """The evidence id that a card shows."""
    line = next(line for line in card.text.splitlines() if "sha256" in line)
    return line.split()[1]


def play(folder: Path, language: str, script: Callable[[Scene], object] = evening) -> Told:
    """One night in a language. Raises AssertionError when something that is to be shown did not come."""
    told: list[Told] = []

    async def main(loop: JumpLoop) -> None:
        with (
            awaited(loop),
        ):
            async with FakeSite() as site, Service(limits=Limits(on=False)) as service:
                name = LANGUAGES[language]
                officer = User(user_id=5_001, name=name)
                service.add_chat(GROUP, title="Night watch" if language == "en" else "夜间值守")
                service.add_chat(officer.user_id, "private", title=name)
                market = Stalls(site)
                market.open()
                night = Night(loop, folder, EVENING, "UTC")
                service.dated = lambda: night.clock.now().timestamp()
                desk = DESK.format(
                    base_url=service.base_url,
                    base_file_url=service.base_file_url,
                    language=language,
                    name=name,
                )
                (folder / "token").write_text(TOKEN)
                (folder / "token").chmod(0o600)
                night.config.write_text(HEAD + desk + night.stanza(market.url, name="yeshi"))
                told.append(Told(service, {}))
                await night.start()
                try:
                    await night.run_for(minutes=6)
                    await script(Scene(night, market, service, officer, told[0]))  # type: ignore[misc]
                finally:
                    await night.stop()

    run_jumping(main)
    return told[0]


# --- photographs ------------------------------------------------------------------------------


async def photograph(told: Told, out: Path, language: str, browser: str) -> list[Path]:
    """Serve the page of a night that is over, and have the browser photograph it. The files made."""
    made = []
    async with Window(told.service, (next(iter(told.service.users.values())),)) as window:
        for name, messages in told.shots.items():
            chat = told.service.chats[messages[0].chat_id]
            chat.messages |= {one.message_id: one for one in messages}
            only = ",".join(str(one.message_id) for one in messages)
            address = f"{window.address}chat/{chat.chat_id}?only={only}"
            path = out / f"chat-{name}-{language.partition('-')[0]}.png"
            await asyncio.to_thread(_shoot, browser, address, path)
            made.append(path)
    return made


def _shoot(browser: str, address: str, path: Path) -> None:
    """One page as a PNG, without the empty space below it, in few enough colours to be small."""
    with tempfile.TemporaryDirectory(prefix="nightjar-shot-") as folder:
        raw = Path(folder) / "raw.png"
        subprocess.run(
            [
                *(
                    browser,
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--hide-scrollbars",
                    "--no-first-run",
                ),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *(f"--user-data-dir={folder}/profile", f"--force-device-scale-factor={SCALE}"),
                *(f"--window-size={WIDTH},{TALL}", f"--screenshot={raw}", address),
            ],
            check=True,
            capture_output=True,
            timeout=BROWSER_S,
        )
        with Image.open(raw) as picture:
            whole = picture.convert("RGB")
    below = Image.new("RGB", whole.size, whole.getpixel((0, whole.height - 1)))
    box = ImageChops.difference(whole, below).getbbox()
    shown = whole.crop((0, 0, whole.width, min(whole.height, (box[3] if box else whole.height) + 16)))
    path.write_bytes(_small(shown))


def _small(picture: Image.Image) -> bytes:
    """As a PNG of at most `MOST_BYTES`: with fewer colours, then with fewer points."""
    for scale, colours in ((1.0, 256), (0.8, 256), (0.8, 128), (0.6, 128), (0.5, 64)):
        size = (round(picture.width * scale), round(picture.height * scale))
        file = io.BytesIO()
        shrunk = picture.resize(size, Image.Resampling.LANCZOS) if scale < 1 else picture
        shrunk.quantize(colours, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.night.shots")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome") or "")
    parser.add_argument("--lang", action="append", choices=tuple(LANGUAGES), help="default: all")
    arguments = parser.parse_args()
    if not arguments.browser:
        sys.stderr.write("no Chromium here: name one with --browser\n")
        return 2
    for language in arguments.lang or LANGUAGES:
        with tempfile.TemporaryDirectory(prefix="nightjar-shots-") as folder:
            told = play(Path(folder), language)
        for path in asyncio.run(photograph(told, arguments.out, language, arguments.browser)):
            sys.stdout.write(f"{path}  {path.stat().st_size / 1000:.0f} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
