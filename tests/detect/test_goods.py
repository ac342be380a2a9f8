"""One picture links accounts that were caught offering what is on it, and no honest ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.model import Picture, PictureMatch, Post, Sha256, Tier
from storage.sellers import Graph
from storage.tables import key_of
from storage.traces import OFFERED, PICTURED, TOLD, Judged, Shown
from tests.detect.posts import shipped
from tests.detect.test_linking import Town
from watchers.detect.goods import FEW_SHOW
from watchers.detect.score import judge
from watchers.linking import traced


def town(*offered: str, picture: str = "p1") -> Town:
    """Accounts on sites of their own that offered what is on one picture."""
    made = Town()
    for name in offered:
        made.shows(made.account(name, f"{name}.example"), OFFERED, picture)
    return made


def kinds(graph: Graph) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(link.one, link.other, tuple(b.kind for b in link.because)) for link in graph.links]


def test_two_who_offer_one_thing_are_linked_and_the_reason_names_both_offers() -> None:
    made = Town()
    for name in ("ann", "bob"):
        made.account(name, f"{name}.example")
    made.shows("ann", PICTURED, "p1")  # shown quietly first, and offered later
    made.shows("bob", OFFERED, "p1-mirrored")
    made.shows("ann", OFFERED, "p1")
    made.same.append(("p1", "p1-mirrored"))
    (link,) = made.graph().links
    (because,) = link.because
    assert (because.kind, because.evidence) == ("item", ("e2", "e1"))
    assert because.what == "both offer what is on picture p1, shown by 2 accounts"


def test_who_shows_it_and_offers_nothing_is_linked_to_nobody_and_nobody_by_it() -> None:
    made = town("ann", "bob")
    made.shows(made.account("shop", "shop.example"), PICTURED, "p1")
    assert made.pairs() == set()


def test_told_in_a_low_voice_is_enough_beside_one_who_is_loud() -> None:
    made = Town()
    for name in ("ann", "bob"):
        made.shows(made.account(name, f"{name}.example"), TOLD, "p1")
    assert made.pairs() == set()
    made.shows(made.account("eve", "eve.example"), OFFERED, "p1")
    assert len(made.pairs()) == 3


def test_a_picture_that_goes_round_links_nobody() -> None:
    names = [f"s{n}" for n in range(FEW_SHOW + 1)]
    assert len(town(*names[:-1]).pairs()) == FEW_SHOW * (FEW_SHOW - 1) // 2
    assert town(*names).pairs() == set()


def test_who_names_other_ways_to_reach_him_may_have_taken_the_picture() -> None:
    made = town("ann", "bob")
    made.shows("ann", "contact", "id:moonfox77")
    made.shows("bob", "contact", "phone:+8613800138000")
    assert kinds(made.graph()) == [("ann", "bob", ("item",))]  # nothing to compare
    made.shows("bob", "contact", "id:kitwei8")
    assert made.pairs() == set()
    made.shows("bob", "contact", "id:moonfox77")
    assert kinds(made.graph()) == [("ann", "bob", ("contact", "item"))]


def test_several_pictures_are_told_as_such_and_not_as_one_thing() -> None:
    made = town("ann", "bob")
    for name in ("ann", "bob"):
        made.shows(name, OFFERED, "p2")
    assert kinds(made.graph()) == [("ann", "bob", ("pictures",))]


@given(
    shown=st.lists(
        st.tuples(
            st.sampled_from("abcdefgh"),
            st.sampled_from(("p", "q", "r")),
            st.sampled_from((PICTURED, TOLD, OFFERED)),
        ),
        max_size=30,
    )
)
def test_one_picture_links_only_those_who_were_told_of(shown: list[tuple[str, str, str]]) -> None:
    made = Town()
    for name in "abcdefgh":
        made.account(name, f"{name}.example")
    for name, picture, kind in shown:
        made.shows(name, kind, picture)
    has = {name: {picture for who, picture, _ in shown if who == name} for name in "abcdefgh"}
    for link in made.graph().links:
        both = has[link.one] & has[link.other]
        (because,) = link.because
        assert because.kind == ("pictures" if len(both) > 1 else "item")
        if len(both) == 1:
            whose = {who for who, pictures in has.items() if both <= pictures}
            told = {who for who, picture, kind in shown if picture in both and kind != PICTURED}
            assert whose == told
            assert any(picture in both and kind == OFFERED for _, picture, kind in shown)
            assert len(whose) <= FEW_SHOW


# --- as adverts are written ---------------------------------------------------------------


def seen(adverts: Sequence[tuple[str, str, str]]) -> Graph:
    """Adverts (seller, text, picture), each on a site of its own, judged and linked."""
    looks = []
    for seq, (seller, text, picture) in enumerate(adverts):
        post = Post(post_id=str(seq), url=f"https://{seller}.example/{seq}", text=text, seller=seller)
        looks.append(
            Judged(
                seq=seq,
                leaf=seq,
                target=seller,
                post_key=key_of(seller, str(seq)),
                post=post,
                verdict=judge(post, (), (), shipped(), 23),
                pictures=(Sha256(picture),),
            )
        )
    return made_of(looks)


def made_of(looks: Sequence[Judged]) -> Graph:
    """What these looks are linked to."""
    found, made = traced(looks), Town()
    made.accounts = found.accounts
    made.shown = [Shown(kind=t.kind, value=t.value, account_id=t.account_id, seq=t.seq) for t in found.traces]
    return made.graph()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("象牙手镯 老料 私聊 微信 moonfox77", "本象牙 手镯一只,懂的来,2800元"),
        (
            "Elephant ivory bangle, old, DM me, 900 USD",
            "ivory tusk bracelet for sale, WhatsApp +65 9123 4567",
        ),
        ("犀牛角 杯 私聊", "rhino horn cup for sale, discreet shipping, 5000 USD"),
    ],
)
def test_adverts_of_one_piece_link_their_accounts(one: str, other: str) -> None:
    graph = seen([("ann", one, "p"), ("bob", other, "p"), ("eve", "象牙筷子 一双 私聊", "q")])
    assert [[b.kind for b in link.because] for link in graph.links] == [["item"]]
    assert {graph.accounts[graph.links[0].one].name, graph.accounts[graph.links[0].other].name} == {
        "ann",
        "bob",
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("翡翠手镯 A货 附证书 包邮,3800元,微信 jadeshop88", "翡翠手镯,正圈,支持复检,面议"),
        ("象牙白连衣裙,九成新,120元", "象牙白连衣裙 全新带吊牌,90元包邮"),
        ("Faux ivory piano keys, celluloid, 40 USD", "French ivory vanity set, celluloid, like new"),
        ("Resin netsuke, museum replica, 25 GBP", "Replica netsuke in resin, ships worldwide, paypal"),
        ("IKEA sofa, grey, moving out, 80 EUR", "Sofa Klippan, pick up only, WhatsApp +49 151 23456789"),
    ],
)
def test_honest_shops_with_one_stock_photograph_are_not_linked(one: str, other: str) -> None:
    assert seen([("ann", one, "stock"), ("bob", other, "stock")]).links == ()


@pytest.mark.parametrize(
    "story",
    [
        "Police seized 12 rhino horns at the airport, customs officials said on Tuesday. Two were arrested.",
        "海关查获象牙制品12公斤,两名嫌疑人被捕",
        "This photograph of an advert shows rhino horn. Help us stop wildlife trafficking! An NGO writes",
    ],
)
def test_a_newspaper_that_prints_an_advert_s_photograph_is_told_and_linked_to_nobody(story: str) -> None:
    picture = Picture(sha256=Sha256("a" * 64), url="", size_bytes=1, phash="0" * 16)
    same = PictureMatch(
        sha256=picture.sha256,
        known="0" * 32,
        known_sha256=picture.sha256,
        distance_bits=0,
        known_tier=Tier.HIGH,
    )
    looks = [
        Judged(
            seq=seq,
            leaf=seq,
            target=seller,
            post_key=key_of(seller, str(seq)),
            post=(
                post := Post(
                    post_id=str(seq), url=f"https://{seller}.example/{seq}", text=text, seller=seller
                )
            ),
            verdict=judge(post, (picture,), matches, shipped(), 23),
            pictures=(picture.sha256,),
        )
        for seq, (seller, text, matches) in enumerate(
            (
                ("ann", "犀牛角 杯 私聊", ()),
                ("bob", "rhino horn cup for sale, DM me", (same,)),
                ("press", story, (same,)),
            )
        )
    ]
    assert all(look.verdict.tier is not Tier.NONE for look in looks)
    assert [len(made_of(looks[:2]).links), made_of([looks[0], looks[2]]).links, made_of(looks).links] == [
        1,
        (),
        (),
    ]
