"""Whether the known picture that a post's resembles may stand beside it on the contact sheet.

Alerts go to the channels of their jurisdiction only, and so do the pictures of a case (docs/legal.md): where
channels are told apart by jurisdictions, a known picture of another's post is not shown. Officers are still
told that there is one, by its evidence's id alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bot.settings.channels import ChannelTable
from storage.errors import StoreError
from storage.model import PictureMatch, Target
from storage.store import Store

GALLERY = "gallery:"


async def may_show(
    match: PictureMatch,
    jurisdiction: str,
    store: Store,
    *,
    targets: Iterable[Target],
    channels: Collection[ChannelTable],
) -> bool:
    """jurisdiction: of the alert. Of the gallery always: whoever has the configuration put it there.

    False where whose post it was is not known any more.
    """
    if match.known.startswith(GALLERY) or not any(channel.jurisdictions for channel in channels):
        return True
    try:
        evidence = await store.evidence(match.known)
    except StoreError:
        return False
    return any(one.name == evidence.target and one.jurisdiction == jurisdiction for one in targets)
