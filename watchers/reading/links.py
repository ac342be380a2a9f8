"""Addresses as they stand in pages: made absolute, freed of noise, reduced to the post they name.

A post's id must survive edits of its title, session ids, page numbers and links to its
last answer. Where the program of the site is known by the shape of its addresses, the
number it gives the topic is the id; elsewhere the path is, because a guess that joined
two posts would lose one of them. Pure; never raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

LONGEST_URL = 4_000
"""Characters of an address; longer ones are data, not links."""

_NUMBER = r"[1-9]\d{0,9}"
# What forum and shop programs put into the path; `id` is the number of the topic, advert or article.
_SHAPES = tuple(
    re.compile(shape, re.IGNORECASE)
    for shape in (
        rf"/(?P<word>t)/(?:[^/]*[^\d/][^/]*/)?(?P<id>{_NUMBER})(?:/[\w-]*)*/?$",  # Discourse, Misago
        rf"(?<!/forums)/(?P<word>topics?)/(?P<id>{_NUMBER})(?:[-/][^/]*)*/?$",  # NodeBB, FlaskBB, IPS, Spirit
        rf"/forum/[^/]*-{_NUMBER}/(?P<word>topic)/[^/]*-(?P<id>{_NUMBER})/?$",  # django-machina
        rf"/(?P<word>d|discussions?)/(?P<id>{_NUMBER})(?:[-/][^/]*)*/?$",  # Flarum, Vanilla
        rf"/(?P<word>threads)/(?:[^/]*\.)?(?P<id>{_NUMBER})(?:/[^/]*)*/?$",  # XenForo
        rf"/(?P<word>thread)-(?P<id>{_NUMBER})(?:-[\w-]+)?\.html?$",  # Discuz!, MyBB
        rf"/(?P<word>topic),(?P<id>{_NUMBER})\.[\w.]*(?:\.html?)?$",  # SMF
        rf"/(?P<word>catalogue)/[^/]*_(?P<id>{_NUMBER})/?$",  # django-oscar
        r"/(?P<word>d)/[^/]+/(?P<id>[1-9]\d{8,11})\.html$",  # Craigslist
        rf"/viewtopic\.php/(?P<word>t)/(?P<id>{_NUMBER})$",
    )
)
# Parameters that name a topic whatever stands beside them, the most telling first.
_TOPIC = ("tid", "threadid", "topic_id", "showtopic", "topic", "t")
_TOPIC_VALUE = re.compile(rf"({_NUMBER})(?:\.[\w.]*|-.*)?(?:;|$)")
_VBULLETIN = re.compile(rf"({_NUMBER})-[^=]*$")
_TOPIC_SCRIPT = re.compile(
    r"(?:viewtopic|showthread|viewthread|forum|redirect|thread|topic|misc|forumdisplay|index)\.php$|/$",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"(?:utm_\w+|fbclid|gclid|yclid|msclkid|mc_[ce]id|_ga|_gl|igshid|spm|scm|"
    r"sid|sess\w*|session_?id|php\w*sess\w*|jsessionid|aspsessionid\w*|token|csrf\w*|_?nonce|"
    r"sort\w*|order\w*|filter\w*|extra|hl(?:ight)?|highlight|style|theme|share|replytocom|"
    r"rand(?:om)?|_+|ts|timestamp|cachebust\w*|lang|locale)",
    re.IGNORECASE,
)
_FROM_WHERE = re.compile(r"(?:from|src|source|ref|referr?er|via|position|pos|rank)", re.IGNORECASE)
_REFERENCE = re.compile(r"[A-Za-z]{0,4}-?\d{3,}")
_MANNER = re.compile(
    r"(?:get)?(?:last|latest|new|newest|unread|first)(?:_?(?:post|comment|reply))?s?|findpost|reply|quote|share|print",
    re.IGNORECASE,
)
_PAGING = re.compile(
    r"(?:page\w*|paged|pg|start|offset|skip|st|pp|limit|per_?page|cpage|from_?page)", re.IGNORECASE
)
# A known value of these names the thing itself, not the way to look at it.
_NAMING = re.compile(
    r"(?:p|pid|post\w*|id|\w+_?id|a(?:d|rticle|nnonce)?|item|goods|product|offer|lot|mod)", re.IGNORECASE
)
_TAIL = re.compile(
    r"/(?:page[-/]?\d+|p\d+|last(?:post|_post|reply)?|latest|unread|newest|new|goto|first_?post|post-\d+|"
    r"comment-page-\d+|feed|amp|print|index\.(?:html?|php|aspx?))/?$",
    re.IGNORECASE,
)
_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?#;]*", re.IGNORECASE)
_PEOPLE = r"(?:users?|members?|profile|author|people|u|uid|space|accounts?|sellers?|memberlist|~)"
# Within a title made into an address ("best-seller-of-old") a word says nothing of where that leads.
PERSON_PATH = re.compile(
    rf"(?:^|[/?&;._=]){_PEOPLE}(?=[/?&;=._-]|$)|(?:^|[/?&;=.])[a-z]+-{_PEOPLE}(?=[/?&;=.]|-\d+(?:[/.]|$)|$)|-uid-\d|/@",
    re.IGNORECASE,
)
"""Where the pages about people stand in an address."""
_SLASHES = re.compile(r"/{2,}")
_MARK = re.compile(r"[\x00-\x20\x7f]+")


@lru_cache(maxsize=2_048)
def absolute(base: str, link: str) -> str:
    """`link` against `base`, or "" when it is no http address. White space and control marks go."""
    link = link.strip()
    if (
        not link
        or len(link) > LONGEST_URL
        or link.startswith(("#", "javascript:", "data:", "mailto:", "tel:"))
    ):
        return ""
    try:
        url = urljoin(base, _MARK.sub("", link) if _MARK.search(link) else link)
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return ""
    return url if sound else ""


def tidy_url(url: str) -> str:
    """An absolute address without fragment, session ids and trackers: what is fetched and shown.

    A fragment that is a route of its own (`#!/ad/1`, `#/ad/1`) stays.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    query = parts.query
    if query:
        kept = [pair for pair in query.split("&") if not _is_tracker(pair)]
        query = "&".join(kept)
    path = _SESSION.sub("", parts.path) if ";" in parts.path else parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, query, _route(parts.fragment)))


_TRACKER = re.compile(
    r"(?:utm_\w+|fbclid|gclid|yclid|msclkid|mc_[ce]id|_ga|_gl|igshid|spm|sid|phpsessid|jsessionid|aspsessionid\w*)=",
    re.IGNORECASE,
)


def _is_tracker(pair: str) -> bool:
    # vBulletin and others write the session as s=<32 hex digits>; a shorter `s` may be a search.
    return bool(_TRACKER.match(pair)) or (
        pair[:2] == "s=" and re.fullmatch(r"s=[0-9a-fA-F]{16,}", pair) is not None
    )


def _route(fragment: str) -> str:
    return fragment if fragment[:1] in ("!", "/") and len(fragment) > 2 else ""


@lru_cache(maxsize=4_096)
def post_id(url: str, home: str = "") -> str:
    """The name of the post behind an absolute address: equal for every link to the same post.

    home: the page it stands on; on that host (with or without www.) the host is left out,
    so that a move to https or www changes no id.
    """
    try:
        parts = urlsplit(url)
        host, at_home = _host(parts), _host(urlsplit(home)) if home else ""
    except ValueError:
        return url
    path = _SLASHES.sub("/", _SESSION.sub("", unquote(parts.path))) or "/"
    name = _by_query(path, parts.query) or _by_shape(path) or _by_path(path, parts.query)
    name += "#" + route if (route := _route(parts.fragment)) else ""
    return name if host == at_home else f"{host}{name}"


def _host(parts: SplitResult) -> str:
    return parts.netloc.lower().rpartition("@")[2].removeprefix("www.")


def _by_query(path: str, query: str) -> str:
    """A topic named by its parameter: viewtopic.php?f=2&t=7&start=20 is t=7."""
    if not query or not _TOPIC_SCRIPT.search(path):
        return ""
    first = query.split("&", 1)[0]
    if "/" in first and (shaped := _by_shape("/" + first.lstrip("/"))):  # index.php?threads/title.7/
        return path + "?" + shaped
    pairs = dict(parse_qsl(query, keep_blank_values=True)) if query.count("&") < 100 else {}
    for name in _TOPIC:
        if found := _TOPIC_VALUE.match(pairs.get(name, "")):
            return f"{_SLASHES.sub('/', path)}?{name}={found[1]}"
    # vBulletin 4: showthread.php?7-title
    if found := _VBULLETIN.match(first):
        return f"{path}?{found[1]}"
    return ""


def _by_shape(path: str) -> str:
    for shape in _SHAPES:
        if found := shape.search(path):
            return f"{path[: found.start()]}/{found['word'].lower()}/{found['id']}"
    return ""


def _by_path(path: str, query: str) -> str:
    """The path without page numbers, and of the query what names the thing."""
    while shorter := _TAIL.search(path):
        if shorter.start() == 0:
            break
        path = path[: shorter.start()]
    path = path.rstrip("/") or "/"
    kept = _telling(query)
    return f"{path}?{kept}" if kept else path


def _is_noise(name: str, value: str) -> bool:
    """Whether a parameter says how the thing is looked at, not which thing."""
    if _NOISE.fullmatch(name) or _MANNER.fullmatch(value) or (name == "s" and len(value) >= 16):
        return True
    if _PAGING.fullmatch(name):
        return value.isdigit()
    return bool(_FROM_WHERE.fullmatch(name)) and not _REFERENCE.fullmatch(value)


def _telling(query: str) -> str:
    if not query or query.count("&") >= 100:
        return query[:LONGEST_URL]
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(k, v) for k, v in pairs if not _is_noise(k, v)]
    naming = [(k, v) for k, v in kept if _NAMING.fullmatch(k)]
    return urlencode(sorted(naming or kept))
