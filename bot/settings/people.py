"""`[desk]`, `[[chat]]` and `[rota]`: who may press buttons, in which chats, and who is on call when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.desk.rota import Rota, Shift, Turn, holes
from bot.mistakes import nearest, shown
from bot.secrets import find
from bot.settings.channels import FoundChannel
from bot.settings.custody import ROLES, Officer
from bot.settings.documents import Document, Path_
from bot.settings.gather import array, single
from bot.settings.keys import ChatKeys, DeskKeys, RotaKeys
from bot.settings.shapes import Fault, read_table
from bot.settings.sift import Sift
from storage.errors import ConfigError

_MOST_HOLES_TOLD = 3
_HOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""core.telegram.org/bots/api#setwebhook, secret_token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTable:
    """One `[[chat]]`: a group or channel the bot stays in. contacts: starred or full."""

    id: int
    language: str = ""
    zone: str = ""
    contacts: str = "starred"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTable:
    """`[desk]`: the bot that listens. channel: of kind telegram, whose token and server it uses."""

    channel: str
    mode: str = "polling"
    language: str = "en"
    fallback: str = ""
    digest_at: str = "06:30"
    listen: tuple[str, int] = ("127.0.0.1", 0)
    webhook_url: str = ""
    webhook_secret_file: str = ""
    webhook_secret_env: str = ""
    without_secret: bool = False


def read_desk(
    document: Document,
    sift: Sift,
    channels: tuple[FoundChannel, ...],
    environment: Mapping[str, str],
    folder: Path,
) -> DeskTable | None:
    """The desk, or None when the configuration has none: then alerts are told and nobody can press."""
    if "desk" not in document.tables:
        return None
    reading = read_table(single(document, "desk", sift), DeskKeys)
    sift.add_all(document, ("desk",), reading.faults)
    keys = reading.value
    if not isinstance(keys, DeskKeys):
        return None
    kinds = {one.name: one.table.kind if one.table else "" for one in channels}
    sift.add_all(document, ("desk",), _channel_faults(keys, kinds))
    sift.add_all(document, ("desk",), _webhook_faults(keys, environment, folder))
    for one in channels:  # presses say the number of their chat, and the bot leaves what it does not know
        settings = None if one.table is None else one.table.settings
        if isinstance(getattr(settings, "chat_id", None), str):
            why = "must be the number of the chat where a desk takes presses, not its name"
            sift.add(document, one.at, Fault(path=("chat_id",), why=why))
    host, _, port = keys.listen.rpartition(":")
    return DeskTable(
        channel=keys.channel,
        mode=keys.mode,
        language=keys.language,
        fallback=keys.fallback,
        digest_at=keys.digest_at,
        listen=(host.strip("[]"), int(port)),
        webhook_url=keys.webhook_url,
        webhook_secret_file=keys.webhook_secret_file,
        webhook_secret_env=keys.webhook_secret_env,
        without_secret=keys.without_secret,
    )


def _channel_faults(keys: DeskKeys, kinds: dict[str, str]) -> Iterable[Fault]:
    for key, name in (("channel", keys.channel), ("fallback", keys.fallback)):
        if name and name not in kinds:
            why = f"there is no channel {shown(name)}"
            yield Fault(path=(key,), why=why, nearest=nearest(name, tuple(kinds)), allowed=", ".join(kinds))
    if kinds.get(keys.channel, "telegram") not in ("telegram", ""):
        yield Fault(path=("channel",), why="must be a channel of kind telegram")
    if keys.fallback and keys.fallback == keys.channel:
        yield Fault(path=("fallback",), why="must be another channel: it is told when the first one fails")


def _webhook_faults(keys: DeskKeys, environment: Mapping[str, str], folder: Path) -> Iterable[Fault]:
    if keys.mode != "webhook":
        return
    if not keys.webhook_url.startswith("https://"):
        yield Fault(
            path=("webhook_url",), why="must be the https:// address under which Telegram reaches the proxy"
        )
    if keys.without_secret:
        return
    if not (keys.webhook_secret_file or keys.webhook_secret_env):
        why = "is required for a webhook: without it anybody could press"
        yield Fault(
            path=("webhook_secret_file",), why=why, allowed="a file of mode 0600, or webhook_secret_env"
        )
        return
    named = "webhook_secret_file" if keys.webhook_secret_file else "webhook_secret_env"
    try:
        secret = find(
            keys.webhook_secret_file, keys.webhook_secret_env, environment=environment, folder=folder
        )
    except ConfigError as error:
        yield Fault(path=(named,), why=error.why)
        return
    if not _HOOK_SECRET.fullmatch(secret.reveal().strip()):
        why = "must hold 1 to 256 letters of ASCII, digits, _ and -: Telegram takes no other secret"
        yield Fault(path=(named,), why=why)


def read_chats(document: Document, sift: Sift) -> tuple[ChatTable, ...]:
    """Every sound table; an id that stands there twice is told."""
    found: dict[int, ChatTable] = {}
    for index, table in array(document, "chat", sift):
        at: Path_ = ("chat", index)
        reading = read_table(table, ChatKeys)
        sift.add_all(document, at, reading.faults)
        keys = reading.value
        if not isinstance(keys, ChatKeys):
            continue
        if keys.id in found:
            sift.add(document, at, Fault(path=("id",), why="stands there twice"))
        one = ChatTable(
            id=keys.id, language=keys.language or "", zone=keys.zone or "", contacts=keys.contacts
        )
        found.setdefault(keys.id, one)
    return tuple(found.values())


def read_rota(document: Document, sift: Sift, officers: tuple[Officer, ...], today: date) -> Rota | None:
    """The rota, checked: everybody in it can be reached, and no minute of a night is without anybody."""
    if "rota" not in document.tables:
        return None
    reading = read_table(single(document, "rota", sift), RotaKeys)
    sift.add_all(document, ("rota",), reading.faults)
    keys = reading.value
    if not isinstance(keys, RotaKeys):
        return None
    faults = [*_shift_faults(keys), *_officer_faults(keys, officers)]
    sift.add_all(document, ("rota",), faults)
    if faults:
        return None
    rota = _rota(keys)
    missing = holes(rota, today)
    for begin, end in missing[:_MOST_HOLES_TOLD]:
        zone = ZoneInfo(rota.zone)
        span = f"{begin.astimezone(zone):%Y-%m-%d %H:%M} to {end.astimezone(zone):%H:%M}"
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        sift.add(document, ("rota",), Fault(path=(), why=f"nobody is on call in the night from {span}{more}"))
    return rota


def _shift_faults(keys: RotaKeys) -> Iterable[Fault]:
    if bool(keys.officers) == bool(keys.shift):
        why = "name the officers who take a week each, or [[rota.shift]] tables with their own"
        yield Fault(path=("officers",), why=why)
    for index, override in enumerate(keys.override):
        if override.ends <= override.starts:
            yield Fault(path=("override", index, "ends"), why="must be later than starts")


def _officer_faults(keys: RotaKeys, officers: tuple[Officer, ...]) -> Iterable[Fault]:
    known = {one.name: one for one in officers}
    named: list[tuple[Path_, str]] = [(("officers", n), name) for n, name in enumerate(keys.officers)]
    for index, shift in enumerate(keys.shift):
        named += [(("shift", index, "officers", n), name) for n, name in enumerate(shift.officers)]
    named += [(("override", n, "officer"), one.officer) for n, one in enumerate(keys.override) if one.officer]
    for path, name in named:
        one = known.get(name)
        if one is None:
            why = f"{shown(name)} is no [[officer]]"
            yield Fault(path=path, why=why, nearest=nearest(name, tuple(known)), allowed=", ".join(known))
        elif not one.telegram:
            yield Fault(path=path, why=f"{shown(name)} has no telegram number and cannot be woken")
        elif ROLES.index(one.role) < ROLES.index("officer"):
            yield Fault(path=path, why=f"{shown(name)} is a {one.role} and may not acknowledge")


def _rota(keys: RotaKeys) -> Rota:
    shifts = tuple(Shift(officers=s.officers, start=s.start, end=s.end) for s in keys.shift)
    return Rota(
        zone=keys.zone,
        since=keys.since,
        handover=keys.handover,
        shifts=shifts or (Shift(officers=keys.officers),),
        overrides=tuple(
            Turn(starts=_utc(o.starts, keys.zone), ends=_utc(o.ends, keys.zone), officer=o.officer)
            for o in keys.override
        ),
    )


def _utc(local: str, zone: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
