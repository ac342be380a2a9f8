"""One post in the report: what was received, how long it was up, what was concluded, what is not proven.

Facts and inference stand in boxes of their own. A deletion is an interval between two dated
looks, never an instant. Pure: values in, HTML out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from storage.dossier import Casefile
from storage.doubted import Doubted
from storage.model import Lifetime, Observation, Sighting
from storage.package.report_doubted import uncounted
from storage.package.report_edit import changed
from storage.package.report_page import (
    Markup,
    Words,
    both,
    code,
    facts,
    heading,
    lines,
    own,
    safe,
    said,
    table,
    when,
)

_MOST_LOOKS = 400
_THUMBNAIL = ("working thumbnail of", "工作缩略图，原件")
_LOOKS: Mapping[Observation, Words] = {
    Observation.SEEN: ("seen for the first time", "首次发现"),
    Observation.CHANGED: ("changed", "内容变更"),
    Observation.REAPPEARED: ("reappeared", "再次出现"),
    Observation.MISSING: ("missing: the site says it is gone", "已消失（网站应答表明已不存在）"),
}
_PRESENCE: Mapping[str, Words] = {
    "alive": ("up", "在线"),
    "410": ("410 Gone", "410 已删除"),
    "404": ("404 Not Found", "404 未找到"),
    "soft404": ("the page says it does not exist", "页面提示不存在"),
    "skipped": ("not in the listing between its neighbours", "列表中前后帖文仍在，该帖已无"),
    "off-feed": ("no longer in the listing", "不在列表中"),
    "login-wall": ("log-in asked: proves nothing", "要求登录（不能证明）"),
    "blocked": ("refused: proves nothing", "被拒绝访问（不能证明）"),
    "host-down": ("host did not answer: proves nothing", "主机无应答（不能证明）"),
    "unknown": ("not understood: proves nothing", "无法判断（不能证明）"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown beside the words. thumbs: JPEG by SHA-256."""

    thumbs: Mapping[str, bytes]


def manifest_of(file: Casefile) -> dict[str, Any]:
    """The manifest as a dict; {} when it cannot be read."""
    try:
        read = json.loads(file.manifest)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def post(number: int, looks: Sequence[Casefile], names: Mapping[str, str], view: View) -> str:
    """A post with all its exported looks, oldest first. names: path in the package by SHA-256."""
    first = looks[0]
    title = first.evidence.post.title or first.evidence.post.post_id
    parts = [
        f'<h2 class="new-page">{number}. <bdi>{safe(title)}</bdi></h2>\n',
        _life(looks[-1]),
        '<div class="facts-box">',
        heading(3, ("Received", "收到的内容")),
        *(_look(file, names, view) for file in looks),
        "</div>",
        _conclusions(looks),
        _not_proven(looks),
    ]
    return "".join(parts)


# --- life -------------------------------------------------------------------------------


def _life(latest: Casefile) -> str:
    life = latest.lifetime
    parts = [heading(3, ("Life-cycle", "存续过程"))]
    if life is not None:
        parts.append(_interval(life, latest.doubted))
    parts.append(
        table(
            (("Look", "观察"), ("Captured", "采集时间"), ("Evidence", "证据编号"), ("Log entry", "日志序号")),
            (
                (both(_LOOKS[k.observation]), when(k.captured_at), code(k.evidence_id), k.leaf_index)
                for k in latest.chain
            ),
            widths=(24, 30, 36, 10),
        )
    )
    if latest.sightings:
        parts.append(_sightings(latest))
    return "".join(parts)


def _interval(life: Lifetime, doubted: Sequence[Doubted]) -> str:
    if life.first_missing_at is None:
        words = ("Up when last seen.", "最后一次观察时仍在线。")
        return said(words) + facts([(("Last seen", "最后可见"), when(life.last_seen_at))])
    width_s = round((life.first_missing_at - life.last_seen_at).total_seconds())
    rows = [
        (("Last seen up", "最后一次可见"), when(life.last_seen_at)),
        (("First seen gone", "首次确认消失"), when(life.first_missing_at)),
        (("Width of the interval", "区间宽度"), f"{width_s} s"),
        (
            ("What the site said", "网站应答"),
            both(_PRESENCE.get(life.missing_class, (life.missing_class,) * 2)),
        ),
        (("Confirmations", "确认次数"), str(life.confirmations)),
        (("Control: alive in the same minute", "对照访问（同一分钟内仍在线）"), life.control or "none"),
        *uncounted(doubted, _PRESENCE),
    ]
    words = (
        "The post vanished between these two instants; at which one in between is not known.",
        "该帖文在以下两个时刻之间消失；区间内的确切时刻不能确定。",
    )
    return f'<div class="interval">{said(words)}{facts(rows)}</div>'


def _sightings(file: Casefile) -> str:
    """Looks that found the same one after the other share a row; all stand in watch.json, one by one."""
    runs = [list(run) for _, run in groupby(file.sightings, key=_found)]
    shown = runs[-_MOST_LOOKS:]
    rows = (
        (_span(run), len(run), both(_PRESENCE[one.presence.value]), one.status or "", one.control, one.why)
        for run in shown
        for one in run[:1]
    )
    columns = (
        ("Looked", "观察时间"),
        ("Looks", "次数"),
        ("Result", "结果"),
        ("Status", "状态码"),
        ("Control", "对照"),
        ("Why", "说明"),
    )
    more = sum(map(len, runs)) - sum(map(len, shown))
    left = (f"{more} earlier looks stand in watch.json", f"另有较早的 {more} 次观察见 watch.json")
    shape = table(columns, rows, widths=(27, 8, 17, 9, 17, 22))
    return heading(3, ("Looks of the watch", "持续观察")) + shape + (said(left) if more else "")


def _found(sighting: Sighting) -> tuple[object, ...]:
    return sighting.presence, sighting.status, sighting.control, sighting.why


def _span(run: Sequence[Sighting]) -> str:
    first, last = when(run[0].looked_at), when(run[-1].looked_at)
    return first if len(run) == 1 else f"{first} – {last}"


# --- received ---------------------------------------------------------------------------


def _look(file: Casefile, names: Mapping[str, str], view: View) -> str:
    evidence, kept = file.evidence, manifest_of(file)
    exchanges = [e for e in kept.get("exchanges", []) if isinstance(e, dict)]
    words = _LOOKS[evidence.observation]
    return "".join(
        (
            f'<h3><span class="tag">{own(words)}</span> {safe(when(evidence.captured_at))}</h3>',
            changed(file),
            _pictures(file, view),
            facts(_said_by_site(file)),
            "" if _is_gone(file) else _text(file),
            facts(_sealed(file)),
            _exchanges(exchanges),
            _files(file, names),
            _absences(evidence.absences),
        )
    )


def _pictures(file: Casefile, view: View) -> str:
    shown = dict.fromkeys(p.sha256 for p in file.evidence.pictures if p.sha256 in view.thumbs)
    figures = "".join(
        f'<figure><img alt="" src="data:image/jpeg;base64,{base64.b64encode(view.thumbs[sha256]).decode()}">'
        f"<figcaption>{own(_THUMBNAIL)} {code(sha256)}</figcaption></figure>"
        for sha256 in shown
    )
    return f'<div class="pictures">{figures}</div>\n' if figures else ""


def _is_gone(file: Casefile) -> bool:
    return file.evidence.observation is Observation.MISSING


def _said_by_site(file: Casefile) -> list[tuple[Words, object]]:
    said_ = file.evidence.post
    rows: list[tuple[Words, str]] = [
        (("Title", "标题"), said_.title),
        (("Post id", "帖文编号"), said_.post_id),
        (("Address", "网络地址"), said_.url),
        (("Seller", "发布者"), " ".join(filter(None, (said_.seller, said_.seller_url)))),
        (("Price", "价格"), said_.price),
        (("Place", "地点"), said_.location),
        (("Posted, as the site says", "网站所示发布时间"), said_.posted_raw),
        *(((name, name), value) for name, value in said_.extra),
    ]
    if _is_gone(file):  # the rest only repeats what was last read
        rows = [row for row in rows if row[0][0] in ("Address", "Post id")]
    return [*rows]


def _text(file: Casefile) -> str:
    text = file.evidence.post.text
    return f"<pre><bdi>{safe(text)}</bdi></pre>\n" if text else ""


def _sealed(file: Casefile) -> list[tuple[Words, object]]:
    evidence = file.evidence
    return [
        (("Evidence", "证据编号"), code(evidence.evidence_id)),
        (("Target", "监测目标"), evidence.target),
        *([(("Listed at", "列表显示时间"), when(evidence.listed_at))] if evidence.was_listed else []),
        (("Captured at", "采集时间"), when(evidence.captured_at)),
        (("Sealed at", "封存时间"), when(evidence.sealed_at)),
        (("SHA-256 of the manifest", "清单校验值 (SHA-256)"), code(evidence.manifest_sha256)),
        (("Log entry and leaf hash", "日志序号与叶哈希"), code(f"{evidence.leaf_index}  {file.leaf_hash}")),
    ]


def _exchanges(exchanges: Sequence[Mapping[str, Any]]) -> str:
    columns = (
        ("What", "内容"),
        ("Request and answer", "请求与应答"),
        ("Connection", "连接"),
        ("Times", "时间"),
    )
    return table(columns, (_exchange(e) for e in exchanges), widths=(23, 28, 28, 21))


def _exchange(e: Mapping[str, Any]) -> tuple[object, ...]:
    hops = [f"→ {h.get('status')} {h.get('location')}" for h in e.get("hops", []) if isinstance(h, dict)]
    asked = [f"GET {e.get('requested_url')}", *hops, f"{e.get('status')} {e.get('reason')} · {e.get('url')}"]
    blanked = ", ".join(map(str, e.get("request_redacted", [])))
    asked += [f"framing {e.get('framing')}"] + ([f"redacted: {blanked}"] if blanked else [])
    asked += [f"not whole: {e['shortfall']}"] if e.get("shortfall") else []
    c = e.get("connection", {})
    dns = c.get("dns", [])
    name = " ".join(map(str, dns)) if isinstance(dns, list) else str(dns)
    tls = " ".join(filter(None, (str(c.get("tls_version", "")), str(c.get("cipher", ""))))) or "no TLS"
    over = [f"peer {c.get('peer') or 'not known'}", f"DNS {name or 'not known'}", tls]
    over += [f"certificate SHA-256 {c['certificate_sha256']}"] if c.get("certificate_sha256") else []
    times = (f"{name_} {e.get(key, '')}" for name_, key in (
        ("start", "started_at"), ("first byte", "first_byte_at"), ("end", "ended_at"),
    ))  # fmt: skip
    body = code(f"SHA-256 {e.get('body_sha256')}") if e.get("body_sha256") else Markup("")
    what = Markup(f"<bdi>{safe(e.get('role', ''))}</bdi><br>{safe(e.get('body_bytes', 0))} bytes<br>{body}")
    return what, lines(asked), lines(over), lines(times)


def _files(file: Casefile, names: Mapping[str, str]) -> str:
    columns = (("File", "文件"), ("Bytes", "字节数"), ("SHA-256 and path", "校验值与路径"))
    rows = (
        (f.role, f.size_bytes, Markup(f"{code(f.sha256)}<br>{code(names.get(f.sha256, 'manifest.json'))}"))
        for f in file.files
    )
    return table(columns, rows, widths=(15, 10, 75))


def _absences(absences: Sequence[str]) -> str:
    return facts([(("Could not be had", "未能取得"), lines(absences))]) if absences else ""


# --- concluded, not proven ---------------------------------------------------------------


def _conclusions(looks: Sequence[Casefile]) -> str:
    judged = [file for file in looks if file.verdict is not None]
    words = ("Concluded by a program: not evidence", "程序推断，非证据")
    parts = ['<div class="inference">', heading(3, words)]
    if not judged:
        parts.append(said(("No verdict.", "无推断。")))
    parts += [_verdict(file) for file in judged]
    return "".join((*parts, "</div>\n"))


def _verdict(file: Casefile) -> str:
    verdict = file.verdict
    assert verdict is not None
    rows: list[tuple[Words, object]] = [
        (("Of look", "针对观察"), code(file.evidence.evidence_id)),
        (("Tier, score", "等级与分值"), f"{verdict.tier.value}, {verdict.score} / 100"),
        (("Lexicon", "词库版本"), verdict.lexicon_version),
        (("Products", "制品"), ", ".join(verdict.products)),
        (("Contacts", "联系方式"), ", ".join(verdict.contacts)),
        (("Judged at", "推断时间"), when(file.judged_at)),
    ]
    reasons = ((r.kind, r.what, r.span, r.detail, f"{r.weight:+g}") for r in verdict.reasons)
    columns = (
        ("Reason", "理由"),
        ("What", "内容"),
        ("In the text", "原文"),
        ("Detail", "细节"),
        ("Weight", "权重"),
    )
    return facts(rows) + table(columns, reasons)


_CHINESE = {
    "That the site": "网站或所示发布者确实发布了这些字节：TLS 不对内容签名。"
    "记录的是：本程序在所示时间、经所示连接收到这些字节。",
    "That the post held": "帖文没有其他内容：只收到所请求的内容；已知缺失部分列于“未能取得”。",
    "That the clock": "本机时钟准确：除另有时间戳证明外，时间均为本机时钟所示。",
    "Fields under post": "“帖文”各字段是对文件的解读；文件本身才是证据。",
}


def _not_proven(looks: Sequence[Casefile]) -> str:
    texts: dict[str, None] = {}
    for file in looks:
        texts |= dict.fromkeys(str(t) for t in manifest_of(file).get("not_proven", []))
    items = "".join(f"<li>{own((text, _chinese(text)))}</li>" for text in texts)
    words = ("What this does not prove", "本记录不能证明的事项")
    return f'<div class="not-proven">{heading(3, words)}<ul>{items}</ul></div>\n' if items else ""


def _chinese(text: str) -> str:
    return next((chinese for start, chinese in _CHINESE.items() if text.startswith(start)), "")
