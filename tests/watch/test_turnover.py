"""What a listing's change between two polls says of births and deaths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchers.turnover import turnover

ids = st.lists(st.sampled_from([f"p{n}" for n in range(12)]), unique=True)


def test_new_posts_on_top_push_old_ones_off_the_end() -> None:
    found = turnover(["c", "b", "a"], ["e", "d", "c"], {"e", "d"}, gap=False)
    assert (found.born, found.rolled, found.taken) == (("e", "d"), ("b", "a"), ())


def test_a_post_that_vanished_from_the_middle_was_taken_and_what_moved_up_was_not_posted_now() -> None:
    found = turnover(["d", "c", "b"], ["d", "b", "a"], {"a"}, gap=False)
    assert (found.born, found.taken, found.rolled, found.back) == ((), ("c",), (), ())


def test_the_last_post_of_a_listing_that_grows_shorter_was_taken() -> None:
    assert turnover(["b", "a"], ["b"], (), gap=False).taken == ("a",)
    assert turnover(["a"], [], (), gap=False).taken == ("a",)


def test_on_a_listing_with_the_newest_last_posts_are_born_at_its_end() -> None:
    found = turnover(["a", "b"], ["a", "b", "c"], {"c"}, gap=False)
    assert (found.born, found.taken) == (("c",), ())


def test_what_was_met_before_is_back_and_not_born() -> None:
    assert turnover(["b"], ["c", "b"], (), gap=False).back == ("c",)


def test_over_a_gap_all_that_is_new_counts_and_nothing_is_thought_dead() -> None:
    found = turnover(["b", "a"], ["z", "y"], {"z", "y"}, gap=True)
    assert (found.born, found.rolled, found.taken, found.gap) == (("z", "y"), ("b", "a"), (), True)


@given(ids, ids, st.sets(st.sampled_from([f"p{n}" for n in range(12)])))
def test_every_post_that_left_is_named_once_and_none_that_is_shown(
    before: list[str], shown: list[str], fresh: set[str]
) -> None:
    found = turnover(before, shown, fresh, gap=not set(before) & set(shown) and bool(before and shown))
    left = [*found.taken, *found.rolled]
    assert sorted(left) == sorted(set(before) - set(shown))
    assert set(found.born) <= fresh & set(shown) - set(before)
    assert not set(found.born) & set(found.back)
