"""Whether posts of the same thing were joined, and only those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nightmarket.exports import Held, Names
from nightmarket.model import World


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """posts: posts in items. wrong: posts in an item that mostly holds another thing.

    reposts: posts of a thing that was in an item before; joined: those in that same item.
    """

    items: int
    posts: int
    wrong: tuple[str, ...]
    reposts: int
    joined: int


def score_items(world: World, names: Names, held: Sequence[Held]) -> ItemScore:
    """Compare the daemon's items with the things of the world."""
    adverts = {advert.key: advert for advert in world.adverts}
    member: dict[str, str] = {}
    for one in sorted(held, key=lambda h: h.captured_at):
        key = names.of_held(one)
        if one.item_id and key in adverts:
            member.setdefault(key, one.item_id)
    things = {key: str(adverts[key].thing or key) for key in member}
    wrong = []
    for item in set(member.values()):
        inside = [key for key, its in member.items() if its == item]
        usual, _ = Counter(things[key] for key in inside).most_common(1)[0]
        wrong += [key for key in inside if things[key] != usual]
    before: dict[str, set[str]] = {}
    reposts = joined = 0
    for key in sorted(member, key=lambda k: adverts[k].published):
        earlier = before.setdefault(things[key], set())
        if earlier:
            reposts += 1
            joined += member[key] in earlier
        earlier.add(member[key])
    return ItemScore(
        items=len(set(member.values())),
        posts=len(member),
        wrong=tuple(sorted(wrong)),
        reposts=reposts,
        joined=joined,
    )
