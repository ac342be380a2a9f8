"""The bot's own words in the language of whoever reads them. Catalogues are gettext .po files.

English stands in the code; `words/LANGUAGE.po` holds the others, read by Babel as they are. Text of
sellers is data for a placeholder and is never translated. Which language: of the officer in his
own chat, of the chat elsewhere, as set by /lang, else as configured.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES: Mapping[str, str] = {"en": "English", "zh-Hans": "简体中文"}
FOLDER = Path(__file__).with_name("words")


class Tongue:
    """Says things in one language. What a catalogue lacks is said in English; a test keeps that empty."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._known = {} if self.language == "en" else catalogue(self.language)

    def __call__(self, text: str, /, **facts: object) -> str:
        """The text with its `{placeholders}` filled in. Raises KeyError for one that is not given."""
        said = self._known.get(text, text)
        return said.format(**facts) if facts else said


@cache
def tongue(language: str) -> Tongue:
    """The tongue of a language; English for one that is not known."""
    return Tongue(language)


@cache
def catalogue(language: str) -> dict[str, str]:
    """English -> the language, of every message that is translated."""
    from babel.messages.pofile import read_po  # where English is enough it is not needed

    with (FOLDER / f"{language}.po").open("rb") as file:
        found = read_po(file, locale=language.replace("-", "_"))
    return {str(m.id): str(m.string) for m in found if m.id and m.string and not m.fuzzy}
