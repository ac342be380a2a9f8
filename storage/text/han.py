"""Chinese characters in other shapes: radicals that pass for them, lookalikes, parts, and bopomofo.

Sources: EquivalentUnifiedIdeograph (Unicode 15) for the radicals that NFKC leaves alone; the bopomofo
table of ISO 7098's Hanyu Pinyin; how characters of animals and parts of them are taken apart is written
down here, for those that stand in the lexicon. Pure tables.
"""

from __future__ import annotations

import re


def _drawn_like(text: str) -> dict[int, str]:
    """Table from pairs of characters: what is written, what it passes for."""
    return {ord(pair[0]): pair[1] for pair in text.split()}


def _sounds(text: str) -> dict[str, str]:
    """Table from pairs parted by a colon: bopomofo, pinyin."""
    return {pair.partition(":")[0]: pair.partition(":")[2] for pair in text.split()}


RADICALS = _drawn_like(
    "⺁厂 ⺄乙 ⺅亻 ⺆冂 ⺈刀 ⺉刂 ⺊卜 ⺌小 ⺍小 ⺎兀 ⺐尢 ⺒巳 ⺓幺 ⺖忄 ⺘扌 ⺙攵 ⺛旡 ⺝月 ⺞歺 "
    "⺟母 ⺠民 ⺡氵 ⺢氺 ⺣灬 ⺥爫 ⺦丬 ⺧牛 ⺨犭 ⺩王 ⺫目 ⺬示 ⺭礻 ⺮竹 ⺯糹 ⺰纟 ⺲罒 ⺶羊 ⺷羊 "
    "⺹耂 ⺻聿 ⺼肉 ⺽臼 ⺾艹 ⺿艹 ⻀艹 ⻁虎 ⻂衤 ⻃覀 ⻄西 ⻅见 ⻆角 ⻇角 ⻈讠 ⻉贝 ⻊足 ⻋车 ⻌辶 "
    "⻍辶 ⻎辶 ⻏邑 ⻐钅 ⻑長 ⻓长 ⻔门 ⻖阝 ⻗雨 ⻘青 ⻙韦 ⻚页 ⻛风 ⻜飞 ⻝食 ⻟飠 ⻠饣 ⻢马 ⻣骨 "
    "⻤鬼 ⻥鱼 ⻦鸟 ⻧卤 ⻨麦 ⻩黄 ⻪黾 ⻬齐 ⻭歯 ⻮齿 ⻰龙 ⻱龜 ⻲亀 ⻳龟"
)
"""Radicals of the supplement block as the characters they are drawn like."""

LOOKALIKES = _drawn_like("枒牙 犽牙 乕虎 虝虎 曱甲 屮山 甪角 厺去")
"""Rare characters that pass for, or once were, the usual ones of names in this trade."""

PARTS = {
    "玳": "王代", "瑁": "王冒", "犀": "尸牛", "胆": "月旦", "豹": "豸勺", "麝": "鹿射", "砗": "石车",
    "磲": "石渠", "珊": "王册", "瑚": "王胡", "鹤": "隺鸟", "顶": "丁页", "红": "纟工", "猛": "犭孟",
    "犸": "犭马", "鳞": "鱼粦", "鲸": "鱼京", "虎": "虍几", "掌": "尚手", "熊": "能灬", "酒": "氵酉",
    "粉": "米分", "胶": "月交", "雕": "周隹", "蜂": "虫夆", "猴": "犭侯", "狐": "犭瓜", "狮": "犭师",
    "猫": "犭苗", "棱": "木夌", "鳖": "敝鱼", "牦": "牛毛", "羚": "羊令", "沉": "氵冗", "檀": "木亶",
    "梳": "木㐬", "镯": "钅蜀",
}  # fmt: skip
"""Characters taken apart, side by side, as is written to hide them."""

_INITIALS = _sounds(
    "ㄅ:b ㄆ:p ㄇ:m ㄈ:f ㄉ:d ㄊ:t ㄋ:n ㄌ:l ㄍ:g ㄎ:k ㄏ:h ㄐ:j ㄑ:q ㄒ:x "
    "ㄓ:zh ㄔ:ch ㄕ:sh ㄖ:r ㄗ:z ㄘ:c ㄙ:s"
)
_FINALS = _sounds(
    ":i ㄚ:a ㄛ:o ㄜ:e ㄝ:e ㄞ:ai ㄟ:ei ㄠ:ao ㄡ:ou ㄢ:an ㄣ:en ㄤ:ang ㄥ:eng ㄦ:er ㄧ:i ㄧㄚ:ia "
    "ㄧㄝ:ie ㄧㄠ:iao ㄧㄡ:iu ㄧㄢ:ian ㄧㄣ:in ㄧㄤ:iang ㄧㄥ:ing ㄨ:u ㄨㄚ:ua ㄨㄛ:uo ㄨㄞ:uai "
    "ㄨㄟ:ui ㄨㄢ:uan ㄨㄣ:un ㄨㄤ:uang ㄨㄥ:ong ㄩ:u ㄩㄝ:ue ㄩㄢ:uan ㄩㄣ:un ㄩㄥ:iong"
)
_ALONE = _sounds(
    "ㄧ:yi ㄧㄚ:ya ㄧㄝ:ye ㄧㄠ:yao ㄧㄡ:you ㄧㄢ:yan ㄧㄣ:yin ㄧㄤ:yang ㄧㄥ:ying ㄨ:wu ㄨㄚ:wa "
    "ㄨㄛ:wo ㄨㄞ:wai ㄨㄟ:wei ㄨㄢ:wan ㄨㄣ:wen ㄨㄤ:wang ㄨㄥ:weng ㄩ:yu ㄩㄝ:yue ㄩㄢ:yuan "
    "ㄩㄣ:yun ㄩㄥ:yong"
)
BOPOMOFO = r"(?=[\u3105-\u3129])[\u3105-\u3119]?[\u3127-\u3129]?[\u311a-\u3126]?[\u02ca\u02c7\u02cb\u02d9]?"
"""One syllable, with its tone."""
_SYLLABLE = re.compile(r"([\u3105-\u3119]?)([\u311a-\u3129]*)")


def pinyin_of(syllable: str) -> str:
    """A syllable of bopomofo in pinyin without its tone; as it is where it is none."""
    found = _SYLLABLE.match(syllable)
    initial, final = found.groups() if found else ("", "")
    if not initial:
        return _ALONE.get(final) or _FINALS.get(final) or syllable
    return _INITIALS[initial] + _FINALS.get(final, "")
