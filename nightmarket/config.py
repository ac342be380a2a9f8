"""Writes the configuration an administrator would write for these sites, and its secrets.

The daemon is told nothing about the exam: names, addresses, windows, selectors where a
site has no structured data, and the two channels. Half of the targets stand in targets.d.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from nightmarket.model import Site, Style, World
from nightmarket.pictures import paint
from nightmarket.routes import start
from nightmarket.sites import NIGHT_ZONE

CHAT_ADDRESS = "127.0.1.200"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotLine:
    """Where the Bot API of the night's own chat is: what `base_url` and `base_file_url` are to say."""

    base_url: str
    file_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where everything of one demo lies. folder holds all of it."""

    folder: Path

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "config.toml"

    @property
    def data(self) -> Path:
        """The daemon's data folder."""
        return self.folder / "data"

    @property
    def truth(self) -> Path:
        """The server's log."""
        return self.folder / "truth.ndjson"

    @property
    def secret(self) -> Path:
        """The shared secret of the chat's signatures."""
        return self.folder / "chat-secret"

    @property
    def token(self) -> Path:
        """The bot's token, where the night has a chat of its own."""
        return self.folder / "bot-token"

    @property
    def daemon_log(self) -> Path:
        """What the daemon wrote to standard error."""
        return self.folder / "daemon.log"

    @property
    def course(self) -> Path:
        """What happened while it was played, for judging it again."""
        return self.folder / "course.json"

    @property
    def score(self) -> Path:
        """The score as JSON."""
        return self.folder / "score.json"


def write(world: World, places: Places, port: int, metrics: int, line: BotLine | None = None) -> None:
    """Write config.toml and targets.d. line: of the chat that officers see, None without one."""
    main = [_head(world, places, port, metrics)]
    if line is not None:
        main.append(_telegram(world, places, line))
    more: list[str] = []
    for site in world.sites:
        (main if site.number % 2 else more).append(_target(site, world.interval_s, port))
    places.config.write_text("\n".join(main), encoding="utf-8")
    folder = places.folder / "targets.d"
    folder.mkdir(exist_ok=True)
    (folder / "more.toml").write_text("\n".join(more), encoding="utf-8")


def prepare(world: World, places: Places) -> None:
    """Make the folder with the secret and the gallery of known pictures."""
    gallery = places.folder / "gallery"
    gallery.mkdir(parents=True, exist_ok=True)
    for number, spec in enumerate(world.gallery, 1):
        (gallery / f"known-{number:02d}.jpg").write_bytes(paint(spec))
    places.secret.touch(mode=0o600)
    places.secret.write_text(secrets.token_hex(24))


def _head(world: World, places: Places, port: int, metrics: int) -> str:
    return f"""# Written by the simulated night, seed {world.seed}, size {world.size}.
[nightjar]
contact = "night@example.org"
data_dir = "data"
allow = ["127.0.1.0/24:{port}"]
gallery = "gallery"
admin_channels = ["file"]
metrics = "127.0.0.1:{metrics}"
picture_workers = 1
log_level = "info"

[[channel]]
name = "file"
kind = "ndjson"

[[channel]]
name = "chat"
kind = "webhook"
url = "http://{CHAT_ADDRESS}:{port}/hook"
secret_file = "{places.secret.name}"
"""


def _telegram(world: World, places: Places, line: BotLine) -> str:
    """Two groups, one in each language, officers on call, and a digest as soon as the night is over."""
    from nightmarket.messenger.cast import CHEN, GROUP, GROUP_ZH, LI  # a night without a chat needs none
    from nightmarket.messenger.service import TOKEN

    places.token.touch(mode=0o600)
    places.token.write_text(TOKEN)
    rest = f"""kind = "telegram"
token_file = "{places.token.name}"
base_url = "{line.base_url}"
base_file_url = "{line.file_url}"
"""
    over = (world.end + timedelta(minutes=1)).astimezone(ZoneInfo(NIGHT_ZONE))
    digest_at = "06:30" if world.size == "full" else f"{over:%H:%M}"
    return f"""
[[channel]]
name = "night-watch"
chat_id = {GROUP}
{rest}
[[channel]]
name = "night-watch-zh"
chat_id = {GROUP_ZH}
{rest}
[[chat]]
id = {GROUP_ZH}
language = "zh-Hans"

[[officer]]
name = "{LI.name}"
role = "investigator"
telegram = {LI.user_id}

[[officer]]
name = "{CHEN.name}"
role = "supervisor"
telegram = {CHEN.user_id}
language = "zh-Hans"

[desk]
channel = "night-watch"
fallback = "file"
digest_at = "{digest_at}"

[rota]
since = {world.start:%Y-%m-%d}
zone = "{NIGHT_ZONE}"
officers = ["{LI.name}", "{CHEN.name}"]
"""


def _target(site: Site, interval_s: float, port: int) -> str:
    kind, rules = reading(site)
    first, last = site.window
    lines = [
        # At dusk every site shows what came during the evening; at the default of one request
        # a second its pages and pictures take minutes in which quick sellers delete.
        f'[hosts."{site.address}"]',
        "requests_per_s = 4",
        "concurrency = 2",
        "",
        "[[target]]",
        f'name = "{site.name}"',
        f'kind = "{kind}"',
        f'url = "http://{site.address}:{port}{start(site.style, site.name)}"',
        'legal_basis = "simulated night: no real site, no real person"',
        'authorised_by = "the exam"',
        "review_after = 2099-12-31",
        f'interval = "{interval_s:g}s"',
        f'window = {{ start = "{first}", end = "{last}" }}',
        f'zone = "{site.zone}"',
        'jurisdiction = "SIM"',
        "",
        "[target.rules]",
    ]
    lines += [f"{key} = {_toml(value)}" for key, value in rules.items() if not isinstance(value, dict)]
    for key, value in rules.items():
        if isinstance(value, dict):
            lines += ["", f"[target.rules.{key}]"]
            lines += [f"{name} = {_toml(inner)}" for name, inner in value.items()]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """Strings, numbers, truths and lists are written in TOML as in JSON."""
    return json.dumps(value, ensure_ascii=False)


def reading(site: Site) -> tuple[str, dict[str, object]]:
    """The feed kind of a site and its rules, as an administrator would choose them."""
    if site.style is Style.TELEGRAM:
        return "telegram", {}
    if site.style is Style.SHOP_API:
        return "json", _SHOP
    if site.style in APIS:
        return "json", {"preset": site.style.value}
    if site.style in _PAGES:
        return "html", _PAGES[site.style] | {"max_pages": site.pages}
    return "rss", {}


APIS = frozenset({Style.DISCOURSE, Style.MASTODON, Style.WORDPRESS, Style.LEMMY})
_SHOP: dict[str, object] = {
    "items": "data.list",
    "id": "gid",
    "url": "href",
    "title": "subject",
    "text": "desc",
    "price": "price",
    "location": "city",
    "seller": "user.nick",
    "posted": "ctime",
    "pictures": "pics[].big",
    "next": "data.next",
    "page": False,
}
_PAGES: dict[Style, dict[str, object]] = {
    Style.CLASSIFIED_LD: {},  # says what it holds for machines: found without selectors
    Style.CLASSIFIED: {
        "item": "li.item",
        "link": "a.title",
        "title": "a.title",
        "price": "em.price",
        "location": "i.loc",
        "posted": "span.date",
        "next": "a.next",
        "detail": {
            "title": "#detail h1",
            "text": "#content",
            "seller": "td.who",
            "price": "td.price",
            "location": "td.place",
            "posted": "td.when",
            "picture": "#photos img@data-original",
        },
    },
    Style.FORUM: {
        "item": "tbody[id^=normalthread_]",
        "link": "a.xst",
        "title": "a.xst",
        "seller": "cite a",
        "posted": "td.by em span",
        "next": "a.nxt",
        "detail": {
            "title": "#thread_subject",
            "text": "td.t_f",
            "seller": "a.xw1",
            "posted": "em[id^=authorposton]",
            "picture": "img.zoom@zoomfile",
        },
    },
    Style.BOARD: {
        "item": "li.row",
        "link": "a.topictitle",
        "title": "a.topictitle",
        "seller": "a.username",
        "posted": "time@datetime",
        "next": "a.nxt",
        "detail": {
            "title": "h2.topic-title",
            "text": "div.content",
            "seller": "p.author a.username",
            "picture": "img.postimage@src",
        },
    },
}
