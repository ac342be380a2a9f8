"""How the exam scores sellers, with nothing of the daemon in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from nightmarket import world
from nightmarket.exports import Held
from nightmarket.judging.sellers import Account, Showed, connected, contacts_in, score_sellers
from nightmarket.model import World

NOTHING: Mapping[str, Sequence[Held]] = {}


def _held(made: World, *, text: bool = True, pictures: bool = True) -> dict[str, list[Held]]:
    """Every post of the rings as the daemon holds it when it missed nothing of the kind."""
    return {
        advert.key: [
            Held(
                evidence_id=advert.key,
                target="",
                post_id=advert.post_id,
                url="",
                observation="seen",
                captured_at=datetime(2026, 11, 24, tzinfo=UTC),
                title=advert.first.title if text else "",
                text=advert.first.text if text else "",
                pictures=tuple(f"{advert.key} {n}" for n in range(len(advert.pictures))) if pictures else (),
            )
        ]
        for advert in made.adverts
        if advert.ring
    }


def _told(groups: list[list[tuple[str, str]]]) -> dict[str, object]:
    names = {account: f"a{n}" for n, account in enumerate(dict.fromkeys(a for g in groups for a in g))}
    return {
        "accounts": [
            {"id": key, "site": f"{site}:8080", "name": name} for (site, name), key in names.items()
        ],
        "sellers": [{"accounts": [names[account] for account in group]} for group in groups],
    }


def test_rings_that_are_linked_whole_score_full_and_strangers_in_them_cost() -> None:
    made = world.make(1, "hour")
    address = {site.number: site.address for site in made.sites}
    rings: dict[int, set[tuple[str, str]]] = {}
    for advert in made.adverts:
        if advert.ring:
            rings.setdefault(advert.ring, set()).add((address[advert.site], advert.seller))
    groups = [sorted(ring) for ring in rings.values()]
    full = score_sellers(made, _told(groups), _held(made))
    assert full.planted == full.linked == full.right > 0
    assert full.linkable == full.right_linkable <= full.planted
    stranger = next((address[a.site], a.seller) for a in made.adverts if not a.illicit)
    large = max(groups, key=len)
    worse = score_sellers(made, _told([[*large, stranger]]), _held(made))
    assert worse.linked == worse.right + len(large)
    alone = _told([[account] for group in groups for account in group])
    apart = score_sellers(made, alone, _held(made))
    assert (apart.linked, apart.right) == (0, 0)
    assert (apart.planted, apart.linkable, apart.right_linkable) == (full.planted, full.linkable, 0)


def test_an_account_whose_name_was_not_read_is_missed_and_not_forgotten() -> None:
    """Before, it counted nowhere: a daemon that read no names had a perfect score."""
    made = world.make(1, "hour")
    nameless = score_sellers(made, _told([]), _held(made))
    assert nameless.planted == score_sellers(made, _told([]), _held(made, text=False)).planted > 0
    assert nameless.linkable > 0
    assert nameless.right == 0


def test_a_post_without_a_name_is_its_poster_s_by_its_address() -> None:
    """Failed before: such a post, linked with its own poster, was a wrong pair."""
    made = world.make(1, "hour")
    address = {site.number: site.address for site in made.sites}
    one = next(a for a in made.adverts if a.ring)
    other = next(a for a in made.adverts if a.ring == one.ring and a.seller != one.seller)
    number = one.key.rpartition("/")[2]
    rows = [
        {"id": "a", "site": f"{address[one.site]}:80", "name": "", "url": f"http://x/item/{number}.html"},
        {"id": "b", "site": f"{address[one.site]}:80", "name": one.seller},
        {"id": "c", "site": f"{address[other.site]}:80", "name": other.seller},
        {"id": "d", "site": f"{address[one.site]}:80", "name": "", "url": "http://x/item/999999999.html"},
    ]
    told: dict[str, object] = {"accounts": rows, "sellers": [{"accounts": ["a", "b"]}]}
    assert score_sellers(made, told, _held(made)).linked == 0
    told["sellers"] = [{"accounts": ["a", "c"]}]
    assert (score_sellers(made, told, _held(made)).linked, score_sellers(made, told, _held(made)).right) == (
        1,
        1,
    )
    told["sellers"] = [{"accounts": ["c", "d"]}]
    assert (score_sellers(made, told, _held(made)).linked, score_sellers(made, told, _held(made)).right) == (
        1,
        0,
    )


def test_only_what_was_kept_makes_a_pair_linkable() -> None:
    made = world.make(1, "slice")
    address = {site.number: site.address for site in made.sites}
    told = _told([[(address[advert.site], advert.seller)] for advert in made.adverts if advert.ring])
    full = score_sellers(made, told, _held(made))
    assert 0 < full.plain < full.linkable < full.planted
    everything = full.linkable
    texts = score_sellers(made, told, _held(made, pictures=False)).linkable
    pictures = score_sellers(made, told, _held(made, text=False)).linkable
    assert everything >= max(texts, pictures)
    assert min(texts, pictures) > 0
    assert score_sellers(made, told, NOTHING).linkable == 0


def test_accounts_hang_together_over_others_of_their_ring() -> None:
    def showed(contacts: str = "", *goods: int) -> Showed:
        return Showed(frozenset(contacts.split()), frozenset((n, n) for n in goods))

    ring: dict[Account, Showed] = {
        ("s", "a"): showed("moonfo123"),
        ("s", "b"): showed("moonfo123 13800138000", 1, 2),
        ("s", "c"): showed("", 1, 2, 3),
        ("s", "d"): showed("12345678", 3),
        ("s", "e"): showed("87654321", 4),
    }
    assert sorted(names(connected(ring))) == [["a", "b", "c", "d"], ["e"]]
    assert sorted(names(connected(ring, pictures=2))) == [["a", "b", "c"], ["d"], ["e"]]
    assert contacts_in(["加v moonfo123,", "QQ12345678, 13800138000; 9900"]) == {
        *("moonfo123", "12345678", "13800138000"),
    }


def names(groups: list[list[Account]]) -> list[list[str]]:
    return [[name for _, name in group] for group in groups]


def test_an_answer_without_accounts_scores_nothing() -> None:
    none = score_sellers(world.make(1, "hour"), {}, NOTHING)
    assert (none.planted, none.linked, none.right) == (0, 0, 0)
