"""Posts that let their pictures speak: what words are left when the page's own are taken off. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from storage.model import Post, Reason, Verdict

WORDLESS_LETTERS = 12
"""So few letters name no goods, in any script."""
_SEE_PICTURES = re.compile(
    r"[见看如]图|图[上中]|[見看如]圖|圖[上中]|图片?|圖片?"
    r"|\b(?:see|look at|as in) (?:the )?(?:pictures?|photos?|pics?)\b|\bas (?:pictured|shown)\b"
    r"|\b(?:pictures?|photos?|pics?|pm|dm|inbox)\b"
    r"|như hình|xem (?:ảnh|hình)|ảnh thật"
    r"|\b(?:lihat|sesuai|cek) (?:foto|gambar)\b|\bfoto\b"
    r"|ตาม(?:ภาพ|รูป)|ดูรูป|写真(?:参照|通り|の通り)?|画像参照|사진|см фото|фото"
    r"|(?<![^\W\d_])[a-z](?![^\W\d_])"
)
"""All that such posts say, in the languages of the lexicon; a letter alone stands for a page's sign."""


def hardly_a_word(post: Post, verdict: Verdict) -> bool:
    """Whether a post says so little, ways to its seller and prices apart, that its pictures must speak."""
    return says_little(post, verdict.reasons)


def says_little(post: Post, reasons: Sequence[Reason]) -> bool:
    """Whether hardly a letter is left of title, text and captions without what is no word of the offer."""
    return sum(map(str.isalpha, own_words(post, reasons))) <= WORDLESS_LETTERS


def is_silent(post: Post, reasons: Sequence[Reason]) -> bool:
    """Whether a post has no word of its own at all, or only points at its pictures."""
    words = "".join(c if c.isalpha() or unicodedata.combining(c) else " " for c in own_words(post, reasons))
    return not _SEE_PICTURES.sub(" ", words).strip()


def own_words(post: Post, reasons: Sequence[Reason]) -> str:
    """Title, text and captions, folded, without name and place of the seller, price, date and contacts.

    Many pages print those beside the words, and the page as a whole is then all the text there is.
    """
    captions = (picture.alt for picture in post.pictures if picture.alt)
    opening = post.title.rstrip("….").strip()
    title = "" if opening and post.text.lstrip().startswith(opening) else post.title
    said = " ".join((title, post.text, *dict.fromkeys(captions))).casefold()
    apart = {post.seller, post.location, post.price, post.posted_raw}
    apart |= {reason.span for reason in reasons if reason.kind in ("contact", "price")}
    for words in sorted((one.casefold().strip() for one in apart), key=lambda one: (-len(one), one)):
        if words:
            said = said.replace(words, " ")
    return said
