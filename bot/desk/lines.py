"""What the desk makes of the configuration: its connection, its people, officers' own chats as channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bot.channel import Manner
from bot.config import Config
from bot.desk.people import People
from bot.desk.tongue import Tongue, tongue
from bot.direct import direct
from bot.settings.channels import ChannelTable
from bot.settings.people import ChatTable
from storage.errors import ConfigError

NO_MOVES: Mapping[int, int] = MappingProxyType({})


def channel_of(config: Config) -> ChannelTable | None:
    """The channel whose bot listens, or None without a desk."""
    if config.desk is None:
        return None
    return next((one for one in config.channels if one.name == config.desk.channel), None)


def people_of(config: Config, moves: Mapping[int, int] = NO_MOVES) -> People:
    """Who is known. The chats of the desk's own bot are on the list without being named."""
    desk, chats = channel_of(config), list(config.chats)
    named = {one.id for one in chats}
    for table in config.channels:
        chat_id = getattr(table.settings, "chat_id", None)
        same = desk is not None and table.kind == desk.kind and _server(table) == _server(desk)
        for one in (chat_id, getattr(table.settings, "discussion_id", 0)) if same else ():
            if isinstance(one, int) and one and one not in named:
                chats.append(ChatTable(id=one))
                named.add(one)
    zone = "UTC" if config.rota is None else config.rota.zone
    return People(officers=config.officers, chats=tuple(chats), zone=zone, moves=moves)


def _server(table: ChannelTable) -> tuple[object, ...]:
    names = ("token_file", "token_env", "base_url")
    return tuple(getattr(table.settings, name, "") for name in names)


def direct_channels(config: Config) -> tuple[ChannelTable, ...]:
    """Officers' own chats with the bot, as channels that nothing is routed to but by duty."""
    desk = channel_of(config)
    if desk is None:
        return ()
    settings: Any = desk.settings
    return tuple(
        replace(
            desk,
            name=direct(one.telegram),
            settings=replace(
                settings,
                chat_id=one.telegram,
                oncall_chats=(),
                topic_id=0,
                discussion_id=0,
                fallback="",
                silent_below="normal",
            ),
        )
        for one in config.officers
        if one.telegram
    )


def manner_of(table: ChannelTable, config: Config, key: bytes) -> Manner:
    """How the cards of a channel are made: in whose language and zone, with buttons where the desk's bot is.

    What is no chat (a file, a program) has times in UTC.
    """
    desk, chat_id = channel_of(config), getattr(table.settings, "chat_id", None)
    if chat_id is None:
        return Manner()
    people = people_of(config)
    zone = people.zone_in(chat_id) if isinstance(chat_id, int) else people.zone
    if desk is None or config.desk is None or table.kind != desk.kind:
        return Manner(zone=zone)
    chat = people.chat(chat_id) if isinstance(chat_id, int) else None
    officer = people.officer(chat_id) if isinstance(chat_id, int) else None
    own = (chat.language if chat else "") or (officer.language if officer else "")
    same = _server(table) == _server(desk)
    language = own or config.desk.language
    return Manner(language=language, zone=zone, key=key if same else b"")


def channel_in(config: Config, chat_id: int, moves: Mapping[int, int] = NO_MOVES) -> str:
    """The channel that speaks in a chat through the desk's bot, or "".

    moves: as of `People`. The configuration may name a chat that moved as it was, or as it is by now.
    """
    desk, named = channel_of(config), (chat_id, moves.get(chat_id, chat_id))
    return next(
        (
            table.name
            for table in config.channels
            if desk is not None
            and table.kind == desk.kind
            and _server(table) == _server(desk)
            and getattr(table.settings, "chat_id", None) in named
        ),
        "",
    )


def digest_chat(config: Config, moves: Mapping[int, int] = NO_MOVES) -> tuple[int | str, Tongue]:
    """Where the morning's table goes: the desk's own chat, in its language and zone. Raises ConfigError."""
    desk = channel_of(config)
    if desk is None:
        raise ConfigError("there is no desk")
    settings: Any = desk.settings
    manner = manner_of(desk, config, b"")
    now = {before: after for after, before in moves.items()}
    return now.get(settings.chat_id, settings.chat_id), tongue(manner.language, manner.zone)
