"""The 31 marketplaces: 8 feeds, 6 APIs, 5 channel previews, 8 classifieds, 4 forums.

The mix, the encodings and the faults are those of the specification (domain facts,
section 7). Names are invented. The night is told in the time of `NIGHT_ZONE`.
"""

from __future__ import annotations

from nightmarket.model import Gone, Site, Style

NIGHT_ZONE = "Asia/Shanghai"

_EARLY = ("20:00", "05:00")
"""Window of sites one hour west of the night's zone: it opens at the same instant."""


def _site(
    number: int, name: str, style: Style, language: str, zone: str, *traits: str, **more: object
) -> Site:
    return Site(
        number=number,
        name=name,
        style=style,
        language=language,
        zone=f"Asia/{zone}",
        traits=frozenset(traits),
        **more,  # type: ignore[arg-type]  # a table of differing keys, checked by Site itself
    )


SITES: tuple[Site, ...] = (
    _site(1, "laohuo-feed", Style.RSS, "zh", "Shanghai", "etag-newest", page_size=25),
    _site(2, "gubei-rss", Style.RSS, "zh", "Shanghai", encoding="gbk", page_size=25),
    _site(3, "attic-rss", Style.RSS_SHORT, "en", "Singapore", "etag", page_size=25),
    _site(4, "yoru-rdf", Style.RDF, "ja", "Tokyo", encoding="shift_jis", gone=Gone.GONE, page_size=25),
    _site(
        5,
        "chodem-atom",
        Style.ATOM,
        "vi",
        "Ho_Chi_Minh",
        "blips",
        window=_EARLY,
        gone=Gone.SOFT,
        page_size=25,
    ),
    _site(6, "wanwu-atom", Style.ATOM, "zh", "Shanghai", "broken", page_size=25),
    _site(7, "bazaar-json", Style.JSONFEED, "en", "Kolkata", page_size=25, volume=0.7),
    _site(8, "yeshi-rss", Style.RSS_SHORT, "zh-hant", "Taipei", encoding="big5", lag_s=120.0, page_size=25),
    _site(9, "collectors-talk", Style.DISCOURSE, "en", "Singapore", gone=Gone.EXPLAINED, page_size=30),
    _site(10, "lapak-social", Style.MASTODON, "id", "Jakarta", gone=Gone.GONE, window=_EARLY),
    _site(11, "zahuo-press", Style.WORDPRESS, "zh", "Shanghai", "gzip"),
    _site(12, "swapmeet", Style.LEMMY, "en", "Manila", gone=Gone.STUB),
    _site(13, "erhuo-api", Style.SHOP_API, "zh", "Shanghai", "busy", page_size=30),
    _site(14, "talad-social", Style.MASTODON, "th", "Bangkok", "login", window=_EARLY),
    _site(15, "yemao", Style.TELEGRAM, "zh", "Shanghai", gone=Gone.CARD),
    _site(16, "chotroi", Style.TELEGRAM, "vi", "Ho_Chi_Minh", window=_EARLY, gone=Gone.CARD),
    _site(17, "nightflea", Style.TELEGRAM, "en", "Kuala_Lumpur", gone=Gone.CARD),
    _site(18, "pasarmalam", Style.TELEGRAM, "id", "Jakarta", window=_EARLY, gone=Gone.CARD),
    _site(19, "yuejian", Style.TELEGRAM, "zh-hant", "Hong_Kong", gone=Gone.CARD),
    _site(20, "tongcheng", Style.CLASSIFIED_LD, "zh", "Shanghai", "captcha", gone=Gone.SOFT, pages=2),
    _site(21, "xianhuo", Style.CLASSIFIED, "zh", "Shanghai", encoding="gbk", gone=Gone.HOME, pages=2),
    _site(22, "paimai", Style.CLASSIFIED, "zh-hant", "Taipei", encoding="big5", pages=2),
    _site(23, "kottohin", Style.CLASSIFIED_LD, "ja", "Tokyo", encoding="shift_jis", gone=Gone.GONE, pages=2),
    _site(24, "gumtrunk", Style.CLASSIFIED_LD, "en", "Singapore", "layout", pages=2),
    _site(
        25, "muaban", Style.CLASSIFIED, "vi", "Ho_Chi_Minh", "slow", window=_EARLY, gone=Gone.SOFT, pages=2
    ),
    _site(26, "ganji-old", Style.CLASSIFIED, "zh", "Shanghai", "broken", pages=2),
    _site(
        27,
        "oddlots",
        Style.CLASSIFIED_LD,
        "en",
        "Singapore",
        "br",
        "blips",
        "login",
        pages=2,
        keeps_pictures=False,
    ),
    _site(28, "shoucang-luntan", Style.FORUM, "zh", "Shanghai", encoding="gbk", gone=Gone.EXPLAINED, pages=2),
    _site(29, "carvers-board", Style.BOARD, "en", "Singapore", "blips", gone=Gone.STUB, pages=2),
    _site(30, "diendan", Style.FORUM, "vi", "Ho_Chi_Minh", "down", window=_EARLY, pages=2),
    _site(
        31, "jiuwu-ban", Style.BOARD, "zh-hant", "Hong_Kong", gone=Gone.SOFT, pages=2, keeps_pictures=False
    ),
)
