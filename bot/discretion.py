"""Who sees contacts: starred for everybody, as they are for named officers, and that is logged."""

from __future__ import annotations

import getpass
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.glance import officer
from storage import starred
from storage.errors import NightjarError

if TYPE_CHECKING:
    from storage.casefile import Casefile
    from storage.store import Store

NOTICE = "contacts are starred; officers with that right see them with --unmasked --officer NAME"


class NotAllowedError(NightjarError):
    """Somebody asked for contacts who has no right to see them."""


def allow(config: Path, name: str) -> str:
    """The name of an officer who may see contacts. Raises NotAllowedError, ConfigError."""
    if not name.strip():
        raise NotAllowedError("--unmasked needs --officer NAME: whoever sees contacts is logged")
    found = officer(config, name)
    if found is None:
        raise NotAllowedError(f"--unmasked: {name.strip()[:100]!r} is no [[officer]] of the configuration")
    if not found.sees_contacts:
        raise NotAllowedError(f"--unmasked: a {found.role} does not see contacts")
    return found.name


async def log_view(store: Store, viewer: str, what: str) -> None:
    """Put the look into the log before anything is shown.

    viewer: who sees contacts; "" when they are starred.
    """
    unmasked = "yes" if viewer else "no"
    await store.log_event(
        "view", {"officer": viewer, "account": account(), "what": what, "unmasked": unmasked}
    )


def account() -> str:
    """The name under which the system knows whoever runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def starred_case(case: Casefile) -> Casefile:
    """A case file whose contacts are starred; its manifest, which has them as received, is left out."""
    return replace(starred.starred_case(case), manifest="")
