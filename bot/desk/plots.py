"""Pictures of a night for the digest: alerts by hour, products, sites, lifetimes. With matplotlib, or none.

matplotlib is the extra `plots`: where it is not installed the digest comes without pictures.
"""

from __future__ import annotations

import importlib.util
import io
from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from bot.words import plain
from storage.digests import Line

_MOST_BARS = 8
_INCHES, _DPI = (6.0, 10.0), 130
"""Charts one above the other: a telephone shows the picture some 6 cm wide."""
_LETTERS_PT = 14
_EVERY_HOURS = 3


def available() -> bool:
    """Whether pictures can be drawn here."""
    return importlib.util.find_spec("matplotlib") is not None


def by_hour(found: Sequence[Line], zone: str) -> Counter[int]:
    """How many alerts there were in each hour of local clocks, whatever the day."""
    return Counter(line.created_at.astimezone(ZoneInfo(zone)).hour for line in found)


def drawn(found: Sequence[Line], name: str, zone: str = "UTC") -> bytes:
    """Four charts as one PNG; b"" without alerts or without matplotlib. For a thread: it takes a second.

    zone: whose hours are counted.
    """
    shown = [line for line in found if not line.muted]
    if not shown or not available():
        return b""
    from matplotlib import rc_context

    with rc_context({"font.size": _LETTERS_PT}):
        return _drawn(shown, name, zone)


def _drawn(shown: Sequence[Line], name: str, zone: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"Night of {name}")
    hours, products, sites, lives = figure.subplots(4, 1).flat
    counted = by_hour(shown, zone)
    order = [*range(12, 24), *range(12)]
    hours.bar([f"{hour:02}" for hour in order], [counted[hour] for hour in order])
    hours.set_title(f"alerts by hour ({zone})")
    hours.set_xticks(range(0, 24, _EVERY_HOURS))
    for axis, title, named in (
        (products, "products", Counter(line.products or "-" for line in shown)),
        (sites, "sites", Counter(line.target for line in shown)),
    ):
        most = named.most_common(_MOST_BARS)[::-1]
        # Names of products and targets are ours; fonts without Chinese would draw boxes all the same.
        axis.barh([plain(what, 24).replace("$", "") for what, _ in most], [number for _, number in most])
        axis.set_title(title)
    lived = [line.lived_s / 60 for line in shown if line.lived_s is not None]
    lives.hist(lived or [0], bins=20)
    lives.set_title("minutes until a post vanished")
    for counts in (hours.yaxis, products.xaxis, sites.xaxis, lives.yaxis):
        counts.set_major_locator(MaxNLocator(4, integer=True))  # there are no halves of alerts
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
