"""The bot's own words and times as whoever reads them has them. Catalogues are gettext .po files.

English stands in the code; `words/LANGUAGE.po` holds the others, read by Babel as they are. Text of
sellers is data for a placeholder and is never translated. Which language: of the officer in his
own chat, of the chat elsewhere, as set by /lang, else as configured. Times are those of local clocks
with their distance from UTC ("02:14+08"), since names of zones such as CST are several; evidence, log
and events stay UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

LANGUAGES: Mapping[str, str] = {"en": "English", "zh-Hans": "简体中文"}
FOLDER = Path(__file__).with_name("words")


class Tongue:
    """Says things in one language, and times in one zone.

    What a catalogue lacks is said in English; a test keeps that empty. zone: an IANA name that was checked.
    """

    def __init__(self, language: str, zone: str = "UTC") -> None:
        self.language = language if language in LANGUAGES else "en"
        self.zone = zone
        self._zone = ZoneInfo(zone)
        self._known = {} if self.language == "en" else catalogue(self.language)

    def __call__(self, text: str, /, **facts: object) -> str:
        """The text with its `{placeholders}` filled in. Raises KeyError for one that is not given."""
        said = self._known.get(text, text)
        return said.format(**facts) if facts else said

    def local(self, at: datetime) -> datetime:
        """An instant (aware) as local clocks show it."""
        return at.astimezone(self._zone)

    def clock(self, at: datetime) -> str:
        """Hours and minutes: 22:30Z, 06:30+08."""
        return self._marked(at, "%H:%M")

    def minute(self, at: datetime) -> str:
        """Month, day, hours and minutes: 03-01 22:30Z, 03-02 06:30+08."""
        return self._marked(at, "%m-%d %H:%M")

    def second(self, at: datetime) -> str:
        """The same with seconds: 03-01 22:30:00Z, 03-02 06:30:00+08."""
        return self._marked(at, "%m-%d %H:%M:%S")

    def _marked(self, at: datetime, form: str) -> str:
        local = self.local(at)
        return f"{local:{form}}{_mark(local.utcoffset() or timedelta())}"


def _mark(offset: timedelta) -> str:
    """How far local clocks are from UTC, as short as ISO 8601 lets it be: Z, +08, -03:30."""
    minutes = int(offset.total_seconds() // 60)
    if not minutes:
        return "Z"
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}" + (f":{rest:02}" if rest else "")


@cache
def tongue(language: str, zone: str = "UTC") -> Tongue:
    """The tongue of a language, with the clocks of a zone; English for a language that is not known."""
    return Tongue(language, zone)


@cache
def catalogue(language: str) -> dict[str, str]:
    """English -> the language, of every message that is translated."""
    from babel.messages.pofile import read_po  # where English is enough it is not needed

    with (FOLDER / f"{language}.po").open("rb") as file:
        found = read_po(file, locale=language.replace("-", "_"))
    return {str(m.id): str(m.string) for m in found if m.id and m.string and not m.fuzzy}
