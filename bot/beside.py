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


async def may_show(
    match: PictureMatch,
    jurisdiction: str,
    store: Store,
    *,
    targets: Iterable[Target],
    channels: Collection[ChannelTable],
    in_gallery: bool,
) -> bool:
    """jurisdiction: of the alert. in_gallery: whether the picture lies in the gallery's folder itself.

    Then it is shown always: whoever has the configuration put it there. Of a shared list the gallery has
    hashes alone, and what has that hash in the store is somebody's post. False where whose post it was is
    not known, or not any more.
    """
    if in_gallery or not any(channel.jurisdictions for channel in channels):
        return True
    try:
        evidence = await store.evidence(match.known)
    except StoreError:
        return False
    return any(one.name == evidence.target and one.jurisdiction == jurisdiction for one in targets)
