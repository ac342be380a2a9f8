"""Words the sellers use, by language. Data only.

Trade names and code words come from the published sources named in the project's seed
lexicon; everything else is everyday speech. A language without an entry of its own
borrows the English one.
"""

from __future__ import annotations

PRODUCTS: tuple[tuple[str, float], ...] = (
    ("ivory", 0.62),
    ("rhino", 0.20),
    ("hornbill", 0.05),
    ("hawksbill", 0.05),
    ("pangolin", 0.04),
    ("tiger", 0.04),
)
"""Shares as in the 2012-2016 surveys: ivory above 60 %, rhino horn 20 %."""

PLAIN: dict[str, dict[str, tuple[str, ...]]] = {
    "zh": {
        "ivory": ("象牙", "牙雕", "本象牙"),
        "rhino": ("犀角", "犀牛角", "犀角粉"),
        "hornbill": ("盔犀鸟", "鹤顶红"),
        "hawksbill": ("玳瑁",),
        "pangolin": ("穿山甲", "炮山甲"),
        "tiger": ("虎骨", "虎骨酒"),
    },
    "zh-hant": {
        "ivory": ("象牙", "牙雕"),
        "rhino": ("犀角", "犀牛角"),
        "hornbill": ("盔犀鳥", "鶴頂紅"),
        "hawksbill": ("玳瑁",),
        "pangolin": ("穿山甲",),
        "tiger": ("虎骨", "虎骨酒"),
    },
    "ja": {
        "ivory": ("本象牙", "象牙 印鑑", "象牙"),
        "rhino": ("犀の角", "犀角"),
        "hornbill": ("鶴頂紅",),
        "hawksbill": ("べっ甲", "玳瑁"),
        "pangolin": ("穿山甲",),
        "tiger": ("虎骨",),
    },
    "vi": {
        "ivory": ("ngà voi", "lông đuôi voi"),
        "rhino": ("sừng tê giác", "sừng tê"),
        "hornbill": ("ivory hornbill",),
        "hawksbill": ("đồi mồi",),
        "pangolin": ("vảy tê tê",),
        "tiger": ("cao hổ cốt", "nanh hổ", "xương hổ"),
    },
    "id": {
        "ivory": ("gading gajah",),
        "rhino": ("cula badak",),
        "hornbill": ("paruh enggang", "rangkong gading"),
        "hawksbill": ("hawksbill",),
        "pangolin": ("sisik trenggiling",),
        "tiger": ("kulit harimau", "tulang harimau", "taring harimau"),
    },
    "th": {
        "ivory": ("งาช้าง",),
        "rhino": ("นอแรด", "เขาแรด"),
        "hornbill": ("นกชนหิน",),
        "hawksbill": ("hawksbill",),
        "pangolin": ("เกล็ดนิ่ม", "เกล็ดลิ่น"),
        "tiger": ("เขี้ยวเสือ", "กระดูกเสือ"),
    },
    "en": {
        "ivory": ("ivory tusk", "pre-ban ivory", "elephant ivory"),
        "rhino": ("rhino horn",),
        "hornbill": ("helmeted hornbill casque", "red ivory hornbill"),
        "hawksbill": ("hawksbill shell",),
        "pangolin": ("pangolin scales",),
        "tiger": ("tiger bone", "tiger canine"),
    },
}

CODE: dict[str, dict[str, tuple[str, ...]]] = {
    "zh": {
        "ivory": ("血料", "果冻料", "血牙", "X牙", "白料", "白塑料", "黄料", "非洲料", "牛骨", "XYZP"),
        "rhino": ("黑料", "亚犀", "xijiao", "黑塑料"),
        "hornbill": ("红料", "红顶鹤", "一红二黑三白"),
        "hawksbill": ("玳瑁",),
        "pangolin": ("山甲",),
        "tiger": ("虎爪",),
    },
    "zh-hant": {
        "ivory": ("血料", "血牙", "X牙", "白料", "黃料"),
        "rhino": ("黑料", "亞犀", "xijiao"),
        "hornbill": ("紅料", "紅頂鶴"),
        "hawksbill": ("玳瑁",),
        "pangolin": ("山甲",),
        "tiger": ("虎爪",),
    },
    "vi": {
        "ivory": ("đuôi voi", "X teeth", "ox-bone"),
        "rhino": ("Xi Jiao", "xijiao"),
        "tiger": ("móng hổ",),
        "pangolin": ("trút",),
    },
    "id": {"pangolin": ("sisik TG",), "ivory": ("X teeth", "ox-bone"), "rhino": ("Xi Jiao",)},
    "en": {
        "ivory": (
            "blood material",
            "X teeth",
            "ox-bone",
            "yellow materials",
            "African materials",
            "cow bone",
        ),
        "rhino": ("Xi Jiao", "xijiao"),
        "hornbill": ("hedinghong", "red ivory", "golden jade"),
    },
}

VAGUE: dict[str, dict[str, tuple[str, ...]]] = {
    "zh": {"ivory": ("XY", "果冻"), "rhino": ("XJ", "广角"), "pangolin": ("甲片",)},
    "zh-hant": {"ivory": ("XY", "果凍"), "rhino": ("XJ",)},
    "id": {"ivory": ("gg",), "pangolin": ("TG",)},
    "en": {
        "ivory": ("XY", "jelly", "white plastic"),
        "rhino": ("XJ", "black plastic"),
        "hawksbill": ("tortoiseshell",),
    },
}

FORMS: dict[str, tuple[str, ...]] = {
    "zh": ("手镯", "珠子", "吊坠", "108佛珠", "摆件", "印章料", "筷子", "原料", "牌子", "桶珠"),
    "zh-hant": ("手鐲", "珠子", "吊墜", "佛珠", "擺件", "印章", "筷子", "原料"),
    "ja": ("彫刻", "根付", "印材", "数珠", "置物", "かんざし"),
    "vi": ("vòng tay", "nhẫn", "dây chuyền", "tượng nhỏ", "mặt dây", "hạt"),
    "id": ("gelang", "cincin", "pipa", "kalung", "ukiran", "liontin"),
    "th": ("กำไล", "แหวน", "จี้", "พระแกะ", "ลูกประคำ"),
    "en": ("bangle", "beads", "pendant", "carving", "seal block", "bracelet", "raw piece", "netsuke"),
}

PITCH: dict[str, tuple[str, ...]] = {
    "zh": ("懂的来,价格面议", "老货一手,走量优惠", "不问问题,当面交易", "只剩两件,今晚出", "实物拍摄,无修图"),
    "zh-hant": ("懂的來,價格面議", "老件一手,可面交", "今晚限定,手快有", "實物拍攝"),
    "ja": ("秘密厳守、早い者勝ち", "写真の現物です", "値段は相談", "今夜だけ"),
    "vi": ("giao dịch kín đáo", "hàng chuẩn, bao test", "ai cần ib em", "chỉ bán tối nay"),
    "id": ("dijamin rahasia", "stok terbatas malam ini", "serius saja, nego", "kirim aman"),
    "th": ("ของแท้ ส่งเงียบๆ", "ทักแชทเท่านั้น", "คืนนี้เท่านั้น"),
    "en": (
        "no questions asked",
        "serious buyers only, DM me",
        "tonight only, discreet shipping",
        "as in the photo",
    ),
}

PLACES: dict[str, tuple[str, ...]] = {
    "zh": ("北京 潘家园", "广州 荔湾", "福建 仙游", "昆明", "成都", "天津"),
    "zh-hant": ("台北", "高雄", "香港 上環", "九龍"),
    "ja": ("東京", "大阪", "京都"),
    "vi": ("Hà Nội", "TP.HCM", "Bắc Ninh", "Đà Nẵng"),
    "id": ("Jakarta", "Medan", "Surabaya"),
    "th": ("กรุงเทพ", "เชียงใหม่"),
    "en": ("Singapore", "Penang", "Manila", "Mumbai"),
}

MONEY: dict[str, tuple[str, ...]] = {
    "zh": ("¥{n}", "{n}元", "{n}块/克"),
    "zh-hant": ("NT${n}", "HK${n}", "{n}元"),
    "ja": ("{n}円", "¥{n}"),
    "vi": ("{n}k", "{n}.000đ"),
    "id": ("Rp {n}rb", "Rp{n}.000"),
    "th": ("{n} บาท", "฿{n}"),
    "en": ("${n}", "S${n}", "USD {n}"),
}

CONTACT: dict[str, tuple[str, ...]] = {
    "zh": ("微信 {wx}", "加v: {wx}", "QQ {qq}", "电话 {phone}"),
    "zh-hant": ("LINE: {wx}", "微信 {wx}", "電話 {phone}"),
    "ja": ("LINE {wx}", "連絡は {wx} まで"),
    "vi": ("Zalo {phone}", "t.me/{wx}"),
    "id": ("WA {phone}", "t.me/{wx}"),
    "th": ("LINE id {wx}", "โทร {phone}"),
    "en": ("WhatsApp {phone}", "t.me/{wx}", "wechat {wx}"),
}

WIPED: dict[str, tuple[str, ...]] = {
    "zh": ("", "已出", "。"),
    "zh-hant": ("", "已售"),
    "ja": ("", "終了しました"),
    "vi": ("", "đã bán"),
    "id": ("", "sold"),
    "th": ("", "ขายแล้ว"),
    "en": ("", "sold", "gone"),
}

EMOJI = ("🐘", "🐘🔥", "🦏💰", "🤍🤍", "👀📿", "📿💬", "🐅", "")
"""Texts of posts that let the picture speak."""
