"""Where mistakes are collected: turns a fault at a path of a document into a `Mistake`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.mistakes import Mistake, masked, shown
from bot.settings.documents import Document, Path_, as_mistake
from bot.settings.shapes import Fault, dotted

_LONGEST_WHY = 500


class Sift:
    """Collects what is wrong, in one list for all files. `mistakes` gives it in reading order.

    stops: whether any of it keeps the watch from starting, and not only one target.
    """

    def __init__(self) -> None:
        self._found: list[tuple[int, Mistake]] = []
        self.stops = False
        self._order: dict[str, int] = {}

    def document(self, document: Document) -> None:
        """Take note of a file and of what in it is no TOML."""
        self._order.setdefault(document.label, len(self._order))
        if document.unread:
            self._keep(as_mistake(document), stops=True)
        for broken in document.broken:
            self.add(document, (), Fault(path=broken.path, why=broken.why), line=broken.line)

    def add(self, document: Document, at: Path_, fault: Fault, *, line: int = 0, stops: bool = True) -> None:
        """A fault whose path is relative to `at`. Not told when the key stands there unparsed."""
        path = at + fault.path
        if "required" in fault.why and document.unparsed(path):
            return
        table, rest = _table(document, path)
        why = "".join(c if c.isprintable() else " " for c in masked(fault.why)[:_LONGEST_WHY])
        self._keep(
            Mistake(
                why=why,
                file=document.label,
                table=table,
                key=dotted(rest),
                line=line or document.line(path),
                allowed=fault.allowed,
                nearest=fault.nearest,
            ),
            stops=stops,
        )

    def add_all(self, document: Document, at: Path_, faults: Iterable[Fault]) -> None:
        """`add` for each."""
        for fault in faults:
            self.add(document, at, fault)

    def _keep(self, mistake: Mistake, *, stops: bool) -> None:
        self.stops |= stops
        self._found.append((self._order.get(mistake.file, 0), mistake))

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """All of them by file and line, each once."""
        ordered = sorted(self._found, key=lambda entry: (entry[0], entry[1].line, entry[1].key))
        return tuple(dict.fromkeys(mistake for _, mistake in ordered))


def _table(document: Document, path: Path_) -> tuple[str, Path_]:
    """How people call the table around a path, and the path inside it."""
    match path:
        case (("target" | "channel" | "authority" | "officer" | "chat") as kind, int(index), *rest):
            return f"[[{kind}]] #{index + 1}{_named(document, kind, index)}", tuple(rest)
        case ("hosts", str(host), *rest):
            return f"[hosts.{shown(host)}]", tuple(rest)
        case (str(table), *rest) if table in ("nightjar", "hint", "hosts", "retention", "desk", "rota"):
            return f"[{table}]", tuple(rest)
        case _:
            return "", path


def _named(document: Document, kind: str, index: int) -> str:
    tables = document.tables.get(kind)
    table = tables[index] if isinstance(tables, list) and index < len(tables) else tables
    if not isinstance(table, Mapping):
        return ""
    name = table.get("name", table.get("kind") if kind == "channel" else None)
    return f" {shown(name)}" if isinstance(name, str) else ""
