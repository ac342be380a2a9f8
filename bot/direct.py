"""The own chats of officers on call: channels that follow from another one's `oncall_chats`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from bot.settings.channels import ChannelTable
from storage.model import Tier


def direct(chat_id: int) -> str:
    """The name of the channel that is an officer's own chat with the bot."""
    return f"direct:{chat_id}"


def with_direct(channels: Iterable[ChannelTable]) -> tuple[ChannelTable, ...]:
    """The channels, and for each officer on call his own chat, which gets what is urgent there.

    Where two channels name the same officer, he gets what either gets, once.
    """
    found = list(channels)
    for table in tuple(found):
        for chat_id in getattr(table.settings, "oncall_chats", ()):
            own = replace(
                cast(Any, table.settings),
                chat_id=chat_id,
                oncall_chats=(),
                topic_id=0,
                discussion_id=0,
                fallback="",
            )
            found.append(replace(table, name=direct(chat_id), settings=own, min_tier=Tier.URGENT))
    return tuple(found)
