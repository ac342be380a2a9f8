"""How each messenger is named beside an id, in many languages, and the links that lead to one.

Tables for `contacts`, read by it alone: patterns over a folded text (`normal.fold`), each with what every
match of it begins with, so that a search leaps over the rest. Sources: adverts, the public
spellings of sellers (微信 as V信, 薇信, 卫星), the hosts' own link formats; not checked by native speakers.
"""

from __future__ import annotations

import re

FUNCTION_WORD = re.compile(
    r"about|above|across|after|again|against|along|already|also|although|always|among|another|anyone|"
    r"anything|around|because|been|before|behind|being|below|beside|between|beyond|both|could|does|"
    r"doing|done|down|during|each|either|else|even|ever|every|everyone|everything|except|from|have|"
    r"having|hers|herself|himself|however|into|itself|just|like|many|might|mine|more|most|much|must|"
    r"myself|near|neither|never|next|none|nothing|often|once|onto|other|others|ours|ourselves|over|"
    r"perhaps|same|shall|should|since|some|someone|something|soon|such|than|that|their|theirs|them|"
    r"themselves|then|there|these|they|this|those|though|through|till|together|toward|towards|under|"
    r"unless|until|upon|very|was|were|what|when|whenever|where|wherever|whether|which|while|whoever|"
    r"whom|whose|will|within|without|would|your|yours|yourself"
)
"""English words that join a sentence: after a messenger's name they go on with it ("telegram from me")."""
NOT_IDS = frozenset(
    [
        "only",
        "please",
        "pls",
        "group",
        "channel",
        "number",
        "contact",
        "chat",
        "message",
        "call",
        "text",
        "number",
        "here",
        "below",
        "price",
        "order",
        "photo",
        "photos",
        "pics",
        "video",
        "info",
        "details",
        "me",
        "you",
        "and",
        "the",
        "for",
        "with",
        "now",
        "id",
        "app",
        "web",
        "link",
        "bot",
        "admin",
        *(
            "whatsapp",
            "whatsap",
            "telegram",
            "wechat",
            "weixin",
            "line",
            "signal",
            "viber",
            "zalo",
            "kakao",
            "skype",
        ),
        *("instagram", "facebook", "messenger", "email", "mail", "phone", "mobile", "available", "accepted"),
    ]
)

_ID = r"([a-z0-9][a-z0-9_.\-]{3,31})"
_SPACED = r"([a-z0-9](?:[ .·_\-*~][a-z0-9]){5,19})(?![a-z0-9])"
"""An id whose characters are set apart, so that no search finds it: "m o o n f o x 7 7"."""
SPACED_OUT = re.compile(_SPACED)
_TEL = r"(\+?\(?\d[\d\s().\-]{6,17}\d)"
_OPEN = r"[(\[【〔「『《<“\"]?\s?"
_IS = (
    r"\s*(?:id|🆔|号|號|no\.?|number)?\s*"
    rf"(?:[:=是为@]|：|\s[-–—]\s|\s?[→➡👉]|\s?-?>|\s|(?=[【「『《\[(🆔]))\s*{_OPEN}@?"
)
_SIGN = "[:=是为@/→➡➜>❤♥💚💗👉🍀|~-]"
_GLUE = rf"\s{{0,2}}(?:id|🆔|号|號)?\s{{0,2}}{_SIGN}{{0,2}}\s{{0,2}}{_OPEN}@?"
_B = r"(?<![a-z0-9])"
_AT_WORD = r"(?:\s(?:at|arroba|собака|собачка)\s|\s?(?:\(at\)|\[at\]|\{at\})\s?)"
_DOT_WORD = r"(?:\s(?:dot|punto|ponto|point|точка)\s|\s?(?:\(dot\)|\[dot\]|\{dot\}|\(\.\)|\[\.\])\s?)"
DOT_WORDS = ("dot", "(.)", "[.]", "punto", "ponto", "точка", "point")
"""One of these stands in every address that is said in words."""
_TOPS = "com|net|org|info|biz|cn|ru|su|ua|by|kz|vn|th|jp|kr|hk|tw|my|sg|in|me|io|eu|uk|co|de|fr|es|it|nl|pl"

LINKS = (
    ("telegram", re.compile(r"(?:t|telegram)\.(?:me|dog)/(?:s/|joinchat/)?\+?([a-z0-9_\-]{4,40})")),
    (
        "telegram",  # as it is written where links are not let through
        re.compile(
            rf"{_B}t(?:elegram)?\s?(?:\.|\(dot\)|\[dot\]|\sdot\s)\s?me\s?(?:/|\sslash\s)\s?\+?([a-z0-9_\-]{{4,40}})"
        ),
    ),
    ("telegram", re.compile(r"tg://resolve\?domain=([a-z0-9_]{4,32})")),
    ("whatsapp", re.compile(r"wa\.me/\+?(\d{7,15})")),
    ("whatsapp", re.compile(r"whatsapp\.com/send/?\?phone=\+?(\d{7,15})")),
    ("whatsapp", re.compile(r"chat\.whatsapp\.com/([a-z0-9]{10,30})")),
    ("line", re.compile(r"line\.me/(?:r/)?ti/[pg]2?/~?@?([a-z0-9_.\-]{3,40})")),
    ("line", re.compile(r"lin\.ee/([a-z0-9]{4,20})")),
    ("zalo", re.compile(r"zalo\.me/(?:g/)?([a-z0-9]{6,20})")),
    ("messenger", re.compile(r"(?:m\.me|fb\.com|facebook\.com)/(?!groups|marketplace)([a-z0-9.]{4,50})")),
    ("instagram", re.compile(r"instagram\.com/([a-z0-9_.]{3,30})")),
    ("vk", re.compile(r"vk\.(?:com|me)/(?!wall|market|album|photo|club\d|public\d)([a-z0-9_.]{3,32})")),
    ("snapchat", re.compile(r"snapchat\.com/add/([a-z0-9_.\-]{3,20})")),
    ("kakao", re.compile(r"open\.kakao\.com/o/([a-z0-9]{4,20})")),
    ("discord", re.compile(r"discord\.(?:gg|com/invite)/([a-z0-9]{4,20})")),
)
EMAIL = re.compile(
    r"(?<![a-z0-9._%+\-])[a-z0-9][a-z0-9._%+\-]{0,63}"
    r"(?:(?:@|\[at\]|\(at\))\s?(?:[a-z0-9\-]{1,63}\.){1,4}[a-z]{2,12}"
    rf"|\s(?:@|\[at\]|\(at\))\s?(?:[a-z0-9\-]{{1,63}}\.){{1,4}}(?:{_TOPS}))(?![a-z0-9])"
)
SPOKEN = re.compile(
    rf"(?<![a-z0-9])([a-z0-9][a-z0-9._+\-]{{1,63}}(?:{_DOT_WORD}[a-z0-9]{{1,20}})?){_AT_WORD}"
    rf"([a-z0-9\-]{{2,63}}(?:{_DOT_WORD}[a-z]{{2,6}})?{_DOT_WORD}(?:{_TOPS}))(?![a-z0-9])"
)
"""An address said in words: "tusk dot man at gmail dot com"."""
SPOKEN_AT = re.compile(_AT_WORD)
SPOKEN_REACH = 92
VEILED = re.compile(
    rf"(?<![a-z0-9._%+\-])([a-z0-9][a-z0-9._%+\-]{{0,63}})\s?@\s?"
    rf"([a-z0-9\-]{{2,63}}\s?(?:\(dot\)|\[dot\]|\{{dot\}}|\(\.\)|\[\.\])\s?(?:{_TOPS}))(?![a-z0-9])"
)
"""An address of which only the dot is written out."""
DOT_WORD = re.compile(_DOT_WORD)
AT = re.compile(r"@|\[at\]|\(at\)")
EMAIL_REACH = 66
_WECHAT = (
    r"(?:[微薇威徽溦维魏韦][\s.\-·*_❤]{0,2}(?:信|芯|❤|🧡|💚|💌)|[微薇威]\s?(?:[❤♥💗]|x(?![a-z]))|微(?=[a-z][a-z_\-]{2,15}\d)|wei\s?信|卫星|"
    r"微(?=\s?[:→])|v\s?❤?\s?(?:信|芯|❤)|绿泡泡|绿色软件|"
    rf"(?:加|➕|\+)\s?我?\s?[微薇威v]|[佳嘉伽][微薇威v](?=[\s:=]{{0,3}}[a-z_\-]{{0,15}}\d)|{_B}v(?=\s?[:=]\s?[a-z0-9_\-]*[0-9_])|"
    rf"{_B}(?:[vw]x_(?=[a-z_\-]*\d)|(?:we\s?chat|weixin|[vw]x)_id(?![a-z])|wei\s?xin|we\s?chat|wechat|weixin|vx|wx|wxid|vxin|weichat|v\s?x|w\s?x|[vw][\-._]x(?=\s?:|\s?[a-z_\-]*\d)|v[×✕]))"
)
_ASIDE = r"(?:\s?\((?!\d+\))[^()\n]{0,8}\))?"
"""A remark behind a cue: "(same number)"."""
_WITH = r"(?:\s?[/&+,]\s?[a-zа-яđ]{2,9})*"
"""Further messengers of the same number: "zalo/tele"."""
_FILLER = r"(?:\s(?:me|us|only|number|at|on|me at|me on|номер))?"
_WHATSAPP = (
    rf"(?:{_B}(?:whats\s?app|whatapp|watsapp|wassap|whats|wasap|wapp|wpp|wsp|zap(?:\s?zap)?|w[./]?a|ws)|"
    r"в[ао][тц]+[сц]?\s?[аэ]п+|واتس\s?(?:اب|آب)?|وتساب|왓츠앱|왓챕|ワッツアップ|วอท?แอพ)"
)
_TELEGRAM = (
    rf"(?:{_B}(?:telegram|telegrm|telegr|tele|tg)|电报|纸飞机|飞机号|飞机(?=\s?[:@])|เทเลแกรม|텔레그램|텔레그렘|텔레|"
    r"テレグラム|تي?لي?[جغق]رام|تلگرام|(?<!\w)(?:тг|тгк|телеграмм?|телег[аеу]))"
)
_KAKAO = rf"(?:{_B}kakao(?:\s?talk)?|카톡|카카오톡|깨톡|\u110f\u1110|カカオ(?:トーク)?)"
_LINE = rf"(?:{_B}line|ไลน์|ไลน|ライン|らいん|라인)"
_LAI = r"(?:(?<![依信耍无抵抓])赖(?=\s?(?:id)?\s?[:@])|加\s?赖)"
"""賴, by its sound, is what LINE is called in Taiwan."""
_CUED = (
    ("wechat", re.compile(rf"{_WECHAT}{_ASIDE}{_GLUE}{_SPACED}")),
    ("wechat", re.compile(rf"{_B}we\s?chat\s(?:id|no\.?)\s?[-–—]\s?{_ID}")),
    ("telegram", re.compile(rf"{_TELEGRAM}{_IS}{_SPACED}")),
    ("line", re.compile(rf"{_B}line\s*(?:id)?\s*[:@=]\s*@?{_SPACED}")),
    (
        "wechat",
        re.compile(
            rf"{_WECHAT}(?:同号|同號)?{_ASIDE}{_GLUE}\s*\+?\s*(1[3-9]\d(?:[\s\-]?\d){{8}}|[a-z0-9][a-z0-9_\-]{{4,19}})(?![a-z0-9])"
        ),
    ),
    (
        "wechat",
        re.compile(
            rf"{_WECHAT}(?:私聊|详聊|咨询|联系)\s?:?\s?(?=[a-z_\-]*\d)([a-z0-9][a-z0-9_\-]{{4,19}})(?![a-z0-9])"
        ),
    ),
    (
        "qq",
        re.compile(
            rf"(?:{_B}q\s?q|扣扣|企鹅|球球|秋秋|抠抠|叩叩|{_B}q(?=\s?[:=号群/\-]|\d)|(?<=[\u4e00-\u9fff])q|(?<=[\u4e00-\u9fff]\s)q)"
            rf"\s{{0,2}}(?:群|号|號)?{_ASIDE}\s{{0,2}}[:=是/\-]?\s{{0,2}}"
            r"([1-9](?:\d{4,10}|(?:[ .\-]\d){4,10}))(?!\d)"
        ),
    ),
    ("telegram", re.compile(rf"{_TELEGRAM}{_IS}{_ID}")),
    (
        "telegram",
        re.compile(r"(?<![\w.@/])@([a-z][a-z0-9_]{4,31})\s(?:on|in|via|в)\s(?:telegram|tele|tg|тг|телеге)"),
    ),
    ("whatsapp", re.compile(rf"{_WHATSAPP}{_WITH}{_ASIDE}{_FILLER}{_GLUE}\s*[:.\-–]?\s*{_TEL}")),
    (
        "line",
        re.compile(
            rf"(?:{_B}id line|(?:ไอดี)?ไลน์(?:ไอดี)?|ライン|らいん|라인)\s{{1,2}}(?=[a-z0-9_.\-]*[0-9_]){_ID}"
        ),
    ),
    ("line", re.compile(rf"{_LINE}\s*@?\s*(?:id|🆔|ไอดี)?\s*(?:[:@=→🆔]|\sid\s)\s*@?{_ID}")),
    ("line", re.compile(rf"{_LAI}\s?(?:id)?\s?[:@]?\s?@?{_ID}")),
    (
        "line",  # the English word has a Latin one before it, or no id of letters and digits behind it
        re.compile(
            r"(?<![a-z0-9])(?<![a-z0-9] )(?<![a-z0-9]  )line\s{1,2}"
            rf"(?=[a-z_.\-]*[0-9])(?=[0-9_.\-]*[a-z])(?=\S{{6}}){_ID}"
        ),
    ),
    ("zalo", re.compile(rf"{_B}(?:zalo|zl|da lô){_WITH}{_ASIDE}\s*(?:id|số|em|mình|shop)?\s*[:.]?\s*{_TEL}")),
    ("kakao", re.compile(rf"{_KAKAO}\s*(?:id|아이디)?\s*[:=]?\s*{_ID}")),
    ("signal", re.compile(rf"{_B}signal{_GLUE}\s*{_TEL}")),
    ("signal", re.compile(rf"{_B}signal\s?(?:id)?\s?[:@]\s?@?([a-z][a-z0-9_]{{2,31}}\.\d{{2,3}})(?!\d)")),
    ("viber", re.compile(rf"(?:{_B}viber|вайбер){_GLUE}\s*{_TEL}")),
    ("imo", re.compile(rf"{_B}(?:imo|botim){_GLUE}\s*{_TEL}")),
    ("wickr", re.compile(rf"{_B}(?:wickr|threema|session id)(?:\sme)?{_IS}{_ID}")),
    ("instagram", re.compile(rf"(?:{_B}(?:ig|insta|instagram)|インスタ|인스타|инста)\s*[:@]\s*@?{_ID}")),
    (
        "snapchat",
        re.compile(rf"(?:{_B}snap(?:chat)?\s?(?:id)?\s?[:@]|{_B}snapchat\s|سناب(?:\s?شات)?\s?:?)\s?@?{_ID}"),
    ),
    ("vk", re.compile(rf"(?:{_B}vk|(?<!\w)вк)\s?[:@]\s?@?{_ID}")),
    ("skype", re.compile(rf"(?:{_B}skype|скайп)\s?(?:id)?\s?[:@]\s?(?:live:)?{_ID}")),
    ("kik", re.compile(rf"{_B}kik\s?(?:id)?\s?[:@]\s?@?{_ID}")),
    ("discord", re.compile(rf"{_B}discord\s?(?:id)?\s?[:@]?\s?@?([a-z0-9][a-z0-9_.]{{1,31}}#\d{{4}})(?!\d)")),
)
# How each pattern of `_CUED` begins, or some more; each branch with a character, for which a search leaps.
_BEGINNINGS = {
    "wechat": r"微|薇|威|徽|卫|溦|维|魏|韦|绿|加|佳|嘉|伽|v\s?[信芯❤:=x×✕]|v[\-._]x|w[\s\-._]?x|we|\+|➕",
    "qq": r"q|扣扣|企鹅|球球|秋秋|抠抠|叩叩",
    "telegram": r"tele|tg|电报|纸飞机|飞机|เทเลแกรม|텔레|テレ|ت|тг|теле|@",
    "whatsapp": r"wha|wa|ws|wp|w[./]a|zap|в[ао][тц]|وا?ت|왓|ワッツ|วอ",
    "line": r"id line|line|ไอดีไลน|ไลน|ライン|らいん|라인|赖|加",
    "zalo": r"zalo|zl|da lô",
    "kakao": "kakao|카톡|카카오톡|깨톡|\u110f\u1110|カカオ",
    "signal": "signal",
    "viber": "viber|вайбер",
    "imo": "imo|botim",
    "wickr": r"wickr|threema|session id",
    "instagram": "ig|insta|インスタ|인스타|инста",
    "snapchat": "snap|سناب",
    "vk": "vk|вк",
    "skype": "skype|скайп",
    "kik": "kik",
    "discord": "discord",
}
WORDS = {
    kind: tuple(begun.split("|")) for kind, begun in _BEGINNINGS.items() if re.fullmatch(r"[\w |@]+", begun)
}
"""Of kinds that begin with plain words, these: one of them stands in a text that holds such a contact."""
CUES = tuple((kind, re.compile(_BEGINNINGS[kind]), pattern) for kind, pattern in _CUED)
