"""Ways in which the real server may differ from what its source suggests: open questions, either answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nightmarket.messenger.texts import units
from nightmarket.messenger.words import Json

_LINK = re.compile(r"(?P<url>https?://\S+)|(?<!\S)(?P<mention>@\w{4,})")


@dataclass(slots=True, kw_only=True)
class Ways:
    """Names as in the answers of the program's live selftest. The defaults are what is believed."""

    same_is_told: bool = True
    failed_edits_count: bool = True
    albums_count_each: bool = True
    channels_as_groups: bool = True
    code_is_quiet: bool = True
    photos_forwarded: bool = True
    names_links: bool = True
    """Whether the answer to a message names the links that were made in it."""

    def found(self, text: str, entities: list[Json]) -> list[Json]:
        """Links that the server makes of bare words, as entities."""
        if not self.names_links:
            return []
        quiet = [e for e in entities if e["type"] in ("code", "pre")] if self.code_is_quiet else []
        made = []
        for match in _LINK.finditer(text):
            begin, length = units(text[: match.start()]), units(match[0])
            if not any(e["offset"] < begin + length and begin < e["offset"] + e["length"] for e in quiet):
                made.append({"type": str(match.lastgroup), "offset": begin, "length": length})
        return made
