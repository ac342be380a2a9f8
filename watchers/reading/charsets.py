"""Which encoding an undeclared text is in, told from the letters it would have.

Every candidate decodes a sample; the one whose letters are the commonest of its
language wins. General detectors take a line of Shift-JIS or Big5 for Korean, and an
advert is one line; charset-normalizer is asked only when no candidate convinces. Pure.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import cache
from itertools import islice

SAMPLE_BYTES = 32_768
"""How much of a body is looked at."""
LETTER_BYTES = 2_400
"""Bytes beyond ASCII that are weighed, by every candidate: more would not make it surer."""
CONVINCED = 0.4
"""Mean weight of the non-ASCII letters from which a guess is believed."""

_SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多"
    "经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日者意无力它与长把机十民第公此已工使情明性"
    "知全三又关点正业外将两高间由问很最重并物手应向头文体美相见利什二等产或新己制身果加西月话合回特代内信表化老给世位次度门任"
    "常先海通教原东提立及比员解水名真论处走各入几口认条平系气题活更别打女变四神总何电数安少报结反受目太量再建务做接必场件计管"
    "期市直资山金指区保至形社便空展马科司五基书非则听白却界光放强难思王象完设式色路记南品住告类求据程北边交规万取格术确传师清"
    "今售卖买价私微联系议货包邮酒骨牙角串珠转让闲置款元低收藏纯原装"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多"
    "經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日者意無力它與長把機十民第公此已工使情明性"
    "知全三又關點正業外將兩高間由問很最重並物手應向頭文體美相見利什二等產或新己制身果加西月話合回特代內信表化老給世位次度門任"
    "常先海通教原東提立及比員解水名真論處走各入幾口認條平系氣題活更別打女變四神總何電數安少報結反受目太量再建務做接必場件計管"
    "期市直資山金指區保至形社便空售賣買價聯絡請留言私訊貨單車讓議牙角骨酒款元低收藏"
)
_HANGUL = (
    "이다는에의가을하고를은한로서도지기사리자인대어시나아스일정있라것그해수제전과부주보장구들으오만게상원여동조비신성면까무안국연관"
    "치미공세용경유위모년거화각생터니요소등방우와학실개회때물내말음판매합락직래중팔습능가격문의환전택배새제품구입급처매물뼈술"
)
# Letters by falling frequency; the weight falls with the place in the row.
_ALPHABETS = {
    "cp1251": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґўўњљћђџ",
    "cp1253": "αοιετσνηυρπκμλςωδγίάχόθέφβήξζύώψϊϋ",
    "cp1254": "ıüşğçöİâî",
    "cp1255": "יוהלאמרתבשנדקחעפצגטזםכןסךץף",
    "cp1256": "اليمنوترةبعدسفحهكجقشصطخضذزءثغظأإىئؤآ",
    "cp1258": "đưôơăêâáàíóéèùúòìý\u0300\u0301\u0303\u0309\u0323",
    "cp1250": "áéíóýěščřžůúąęłćśżźńőűťďňăâîţşöüôäľĺŕđß",
    "cp1252": "éàèäüöáóíúßñçãêâôûîåøæõëïùœòìÄÖÜ€£«»’",
    "cp874": "านรกอเงมยลวดทสตะปบคหแจพชขใไโผถณซธศภญษ็่้๊๋ิีึืุูั์ำๆ",
}
_LEVEL_1 = {"gb18030": (0xB0, 0xD7), "big5hkscs": (0xA4, 0xC6), "cp932": (0x88, 0x97), "euc_jp": (0xB0, 0xCF)}
_COMMON = {"gb18030": frozenset(_SIMPLIFIED), "big5hkscs": frozenset(_TRADITIONAL)}
_PUNCTUATION = frozenset("，。、！？：；（）「」『』【】《》“”‘’…—～·・ー　￥％＋｜／")

_NOT_LATIN = frozenset({"cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874"})
_TWO_SCRIPTS = re.compile(r"[a-zA-Z](?=[^\W\d_a-zA-Z])|[^\W\d_a-zA-Z](?=[a-zA-Z])")
_UNACCENTED = re.compile(r"\b[α-ως]{3,}\b")  # Greek words bear an accent
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_CASE_WITHIN = re.compile(r"[а-яё](?=[А-ЯЁ])")

CANDIDATES = (
    *("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", "cp1251", "koi8_r", "cp1252", "cp1250"),
    *("cp1254", "cp1258", "cp874", "cp1256", "cp1253", "cp1255"),
)


def guess(body: bytes) -> str:
    """The likeliest encoding of bytes that are neither UTF-8 nor declared; "" when nothing convinces."""
    sample = _enough(foreign(body[:SAMPLE_BYTES]))
    scored = [(score(sample, name), -place, name) for place, name in enumerate(CANDIDATES)]
    best, _, name = max(scored)
    return name if best >= CONVINCED else _second_opinion(sample)


def _enough(sample: bytes) -> bytes:
    """`sample` as far as its first `LETTER_BYTES` bytes beyond ASCII."""
    last = next(islice(_BEYOND_ASCII.finditer(sample), LETTER_BYTES, None), None)
    return sample if last is None else sample[: last.start()]


def foreign(sample: bytes) -> bytes:
    """`sample` without its markup, so that letters weigh more than tags."""
    kept, inside = bytearray(), False
    for piece in sample.replace(b"<", b"\0<").split(b"\0"):
        inside = piece.startswith(b"<")
        kept += piece.partition(b">")[2] if inside else piece
        kept += b" "
    return sample if kept.isascii() else bytes(kept)


def score(sample: bytes, encoding: str) -> float:
    """Mean weight, about -1..1, of the non-ASCII characters `sample` has in `encoding`."""
    text = partial(sample, encoding)
    letters = [c for c in text if c > "\x7f"]
    if not letters:
        return -1.0
    weigh = _weigher(encoding)
    gained = sum(weigh(c) for c in letters)
    if encoding in {"cp1251", "koi8_r"}:
        gained -= 0.8 * len(_CASE_WITHIN.findall(text))
    if encoding == "cp1253":
        gained -= len(_UNACCENTED.findall(text))
    if encoding in _NOT_LATIN:
        gained -= 0.5 * len(_TWO_SCRIPTS.findall(text))
    return gained / len(letters)


def partial(sample: bytes, encoding: str) -> str:
    """`sample` decoded; a character cut at its end is dropped, bad bytes become U+FFFD."""
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(sample)


@cache
def _weigher(encoding: str) -> Callable[[str], float]:
    if encoding == "cp949":
        return _korean
    if encoding in {"cp932", "euc_jp"}:
        return lambda c: _japanese(c, encoding)
    if encoding in _LEVEL_1:
        return lambda c: _chinese(c, encoding)
    row = _ALPHABETS["cp1251" if encoding == "koi8_r" else encoding]
    weights = {c: 1.0 - 0.6 * place / len(row) for place, c in enumerate(row)}
    return lambda c: _letter(c, weights)


def _letter(c: str, weights: dict[str, float]) -> float:
    if c in weights:
        return weights[c]
    if c.lower() in weights:
        return 0.6 * weights[c.lower()]
    return -0.3 if c.isalpha() or not c.isprintable() or c == "\ufffd" else 0.0


def _chinese(c: str, encoding: str) -> float:
    if c in _COMMON[encoding]:
        return 1.0
    if c in _PUNCTUATION:
        return 0.8
    return _by_level(c, encoding)


def _japanese(c: str, encoding: str) -> float:
    if "\u3041" <= c <= "\u30fe":
        return 1.0
    if "\uff61" <= c <= "\uff9f":  # half-width kana: what other encodings look like in Shift-JIS
        return -0.5
    return 0.8 if c in _PUNCTUATION else _by_level(c, encoding)


def _korean(c: str) -> float:
    if c in _HANGUL:
        return 1.0
    if "\uac00" <= c <= "\ud7a3":
        return 0.3 if _lead(c, "euc_kr") else -0.5  # outside KS X 1001: nobody writes these syllables
    return 0.4 if c in _PUNCTUATION else -0.2


def _by_level(c: str, encoding: str) -> float:
    """Level 1 holds the characters in use, level 2 the rest of the dictionary."""
    low, high = _LEVEL_1[encoding]
    lead = _lead(c, encoding)
    if not "\u3400" <= c <= "\u9fff":
        return -0.5
    return 0.6 if low <= lead <= high else 0.1


def _lead(c: str, encoding: str) -> int:
    try:
        return c.encode(encoding)[0]
    except UnicodeEncodeError:
        return 0


def _second_opinion(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(CANDIDATES)).best()
    return best.encoding if best is not None and best.encoding in CANDIDATES else ""
