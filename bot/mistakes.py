"""Mistakes of an admin: what they are, how they read, which name was probably meant.

Every reader of the configuration collects `Mistake`s and goes on, so that one run
names them all. A mistake never quotes a value that could be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from storage.errors import ConfigError

_TOKENS = re.compile(
    r"\d{6,12}:[A-Za-z0-9_-]{30,}"  # Telegram bot token
    r"|(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:xox[abprs]-|gh[pousr]_|glpat-|sk-|AKIA)[A-Za-z0-9_-]{12,}"
)
_LONGEST_SHOWN = 60
_URL_LOGIN = re.compile(r"(?<=://)[^/?#@\s]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake: where (file, table, key, line) and what to do about it.

    file: relative to the folder of config.toml. table: `[[target]] #3 "market"`.
    key: dotted inside the table, "" for the table itself. line: 1-based, 0 unknown.
    allowed: what may stand there. nearest: the correct name that was probably meant.
    """

    why: str
    file: str = ""
    table: str = ""
    key: str = ""
    line: int = 0
    allowed: str = ""
    nearest: str = ""

    def __str__(self) -> str:
        """One line for people, the file first."""
        return f"{self.file}: {self.told()}" if self.file else self.told()

    def told(self) -> str:
        """The line without its file: table, key, why, what is allowed, the nearest name."""
        where = "".join(f"{part}: " for part in (self.table, self.key) if part)
        meant = f' (did you mean "{self.nearest}"?)' if self.nearest else ""
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        line = f" (line {self.line})" if self.line else ""
        return f"{where}{self.why}{meant}{allowed}{line}"

    def facts(self) -> dict[str, object]:
        """The same for machines, as `check --json` prints it; `allowed` stands there whenever it is known."""
        allowed = self.allowed or (self.why.removeprefix("must be ") if self.why.startswith("must ") else "")
        return asdict(self) | {"allowed": allowed, "message": str(self)}


class ConfigErrors(ConfigError):
    """Every mistake of every file of a configuration. Attribute: mistakes."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        first = mistakes[0]
        super().__init__(first.why, file=first.file, table=first.table, key=first.key)
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        """All mistakes, one a line."""
        return "\n".join(str(mistake) for mistake in self.mistakes)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name most like `word`, or "" when none is close. Case does not matter."""
    names = {name.casefold(): name for name in known}
    folded = word[:80].casefold()
    if folded in names:
        return names[folded]
    squeezed = {re.sub(r"[-_ ]", "", name): name for name in names.values()}
    if (same := squeezed.get(re.sub(r"[-_ ]", "", folded))) is not None:
        return same
    found = difflib.get_close_matches(folded, list(names), n=1, cutoff=0.6)
    return names[found[0]] if found else ""


def is_secret(text: str) -> bool:
    """True when a text holds what looks like a token, key or log-in of some service."""
    return _TOKENS.search(text) is not None


def masked(text: str) -> str:
    """`text` with everything that looks like a token or a log-in in an address hidden."""
    return _URL_LOGIN.sub("***@", _TOKENS.sub("***", text))


def shown(value: object) -> str:
    """A value as it may be repeated in a message: short, on one line, nothing secret."""
    text = masked(str(value))
    clean = "".join(c if c.isprintable() else "?" for c in text[:_LONGEST_SHOWN])
    return f'"{clean}…"' if len(text) > _LONGEST_SHOWN else f'"{clean}"'
