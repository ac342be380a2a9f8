"""Commands that only look: /status /tonight /case /find /evidence."""

from __future__ import annotations

import re
from collections import Counter

from bot.desk import findings, names
from bot.desk.asides import SIMILAR_BITS
from bot.desk.asking import Around, Asked
from bot.desk.hands import HandsRefused
from bot.desk.reply import Reply, begun, of, plainly
from bot.desk.server import ServerTrouble
from bot.words import plain
from storage import cases, duties, mutes, starred, tonight
from storage.errors import DatabaseTrouble
from storage.finding import Found, find
from storage.observations import full_id

_URL = re.compile(r"https?://\S+")
_NUMBER = re.compile(r"\+?[\d\s().-]{7,20}")
_MOST_TARGETS = 12
_LIMIT = 50


async def status(_asked: Asked, around: Around) -> Reply:
    """How the watch is: targets, troubles, what waits, the log."""
    say, rows = around.say, around.hands.progress()
    healths = Counter(row.health for row in rows)
    troubles = around.hands.troubles()
    head = say("The watch is not well") if troubles else say("The watch is well")
    text = begun().add(head, "bold")
    for trouble in troubles[:5]:
        text.line().add_quiet(plain(trouble, 200))
    text.line().add(say("1 target") if len(rows) == 1 else say("{count} targets", count=len(rows)))
    counted = ", ".join(f"{n} {names.health_word(health, say)}" for health, n in sorted(healths.items()))
    text.add(f": {counted}" if rows else "")
    unwell = [row for row in rows if row.health not in ("ok", "new")]
    for row in unwell[:_MOST_TARGETS]:
        health = names.health_word(row.health, say)
        text.line().add(f"{row.target}: {health} ").add_quiet(plain(row.reason, 120))
    last = max((row.last_good_at for row in rows if row.last_good_at), default=None)
    if last is not None:
        text.line().add(say("last good poll {at}", at=say.minute(last)))
    queues = await tonight.queues(around.store.vault.database)
    for channel, waiting, dead in queues:
        text.line().add(
            say("{channel}: {waiting} waiting, {dead} given up", channel=channel, waiting=waiting, dead=dead)
        )
    size, root = await around.store.root()
    text.line().add(say("log of {size} entries, root {root}", size=size, root=root[:12]))
    return of(text)


async def night(_asked: Asked, around: Around) -> Reply:
    """What this night brought: counts by tier, what nobody took, what mutes kept back."""
    say, database = around.say, around.store.vault.database
    counts = await tonight.counts(database, around.night_began)
    text = begun().add(say("Since {at}", at=say.minute(around.night_began)), "bold")
    tiers = ", ".join(f"{n} {names.tier_word(tier, say)}" for tier, n in counts.alerts.items()) or "0"
    text.line().add(say("alerts: {tiers}", tiers=tiers))
    states = ", ".join(f"{n} {names.state_word(state, say)}" for state, n in counts.states.items()) or "0"
    text.line().add(say("of these: {states}", states=states))
    text.line().add(
        say("{posts} posts captured, {gone} vanished", posts=counts.captured, gone=counts.vanished)
    )
    text.line().add(say("muted: {count}", count=await mutes.held_since(database, around.night_began)))
    waiting = await duties.open_cards(database, around.night_began)
    if waiting:
        text.line().add(say("Nobody has taken:"), "bold")
    for line in await tonight.headlines(around.store, [one.alert_id for one in waiting[:12]]):
        text.line().add(line.alert_id[:12], "code").add(
            f" {say.clock(line.created_at)} {names.loud(line.tier, say)} "
        )
        text.add(plain(line.words, 80), "code")
    return of(text)


async def case(asked: Asked, around: Around) -> Reply:
    """A case by its number, or one piece of evidence by its id or a beginning of it."""
    if not asked.words:
        return plainly(around.say("Which one? /case NUMBER, or /case EVIDENCE"), "no id")
    found = await cases.find(around.store.vault.database, asked.words)
    if found is None:
        return await around.asides.case(
            asked.words.split()[0], asked.officer, around.say, unmasked=around.unmasked(asked)
        )
    await around.asides.log_view(asked.officer, f"case {found.number}", unmasked=False)
    say = around.say
    text = begun().add(say("Case {number}", number=found.number), "bold").add(f" {plain(found.title, 120)}")
    text.line().add(f"{plain(found.legal_basis, 200)} · {plain(found.officer, 60)}")
    text.line().add(
        f"{say.local(found.opened_at):%Y-%m-%d}"
        + (f" – {say.local(found.closed_at):%Y-%m-%d}" if found.closed_at else "")
    )
    if found.held:
        text.line().add(say("on hold: {why}", why=plain(found.hold_why, 120)))
    text.line().add(say("{count} pieces of evidence", count=len(found.evidence)))
    for evidence_id in found.evidence[-20:]:
        text.line().add(evidence_id, "code")
    return of(text, "case")


async def look_up(asked: Asked, around: Around) -> Reply:
    """Evidence by words, telephone number, address of a page, or a picture that came along."""
    if asked.picture:
        return await _by_picture(asked, around)
    words, unmasked = asked.words, around.unmasked(asked)
    if not words:
        return plainly(
            around.say("What is looked for? Words, a number, an address, or send a picture."), "nothing"
        )
    await around.asides.log_view(asked.officer, f"find {words[:200]}", unmasked=unmasked)
    found = await _hits(words, around)
    shown = found if unmasked else tuple(starred.starred_found(one) for one in found)
    return findings.hits(shown, around.say, more=len(found) == _LIMIT)


async def _hits(words: str, around: Around) -> tuple[Found, ...]:
    store = around.store
    if _URL.fullmatch(words):
        found: tuple[Found, ...] = ()
        for target, post_id in await tonight.posts_at(store.vault.database, words):
            found += await find(store, target=target, post_id=post_id, limit=_LIMIT)
        return found[:_LIMIT]
    if _NUMBER.fullmatch(words):
        return await find(store, contact=words, limit=_LIMIT)
    return await find(store, text=words, limit=_LIMIT) or await find(store, contact=words, limit=_LIMIT)


async def _by_picture(asked: Asked, around: Around) -> Reply:
    say = around.say
    try:
        data = await around.server.download(asked.picture)
        picture = await around.hands.describe(data)
    except (ServerTrouble, HandsRefused):
        return plainly(say("The picture could not be had or read."), "unreadable picture")
    if not picture.phash:
        return plainly(say("This picture has nothing to compare (too plain, or unreadable)."), "no hash")
    await around.asides.log_view(
        asked.officer, f"find picture {picture.sha256[:16]}", unmasked=around.unmasked(asked)
    )
    near = around.hands.near(picture.phash, SIMILAR_BITS)
    return await around.asides.alike(near, say, unmasked=around.unmasked(asked))


async def evidence(asked: Asked, around: Around) -> Reply:
    """The package of a piece of evidence, as a file, to the officer's own chat."""
    if not asked.words:
        return plainly(around.say("Which one? /evidence ID"), "no id")
    try:
        named = await full_id(around.store.vault.database, asked.words.split()[0])
    except DatabaseTrouble:
        return plainly(around.say("There is no such evidence."), "no such evidence")
    return await around.asides.package(named, asked.officer, around.say)
