"""Methods beside messages: who am I, answers to presses, chats, topics, files, menus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightmarket.messenger.forms import Form
from nightmarket.messenger.words import Json, Refusal, bad

if TYPE_CHECKING:
    from nightmarket.messenger.service import Service

ANSWER, MOST_DOWN = 200, 20_000_000


def get_me(service: Service, _form: Form) -> Json:
    """Method getMe."""
    rights = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
    return service.me.shown() | rights


def answer_press(service: Service, form: Form) -> bool:
    """Method answerCallbackQuery; late or unknown queries are refused."""
    press = service.presses.get(form.text("callback_query_id"))
    if press is None or press.answered_at is not None or service.now() - press.at > service.query_s:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    if len(form.text("text")) > ANSWER:
        raise bad("MESSAGE_TOO_LONG")
    press.answered_at = service.now()
    press.answer, press.alert = form.text("text"), form.yes("show_alert")
    return True


def get_chat(service: Service, form: Form) -> Json:
    """Method getChat."""
    chat = service.chat_of(form.text("chat_id"))
    if chat.shut:
        raise Refusal(403, f"Forbidden: {chat.shut}")
    told = chat.shown() | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _gifts()}
    if chat.linked:
        told["linked_chat_id"] = chat.linked
    return told


def _gifts() -> Json:
    names = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    return dict.fromkeys(names, False)


def get_chat_member(service: Service, form: Form) -> Json:
    """Method getChatMember: members are not kept; everybody is one, the bot is an administrator."""
    user_id = form.number("user_id")
    service.chat_of(form.text("chat_id"))
    user = service.users.get(user_id)
    if user_id == service.me.user_id:
        user = service.me
    if user is None:
        raise bad("user not found")
    return {"status": "member", "user": user.shown()}


def leave_chat(service: Service, form: Form) -> bool:
    """Method leaveChat."""
    chat = service.chat_of(form.text("chat_id"))
    chat.shut = f"bot is not a member of the {chat.kind} chat"
    return True


def create_topic(service: Service, form: Form) -> Json:
    """Method createForumTopic: costs one of the chat's budget."""
    chat = service.writable(form)
    if not chat.forum:
        raise bad("the chat is not a forum")
    service.charge(chat)
    number = chat.take_id()
    chat.topics[number] = form.text("name")
    return {"message_thread_id": number, "name": form.text("name"), "icon_color": 7_322_096}


def delete_topic(service: Service, form: Form) -> bool:
    """Method deleteForumTopic."""
    chat = service.writable(form)
    if chat.topics.pop(form.number("message_thread_id"), None) is None:
        raise bad("TOPIC_ID_INVALID")
    return True


def get_file(service: Service, form: Form) -> Json:
    """Method getFile: its path for 20 MB and less."""
    upload = service.uploads.get(form.text("file_id"))
    if upload is None:
        raise bad("wrong file_id or the file is temporarily unavailable")
    if len(upload.data) > MOST_DOWN:
        raise bad("file is too big")
    told = {"file_id": upload.file_id, "file_unique_id": upload.sha256[:16], "file_size": len(upload.data)}
    return told | {"file_path": f"files/{upload.file_id}"}


def accept(_service: Service, _form: Form) -> bool:
    """Methods whose effect nobody here sees: menus, actions, descriptions."""
    return True


def get_updates(_service: Service, _form: Form) -> object:
    """Stands in the list of methods; the service waits for updates itself."""
    raise NotImplementedError


def set_webhook(service: Service, form: Form) -> bool:
    """Method setWebhook."""
    secret, url = form.text("secret_token"), form.text("url")
    if secret and not (len(secret) <= 256 and secret.replace("-", "").replace("_", "").isalnum()):
        raise bad("secret token contains unallowed characters")
    if url and not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    service.updates.set_webhook(url, secret, drop=form.yes("drop_pending_updates"))
    return True


def delete_webhook(service: Service, form: Form) -> bool:
    """Method deleteWebhook."""
    service.updates.set_webhook("", "", drop=form.yes("drop_pending_updates"))
    return True


def webhook_info(service: Service, _form: Form) -> Json:
    """Method getWebhookInfo."""
    updates = service.updates
    told: Json = {
        "url": updates.url, "has_custom_certificate": False, "pending_update_count": len(updates.waiting)
    }  # fmt: skip
    return told | ({"last_error_message": updates.last_error} if updates.last_error else {})
