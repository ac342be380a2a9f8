"""What single tables cannot show: names used twice, combinations that never work.

Each is an error on purpose: a daemon that quietly cannot do what its file says is the
failure nobody notices until morning.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from bot.mistakes import nearest, shown
from bot.settings.channels import ChannelTable, FoundChannel
from bot.settings.checks import web_address
from bot.settings.documents import Document
from bot.settings.keys import NightjarKeys
from bot.settings.shapes import Fault
from bot.settings.sift import Sift
from bot.settings.targets import FoundTarget, host_of
from storage.model import NightWindow, Target

_WEB_PORTS = (None, 80, 443)
STRETCH = 10.0
"""So many times its limit may be asked of a host: the watch stretches intervals as far (decision 0019)."""


def check_targets(sift: Sift, found: Iterable[FoundTarget], *, expired: frozenset[str], allows: bool) -> None:
    """Names used twice, hosts that cannot keep up, addresses that the guard refuses.

    allows: whether `[nightjar] allow` has entries; then the guard alone can judge.
    """
    first: dict[str, str] = {}
    for one in found:
        if one.name and (before := first.setdefault(one.name.casefold(), _place(one))) != _place(one):
            sift.add(one.document, one.at, Fault(path=("name",), why=f"is used already by {before}"))
        if not allows and (why := _refused(one.table.get("url"))):
            sift.add(
                one.document, one.at, Fault(path=("url",), why=why, allowed="an entry in [nightjar] allow")
            )
    _check_hosts(sift, [one for one in found if one.target is not None and one.name not in expired])


def _place(one: FoundTarget) -> str:
    return f"{one.document.label}: [[target]] #{int(one.at[-1]) + 1}"


def _refused(url: object) -> str:
    """Why the guard would refuse an address as it is written, or "" (malformed ones are told elsewhere)."""
    try:
        port, host = urlsplit(web_address(str(url))).port, host_of(str(url))
    except ValueError:
        return ""
    if port not in _WEB_PORTS:
        return f"port {port} is refused by the guard"
    try:
        private = not ipaddress.ip_address(host).is_global
    except ValueError:
        private = host == "localhost" or host.endswith(".localhost")
    return "is no public address: the guard refuses it" if private else ""


def _check_hosts(sift: Sift, found: Iterable[FoundTarget]) -> None:
    """The listings alone of targets with the same night must fit into their host's limit, when stretched."""
    asked: dict[tuple[str, NightWindow], float] = defaultdict(float)
    for one in found:
        target = one.target
        assert target is not None
        key = (host_of(target.url), target.window)
        before, limit = asked[key] / STRETCH, target.host_limit.requests_per_s
        asked[key] += 1 / target.interval_s
        if before <= limit * 1.001 < asked[key] / STRETCH / 1.001:
            why = f"the targets of {key[0]} ask more than {STRETCH:g} times its {limit:g} requests per second"
            allowed = f'longer intervals, or more requests_per_s in [hosts."{key[0]}"] if the site bears it'
            sift.add(one.document, one.at, Fault(path=("interval",), why=why, allowed=allowed))


def crowded(targets: Iterable[Target]) -> tuple[str, ...]:
    """In words, of each host whose targets ask for more than its limit: polls are allotted there."""
    asked: dict[tuple[str, NightWindow], float] = defaultdict(float)
    limits: dict[str, float] = {}
    for target in targets:
        host, limit = host_of(target.url), target.host_limit.requests_per_s
        asked[host, target.window] += 1 / target.interval_s
        limits[host] = min(limits.get(host, limit), limit)
    full: dict[str, float] = {}
    for (host, _), per_s in asked.items():
        if per_s > limits[host] * 1.001:
            full[host] = max(per_s / limits[host], full.get(host, 0.0))
    return tuple(
        f"the targets of {host} ask {times:.1f} times its {limits[host]:g} requests per second: "
        "intervals will be stretched, and `nightjar status` tells what that costs"
        for host, times in sorted(full.items())
    )


def check_channels(sift: Sift, main: Document, found: tuple[FoundChannel, ...]) -> None:
    """Names used twice; channels that would tell the same people the same twice."""
    names: dict[str, int] = {}
    ways: list[ChannelTable | None] = []
    for index, one in enumerate(found):
        way = replace(one.table, name="") if one.table is not None else None
        if way is not None and way in ways:
            why = f"is the same as [[channel]] #{ways.index(way) + 1}: everything would be told twice"
            sift.add(main, one.at, Fault(path=(), why=why))
        ways.append(way)
        before = names.setdefault(one.name.casefold(), index)
        if one.name and before != index:
            why = f"is used already by [[channel]] #{before + 1}"
            sift.add(main, one.at, Fault(path=("name",), why=why))


def check_filters(
    sift: Sift, main: Document, found: tuple[FoundChannel, ...], targets: Iterable[FoundTarget]
) -> None:
    """Filters of channels that no target can ever pass."""
    tables = [one.table for one in targets]
    tags = {tag for t in tables for tag in _list(t.get("tags")) if isinstance(tag, str)}
    places = {place for t in tables if isinstance(place := t.get("jurisdiction"), str) and place}
    for one in found:
        if one.table is not None and tables:
            sift.add_all(main, one.at, _unheard("tags", one.table.tags, tags))
            sift.add_all(main, one.at, _unheard("jurisdictions", one.table.jurisdictions, places))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _unheard(key: str, wanted: tuple[str, ...], known: set[str]) -> list[Fault]:
    word = {"tags": "tag", "jurisdictions": "jurisdiction"}[key]
    return [
        Fault(path=(key,), why=f"no target has the {word} {shown(one)}", nearest=nearest(one, known))
        for one in wanted
        if one not in known
    ]


def check_nightjar(sift: Sift, main: Document, keys: NightjarKeys, found: tuple[FoundChannel, ...]) -> None:
    """Channels that are named but not there; folders and files that are named but not there."""
    names = tuple(one.name for one in found if one.name)
    named = [("admin_channels", name) for name in keys.admin_channels]
    for key, name in (*named, *(("checkpoint_channels", name) for name in keys.checkpoint_channels)):
        if name not in names:
            why, allowed = f"there is no channel {shown(name)}", ", ".join(names)
            fault = Fault(path=(key,), why=why, nearest=nearest(name, names), allowed=allowed)
            sift.add(main, ("nightjar",), fault)
    folder = main.path.parent
    for name in keys.lexicons:
        if not (folder / name).expanduser().is_file():
            sift.add(main, ("nightjar",), Fault(path=("lexicons",), why=f"there is no file {shown(name)}"))
    if keys.gallery and not (folder / keys.gallery).expanduser().is_dir():
        why = f"there is no folder {shown(keys.gallery)}"
        sift.add(main, ("nightjar",), Fault(path=("gallery",), why=why))
    if (folder / keys.data_dir).expanduser().is_file():
        sift.add(main, ("nightjar",), Fault(path=("data_dir",), why="is a file; it must be a folder"))
