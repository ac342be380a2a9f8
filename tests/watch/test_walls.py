"""Walls and "gone" pages told from ordinary ones, on bodies as such systems send them."""

# ruff: noqa: E501  pages are kept in the form they came

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.model import Hop, Response
from watchers.gone import says_gone
from watchers.walls import soft_404, wall

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
PROSE = (
    "A carved bangle from my grandmother's estate, in its old box, with the receipt. Pick-up in town or by post. "
    * 14
)
ZH_PROSE = (
    "老料手串一条，包浆好，盘玩多年，孔道完整，尺寸见图，喜欢的私聊，可小刀，非诚勿扰，同城可面交。" * 25
)


def page(
    body: str | bytes,
    *,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),),
    url: str = "https://market.example/item/1",
    asked: str = "",
) -> Response:
    hops = (Hop(url=asked, status=302, location=url),) if asked else ()
    return Response(
        url=url,
        requested_url=asked or url,
        status=status,
        headers=headers,
        body=body.encode() if isinstance(body, str) else body,
        hops=hops,
        started_at=NOW,
        first_byte_at=NOW,
        ended_at=NOW,
    )


def html(title: str, body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><meta charset=utf-8><title>{title}</title>{head}</head><body>{body}</body></html>"


CLOUDFLARE = html(
    "Just a moment...",
    '<div class="main-wrapper"><div class="main-content"><noscript><div class="h2"><span id="challenge-error-text">Enable JavaScript and cookies to continue</span></div></noscript></div></div>'
    "<script>(function(){window._cf_chl_opt={cvId:'3',cZone:'market.example',cType:'managed'};}());</script>",
    '<meta name="robots" content="noindex,nofollow"><meta http-equiv="refresh" content="390">',
)
CLOUDFLARE_BLOCK = html(
    "Attention Required! | Cloudflare",
    '<div id="cf-wrapper"><div class="cf-alert cf-alert-error" id="cookie-alert">Please enable cookies.</div><div id="cf-error-details" class="cf-error-details-wrapper"><h1>Sorry, you have been blocked</h1><h2>You are unable to access market.example</h2></div></div>',
    '<link rel="stylesheet" href="/cdn-cgi/styles/cf.errors.css">',
)
DATADOME = "<html lang=\"en\"><head><title>market.example</title><style>#cmsg{animation: A 1.5s;}</style></head><body style=\"margin:0\"><p id=\"cmsg\">Please enable JS and disable any ad blocker</p><script data-cfasync=\"false\">var dd={'rt':'c','cid':'AHrlqAAAAAMA','hsh':'7','t':'fe','host':'geo.captcha-delivery.com'}</script><script src=\"https://ct.captcha-delivery.com/c.js\"></script></body></html>"
PERIMETERX = html(
    "Access to this page has been denied",
    '<section class="container"><div class="customer-logo-wrapper"></div><div class="page-title-wrapper"><h1>Please verify you are a human</h1></div><div id="px-captcha"></div></section><script>window._pxAppId = "PXabc";</script>',
)
AKAMAI = '<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \nYou don\'t have permission to access "http&#58;&#47;&#47;market&#46;example&#47;" on this server.<P>\nReference&#32;&#35;18&#46;2f\n<P>\nhttps&#58;&#47;&#47;errors&#46;edgesuite&#46;net&#47;18\n</BODY>\n</HTML>\n'
RECAPTCHA = html(
    "Robot Check",
    "<h4>Enter the characters you see below</h4><p>Sorry, we just need to make sure you're not a robot.</p><form><div class='g-recaptcha' data-sitekey='6Lx'></div></form>",
)
HCAPTCHA = html(
    "One more step", "<form><div class='h-captcha' data-sitekey='x'></div><button>Go on</button></form>"
)
ALIBABA = '<html><head><meta charset="utf-8"><title>验证码拦截</title></head><body><div id="nocaptcha"></div><div class="warnning-text">亲，请拖动下方滑块完成验证</div><script>window._config_={"action":"captcha","url":"https://h5.market.example/_____tmd_____/punish?x5secdata=xdb"}</script></body></html>'
ACW = "<html><script>\nvar arg1='3AB0A1E1F4A3B7';var _0x4818=['csK'];function setCookie(name,value){document.cookie=name+'='+value;location.reload();}setCookie('acw_sc__v2', x);</script></html>"
BAIDU = html(
    "百度安全验证",
    '<div class="timeout hide"><div class="timeout-img"></div><div class="timeout-title">网络不给力，请稍后重试</div></div>',
    '<script src="https://wappass.baidu.com/static/captcha/tuxing.js"></script>',
)
GEETEST = html(
    "访问验证",
    '<div id="embed-captcha"></div><script src="https://static.geetest.com/static/tools/gt.js"></script>',
)
SLIDER = html("网站", "<p>为了您的账号安全，请先完成滑块验证</p><div id=slider></div>")
DISCUZ_LOGIN = html(
    "提示信息 -  收藏论坛 -  Powered by Discuz!",
    '<div id="nv"><ul>' + "<li><a href='forum-1.html'>版块导航链接文字</a></li>" * 60 + "</ul></div>"
    '<div id="messagetext" class="alert_info"><p>抱歉，您尚未登录，没有权限访问该版块</p></div><div id="messagelogin"></div>'
    "<script>ajaxget('member.php?mod=logging&action=login&infloat=yes&frommessage', 'messagelogin');</script>",
)
PHPBB_LOGIN = html(
    "Collectors - Login",
    '<div class="panel"><div class="content"><h2 class="login-title">Login</h2><p>The board requires you to be registered and logged in to view this forum.</p><dl><dt>Password:</dt><dd><input type="password" name="password"></dd></dl></div></div>',
)
ZH_LOGIN = html(
    "登录 - 古玩城",
    '<form><input name="u" placeholder="手机号"><input type="password" name="p"><button>登录</button></form>',
)
SEE_AFTER_LOGIN = html("帖子", "<p>内容登录后可见</p><a href='/login'>登录</a>")
PLEASE_LOG_IN = html("Members only", "<h1>Members only</h1><p>Please log in to view this page.</p>")
SINA = "<!DOCTYPE html><html><head><title>Sina Visitor System</title></head><body><span id='message'></span><script>visitor()</script></body></html>"
ANUBIS = html(
    "Making sure you&#39;re not a bot!",
    '<h1>Making sure you&#39;re not a bot!</h1><script id="anubis_challenge" type="application/json">{}</script><p>Loading...</p>',
)
IMPERVA = '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX, NOFOLLOW"></head><body style="margin:0px;height:100%"><iframe id="main-iframe" src="/_Incapsula_Resource?SWUDNSAI=31&xinfo=9" frameborder=0 width="100%">Request unsuccessful. Incapsula incident ID: 12-34</iframe></body></html>'
F5 = "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult with your administrator.<br><br>Your support ID is: 123<br><br><a href='javascript:history.back();'>[Go Back]</a></body></html>"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (CLOUDFLARE, 403, "challenge"), (CLOUDFLARE, 503, "challenge"), (CLOUDFLARE, 200, "challenge"),
        (CLOUDFLARE_BLOCK, 403, "forbidden"), (DATADOME, 403, "captcha"), (DATADOME, 200, "captcha"),
        (PERIMETERX, 403, "captcha"), (PERIMETERX, 200, "captcha"), (AKAMAI, 403, "forbidden"),
        (RECAPTCHA, 200, "captcha"), (HCAPTCHA, 200, "captcha"), (ALIBABA, 200, "captcha"), (ACW, 200, "challenge"),
        (BAIDU, 200, "captcha"), (GEETEST, 200, "captcha"), (SLIDER, 200, "captcha"), (DISCUZ_LOGIN, 200, "login"),
        (PHPBB_LOGIN, 200, "login"), (PHPBB_LOGIN, 403, "login"), (ZH_LOGIN, 200, "login"), (SEE_AFTER_LOGIN, 200, "login"),
        (PLEASE_LOG_IN, 200, "login"), (PLEASE_LOG_IN, 403, "login"), (SINA, 200, "challenge"), (ANUBIS, 200, "challenge"),
        (IMPERVA, 200, "challenge"), (IMPERVA, 403, "challenge"), (F5, 200, "forbidden"), (CLOUDFLARE, 404, "challenge"),
        ("<h1>Unauthorized</h1>", 401, "login"), ("<h1>Forbidden</h1>", 403, "forbidden"), ("", 407, "forbidden"),
        ("<h1>Unavailable For Legal Reasons</h1>", 451, "forbidden"), ("", 403, "forbidden"), ("", 999, "forbidden"),
    ],
)  # fmt: skip
def test_a_wall_is_recognised(body: str, status: int, kind: str) -> None:
    found = wall(page(body, status=status))
    assert found is not None
    assert found.kind == kind
    assert found.why


def test_walls_in_legacy_encodings_are_recognised() -> None:
    headers = (("Content-Type", "text/html; charset=gbk"),)
    assert (
        wall(page(SLIDER.replace("charset=utf-8", "charset=gbk").encode("gbk"), headers=headers)) is not None
    )
    big5 = html("網站", "<p>請完成驗證</p>").replace("charset=utf-8", "charset=big5").encode("big5")
    assert wall(page(big5, headers=(("Content-Type", "text/html; charset=big5"),))) is not None


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ((("cf-mitigated", "challenge"),), 403, "challenge"),
        ((("x-amzn-waf-action", "captcha"),), 405, "captcha"),
        ((("x-amzn-waf-action", "challenge"),), 202, "challenge"),
        ((("X-DataDome", "protected"),), 403, "captcha"),
    ],
)
def test_a_protection_service_that_says_so_in_a_header_is_believed(
    headers: tuple[tuple[str, str], ...], status: int, kind: str
) -> None:
    found = wall(page("", status=status, headers=headers))
    assert found is not None
    assert (found.kind, found.whole_host) == (kind, True)


@pytest.mark.parametrize(
    ("came", "kind"),
    [
        ("https://market.example/login?next=/item/1", "login"),
        ("https://market.example/users/sign_in", "login"),
        ("https://passport.market.example/visitor/visitor?entry=x", "login"),
        ("https://market.example/member.php?mod=logging&action=login", "login"),
        ("https://market.example/ucp.php?mode=login", "login"),
        ("https://login.market.example/member/login.jhtml", "login"),
        ("https://market.example/session/new", "login"),
        ("https://market.example/_____tmd_____/punish?x5step=1", "captcha"),
        ("https://wappass.search.example/static/captcha/tuxing.html", "captcha"),
        ("https://www.search.example/sorry/index?continue=x", "captcha"),
        ("https://sec.market.example/b?r=https", "captcha"),
        ("https://consent.search.example/m?continue=x", "consent"),
    ],
)
def test_a_redirect_to_a_barrier_is_a_wall(came: str, kind: str) -> None:
    found = wall(page(html("x", PROSE), url=came, asked="https://market.example/item/1"))
    assert found is not None
    assert found.kind == kind


ORDINARY = {
    "a login link": html("Bangle", f"<a href='/login'>Log in</a> <a href='/register'>Register</a><p>{PROSE}</p>"),
    "a short advert with a login link": html("Bangle - Market", "<a href='/login'>Log in</a><h1>Bangle</h1><p>Old, 120 g, 300 EUR, no shipping. Message me.</p><p>You must be logged in to reply.</p>"),
    "a captcha in the comment form": html("Bangle", f"<p>{PROSE}</p><form><div class='g-recaptcha' data-sitekey='6L'></div></form><script src='https://www.google.com/recaptcha/api.js'></script>"),
    "a short advert with a captcha in its contact form": html("Bangle", "<h1>Bangle</h1><p>Old, 120 g, 300 EUR. Cash only, pick-up at the market on Saturday, ask for the man with the grey hat at the third stall, or write.</p><form><textarea></textarea><div class='h-captcha'></div><button>Send message</button></form><script src='https://hcaptcha.com/1/api.js'></script>"),
    "Cloudflare's script in an ordinary page": html("Bangle", f"<p>{PROSE}</p><script>a.src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'</script>"),
    "DataDome's script in an ordinary page": html("Bangle", f"<p>{PROSE}</p><script src='https://js.datadome.co/tags.js'></script>"),
    "a Discuz thread for guests": html("老料手串 - 收藏论坛", f"<h1>老料手串</h1><td class='t_f' id='postmessage_1'>{ZH_PROSE}</td><div class='pt'>您需要登录后才可以回帖 <a href='member.php?mod=logging&action=login'>登录</a> | 立即注册</div>"),
    "a short Discuz thread for guests": html("老料手串 - 收藏论坛 - Powered by Discuz!", "<h1>老料手串</h1><td class='t_f' id='postmessage_1'>出老料手串一条，私聊，图在下面。价格好商量，非诚勿扰，只走平台，谢谢各位老师支持。</td><div>您需要登录后才可以回帖 登录 | 立即注册</div>"),
    "a hidden part in a post": html("老料手串", f"<p>{ZH_PROSE}</p><div class='locked'>游客，本帖隐藏的内容需要登录后可见</div>"),
    "an advert that offers captcha solving": html("Captcha solving service, cheap", "<h1>Captcha solving service</h1><p>I solve any captcha, hcaptcha and slider, 1 USD per thousand. Write to me on the messenger, I answer at night. Also log in help. Fast and discreet, many happy customers, ask for references.</p>"),
    "an article on security": html("安全验证的历史", f"<h1>安全验证的历史</h1><p>{ZH_PROSE}安全验证 滑块验证</p>"),
    "forbidden fruit": html("Forbidden fruit for sale", "<p>Fresh from the garden.</p>"),
    "a door advert": html("Входная дверь", "<p>Продам входную дверь, б/у.</p><form><input type=password></form>"),
    "an empty body": "",
    "a short greeting": html("Hello", "<p>Hello</p>"),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_page_is_no_wall(name: str) -> None:
    assert wall(page(ORDINARY[name])) is None


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_page_does_not_say_that_it_is_gone(name: str) -> None:
    assert not soft_404(page(ORDINARY[name]), "")


def test_a_redirect_within_the_site_is_no_wall() -> None:
    moved = page(
        html("Bangle", PROSE),
        url="https://market.example/item/1/bangle",
        asked="https://market.example/item/1",
    )
    assert wall(moved) is None
    to_login = page(html("Log in", PROSE), url="https://m.example/login/", asked="https://m.example/login")
    assert wall(to_login) is None


@pytest.mark.parametrize("status", [200, 204, 304, 404, 410, 500, 502])
def test_a_plain_status_is_no_wall(status: int) -> None:
    assert wall(page("<h1>Something</h1>", status=status)) is None


@pytest.mark.parametrize("kind", ["application/json", "image/jpeg", "application/rss+xml"])
def test_what_is_not_a_page_is_not_searched_for_walls(kind: str) -> None:
    assert wall(page(CLOUDFLARE, headers=(("Content-Type", kind),))) is None


GONE = {
    "Discuz": html("提示信息 -  收藏论坛 -  Powered by Discuz!", "<ul>" + "<li>版块导航链接文字</li>" * 80 + '</ul><div id="messagetext" class="alert_error"><p>抱歉，指定的主题不存在或已被删除或正在被审核</p></div>'),
    "该帖子已被删除": html("该帖子已被删除", "<p>返回首页</p>"),
    "您访问的页面不存在": html("出错啦", "<h1>抱歉，您访问的页面不存在</h1>" + f"<p>{ZH_PROSE}</p>"),
    "商品已下架": html("商品详情", "<div class=tip>该商品已下架</div><a>去首页逛逛</a>"),
    "宝贝不存在": html("很抱歉", "<p>很抱歉，您查看的宝贝不存在，可能已下架或者被转移</p>"),
    "taken by its author": html("贴吧404", "<p>很抱歉，该贴已被删除。</p>"),
    "traditional": html("找不到頁面", "<p>您要找的頁面不存在或已被移除</p>"),
    "微博": html("微博", "<p>抱歉，此微博已被作者删除。</p>"),
    "Topic not found": html("Topic not found - Forum", "<p>The topic you requested does not exist.</p>"),
    "phpBB": html("Information", '<div class="panel" id="message"><div class="inner"><h2 class="message-title">Information</h2><p>The requested topic does not exist.</p></div></div>'),
    "This listing has expired": html("Market", f"<h1>This listing has expired</h1><p>See similar ones below.</p><div>{PROSE}</div>"),
    "no longer available": html("Item no longer available", f"<div>{PROSE}</div>"),
    "a stub in place of a topic": html("老料手串", '<h1>老料手串</h1><div class="post removed"><i>该主题已被管理员 admin7 删除,时间 2026-11-24,原因:违反版规第7条</i></div>'),
    "an English stub": html("Old string", '<h1>Old string</h1><div class="post removed"><i>This topic was removed by admin7 at 02:14.</i></div>'),
    "a Vietnamese stub": html("Vòng", '<h1>Vòng</h1><div class="post removed"><i>Chủ đề đã bị quản trị viên admin7 xóa lúc 02:14.</i></div>'),
    "craigslist": html("craigslist", '<div class="removed"><h2>This posting has been deleted by its author.</h2><h5>(The title on the listings page will be removed in just a few minutes.)</h5></div>'),
    "flagged": html("x", "<h2>This posting has been flagged for removal.</h2>"),
    "the page you were looking for": html("Sorry", "<h1>The page you were looking for doesn't exist.</h1><p>You may have mistyped the address.</p>"),
    "discourse": html("Oops", "<h1>Oops! That page doesn’t exist or is private.</h1>"),
    "404": html("404 Not Found", "<h1>Not Found</h1>"),
    "404 zh": html("404 - 页面找不到", "<p>返回</p>"),
    "vi": html("Thông báo", "<h1>Tin đăng này đã bị xóa hoặc hết hạn</h1>"),
    "vi page": html("Không tìm thấy trang", "<p>Về trang chủ</p>"),
    "id": html("Info", "<h1>Iklan ini sudah dihapus oleh penjual</h1>"),
    "id page": html("Halaman tidak ditemukan", "<p>Kembali</p>"),
    "ja": html("お知らせ", "<h1>お探しのページは見つかりませんでした</h1>"),
    "ja deleted": html("出品", "<p>この商品は削除されました</p>"),
    "ko": html("알림", "<h1>삭제된 게시물이거나 게시물이 존재하지 않습니다</h1>"),
    "th": html("แจ้งเตือน", "<h1>ประกาศนี้ถูกลบแล้ว</h1>"),
    "ru": html("Ошибка", "<h1>Объявление удалено или не найдено</h1>"),
    "es": html("Aviso", "<h1>Este anuncio ya no existe: página no encontrada</h1>"),
    "fr": html("Oups", "<h1>Cette annonce n'existe plus</h1>"),
    "de": html("Hinweis", "<h1>Diese Anzeige ist nicht mehr verfügbar</h1>"),
    "pt": html("Ops", "<h1>Este anúncio não está mais disponível</h1>"),
}  # fmt: skip


@pytest.mark.parametrize("name", GONE)
@pytest.mark.parametrize("title", ["", "Carved bangle, old material"])
def test_a_page_that_says_the_post_is_gone_is_recognised(name: str, title: str) -> None:
    assert soft_404(page(GONE[name]), title)


def test_gone_pages_in_legacy_encodings_are_recognised() -> None:
    body = GONE["Discuz"].replace("charset=utf-8", "charset=gbk").encode("gbk")
    assert soft_404(page(body, headers=(("Content-Type", "text/html"),)), "手串出售")


ALIVE = {
    "a post about an expired listing": ("This listing has expired, so I offer again", html("This listing has expired, so I offer again - Market", f"<h1>This listing has expired, so I offer again</h1><p>{PROSE}</p>")),
    "a short post whose seller writes of deletion": ("页面已删除重发", html("页面已删除重发 - 论坛", "<h1>页面已删除重发</h1><p>上个帖子已被删除，重新发一次。</p>")),
    "a thread with a deleted reply": ("老料手串出售", html("老料手串出售", "<h1>老料手串出售</h1><p>私聊</p><div class=reply>该回复已被删除</div><div>此用户的帖子已被删除</div>")),
    "a thread with the stub of a reply": ("老料手串出售", html("老料手串出售", "<h1>老料手串出售</h1><p>私聊</p><div class='post removed'>该回复已被管理员删除</div><div class='post removed'><i>This post was removed by a moderator.</i></div>")),
    "a side column of ended offers": ("Carved bangle", html("Carved bangle", f"<h1>Carved bangle</h1><p>{PROSE}</p><h3>Similar items</h3><p>This item is no longer available</p>")),
    "an article on deleted adverts": ("", html("Market watch", f"<h1>Market watch</h1><p>{PROSE}</p><p>The listing was removed by the platform after a report.</p>")),
    "a street number": ("", html("Flat at 404 Main Street", "<h1>Flat at 404 Main Street</h1><p>Two rooms.</p>")),
    "a peugeot": ("", html("Peugeot 404 for sale", "<h1>Peugeot 404 for sale</h1><p>Runs well.</p>")),
    "not found elsewhere": ("", html("Rare coin, not found in catalogues", f"<h1>Rare coin, not found in catalogues</h1><p>{PROSE}</p>")),
    "sold but shown": ("Carved bangle", html("Carved bangle [sold]", "<h1>Carved bangle [sold]</h1><p>Sold, thanks.</p>")),
    "nothing in stock": ("", html("Shop", f"<h1>Shop</h1><p>{PROSE}</p>")),
    "a hidden price": ("", html("手串", "<h1>手串</h1><p>价格已隐藏</p>")),
}  # fmt: skip


@pytest.mark.parametrize("name", ALIVE)
def test_a_living_post_is_not_taken_for_gone(name: str) -> None:
    title, body = ALIVE[name]
    assert not soft_404(page(body), title)


def test_a_gone_page_that_names_the_post_is_still_recognised() -> None:
    named = html("Carved bangle - removed", "<h1>Carved bangle: this listing has been removed</h1>")
    assert soft_404(page(named), "Carved bangle")


def test_only_a_200_can_be_a_soft_404() -> None:
    assert not soft_404(page(GONE["404"], status=404))
    assert not soft_404(page(GONE["404"], status=503))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([200, 403, 404, 503]), st.text(max_size=20))
def test_any_bytes_are_read_without_an_error(body: bytes, status: int, title: str) -> None:
    wall(page(b"<html>" + body, status=status))
    soft_404(page(b"<html>" + body, status=status), title)


@pytest.mark.parametrize(
    "piece",
    [
        "<script ",
        "<script>",
        "<!--",
        "<title",
        "<h1>",
        "<",
        "帖子",
        "page ",
        "the page you ",
        "item your ",
        "id=message ",
        "该",
        " a",
        "您访问的",
        "g-recaptcha ",
        "tin ",
        "iklan ",
    ],
)
def test_hostile_pages_are_read_in_linear_time(piece: str) -> None:
    body = html("x", piece * (200_000 // len(piece)))
    began = time.process_time()
    wall(page(body, status=403))
    soft_404(page(body), "some title")
    says_gone(piece * 1_000)
    assert time.process_time() - began < 0.6
