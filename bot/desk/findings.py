"""What was found, as an answer in the chat: hits of a search, one piece of evidence, similar pictures.

Words of sellers stand in `code` spans, so nothing in them can be tapped; contacts are starred
unless whoever asks may see them, there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.desk import names
from bot.desk.reasons import why_word
from bot.desk.reply import Reply, begun, of
from bot.desk.tongue import Tongue
from bot.words import Text, plain
from storage.dossier import Casefile
from storage.doubted import Doubted
from storage.duties import Step
from storage.duty import CLOCK
from storage.finding import Found
from storage.model import PictureMatch, Tier

MOST_HITS = 12


def hits(found: Sequence[Found], say: Tongue, *, more: bool = False) -> Reply:
    """Hits of a search, newest first."""
    text = begun()
    if not found:
        return of(text.add(say("Nothing was found.")), "nothing found")
    text.add(say("{count} found", count=f"{len(found)}+" if more else len(found)), "bold")
    for hit in found[:MOST_HITS]:
        _hit(text.line(), hit, say)
    if len(found) > MOST_HITS:
        text.line().add(say("… and {count} more", count=len(found) - MOST_HITS))
    return of(text, "found")


def _hit(text: Text, hit: Found, say: Tongue) -> None:
    text.add(hit.evidence_id[:12], "code").add(f" {say.minute(hit.captured_at)} ")
    if hit.tier is not Tier.NONE:
        text.add(f"{names.loud(hit.tier, say)} {hit.score} ", "bold")
    text.add(f"[{hit.target}] ").add(plain(hit.title, 60) or "—", "code")
    if hit.seller:
        text.add(" · ").add(plain(hit.seller, 30), "code")


def similar(
    matches: Sequence[PictureMatch], titles: Mapping[str, Found], say: Tongue, *, own: str = ""
) -> Reply:
    """Kept pictures that resemble one, the nearest first; each post once. own: the evidence asked about."""
    text = begun()
    nearest: dict[str, PictureMatch] = {}
    for match in matches:
        if match.known != own:
            nearest.setdefault(match.known, match)
    if not nearest:
        return of(text.add(say("No kept picture resembles it.")), "nothing similar")
    text.add(say("Similar pictures"), "bold")
    for known, match in list(nearest.items())[:MOST_HITS]:
        text.line().add(say("{bits} of 64 bits differ", bits=match.distance_bits)).add(": ")
        hit = titles.get(known)
        if hit is None:
            text.add(plain(match.label or known, 60), "code")
        else:
            _hit(text, hit, say)
    return of(text, "similar")


def case(file: Casefile, history: Sequence[Step], say: Tongue) -> Reply:
    """One piece of evidence: facts, then conclusions, then what people did."""
    evidence, post = file.evidence, file.evidence.post
    text = begun().add(say("Evidence"), "bold").add(" ").add(evidence.evidence_id, "code")
    look = names.look_word(evidence.observation.value, say)
    text.line().add(f"[{evidence.target}] {look} {say.minute(evidence.captured_at)}")
    for name, value in (
        (say("offer"), post.title or post.text),
        (say("seller"), post.seller),
        (say("price"), post.price),
        (say("place"), post.location),
    ):
        if value:
            text.line().add(f"{name}: ").add(plain(value, 200), "code")
    text.line().add(f"sha256 {evidence.manifest_sha256[:16]} · ").add(
        say("leaf {leaf}", leaf=evidence.leaf_index)
    )
    if file.verdict is not None:
        text.line().add(f"{names.loud(file.verdict.tier, say)} {file.verdict.score}: ", "bold")
        text.add(plain(", ".join(why_word(reason, say) for reason in file.verdict.reasons), 300))
        if file.verdict.contacts:
            text.line().add(say("contact")).add(": ").add(
                plain(", ".join(file.verdict.contacts), 200), "code"
            )
    if file.lifetime is not None and file.lifetime.first_missing_at is not None:
        between = say(
            "vanished between {first} and {last}",
            first=say.minute(file.lifetime.last_seen_at),
            last=say.minute(file.lifetime.first_missing_at),
        )
        text.line().add(between)
        for doubted in file.doubted[:1]:
            text.line().add(_doubted(doubted, say))
    for step in history:
        text.line().add(plain(_step(step, say), 200))
    return of(text, "case")


def _doubted(one: Doubted, say: Tongue) -> str:
    """Why the first look that found the post gone does not end the interval."""
    looked = say.second(one.looked_at)
    if one.listed_at is None:
        return say("gone at {looked} does not count: no listing without it had been read yet", looked=looked)
    listed = say.second(one.listed_at)
    return say(
        "gone at {looked} does not count: a listing polled at {listed} still showed it",
        looked=looked,
        listed=listed,
    )


def _step(step: Step, say: Tongue) -> str:
    states = dict.fromkeys((names.state_word(step.before, say), names.state_word(step.after, say)))
    actor = say("the clock") if step.actor == CLOCK.name else step.actor
    told = f"{say.minute(step.at)} {actor}: {names.act_word(step.act, say)} ({' → '.join(states)})"
    return f"{told}, {names.reason_word(step.reason, say)}" if step.reason else told
