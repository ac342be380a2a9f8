"""Numbers of permits are captured and shown, and weigh nothing."""

from __future__ import annotations

import pytest

from storage.model import Post
from storage.text.normal import views
from watchers.detect.permits import permit_numbers
from watchers.detect.score import judge
from watchers.lexicon import Lexicon

LEXICON = Lexicon.load()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("CITES permit no. 12345/ABC, Article 10 certificate UK123456/01", ("12345/ABC", "UK123456/01")),
        ("收藏证 号 2015-00321 面议", ("2015-00321",)),
        ("permit RU 23MU100321/DV, price PM", ("RU 23MU100321/DV",)),
        ("登録記号番号 第S-1-012345号", ("第S-1-012345",)),
        ("ใบอนุญาต เลขที่ 0501/2562", ("0501/2562",)),
        ("сертификат CITES № 23RU000123", ("23RU000123",)),
        ("giấy phép số 123/GP-KL", ("123/GP-KL",)),
        ("EU-Bescheinigung Nr. DE-BW-2021/4711", ("DE-BW-2021/4711",)),
        ("ivory registration number Q9X7AB12", ("Q9X7AB12",)),
        ("经营利用许可证 林护许准[2021]1234号 象牙", ("林护许准[2021]1234号",)),
        ("批文：豫林护许准（2019）第25号", ("豫林护许准（2019）第25号",)),
        ("林护许准〔2021〕1234号", ("林护许准〔2021〕1234号",)),
        ("国发〔2021〕4号", ()),
        ("CITES 1997, antique, certificate of 12.05.2019", ()),
        ("article 10 (no 12), CITES app I, 2 kg", ()),
        ("no papers, tusk 12345/ABC", ()),
        ("带证书 微 jade8888", ()),
        ("证书齐全，V jade8888", ()),
        ("有证书 联系jade8888", ()),
        ("带证书 VX:jade 8888", ()),
        ("certificate, my tel. 12345678", ()),
    ],
)
def test_the_number_of_a_paper_is_captured_as_written(text: str, numbers: tuple[str, ...]) -> None:
    assert permit_numbers(views(text)) == numbers


def test_it_is_shown_among_the_reasons_and_weighs_nothing() -> None:
    said = "elephant ivory with CITES permit, whatsapp +44 7700 900123, permit 594876/01, price 50000 usd"
    post = Post(post_id="1", url="https://example.org/1", text=said)
    verdict = judge(post, (), (), LEXICON, None)
    numbers = [(r.span, r.weight) for r in verdict.reasons if r.what == "names a permit number"]
    assert numbers == [("594876/01", 0.0)]


SPEAKS = "speaks of permits or legality"


def speaks_of_papers(said: str) -> bool:
    post = Post(post_id="1", url="https://example.org/1", text=f"象牙 elephant ivory tusk {said}")
    return any(reason.what == SPEAKS for reason in judge(post, (), (), LEXICON, None).reasons)


@pytest.mark.parametrize(
    "said",
    [
        *(
            "无证书",
            "没有证书",
            "没证书",
            "不带证书",
            "缺手续",
            "未办许可证",
            "没有任何合法手续",
            "無證書",
            "手续不全",
        ),
        *("没有证书和手续", "未经许可", "不合法", "证书没有。", "无 证书"),
        *(
            "no permit",
            "without papers",
            "no papers",
            "no CITES",
            "No CITES permit",
            "without any valid permits",
        ),
        *(
            "no permits or papers",
            "not registered",
            "doesn't have a certificate",
            "permit: none",
            "lacks documentation",
        ),
        *("không giấy tờ", "không có giấy phép", "tanpa surat", "tanpa surat izin", "tidak berizin"),
        *(
            "登録票なし",
            "ไม่มีใบอนุญาต",
            "sans certificat",
            "sin certificado",
            "ohne Bescheinigung",
            "нет сертификат",
            "허가 없음",
        ),
    ],
)
def test_papers_that_a_post_says_it_lacks_do_not_speak_for_it(said: str) -> None:
    assert not speaks_of_papers(said)


@pytest.mark.parametrize(
    "said",
    [
        *(
            "带证书",
            "有证书",
            "证书齐全",
            "手续齐全 无瑕疵",
            "证书没有问题",
            "有无证书都可以问",
            "不需要许可证",
        ),
        *("with CITES permit", "no permit needed", "no CITES permit required", "permit included, no offers"),
        *("có giấy phép", "ada surat", "giấy tờ đầy đủ", "登録票あり", "no fakes and certificate"),
    ],
)
def test_papers_that_a_post_claims_still_do(said: str) -> None:
    assert speaks_of_papers(said)
