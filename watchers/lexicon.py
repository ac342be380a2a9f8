"""The lexicon: words that name protected wildlife, and the wording around them.

Read from tab-separated files: the shipped `watchers/lexicon.tsv` first, then the files
an admin names. The format stands in the head of the shipped file. A later file's row
replaces an earlier one of the same term and language; a row of kind "off" takes it back.
Loading gives a new frozen `Lexicon`; nothing here watches files or keeps global state.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from storage.errors import ConfigError

SHIPPED = Path(__file__).with_name("lexicon.tsv")
COLUMNS = ("term", "lang", "kind", "product", "cites", "tier", "source", "negative", "note", "date")
_EARLIER_COLUMNS = COLUMNS[:-1]
"""Files of format 1 had no date; they are still read."""
CITES = ("I", "II", "III", "I/II", "-")
CUES = ("sale", "price", "covert", "buy", "secret")
FILE_MAX_BYTES = 10_000_000

_LANG = re.compile(r"[a-z]{2,8}(-[a-z]{4})?")
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?|-?")
_VERSION = re.compile(r"#\s*version[ :]+(\S{1,40})")


class Kind(StrEnum):
    """What a row is; the shipped file's head says each."""

    NAME = "name"
    CODE = "code"
    JARGON = "jargon"
    COVER = "cover"
    DECOY = "decoy"
    CUE = "cue"
    FORM = "form"
    CONTEXT = "context"
    READING = "reading"
    OFF = "off"

    @property
    def is_wording(self) -> bool:
        """True for rows that hold a list of phrases instead of one term."""
        return self in (Kind.CUE, Kind.FORM, Kind.CONTEXT, Kind.READING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term. tier: 1 unambiguous ... 5 hopeless alone. where: file and line, for people.

    date: of the source, or when the term was taken up; YYYY, YYYY-MM or YYYY-MM-DD.
    negative: phrases that make it harmless when near; classes: context classes that do.
    """

    text: str
    lang: str
    kind: Kind
    products: tuple[str, ...]
    cites: str
    tier: int
    source: str = ""
    negative: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    note: str = ""
    date: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Phrases of one group: a cue ("sale"), a form, a context class ("news") or a syllable ("xiang")."""

    kind: Kind
    group: str
    lang: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lexicon:
    """Everything the detector knows about words. Compared by identity: one load, one lexicon.

    version: the files' own versions, "+", and 12 digits of the SHA-256 over their bytes.
    mistakes: rows that were left out, by file, line and column.
    """

    version: str
    terms: tuple[Term, ...]
    wordings: tuple[Wording, ...]
    mistakes: tuple[ConfigError, ...] = ()

    @classmethod
    def load(cls, paths: Iterable[Path] = ()) -> Self:
        """The shipped lexicon extended by `paths`, in order; rows with a mistake are left out.

        Raises ConfigError for a file that cannot be read or names no columns.
        """
        terms: dict[tuple[str, str], Term] = {}
        wordings: list[Wording] = []
        versions: list[str] = []
        mistakes: list[ConfigError] = []
        digest = hashlib.sha256()
        for path in (SHIPPED, *paths):
            data = _bytes_of(path)
            digest.update(hashlib.sha256(data).digest())
            file = _File(path.name if path == SHIPPED else str(path))
            versions.append(file.read(data, terms, wordings))
            mistakes += file.mistakes
        mistakes += _without_unknown_classes(terms, wordings)
        version = f"{','.join(versions)}+{digest.hexdigest()[:12]}"
        return cls(
            version=version, terms=tuple(terms.values()), wordings=tuple(wordings), mistakes=tuple(mistakes)
        )

    def products(self) -> tuple[str, ...]:
        """Names of all products, sorted."""
        return tuple(sorted({product for term in self.terms for product in term.products}))


class _File:
    """One file being read: collects its mistakes instead of stopping at the first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.mistakes: list[ConfigError] = []
        self._columns: tuple[str, ...] = COLUMNS
        self._seen: dict[tuple[str, str], int] = {}

    def read(self, data: bytes, terms: dict[tuple[str, str], Term], wordings: list[Wording]) -> str:
        """Add the file's rows to `terms` and `wordings`; returns its version.

        Raises ConfigError without a head line.
        """
        version, headed = "0", False
        for number, line in enumerate(self._text(data).split("\n"), start=1):
            row = line.rstrip("\r")
            if row.startswith("#") or not row.strip():
                version = found[1] if (found := _VERSION.match(row)) else version
            elif not headed:
                headed = True
                self._check_head(row, number)
            else:
                self._row(row, number, terms, wordings)
        if not headed:
            raise self._wrong(1, "", f"no head line; the first row must be: {' '.join(COLUMNS)}")
        return version

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self._wrong(line, "", "not UTF-8; save the file as UTF-8") from error

    def _check_head(self, row: str, number: int) -> None:
        found = tuple(cell.strip() for cell in row.split("\t"))
        if found not in (COLUMNS, _EARLIER_COLUMNS):
            why = f"the head line must name the columns {', '.join(COLUMNS)} (tabs between)"
            raise self._wrong(number, "", why)
        self._columns = found

    def _row(
        self, row: str, number: int, terms: dict[tuple[str, str], Term], wordings: list[Wording]
    ) -> None:
        cells = [cell.strip() for cell in row.split("\t")]
        if len(cells) != len(self._columns):
            self._mistake(number, "", f"{len(cells)} columns, must be {len(self._columns)}, tabs between")
            return
        cell = {"date": ""} | dict(zip(self._columns, cells, strict=True))
        kind = self._kind(cell, number)
        if not kind or not self._words_are_sound(cell, kind, number):
            return
        key = (cell["term"].casefold(), cell["lang"])
        if kind.is_wording:
            self._wording(cell, kind, number, wordings)
        elif self._is_new(key, number) and kind is Kind.OFF:
            self._take_back(key, number, terms)
        elif kind is not Kind.OFF and (term := self._term(cell, kind, number)):
            terms[key] = term

    def _kind(self, cell: Mapping[str, str], number: int) -> Kind | None:
        if cell["kind"] in list(Kind):
            return Kind(cell["kind"])
        self._mistake(number, "kind", _not_allowed(cell["kind"], list(Kind)))
        return None

    def _words_are_sound(self, cell: Mapping[str, str], kind: Kind, number: int) -> bool:
        """Term and language, which every row has."""
        sound = True
        if not any(character.isprintable() and not character.isspace() for character in cell["term"]):
            self._mistake(number, "term", "empty")
            sound = False
        if not kind.is_wording and ";" in cell["term"]:
            self._mistake(
                number, "term", "one term a row; lists stand only in cue, form, context and reading rows"
            )
            sound = False
        if not _LANG.fullmatch(cell["lang"]):
            self._mistake(number, "lang", f"{cell['lang']!r} is no language code such as en, zh, zh-latn, vi")
            sound = False
        return sound

    def _is_new(self, key: tuple[str, str], number: int) -> bool:
        before = self._seen.setdefault(key, number)
        if before != number:
            self._mistake(number, "term", f"{key[0]!r} ({key[1]}) stands in line {before} already")
        return before == number

    def _take_back(self, key: tuple[str, str], number: int, terms: dict[tuple[str, str], Term]) -> None:
        if terms.pop(key, None) is None:
            near = difflib.get_close_matches(key[0], [text for text, lang in terms if lang == key[1]], 3)
            hint = f"; nearest: {', '.join(near)}" if near else ""
            self._mistake(number, "term", f"off: no earlier file holds {key[0]!r} ({key[1]}){hint}")

    def _term(self, cell: Mapping[str, str], kind: Kind, number: int) -> Term | None:
        products, told = _list(cell["product"]), len(self.mistakes)
        if not products:
            self._mistake(number, "product", "empty; name what the term stands for, such as ivory")
        if cell["cites"] not in CITES:
            self._mistake(number, "cites", _not_allowed(cell["cites"], CITES))
        if cell["tier"] not in "12345" or len(cell["tier"]) != 1:
            self._mistake(number, "tier", _not_allowed(cell["tier"], "12345"))
        if not _DATE.fullmatch(cell["date"]):
            self._mistake(number, "date", f"{cell['date']!r} is no date: YYYY, YYYY-MM or YYYY-MM-DD")
        if len(self.mistakes) > told:
            return None
        harmless = _list(cell["negative"])
        return Term(
            text=cell["term"],
            lang=cell["lang"],
            kind=kind,
            products=products,
            cites=cell["cites"],
            tier=int(cell["tier"]),
            source=cell["source"],
            negative=tuple(phrase for phrase in harmless if not phrase.startswith("@")),
            classes=tuple(phrase[1:] for phrase in harmless if phrase.startswith("@")),
            note=cell["note"],
            date=cell["date"],
            where=f"{self.name}: line {number}",
        )

    def _wording(self, cell: Mapping[str, str], kind: Kind, number: int, wordings: list[Wording]) -> None:
        group = cell["product"]
        if kind is Kind.CUE and group not in CUES:
            self._mistake(number, "product", _not_allowed(group, CUES))
        elif not re.fullmatch(r"[a-z][a-z-]{1,30}", group):
            self._mistake(number, "product", f"{group!r} is no class name (lower-case letters and hyphens)")
        else:
            phrases = _list(cell["term"])
            wordings.append(Wording(kind=kind, group=group, lang=cell["lang"], phrases=phrases))

    def _mistake(self, number: int, column: str, why: str) -> None:
        self.mistakes.append(self._wrong(number, column, why))

    def _wrong(self, number: int, column: str, why: str) -> ConfigError:
        key = f"column {column}" if column else ""
        return ConfigError(why, file=self.name, table=f"line {number}", key=key)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from error
    if len(data) > FILE_MAX_BYTES:
        raise ConfigError(f"larger than {FILE_MAX_BYTES // 1_000_000} MB", file=str(path))
    return data


def _without_unknown_classes(
    terms: dict[tuple[str, str], Term], wordings: Iterable[Wording]
) -> list[ConfigError]:
    """Every "@class" must have context rows, in any of the files; takes out terms where one has none."""
    known = sorted({wording.group for wording in wordings if wording.kind is Kind.CONTEXT})
    wrong = []
    for key, term in list(terms.items()):
        for name in term.classes:
            if name not in known:
                file, _, line = term.where.partition(": ")
                why = _not_allowed(f"@{name}", [f"@{group}" for group in known])
                wrong.append(ConfigError(why, file=file, table=line, key="column negative"))
                terms.pop(key, None)
    return wrong


def _list(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _not_allowed(found: str, allowed: Iterable[str]) -> str:
    names = [str(name) for name in allowed]
    near = difflib.get_close_matches(found, names, 1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{found!r} is not allowed{hint}; allowed: {', '.join(names)}"
