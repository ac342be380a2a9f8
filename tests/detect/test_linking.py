"""Which accounts are linked, why, and what is too common to link anybody."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from storage.model import Post, Tier
from storage.sellers import Account, Graph, Record
from storage.traces import Shown
from watchers.detect.linking import Seen, linked
from watchers.detect.template import packed, signature
from watchers.linking import account_of, sign

DUSK = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)


class Town:
    """Accounts with what they show; `graph` links them."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.shown: list[Shown] = []
        self.same: list[tuple[str, str]] = []

    def account(self, name: str, site: str = "a.example") -> str:
        self.accounts[name] = Account(account_id=name, site=site, name=name)
        return name

    def shows(self, account: str, kind: str, value: str) -> None:
        self.shown.append(Shown(kind=kind, value=value, account_id=account, seq=len(self.shown)))

    def writes(self, account: str, text: str) -> None:
        self.shows(account, "text", packed(signature(text)))

    def crowd(self, count: int, site: str = "a.example") -> list[str]:
        return [self.account(f"{site}-{n}", site) for n in range(count)]

    def graph(self) -> Graph:
        records = {
            key: Record(
                posts=1,
                alerted=0,
                tier=Tier.NONE,
                first_at=DUSK + timedelta(minutes=n),
                last_at=DUSK + timedelta(hours=1),
            )
            for n, key in enumerate(self.accounts)
        }
        return linked(
            Seen(
                accounts=self.accounts, records=records, shown=self.shown, same=self.same,
                evidence=lambda seq: f"e{seq}",
            )
        )  # fmt: skip

    def pairs(self) -> set[tuple[str, str]]:
        return {(link.one, link.other) for link in self.graph().links}


def test_a_contact_links_its_accounts_and_the_reason_names_both_looks() -> None:
    town = Town()
    for name, site in (("ann", "a.example"), ("bob", "b.example"), ("eve", "b.example")):
        town.account(name, site)
    town.shows("ann", "contact", "phone:+8613800138000")
    town.shows("bob", "contact", "phone:+8613800138000")
    graph = town.graph()
    (link,) = graph.links
    assert (link.one, link.other) == ("ann", "bob")
    assert [(b.kind, b.what, b.evidence) for b in link.because] == [
        ("contact", "phone:+8613800138000", ("e0", "e1"))
    ]
    assert {seller.accounts for seller in graph.sellers} == {("ann", "bob"), ("eve",)}


def test_one_picture_links_nobody_and_two_do_also_when_they_are_copies() -> None:
    town = Town()
    town.account("ann")
    town.account("bob")
    town.shows("ann", "picture", "p1")
    town.shows("bob", "picture", "p1")
    assert town.pairs() == set()
    town.shows("ann", "picture", "p2")
    town.shows("bob", "picture", "p2-cropped")
    assert town.pairs() == set()
    town.same.append(("p2", "p2-cropped"))
    (link,) = town.graph().links
    assert link.because[0].what.startswith("2 pictures in common")


def test_two_copies_of_one_picture_are_one_picture() -> None:
    town = Town()
    for name in ("ann", "bob"):
        town.account(name)
        for picture in ("p1", "p1-small"):
            town.shows(name, "picture", picture)
    town.same.append(("p1", "p1-small"))
    assert town.pairs() == set()


def test_accounts_are_one_seller_over_several_links() -> None:
    town = Town()
    for name in ("ann", "bob", "eve"):
        town.account(name)
    town.shows("bob", "contact", "qq:1")
    town.shows("ann", "contact", "qq:1")
    town.shows("bob", "contact", "id:two2two")
    town.shows("eve", "contact", "id:two2two")
    (seller,) = town.graph().sellers
    assert set(seller.accounts) == {"ann", "bob", "eve"}
    assert seller.seller_id == "sann"


def test_a_hotline_of_the_site_links_nobody() -> None:
    town = Town()
    for name in town.crowd(40)[:12]:
        town.shows(name, "contact", "phone:4008123123")
    graph = town.graph()
    assert graph.links == ()
    assert [(c.what, c.accounts) for c in graph.common] == [("phone:4008123123", 12)]


def test_a_contact_of_nearly_everybody_on_a_small_site_links_nobody() -> None:
    town = Town()
    for name in town.crowd(6):
        town.shows(name, "contact", "email:help@a.example")
    assert town.pairs() == set()


def test_a_ring_over_several_sites_is_linked_whole() -> None:
    town = Town()
    ring = [town.crowd(20, f"{site}.example")[0] for site in "abcd"]
    for name in ring:
        town.shows(name, "contact", "id:moon_77")
    assert len(town.pairs()) == 6


WORDS = [first + second for first in "老新手细纹收送自原雕尺重" for second in "货到感腻路藏礼用料工寸量"]


def _advert(rng: random.Random) -> str:
    return ",".join(rng.choice(WORDS) + rng.choice(WORDS) + rng.choice(WORDS) for _ in range(14))


TEMPLATE = (
    "本店专营老料手工雕件,每一件都是师傅亲手打磨,支持视频看货,包邮到家,假一赔十,"
    "需要的朋友抓紧时间联系,数量不多先到先得,价格 {n} 元,编号 {m}"
)


def test_a_template_links_the_accounts_that_write_by_it_and_no_others() -> None:
    rng = random.Random(3)
    town = Town()
    for name in town.crowd(60):
        town.writes(name, _advert(rng))
    a, b, c = (town.account(f"ring{n}", f"s{n}.example") for n in range(3))
    for name in (a, b, c):
        town.writes(name, TEMPLATE.format(n=rng.randrange(9999), m=rng.randrange(99999)))
    assert town.pairs() == {(a, b), (a, c), (b, c)}


def test_set_phrases_of_a_platform_link_nobody() -> None:
    rng = random.Random(4)
    boiler = (
        "平台提醒您:请勿脱离平台交易,谨防诈骗,当面验货更安心,转账之前请核实对方身份,"
        "平台不对商品真实性负责,如遇违法信息请及时举报,感谢您的理解与支持,祝您生活愉快"
    )
    town = Town()
    for name in town.crowd(40):
        town.writes(name, f"{_advert(rng)[:30]} {boiler}")
    assert town.pairs() == set()


def test_a_short_text_has_no_signature() -> None:
    assert signature("老料手镯,懂的来,价格面议") == ()
    assert signature("") == ()
    assert signature("1234567890 " * 40) == ()


def test_a_contact_and_a_price_change_no_signature() -> None:
    one = signature(f"{TEMPLATE.format(n=100, m=7)} 微信 moon77x", ("wechat:moon77x",))
    other = signature(f"{TEMPLATE.format(n=2345, m=88)} 微信 fox12kit", ("wechat:fox12kit",))
    assert one == other != ()


def test_a_number_is_one_contact_in_every_messenger() -> None:
    assert sign("wechat:+8613800138000") == sign("phone:+8613800138000") == "phone:+8613800138000"
    assert sign("email:123456789@qq.com") == sign("qq:123456789")
    assert sign("telegram:moon_77") == sign("line:moon_77")
    assert sign("telegram:jadelady") != sign("line:jadelady")
    assert sign("site:x.example") == sign("telegram:resep") == ""


def test_the_order_of_what_is_seen_changes_nothing() -> None:
    town = Town()
    for name in ("ann", "bob", "eve"):
        town.account(name)
    for name in ("ann", "bob", "eve"):
        town.shows(name, "contact", "qq:10001")
    before = town.graph()
    town.shown.reverse()
    assert town.graph() == before


def test_a_channel_with_many_contacts_is_a_place_and_links_nobody() -> None:
    town = Town()
    channel = town.account("channel")
    for number in range(13):
        town.shows(channel, "contact", f"id:seller{number}")
        town.shows(town.account(f"s{number}", f"{number}.example"), "contact", f"id:seller{number}")
    graph = town.graph()
    assert graph.links == ()
    assert [(c.kind, c.what, c.accounts) for c in graph.common] == [("account", "channel", 13)]


def test_a_signed_message_is_of_its_writer_and_not_of_the_channel() -> None:
    post = Post(post_id="market/1", url="https://t.me/market/1", seller="Night Market")
    channel = account_of(post, "market", "k")
    ann, bob = (account_of(replace(post, extra=(("author", n),)), "market", "k") for n in ("ann", "bob"))
    assert len({channel.account_id, ann.account_id, bob.account_id}) == 3
    assert (ann.name, ann.site) == ("ann", "t.me/market")
    other = account_of(replace(post, url="https://t.me/s/other/1"), "other", "k")
    assert other.account_id != channel.account_id


@pytest.mark.parametrize(
    "listed", ["ann · 1h ago", "ann • 12 分钟前", " ann  | 28.11.2026 21:04", "ann · Just now", "ann — 昨天"]
)
def test_a_name_with_the_time_beside_it_is_the_same_account(listed: str) -> None:
    """A list had "ann · 1h ago" and the post's page "ann": one person was linked to himself as to another."""
    post = Post(post_id="1", url="https://x.example/1", seller=listed)
    own = account_of(replace(post, seller="ann"), "market", "k")
    assert account_of(post, "market", "k") == own
    assert account_of(replace(post, seller="ann · bob"), "market", "k") != own


def test_a_post_without_a_name_is_an_account_of_its_own() -> None:
    post = Post(post_id="1", url="https://www.a.example/1")
    one, other = account_of(post, "a", "k1"), account_of(post, "a", "k2")
    assert one.account_id != other.account_id
    assert one.site == "a.example"
    named = [
        account_of(replace(post, seller=name, url=url), "a", "k").account_id
        for name, url in (("Ann", "https://www.a.example/1"), ("ann ", "https://m.a.example/2"))
    ]
    assert named[0] == named[1]
