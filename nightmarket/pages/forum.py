"""Forums: thread lists that lead to threads whose first post is the offer.

Two programs: one in the manner of Discuz (lazy attachments, tables), one in the manner
of phpBB (definition lists, a stub in place of a removed post).
"""

from __future__ import annotations

from nightmarket.model import Advert, Style
from nightmarket.pages.common import Answer, Desk, ago, esc, frame, paragraphs, stamp, text_answer


def address(desk: Desk, advert: Advert) -> str:
    """The thread's address."""
    if desk.site.style is Style.FORUM:
        return f"/thread-{advert.post_id}-1-1.html"
    return f"/viewtopic.php?t={advert.post_id}"


def listing(desk: Desk) -> Answer:
    """A page of threads."""
    shown = desk.shelf.page(desk.now, desk.number)
    content = _table(desk, shown) if desk.site.style is Style.FORUM else _topics(desk, shown)
    if desk.shelf.has_page(desk.now, desk.number + 1):
        content += (
            f'<div class="pg"><a class="nxt" rel="next" href="/list?page={desk.number + 1}">next</a></div>'
        )
    return text_answer(desk, frame(desk, "forum", content), "text/html", listed=tuple(a.key for a in shown))


def _table(desk: Desk, shown: tuple[Advert, ...]) -> str:
    rows = "".join(
        f"""<tbody id="normalthread_{a.post_id}"><tr><th class="new"><a href="{address(desk, a)}" class="s xst">{esc(desk.said(a).title)}</a></th>
<td class="by"><cite><a href="/space-{esc(a.seller)}.html">{esc(a.seller)}</a></cite><em><span>{ago(desk, a.published)}</span></em></td>
<td class="num"><a class="xi2">0</a><em>{desk.views(a)}</em></td></tr></tbody>
"""
        for a in shown
    )
    return f'<div id="threadlist"><table summary="forum">{rows}</table></div>'


def _topics(desk: Desk, shown: tuple[Advert, ...]) -> str:
    topics = "".join(
        f"""<li class="row bg1"><dl class="row-item topic_read"><dt><div class="list-inner"><a href="{address(desk, a)}" class="topictitle">{esc(desk.said(a).title)}</a>
<div class="topic-poster">by <a href="/memberlist.php?u={esc(a.seller)}" class="username">{esc(a.seller)}</a> » <time datetime="{desk.local(a.published).isoformat()}">{stamp(desk, a.published)}</time></div></div></dt>
<dd class="posts">0</dd><dd class="views">{desk.views(a)}</dd></dl></li>
"""
        for a in shown
    )
    return f'<div class="forumbg"><ul class="topiclist topics">{topics}</ul></div>'


def post_page(desk: Desk, advert: Advert) -> Answer:
    """The thread, with its first post and a passer-by's reply."""
    said = desk.said(advert)
    content = _thread(desk, advert) if desk.site.style is Style.FORUM else _topic(desk, advert)
    return text_answer(desk, frame(desk, said.title, content), "text/html", whole=(advert.key,))


def _thread(desk: Desk, advert: Advert) -> str:
    said = desk.said(advert)
    images = "".join(
        f'<ignore_js_op><img id="aimg_{n}" class="zoom" src="/static/logo.gif" zoomfile="{u}" file="{u}" alt=""></ignore_js_op>'
        for n, u in enumerate(desk.pictures(advert))
    )
    return f"""<div id="postlist"><h1 class="ts"><span id="thread_subject">{esc(said.title)}</span></h1><div class="hm">{desk.views(advert)}</div>
<div id="post_{advert.post_id}1" class="plhin"><div class="authi"><a class="xw1" href="/space-{esc(advert.seller)}.html">{esc(advert.seller)}</a>
<em id="authorposton{advert.post_id}1">{stamp(desk, advert.published)}</em></div>
<div class="pcb"><div class="t_fsz"><table><tr><td class="t_f" id="postmessage_{advert.post_id}1">{paragraphs(said.text)}</td></tr></table></div><div class="pattl">{images}</div></div></div></div>"""


def _topic(desk: Desk, advert: Advert) -> str:
    said = desk.said(advert)
    images = "".join(
        f'<dl class="file"><dt class="attach-image"><img src="{u}" class="postimage" alt=""></dt></dl>'
        for u in desk.pictures(advert)
    )
    return f"""<h2 class="topic-title"><a href="{address(desk, advert)}">{esc(said.title)}</a></h2>
<div id="p{advert.post_id}" class="post has-profile bg2"><div class="postbody"><p class="author">by <strong><a class="username" href="/memberlist.php?u={esc(advert.seller)}">{esc(advert.seller)}</a></strong> » <time datetime="{desk.local(advert.published).isoformat()}">{stamp(desk, advert.published)}</time></p>
<div class="content">{paragraphs(said.text)}</div>{images}</div></div>"""
