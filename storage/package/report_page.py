"""The parts of the report's page: escaped text, two languages side by side, tables, style.

Everything from a stranger is escaped and isolated (`bdi`), so that markup and reversed
writing stay words; characters that could act on a reader's screen become a dot. Nothing
runs and nothing loads: no script, no link, pictures only inside the page itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from html import escape

from storage.codec import stamp

Words = tuple[str, str]
"""The same in English and Chinese."""
Rows = Iterable[tuple[Words, object]]
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\u115f\u1160\u180e\u3164\uffa0\U000e0000-\U000e0fff]"  # letters of no width, which part a word unseen
)
_BEIJING = timedelta(hours=8)
STYLE = """
@page{size:A4;margin:16mm 15mm}
*{box-sizing:border-box}
body{font:14px/1.5 system-ui,"Noto Sans CJK SC","Source Han Sans SC",
 "Microsoft YaHei","PingFang SC",sans-serif;
 color:#1a222c;background:#fff;max-width:62rem;margin:0 auto;padding:2rem 1.2rem 4rem}
[lang=zh]{color:#4a5563;font-weight:400}
h1{font-size:1.75rem;line-height:1.25;margin:.2rem 0 .6rem}
h2{font-size:1.25rem;margin:2.6rem 0 .7rem;padding-bottom:.3rem;border-bottom:2px solid #1a222c}
h3{font-size:1rem;margin:1.3rem 0 .35rem}
h1 [lang=zh],h2 [lang=zh],h3 [lang=zh]{margin-left:.5em;font-size:.88em}
p{margin:.45rem 0}
table{border-collapse:collapse;width:100%;margin:.4rem 0 .9rem;table-layout:fixed}
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem;border:1px solid #d5dae1;overflow-wrap:anywhere}
th{background:#f3f5f8;font-weight:600}
table.facts th{width:15rem}
td [lang=zh],th [lang=zh]{display:block;font-size:.86em}
code,.hash{font:12px/1.45 ui-monospace,"SFMono-Regular",Consolas,"Liberation Mono",monospace}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f7f9;border:1px solid #e3e6eb;padding:.7rem;
 border-radius:4px;font:inherit;margin:.4rem 0 .9rem}
.pictures{display:flex;flex-wrap:wrap;gap:.6rem;margin:.6rem 0}
.pictures figure{margin:0;width:15rem}
.pictures img{max-width:100%;max-height:15rem;border:1px solid #c9ced6;display:block}
.pictures figcaption{font-size:.78rem;color:#57606e;overflow-wrap:anywhere}
.facts-box{border-left:4px solid #2d6a4f;padding-left:1rem}
.inference{border-left:4px solid #b4690e;padding-left:1rem;background:#fffaf2}
.not-proven{border:1px solid #b4690e;padding:.3rem 1rem;border-radius:4px}
.note{color:#57606e;font-size:.9em}
.interval{border:2px solid #1a222c;padding:.5rem 1rem;margin:.6rem 0}
table.list{font-size:.92em}
.form td{height:2.1rem}
.sign td{height:4.4rem}
.tag{display:inline-block;border:1px solid #57606e;border-radius:3px;padding:0 .4rem;font-size:.8rem}
@media screen and (max-width:45rem){
 body{padding:1rem .7rem 3rem}
 table.facts,table.facts tbody,table.facts tr,table.facts th,table.facts td{display:block;width:auto}
 table.facts th{border-bottom:0}
 table.facts td{border-top:0;margin-bottom:.3rem;height:auto;min-height:2.1rem}
 table.list,table.sign{display:block;overflow-x:auto}
 table.list th,table.list td{min-width:8.5rem}
}
@media print{
 body{padding:0;max-width:none;font-size:10.5pt}
 h2.new-page{break-before:page}
 h1,h2,h3{break-after:avoid}
 tr,figure,.interval,.not-proven{break-inside:avoid}
 .inference{background:none}
 thead{display:table-header-group}
 code,.hash{font-size:8.5pt}
}
"""
HEAD = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evidence report</title>
<style>{STYLE}</style></head><body>
"""
END = "</body></html>\n"


def safe(text: object) -> str:
    """A stranger's text: escaped, and without what could act on a screen."""
    return escape(_ACTING.sub("·", str(text)))


def own(words: Words) -> str:
    """Words of ours in both languages."""
    english, chinese = words
    if english == chinese:  # a name that a site gave, which nobody translates
        return escape(english)
    return f'{escape(english)} <span lang="zh">{escape(chinese)}</span>'


def heading(level: int, words: Words, *, new_page: bool = False) -> str:
    """A heading in both languages."""
    broken = ' class="new-page"' if new_page else ""
    return f"<h{level}{broken}>{own(words)}</h{level}>\n"


def said(words: Words) -> str:
    """A paragraph in both languages."""
    return f'<p>{escape(words[0])}<br><span lang="zh">{escape(words[1])}</span></p>\n'


def facts(rows: Rows, *, css: str = "facts") -> str:
    """A table of names and values; rows without a value are left out. Values are strangers' text."""
    lines = "".join(
        f"<tr><th>{own(name)}</th><td>{_cell(value)}</td></tr>\n"
        for name, value in rows
        if value not in ("", None)
    )
    return f'<table class="{css}">{lines}</table>\n' if lines else ""


def table(
    columns: Iterable[Words],
    rows: Iterable[Iterable[object]],
    *,
    widths: Iterable[int] = (),
    css: str = "list",
) -> str:
    """A table with a heading row; "" when it is empty. widths: of the columns, percent."""
    cells = ("".join(f"<td>{_cell(value)}</td>" for value in row) for row in rows)
    lines = "".join(f"<tr>{row}</tr>\n" for row in cells)
    head = "".join(f"<th>{own(name)}</th>" for name in columns)
    group = "".join(f'<col style="width:{width}%">' for width in widths)
    body = f"<colgroup>{group}</colgroup><thead><tr>{head}</tr></thead><tbody>{lines}</tbody>"
    return f'<table class="{css}">{body}</table>\n' if lines else ""


class Markup(str):
    """HTML that was made here, from escaped parts."""

    __slots__ = ()


def lines(values: Iterable[object]) -> Markup:
    """Several strangers' texts, each on a line of its own."""
    return Markup("<br>".join(f"<bdi>{safe(value)}</bdi>" for value in values))


def both(words: Words) -> Markup:
    """A value of ours in both languages."""
    return Markup(own(words))


def code(text: object) -> Markup:
    """A hash or other machine's text."""
    return Markup(f'<span class="hash">{safe(text)}</span>')


def when(value: datetime | None) -> str:
    """A time for people: UTC to the microsecond, and Beijing time to the second."""
    if value is None:
        return ""
    beijing = (value + _BEIJING).strftime("%Y-%m-%d %H:%M:%S")
    return f"{stamp(value)} (UTC+8 {beijing})"


def _cell(value: object) -> str:
    return value if isinstance(value, Markup) else f"<bdi>{safe(value)}</bdi>"
