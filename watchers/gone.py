"""Soft 404: pages that answer 200 only to say that their post is gone. Pure.

The words must stand in the title, in a main heading or in a board's message box, or
rule a short page; the post's own title is taken out first, since sellers write it. A
page that still shows the post is alive, whatever its side columns say: a false
"deleted" is worse than a late one.
"""

# ruff: noqa: E501, ISC004  a table of phrases; wide characters count double

from __future__ import annotations

import re

from storage.model import Response
from watchers.glance import Glance, glance, is_markup, without_tags

SHORT_CHARS = 1_200
"""A "gone" page may carry the site's navigation; a page with a post on it seldom says less."""
BARE_CHARS = 400
"""Without a title to look for, only a page this short is judged by its text."""
_BOX_CHARS = 800
_TRIES = 5
_NAME_ENDS = ('"', "'", " ", ">", "")
_TITLE_CHARS = 200
_KNOWN_CHARS = 4
"""Shorter titles ("出", "hi") turn up anywhere and identify nothing."""

_ENGLISH_THING = (
    r"(?:post(?:ing)?|listing|ad|advert(?:isement)?|item|product|topic|thread|page|offer|auction|content|message|"
    r"classified|discussion|article|entry|tweet|status|channel|group|profile|user|link|video|photo|lot|sale)"
)
_ENGLISH_GONE = (
    r"(?:(?:has|have|had) (?:already |since )?(?:been )?(?:deleted|removed|withdrawn|taken down|expired|archived|ended|closed)"
    r"|(?:was|were|is|are)(?: either)? (?:deleted|removed|withdrawn|taken down|expired|unavailable|not available|not found)"
    r"|(?:(?:is|are|was) )?no longer (?:available|active|listed|online|valid|live|for sale|exists?)"
    r"|(?:isn['’]t|is not|aren['’]t) (?:currently )?available(?: anymore| any more| right now)?"
    r"|no longer exists?|does(?:n['’]t| not) exist(?: anymore| any more)?|do not exist"
    r"|(?:could|can)(?:n['’]?t|not| not) be (?:found|displayed|located)|not found|unavailable|deleted by (?:its|the) author)"
)
_CHINESE_THING = (
    "(?:帖子?|主题|主題|页面|頁面|网页|網頁|商品|宝贝|寶貝|信息|資訊|訊息|内容|內容|链接|連結|文章|话题|話題|消息|微博|视频|影片|"
    "广告|廣告|拍品|拍卖|拍賣|笔记|筆記|作品|动态|動態|用户|产品|產品|物品|物件|刊登|贴|貼文|贴子|房源|职位|店铺|賣場|记录|日志|图片)"
)
_CHINESE_GONE = (
    "(?:已?不存在|不见了|不見了|走丢了|飞走了|消失了"
    "|(?:可能|可能已|或)?(?:已经|已經|已|刚刚)?被?(?:作者|发布者|發佈者|发布人|楼主|樓主|卖家|賣家|管理员|管理員|版主|原作者|系统|用户|其)?"
    "(?:自行)?(?:删除|刪除|下架|移除|撤回|撤下|屏蔽|隐藏|隱藏|失效|过期|過期|关闭|關閉|结束|結束|下线|删掉)"
    "|找不到|没有找到|沒有找到|未找到|无法访问|無法存取|无法查看)"
)
_PHRASES = (
    # English; words may stand between the thing and its fate: "the page you were looking for ..."
    rf"\b{_ENGLISH_THING}s?\b(?:,? (?:that |which )?(?:you(?:['’]re| are| were|['’]ve| have)?|it) [a-z'’ ]{{0,40}}?)?"
    rf"(?: you requested| requested| or [a-z]+| may| might| with this id| in question)?,? {_ENGLISH_GONE}",
    rf"\b(?:no such|cannot find (?:the|that|this)|can['’]t find (?:the|that|this)|couldn['’]t find (?:the|that|this)|unknown|invalid) "
    rf"{_ENGLISH_THING}\b",
    r"\b(?:error )?404\b(?!\.\d)(?= ?(?:$|[-–—|:,.!]|error|not found|page|file))|\bpage not found\b|\bnot found$|^not found\b",
    r"\bdeleted by (?:its|the) (?:author|owner|seller|poster|user)\b|\bflagged for removal\b",
    rf"\bwe (?:couldn['’]t|could not|can['’]t|cannot) find (?:the|that|this) {_ENGLISH_THING}\b",
    # Chinese, both scripts; the fate follows the thing within a few characters, or comes first.
    rf"{_CHINESE_THING}[^。！？\n]{{0,10}}?{_CHINESE_GONE}",
    rf"{_CHINESE_THING}[^。！？\n]{{0,6}}?被[^。！？\n]{{1,30}}?(?:删除|刪除|下架|移除|屏蔽|关闭|關閉)",
    rf"(?:找不到|没有找到|沒有找到|未找到|不存在)[^。！？\n]{{0,8}}?{_CHINESE_THING}",
    r"(?:该|该条|此|这个|這個|該|您访问的|你访问的|您查看的)[^。！？\n]{0,8}?(?:已被?删除|已被?刪除|已下架|不存在|已失效|已过期|已過期)",
    # Vietnamese, Indonesian and Malay.
    r"(?:bài (?:viết|đăng)|tin (?:đăng|rao|này)|tin|sản phẩm|trang|chủ đề|nội dung|chủ đề)[^.!?\n]{0,30}?"
    r"(?:đã (?:bị )?(?:xóa|xoá|gỡ|ẩn|hết hạn|đóng|được gỡ)|đã bị [^.!?\n]{1,40}? (?:xóa|xoá|gỡ|ẩn)|không (?:còn )?tồn tại|không (?:được )?tìm thấy|không khả dụng|"
    r"không còn (?:khả dụng|hiển thị|hiệu lực)|hết hạn)",
    r"không tìm thấy (?:trang|bài viết|bài đăng|sản phẩm|tin|nội dung|chủ đề)",
    r"\b(?:iklan|postingan|posting|halaman|produk|barang|topik|konten|laman|lapak|artikel)\b[^.!?\n]{0,30}?"
    r"(?:(?:telah|sudah|tidak lagi|tidak|di)?\s?(?:dihapus|ditemukan|tersedia|kedaluwarsa|kadaluarsa|ditutup|dipadam)"
    r"|tidak (?:ada|aktif|wujud)|berakhir)(?<!yang ditemukan)(?<!lagi ditemukan)",
    # Japanese, Korean, Thai.
    r"(?:投稿|ページ|商品|記事|スレッド|トピック|広告|出品|コンテンツ|掲載|作品)[^。！？\n]{0,12}?"
    r"(?:削除され|削除済|見つかりません|見つかりませんでした|存在しません|終了しました|公開を?(?:終了|停止)|ご?利用いただけません|ございません)",
    r"(?:게시물|게시글|페이지|상품|글|문서|광고|매물)[^.!?\n]{0,12}?(?:삭제되|삭제된|찾을 수 없|존재하지 않|판매가? ?종료|만료)",
    r"ไม่พบ(?:หน้า|ประกาศ|สินค้า|กระทู้|เนื้อหา|ข้อมูล)|(?:ประกาศ|กระทู้|สินค้า|โพสต์|หน้า)[^\n]{0,10}?(?:ถูกลบ|หมดอายุ|ไม่มีอยู่|ถูกปิด)",
    # Russian, Spanish, Portuguese, French, German.
    r"(?:объявлени|страниц|тем|товар|сообщени|пост|запис|публикаци)[а-яё]{0,3}[^.!?\n]{0,25}?"
    r"(?:удал[её]н|не найден|снят|не существует|больше не|устарел|заблокирован)",
    r"(?:anuncio|página|producto|publicación|tema|artículo)[^.!?\n]{0,25}?(?:no (?:existe|encontrad|está disponible)|eliminad|ha (?:expirado|caducado|sido))",
    r"(?:anúncio|página|produto|publicação|tópico|item)[^.!?\n]{0,25}?(?:não (?:existe|encontrad|está (?:mais )?disponível)|removid|excluíd|expirou|expirad)",
    r"(?:annonce|page|produit|sujet|article|publication)[^.!?\n]{0,25}?(?:n['’]existe (?:pas|plus)|introuvable|supprimée?|n['’]est plus|a expiré|expirée?)",
    r"(?:anzeige|seite|artikel|beitrag|thema|angebot|inserat)[^.!?\n]{0,25}?(?:nicht (?:mehr )?(?:gefunden|verfügbar|vorhanden|existiert)|existiert nicht|gelöscht|abgelaufen|deaktiviert|entfernt)",
)
_GONE = re.compile("|".join(f"(?:{p})" for p in _PHRASES), re.IGNORECASE)
_BOXES = (
    *(
        "messagetext",
        "message_content",
        "message",
        "errormessage",
        "error_message",
        "error-page",
        "error_page",
    ),
    *("errorbox", "error_info", "notfound", "not-found", "err404", "error404", "alert_error", "alert_info"),
    *("blockmessage--error",),
)
"""Ids and classes of the boxes in which boards speak themselves."""
_STUBS = ("removed", "deleted", "tombstone")
"""Classes of what stands in place of a whole topic, or of one reply in a living one."""
_NAMED = re.compile(r"<[a-z][^<>]{0,150}?\b(?:id|class)\s*=\s*[\"']?[^\"'<>]{0,100}\Z")
"""The markup before a name, when the name stands in an id or a class."""
_WHOLE = re.compile(
    r"^\W*(?:(?:sorry|this|the|that|your|该|此|本|這個|这个|抱歉|maaf|chủ đề|tin)\W*){0,2}"
    r"(?:topic|thread|listing|ad|advert|advertisement|item|product|posting|offer|discussion|auction|classified"
    r"|主题|主題|商品|信息|广告|廣告|宝贝|贴子|chủ đề|tin đăng|này|đăng|iklan|topik|thema|annonce|anuncio)",
    re.IGNORECASE,
)
"""Words of a stub that speak of the whole topic; a removed reply says "post", "reply", "comment"."""


def soft_404(response: Response, title: str = "") -> bool:
    """Whether a page answered 200 only to say that its post is gone.

    title: the post's title as known, or "". Pages in Chinese, English, Vietnamese,
    Indonesian, Japanese, Korean, Thai, Russian, Spanish, Portuguese, French and German.
    """
    if response.status != 200 or not is_markup(response):
        return False
    page, known = glance(response), _folded(title)
    if any(says_gone(_less(text, known)) for text in _prominent(page)):
        return True
    seen = _folded(page.text)
    if len(known) >= _KNOWN_CHARS:
        return known not in seen and len(seen) <= SHORT_CHARS and says_gone(seen)
    return len(seen) <= BARE_CHARS and says_gone(seen)


def says_gone(text: str) -> bool:
    """Whether `text` (a heading, a short page) says that something was deleted or cannot be found."""
    return _GONE.search(text[: 2 * SHORT_CHARS]) is not None


def _prominent(page: Glance) -> tuple[str, ...]:
    """Where a site speaks for itself: title, main headings, message boxes, stubs of whole topics."""
    boxes = _inside(page, _BOXES)
    stubs = [text for text in _inside(page, _STUBS) if _WHOLE.search(text)]
    return (page.title[:_TITLE_CHARS], *(h[:_TITLE_CHARS] for h in page.headings), *boxes, *stubs)


def _inside(page: Glance, names: tuple[str, ...]) -> list[str]:
    """The beginnings of the texts of elements that bear one of `names` as id or class."""
    texts = []
    for name in names:
        at = page.lower.find(name)
        for _ in range(_TRIES):
            if at < 0:
                break
            end = at + len(name)
            if page.lower[end : end + 1] in _NAME_ENDS and _NAMED.search(page.lower[max(0, at - 300) : at]):
                inner = page.source[end : end + _BOX_CHARS].partition(">")[2]
                texts.append(without_tags(inner)[:_TITLE_CHARS])
            at = page.lower.find(name, end)
    return texts


def _less(text: str, known: str) -> str:
    """`text` without the post's own title, whose words are the seller's."""
    folded = _folded(text)
    return folded.replace(known, " ") if len(known) >= _KNOWN_CHARS else folded


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
