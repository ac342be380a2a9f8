"""How sums are written beside their number: signs, multipliers, cues and units, in many languages.

Tables for `prices`. Signs and words are as they look in the folded view (`normal.fold`): lower case,
Chinese simplified. Not checked by native speakers of every language.
"""

from __future__ import annotations

import re

_CURRENCIES = {
    "CNY": "cny rmb 人民币 元 块 块钱 圆 大洋 软妹币 ¥ cn¥ 元整 rmb¥",
    "USD": "usd us$ $ u$ usdt dollars dollar 美元 美金 刀 bucks u dólares dolares dólar đô доллар"
    " долларов доллара долларах баксов бакса دولار usd$",
    "EUR": "eur € euro euros евро يورو 欧元",
    "GBP": "gbp £ pounds quid 英镑",
    "HKD": "hkd hk$ 港币 港元 蚊",
    "TWD": "twd nt$ ntd 台币 新台币 新台幣",
    "JPY": "jpy 円 日元",
    "KRW": "krw ₩ 원 won",
    "VND": "vnd vnđ ₫ đ đồng dong",
    "IDR": "idr rp rp. rupiah",
    "THB": "thb ฿ บาท บ. baht bath",
    "PHP": "php ₱",
    "MYR": "myr rm",
    "SGD": "sgd s$",
    "INR": "inr ₹ rs rs. rupees rupee रुपये",
    "RUB": "rub ₽ руб руб. рублей рубля р. р",
    "ZAR": "zar r rand",
    "KES": "kes kes. ksh ksh. kshs",
    "NGN": "ngn ₦ naira n",
    "TZS": "tzs tsh tsh.",
    "AED": "aed درهم dhs",
    "SAR": "sar ريال",
    "EGP": "egp جنيه",
    "AUD": "aud a$ au$",
    "CAD": "cad c$ ca$",
    "CHF": "chf fr.",
    "BRL": "brl r$ reais",
    "MXN": "mxn mx$ pesos~mexicanos",
    "COP": "cop pesos~colombianos",
    "ARS": "ars pesos~argentinos",
    "CLP": "clp",
    "PEN": "pen s/ s/. soles",
    "PLN": "pln zł",
    "LAK": "lak kip กีบ ₭",
    "KHR": "khr ៛ riel",
    "MMK": "mmk kyat kyats ks ကျပ်",
    "BDT": "bdt ৳ tk taka",
    "KZT": "kzt тенге ₸",
    "UAH": "uah ₴ грн грн.",
    "LKR": "lkr",
    "PKR": "pkr",
    "UGX": "ugx ush",
    "XAF": "xaf fcfa",
    "XOF": "xof cfa f~cfa",
    "": "shillings shilling shilingi pesos peso dinar dinars دينار",
}
CODE = {sign.replace("~", " "): code for code, signs in _CURRENCIES.items() for sign in signs.split()}
"""Currency by sign; "" for words that several countries' money has."""
SIGNS = "|".join(re.escape(sign) for sign in sorted(CODE, key=len, reverse=True))
AFTER_ONLY = ("u", "đ", "р.", "р", "块", "元", "刀", "大洋", "蚊", "บ.")
GROUPED_ONLY = {"r": re.compile(r"\d{1,3}(?:[ ,]\d{3})+"), "n": re.compile(r"\d{1,3}(?:,\d{3})+")}
"""Letters that are money only before a number in groups of three: R 15,000, but no R134."""
GLUED_ONLY = ("к",)
"""Multipliers that are words of their own behind a space."""
BARE = "$¥£"
"""Signs of several countries: a code behind the number says which."""

MULTIPLIERS = {
    "千": 1_000, "仟": 1_000, "k": 1_000, "к": 1_000, "rb": 1_000, "ribu": 1_000, "rebu": 1_000,
    "ngàn": 1_000, "ngan": 1_000, "nghìn": 1_000, "nghin": 1_000, "cành": 1_000,
    "พัน": 1_000, "천": 1_000, "万": 10_000, "w": 10_000, "만": 10_000, "หมื่น": 10_000, "แสน": 100_000,
    "百万": 1_000_000, "tr": 1_000_000, "triệu": 1_000_000, "trieu": 1_000_000, "củ": 1_000_000,
    "jt": 1_000_000,
    "juta": 1_000_000, "ล้าน": 1_000_000, "m": 1_000_000, "mil": 1_000_000, "million": 1_000_000,
    "百": 100, "佰": 100, "rb.": 1_000, "тыс": 1_000, "тыс.": 1_000, "тысяч": 1_000, "тысячи": 1_000,
    "т.р.": 1_000,
    "т.р": 1_000, "тр": 1_000, "млн": 1_000_000, "млн.": 1_000_000, "миллиона": 1_000_000,
    "миллионов": 1_000_000,
    "миллион": 1_000_000, "lakh": 100_000, "lakhs": 100_000, "lac": 100_000, "crore": 10_000_000,
    "crores": 10_000_000, "천만": 10_000_000, "억": 100_000_000, "亿": 100_000_000,
    "tỷ": 1_000_000_000, "tỉ": 1_000_000_000, "miliar": 1_000_000_000,
    "个w": 10_000, "个万": 10_000, "သောင်း": 10_000, "သိန်း": 100_000, "သန်း": 1_000_000,
    "آلاف": 1_000, "الاف": 1_000, "ألف": 1_000, "الف": 1_000, "مليون": 1_000_000,
}  # fmt: skip
THOUSAND = "mil"
"""A thousand in Spanish and Portuguese, short for a million in English: what stands behind it tells."""
OF_A_THOUSAND = frozenset(["pesos", "peso", "dólares", "dolares"])
MONEY_IN_ITSELF = {
    "tr": "VND", "triệu": "VND", "trieu": "VND", "củ": "VND", "cành": "VND", "tỷ": "VND", "tỉ": "VND",
    "jt": "IDR",
    "juta": "IDR", "rb": "IDR", "ribu": "IDR", "rebu": "IDR", "만": "KRW", "ngàn": "VND", "nghìn": "VND",
    "ngan": "VND", "nghin": "VND", "แสน": "THB", "หมื่น": "THB",
    "พัน": "THB", "ล้าน": "THB", "천만": "KRW", "억": "KRW", "lakh": "INR", "lakhs": "INR", "crore": "INR",
    "crores": "INR", "тыс": "RUB", "тыс.": "RUB", "тысяч": "RUB", "тысячи": "RUB", "т.р.": "RUB",
    "т.р": "RUB",
    "သောင်း": "MMK", "သိန်း": "MMK", "သန်း": "MMK",
    "тр": "RUB", "млн": "RUB", "млн.": "RUB", "к": "RUB",
}  # fmt: skip
"""Multipliers that are only said of money, and of whose."""
CUE_CURRENCY = {
    "giá": "VND",
    "harga": "IDR",
    "mahar": "IDR",
    "ราคา": "THB",
    "เปิดที่": "THB",
    **dict.fromkeys(("ဈေး", "စျေး", "သောင်း", "သိန်း", "သန်း"), "MMK"),
    "価格": "JPY",
    "値段": "JPY",
    "가격": "KRW",
}
COUNTING_CUES = {"elfu": 1_000, "laki": 100_000, "သောင်း": 10_000, "သိန်း": 100_000, "သန်း": 1_000_000}
"""Swahili and Burmese say the multiplier first: elfu 20 is 20,000."""
TIMES = "|".join(sorted(map(re.escape, MULTIPLIERS), key=len, reverse=True))
CUES = (
    r"价格?|售价|要价|标价|价钱|特价|底价|开价|卖|只要|出价|price|asking|only|giá|harga|mahar|ราคา|เปิดที่|価格|値段|가격|prix"
    r"|precio|preço|preis|prezzo|цена|السعر|bei(?:\sni)?|elfu|laki|သောင်း|သိန်း|သန်း|ဈေး|စျေး"
)
_UNITS = {
    "g": "/g|/克|一克|每克|per gram|a gram|/gram|/gr|/gam|元克|ต่อกรัม|/กรัม|pergram|กรัมละ|một gram"
    "|le gramme|par gramme"
    "|pro gramm|/gramm|je gramm|el gramo|por gramo|o grama|por grama|al grammo|за грамм|/грамм|/г|per gramm",
    "100g": "/lạng|một lạng|1 lạng|/100g|/100 g|/100克",
    "500g": "/斤|一斤|每斤|/jin",
    "kg": "/kg|/公斤|一公斤|每公斤|per kg|per kilo|a kilo|/kilo|một kg|1kg|perkilo|per kilogram|ต่อกิโล|/กิโล"
    "|กิโลละ|một ký|/ký|1 ký|/кг|за кг|le kilo|el kilo|por kilo|o quilo|al chilo|pro kilo|kwa kilo",
    "piece": "/只|/隻|/个|/個|/颗|/条|/件|/枚|/支|/块|/根|/张|/对|/串|一只|一个|一颗|一条|一件|一枚|一支|一根"
    "|一张|一对|一串|每只|每个|每颗|每条|每串|每对|每件|每支|每根|每张"
    "|each|/pc|/pcs|per piece|a piece|/con|/cái|một con|/ekor|per ekor|ตัวละ|ชิ้นละ|/ตัว|/ชิ้น|/шт|за шт|за штуку"
    "|la pièce|pro stück|la pieza|a peça|cada uno|cada uma",
}
UNIT = {word: unit for unit, words in _UNITS.items() for word in words.split("|")}
PER = "|".join(re.escape(word).replace("/", "/ ?") for word in sorted(UNIT, key=len, reverse=True))
BEFORE_DIGITS = 38
"""Characters of a unit, a cue, a sign and the spaces behind each."""
LETTER = r"a-z\u00df-\u024f\u0400-\u04ff\u1e00-\u1eff"
_MEASURES = "公斤|克|斤|只|个|颗|串|对|件|支|根|张|条|枚"
PRE = rf"[每一](?:{_MEASURES})|(?<![\d.])1(?:{_MEASURES})|กรัมละ|ตัวละ|ชิ้นละ|กิโลละ"
MEASURED = re.compile(
    r"(?:[-~]\d{1,6}(?:\.\d)?)?(?:\s?[x×*]\s?\d|[%:/]\d|%|\s{0,2}(?:kg|mm|cm|g|m|ml|l|克|公斤|斤|厘米|毫米)(?![a-z])"
    r"|多?(?:千克|克拉|两(?![只个条对串件根])|颗|粒|珠|枚|个(?!人)|只|条(?!件)|件|支|根|张|对|串|片|圈"
    r"|公分|分米|米(?!珠)|寸|尺|号|码|年(?!底|末)|月|岁|天(?!然)|小时|分钟|次|人(?!气)|层|瓶|盒))"
)
"""Behind a number: it is a weight, a length, a count or an age ("一串108颗", "一个50克"), no price."""
NEXT = "千|百|k|천만|천|พัน|ngàn|nghìn"
NO_MONEY = re.compile(
    r"\s{0,2}(?:公里|人|粉|号|步|块地|件|单|台|套|米|次|年|岁|条|个|只|头|吨|亩|字|元素|英尺|英里|小时|天|富翁|播放|浏览|阅读|观看|点赞|km|kms"
    r"|miles|follow|view|like|sub|people|tv|monitor|video|lượt|người|orang|คน|км|человек|просмотр|подписч)"
)
