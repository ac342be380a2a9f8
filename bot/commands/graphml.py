"""A graph of accounts as GraphML, for Gephi, yEd, Cytoscape or networkx.

Format: http://graphml.graphdrawing.org/primer/graphml-primer.html (1.0). Every attribute is
declared by a key; one undirected edge a pair, with all its reasons.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from storage.errors import DiskTrouble
from storage.sellers import Graph

_SPACE = "http://graphml.graphdrawing.org/xmlns"
_SCHEMA = f"{_SPACE} {_SPACE}/1.0/graphml.xsd"
_ACCOUNT: Mapping[str, str] = {
    "label": "string",
    "site": "string",
    "name": "string",
    "url": "string",
    "seller": "string",
    "posts": "int",
    "alerted": "int",
    "tier": "string",
    "first_seen": "string",
    "last_seen": "string",
}
_LINK: Mapping[str, str] = {"kinds": "string", "reasons": "string", "evidence": "string", "weight": "double"}
_WEIGHTS: Mapping[str, float] = {"item": 0.5}
"""Of a reason in the weight of a link: 1, but for the weakest."""
# XML 1.0 can hold none of these, however they are written; sellers can.
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(graph: Graph) -> bytes:
    """The whole graph, UTF-8."""
    root = ET.Element("graphml", {"xmlns": _SPACE})
    root.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    root.set("xsi:schemaLocation", _SCHEMA)
    for of, attributes in (("node", _ACCOUNT), ("edge", _LINK)):
        for name, kind in attributes.items():
            key = {"id": f"{of}_{name}", "for": of, "attr.name": name, "attr.type": kind}
            ET.SubElement(root, "key", key)
    body = ET.SubElement(root, "graph", {"id": "sellers", "edgedefault": "undirected"})
    seller_of = {account: seller.seller_id for seller in graph.sellers for account in seller.accounts}
    for account_id in sorted(graph.accounts):
        account, record = graph.accounts[account_id], graph.records[account_id]
        node = ET.SubElement(body, "node", {"id": account_id})
        told = (account.name or account_id, account.site, account.name, account.url, seller_of[account_id])
        counts = (record.posts, record.alerted, record.tier.value)
        times = (record.first_at.isoformat(), record.last_at.isoformat())
        _data(node, "node", dict(zip(_ACCOUNT, (*told, *counts, *times), strict=True)))
    for number, link in enumerate(graph.links):
        edge = ET.SubElement(body, "edge", {"id": f"e{number}", "source": link.one, "target": link.other})
        kinds = ", ".join(dict.fromkeys(because.kind for because in link.because))
        reasons = "; ".join(f"{because.kind}: {because.what}" for because in link.because)
        evidence = " ".join(dict.fromkeys(e for because in link.because for e in because.evidence))
        told_of = (kinds, reasons, evidence, sum(_WEIGHTS.get(one.kind, 1.0) for one in link.because))
        _data(edge, "edge", dict(zip(_LINK, told_of, strict=True)))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def write(path: Path, graph: Graph) -> None:
    """The document at `path`, whole. Raises DiskTrouble."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(document(graph))
        part.replace(path)
    except OSError as error:
        raise DiskTrouble(f"{path}: {error.strerror}") from error


def _data(parent: ET.Element, of: str, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        ET.SubElement(parent, "data", {"key": f"{of}_{name}"}).text = _UNFIT.sub("\ufffd", str(value))
