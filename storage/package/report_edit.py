"""What an edit changed, in the report: old beside new, around the first difference.

A reading aid: both texts stand whole in the manifests of the two looks. Pure: values in, HTML out.
"""

from __future__ import annotations

from collections.abc import Mapping

from storage.dossier import Casefile
from storage.edits import MOST_SHOWN, shortened
from storage.model import Change, Observation
from storage.package.report_page import Markup, Words, both, code, facts, own, safe, said, table

_FIELDS: Mapping[str, Words] = {
    "title": ("title", "标题"),
    "price": ("price", "价格"),
    "pictures": ("pictures", "图片"),
    "text": ("text", "正文"),
    "seller": ("seller", "发布者"),
    "seller's page": ("seller's page", "发布者主页"),
    "place": ("place", "地点"),
}
_COUNTED: Mapping[str, str] = {
    "added": "新增",
    "removed": "移除",
    "with other bytes": "内容不同",
    "had only now": "此次才取得",
    "not had this time": "此次未取得",
}
_SAME = ("differs where it is starred", "差异处已遮蔽")


def changed(file: Casefile) -> str:
    """The changes of a changed look; "" for other looks."""
    if file.evidence.observation is not Observation.CHANGED:
        return ""
    if file.edit is None:
        return said(("What it said before is no longer kept.", "变更前的内容已不再保存。"))
    since = facts([(("Changed since", "相对变更前的证据"), code(file.edit.previous))])
    if not file.edit.changes:
        return since + said(
            (
                "Nothing differs in title, price, pictures, text, seller or place.",
                "标题、价格、图片、正文、发布者与地点均无差异。",
            )
        )
    columns = (("Changed", "变更项"), ("Before", "变更前"), ("After", "变更后"))
    return since + table(columns, map(_row, file.edit.changes), widths=(16, 42, 42))


def _row(change: Change) -> tuple[object, ...]:
    name = both(_FIELDS[change.what])
    if change.counts:
        english = ", ".join(f"{count} {word}" for word, count in change.counts)
        chinese = "，".join(f"{_COUNTED[word]} {count}" for word, count in change.counts)
        return name, "", both((english, chinese))
    before, after = shortened(change, MOST_SHOWN)
    if before == after:  # the stars hide the difference
        return name, before, Markup(f"<bdi>{safe(after)}</bdi><br>{own(_SAME)}")
    return name, before, after
