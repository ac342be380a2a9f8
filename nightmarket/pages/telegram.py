"""Public channel previews as t.me/s/NAME serves them: oldest first, paged by `before`.

A deleted message is simply not there. Its own address answers with the channel's card
(200), and its embed says "Post not found" (200): as on t.me.
"""

from __future__ import annotations

import re
from datetime import UTC

from nightmarket.model import Advert
from nightmarket.pages.common import Answer, Desk, esc

_EMOJI = re.compile("([\U0001f000-\U0001faff\u2600-\u27bf]\ufe0f?)")


def address(desk: Desk, advert: Advert) -> str:
    """The message's own address."""
    return f"{desk.base}/{desk.site.name}/{advert.post_id}"


def listing(desk: Desk) -> Answer:
    """The newest messages, or those before a given one."""
    shown = desk.shelf.on_show(desk.now)
    before = desk.query.get("before", "")
    if before.isdecimal():
        shown = tuple(a for a in shown if int(a.post_id) < int(before))
    page = shown[: desk.site.page_size]
    messages = "".join(_message(desk, a) for a in reversed(page))
    more = f'<link rel="prev" href="/s/{desk.site.name}?before={page[-1].post_id}">' if page else ""
    loader = (
        f'<div class="tgme_widget_message_centered js-messages_more_wrap"><a href="/s/{desk.site.name}?before='
        f'{page[-1].post_id}" class="tme_messages_more js-messages_more" data-before="{page[-1].post_id}"></a></div>'
        if len(shown) > len(page)
        else ""
    )
    text = f"""<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{desk.site.name} – Telegram</title>
<meta property="og:title" content="{desk.site.name}"><meta property="og:site_name" content="Telegram">
<meta property="og:description" content="night offers">{more}<link rel="canonical" href="/s/{desk.site.name}"></head>
<body class="widget_frame_base tgme_webpreview emoji_image thin_box_shadow tme_mode no_transitions">
<header class="tgme_header search_collapsed"><div class="tgme_container"><div class="tgme_header_info">
<a class="tgme_channel_join_telegram" href="//telegram.org/dl?tme={desk.token()}">Join</a>
<div class="tgme_header_counter">{desk.chance.randrange(900, 99000)} subscribers</div></div></div></header>
<main class="tgme_main" data-url="/{desk.site.name}"><div class="tgme_container">
<section class="tgme_channel_history js-message_history">{loader}{messages}</section></div></main></body></html>
"""
    return Answer(body=text.encode(), whole=tuple(a.key for a in page))


def _message(desk: Desk, advert: Advert) -> str:
    link = address(desk, advert)
    edited = "edited " if advert.version(desk.now) else ""
    moment = advert.published.astimezone(UTC)
    return f"""<div class="tgme_widget_message_wrap js-widget_message_wrap"><div class="tgme_widget_message text_not_supported_wrap js-widget_message" data-post="{desk.site.name}/{advert.post_id}" data-view="{desk.token()}">
<div class="tgme_widget_message_user"><a href="{desk.base}/{desk.site.name}"><i class="tgme_widget_message_user_photo bgcolor4" data-content="{desk.site.name[0]}"></i></a></div>
<div class="tgme_widget_message_bubble"><div class="tgme_widget_message_author accent_color"><a class="tgme_widget_message_owner_name" href="{desk.base}/{desk.site.name}"><span dir="auto">{desk.site.name}</span></a></div>
{_media(desk, advert)}{_text(desk, advert)}
<div class="tgme_widget_message_footer compact js-message_footer"><div class="tgme_widget_message_info short js-message_info">
<span class="tgme_widget_message_views">{desk.views(advert)}</span><span class="copyonly"> views</span><span class="tgme_widget_message_meta">{edited}<span class="tgme_widget_message_from_author" dir="auto">{esc(advert.seller)}</span>, <a class="tgme_widget_message_date" href="{link}"><time datetime="{moment.isoformat(timespec="seconds")}" class="time">{moment.strftime("%H:%M")}</time></a></span></div></div></div></div></div>
"""


def words(desk: Desk, advert: Advert) -> str:
    """A message has no title: it is the first line of the text."""
    said = desk.said(advert)
    if said.text.startswith(said.title) or said.title in (".", ""):
        return said.text
    return f"{said.title}\n{said.text}" if said.text else said.title


def _text(desk: Desk, advert: Advert) -> str:
    text = words(desk, advert)
    if not text:
        return ""
    shown = _EMOJI.sub(
        r'<i class="emoji" style="background-image:url(\'//telegram.org/img/emoji/40/x.png\')"><b>\1</b></i>',
        esc(text),
    )
    return f'<div class="tgme_widget_message_text js-message_text" dir="auto">{shown.replace(chr(10), "<br/>")}</div>'


def _media(desk: Desk, advert: Advert) -> str:
    pictures, number = desk.pictures(advert), int(advert.post_id)
    if not pictures:
        return ""
    if len(pictures) == 1:
        return (
            f'<a class="tgme_widget_message_photo_wrap {number}001" href="{address(desk, advert)}" '
            f"style=\"width:400px;background-image:url('{pictures[0]}')\">"
            '<div class="tgme_widget_message_photo" style="padding-top:75%"></div></a>'
        )
    parts = "".join(
        f'<a class="tgme_widget_message_photo_wrap grouped_media_wrap blured js-message_photo" '
        f'style="left:0px;top:0px;width:225px;height:169px;background-image:url(\'{u}\')" data-ratio="1.33" '
        f'href="{desk.base}/{desk.site.name}/{number + n}?single"><div class="grouped_media_helper">'
        '<div class="tgme_widget_message_photo grouped_media"></div></div></a>'
        for n, u in enumerate(pictures)
    )
    return (
        '<div class="tgme_widget_message_grouped_wrap js-message_grouped_wrap" style="width:453px;">'
        '<div class="tgme_widget_message_grouped js-message_grouped" style="padding-top:116%">'
        f'<div class="tgme_widget_message_grouped_layer js-message_grouped_layer">{parts}</div></div></div>'
    )


def post_page(desk: Desk, advert: Advert | None) -> Answer:
    """A message's own address, or its embed when asked with `embed`."""
    if "embed" in desk.query:
        inner = (
            _message(desk, advert)
            if advert
            else '<div class="tgme_widget_message_error">Post not found</div>'
        )
        text = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>Telegram Widget</title></head><body class="widget_frame_base">{inner}</body></html>'
        return Answer(body=text.encode(), whole=(advert.key,) if advert else ())
    described = words(desk, advert) if advert else "night offers"
    image = (
        f'<meta property="og:image" content="{desk.pictures(advert)[0]}">'
        if advert and advert.pictures
        else ""
    )
    text = f"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>Telegram: Contact @{desk.site.name}</title>
<meta property="og:title" content="{desk.site.name}"><meta property="og:description" content="{esc(described)}">{image}</head>
<body><div class="tgme_page"><div class="tgme_page_title">{desk.site.name}</div><div class="tgme_page_action">
<a class="tgme_action_button_new" href="tg://resolve?domain={desk.site.name}">View in Telegram {desk.token()[:6]}</a></div></div></body></html>
"""
    return Answer(body=text.encode(), listed=(advert.key,) if advert else ())
