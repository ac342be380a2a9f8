"""Two cards that people have of what is one item: one of them goes further, and each says it of the other."""

from __future__ import annotations

from itertools import product

import pytest

from bot.channel import Manner
from bot.compose import card as card_of
from bot.compose import event
from storage import duties, lanes, tonight
from storage.duties import act, by_clock, due
from storage.duty import Act, Actor, Order, State
from storage.lane_words import Intent
from storage.model import Alert, AlertKind, Evidence, Tier
from storage.outbox import load_alerts
from storage.store import Store
from storage.twins import Card, ended
from tests.storage.kit import DUSK, HandClock
from tests.storage.test_items import judged, sealed, told
from tests.storage.test_membership import again, items

LI, WANG = Actor(id=5, name="Li", role="officer"), Actor(id=6, name="Wang", role="officer")
Pair = tuple[Evidence, Alert, Evidence, Alert]


async def two_cards(
    store: Store, clock: HandClock, first: Tier = Tier.URGENT, second: Tier = Tier.URGENT
) -> Pair:
    """Two posts that were told apart, the first a minute before the second."""
    one, other = [await sealed(store, clock, number) for number in "12"]
    earlier = await judged(store, clock, one, first)
    clock.tick(60)
    later = await judged(store, clock, other, second)
    assert earlier is not None
    assert later is not None
    await told(store, clock)
    return one, earlier, other, later


async def going(store: Store) -> list[str]:
    """Alerts that go further when nobody takes them."""
    rows = await store.vault.database.rows(
        "SELECT DISTINCT alert_id FROM escalation WHERE done_at IS NULL ORDER BY alert_id"
    )
    return [str(row[0]) for row in rows]


async def does(
    store: Store, clock: HandClock, alert: Alert, what: Act, who: Actor = LI, *, reason: str = ""
) -> None:
    clock.tick()
    done = await act(store.vault, Order(alert_id=alert.alert_id, act=what, actor=who, reason=reason))
    assert done.refusal is None


async def loaded(store: Store, alert: Alert) -> Alert:
    return (await load_alerts(store.vault.database, [alert.alert_id]))[alert.alert_id]


async def says(store: Store, alert: Alert, language: str = "en") -> str:
    return card_of(await loaded(store, alert), manner=Manner(language=language)).text


# --- which one goes further -------------------------------------------------------------


@pytest.mark.parametrize("part", ["the later of the earlier", "the earlier of the later"])
async def test_of_two_that_nobody_took_the_earlier_alone_goes_further(
    store: Store, clock: HandClock, part: str
) -> None:
    """Failed before: both did, and officers were called twice for one thing."""
    one, earlier, other, later = await two_cards(store, clock)
    assert await going(store) == [earlier.alert_id, later.alert_id]
    if part.startswith("the later"):
        await again(store, clock, other, Tier.URGENT, one)
    else:
        await again(store, clock, one, Tier.URGENT, other)
    assert len(await items(store)) == 1
    assert await going(store) == [earlier.alert_id]


async def test_the_louder_of_two_goes_further_though_it_is_the_later(store: Store, clock: HandClock) -> None:
    one, _, other, later = await two_cards(store, clock, Tier.NORMAL, Tier.URGENT)
    await again(store, clock, other, Tier.URGENT, one)
    assert await going(store) == [later.alert_id]


async def test_one_that_was_taken_before_ends_the_other(store: Store, clock: HandClock) -> None:
    one, earlier, other, _ = await two_cards(store, clock)
    await does(store, clock, earlier, Act.ACKNOWLEDGE)
    await again(store, clock, other, Tier.URGENT, one)
    assert await going(store) == []
    assert await duties.open_cards(store.vault.database, DUSK) == ()


@pytest.mark.parametrize("taken", ["earlier", "later"])
@pytest.mark.parametrize("what", [Act.ACKNOWLEDGE, Act.CONFIRM, Act.DUPLICATE, Act.FALSE])
async def test_whoever_takes_or_resolves_one_ends_the_other(
    store: Store, clock: HandClock, taken: str, what: Act
) -> None:
    one, earlier, other, later = await two_cards(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    await told(store, clock)
    pressed, untouched = (earlier, later) if taken == "earlier" else (later, earlier)
    await does(store, clock, pressed, what, reason="replica")
    assert await going(store) == []
    assert await told(store, clock) == [AlertKind.DUTY, AlertKind.DUTY]  # on either card
    state = await duties.state(store.vault.database, untouched.alert_id)
    assert state is not None
    assert state.state is State.NEW  # nobody pressed there
    assert f"same item as alert {pressed.alert_id[:12]}" in await says(store, untouched)
    assert "by Li" in await says(store, untouched)


async def test_one_that_was_called_a_false_alarm_before_speaks_for_nothing(
    store: Store, clock: HandClock
) -> None:
    one, earlier, other, later = await two_cards(store, clock)
    await does(store, clock, earlier, Act.FALSE, reason="replica")
    await again(store, clock, other, Tier.URGENT, one)
    assert await going(store) == [later.alert_id]
    assert [d.alert_id for d in await duties.open_cards(store.vault.database, DUSK)] == [later.alert_id]


async def test_a_quieter_one_that_is_taken_leaves_the_louder_alone(store: Store, clock: HandClock) -> None:
    one, earlier, other, later = await two_cards(store, clock, Tier.NORMAL, Tier.URGENT)
    await again(store, clock, other, Tier.URGENT, one)
    await does(store, clock, earlier, Act.ACKNOWLEDGE)
    assert await going(store) == [later.alert_id]
    assert [d.alert_id for d in await duties.open_cards(store.vault.database, DUSK)] == [later.alert_id]


@pytest.mark.parametrize("given_back", ["earlier", "later"])
async def test_time_runs_anew_for_the_earlier_when_either_is_given_back(
    store: Store, clock: HandClock, given_back: str
) -> None:
    one, earlier, other, later = await two_cards(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    pressed = earlier if given_back == "earlier" else later
    await does(store, clock, pressed, Act.ACKNOWLEDGE)
    await does(store, clock, pressed, Act.UNACKNOWLEDGE)
    assert await going(store) == [earlier.alert_id]
    clock.tick(179)
    assert await due(store.vault.database, clock.now()) == ()
    clock.tick(2)
    assert [step.alert_id for step in await due(store.vault.database, clock.now())] == [earlier.alert_id]


async def test_one_that_is_held_by_another_goes_no_further_when_the_first_is_given_back(
    store: Store, clock: HandClock
) -> None:
    one, earlier, other, later = await two_cards(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    await does(store, clock, earlier, Act.ACKNOWLEDGE, LI)
    await does(store, clock, later, Act.ACKNOWLEDGE, WANG)
    await does(store, clock, earlier, Act.UNACKNOWLEDGE, LI)
    assert await going(store) == []


async def test_the_step_of_the_clock_leaves_the_one_that_goes_further_alone(
    store: Store, clock: HandClock
) -> None:
    one, earlier, other, _ = await two_cards(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    clock.tick(180)
    (step,) = await due(store.vault.database, clock.now())
    assert (await act(store.vault, by_clock(step))).refusal is None
    assert await going(store) == [earlier.alert_id]


async def test_a_step_that_was_due_as_the_other_took_over_is_not_made(store: Store, clock: HandClock) -> None:
    one, earlier, other, later = await two_cards(store, clock)
    clock.tick(180)
    steps = {step.alert_id: step for step in await due(store.vault.database, clock.now())}
    await again(store, clock, other, Tier.URGENT, one)
    assert (await act(store.vault, by_clock(steps[later.alert_id]))).refusal is not None
    assert (await act(store.vault, by_clock(steps[earlier.alert_id]))).refusal is None


def test_an_urgent_item_that_nobody_took_always_has_one_card_that_goes_further() -> None:
    """Over every state of two cards."""
    tiers, states, levels = (Tier.URGENT, Tier.HIGH), (State.NEW, State.ESCALATED), (0, 3)
    for tier, other, state, level, both in product(tiers, tiers, states, levels, (True, False)):
        first = Card(alert_id="a", tier=tier, state=state, level=level, going=both, shown=True)
        second = Card(alert_id="b", tier=other, state=State.NEW, level=0, going=True, shown=True)
        over = ended((first, second))
        left = [one for one in (first, second) if one.going and one.alert_id not in over]
        assert len(left) <= 1
        assert left or (first.was_passed_to_all and tier.rank <= other.rank)


# --- what they say ----------------------------------------------------------------------


async def test_the_later_card_says_so_in_both_languages(store: Store, clock: HandClock) -> None:
    """Failed before: it said how many posts there are, and not which card was of the same item."""
    one, earlier, other, later = await two_cards(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    at = f"{earlier.created_at:%H:%M}"
    assert f"same item as alert {earlier.alert_id[:12]} of {at}Z" in await says(store, later)
    assert f"与 {at}Z 的警报 {earlier.alert_id[:12]} 为同一物品" in await says(store, later, "zh-Hans")
    assert "same item as alert" not in await says(store, earlier)
    assert event(await loaded(store, later))["same_item_as"] == earlier.alert_id
    assert event(await loaded(store, earlier))["same_item_as"] is None


async def test_the_later_card_is_edited_though_the_louder_speaks_for_both(
    store: Store, clock: HandClock
) -> None:
    one, earlier, other, later = await two_cards(store, clock, Tier.URGENT, Tier.HIGH)
    # What a card says of others is an edit of that card; what is new of the item goes to its own.
    await again(store, clock, one, Tier.URGENT, other)
    sql = "SELECT kind, revises FROM alert WHERE revises <> '' ORDER BY rowid"
    rows = [tuple(row) for row in await store.vault.database.rows(sql)]
    assert ("repost", earlier.alert_id) in rows
    assert ("duty", later.alert_id) in rows


async def test_a_card_that_says_it_anyway_is_edited_once(store: Store, clock: HandClock) -> None:
    one, _, other, _ = await two_cards(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    assert await told(store, clock) == [AlertKind.REPOST]


# --- what was withdrawn -----------------------------------------------------------------


async def waiting_twin(
    store: Store, clock: HandClock, first: Tier = Tier.URGENT, second: Tier = Tier.URGENT
) -> Pair:
    """The first was told; the second is in its lane's hand, its intent written."""
    one, other = [await sealed(store, clock, number) for number in "12"]
    earlier = await judged(store, clock, one, first)
    await told(store, clock)
    later = await judged(store, clock, other, second)
    assert earlier is not None
    assert later is not None
    (lost,) = await store.deliveries_due("chat", clock.now())
    await lanes.intend(
        store.vault, lost.delivery_id, clock.now(), Intent(chat="1", after=1, form="text"), repeat=False
    )
    return one, earlier, other, later


async def probed(store: Store, clock: HandClock, *, sure: bool) -> None:
    """The lane learnt that what it had in hand did not arrive, or may have."""
    (lost,) = await store.stuck("chat")
    await lanes.again(store.vault, lost.delivery_id, clock.tick(), "the answer was lost", uncertain=not sure)


async def test_what_surely_did_not_arrive_is_withdrawn_where_the_other_card_says_it(
    store: Store, clock: HandClock
) -> None:
    """Failed before: it was sent once more, a second card of a known thing."""
    one, earlier, other, later = await waiting_twin(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    await probed(store, clock, sure=True)
    assert await told(store, clock) == [AlertKind.REPOST]
    sql = "SELECT alert_id, why FROM delivery WHERE state = 'withdrawn'"
    ((withdrawn, why),) = [tuple(row) for row in await store.vault.database.rows(sql)]
    assert withdrawn == later.alert_id
    assert why == f"surely not sent; its item was found to be that of alert {earlier.alert_id}"
    assert await going(store) == [earlier.alert_id]
    counted = await tonight.counts(store.vault.database, DUSK)
    assert (counted.alerts, counted.states) == ({"urgent": 1}, {"new": 1})


async def test_what_may_have_arrived_is_told_once_more(store: Store, clock: HandClock) -> None:
    one, _, other, _ = await waiting_twin(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    await probed(store, clock, sure=False)
    assert AlertKind.NEW in await told(store, clock)


async def test_what_did_not_arrive_is_told_where_no_card_says_it(store: Store, clock: HandClock) -> None:
    one, _, other, _ = await waiting_twin(store, clock)
    await sealed(store, clock, "2")  # looked at since: nothing is said of it
    assert await again(store, clock, other, Tier.URGENT, one) is None
    await probed(store, clock, sure=True)
    assert AlertKind.NEW in await told(store, clock)


async def test_a_louder_one_that_did_not_arrive_is_told(store: Store, clock: HandClock) -> None:
    one, _, other, _ = await waiting_twin(store, clock, Tier.NORMAL, Tier.URGENT)
    await again(store, clock, other, Tier.URGENT, one)
    await probed(store, clock, sure=True)
    assert AlertKind.NEW in await told(store, clock)


async def test_one_that_did_not_arrive_is_told_when_the_other_was_resolved_meanwhile(
    store: Store, clock: HandClock
) -> None:
    one, earlier, other, _ = await waiting_twin(store, clock)
    await again(store, clock, other, Tier.URGENT, one)
    await does(store, clock, earlier, Act.FALSE, reason="replica")
    await probed(store, clock, sure=True)
    assert AlertKind.NEW in await told(store, clock)


async def test_the_card_that_is_left_goes_further_when_the_earlier_is_withdrawn(
    store: Store, clock: HandClock
) -> None:
    one, other = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, one, Tier.URGENT)
    (lost,) = await store.deliveries_due("chat", clock.now())
    intent = Intent(chat="1", after=1, form="text")
    await lanes.intend(store.vault, lost.delivery_id, clock.now(), intent, repeat=False)
    later = await judged(store, clock, other, Tier.URGENT)
    assert later is not None
    (second,) = await store.deliveries_due("chat", clock.now())
    await store.mark_sending(second.delivery_id, clock.now())
    await store.mark_delivered(second.delivery_id, clock.now(), "card")
    await again(store, clock, one, Tier.URGENT, other)
    (in_doubt,) = await store.stuck("chat")
    await lanes.again(store.vault, in_doubt.delivery_id, clock.tick(), "not there", uncertain=False)
    assert await going(store) == [later.alert_id]


async def test_an_earlier_one_that_waits_and_is_withdrawn_leaves_the_later_going(
    store: Store, clock: HandClock
) -> None:
    one, other = [await sealed(store, clock, number) for number in "12"]
    await judged(store, clock, one, Tier.URGENT)
    later = await judged(store, clock, other, Tier.URGENT)
    assert later is not None
    second = (await store.deliveries_due("chat", clock.now()))[-1]
    await store.mark_sending(second.delivery_id, clock.now())
    await store.mark_delivered(second.delivery_id, clock.now(), "card")
    repost = await again(store, clock, one, Tier.URGENT, other)
    assert repost is not None
    assert repost.revises == later.alert_id
    assert await told(store, clock) == [AlertKind.REPOST]
    assert await going(store) == [later.alert_id]
