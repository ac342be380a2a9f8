"""The looks that found a post gone before the end that the report tells, and why they do not count. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage.doubted import Doubted
from storage.package.report_page import Markup, Words, both, safe, when

_MOST = 3
_NAME = ("Earlier look, does not count", "较早的一次观察，不计入")
_AGAINST = ("but a listing still showed the post, polled at", "但列表仍显示该帖，列表读取时间")
_UNREAD = "此后尚未读到不含该帖的列表"


def uncounted(doubted: Sequence[Doubted], presence: Mapping[str, Words]) -> list[tuple[Words, Markup]]:
    """Rows of names and values; of many looks the first few and when the last one was."""
    rows = [(_NAME, _row(one, presence)) for one in doubted[:_MOST]]
    if more := len(doubted) - len(rows):
        words = both((f"{more} more, the last at", f"另有 {more} 次，最后一次"))
        rows.append((_NAME, Markup(f"{words} {safe(when(doubted[-1].looked_at))}")))
    return rows


def _row(one: Doubted, presence: Mapping[str, Words]) -> Markup:
    said = f"{safe(when(one.looked_at))} {both(presence[one.presence.value])}; "
    if one.listed_at is None:
        return Markup(said + both((one.against, _UNREAD)))
    return Markup(f"{said}{both(_AGAINST)} {safe(when(one.listed_at))}")
