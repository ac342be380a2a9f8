"""The readable report of a package: one HTML file in English and Chinese that runs and loads nothing.

    cover      whose, why, what, how to check
    form       the extraction record, with blank lines for signatures (report_form.py)
    posts      one after the other (report_post.py)
    time       the tokens over the log

A working document: the originals and manifests are the evidence. Contacts are starred unless
the export was asked for unmasked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from storage.dossier import Casefile
from storage.package.layout import REPORT, Package
from storage.package.report_form import form
from storage.package.report_page import END, HEAD, Words, both, code, facts, heading, said, table, when
from storage.package.report_post import View, post
from storage.package.thumbs import thumbnails
from storage.starred import shown_to_all

MOST_THUMBNAILS = 1_200
"""Pictures shown in one report; every post's first goes before anybody's second."""


def write_report(work: Path, package: Package) -> None:
    """Write `data/report/report.html` of the package in `work`. Raises OSError."""
    posts = by_post(shown_to_all(package.files, unmasked=package.meta.unmasked))
    thumbs = thumbnails(_chosen(work, package, posts))
    view = View(thumbs=thumbs)
    names = {sha256: original.path for sha256, original in package.originals.items()}
    path = work / REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="replace") as file:
        file.write(HEAD)
        file.write(_cover(package, posts))
        file.write(form(package))
        for number, looks in enumerate(posts, 1):
            file.write(post(number, looks, names, view))
        file.write(_time(package))
        file.write(END)


def by_post(files: Iterable[Casefile]) -> list[list[Casefile]]:
    """The looks of each post together, in order of their first look."""
    found: dict[tuple[str, str], list[Casefile]] = {}
    for file in files:
        found.setdefault((file.evidence.target, file.evidence.post.post_id), []).append(file)
    return list(found.values())


def _chosen(work: Path, package: Package, posts: Iterable[Sequence[Casefile]]) -> dict[str, Path]:
    """The pictures to be shown: every first one, then the others, up to the bound."""
    rows = [
        list(dict.fromkeys(p.sha256 for file in looks for p in file.evidence.pictures)) for looks in posts
    ]
    ordered = [names[0] for names in rows if names] + [name for names in rows for name in names[1:]]
    known = [name for name in dict.fromkeys(ordered) if name in package.originals]
    return {str(name): work / package.originals[name].path for name in known[:MOST_THUMBNAILS]}


def _cover(package: Package, posts: Sequence[Sequence[Casefile]]) -> str:
    meta = package.meta
    certified = ("certified by an admin key", "已由管理密钥认证") if package.keys.certificate else (
        "uncertified", "未认证"
    )  # fmt: skip
    cases = ", ".join(f"{case.number}: {case.title}" for case in package.cases)
    rows: list[tuple[Words, object]] = [
        (("Case", "案件"), cases or meta.case),
        (("Legal basis", "法律依据"), meta.legal_basis),
        (("Exported by", "导出人"), meta.officer),
        (("Why", "事由"), meta.why),
        (("Exported at", "导出时间"), when(meta.exported_at)),
        (
            ("Content", "内容"),
            f"{len(posts)} posts, {len(package.files)} looks, {len(package.originals)} files",
        ),
        (("Store", "存储标识"), code(package.origin)),
        (("Log: entries and root", "日志条数与根哈希"), code(f"{package.size}  {package.root}")),
        (("Signing key (SHA-256)", "签名密钥指纹 (SHA-256)"), code(package.keys.fingerprint)),
        (("Key", "密钥"), both(certified)),
    ]
    title = f"<h1>{_title()}</h1>\n"
    return title + facts(rows) + _notes(masked=not meta.unmasked) + _index(posts)


def _title() -> str:
    return 'Evidence report <span lang="zh">电子数据证据报告</span>'


def _notes(*, masked: bool) -> str:
    notes: list[Words] = [
        (
            (
                "This report is a working document for people. The evidence is the files in data/files and "
                "the manifests in data/evidence; check them with: sh verify.sh"
            ),
            (
                "本报告为供阅读的工作文件。证据为 data/files 中的原件与 data/evidence 中的清单。"
                "核验方法：sh verify.sh"
            ),
        ),
        (
            "Times are UTC by the clock of the watching machine, with Beijing time (UTC+8) beside them.",
            "时间为采集主机时钟的 UTC 时间，并附北京时间 (UTC+8)。",
        ),
    ]
    if masked:
        notes.append(
            (
                "Contacts are starred in this report and in the tables. The originals show them.",
                "本报告与各表中的联系方式已用星号遮蔽；原件按收到的原样保存，未作遮蔽。",
            )
        )
    return "".join(said(note) for note in notes)


def _index(posts: Sequence[Sequence[Casefile]]) -> str:
    columns = (
        ("No.", "序号"),
        ("Post", "帖文"),
        ("Target", "目标"),
        ("First captured", "首次采集"),
        ("State", "状态"),
    )
    rows = (
        (
            n,
            looks[0].evidence.post.url,
            looks[0].evidence.target,
            when(looks[0].evidence.captured_at),
            _state(looks),
        )
        for n, looks in enumerate(posts, 1)
    )
    return heading(3, ("Posts", "帖文目录")) + table(columns, rows, widths=(7, 39, 16, 24, 14))


def _state(looks: Sequence[Casefile]) -> object:
    life = looks[-1].lifetime
    if life is None or life.first_missing_at is None:
        return both(("up when last seen", "最后观察时在线"))
    return both(("vanished", "已消失"))


def _time(package: Package) -> str:
    rows = (
        (
            t.authority,
            t.size,
            both(_STATES.get(t.state, (t.state, t.state))),
            when(t.asked_at),
            when(t.received_at),
            t.why,
        )
        for t in package.tokens
    )
    columns = (
        ("Authority", "时间戳机构"),
        ("Log entries covered", "覆盖日志条数"),
        ("State", "状态"),
        ("Asked", "请求时间"),
        ("Received", "收到时间"),
        ("Why", "说明"),
    )
    words = ("Timestamps over the log", "日志时间戳")
    body = table(columns, rows) or said(
        ("No timestamp was asked for, or none has come yet: integrity can be checked, time is pending.",
         "尚未请求或尚未取得时间戳：完整性可核验，时间待证。")
    )  # fmt: skip
    return heading(2, words) + body


_STATES: dict[str, Words] = {
    "whole": ("checked", "已核验"),
    "waiting": ("pending", "待取得"),
    "refused": ("refused", "被拒绝"),
}
