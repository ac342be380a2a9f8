"""What an account has offered before, as part of the verdict on its next post. Pure.

Sellers post a picture without a word after an advert that said too much, and their next code word
before anybody knows it. The account gives such posts away; officers see why. It never makes a post
high by itself: people who sold one thing sell others too (`score`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.model import Reason

KIND = "seller"
_LOUD, _MORE, _CONFIRMED = 2.4, 0.4, 3.2
"""Log-odds: of one loud advert, more for three, and of one that officers confirmed."""
_MANY = 3
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier advert that was judged high or urgent. by: account, or contact when only that is shared.

    confirmed: whether officers said that it was what it was taken for.
    """

    post_key: str
    at: datetime
    by: str = "account"
    confirmed: bool = False


def history_reasons(
    past: Sequence[Past], now: datetime, *, seen_at: datetime | None = None
) -> tuple[Reason, ...]:
    """One reason for all of them, or none. Those that officers called false do not belong in `past`.

    seen_at: when the post itself was seen, if that may have been before them all.
    """
    if not past:
        return ()
    confirmed = sum(one.confirmed for one in past)
    weight = _CONFIRMED if confirmed else _LOUD + (_MORE if len(past) >= _MANY else 0.0)
    whose = "this account" if any(one.by == "account" for one in past) else "this contact"
    adverts = "1 advert" if len(past) == 1 else f"{len(past)} adverts"
    days = int(max(0.0, (now - max(one.at for one in past)).total_seconds()) // _DAY_S)
    last = {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")
    detail = f"last {last}" + (f", {confirmed} confirmed" if confirmed else "")
    when = "since" if seen_at is not None and all(one.at > seen_at for one in past) else "before"
    what = f"{adverts} by {whose} judged high {when}"
    return (Reason(kind=KIND, what=what, weight=weight, detail=detail),)
