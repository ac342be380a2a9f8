"""A Bot API server that we own: limits, faults, chats with their own ways, and a report of what people saw.

`async with Service(seed=1) as service:` listens on loopback; `service.base_url` goes into the
channel's settings. Methods and fields: https://core.telegram.org/bots/api ; texts of errors as
in the official server (tdlib/telegram-bot-api, Client.cpp). What is not here: MarkdownV2, albums
of documents, inline mode, payments, and answers given in the reply to a webhook.
"""

from nightmarket.messenger.faults import Fault
from nightmarket.messenger.report import Expected, report
from nightmarket.messenger.service import TOKEN, Service
from nightmarket.messenger.words import Chat, Message, User

__all__ = ["TOKEN", "Chat", "Expected", "Fault", "Message", "Service", "User", "report"]
