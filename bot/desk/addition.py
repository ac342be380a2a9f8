"""A target added from the chat: recognised as `nightjar add` does, written to targets.d/chat.toml.

What only people can say stands in it from the start, since whoever sends the command says it. A
file that would not be read is put back as it was: the watch goes on by what it knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path

from bot.desk.hands import HandsRefused, NewTarget, site_refused
from bot.mistakes import ConfigErrors
from bot.stanza import AUTHORISED_BY, LEGAL_BASIS, REVIEW_AFTER, Recognised, name_for, quoted, stanza
from storage.errors import FeedTrouble
from storage.threads import in_thread

FILE = "chat.toml"


async def add_target(
    wanted: NewTarget,
    *,
    folder: Path,
    taken: tuple[str, ...],
    today: date,
    recognise: Callable[[str], Awaitable[Sequence[Recognised]]],
    settings: Callable[[str], type],
    check: Callable[[], object],
) -> str:
    """Write the target; its name. folder: targets.d. check: reads the whole configuration again.

    Raises HandsRefused when no posts are recognised, or the configuration would not be taken over.
    """
    try:
        ways = await recognise(wanted.url)
    except FeedTrouble as trouble:
        raise site_refused(trouble) from trouble
    if not ways:
        raise HandsRefused("no list of posts was recognised there")
    name = name_for(ways[0].url, taken)
    text = stanza(ways[0], settings(ways[0].kind), today=today, taken=taken)
    for placeholder, said in (
        (LEGAL_BASIS, quoted(wanted.legal_basis)),
        (AUTHORISED_BY, quoted(wanted.authorised_by)),
        (REVIEW_AFTER, wanted.review_after.isoformat()),
    ):
        text = text.replace(quoted(placeholder), said)
    await in_thread(_write, folder / FILE, text, check)
    return name


def _write(path: Path, text: str, check: Callable[[], object]) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else None
        path.write_text(f"{before}\n{text}" if before else text, encoding="utf-8")
    except OSError as error:
        raise HandsRefused(
            "{file} cannot be written: {why}", file=path.name, why=error.strerror or error
        ) from error
    try:
        check()
    except ConfigErrors as errors:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
        raise HandsRefused(
            "the configuration would not be taken over: {why}", why=str(errors)[:400]
        ) from errors
