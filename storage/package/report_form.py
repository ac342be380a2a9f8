"""The extraction record form, in English and Chinese, filled in as far as the record goes.

Fields: art. 14 of the joint rules on electronic data in criminal cases (Fa Fa [2016] 22) and
art. 37 of the rules of the Supreme People's Procuratorate on cybercrime cases (2021): network
address, storage path or steps of access, access method, date and time, tools and methods,
attached information, traces and system environment, check value, signatures of two
investigators, of the holder and of a witness, or the reason why there is none with the number
of the video. What only people know stays blank. Pure: values in, HTML out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from storage.model import Observation
from storage.package.layout import MANIFEST, Package
from storage.package.report_page import (
    Markup,
    Words,
    both,
    code,
    facts,
    heading,
    lines,
    own,
    said,
    table,
    when,
)
from storage.package.report_post import manifest_of

_MOST_ADDRESSES = 60
_BLANK = Markup("&nbsp;")


def form(package: Package) -> str:
    """The whole form: what was extracted, and the blank lines for signatures."""
    manifests = [manifest_of(file) for file in package.files]
    title = ("Record of online extraction of electronic data", "电子数据网络在线提取笔录")
    note = (
        (
            "Art. 14, Fa Fa [2016] 22; art. 37, SPP rules on cybercrime cases (2021). Filled in by the "
            "program from its record; blank fields are for the investigators."
        ),
        (
            "依据法发〔2016〕22号第十四条、《人民检察院办理网络犯罪案件规定》（2021）第三十七条。"
            "由程序根据记录填写；空白处由侦查人员填写。"
        ),
    )
    return "".join(
        (
            heading(2, title, new_page=True),
            said(note),
            facts(_case(package), css="facts form"),
            facts(_extraction(package, manifests), css="facts form"),
            facts(_environment(manifests), css="facts form"),
            facts(_integrity(package), css="facts form"),
            _repeatable(package),
            _signatures(),
        )
    )


def _case(package: Package) -> list[tuple[Words, object]]:
    case = package.cases[0] if package.cases else None
    meta = package.meta
    return [
        (("Case number", "案件编号"), meta.case or (case.number if case else "") or _BLANK),
        (("Case", "案由"), (case.title if case else "") or _BLANK),
        (("Legal basis", "法律依据"), meta.legal_basis or (case.legal_basis if case else "") or _BLANK),
        (("Investigating body", "侦查机关"), _BLANK),
        (("Handed over by", "移送人"), meta.officer or _BLANK),
        (("Reason of the hand-over", "移送事由"), meta.why or _BLANK),
    ]


def _extraction(package: Package, manifests: Sequence[dict[str, Any]]) -> list[tuple[Words, object]]:
    exchanges = [e for m in manifests for e in m.get("exchanges", []) if isinstance(e, dict)]
    starts = sorted(str(e["started_at"]) for e in exchanges if e.get("started_at"))
    ends = sorted(str(e["ended_at"]) for e in exchanges if e.get("ended_at"))
    return [
        (("Network addresses", "网络地址"), _addresses(package)),
        (("Watched by authority of", "监测授权依据"), lines(_authorities(package)) or _BLANK),
        (
            ("Storage path, steps of access", "存储路径、进入步骤"),
            both(
                (
                    (
                        "The listing named by the target was requested, then the address of each post found "
                        "in it, then each picture named there; every redirect was recorded. Each step with "
                        "its address, time and answer stands below at its post."
                    ),
                    (
                        "请求监测目标的列表页，再请求其中各帖文的网络地址，再请求其中所示各图片；所有跳转均已记录。"
                        "每一步骤的地址、时间与应答见后文各帖文。"
                    ),
                )
            ),
        ),
        (("Access method", "访问方式"), _method(manifests)),
        (("Extraction begun", "提取开始时间"), when(_read(starts[0])) if starts else ""),
        (("Extraction ended", "提取结束时间"), when(_read(ends[-1])) if ends else ""),
        (("Tools", "提取工具"), lines(_unique(_tool(m) for m in manifests))),
        (
            ("Method", "提取方法"),
            both(
                (
                    (
                        "Bytes are kept as received over the network, named by their SHA-256, before "
                        "anything judges them; a manifest and an entry in an append-only log are made in the "
                        "same transaction."
                    ),
                    (
                        "网络收到的字节按原样保存，以其 SHA-256 命名，先保存后判断；"
                        "同一事务内生成清单并写入只增日志。"
                    ),
                )
            ),
        ),
        (("Pieces extracted", "提取数量"), f"{len(package.files)}, {len(package.originals)} files"),
    ]


def _authorities(package: Package) -> list[str]:
    """Of each target, as its configuration in force said: who allowed the watch, by what law, until when."""
    found = []
    for stanza in package.targets.values():
        told = json.loads(stanza)
        named = (("by", "authorised_by"), ("to be reviewed", "review_after"))
        more = "".join(f"; {word} {told[key]}" for word, key in named if told.get(key))
        found.append(f"{told.get('name', '')}: {told.get('legal_basis', '')}{more}")
    return _unique(found)


def _addresses(package: Package) -> Markup:
    found = list(dict.fromkeys(file.evidence.post.url for file in package.files))
    more = len(found) - _MOST_ADDRESSES
    shown = lines(found[:_MOST_ADDRESSES])
    rest = own((f"and {more} more, each at its post below", f"另有 {more} 个，见后文各帖文"))
    return Markup(f"{shown}<br>{rest}") if more > 0 else shown


def _method(manifests: Iterable[dict[str, Any]]) -> Markup:
    agents: list[str] = []
    for manifest in manifests:
        access = manifest.get("access")
        named = access.get("user_agent") if isinstance(access, dict) else None
        agents += [str(a) for a in named] if isinstance(named, list) else []
    words = own(
        (
            "HTTP GET of public pages, without log-in, cookies or scripts.",
            "以 HTTP GET 访问公开网页，未登录、未使用 Cookie、未执行脚本。",
        )
    )
    return (
        Markup(f"{words}<br>{lines(_unique(f'User-Agent: {a}' for a in agents))}")
        if agents
        else Markup(words)
    )


def _tool(manifest: dict[str, Any]) -> str:
    software = manifest.get("software", {})
    return f"{software.get('name')} {software.get('version')}, Python {software.get('python')}"


def _environment(manifests: Sequence[dict[str, Any]]) -> list[tuple[Words, object]]:
    """Attached information, traces, system environment."""
    told: dict[Words, list[str]] = {}
    for manifest in manifests:
        for name, value in _of_machine(manifest):
            told.setdefault(name, []).append(value)
    rows: list[tuple[Words, object]] = [(name, lines(_unique(values))) for name, values in told.items()]
    attached = (
        (
            "Headers, connection, DNS answer, TLS version, cipher and certificate of each request: below at "
            "each post, and in its manifest.json"
        ),
        "各次请求的报头、连接、DNS 应答、TLS 版本、加密套件与证书：见后文各帖文及其 manifest.json",
    )
    return [*rows, (("Attached information, traces", "附属信息、使用痕迹"), both(attached))]


def _of_machine(manifest: dict[str, Any]) -> Iterable[tuple[Words, str]]:
    software, collection = manifest.get("software", {}), manifest.get("collection", {})
    if system := software.get("system"):
        yield ("System", "操作系统"), str(system)
    if locked := software.get("dependencies_sha256"):
        yield ("SHA-256 of the list of libraries", "程序库清单校验值"), str(locked)
    for key, name in (
        ("host_id", ("Machine", "采集主机标识")),
        ("local_time_zone", ("Local time zone", "本机时区")),
        ("config_sha256", ("SHA-256 of the configuration", "配置校验值")),
        ("operator", ("Operator", "运行单位")),
    ):
        if value := collection.get(key):
            yield name, str(value)
    clock = collection.get("clock")
    if isinstance(clock, dict):
        text = f"{clock.get('source')}; synchronised: {clock.get('synchronised')}"
        yield ("Clock", "时钟来源"), text


def _integrity(package: Package) -> list[tuple[Words, object]]:
    whole = sorted({t.authority for t in package.tokens if t.state == "whole"})
    return [
        (
            ("Check values", "完整性校验值"),
            both(
                (
                    (
                        f"SHA-256 of every file: {MANIFEST} at the top of this package; of each original and "
                        "manifest: below at its post"
                    ),
                    f"所有文件的 SHA-256：见本包顶层 {MANIFEST}；各原件与清单的校验值见后文各帖文",
                )
            ),
        ),
        (("Log: entries and root", "日志条数与根哈希"), code(f"{package.size}  {package.root}")),
        (("Signing key (SHA-256)", "签名密钥指纹 (SHA-256)"), code(package.keys.fingerprint)),
        (
            ("Trusted timestamps (RFC 3161)", "可信时间戳 (RFC 3161)"),
            ", ".join(whole) if whole else both(("none yet: time pending", "暂无（待取得）")),
        ),
        (("Backup media, seal number", "备份介质、封存编号"), _BLANK),
    ]


def _repeatable(package: Package) -> str:
    gone = sum(file.evidence.observation is Observation.MISSING for file in package.files)
    words = (
        (
            f"Can the data be extracted again: of {gone} posts the vanishing was recorded; these cannot be. "
            "No screenshot was taken: pages were kept as received, and no browser was run. Photographs, "
            "video or screenshots made by the investigators:"
        ),
        (
            f"能否再次提取：已记录 {gone} 个帖文消失，不能再次提取。"
            "未作屏幕截图：网页按收到的原样保存，未运行浏览器。"
            "侦查人员另行拍照、录像、截屏："
        ),
    )
    changes = (
        (
            "Additions, deletions, changes to the originals: none. Values of credential headers in our own "
            "requests, if there were any, are blanked and named at the exchange."
        ),
        "对原件的增加、删除、修改：无。本方请求中如有凭证类报头，其值已隐去并注明。",
    )
    return facts(
        [(("Repeatable", "可否再次提取"), both(words)), (("Changes", "增删改情况"), both(changes))],
        css="facts form",
    )


def _signatures() -> str:
    who = (
        ("Investigator 1 (name, number)", "侦查人员一（姓名、证件号）"),
        ("Investigator 2 (name, number)", "侦查人员二（姓名、证件号）"),
        ("Holder or provider, or why none signs", "电子数据持有人（提供人），或无法签名的原因"),
        ("Witness, or why there is none", "见证人，或无见证人的原因"),
        ("Number of the video recording", "录像编号"),
    )
    columns = (("Signature block", "签名栏"), ("Signature", "签名"), ("Date", "日期"))
    rows = ((both(words), _BLANK, _BLANK) for words in who)
    return table(columns, rows, widths=(42, 38, 20), css="sign")


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
