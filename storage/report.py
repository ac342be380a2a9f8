"""The readable page of an export: pure, one HTML text. Nothing in it runs or loads from outside.

Every text from a stranger is escaped and isolated (`bdi`), so that markup and reversed
writing stay words. Facts and inference stand in boxes of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from storage.codec import stamp

if TYPE_CHECKING:
    from storage.dossier import Casefile

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer"><title>Evidence</title>
<style>
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;color:#1c2430}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1,h2{font-weight:600}h2{border-top:2px solid #1c2430;padding-top:.6rem;margin-top:2.5rem}
table{border-collapse:collapse;width:100%;margin:.6rem 0}
th{text-align:left;width:12rem;vertical-align:top;font-weight:500;color:#57606e}
th,td{padding:.2rem .5rem;border-bottom:1px solid #e3e6eb;overflow-wrap:anywhere}code{font-size:.85em}
pre{white-space:pre-wrap;background:#f6f7f9;padding:.8rem;border-radius:6px}
.pictures img{max-height:14rem;max-width:14rem;margin:.2rem;border:1px solid #ccc}
.inference{border-left:4px solid #c77d11;padding-left:1rem}
.facts{border-left:4px solid #2d6a4f;padding-left:1rem}
</style></head><body>
"""


def page(files: Sequence[Casefile], names: Mapping[str, str], head: Mapping[str, object]) -> str:
    """The whole page. names: path in the folder by hash; head: the log when it was exported."""
    parts = [_HEAD, "<h1>Evidence export</h1>", _table(_about(files, head))]
    parts += [_piece(file, names) for file in files]
    return "".join((*parts, "</body></html>\n"))


def _about(files: Sequence[Casefile], head: Mapping[str, object]) -> list[tuple[str, str]]:
    return [
        ("Pieces of evidence", str(len(files))),
        ("Log", f"origin {head['origin']}, {head['size']} entries, root {head['root']}"),
        ("How to check", "README.txt beside this page; sha256sum -c manifest-sha256.txt"),
        ("Times", "UTC, by the clock of the watching machine"),
    ]


def _piece(file: Casefile, names: Mapping[str, str]) -> str:
    evidence = file.evidence
    title = evidence.post.title or evidence.post.post_id
    facts = _table(_facts(file)) + _pictures(file, names) + _text(evidence.post.text)
    return (
        f"<h2><bdi>{_safe(title)}</bdi></h2>"
        f'<div class="facts"><h3>Received</h3>{facts}{_files(file, names)}</div>'
        f'<div class="facts"><h3>Looked at</h3>{_table(_looks(file))}</div>'
        '<div class="inference"><h3>Concluded (by a program, not evidence)</h3>'
        f"{_table(_verdict(file))}</div>"
    )


def _facts(file: Casefile) -> list[tuple[str, str]]:
    evidence, post = file.evidence, file.evidence.post
    rows = [
        ("Evidence", evidence.evidence_id),
        ("Observation", evidence.observation.value),
        ("Target", evidence.target),
        ("Post", post.post_id),
        ("Address", post.url),
        ("Seller", " ".join(filter(None, (post.seller, post.seller_url)))),
        ("Price, place", " ".join(filter(None, (post.price, post.location)))),
        ("Posted, as the site says", post.posted_raw),
        ("Listed at", _time(evidence.listed_at)),
        ("Captured at", _time(evidence.captured_at)),
        ("Sealed at", _time(evidence.sealed_at)),
        ("Manifest", evidence.manifest_sha256),
        ("Log entry", f"{evidence.leaf_index}, leaf hash {file.leaf_hash}"),
    ]
    rows += [(f"{e['role']} came from", _connection(e)) for e in _exchanges(file)]
    rows += [("Not had", absence) for absence in evidence.absences]
    return rows


def _exchanges(file: Casefile) -> list[dict[str, object]]:
    return list(json.loads(file.manifest)["exchanges"]) if file.manifest else []


def _connection(exchange: Mapping[str, object]) -> str:
    connection = exchange["connection"]
    assert isinstance(connection, dict)
    words = (
        f"{exchange['url']} (status {exchange['status']})",
        f"peer {connection['peer'] or 'not known'}",
        f"{connection['tls_version']} {connection['cipher']}".strip() or "no TLS",
        f"asked {exchange['started_at']}, answered {exchange['first_byte_at']}, ended {exchange['ended_at']}",
    )
    return "; ".join(words)


def _pictures(file: Casefile, names: Mapping[str, str]) -> str:
    shown = [names[p.sha256] for p in file.evidence.pictures if p.sha256 in names]
    images = "".join(f'<img src="{escape(name)}" alt="" loading="lazy">' for name in shown)
    return f'<p class="pictures">{images}</p>' if images else ""


def _text(text: str) -> str:
    return f"<pre><bdi>{_safe(text)}</bdi></pre>" if text else ""


def _files(file: Casefile, names: Mapping[str, str]) -> str:
    rows = [(f.role, f"{names.get(f.sha256, f.sha256)} ({f.size_bytes} bytes)") for f in file.files]
    return f"<details><summary>Files</summary>{_table(rows)}</details>"


def _looks(file: Casefile) -> list[tuple[str, str]]:
    rows = [(look.observation.value, f"{_time(look.captured_at)} {look.evidence_id}") for look in file.chain]
    if (life := file.lifetime) is not None:
        rows.append(("Last seen", _time(life.last_seen_at)))
        if life.first_missing_at is not None:
            rows.append(("First missing", f"{_time(life.first_missing_at)} ({life.missing_class})"))
            rows.append(("Confirmed", f"{life.confirmations} looks; control: {life.control or 'none'}"))
    rows += [(f"Look: {s.presence.value}", f"{_time(s.looked_at)} {s.why}".strip()) for s in file.sightings]
    return rows


def _verdict(file: Casefile) -> list[tuple[str, str]]:
    if file.verdict is None:
        return [("Verdict", "none for this look")]
    verdict = file.verdict
    rows = [
        ("Tier, score", f"{verdict.tier.value}, {verdict.score} of 100"),
        ("Lexicon", verdict.lexicon_version),
        ("Products", ", ".join(verdict.products)),
        ("Contacts", ", ".join(verdict.contacts)),
    ]
    rows += [(f"Reason: {r.kind}", f"{r.what} {r.span} {r.detail} ({r.weight:+g})") for r in verdict.reasons]
    if file.item is not None:
        rows.append(("Item", f"{file.item.item_id}, {file.item.members} posts"))
    rows += [(f"Told: {t.kind.value}", f"{t.channel}: {t.state} {_time(t.delivered_at)}") for t in file.told]
    return rows


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (
        f"<tr><th>{_safe(name)}</th><td><bdi>{_safe(value)}</bdi></td></tr>" for name, value in rows if value
    )
    return f"<table>{''.join(lines)}</table>"


def _safe(text: str) -> str:
    """Escaped; control characters that could act on a reader's screen are shown as a dot."""
    return escape("".join(c if c.isprintable() or c in "\n\t " else "·" for c in text))


def _time(value: datetime | None) -> str:
    return "" if value is None else stamp(value)
