"""Case files and hits in whose words contacts are starred: one way for screens, reports and tables.

Every free text of strangers is masked, with the contacts that judging found in any look at
the post. Ids and addresses of pages stay, for without them nothing could be found again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from storage import masking
from storage.model import Alert, Edit, Evidence, Lifetime, Post, Verdict

if TYPE_CHECKING:
    from storage.dossier import Casefile
    from storage.finding import Found


_MOST_TOLD = 4_000
"""Characters of a text that are read for an alert; an event shows half of them."""


def shown_to_all(cases: Iterable[Casefile], *, unmasked: bool) -> tuple[Casefile, ...]:
    """Case files as a package shows them beside the originals: starred, unless asked for as found."""
    return tuple(case if unmasked else starred_case(case) for case in cases)


def starred_case(case: Casefile) -> Casefile:
    """A case file in whose words contacts are starred; its manifest stays as it was sealed."""
    known = case.contacts
    return replace(
        case,
        evidence=starred_evidence(case.evidence, known),
        verdict=None if case.verdict is None else starred_verdict(case.verdict, known),
        sightings=tuple(
            replace(s, why=masking.mask(s.why, known), control=masking.mask_known(s.control, known))
            for s in case.sightings
        ),
        lifetime=None if case.lifetime is None else starred_life(case.lifetime, known),
        told=tuple(replace(t, why=masking.mask_known(t.why, known)) for t in case.told),
        edit=None if case.edit is None else starred_edit(case.edit, known),
        contacts=tuple(masking.contact(c) for c in known),
        earlier_verdict=None
        if case.earlier_verdict is None
        else replace(case.earlier_verdict, verdict=starred_verdict(case.earlier_verdict.verdict, known)),
    )


def starred_alert(alert: Alert) -> Alert:
    """An alert as cards and events show it; what judging found in its own look is known."""
    known = () if alert.verdict is None else alert.verdict.contacts
    evidence = alert.evidence
    if evidence is not None:  # cards are made on the loop: what none shows is not read
        evidence = replace(evidence, post=replace(evidence.post, text=evidence.post.text[:_MOST_TOLD]))
    return replace(
        alert,
        evidence=None if evidence is None else starred_evidence(evidence, known),
        verdict=None if alert.verdict is None else starred_verdict(alert.verdict, known),
        lifetime=None if alert.lifetime is None else starred_life(alert.lifetime, known),
        edit=None if alert.edit is None else starred_edit(alert.edit, known),
    )


def starred_edit(edit: Edit, known: tuple[str, ...]) -> Edit:
    """An edit whose words are starred, with the contacts of the look before too."""
    shown = partial(masking.mask, known=(*known, *edit.contacts))
    changes = tuple(replace(c, before=shown(c.before), after=shown(c.after)) for c in edit.changes)
    return replace(edit, changes=changes, contacts=tuple(masking.contact(c) for c in edit.contacts))


def starred_evidence(evidence: Evidence, known: tuple[str, ...]) -> Evidence:
    """Evidence whose words are starred; hashes, ids and times stay."""
    absences = tuple(masking.mask(absence, known) for absence in evidence.absences)
    return replace(evidence, post=starred_post(evidence.post, known), absences=absences)


def starred_life(life: Lifetime, known: tuple[str, ...]) -> Lifetime:
    """A lifetime whose words are starred."""
    return replace(life, control=masking.mask_known(life.control, known))


def starred_post(post: Post, known: tuple[str, ...]) -> Post:
    """A post whose words are starred; ids and addresses of pages stay."""
    shown = partial(masking.mask, known=known)
    return replace(
        post,
        title=shown(post.title),
        text=shown(post.text),
        seller=shown(post.seller),
        seller_url=shown(post.seller_url),
        price=shown(post.price),
        location=shown(post.location),
        posted_raw=shown(post.posted_raw),
        extra=tuple((shown(name), shown(value)) for name, value in post.extra),
        pictures=tuple(replace(picture, alt=shown(picture.alt)) for picture in post.pictures),
    )


def starred_verdict(verdict: Verdict, known: tuple[str, ...]) -> Verdict:
    """A verdict whose contacts and quotations are starred; the program's own words stay."""
    reasons = tuple(
        replace(
            r,
            what=masking.mask_known(r.what, known),
            span=masking.mask(r.span, known),
            detail=masking.mask(r.detail, known),
        )
        for r in verdict.reasons
    )
    return replace(verdict, reasons=reasons, contacts=tuple(masking.contact(c) for c in verdict.contacts))


def starred_found(found: Found) -> Found:
    """A hit of a search whose words are starred, with the contacts of every look at the post."""
    known = found.contacts
    return replace(
        found,
        title=masking.mask(found.title, known),
        seller=masking.mask(found.seller, known),
        contacts=tuple(masking.contact(c) for c in known),
    )
