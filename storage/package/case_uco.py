"""The package as CASE/UCO JSON-LD (caseontology.org 1.4, UCO 1.4): for case management programs.

An export only, never the primary form. Each look is an InvestigativeAction of this program on
the post's address; its result is a ProvenanceRecord (its exhibit number is the evidence id) of
the files received, each with ContentDataFacet and SHA-256. Facts only: no verdict stands here.
Names end in version 5 UUIDs, so the same evidence has the same names in every export.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

from storage.codec import stamp
from storage.dossier import Casefile, File
from storage.model import Lifetime, Observation
from storage.package.layout import CASE_UCO, EVIDENCE, Package
from storage.package.report_post import manifest_of

Node = dict[str, object]
_UCO = "https://ontology.unifiedcyberontology.org/uco/"
_CONTEXT = {
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "uco-action": f"{_UCO}action/",
    "uco-core": f"{_UCO}core/",
    "uco-observable": f"{_UCO}observable/",
    "uco-tool": f"{_UCO}tool/",
    "uco-types": f"{_UCO}types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_NAMES = uuid.UUID("6f0d2a3c-6a0b-5d0e-9c55-6e696768746a")
_LOOKS = {
    Observation.SEEN: "captured a post",
    Observation.CHANGED: "captured a changed post",
    Observation.REAPPEARED: "captured a post that had come back",
    Observation.MISSING: "observed that a post is missing",
}


def write_case(work: Path, package: Package) -> None:
    """Write `data/case/case.jsonld`. Raises OSError."""
    path = work / CASE_UCO
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"@context": {**_CONTEXT, "kb": f"urn:nightjar:{package.origin}:"}, "@graph": graph(package)}
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", errors="replace")


def graph(package: Package) -> list[Node]:
    """Every node of the package."""
    nodes: dict[str, Node] = {}
    for file in package.files:
        for node in _look(file, package):
            nodes.setdefault(str(node["@id"]), node)
    investigation = _investigation(package, list(nodes))
    return [investigation, *nodes.values()]


def _investigation(package: Package, names: list[str]) -> Node:
    meta = package.meta
    title = ", ".join(f"{case.number}: {case.title}" for case in package.cases) or meta.case or "export"
    told = (("legal basis", meta.legal_basis), ("exported by", meta.officer), ("why", meta.why))
    words = "; ".join(f"{name}: {value}" for name, value in told if value)
    return {
        "@id": _named("Investigation", package.origin, stamp(meta.exported_at)),
        "@type": "case-investigation:Investigation",
        "uco-core:name": title,
        "uco-core:description": words or "no further facts were given",
        "case-investigation:investigationForm": "case",
        "uco-core:object": [{"@id": name} for name in names],
    }


def _look(file: Casefile, package: Package) -> Iterator[Node]:
    """The nodes of one look: tool, address, files, record, action."""
    evidence = file.evidence
    tool, address = _tool(file), _address(evidence.post.url)
    files = [_file(f, file, package) for f in file.files]
    record: Node = {
        "@id": _named("ProvenanceRecord", evidence.evidence_id),
        "@type": "case-investigation:ProvenanceRecord",
        "uco-core:description": _described(file),
        "uco-core:objectCreatedTime": _time(stamp(evidence.sealed_at)),
        "case-investigation:exhibitNumber": evidence.evidence_id,
        "uco-core:object": _links(files),
    }
    started, ended = _span(file)
    action: Node = {
        "@id": _named("InvestigativeAction", evidence.evidence_id),
        "@type": "case-investigation:InvestigativeAction",
        "uco-core:name": _LOOKS[evidence.observation],
        "uco-core:description": f"target {evidence.target}, post {evidence.post.post_id}",
        "uco-action:startTime": _time(started),
        "uco-action:endTime": _time(ended),
        "uco-action:instrument": {"@id": tool["@id"]},
        "uco-action:object": {"@id": address["@id"]},
        "uco-action:result": _links([record, *files]),
    }
    yield from (tool, address, *files, record, action)


def _described(file: Casefile) -> str:
    evidence = file.evidence
    words = (
        f"Log entry {evidence.leaf_index}, leaf hash {file.leaf_hash}, manifest {evidence.manifest_sha256}."
    )
    life = file.lifetime
    gone = evidence.observation is Observation.MISSING
    return f"{words} {_interval(life)}" if gone and life is not None else words


def _interval(life: Lifetime) -> str:
    if life.first_missing_at is None:
        return f"Last seen at {stamp(life.last_seen_at)}."
    return (
        f"The post vanished between {stamp(life.last_seen_at)} and {stamp(life.first_missing_at)} "
        f"({life.missing_class}), {life.confirmations} confirmations; control: {life.control or 'none'}."
    )


def _span(file: Casefile) -> tuple[str, str]:
    """First start and last end of the exchanges; the capture's own time when none was kept."""
    exchanges = [e for e in manifest_of(file).get("exchanges", []) if isinstance(e, dict)]
    starts = sorted(str(e["started_at"]) for e in exchanges if e.get("started_at"))
    ends = sorted(str(e["ended_at"]) for e in exchanges if e.get("ended_at"))
    at = stamp(file.evidence.captured_at)
    return (starts[0] if starts else at, ends[-1] if ends else at)


def _tool(file: Casefile) -> Node:
    software = manifest_of(file).get("software", {})
    name, version = str(software.get("name", "nightjar-watch")), str(software.get("version", ""))
    return {
        "@id": _named("Tool", name, version),
        "@type": "uco-tool:Tool",
        "uco-core:name": name,
        "uco-tool:toolType": "Extraction",
        "uco-tool:version": version or "not known",
    }


def _address(url: str) -> Node:
    return {
        "@id": _named("URL", url),
        "@type": "uco-observable:URL",
        "uco-core:hasFacet": {
            "@id": _named("URLFacet", url),
            "@type": "uco-observable:URLFacet",
            "uco-observable:fullValue": url,
        },
    }


def _file(kept: File, file: Casefile, package: Package) -> Node:
    evidence_id = file.evidence.evidence_id
    original = package.originals.get(kept.sha256)
    path = original.path if original is not None else f"{EVIDENCE}/{evidence_id}/manifest.json"
    sha256 = kept.sha256
    return {
        "@id": _named("File", sha256),
        "@type": "uco-observable:File",
        "uco-core:hasFacet": [
            {
                "@id": _named("FileFacet", sha256),
                "@type": "uco-observable:FileFacet",
                "uco-observable:fileName": path.rpartition("/")[2],
                "uco-observable:filePath": path,
                "uco-observable:sizeInBytes": kept.size_bytes,
            },
            {
                "@id": _named("ContentDataFacet", sha256),
                "@type": "uco-observable:ContentDataFacet",
                "uco-observable:sizeInBytes": kept.size_bytes,
                "uco-observable:hash": {
                    "@id": _named("Hash", sha256),
                    "@type": "uco-types:Hash",
                    "uco-types:hashMethod": "SHA256",
                    "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": sha256},
                },
            },
        ],
    }


def _links(nodes: list[Node]) -> list[Node]:
    return [{"@id": name} for name in dict.fromkeys(str(node["@id"]) for node in nodes)]


def _named(kind: str, *parts: str) -> str:
    """A name that is the same for the same thing."""
    return f"kb:{kind}-{uuid.uuid5(_NAMES, chr(0).join((kind, *parts)).encode('utf-8', 'replace').decode())}"


def _time(text: str) -> Node:
    return {"@type": "xsd:dateTime", "@value": text}
