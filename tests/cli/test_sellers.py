"""`nightjar sellers` over a real store: who is linked, why, what strangers see, and the graph for others."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage import traces
from storage.clock import Clock
from storage.erasure import apply
from storage.model import Judgement, Picture, PictureCapture, PictureRef, Post, Reason, Tier, sha256_of
from storage.retention import Rules
from storage.store import Store
from tests.cli.kept import CONFIG, START, Command, StillClock, answer, snapshot
from tests.fakes.words import verdict
from watchers.linking import RECIPE, Linker, graph

OFFICERS = '\n[[officer]]\nname = "Mei"\nrole = "investigator"\n'
SPACE = "{http://graphml.graphdrawing.org/xmlns}"
TEXT = "Old stock from a private collection, carved by hand, shipping in a plain box, videos on request only"

NEWS = "Customs officers seized forty kilograms of raw tusks at the port last night, hidden in a container"


@dataclass(frozen=True)
class Sale:
    """One post of a night: who, on which site, with what contact and pictures."""

    seller: str
    site: str
    contacts: tuple[str, ...] = ()
    pictures: tuple[bytes, ...] = ()
    text: str = "a bead"
    tier: Tier = Tier.HIGH
    reasons: tuple[Reason, ...] = (Reason(kind="price", what="a price", weight=0.0),)


NIGHT = (
    Sale("moon12", "a.example", contacts=("wechat:moonfox77",)),
    Sale("jin55", "b.example", contacts=("telegram:moonfox77", "phone:+8613800138000")),
    Sale("fox \x00<&>\x1b", "c.example", contacts=("phone:+8613800138000",), tier=Tier.NONE),
    Sale("hai1", "a.example", pictures=(b"one", b"two")),
    Sale("hai2", "b.example", pictures=(b"one", b"two", b"three")),
    Sale("kit1", "a.example", text=TEXT, tier=Tier.NONE),
    Sale("kit2", "c.example", text=TEXT.replace("carved", "made"), tier=Tier.NONE),
    Sale("reader1", "a.example", text=NEWS, tier=Tier.NONE, reasons=()),
    Sale("reader2", "b.example", text=NEWS, tier=Tier.NONE, reasons=()),
    Sale("quiet", "c.example", tier=Tier.NONE),
    Sale("alone", "c.example", pictures=(b"one",)),
    Sale("shop", "d.example", pictures=(b"one",), tier=Tier.NONE),
    Sale("bay1", "a.example", pictures=(b"tusk",)),
    Sale("bay2", "d.example", pictures=(b"tusk",), tier=Tier.URGENT),
)


async def _fill(folder: Path, clock: Clock) -> None:
    store = await Store.open(folder, clock)
    try:
        for number, sale in enumerate(NIGHT):
            await _sell(store, number, sale)
    finally:
        await store.close()


async def _sell(store: Store, number: int, sale: Sale) -> None:
    url = f"https://{sale.site}/{number}"
    refs = tuple(PictureRef(url=f"{url}/{n}.jpg") for n in range(len(sale.pictures)))
    post = Post(post_id=f"p{number}", url=url, title="XJ", text=sale.text, seller=sale.seller, pictures=refs)
    captures = tuple(
        PictureCapture(ref=ref, response=answer(data)) for ref, data in zip(refs, sale.pictures, strict=True)
    )
    sealed = await store.seal(replace(snapshot(replace(post, pictures=())), post=post, pictures=captures))
    hashes = tuple(
        Picture(sha256=sha256_of(data), phash=sha256_of(data)[:16], dhash="0" * 16) for data in sale.pictures
    )
    judged = Judgement(
        evidence=sealed,
        verdict=verdict(sale.tier, contacts=sale.contacts, reasons=sale.reasons),
        pictures=hashes,
        judged_at=START + timedelta(seconds=number),
    )
    await store.record(judged, announce=())


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG + OFFICERS, encoding="utf-8")
    asyncio.run(_fill(tmp_path / "kept", StillClock()))
    return Command(capsys, config)


def _rings(facts: dict[str, list[dict[str, object]]]) -> set[frozenset[str]]:
    names = {a["id"]: str(a["name"]) for a in facts["accounts"]}
    return {frozenset(names[a] for a in s["accounts"]) for s in facts["sellers"]}  # type: ignore[attr-defined]


def test_accounts_are_linked_by_contact_pictures_and_text(run: Command) -> None:
    facts = run("sellers", "--json").facts
    rings = _rings(facts)
    assert {"hai1", "hai2"} in rings
    assert {"kit1", "kit2"} in rings
    assert {"alone"} in rings  # of what a shop that nobody minds shows too
    assert {"bay1", "bay2"} in rings
    assert any({"moon12", "jin55"} < ring and len(ring) == 3 for ring in rings)
    assert not any("quiet" in ring or "reader1" in ring for ring in rings)  # news is copied by anybody
    kinds = {b["kind"] for link in facts["links"] for b in link["because"]}
    assert kinds == {"contact", "pictures", "item", "text"}
    assert all(len(b["evidence"]) == 2 and all(b["evidence"]) for k in facts["links"] for b in k["because"])


def test_all_names_also_quiet_accounts_that_nothing_links(run: Command) -> None:
    assert frozenset({"quiet"}) in _rings(run("sellers", "--all", "--json").facts)


def test_show_tells_one_seller_by_account_and_by_id(run: Command) -> None:
    by_name = run("sellers", "show", "jin55", "--json").facts
    (seller,) = by_name["sellers"]
    assert len(seller["accounts"]) == 3
    by_id = run("sellers", "show", seller["seller_id"], "--json").facts
    assert by_id["sellers"] == by_name["sellers"]
    told = run("sellers", "show", "jin55")
    assert told.code == 0
    assert "because of" in told.out


def test_an_unknown_account_is_an_error_in_one_line(run: Command) -> None:
    told = run("sellers", "show", "nobody")
    assert told.code == 1
    assert "there is no account or seller 'nobody'" in told.err


def test_show_without_a_name_is_wrong_use(run: Command) -> None:
    assert run("sellers", "show").code == 2


def test_contacts_are_starred_but_for_officers_with_that_right(run: Command) -> None:
    assert "13800138000" not in run("sellers", "--json").out
    assert "moonfox77" not in run("sellers").out
    seen = run("sellers", "--json", "--unmasked", "--officer", "Mei")
    assert "13800138000" in seen.out
    assert seen.facts["unmasked"] is True
    assert run("sellers", "--unmasked", "--officer", "Eve").code == 1


def test_the_graph_is_graphml_as_its_readers_want_it(run: Command, tmp_path: Path) -> None:
    path = tmp_path / "ring.graphml"
    facts = run("sellers", "--graphml", str(path), "--json").facts
    nodes, edges = read_graphml(path)
    assert set(nodes) == {a["id"] for a in facts["accounts"]}
    assert {(s, t) for s, t, _ in edges} == {(k["one"], k["other"]) for k in facts["links"]}
    assert {n["seller"] for n in nodes.values()} == {s["seller_id"] for s in facts["sellers"]}
    assert all(values["evidence"] for _, _, values in edges)
    assert {values["kinds"]: float(values["weight"]) for _, _, values in edges} == {
        "contact": 1.0,
        "pictures": 1.0,
        "text": 1.0,
        "item": 0.5,
    }
    (item,) = [values for _, _, values in edges if values["kinds"] == "item"]
    assert item["reasons"].startswith("item: both offer what is on picture ")
    assert "13800138000" not in path.read_text(encoding="utf-8")


def read_graphml(path: Path) -> tuple[dict[str, dict[str, str]], list[tuple[str, str, dict[str, str]]]]:
    """Nodes and edges, after checking what the format demands (graphml-primer 1.0)."""
    root = ET.parse(path).getroot()
    assert root.tag == f"{SPACE}graphml"
    keys = {key.get("id"): key for key in root.findall(f"{SPACE}key")}
    assert len(keys) == len(root.findall(f"{SPACE}key"))
    for key in keys.values():
        assert key.get("for") in ("node", "edge")
        assert key.get("attr.type") in ("boolean", "int", "long", "float", "double", "string")
    (body,) = root.findall(f"{SPACE}graph")
    assert body.get("edgedefault") == "undirected"

    def values(element: ET.Element, of: str) -> dict[str, str]:
        found = {}
        for data in element.findall(f"{SPACE}data"):
            key = keys[data.get("key")]
            assert key.get("for") == of
            if key.get("attr.type") == "int":
                int(data.text or "")
            found[str(key.get("attr.name"))] = data.text or ""
        return found

    nodes = {str(n.get("id")): values(n, "node") for n in body.findall(f"{SPACE}node")}
    edges = [
        (str(e.get("source")), str(e.get("target")), values(e, "edge")) for e in body.findall(f"{SPACE}edge")
    ]
    assert all(source in nodes and target in nodes for source, target, _ in edges)
    return nodes, edges


def test_what_is_kept_as_it_comes_gives_the_same_graph_as_a_rebuild(run: Command, tmp_path: Path) -> None:
    before = run("sellers", "--all", "--json").facts
    folder = tmp_path / "kept"

    async def follow() -> tuple[int, int, int]:
        store = await Store.open(folder, StillClock())
        try:
            linker = Linker(store, StillClock())
            first, second = await linker.catch_up(), await linker.catch_up()
            return first, second, len(await traces.shown(store.vault.database))
        finally:
            await store.close()

    first, second, kept = asyncio.run(follow())
    assert (first, second) == (len(NIGHT), 0)
    assert kept > len(NIGHT)
    assert run("sellers", "--all", "--json").facts == before
    assert run("sellers", "--all", "--rebuild", "--json").facts == before


async def test_looks_judged_after_the_last_taking_in_are_linked_all_the_same(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, StillClock())
    try:
        await _sell(store, 0, NIGHT[0])
        await Linker(store, StillClock()).catch_up()
        await _sell(store, 1, NIGHT[1])
        assert len((await graph(store)).links) == 1
        assert await traces.mark(store.vault.database, RECIPE) >= 0
        assert await traces.mark(store.vault.database, "another recipe") == -1
    finally:
        await store.close()


async def test_what_is_erased_leaves_no_trace_of_its_seller(tmp_path: Path) -> None:
    clock = StillClock()
    store = await Store.open(tmp_path, clock)
    try:
        await _sell(store, 0, replace(NIGHT[0], tier=Tier.NONE))
        await _sell(store, 1, replace(NIGHT[1], tier=Tier.NONE))
        await Linker(store, clock).catch_up()
        assert len(await traces.accounts(store.vault.database)) == 2
        await clock.sleep(timedelta(days=40).total_seconds())
        done = await apply(store, Rules(unmatched_days=30))
        assert done.posts == 2
        assert await traces.shown(store.vault.database) == []
        assert await traces.accounts(store.vault.database) == {}
        assert (await graph(store)).sellers == ()
    finally:
        await store.close()
