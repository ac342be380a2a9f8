"""Who sees contacts: starred for everybody, as they are for named officers, and that is logged."""

from __future__ import annotations

import getpass
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.glance import officer
from storage import masking
from storage.errors import NightjarError
from storage.model import Post, Verdict

if TYPE_CHECKING:
    from storage.casefile import Casefile, Found
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
    known = case.verdict.contacts if case.verdict is not None else ()
    evidence = replace(case.evidence, post=starred_post(case.evidence.post, known))
    sightings = tuple(replace(s, why=masking.mask(s.why, known)) for s in case.sightings)
    verdict = None if case.verdict is None else starred_verdict(case.verdict)
    return replace(case, evidence=evidence, verdict=verdict, sightings=sightings, manifest="")


def starred_post(post: Post, known: tuple[str, ...]) -> Post:
    """A post whose words are starred; ids and addresses of pages stay."""
    extra = tuple((name, masking.mask(value, known)) for name, value in post.extra)
    pictures = tuple(replace(picture, alt=masking.mask(picture.alt, known)) for picture in post.pictures)
    return replace(
        post,
        title=masking.mask(post.title, known),
        text=masking.mask(post.text, known),
        seller=masking.mask(post.seller, known),
        seller_url=masking.mask(post.seller_url, known),
        price=masking.mask(post.price, known),
        location=masking.mask(post.location, known),
        extra=extra,
        pictures=pictures,
    )


def starred_verdict(verdict: Verdict) -> Verdict:
    """A verdict whose contacts and quotations are starred."""
    known = verdict.contacts
    reasons = tuple(
        replace(
            r,
            what=masking.mask(r.what, known),
            span=masking.mask(r.span, known),
            detail=masking.mask(r.detail, known),
        )
        for r in verdict.reasons
    )
    return replace(verdict, reasons=reasons, contacts=tuple(masking.contact(c) for c in known))


def starred_found(found: Found) -> Found:
    """A hit of a search whose words are starred."""
    return replace(found, title=masking.mask(found.title), seller=masking.mask(found.seller))
