"""Each gives back only what it claimed itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchers.claims import Claims

STEPS = st.lists(
    st.tuples(st.sampled_from(["claim", "hold", "give_back", "release", "end"]), st.sampled_from("abc"))
)


@given(STEPS, STEPS)
def test_two_watches_never_free_what_is_not_theirs(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    busy: set[tuple[str, str]] = {("t", "vigil")}
    one, two = Claims(busy, "t"), Claims(busy, "t")
    owned: dict[int, set[str]] = {0: set(), 1: set()}
    for number, (step, post_id) in [(0, s) for s in first] + [(1, s) for s in second]:
        claims = (one, two)[number]
        if step == "claim":
            got = claims.claim([post_id])
            assert not got & owned[1 - number]
            owned[number] |= got
        elif step == "end":
            claims.end()
            owned[number].clear()
        elif step != "hold" or post_id in owned[number]:
            getattr(claims, step)(post_id if step != "give_back" else [post_id])
            owned[number] = {i for i in owned[number] if ("t", i) in busy}
        assert ("t", "vigil") in busy
        assert {("t", i) for i in owned[0] | owned[1]} <= busy


def test_a_held_claim_outlives_its_reader_and_ends_with_its_capture() -> None:
    busy: set[tuple[str, str]] = set()
    claims = Claims(busy, "t")
    assert claims.claim(["a", "b"]) == {"a", "b"}
    claims.hold("a")
    claims.give_back(["a", "b"])
    assert busy == {("t", "a")}
    claims.release("a")
    assert not busy
