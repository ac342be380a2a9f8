"""`nightjar sellers`: accounts that are taken for one seller, with every reason; as a graph for others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.commands import graphml
from bot.commands.out import OK, Out, moment, on_one_line, some
from bot.commands.reader import look
from bot.discretion import NOTICE, log_view
from storage import masking
from storage.clock import Clock
from storage.errors import DatabaseTrouble
from storage.model import Tier
from storage.sellers import Account, Because, Graph, Seller

if TYPE_CHECKING:
    from storage.store import Store

_SHOWN = 100
_FEWEST = 4
"""Characters of an id that may stand for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to tell: of whom ("" for all), where the graph goes, whether lone quiet accounts count too."""

    name: str = ""
    graphml: Path | None = None
    everybody: bool = False


def run(
    out: Out,
    folder: Path,
    clock: Clock,
    order: Order,
    graph: Callable[[Store], Awaitable[Graph]],
    *,
    viewer: str = "",
) -> int:
    """Print sellers, or one of them. viewer: an officer who sees contacts, which is logged; "": starred."""

    async def looking(store: Store) -> Graph:
        found = await graph(store)
        if viewer:
            await log_view(store, viewer, f"sellers {order.name}".strip())
        return found if viewer else starred(found)

    with out.waiting("linking accounts"):
        found = look(folder, clock, looking)
    wanted = _wanted(found, order)
    told = _only(found, wanted)
    if order.graphml is not None:
        graphml.write(order.graphml, told)
    out.facts(_facts(found, wanted, order, unmasked=bool(viewer)))
    if not out.json:
        if order.name:
            _print_seller(out, found, wanted[0])
        else:
            _print(out, found, wanted)
        if order.graphml is not None:
            out.say(
                f"{order.graphml}: {some(len(told.accounts), 'account')}, {some(len(told.links), 'link')}"
            )
        if not viewer:
            out.say(NOTICE, style="dim")
    return OK


def starred(graph: Graph) -> Graph:
    """The graph as everybody may see it: contacts starred, in reasons as in names of accounts."""
    return replace(
        graph,
        accounts={
            key: replace(account, name=masking.mask(account.name), url=masking.mask(account.url))
            for key, account in graph.accounts.items()
        },
        links=tuple(replace(link, because=tuple(map(_starred, link.because))) for link in graph.links),
        common=tuple(
            replace(one, what=masking.contact(one.what)) if one.kind == "contact" else one
            for one in graph.common
        ),
    )


def _starred(because: Because) -> Because:
    return replace(because, what=masking.contact(because.what)) if because.kind == "contact" else because


def _wanted(graph: Graph, order: Order) -> list[Seller]:
    if order.name:
        return [_named(graph, order.name)]
    if order.everybody:
        return list(graph.sellers)
    return [seller for seller in graph.sellers if len(seller.accounts) > 1 or seller.alerted]


def _named(graph: Graph, name: str) -> Seller:
    """The seller of this id, account id, or name of an account. Raises DatabaseTrouble."""
    word = name.strip().casefold()
    if len(word) >= _FEWEST:
        by_id = [
            seller
            for seller in graph.sellers
            if seller.seller_id.startswith(word) or any(a.startswith(word) for a in seller.accounts)
        ]
        if len(by_id) == 1:
            return by_id[0]
    by_name = [
        seller
        for seller in graph.sellers
        if any(_is_called(graph.accounts[account], word) for account in seller.accounts)
    ]
    if len(by_name) > 1:
        ids = ", ".join(seller.seller_id for seller in by_name[:5])
        raise DatabaseTrouble(f"several sellers have an account {name!r}: {ids}")
    if not by_name:
        raise DatabaseTrouble(f"there is no account or seller {name!r}; nightjar sellers --all lists them")
    return by_name[0]


def _is_called(account: Account, word: str) -> bool:
    return word in (account.name.casefold(), f"{account.site}/{account.name}".casefold())


def _only(graph: Graph, sellers: list[Seller]) -> Graph:
    """The part of the graph that these sellers are."""
    kept = {account for seller in sellers for account in seller.accounts}
    return replace(
        graph,
        accounts={key: account for key, account in graph.accounts.items() if key in kept},
        records={key: record for key, record in graph.records.items() if key in kept},
        links=tuple(link for link in graph.links if link.one in kept),
        sellers=tuple(sellers),
    )


def _facts(graph: Graph, sellers: list[Seller], order: Order, *, unmasked: bool) -> dict[str, object]:
    part = _only(graph, sellers)
    return {
        "sellers": sellers,
        "accounts": [
            {**_account_facts(account), "record": part.records[key]} for key, account in part.accounts.items()
        ],
        "links": part.links,
        "common": graph.common,
        "all_accounts": len(graph.accounts),
        "all_sellers": len(graph.sellers),
        "graphml": order.graphml,
        "unmasked": unmasked,
    }


def _account_facts(account: Account) -> dict[str, object]:
    return {"id": account.account_id, "site": account.site, "name": account.name, "url": account.url}


def _print(out: Out, graph: Graph, sellers: list[Seller]) -> None:
    rows = (
        (s.seller_id, len(s.accounts), s.posts, s.alerted, "" if s.tier is Tier.NONE else s.tier.value,
         moment(s.first_at), moment(s.last_at), _names(graph, s))
        for s in sellers[:_SHOWN]
    )  # fmt: skip
    out.table(("seller", "accounts", "posts", "alerted", "tier", "first seen", "last seen", "known as"), rows)
    more = f"; {len(sellers) - _SHOWN} more with --json" if len(sellers) > _SHOWN else ""
    out.say(
        f"{some(len(sellers), 'seller')} of {some(len(graph.accounts), 'account')}, "
        f"{some(len(graph.links), 'link')}{more}",
        style="bold",
    )
    if graph.common:
        top = "; ".join(f"{c.kind} {on_one_line(c.what, 40)} ({c.accounts})" for c in graph.common[:3])
        out.say(f"shown by too many to link anybody: {len(graph.common)}, such as {top}", style="dim")


def _names(graph: Graph, seller: Seller) -> str:
    each = (graph.accounts[account] for account in seller.accounts[:5])
    return on_one_line(", ".join(f"{a.name or '(no name)'} ({a.site})" for a in each), 120)


def _print_seller(out: Out, graph: Graph, seller: Seller) -> None:
    out.say(f"Seller {seller.seller_id}", style="bold")
    loud = (
        f"{seller.alerted} of them alerted, loudest {seller.tier.value}" if seller.alerted else "none alerted"
    )
    out.say(f"  {some(seller.posts, 'post')}, {loud}; {moment(seller.first_at)} to {moment(seller.last_at)}")
    accounts = [(key, graph.accounts[key], graph.records[key]) for key in seller.accounts]
    rows = (
        (key, on_one_line(a.name or "(no name)", 40), a.site, r.posts, r.alerted, r.tier.value,
         moment(r.first_at), on_one_line(a.url, 80))
        for key, a, r in accounts
    )  # fmt: skip
    out.table(("account", "name", "site", "posts", "alerted", "tier", "first seen", "address"), rows)
    kept = set(seller.accounts)
    reasons = (
        (link.one, link.other, because.kind, on_one_line(because.what, 80), *because.evidence)
        for link in graph.links
        if link.one in kept
        for because in link.because
    )
    out.table(("account", "and", "because of", "what", "seen in", "and in"), reasons)
    if len(seller.accounts) == 1:
        out.say("  linked to nobody")
